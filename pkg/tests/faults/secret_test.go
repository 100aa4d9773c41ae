package faults

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"juicefs/pkg/tests/oracle"
	"juicefs/pkg/tests/redistest"
)

// Whatever is wrong with the address of the database: its password is not in what a command says about it.
func TestCommandsDoNotTellThePassword(t *testing.T) {
	t.Parallel()
	const other = "wr0ng-one"
	s := redistest.Start(t, "--requirepass", password)
	full := redistest.Start(t, "--requirepass", password, "--maxclients", "1")
	p := oracle.Ours(t)
	for name, metaURL := range map[string]string{
		"wrong password":     "redis://:" + other + "@" + s.Addr + "/1",
		"wrong user":         "redis://nobody:" + other + "@" + s.Addr + "/1",
		"no volume":          "redis://:" + password + "@" + s.Addr + "/2",
		"no such database":   "redis://:" + password + "@" + s.Addr + "/100000",
		"not a database":     "redis://:" + password + "@" + s.Addr + "/x",
		"unknown option":     "redis://:" + password + "@" + s.Addr + "/1?no_such_option=1",
		"option not a time":  "redis://:" + password + "@" + s.Addr + "/1?read_timeout=soon",
		"broken options":     "redis://:" + password + "@" + s.Addr + "/1?%zz=;",
		"password of a kind": "redis://:" + password + "@" + s.Addr + "/1?sentinel_password=" + other + "&x=1",
		"no sentinel":        "redis://:" + password + "@boss," + s.Addr + "/1?dial_timeout=100ms",
		"no TLS":             "rediss://:" + password + "@" + s.Addr + "/1?dial_timeout=100ms&max_retry_backoff=10ms",
		"no socket":          "unix://:" + password + "@/no/such/socket",
		"too many clients":   "redis://:" + password + "@" + full.Addr + "/1?max_retry_backoff=10ms",
		"unknown scheme":     "redisss://:" + password + "@" + s.Addr + "/1",
	} {
		t.Run(name, func(t *testing.T) {
			if name == "too many clients" {
				hold(t, full)
			}
			r := p.Run(t, nil, "status", metaURL, "--verbose")
			if r.Code == 0 {
				t.Errorf("it worked: %s", r)
			}
			said := r.Stdout + r.Stderr
			for _, secret := range []string{password, other} {
				if strings.Contains(said, secret) {
					t.Errorf("the password is in what it says: %s", said)
				}
			}
		})
	}
}

// hold takes the only connection of a server until the test ends.
func hold(t *testing.T, s *redistest.Server) {
	t.Helper()
	c, err := new(net.Dialer).DialContext(t.Context(), "tcp", s.Addr)
	must(t, err)
	t.Cleanup(func() { _ = c.Close() }) // it was only to be there
	_, err = fmt.Fprintf(c, "AUTH %s\r\n", password)
	must(t, err)
	b := make([]byte, 64)
	if n, err := c.Read(b); err != nil || !strings.HasPrefix(string(b[:n]), "+OK") {
		t.Fatalf("%q, %v", b[:n], err)
	}
}

// A gateway in the background is another process with a command line of its own.
func TestGatewayInTheBackgroundHidesThePassword(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, "--requirepass", password)
	p := oracle.Ours(t)
	for _, c := range []struct {
		name, metaURL string
		env           []string
	}{
		{"in the address", "redis://:" + password + "@" + s.Addr + "/1", nil},
		{"in the environment", "redis://" + s.Addr + "/2", []string{"META_PASSWORD=" + password}},
		{"in the original's variable", "redis://" + s.Addr + "/3", []string{"REDIS_PASSWORD=" + password}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			p.Must(t, c.env, "format", c.metaURL, "vol1", "--storage", "file", "--bucket", filepath.Join(dir, "data"))
			env := append([]string{"MINIO_ROOT_USER=" + oracle.User, "MINIO_ROOT_PASSWORD=" + oracle.Password}, c.env...)
			log := filepath.Join(dir, "log")
			p.Must(t, env, "gateway", "-d", c.metaURL, oracle.FreeAddr(t), "--log", log, "--cache-dir", "memory", "--metrics", "127.0.0.1:0", "--verbose")
			w := &world{t: t}
			db := c.metaURL[strings.LastIndexByte(c.metaURL, '/')+1:]
			v := &oracle.Volume{Name: "vol1", Meta: "redis://:" + password + "@" + s.Addr + "/" + db}
			for _, session := range v.StatusBy(t, p).Sessions {
				proc := fmt.Sprintf("/proc/%d", session.ProcessID)
				title, err := os.ReadFile(proc + "/cmdline")
				must(t, err)
				w.hasNoSecret("the command line", title)
				if !bytes.Contains(title, []byte("gateway")) {
					t.Errorf("not the gateway: %q", title)
				}
				must(t, syscall.Kill(session.ProcessID, syscall.SIGTERM))
				oracle.Poll(t, 30*time.Second, func() error {
					if _, err := os.Stat(proc); err == nil {
						return fmt.Errorf("%s is still there", proc)
					}
					return nil
				})
			}
			said, err := os.ReadFile(log)
			must(t, err)
			w.hasNoSecret("the log", said)
			if !bytes.Contains(said, []byte("Exiting on signal")) {
				t.Errorf("no session, or another's: %s", said)
			}
		})
	}
}
