package front

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
)

type connectionKey struct{}

// WithConnection puts what is known of a connection into the context of its requests. It is for http.Server.ConnContext.
func WithConnection(ctx context.Context, _ net.Conn) context.Context {
	return context.WithValue(ctx, connectionKey{}, &connection{})
}

// connectionOf returns what is known of the connection of a request; nil if nothing is.
func connectionOf(r *http.Request) *connection {
	c, _ := r.Context().Value(connectionKey{}).(*connection)
	return c
}

// Listener returns a listener that has at most Options.Connections open. More wait in the system's queue until one is
// closed.
func (f *Front) Listener(l net.Listener) net.Listener {
	if f.o.Connections <= 0 {
		return l
	}
	return &boundedListener{Listener: l, room: make(chan struct{}, f.o.Connections), closed: make(chan struct{})}
}

type boundedListener struct {
	net.Listener
	room   chan struct{}
	once   sync.Once
	closed chan struct{}
}

// Accept waits for room and then for a connection.
func (l *boundedListener) Accept() (net.Conn, error) {
	select {
	case l.room <- struct{}{}:
	case <-l.closed:
		return nil, net.ErrClosed
	}
	c, err := l.Listener.Accept()
	if err != nil {
		<-l.room
		return nil, err
	}
	return &boundedConn{Conn: c, room: l.room}, nil
}

// Close closes the listener.
func (l *boundedListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

type boundedConn struct {
	net.Conn
	once sync.Once
	room <-chan struct{}
}

// Close closes the connection and makes room for another.
func (c *boundedConn) Close() error {
	err := c.Conn.Close()
	c.once.Do(func() { <-c.room })
	return err
}

// CloseWrite is what the HTTP server asks of a TCP connection before it closes it.
func (c *boundedConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}
