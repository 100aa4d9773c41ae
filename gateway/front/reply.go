package front

import (
	"bytes"
	"net/http"
	"strconv"
)

// reply is the one writer between the server's handlers and the client. Members of the chain say what is to change in a
// reply before the handlers run; it is changed when they have written it, innermost member first.
//
// It belongs to the goroutine of its request.
type reply struct {
	http.ResponseWriter
	q       *Request
	path    string
	request *http.Request // nil: error replies of the server stay as they are
	edits   []func(status int, h http.Header) int
	whole   []func(status int, h http.Header, body []byte) (int, []byte)
	limit   int  // most bytes of a body that is held
	begun   bool // the handler has said its status
	sent    bool // the client has the header
	drop    bool // what the handler writes is not the reply

	status int
	held   *bytes.Buffer // of a reply that is held; nil: none is
}

// replying lays the writer under the rest of the chain.
func replying(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p := &reply{ResponseWriter: w, q: Of(r.Context()), path: r.URL.Path}
		if kindOf(r) == s3 {
			p.request = r
		}
		next.ServeHTTP(p, r)
		p.finish()
	})
}

// replyOf returns the writer that replying laid.
func replyOf(w http.ResponseWriter) *reply {
	p, _ := w.(*reply)
	return p
}

// edit has f called before the header goes out, with the status, which f returns or replaces, and the header, which it may
// change. f may also call fail.
func (p *reply) edit(f func(status int, h http.Header) int) { p.edits = append(p.edits, f) }

// hold has the whole body kept back until the handler is done and changed by f, unless it grows past limit bytes: then it
// goes out as it is. For replies that the server makes in memory anyway.
func (p *reply) hold(limit int, f func(status int, h http.Header, body []byte) (int, []byte)) {
	p.whole, p.limit = append(p.whole, f), max(p.limit, limit)
}

// fail makes an error the reply, whatever the handler writes. It does nothing once the client has a header.
func (p *reply) fail(path string, f Failure) {
	if p.sent {
		return
	}
	p.begun, p.sent, p.drop, p.held = true, true, true, nil
	writeFailure(p.ResponseWriter, path, f)
}

// settle makes a status without a body the reply, whatever the handler writes. It does nothing once the client has a header.
func (p *reply) settle(status int) {
	if p.sent {
		return
	}
	p.begun, p.sent, p.drop, p.held = true, true, true, nil
	p.ResponseWriter.WriteHeader(status)
}

// Unwrap is for http.ResponseController.
func (p *reply) Unwrap() http.ResponseWriter { return p.ResponseWriter }

// Flush implements http.Flusher, which the server's handlers ask for without a check. A reply that is held stays.
func (p *reply) Flush() {
	if p.held != nil {
		return
	}
	if f, ok := p.ResponseWriter.(http.Flusher); ok {
		f.Flush()
	}
}

// WriteHeader runs the edits and sends the header, unless the reply is held.
func (p *reply) WriteHeader(status int) {
	if p.begun {
		return
	}
	if status < http.StatusOK {
		p.ResponseWriter.WriteHeader(status) // informational: the reply is still to come
		return
	}
	p.begun = true
	if status >= http.StatusBadRequest && p.q.stalled.Load() {
		p.fail(p.path, stalledBody) // whatever the handler took it for
		return
	}
	for i := len(p.edits) - 1; i >= 0; i-- {
		if status = p.edits[i](status, p.Header()); p.drop {
			return
		}
	}
	p.status = status
	if status >= http.StatusBadRequest && p.request != nil && p.Header().Get("Content-Type") == "application/xml" {
		p.hold(maxError, func(status int, _ http.Header, body []byte) (int, []byte) { return reword(p.request, status, body) })
	}
	if len(p.whole) > 0 {
		p.held = new(bytes.Buffer)
		return
	}
	p.send()
}

func (p *reply) send() {
	p.sent = true
	p.ResponseWriter.WriteHeader(p.status)
}

// Write writes to the reply.
func (p *reply) Write(b []byte) (int, error) {
	if !p.begun {
		p.WriteHeader(http.StatusOK)
	}
	switch {
	case p.drop:
		return len(b), nil
	case p.held == nil:
		p.q.pace.move(p.ResponseWriter)
		return p.ResponseWriter.Write(b)
	case p.held.Len()+len(b) <= p.limit:
		return p.held.Write(b)
	}
	before := p.held.Bytes()
	p.held = nil
	p.send()
	if _, err := p.ResponseWriter.Write(before); err != nil {
		return 0, err
	}
	return p.ResponseWriter.Write(b)
}

// finish sends what was held.
func (p *reply) finish() {
	if p.held == nil {
		return
	}
	body := p.held.Bytes()
	p.held = nil
	for i := len(p.whole) - 1; i >= 0; i-- {
		if p.status, body = p.whole[i](p.status, p.Header(), body); p.drop {
			return
		}
	}
	if p.Header().Get("Content-Length") != "" || len(body) > 0 {
		p.Header().Set("Content-Length", strconv.Itoa(len(body)))
	}
	p.send()
	if len(body) > 0 {
		_, _ = p.ResponseWriter.Write(body) // a client that is gone gets no reply
	}
}
