package meter_test

import (
	"bufio"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"juicefs/pkg/meter"
)

// echo is a server that answers each line with the same line in upper case.
func echo(t *testing.T) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = c.Close() }()
				for r := bufio.NewReader(c); ; {
					line, err := r.ReadString('\n')
					if err != nil {
						return
					}
					if _, err := io.WriteString(c, strings.ToUpper(line)); err != nil {
						return
					}
				}
			}()
		}
	}()
	return l.Addr().String()
}

func start(t *testing.T) *meter.Proxy {
	t.Helper()
	p, err := meter.Start("tcp", echo(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return p
}

type client struct {
	t *testing.T
	net.Conn
	r *bufio.Reader
}

func dial(t *testing.T, p *meter.Proxy) *client {
	t.Helper()
	c, err := new(net.Dialer).DialContext(t.Context(), "tcp", p.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return &client{t, c, bufio.NewReader(c)}
}

// ask sends lines in one go and reads as many.
func (c *client) ask(lines ...string) error {
	c.t.Helper()
	if _, err := io.WriteString(c, strings.Join(lines, "\n")+"\n"); err != nil {
		return err
	}
	for _, want := range lines {
		got, err := c.r.ReadString('\n')
		if err != nil {
			return err
		}
		if got != strings.ToUpper(want)+"\n" {
			c.t.Errorf("answer %q, want %q", got, strings.ToUpper(want))
		}
	}
	return nil
}

func TestProxyCountsTurnarounds(t *testing.T) {
	p := start(t)
	a, b := dial(t, p), dial(t, p)
	for range 3 {
		if err := errors.Join(a.ask("one"), b.ask("one", "two", "three")); err != nil {
			t.Fatal(err)
		}
	}
	if got := p.Reset(); got != 6 {
		t.Errorf("%d turnarounds, want 6", got)
	}
	if got := p.Turnarounds(); got != 0 {
		t.Errorf("%d turnarounds after a reset", got)
	}
	if p.Opened() != 2 || p.Open() != 2 {
		t.Errorf("%d connections of %d, want 2 of 2", p.Open(), p.Opened())
	}
}

func TestProxyDelaysEachTurnaround(t *testing.T) {
	p := start(t)
	c := dial(t, p)
	const delay = 20 * time.Millisecond
	p.SetDelay(delay)
	begin := time.Now()
	for range 3 {
		if err := c.ask("a", "b"); err != nil {
			t.Fatal(err)
		}
	}
	if took := time.Since(begin); took < 3*delay {
		t.Errorf("3 turnarounds took %s, want at least %s", took, 3*delay)
	}
}

func TestProxyCutsConnections(t *testing.T) {
	p := start(t)
	c := dial(t, p)
	if err := c.ask("a"); err != nil {
		t.Fatal(err)
	}
	p.Cut()
	if err := c.ask("b"); err == nil {
		t.Error("a cut connection answers")
	}
	if err := dial(t, p).ask("c"); err != nil {
		t.Errorf("new connection after a cut: %v", err)
	}
	p.Refuse(true)
	if err := dial(t, p).ask("d"); err == nil {
		t.Error("a refused connection answers")
	}
	p.Refuse(false)
	if err := dial(t, p).ask("e"); err != nil {
		t.Errorf("after refusing: %v", err)
	}
}

func TestProxyLosesOneRequestOrAnswer(t *testing.T) {
	p := start(t)
	p.LoseRequest("lost")
	p.LoseAnswer("done")
	c := dial(t, p)
	if err := c.ask("a"); err != nil {
		t.Fatal(err)
	}
	if err := c.ask("it is lost"); err == nil {
		t.Error("the lost request was answered")
	}
	c = dial(t, p)
	if err := c.ask("b"); err != nil {
		t.Fatal(err)
	}
	if err := c.ask("it is done"); err == nil {
		t.Error("the lost answer arrived")
	}
	if err := dial(t, p).ask("lost", "done"); err != nil {
		t.Errorf("after both losses: %v", err)
	}
	if got := p.Pending(); got != 0 {
		t.Errorf("%d losses pending", got)
	}
}

func TestStalledProxyPassesNothingOn(t *testing.T) {
	p := start(t)
	c := dial(t, p)
	p.Stall(true)
	if err := c.SetDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if err := c.ask("a"); err == nil {
		t.Error("a stalled connection answers")
	}
	if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	p.Stall(false)
	if got, err := c.r.ReadString('\n'); err != nil || got != "A\n" {
		t.Errorf("after the stall: %q, %v", got, err)
	}
	p.Stall(true)
	if err := p.Close(); err != nil {
		t.Errorf("close of a stalled proxy: %v", err)
	}
}
