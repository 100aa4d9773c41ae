package faults

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"juicefs/pkg/meter"
	"juicefs/pkg/tests/oracle"
	"juicefs/pkg/tests/redistest"
)

func TestMain(m *testing.M) {
	// Most of them wait: for a gateway that waits for its database.
	if err := flag.Set("test.parallel", "6"); err != nil {
		panic(err)
	}
	os.Exit(oracle.Main(m))
}

const (
	password = "s3cret-of-the-database" // of the database
	poolSize = 4                        // connections that the gateway keeps

	healTime   = time.Minute      // until everything works again after a fault
	settleTime = 2 * time.Minute  // until data of removed objects is gone
	refuseTime = 90 * time.Second // until a request is answered, whatever is broken
)

// world is a gateway on a Redis server behind a proxy.
type world struct {
	t       *testing.T
	redis   *redistest.Server
	proxy   *meter.Proxy
	v       *oracle.Volume
	g       *oracle.Gateway
	s3      *minio.Core
	bucket  string
	metrics string // address
}

// newWorld starts a server with a password and these further arguments, and a gateway on it.
func newWorld(t *testing.T, args ...string) *world {
	t.Helper()
	w := &world{t: t, redis: redistest.Start(t, append([]string{"--requirepass", password}, args...)...)}
	p, err := meter.Start("tcp", w.redis.Addr)
	must(t, err)
	t.Cleanup(func() { must(t, p.Close()) })
	w.proxy = p
	// The pool is always full, so that connections can be counted.
	w.serve(fmt.Sprintf("redis://:%s@%s/1?pool_size=%d&min_idle_conns=%[3]d", password, p.Addr(), poolSize))
	return w
}

// serve formats a volume and starts a gateway on it.
func (w *world) serve(metaURL string) {
	w.t.Helper()
	ours := oracle.Ours(w.t)
	w.v = oracle.Format(w.t, ours, oracle.FormatOptions{Meta: metaURL})
	w.metrics = oracle.FreeAddr(w.t)
	w.g = oracle.Start(w.t, ours, w.v, oracle.GatewayOptions{Flags: []string{
		"--verbose", "--keep-etag", "--object-meta", "--metrics", w.metrics}})
	w.bucket = w.v.Name
	w.t.Cleanup(w.checkSecret)
	w.checkTitle()
	// Connections of clients end with their request, so that they are not counted.
	c, err := minio.NewCore(w.g.Addr, &minio.Options{
		Creds: credentials.NewStaticV4(oracle.User, oracle.Password, ""), Region: oracle.Region,
		Transport: &http.Transport{DisableKeepAlives: true, DisableCompression: true},
	})
	must(w.t, err)
	w.s3 = c
}

// judge stops the gateway and has the real client look at the volume. Blocks of writes of which nobody knew whether they
// happened are kept; gc removes those that nothing refers to.
func (w *world) judge() {
	w.t.Helper()
	w.g.Stop(w.t)
	if g := w.v.GC(w.t, "--delete"); g.Code != 0 {
		w.t.Errorf("gc --delete: %s", g)
	}
	oracle.Judge(w.t, w.v)
}

// settle waits until all data is gone that nothing refers to, but for at most so many blocks and removed files: those of writes
// of which nobody knew whether they had happened have to stay, until gc or the hourly look at removed files finds them.
func (w *world) settle(most int64) {
	w.t.Helper()
	oracle.Poll(w.t, settleTime, func() error {
		d, have := w.v.Dump(w.t), w.v.Blocks(w.t)
		if len(d.Sustained) > 0 || int64(len(d.DelFiles)) > most {
			return fmt.Errorf("sustained inodes %v, deleted files %v, want at most %d of these", d.Sustained, d.DelFiles, most)
		}
		for name := range d.Blocks() {
			if _, ok := have[name]; !ok {
				return fmt.Errorf("block %s is missing", name)
			}
			delete(have, name)
		}
		if int64(len(have)) > most {
			return fmt.Errorf("nothing refers to %d blocks, want at most %d: %v", len(have), most, have)
		}
		return nil
	})
}

// usage is what a gateway holds.
type usage struct{ conns, goroutines int }

// usage counts the connections of the gateway at the servers, and its goroutines.
func (w *world) usage() (u usage, err error) {
	w.t.Helper()
	for line := range strings.Lines(fmt.Sprint(w.redis.Do(w.t, "CLIENT", "LIST"))) {
		if !strings.Contains(line, "cmd=client") { // that is this question
			u.conns++
		}
	}
	ctx, cancel := context.WithTimeout(w.t.Context(), refuseTime)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+w.metrics+"/metrics", nil)
	if err != nil {
		return u, err
	}
	req.Close = true
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return u, err
	}
	defer func() { _ = resp.Body.Close() }() // read, or broken anyway
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return u, err
	}
	w.hasNoSecret("a metric", b)
	m := goroutines.FindSubmatch(b)
	if m == nil {
		return u, fmt.Errorf("no go_goroutines in %d bytes of metrics", len(b))
	}
	u.goroutines, err = strconv.Atoi(string(m[1]))
	return u, err
}

// goroutines finds the number, whatever labels it has.
var goroutines = regexp.MustCompile(`(?m)^\w*go_goroutines(?:\{.*\})? (\d+)$`)

// calm waits until the gateway's usage is the same three times in a row, and returns it.
func (w *world) calm() usage {
	w.t.Helper()
	var last usage
	same := 0
	oracle.Poll(w.t, healTime, func() error {
		u, err := w.usage()
		if err != nil {
			return err
		}
		if u != last {
			last, same = u, 0
		}
		if same++; same < 3 {
			return fmt.Errorf("usage is %+v for the %d. time", u, same)
		}
		return nil
	})
	return last
}

// leaks waits until the gateway holds no more than before.
func (w *world) leaks(before usage) {
	w.t.Helper()
	oracle.Poll(w.t, healTime, func() error {
		u, err := w.usage()
		if err == nil && (u.conns > before.conns || u.goroutines > before.goroutines) {
			err = fmt.Errorf("before: %+v, now: %+v", before, u)
		}
		return err
	})
}

// refused returns how often the server answered with an error of this name.
func (w *world) refused(s *redistest.Server, code string) int {
	w.t.Helper()
	for line := range strings.Lines(fmt.Sprint(s.Do(w.t, "INFO", "errorstats"))) {
		if n, ok := strings.CutPrefix(strings.TrimSpace(line), "errorstat_"+code+":count="); ok {
			count, err := strconv.Atoi(n)
			must(w.t, err)
			return count
		}
	}
	return 0
}

// checkTitle looks at what every user of the machine can see of the gateway.
func (w *world) checkTitle() {
	w.t.Helper()
	for _, name := range []string{"cmdline", "comm", "stat", "status"} {
		b, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(w.g.PID()), name))
		must(w.t, err)
		w.hasNoSecret(name, b)
	}
}

// checkSecret looks for the password in all that the gateway has printed.
func (w *world) checkSecret() {
	w.t.Helper()
	b, err := os.ReadFile(w.g.LogFile())
	must(w.t, err)
	w.hasNoSecret("the log", b)
	if !bytes.Contains(b, []byte("redis://:****@")) && !bytes.Contains(b, []byte("redis://boss,")) {
		w.t.Errorf("the log does not show the address without its password:\n%s", b)
	}
}

func (w *world) hasNoSecret(what string, b []byte) {
	w.t.Helper()
	if i := bytes.Index(b, []byte(password)); i >= 0 {
		w.t.Errorf("the password is in %s: …%s…", what, b[max(0, i-100):min(len(b), i+100)])
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
