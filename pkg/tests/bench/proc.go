package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"juicefs/pkg/meter"
)

// server is one gateway under test.
type server struct {
	name     string // column
	bin      string
	dir      string // private folder: database, data, cache
	meta     string // META URL; empty: the program is the floor, which has no volume
	far      string // META URL through the proxy; empty: there is none
	proxy    *meter.Proxy
	delay    time.Duration // on each turnaround; with it the server is reached through the proxy
	engine   *redisServer  // nil: in the process
	keys     keys
	addr     string
	cmd      *exec.Cmd
	log      *os.File
	exited   chan struct{} // closed when the process has ended
	ended    error         // of the process; to be read after exited
	floor    []string      // arguments of the floor
	database string        // file of SQLite in dir, if the server is made for a comparison
	filling  *server       // our program on the same volume; nil: this is ours
}

const bucket = "bench"

// format makes the server's volume.
func (s *server) format(args ...string) error {
	if s.meta == "" {
		return nil
	}
	args = append([]string{"format", s.meta, "benchvol", "--storage", "file", "--bucket", filepath.Join(s.dir, "data"), "--trash-days", "0"}, args...)
	out, err := exec.CommandContext(context.Background(), s.bin, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: format: %w\n%s", s.name, err, out)
	}
	return nil
}

// args are those of the gateway command.
func (s *server) args() []string {
	switch {
	case s.meta == "":
		return append(slices.Clone(s.floor), s.addr)
	case s.delay > 0:
		return append([]string{"gateway", s.far}, s.flags()...)
	}
	return append([]string{"gateway", s.meta}, s.flags()...)
}

func (s *server) flags() []string {
	return []string{s.addr, "--multi-buckets", "--keep-etag", "--object-tag", "--object-meta", "--no-banner",
		"--no-usage-report", "--backup-meta", "0", "--metrics", "127.0.0.1:0", "--cache-dir", filepath.Join(s.dir, "cache")}
}

// start runs the gateway and waits until it answers; it returns how long that took.
func (s *server) start() (time.Duration, error) {
	port, err := freePort()
	if err != nil {
		return 0, err
	}
	s.addr = fmt.Sprintf("127.0.0.1:%d", port)
	if s.log, err = os.OpenFile(filepath.Join(s.dir, "gateway.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600); err != nil {
		return 0, err
	}
	s.cmd = exec.CommandContext(context.Background(), s.bin, s.args()...)
	s.cmd.Env = append(os.Environ(), "MINIO_ROOT_USER="+s.keys.access, "MINIO_ROOT_PASSWORD="+s.keys.secret)
	s.cmd.Stdout, s.cmd.Stderr = s.log, s.log
	begin := time.Now()
	if err := s.cmd.Start(); err != nil {
		return 0, err
	}
	cmd, exited := s.cmd, make(chan struct{})
	s.exited = exited
	go func() {
		s.ended = cmd.Wait()
		close(exited)
	}()
	for deadline := begin.Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(2 * time.Millisecond) {
		select {
		case <-s.exited:
			s.cmd = nil
			return 0, fmt.Errorf("%s: gateway ended: %w; see %s", s.name, s.ended, s.log.Name())
		default:
		}
		if s.answers() {
			return time.Since(begin), nil
		}
	}
	return 0, fmt.Errorf("%s: gateway does not answer; see %s", s.name, s.log.Name())
}

// answers asks for the buckets, which needs users and object layer to be there.
func (s *server) answers() bool {
	c := &conn{addr: s.addr}
	defer c.close()
	_, _, err := c.do(s.keys.sign(s.addr, "GET", "/", "", nil, sum(nil), nil, http.StatusOK), false)
	return err == nil
}

// stop ends the gateway and waits for it.
func (s *server) stop() error {
	if s.cmd == nil {
		return nil
	}
	defer func() { s.cmd = nil }()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-s.exited:
	case <-time.After(20 * time.Second):
		if err := s.cmd.Process.Kill(); err != nil {
			return err
		}
		<-s.exited
	}
	return s.log.Close()
}

// cold restarts the gateway without its cache folder and without what the kernel keeps of its files.
func (s *server) cold() error {
	if err := s.stop(); err != nil {
		return err
	}
	if err := os.RemoveAll(filepath.Join(s.dir, "cache")); err != nil {
		return err
	}
	_, err := s.start()
	return err
}

// setDelay makes the server be reached with a delay on each turnaround with its database, or without one.
func (s *server) setDelay(d time.Duration) error {
	if s.delay == d {
		return nil
	}
	if err := s.stop(); err != nil {
		return err
	}
	s.delay = d
	s.proxy.SetDelay(d)
	_, err := s.start()
	return err
}

// usage is what a process has used so far.
type usage struct {
	cpu       time.Duration
	rss, peak int64 // bytes
}

// cpuOf returns the time that a process has computed.
func cpuOf(pid int) (time.Duration, error) {
	var t unix.Timespec
	// The kernel's clock of a process: its complement, three bits on, and 2 for the scheduler's count.
	if err := unix.ClockGettime(int32(^pid<<3|2), &t); err != nil { //nolint:gosec // process ids have 22 bits
		return 0, fmt.Errorf("CPU time of process %d: %w", pid, err)
	}
	return time.Duration(t.Nano()), nil
}

// Removal of data begins some seconds after the objects are gone, in either program, and the next row is not to pay for it.
const (
	calm    = 7 * time.Second  // a program that did next to nothing for that long has nothing left to remove
	noCalm  = 90 * time.Second // after which the next row begins all the same
	look    = 500 * time.Millisecond
	idleCPU = look / 50
)

// settle waits until the programs have removed what a row has left.
func settle(servers []*server) error {
	begin, busy := time.Now(), time.Now()
	before := map[*server]time.Duration{}
	for time.Since(busy) < calm {
		if time.Since(begin) > noCalm {
			fmt.Fprintln(os.Stderr, "bench: data is still being removed; the next row pays for it")
			return nil
		}
		time.Sleep(look)
		for _, s := range servers {
			used, err := cpuOf(s.cmd.Process.Pid)
			if err != nil {
				return err
			}
			if used-before[s] > idleCPU {
				busy = time.Now()
			}
			before[s] = used
		}
	}
	return nil
}

func (s *server) usage() (u usage, err error) {
	if u.cpu, err = cpuOf(s.cmd.Process.Pid); err != nil {
		return u, err
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		return u, err
	}
	for line := range strings.Lines(string(status)) {
		f := strings.Fields(line)
		if len(f) < 2 {
			continue
		}
		n, _ := strconv.ParseInt(f[1], 10, 64) // other lines have no number
		switch f[0] {
		case "VmRSS:":
			u.rss = n << 10
		case "VmHWM:":
			u.peak = n << 10
		}
	}
	return u, nil
}

// resetPeak makes the kernel forget the highest memory use so far.
func (s *server) resetPeak() {
	// Without the right to do so the peak is that of the whole run, which the table then overstates for both sides.
	_ = os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", s.cmd.Process.Pid), []byte("5"), 0o600)
}

func freePort() (int, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	a, ok := l.Addr().(*net.TCPAddr)
	if err = l.Close(); err == nil && !ok {
		err = errors.New("no port")
	}
	if err != nil {
		return 0, err
	}
	return a.Port, nil
}
