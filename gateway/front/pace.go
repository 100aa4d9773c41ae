package front

import (
	"errors"
	"io"
	"net/http"
	"os"
	"sync/atomic"
	"time"
)

// pacer ends requests whose client neither sends nor takes anything. A slow client that moves is left alone. The zero
// pacer ends none.
type pacer struct{ stall time.Duration }

// wrap sets a limit to how long the body may stand still.
func (p pacer) wrap(next http.Handler) http.Handler {
	if p.stall <= 0 {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := connectionOf(r)
		if c != nil && c.limited.Swap(false) {
			_ = http.NewResponseController(w).SetWriteDeadline(time.Time{}) // of the reply before; fails when it is closed
		}
		q := Of(r.Context())
		q.pace = pacedReply{stall: p.stall, c: c}
		if r.Body != nil && r.Body != http.NoBody {
			b := &pacedBody{ReadCloser: r.Body, stall: p.stall, w: w, q: q}
			b.move(time.Now())
			r.Body = b
		}
		next.ServeHTTP(w, r)
	})
}

// pacedBody is a body that must move.
type pacedBody struct {
	io.ReadCloser
	stall time.Duration
	w     http.ResponseWriter
	q     *Request
	moved time.Time // when the limit was set
}

func (b *pacedBody) move(now time.Time) {
	b.moved = now
	_ = http.NewResponseController(b.w).SetReadDeadline(now.Add(b.stall)) // not supported: then there is no limit
}

// Read reads the body. The limit is set again when a quarter of it has passed: each read would be too often.
func (b *pacedBody) Read(buf []byte) (int, error) {
	if now := time.Now(); now.Sub(b.moved) > b.stall/4 {
		b.move(now)
	}
	n, err := b.ReadCloser.Read(buf)
	switch {
	case errors.Is(err, io.EOF):
		// The server watches for a client that goes away, which it would take the limit for.
		_ = http.NewResponseController(b.w).SetReadDeadline(time.Time{})
	case errors.Is(err, os.ErrDeadlineExceeded):
		b.q.stalled.Store(true)
	}
	return n, err
}

// stalledBody is the reply to a request whose body stands still.
var stalledBody = Failure{Status: http.StatusBadRequest, Code: "RequestTimeout",
	Message: "Your socket connection to the server was not read from or written to within the timeout period. Idle connections will be closed."}

// pacedReply sets a limit to how long a reply may stand still.
type pacedReply struct {
	stall time.Duration
	c     *connection
	moved time.Time
}

func (p *pacedReply) move(w http.ResponseWriter) {
	if p.stall <= 0 {
		return
	}
	if now := time.Now(); now.Sub(p.moved) > p.stall/4 {
		p.moved = now
		if p.c != nil {
			p.c.limited.Store(true)
		}
		_ = http.NewResponseController(w).SetWriteDeadline(now.Add(p.stall)) // not supported: then there is no limit
	}
}

// connection is what is known of a client's connection, over all its requests.
type connection struct {
	limited atomic.Bool // a limit for writing is set
}
