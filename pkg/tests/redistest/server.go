package redistest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	startTime = 20 * time.Second // until a server answers
	stopTime  = 10 * time.Second // from SIGTERM to its end
)

// Server is a running server. Its methods belong to one goroutine.
type Server struct {
	Addr   string // host and port; it stays the same over a restart
	Socket string // path of the server's Unix socket
	Dir    string // its folder

	config string
	args   []string
	cmd    *exec.Cmd
	ended  chan struct{}
}

// Start starts a server that keeps nothing on disk; args are further arguments of redis-server, such as "--requirepass", "x".
// It has 1,000 databases.
func Start(tb testing.TB, args ...string) *Server {
	tb.Helper()
	return start(tb, "", append([]string{"--databases", "1000"}, args...)...)
}

// start starts a server with a configuration file, if any, and arguments.
func start(tb testing.TB, config string, args ...string) *Server {
	tb.Helper()
	// Between the choice of a port and its use another process may take it.
	for try := 1; ; try++ {
		s := &Server{Addr: freeAddr(tb), Dir: tb.TempDir(), config: config, args: args}
		s.Socket = filepath.Join(s.Dir, "s")
		if len(s.Socket) > 100 { // the limit of the system
			s.Socket = ""
		}
		err := s.run(tb)
		if err == nil {
			tb.Cleanup(func() { s.stop(tb) })
			return s
		}
		s.stop(tb)
		if try == 3 || !strings.Contains(s.Log(), "already in use") {
			tb.Fatalf("redis-server: %v\n%s", err, s.Log())
		}
	}
}

// run starts the process and waits until it answers.
func (s *Server) run(tb testing.TB) error {
	tb.Helper()
	host, port, err := net.SplitHostPort(s.Addr)
	if err != nil {
		tb.Fatal(err)
	}
	log, err := os.OpenFile(filepath.Join(s.Dir, "log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = log.Close() }() // the child has its own
	var args []string
	if s.config != "" {
		args = append(args, s.config)
	}
	args = append(args, "--bind", host, "--port", port, "--dir", s.Dir, "--save", "", "--appendonly", "no")
	if s.Socket != "" {
		args = append(args, "--unixsocket", s.Socket)
	}
	s.cmd = exec.Command(program(tb), append(args, s.args...)...) //nolint:noctx // ended by its process id, see stop
	s.cmd.Stdout, s.cmd.Stderr = log, log
	s.cmd.Dir = s.Dir
	s.cmd.SysProcAttr = dieWithUs()
	if err := s.cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	s.ended = make(chan struct{})
	go func() {
		_ = s.cmd.Wait() // its log says more
		close(s.ended)
	}()
	return s.answers(tb.Context())
}

// answers waits until the server takes commands.
func (s *Server) answers(ctx context.Context) error {
	return poll(ctx, startTime, func() error {
		select {
		case <-s.ended:
			return fatal{fmt.Errorf("ended with %v", s.cmd.ProcessState)}
		default:
		}
		answer, err := s.ping(ctx)
		if err == nil && !strings.HasPrefix(answer, "+PONG") && !strings.HasPrefix(answer, "-NOAUTH") {
			err = fmt.Errorf("answers %q", answer)
		}
		return err
	})
}

// ping asks without a client, who would want to authenticate.
func (s *Server) ping(ctx context.Context) (string, error) {
	c, err := new(net.Dialer).DialContext(ctx, "tcp", s.Addr)
	if err != nil {
		return "", err
	}
	defer func() { _ = c.Close() }() // nothing was written that could be lost
	if err = c.SetDeadline(time.Now().Add(time.Second)); err != nil {
		return "", err
	}
	if _, err = c.Write([]byte("PING\r\n")); err != nil {
		return "", err
	}
	b := make([]byte, 64)
	n, err := c.Read(b)
	return string(b[:n]), err
}

// URL returns the address of a database of the server.
func (s *Server) URL(db int) string { return "redis://" + s.Addr + "/" + strconv.Itoa(db) }

// Do sends a command and returns its answer. It must succeed.
func (s *Server) Do(tb testing.TB, args ...any) any {
	tb.Helper()
	v, err := s.try(tb.Context(), args...)
	if err != nil {
		tb.Fatalf("%s: %v: %v", s.Addr, args, err)
	}
	return v
}

// DoAs is Do with another password than the server was started with.
func (s *Server) DoAs(tb testing.TB, password string, args ...any) any {
	tb.Helper()
	v, err := s.tryAs(tb.Context(), password, args...)
	if err != nil {
		tb.Fatalf("%s: %v: %v", s.Addr, args, err)
	}
	return v
}

// Snapshot returns all that a database of a server holds: its keys, with values as DUMP gives them. The URL is one of Server.URL.
func Snapshot(ctx context.Context, url string) (map[string]string, error) {
	o, err := redis.ParseURL(url)
	if err != nil {
		return nil, err
	}
	c := redis.NewClient(o)
	keys, err := c.Keys(ctx, "*").Result()
	all := make(map[string]string, len(keys))
	for _, key := range keys {
		if all[key], err = c.Dump(ctx, key).Result(); err != nil {
			break
		}
	}
	return all, errors.Join(err, c.Close())
}

func (s *Server) try(ctx context.Context, args ...any) (any, error) {
	return s.tryAs(ctx, s.option("--requirepass"), args...)
}

func (s *Server) tryAs(ctx context.Context, password string, args ...any) (any, error) {
	c := redis.NewClient(&redis.Options{Addr: s.Addr, Protocol: 2, Password: password, MaxRetries: -1, PipelinePoolSize: -1})
	defer func() { _ = c.Close() }()
	return c.Do(ctx, args...).Result()
}

// option returns what the server was started with.
func (s *Server) option(name string) string {
	for i, a := range s.args {
		if a == name {
			return s.args[i+1]
		}
	}
	return ""
}

// Kill ends the server at once. It may be started again.
func (s *Server) Kill(tb testing.TB) {
	tb.Helper()
	s.signal(tb, syscall.SIGKILL)
	<-s.ended
}

// Restart starts a server that was killed, on the same address. All data is gone.
func (s *Server) Restart(tb testing.TB) {
	tb.Helper()
	if err := s.run(tb); err != nil {
		tb.Fatalf("restart of redis-server: %v\n%s", err, s.Log())
	}
}

// Freeze stops the process where it is; Thaw lets it go on.
func (s *Server) Freeze(tb testing.TB) { tb.Helper(); s.signal(tb, syscall.SIGSTOP) }

// Thaw lets a frozen process go on.
func (s *Server) Thaw(tb testing.TB) { tb.Helper(); s.signal(tb, syscall.SIGCONT) }

func (s *Server) signal(tb testing.TB, sig syscall.Signal) {
	tb.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil {
		tb.Errorf("signal %s to redis-server: %v", sig, err)
	}
}

// Log returns what the server printed.
func (s *Server) Log() string {
	b, err := os.ReadFile(filepath.Join(s.Dir, "log"))
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// stop ends the server with its test.
func (s *Server) stop(tb testing.TB) {
	tb.Helper()
	select {
	case <-s.ended:
		return
	default:
	}
	for _, sig := range []syscall.Signal{syscall.SIGCONT, syscall.SIGTERM} {
		_ = s.cmd.Process.Signal(sig) // it may end by itself meanwhile
	}
	t := time.NewTimer(stopTime)
	defer t.Stop()
	select {
	case <-s.ended:
	case <-t.C:
		tb.Errorf("redis-server %s did not end\n%s", s.Addr, s.Log())
		_ = s.cmd.Process.Kill() // as above
		<-s.ended
	}
}

// fatal is an error that waiting does not heal.
type fatal struct{ error }

// poll repeats f until it succeeds.
func poll(ctx context.Context, d time.Duration, f func() error) error {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		err := f()
		if err == nil {
			return nil
		}
		if f, ok := err.(fatal); ok { //nolint:errorlint // never wrapped
			return f.error
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("not after %s: %w", d, err)
		case <-tick.C:
		}
	}
}

// freeAddr returns an address of this machine that nobody listens on.
func freeAddr(tb testing.TB) string {
	tb.Helper()
	l, err := new(net.ListenConfig).Listen(tb.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	addr := l.Addr().String()
	if err := l.Close(); err != nil {
		tb.Fatal(err)
	}
	return addr
}
