package front

import (
	"context"
	"net"
)

// connection is what is known of a client's connection, over all its requests.
type connection struct{ net.Conn }

type connectionKey struct{}

// WithConnection puts what is known of a connection into the context of its requests. It is for http.Server.ConnContext.
func WithConnection(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connectionKey{}, &connection{c})
}

// Listener returns a listener that bounds the number of connections.
func (f *Front) Listener(l net.Listener) net.Listener { return l }
