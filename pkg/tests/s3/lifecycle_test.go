package s3

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"

	"juicefs/pkg/tests/oracle"
)

// slowPut begins a PUT and returns when the gateway reads its body; finish sends that and returns the status.
func slowPut(t *testing.T, g *oracle.Gateway, path string) (finish func() (int, error)) {
	t.Helper()
	pr, pw := io.Pipe()
	reads := make(chan struct{})
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{Got100Continue: func() { close(reads) }})
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, g.URL()+"/"+path, pr)
	must(t, err)
	req.ContentLength = 6
	req = sign(req)
	req.Header.Set("Expect", "100-continue")
	type result struct {
		status int
		err    error
	}
	got := make(chan result, 1)
	go func() {
		resp, err := (&http.Transport{ExpectContinueTimeout: time.Minute}).RoundTrip(req)
		if err != nil {
			got <- result{0, err}
			return
		}
		got <- result{resp.StatusCode, resp.Body.Close()}
	}()
	<-reads
	return func() (int, error) {
		_, err := pw.Write([]byte("abcdef"))
		err = errors.Join(err, pw.Close())
		r := <-got
		return r.status, errors.Join(err, r.err)
	}
}

// closed waits until the gateway takes no more connections.
func closed(t *testing.T, g *oracle.Gateway) {
	t.Helper()
	oracle.Poll(t, 10*time.Second, func() error {
		resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(getRequest(t, g.URL()+"/minio/health/ready"))
		switch {
		case errors.Is(err, syscall.ECONNREFUSED):
			return nil
		case err != nil:
			return err
		}
		return errors.Join(fmt.Errorf("ready: %s", resp.Status), resp.Body.Close())
	})
}

func getRequest(t *testing.T, url string) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	must(t, err)
	return req
}

// stopped waits until the gateway is no longer ready.
func stopped(t *testing.T, g *oracle.Gateway) {
	t.Helper()
	oracle.Poll(t, 10*time.Second, func() error {
		resp, err := http.Get(g.URL() + "/minio/health/ready") //nolint:noctx // a test
		if err != nil {
			return err
		}
		must(t, resp.Body.Close())
		if resp.StatusCode != http.StatusServiceUnavailable {
			return fmt.Errorf("ready: %s", resp.Status)
		}
		return nil
	})
}

// TestSignals: a running request is finished, new connections are refused, then the process ends with 0 and leaves no
// session.
func TestSignals(t *testing.T) {
	t.Parallel()
	for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		t.Run(s.String(), func(t *testing.T) {
			t.Parallel()
			g := serve(t, everything...)
			c := use(t, g)
			finish := slowPut(t, g, c.bucket+"/slow")
			code := make(chan int, 1)
			go func() { code <- g.Signal(t, s) }()
			closed(t, g)
			status, err := finish()
			must(t, err)
			c.same("status", status, http.StatusOK)
			c.same("exit code", <-code, 0)
			st := g.Volume.Status(t)
			c.same("sessions", len(st.Sessions), 0)
			again := oracle.Start(t, g.Program, g.Volume, oracle.GatewayOptions{Flags: everything})
			a := &client{Core: again.Core(t), t: t, g: again, bucket: c.bucket}
			c.same("data", string(a.get("slow")), "abcdef")
		})
	}
}

// TestReadinessFailsFirst: after SIGTERM who asks is told to go elsewhere, and who does not ask is served.
func TestReadinessFailsFirst(t *testing.T) {
	t.Parallel()
	g := serve(t, append(everything, "--drain-delay", "1h")...)
	c := use(t, g)
	code := make(chan int, 1)
	go func() { code <- g.Signal(t, syscall.SIGTERM) }()
	stopped(t, g)
	if r := c.send(http.MethodPut, c.bucket+"/late", []byte("late")); r.status != http.StatusOK || !r.last {
		t.Errorf("a new request got %d, last of its connection: %v", r.status, r.last)
	}
	resp, err := http.Get(g.URL() + "/minio/health/live") //nolint:noctx // a test
	must(t, err)
	must(t, resp.Body.Close())
	c.same("alive", resp.StatusCode, http.StatusOK)
	must(t, syscall.Kill(g.PID(), syscall.SIGTERM))
	c.same("exit code", <-code, 0)
}

// TestASecondSignalCuts: somebody who asks twice does not want to wait.
func TestASecondSignalCuts(t *testing.T) {
	t.Parallel()
	g := serve(t, everything...)
	c := use(t, g)
	slowPut(t, g, c.bucket+"/slow")
	code := make(chan int, 1)
	go func() { code <- g.Signal(t, syscall.SIGTERM) }()
	closed(t, g)
	must(t, syscall.Kill(g.PID(), syscall.SIGTERM))
	c.same("exit code", <-code, 1)
	c.same("sessions", len(g.Volume.Status(t).Sessions), 0)
}

// TestFailedStartsLeaveNothing: wrong addresses, keys, umasks and names end the start with exit code 1 and no session.
func TestFailedStartsLeaveNothing(t *testing.T) {
	t.Parallel()
	p := oracle.Ours(t)
	v := oracle.Format(t, p, oracle.FormatOptions{})
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // a test
	must(t, err)
	defer func() { must(t, l.Close()) }()
	keys := []string{"MINIO_ROOT_USER=admin", "MINIO_ROOT_PASSWORD=12345678"}
	for _, c := range []struct {
		name string
		env  []string
		args []string
		want string
	}{
		{"busy port", keys, []string{v.Meta, l.Addr().String()}, "already in use"},
		{"address of another machine", keys, []string{v.Meta, "192.0.2.1:9000"}, ""},
		{"no such host", keys, []string{v.Meta, "no.such.host.invalid:9000"}, ""},
		{"no port", keys, []string{v.Meta, "localhost"}, ""},
		{"no user", nil, []string{v.Meta, "127.0.0.1:0"}, "MINIO_ROOT_USER should be specified as an environment variable with at least 3 characters"},
		{"short password", []string{"MINIO_ROOT_USER=admin", "MINIO_ROOT_PASSWORD=1234567"}, []string{v.Meta, "127.0.0.1:0"},
			"MINIO_ROOT_PASSWORD should be specified as an environment variable with at least 8 characters"},
		{"bad umask", keys, []string{"--umask", "999", v.Meta, "127.0.0.1:0"}, `invalid umask "999"`},
		{"bad bucket name", keys, []string{"--bucket-name", "A_b", v.Meta, "127.0.0.1:0"}, `invalid bucket name "A_b"`},
		{"bucket name of the settings", keys, []string{"--bucket-name", ".minio.sys", v.Meta, "127.0.0.1:0"}, "cannot start with"},
	} {
		r := p.Run(t, c.env, append([]string{"gateway"}, c.args...)...)
		out := r.Stdout + r.Stderr
		if r.Code != 1 || !strings.Contains(out, c.want) {
			t.Errorf("%s: got code %d, want 1 and %q\n%s", c.name, r.Code, c.want, out)
		}
	}
	if n := len(v.Status(t).Sessions); n != 0 {
		t.Errorf("%d sessions are left", n)
	}
}

// TestTwoGateways: objects of one are at once those of the other, and users made on one are known to the other after a while.
func TestTwoGateways(t *testing.T) {
	t.Parallel()
	flags := append([]string{"--refresh-iam-interval", "1s"}, everything...)
	a := serve(t, flags...)
	b := oracle.Start(t, a.Program, a.Volume, oracle.GatewayOptions{Flags: flags})
	ca := use(t, a)
	ca.put("k", []byte("x"), minio.PutObjectOptions{})
	cb := &client{Core: b.Core(t), t: t, g: b, bucket: ca.bucket}
	cb.same("data", string(cb.get("k")), "x")
	cb.put("k", []byte("y"), minio.PutObjectOptions{})
	ca.same("data", string(ca.get("k")), "y")
	mc := oracle.MC2021(t, map[string]*oracle.Gateway{"a": a, "b": b})
	mc.Must(t, "admin", "user", "add", "a", "user1", "password1")
	mc.Must(t, "admin", "policy", "set", "a", "readwrite", "user=user1")
	user := b.CoreAs(t, "user1", "password1", "")
	oracle.Poll(t, 20*time.Second, func() error {
		_, err := user.StatObject(t.Context(), ca.bucket, "k", minio.StatObjectOptions{})
		return err
	})
}
