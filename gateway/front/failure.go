package front

import (
	"context"
	"encoding/xml"
	"net/http"
	"strconv"
	"sync"
)

// Failure is an error reply of S3.
type Failure struct {
	Status  int    // of HTTP
	Code    string // of S3
	Message string
}

// slot carries a failure from the layer back to this package, past a handler that would drop it.
type slot struct {
	mu sync.Mutex
	f  *Failure
}

type slotKey struct{}

// Fail tells what a removal failed with, if the context is that of a request whose handler answers 204 all the same.
func Fail(ctx context.Context, f Failure) {
	s, ok := ctx.Value(slotKey{}).(*slot)
	if !ok {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.f = &f
}

// take returns the failure, if there is one.
func (s *slot) take() *Failure {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.f
}

// failing makes a DELETE that failed answer with its error. The server's handler answers 204 to any failure of the layer
// but a missing bucket.
func failing(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodDelete || adminPath(r) {
			next.ServeHTTP(w, r)
			return
		}
		s := &slot{}
		r = r.WithContext(context.WithValue(r.Context(), slotKey{}, s))
		next.ServeHTTP(&failureWriter{ResponseWriter: w, slot: s, path: r.URL.Path}, r)
	})
}

// failureWriter turns a 204 into the reply of the failure.
type failureWriter struct {
	http.ResponseWriter
	slot  *slot
	path  string
	begun bool // a header was written
	drop  bool // what the handler writes is not the reply
}

// Unwrap is for http.ResponseController.
func (w *failureWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Flush implements http.Flusher, which the server's handlers ask for without a check.
func (w *failureWriter) Flush() {
	if f, ok := w.ResponseWriter.(http.Flusher); ok {
		f.Flush()
	}
}

// WriteHeader replaces the reply if there is a failure.
func (w *failureWriter) WriteHeader(status int) {
	if w.begun {
		return
	}
	w.begun = true
	f := w.slot.take()
	if status != http.StatusNoContent || f == nil {
		w.ResponseWriter.WriteHeader(status)
		return
	}
	w.drop = true
	writeFailure(w.ResponseWriter, w.path, *f)
}

// Write writes to the reply unless that was replaced.
func (w *failureWriter) Write(p []byte) (int, error) {
	if !w.begun {
		w.WriteHeader(http.StatusOK)
	}
	if w.drop {
		return len(p), nil
	}
	return w.ResponseWriter.Write(p)
}

// errorBody is the body of an error reply.
type errorBody struct {
	XMLName   xml.Name `xml:"Error"`
	Code      string
	Message   string
	Resource  string
	RequestID string `xml:"RequestId"`
	HostID    string `xml:"HostId"`
}

// writeFailure writes an error reply.
func writeFailure(w http.ResponseWriter, path string, f Failure) {
	h := w.Header()
	body, err := xml.Marshal(errorBody{Code: f.Code, Message: f.Message, Resource: path, RequestID: h.Get("X-Amz-Request-Id")})
	if err != nil { // strings can always be encoded
		body = nil
	}
	body = append([]byte(xml.Header), body...)
	h.Set("Content-Type", "application/xml")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(f.Status)
	_, _ = w.Write(body) // a client that is gone gets no reply
}
