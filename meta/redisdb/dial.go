package redisdb

import (
	"context"
	"crypto/tls"
	"net"
	"sync/atomic"
	"syscall"
	"time"
)

// dialer connects with keep-alive probes, so that a server that vanished without a word is noticed, and with short segments.
func dialer(timeout time.Duration, t *tls.Config) func(ctx context.Context, network, addr string) (net.Conn, error) {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		d := &net.Dialer{Timeout: max(timeout, 0), Control: shortSegments, KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 15 * time.Second, Interval: 5 * time.Second, Count: 3}}
		if t == nil {
			c, err := d.DialContext(ctx, network, addr)
			if err != nil {
				return nil, err
			}
			return &plainConn{conn{Conn: c}}, nil
		}
		c, err := (&tls.Dialer{NetDialer: d, Config: t}).DialContext(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return &conn{Conn: c}, nil
	}
}

// conn is a connection that tells whether the server ever said anything. The library greets before it sends a command, so what
// breaks before the first answer is a failure to connect, and nothing was done.
type conn struct {
	net.Conn
	greeted atomic.Bool
}

// Read reads.
func (c *conn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if c.greeted.Load() {
		return n, err
	}
	if n > 0 {
		c.greeted.Store(true)
	}
	if err != nil && n == 0 {
		err = greetError{&net.OpError{Op: "dial", Net: c.RemoteAddr().Network(), Addr: c.RemoteAddr(), Err: err}}
	}
	return n, err
}

// greetError is what a connection ends with before the server said anything. It is one layer around the error that judge looks
// for, since the library takes a layer off what happens while it greets.
type greetError struct{ *net.OpError }

// Unwrap returns the layer below.
func (e greetError) Unwrap() error { return e.OpError }

// plainConn is a connection without TLS, which the library looks at before it uses it again.
type plainConn struct{ conn }

// SyscallConn gives access to the socket.
func (c *plainConn) SyscallConn() (syscall.RawConn, error) {
	s, ok := c.Conn.(syscall.Conn)
	if !ok {
		return nil, syscall.ENOTSUP
	}
	return s.SyscallConn()
}
