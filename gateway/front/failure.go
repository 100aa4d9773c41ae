package front

import (
	"context"
	"encoding/xml"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
)

// Failure is an error reply of S3.
type Failure struct {
	Status  int    // of HTTP
	Code    string // of S3
	Message string
}

// Error returns the code and the message.
func (f *Failure) Error() string { return f.Code + ": " + f.Message }

// Fail tells what a removal failed with, if the context is that of a request: the server's handler answers 204 all the same.
func Fail(ctx context.Context, f Failure) {
	q := Of(ctx)
	if q == none {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.failure = &f
}

// FailWrite tells what a write with a condition failed with, where the reply to it is changed accordingly; false: it is not.
func FailWrite(ctx context.Context, f Failure) bool {
	if !Of(ctx).listens {
		return false
	}
	Fail(ctx, f)
	return true
}

// failed returns what the layer told, if it did.
func (q *Request) failed() *Failure {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.failure
}

// failing makes a DELETE that failed answer with its error. The server's handler answers 204 to any failure of the layer
// but a missing bucket.
func failing(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodDelete && kindOf(r) != admin {
			p, q := replyOf(w), Of(r.Context())
			p.edit(func(status int, _ http.Header) int {
				if f := q.failed(); f != nil && status == http.StatusNoContent {
					p.fail(r.URL.Path, *f)
				}
				return status
			})
		}
		next.ServeHTTP(w, r)
	})
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

// requestIDHeader tells requests apart in logs.
const requestIDHeader = "X-Amz-Request-Id"

// WriteInternalError makes an internal error the reply, unless a status has been written.
func WriteInternalError(w http.ResponseWriter, r *http.Request) {
	writeFailure(w, r.URL.Path, *internalError)
}

// writeFailure writes an error reply.
func writeFailure(w http.ResponseWriter, path string, f Failure) {
	f = s3Failure(f)
	h := w.Header()
	if h.Get(requestIDHeader) == "" { // what is turned down before the server's handlers run
		h.Set(requestIDHeader, fmt.Sprintf("%016X", rand.Uint64()))
	}
	body, err := xml.Marshal(errorBody{Code: f.Code, Message: f.Message, Resource: path, RequestID: h.Get(requestIDHeader)})
	if err != nil { // strings can always be encoded
		body = nil
	}
	body = append([]byte(xml.Header), body...)
	h.Set("Content-Type", "application/xml")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(f.Status)
	_, _ = w.Write(body) // a client that is gone gets no reply
}
