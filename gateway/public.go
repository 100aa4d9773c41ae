package gateway

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	_ "unsafe" // for go:linkname

	xhttp "github.com/minio/minio/cmd/http"

	"juicefs/gateway/front"
)

// The fork's own server has no time limits, no limit of connections, and ends what runs when it is told to stop. So it
// listens only until the layer is called for the first time. Then its handler and its certificates go to a server of our
// own, on the same address: docs/design/own-server.md.

// forkServerErrors is where the fork's server tells that it has ended; the fork then ends the process. Without a channel
// nobody is told, and the server may be closed.
//
//go:linkname forkServerErrors github.com/minio/minio/cmd.globalHTTPServerErrorCh
var forkServerErrors chan error

//go:linkname forkServer github.com/minio/minio/cmd.newHTTPServerFn
func forkServer() *xhttp.Server

// public is the server that clients reach.
type public struct {
	srv      *http.Server
	listener net.Listener
	stopping atomic.Bool
	ended    chan struct{} // closed when Serve has returned

	mu    sync.Mutex
	conns map[net.Conn]http.ConnState // those that are open
}

// goPublic closes the fork's server and serves its handler. A request must have passed through it before, so that it is
// known to have its handler and to listen.
func (s *server) goPublic(ctx context.Context) error {
	fork := forkServer()
	if fork == nil || fork.Handler == nil {
		return errors.New("the fork of MinIO has no server: it is not the version that this program was made for")
	}
	handler, conf := fork.Handler, fork.TLSConfig
	if err := closeFork(fork, forkCloseTime); err != nil {
		return fmt.Errorf("close the server of the fork: %w", err)
	}
	l, err := listenAgain(ctx, s.o.Address)
	if err != nil {
		return err
	}
	l = s.front.Listener(l)
	srv := &http.Server{
		Handler:           s.front.Outer(handler),
		ReadHeaderTimeout: s.o.HeaderTime,
		IdleTimeout:       s.o.IdleTime,
		MaxHeaderBytes:    maxHeader,
		ConnContext:       front.WithConnection,
		ErrorLog:          slog.NewLogLogger(serverLog{s.o.Logger.Handler()}, slog.LevelDebug),
	}
	if conf != nil && conf.GetCertificate != nil { // net/http makes an empty one for a server without TLS
		srv.TLSConfig = conf.Clone()
		l = tls.NewListener(l, srv.TLSConfig)
	}
	p := &public{srv: srv, listener: l, ended: make(chan struct{}), conns: map[net.Conn]http.ConnState{}}
	srv.ConnState = p.note
	s.public.Store(p)
	go func() {
		defer close(p.ended)
		if err := srv.Serve(l); !p.stopping.Load() {
			s.tell(fmt.Errorf("the server ended: %w", err))
		}
	}()
	return nil
}

// forkCloseTime is how long the fork's server may take to close. It mostly takes less than a millisecond.
const forkCloseTime = 200 * time.Millisecond

// closer is what closeFork needs of a server.
type closer interface {
	Close() error
	SetKeepAlivesEnabled(on bool)
}

// closeFork closes the fork's server and waits for that, but not for ever. The goroutine that accepts for the fork's listener tells
// whoever serves it that the socket was closed, or sees that nobody wants to know, whichever comes first; in the second case the one
// who serves never returns, and Close waits for it. Once in some hundred starts of a busy machine that was so. The socket is closed by
// then and no connection is used again after a request that it has: what is left over is the two goroutines.
func closeFork(fork closer, patience time.Duration) error {
	closed := make(chan error, 1)
	go func() { closed <- fork.Close() }()
	t := time.NewTimer(patience)
	defer t.Stop()
	select {
	case err := <-closed:
		return err
	case <-t.C:
		fork.SetKeepAlivesEnabled(false) // closes those that wait for a request
		return nil
	}
}

// maxHeader bounds the header of a request. The fork refuses more than 8 KiB of it, with a reply, once it is read.
const maxHeader = 64 << 10

// note keeps the state of a connection.
func (p *public) note(c net.Conn, state http.ConnState) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if state == http.StateClosed || state == http.StateHijacked {
		delete(p.conns, c)
		return
	}
	p.conns[c] = state
}

// open is how many connections there are, and how many of them have a request.
func (p *public) open() (all, busy int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, state := range p.conns {
		if state == http.StateActive {
			busy++
		}
	}
	return len(p.conns), busy
}

// How the end is waited for.
const (
	lingerTime = time.Second          // for clients to send what they are about to send
	lingerLook = 5 * time.Millisecond // between looks
)

// stop takes no more connections and returns when the running requests have ended, or with the error of ctx. Connections
// that are open go on, since a client may be sending a request at this moment: each reply is the last of its connection,
// and those without a request get lingerTime. (http.Server.Shutdown drops what it reads after it was called.)
func (p *public) stop(ctx context.Context) error {
	if p == nil {
		return nil // it never went public
	}
	p.stopping.Store(true)
	if err := p.listener.Close(); err != nil {
		return fmt.Errorf("close the listener: %w", err)
	}
	look := time.NewTicker(lingerLook)
	defer look.Stop()
	for end := time.Now().Add(lingerTime); ; {
		all, busy := p.open()
		if all == 0 || busy == 0 && time.Now().After(end) {
			return nil
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// cut closes what stop left open.
func (p *public) cut() error {
	if p == nil {
		return nil
	}
	p.stopping.Store(true)
	err := p.srv.Close() // of the listener a second time, if stop was called
	<-p.ended
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// listenAgain listens on an address that the fork's server is about to leave.
func listenAgain(ctx context.Context, address string) (net.Listener, error) {
	ctx, cancel := context.WithTimeout(ctx, listenTime)
	defer cancel()
	for {
		l, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
		if !errors.Is(err, syscall.EADDRINUSE) || ctx.Err() != nil {
			if err != nil {
				return nil, fmt.Errorf("listen: %w", err)
			}
			return l, nil
		}
		select {
		case <-ctx.Done():
		case <-time.After(listenRetry):
		}
	}
}

// serverLog takes what the HTTP server has to say. Only a handler's panic is news: the rest is clients that went away.
type serverLog struct{ slog.Handler }

// Enabled implements slog.Handler.
func (serverLog) Enabled(context.Context, slog.Level) bool { return true }

// Handle implements slog.Handler.
func (l serverLog) Handle(ctx context.Context, r slog.Record) error {
	if strings.HasPrefix(r.Message, "http: panic") {
		r.Level = slog.LevelError
	}
	if !l.Handler.Enabled(ctx, r.Level) {
		return nil
	}
	return l.Handler.Handle(ctx, r)
}
