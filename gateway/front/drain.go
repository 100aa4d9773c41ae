package front

import (
	"context"
	"net/http"
	"strings"
	"sync"
)

// drain counts running requests. It turns new ones away before it is opened, since the server listens before it has its
// settings, and once it is closed.
type drain struct{ *drainState }

type drainState struct {
	mu      sync.Mutex
	open    bool
	retired chan struct{} // closed by Retire
	running int
	closed  chan struct{} // closed by Close
	idle    chan struct{} // closed when nothing runs after Close
}

func newDrain() drain {
	return drain{&drainState{retired: make(chan struct{}), closed: make(chan struct{}), idle: make(chan struct{})}}
}

// enter counts a request in. It is false while the server is not up.
func (d drain) enter() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.open || d.isClosed() {
		return false
	}
	d.running++
	return true
}

func (d drain) isClosed() bool { return isDone(d.closed) }

func (d drain) leave() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.running--
	d.settle()
}

// settle closes idle when the last request is gone.
func (d drain) settle() {
	if d.isClosed() && d.running == 0 {
		close(d.idle)
	}
}

// Running is the number of requests under way.
func (f *Front) Running() int {
	f.drain.mu.Lock()
	defer f.drain.mu.Unlock()
	return f.drain.running
}

// Open lets requests in. Until then only the start-up check and the liveness check pass.
func (f *Front) Open() {
	f.drain.mu.Lock()
	defer f.drain.mu.Unlock()
	f.drain.open = true
}

// Retire makes readiness fail and every reply the last one of its connection, so that clients go elsewhere, and ends
// requests that would never end by themselves. All else is served as before.
func (f *Front) Retire() {
	d := f.drain
	d.mu.Lock()
	defer d.mu.Unlock()
	d.retire()
}

func (d drain) retire() {
	if !isDone(d.retired) {
		close(d.retired)
	}
}

func isDone(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// Close is Retire and makes new requests be answered 503. Only the first call does something.
func (f *Front) Close() {
	d := f.drain
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.isClosed() {
		return
	}
	d.retire()
	close(d.closed)
	d.settle()
}

// Wait returns when no request runs after Close, or with the error of ctx.
func (f *Front) Wait(ctx context.Context) error {
	select {
	case <-f.drain.idle:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (d drain) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path := sentPath(r)
		if path == livePath {
			next.ServeHTTP(w, r) // the process lives until it is gone
			return
		}
		retired, stream := isDone(d.retired), endless(r)
		if retired {
			w.Header().Set("Connection", "close")
		}
		if retired && (stream || path == readyPath) || !d.enter() {
			w.Header().Set("Connection", "close")
			writeFailure(w, r.URL.Path, Failure{Status: http.StatusServiceUnavailable, Code: "ServiceUnavailable",
				Message: "The service is starting or shutting down. Please retry."})
			return
		}
		defer d.leave()
		if stream {
			ctx, cancel := context.WithCancel(r.Context())
			defer cancel()
			go func() {
				select {
				case <-d.retired:
					cancel()
				case <-ctx.Done():
				}
			}()
			r = r.WithContext(ctx)
		}
		next.ServeHTTP(w, r)
	})
}

// Where orchestrators ask.
const (
	livePath  = "/minio/health/live"
	readyPath = "/minio/health/ready"
)

// endless reports whether a request streams until its client goes: events, the trace and the log of the server.
func endless(r *http.Request) bool {
	if r.Method != http.MethodGet {
		return false
	}
	if rest, ok := strings.CutPrefix(sentPath(r), "/minio/admin/"); ok {
		_, what, _ := strings.Cut(rest, "/") // after the version
		return what == "trace" || what == "log"
	}
	return strings.Count(strings.Trim(r.URL.Path, "/"), "/") == 0 && r.URL.Query().Has("events")
}
