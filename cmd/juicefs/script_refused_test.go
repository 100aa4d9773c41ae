package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"juicefs/meta/all"
	"juicefs/meta/engine"
	"juicefs/meta/record"
	"juicefs/pkg/tests/redistest"
)

// scriptRedis is a server that scripts share, each with a database of its own, so long as there are any.
type scriptRedis struct {
	server   *redistest.Server // without a password; nil: none may be used
	guarded  *redistest.Server // with redisPassword
	sentinel *redistest.Sentinel
	next     atomic.Int64
}

// Passwords of the servers of scripts.
const (
	redisPassword    = "s3/cr@t:x"
	sentinelPassword = "w/tch@er"
)

// startRedis returns a server, or one that no script may use when the tests are to be short.
func startRedis(t *testing.T) *scriptRedis {
	t.Helper()
	if testing.Short() {
		return &scriptRedis{}
	}
	return &scriptRedis{
		server: redistest.Start(t), guarded: redistest.Start(t, "--requirepass", redisPassword),
		sentinel: redistest.StartGuardedSentinel(t, redisPassword, sentinelPassword),
	}
}

// setup gives a script an empty database, REDIS, the address of its server, REDISHOST, and one where there is none, NOREDIS; also databases
// that want passwords: GUARDED, and SENTINEL, whose sentinel wants another one.
func (r *scriptRedis) setup(e *testscript.Env) {
	e.Setenv("NOREDIS", "127.0.0.1:1") // nobody is given this port by chance
	if r.server != nil {
		e.Setenv("REDIS", r.server.URL(int(r.next.Add(1))))
		e.Setenv("REDISHOST", r.server.Addr)
		e.Setenv("GUARDED", r.guarded.URL(int(r.next.Load())))
		e.Setenv("SENTINEL", r.sentinel.URL(int(r.next.Load())))
	}
}

// condition is "redis": there is a server.
func (r *scriptRedis) condition(name string) (bool, error) {
	if name != "redis" {
		return false, fmt.Errorf("unknown condition %s", name)
	}
	return r.server != nil, nil
}

// problem is a line of the log that says why a command ended. Warnings are none.
var problem = regexp.MustCompile(`<(ERROR|FATAL)>: (.*)`)

// refused PATTERN PROGRAM ARGS... runs a command that must exit with 1, say why in one line that matches, and change nothing: not a
// record of the volume at META, and not a file of the script.
func refused(ts *testscript.TestScript, _ bool, args []string) {
	before, err := everything(ts)
	ts.Check(err)
	exits(ts, false, append([]string{"1"}, args[1:]...))
	var lines []string
	for _, m := range problem.FindAllStringSubmatch(ts.ReadFile("stderr"), -1) {
		lines = append(lines, m[2])
	}
	if len(lines) != 1 || !regexp.MustCompile(args[0]).MatchString(lines[0]) {
		ts.Fatalf("what it complains about is %q, want one line that matches %q", lines, args[0])
	}
	after, err := everything(ts)
	ts.Check(err)
	for key, value := range after {
		if old, ok := before[key]; !ok || old != value {
			ts.Fatalf("%s was %q and is %q", key, old, value)
		}
		delete(before, key)
	}
	for key := range before {
		ts.Fatalf("%s is gone", key)
	}
}

// withPassword NAME URL USER sets a variable to a URL with a user and password.
func withPassword(ts *testscript.TestScript, _ bool, args []string) {
	scheme, rest, _ := strings.Cut(args[1], "://")
	ts.Setenv(args[0], scheme+"://"+args[2]+"@"+rest)
}

// occupy ADDRESS listens there until the script ends.
func occupy(ts *testscript.TestScript, _ bool, args []string) {
	l, err := net.Listen("tcp", args[0]) //nolint:noctx // local
	ts.Check(err)
	ts.Defer(func() { _ = l.Close() }) // nobody has connected
}

// everything is what a command could change: the records of the volume at META, and the files of the script by name.
func everything(ts *testscript.TestScript) (map[string]string, error) {
	all := map[string]string{}
	root := ts.Getenv("WORK")
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		// The log of SQLite is there while a database is open.
		if err == nil && !strings.HasSuffix(path, "-wal") && !strings.HasSuffix(path, "-shm") {
			all["file "+path] = d.Type().String()
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	records, err := volumeRecords(context.Background(), ts.Getenv("META"))
	maps.Copy(all, records)
	return all, err
}

// volumeRecords returns all that a database holds: of Redis the keys, with values as it dumps them; of others the records of a volume,
// if there is one.
func volumeRecords(ctx context.Context, metaURL string) (map[string]string, error) {
	if strings.HasPrefix(metaURL, "redis://") {
		return redistest.Snapshot(ctx, metaURL)
	}
	records := map[string]string{}
	eng, err := all.Open(ctx, metaURL, engine.Options{ReadOnly: true})
	if errors.Is(err, engine.ErrNotFormatted) {
		return records, nil
	}
	if err != nil {
		return nil, err
	}
	for _, kind := range record.Kinds() {
		for it, err := range eng.Scan(ctx, engine.Range{Kind: kind, All: true}) {
			if err != nil {
				return nil, errors.Join(err, eng.Close())
			}
			records[it.Key.String()] = string(it.Value)
		}
	}
	return records, eng.Close()
}
