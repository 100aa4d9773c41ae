package main

import (
	"context"
	"net"
	"net/http"
	"runtime"
	"sync"
	"time"
	_ "unsafe" // for go:linkname

	"github.com/gorilla/mux"
	minio "github.com/minio/minio/cmd"
	xhttp "github.com/minio/minio/cmd/http"

	"juicefs/gateway"
	"juicefs/gateway/front"
)

// As in package gateway, whose tests pin the version of the fork.

//go:linkname forkHandlers github.com/minio/minio/cmd.globalHandlers
var forkHandlers []mux.MiddlewareFunc

//go:linkname forkServer github.com/minio/minio/cmd.newHTTPServerFn
func forkServer() *xhttp.Server

//go:linkname forkServerErrors github.com/minio/minio/cmd.globalHTTPServerErrorCh
var forkServerErrors chan error

// memProfileRate is Go's default. The fork samples 128 times as often; the gateway sets it back too.
const memProfileRate = 512 << 10

// begun is a layer with what is to happen when the fork calls it for the first time.
type begun struct {
	minio.ObjectLayer
	once   sync.Once
	begin  []func() error
	failed chan<- error // ends the process
}

// NewNSLock is the first method that the fork calls, when it has set what is set back here, from the goroutine that starts it.
func (b *begun) NewNSLock(bucket string, objects ...string) minio.RWLocker {
	b.once.Do(func() {
		runtime.MemProfileRate = memProfileRate
		for _, f := range b.begin {
			if err := f(); err != nil {
				b.failed <- err
				select {} // until the process ends
			}
		}
	})
	return b.ObjectLayer.NewNSLock(bucket, objects...)
}

// entrance is the front of the gateway as Serve has it: the same members in both chains, and a server with the same limits in
// place of the fork's.
type entrance struct {
	address string
	front   *front.Front
	failed  chan<- error
}

// mountFront puts the front before the fork's handlers. serve has to follow when the fork serves.
func mountFront(address string, store front.Store, o gateway.Options, failed chan<- error) *entrance {
	e := &entrance{address: address, front: front.New(o.Front(store)), failed: failed}
	forkHandlers = append([]mux.MiddlewareFunc{e.front.Wrap}, forkHandlers...)
	forkServerErrors = nil
	return e
}

// startTime is how long the fork may take to listen, and to leave its address.
const startTime = 10 * time.Second

// serve moves the fork's handler to a server behind the front.
func (e *entrance) serve() error {
	ctx, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	var d net.Dialer
	if err := retry(ctx, func() error { // a server that does not listen yet would do so later
		c, err := d.DialContext(ctx, "tcp", e.address)
		if err != nil {
			return err
		}
		return c.Close()
	}); err != nil {
		return err
	}
	fork := forkServer()
	if err := fork.Close(); err != nil {
		return err
	}
	var l net.Listener
	if err := retry(ctx, func() (err error) {
		l, err = new(net.ListenConfig).Listen(ctx, "tcp", e.address)
		return err
	}); err != nil {
		return err
	}
	srv := &http.Server{Handler: e.front.Outer(fork.Handler), ReadHeaderTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute,
		MaxHeaderBytes: 64 << 10, ConnContext: front.WithConnection, ConnState: func(net.Conn, http.ConnState) {}}
	e.front.Open()
	go func() { e.failed <- srv.Serve(e.front.Listener(l)) }()
	return nil
}

// retry calls f until it succeeds or ctx ends.
func retry(ctx context.Context, f func() error) error {
	for {
		err := f()
		if err == nil || ctx.Err() != nil {
			return err
		}
		select {
		case <-ctx.Done():
		case <-time.After(2 * time.Millisecond):
		}
	}
}
