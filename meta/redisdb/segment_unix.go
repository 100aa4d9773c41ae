//go:build unix

package redisdb

import (
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// mostSegment bounds the TCP segments of a connection, in bytes. On Linux the loopback device has segments of 64 KiB, more than
// the window that a server with the usual buffer leaves open while it reads a long command. Then neither side moves: who sends
// waits for room for a whole segment, who reads has none to announce that would be worth it, until a timer of 200 ms ends it. One
// in ten removals of 1,000 objects took that long. Other networks have far smaller segments anyway.
const mostSegment = 16 << 10

// shortSegments is a net.Dialer's Control.
func shortSegments(network, _ string, c syscall.RawConn) error {
	if !strings.HasPrefix(network, "tcp") {
		return nil
	}
	return c.Control(func(fd uintptr) {
		// Where a system refuses, the connection is as good as any other.
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_MAXSEG, mostSegment)
	})
}
