package oracle

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// What clients of every gateway sign with: the keys of the S3 root user, and the region.
const (
	User     = "testuser"
	Password = "testpass123"
	Region   = "us-east-1"
)

const (
	startTime = 30 * time.Second // until a gateway answers
	stopTime  = 30 * time.Second // from SIGTERM to its end
	logTail   = 16 << 10         // bytes of the log that a failed test shows
)

// GatewayOptions are for Start.
type GatewayOptions struct {
	Flags    []string     // of the gateway command, on top of those that Start gives
	Env      []string     // on top of the root user's keys
	TLS      *Certificate // nil: plain HTTP
	Agent    bool         // leaves the original's profiling server on
	Password string       // of the root user; empty: Password
}

// Gateway is a running gateway. Its methods may be called from several goroutines, but those that end it only once.
type Gateway struct {
	Addr    string // host and port
	Program Program
	Volume  *Volume
	TLS     *Certificate // of GatewayOptions

	cmd      *exec.Cmd
	password string        // of the root user
	log      string        // file of all that it prints
	ended    chan struct{} // closed when the process is gone

	asked atomic.Bool // to end, by Signal
}

// Start starts p's gateway on the volume at a free port and returns when it answers signed requests. Unless the test has
// stopped it, it is stopped when the test ends, and has to exit with 0 then. A gateway that ends by itself fails the test.
// The log of a failed test's gateways is shown.
func Start(t testing.TB, p Program, v *Volume, o GatewayOptions) *Gateway {
	t.Helper()
	// Between the choice of a port and its use another process may take it.
	for try := 1; ; try++ {
		g, err := start(t, p, v, o)
		if err == nil {
			return g
		}
		out := g.Log(t)
		g.Kill(t)
		if try == 3 || !strings.Contains(out, "already in use") {
			t.Fatalf("gateway %s: %v\n%s", p.Name, err, out)
		}
	}
}

func start(t testing.TB, p Program, v *Volume, o GatewayOptions) (*Gateway, error) {
	t.Helper()
	home := t.TempDir()
	g := &Gateway{Addr: FreeAddr(t), Program: p, Volume: v, TLS: o.TLS, password: cmp.Or(o.Password, Password), log: filepath.Join(home, "log"),
		ended: make(chan struct{})}
	log, err := os.Create(g.log)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = log.Close() }() // the child has its own
	args := []string{
		"gateway", v.Meta, g.Addr, "--no-banner", "--no-usage-report", "--backup-meta", "0",
		"--cache-dir", "memory", "--metrics", "127.0.0.1:0", "--heartbeat", "2s",
	}
	if !p.Original {
		args = append(args, "--drain-delay", "0")
	}
	if !o.Agent {
		args = append([]string{"--no-agent"}, args...)
	}
	g.cmd = exec.Command(p.Path, append(args, o.Flags...)...) //nolint:noctx // ended by signals, see Stop and Kill
	g.cmd.Dir = home
	g.cmd.Env = environment(home, append([]string{"MINIO_ROOT_USER=" + User, "MINIO_ROOT_PASSWORD=" + g.password}, o.Env...))
	g.cmd.Stdout, g.cmd.Stderr = log, log
	g.cmd.SysProcAttr = dieWithUs()
	if o.TLS != nil {
		o.TLS.install(t, home)
	}
	if p.Original {
		v.original.Store(true)
	}
	if err = g.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = g.cmd.Wait() // the state it left says more
		close(g.ended)
	}()
	t.Cleanup(func() { g.cleanup(t) })
	err = g.ready(t)
	return g, err
}

// cleanup ends the gateway with its test.
func (g *Gateway) cleanup(t testing.TB) {
	t.Helper()
	if !g.asked.Load() {
		select {
		case <-g.ended:
			t.Errorf("gateway %s at %s ended by itself: %v", g.Program.Name, g.Addr, g.cmd.ProcessState)
		default:
			g.Stop(t)
		}
	}
	if t.Failed() {
		t.Logf("gateway %s at %s printed:\n%s", g.Program.Name, g.Addr, g.Log(t))
	}
}

// ready waits until the gateway answers signed requests.
func (g *Gateway) ready(t testing.TB) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), startTime)
	defer cancel()
	s3 := g.Core(t)
	plain := &http.Client{Transport: g.Transport(t)}
	probe := func() error {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, g.URL()+"/minio/health/ready", nil)
		if err != nil {
			return err
		}
		resp, err := plain.Do(req)
		if err != nil {
			return err
		}
		_ = resp.Body.Close() // nothing in it
		// The stock server says 200 before its object layer is there, with this header.
		if status := resp.Header.Get("X-Minio-Server-Status"); resp.StatusCode != http.StatusOK || status != "" {
			return fmt.Errorf("%s %s", resp.Status, status)
		}
		_, err = s3.ListBuckets(ctx)
		return err
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := probe()
		if err == nil {
			return nil
		}
		select {
		case <-g.ended:
			return fmt.Errorf("ended with %v before it was ready", g.cmd.ProcessState)
		case <-ctx.Done():
			return fmt.Errorf("not ready after %s: %w", startTime, err)
		case <-tick.C:
		}
	}
}

// URL returns the endpoint with its scheme.
func (g *Gateway) URL() string {
	if g.TLS != nil {
		return "https://" + g.Addr
	}
	return "http://" + g.Addr
}

// Transport returns a transport of its own, which trusts the gateway's certificate. Its connections end with the test.
func (g *Gateway) Transport(t testing.TB) *http.Transport {
	t.Helper()
	transport := &http.Transport{MaxIdleConnsPerHost: 64, DisableCompression: true}
	if g.TLS != nil {
		transport.TLSClientConfig = &tls.Config{RootCAs: g.TLS.Pool}
	}
	t.Cleanup(transport.CloseIdleConnections)
	return transport
}

// PID returns the process id.
func (g *Gateway) PID() int { return g.cmd.Process.Pid }

// Core returns a client of the root user that sends each call as one request, and only once.
func (g *Gateway) Core(t testing.TB) *minio.Core {
	t.Helper()
	return g.CoreAs(t, User, g.password, "")
}

// CoreAs is Core for another user; token is empty but for temporary keys.
func (g *Gateway) CoreAs(t testing.TB, user, password, token string) *minio.Core {
	t.Helper()
	plainClient()
	c, err := minio.NewCore(g.Addr, &minio.Options{
		Creds:     credentials.NewStaticV4(user, password, token),
		Region:    Region,
		Secure:    g.TLS != nil,
		Transport: g.Transport(t),
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// plainClient has minio-go send each request once: its retries would hide what the server answered. The number is a variable of
// that package, so this holds for the whole test process.
var plainClient = sync.OnceFunc(func() { minio.MaxRetry = 1 })

// Stop sends SIGTERM, waits for the end and returns the exit code. A gateway that does not end is killed and fails the test,
// as does any code but 0.
func (g *Gateway) Stop(t testing.TB) int {
	t.Helper()
	code := g.Signal(t, syscall.SIGTERM)
	if code != 0 {
		t.Errorf("gateway %s at %s: exit code %d after SIGTERM, want 0", g.Program.Name, g.Addr, code)
	}
	return code
}

// Signal sends a signal that ends the gateway, waits for the end and returns the exit code, -1 when the signal itself ended
// it. A gateway that does not end is killed and fails the test.
func (g *Gateway) Signal(t testing.TB, s syscall.Signal) int {
	t.Helper()
	g.asked.Store(true)
	if err := g.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Fatal(err)
	}
	select {
	case <-g.ended:
	case <-time.After(stopTime):
		t.Errorf("gateway %s at %s still runs %s after signal %v", g.Program.Name, g.Addr, stopTime, s)
		_ = g.cmd.Process.Kill() // fails only if it has just ended
		<-g.ended
	}
	return g.cmd.ProcessState.ExitCode()
}

// Kill ends the gateway as a crash does: no handler of its own runs.
func (g *Gateway) Kill(t testing.TB) {
	t.Helper()
	g.Signal(t, syscall.SIGKILL)
}

// Ended is closed when the process is gone.
func (g *Gateway) Ended() <-chan struct{} { return g.ended }

// Log returns the end of what the gateway has printed so far, on both outputs.
func (g *Gateway) Log(t testing.TB) string {
	t.Helper()
	b, err := os.ReadFile(g.log)
	if err != nil {
		t.Fatal(err)
	}
	if len(b) > logTail {
		b = append([]byte("…"), b[len(b)-logTail:]...)
	}
	return string(b)
}

// LogFile returns the file of all that the gateway prints.
func (g *Gateway) LogFile() string { return g.log }

// FreeAddr returns an address of this machine that nobody listens on.
func FreeAddr(t testing.TB) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return addr
}
