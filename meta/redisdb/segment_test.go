//go:build linux

package redisdb

import (
	"net"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestSegmentsAreShort: what fits into one segment of the loopback device must not wait for a window of its size.
func TestSegmentsAreShort(t *testing.T) {
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	accepted := make(chan net.Conn, 1)
	go func() {
		if c, e := l.Accept(); e == nil {
			accepted <- c
		}
	}()
	c, err := dialer(time.Minute, nil)(t.Context(), "tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	other := <-accepted
	defer func() { _ = other.Close() }()
	for side, c := range map[string]net.Conn{"ours": c, "the server's": other} {
		s, ok := c.(syscall.Conn)
		if !ok {
			t.Fatalf("%T has no socket", c)
		}
		raw, err := s.SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		var n int
		var failed error
		if err = raw.Control(func(fd uintptr) { n, failed = unix.GetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_MAXSEG) }); err != nil {
			t.Fatal(err)
		}
		if failed != nil || n > mostSegment || n < mostSegment/2 {
			t.Errorf("%s segments have %d bytes (%v), want %d at most", side, n, failed, mostSegment)
		}
	}
}
