package front

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/gorilla/mux"

	"juicefs/pkg/checksum"
)

// Origin says on whose behalf the layer below the server is called.
type Origin uint8

// The origins.
const (
	Unknown Origin = iota // nothing was marked: background work of the server, management, or a handler that drops contexts
	Outside               // an S3, form or browser request
	Inside                // the layer's own call, whatever the request it came from
)

// Request is what the front and the layer below the server tell each other about one request, past the handlers between
// them, which know neither. It travels in the context. What has no lock is set before the server's handlers run and only
// read after that.
type Request struct {
	Origin     Origin
	Condition  Condition
	Select     SelectLimits // of the object, if it is to be searched
	listing    *Listing     // what is asked for, if it is a listing
	attributes *Attributes  // what is asked of an object, if nothing but that
	read       *readCondition
	rangeIf    *rangeCondition
	listens    bool     // the reply to a write is changed by the failure that the layer tells
	deletes    *deletes // set when the body is read, before the layer is called
	refused    *Failure // of the body, likewise

	next    http.Handler // what the router chose; nil: nothing yet
	plain   int          // the position of the method whose route is not known yet; 0: the request is not plain
	stalled atomic.Bool  // the client stopped sending the body
	pace    pacedReply

	body   *Body   // nil: the data of the request is read as the server gives it
	wanted *Wanted // nil: nothing is said of the checksum of what is made without data

	mu      sync.Mutex
	failure *Failure      // told by the layer
	sum     checksum.Sum  // told by the layer
	kind    checksum.Kind // of the object's, likewise
	kept    any           // by the layer, for itself
}

type requestKey struct{}

// none is what is known of a context that no request was put into.
var none = &Request{}

// Of returns what is known of the request of a context. Where there is none it is a zero Request, which must not be
// written to.
func Of(ctx context.Context) *Request {
	if q, ok := ctx.Value(requestKey{}).(*Request); ok {
		return q
	}
	return none
}

// With puts a Request into a context, in place of another.
func With(ctx context.Context, q *Request) context.Context {
	if q.next == nil {
		q.next = Of(ctx).next
	}
	return context.WithValue(ctx, requestKey{}, q)
}

// WithOrigin marks a context. All else that is known of its request is hidden.
func WithOrigin(ctx context.Context, o Origin) context.Context {
	return With(ctx, &Request{Origin: o})
}

// OriginOf returns the innermost mark.
func OriginOf(ctx context.Context) Origin { return Of(ctx).Origin }

// Keep has the layer find again what it saw for a request, at a later call for the same one. What is kept takes the place of
// what was. Without a request nothing is kept.
func Keep(ctx context.Context, v any) {
	if q := Of(ctx); q != none {
		q.mu.Lock()
		defer q.mu.Unlock()
		q.kept = v
	}
}

// Kept returns what was kept; nil if nothing was.
func Kept(ctx context.Context) any {
	q := Of(ctx)
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.kept
}

// marking puts a Request into the context of each request. Those for management keep the origin Unknown: the server works
// on its own settings with their context.
func marking(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r, _ = known(r)
		next.ServeHTTP(w, r)
	})
}

// known returns a request with a Request in its context: that of the outer chain, if it has passed there.
func known(r *http.Request) (*http.Request, *Request) {
	if q := Of(r.Context()); q != none {
		return r, q
	}
	q := &Request{Origin: Outside}
	if kindOf(r) == admin {
		q.Origin = Unknown
	}
	return r.WithContext(With(r.Context(), q)), q
}

// kind is what a request is for.
type kind uint8

const (
	s3      kind = iota // buckets and objects, also forms
	sts                 // temporary credentials: a form posted to "/"
	admin               // management of the server
	browser             // the file manager
	service             // health, metrics
)

// kindOf tells by the path as it was sent, which is how the server routes, too: "/minio%2Fadmin/" is a key.
func kindOf(r *http.Request) kind {
	path := sentPath(r)
	rest, reserved := strings.CutPrefix(path, "/minio/")
	switch {
	case !reserved && path == "/" && r.Method == http.MethodPost:
		return sts
	case !reserved && path != "/minio", routedAsKey(r):
		return s3
	case strings.HasPrefix(rest, "admin/"):
		return admin
	case isService(rest) && (r.Method == http.MethodGet || r.Method == http.MethodHead):
		return service
	}
	return browser
}

// sentPath is the path of a request without its escapes taken off.
func sentPath(r *http.Request) string {
	if r.URL.RawPath == "" {
		return r.URL.Path
	}
	return r.URL.EscapedPath()
}

// routedAsKey reports whether the router took a path for that of an object that begins like those of the server's own pages.
// There are such keys in buckets that are served as host names.
func routedAsKey(r *http.Request) bool {
	route := mux.CurrentRoute(r)
	if route == nil {
		return false
	}
	template, err := route.GetPathTemplate()
	return err == nil && !strings.HasPrefix(template, "/minio")
}

// isService reports whether a path below "/minio/" is one of the server's health and metrics.
func isService(rest string) bool {
	switch rest {
	case "health/live", "health/ready", "health/cluster", "health/cluster/read",
		"prometheus/metrics", "v2/metrics/cluster", "v2/metrics/node":
		return true
	}
	return false
}

// placeOf returns the bucket and the key of an S3 request as the server's router found them, by path or by host name; they
// are empty where the request has none.
func placeOf(r *http.Request) (bucket, key string) {
	vars := mux.Vars(r)
	if vars == nil {
		bucket, key, _ = strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
		return bucket, key
	}
	key, found := vars["object"]
	if !found { // the routes of what the server does not support look at no key
		key = strings.TrimPrefix(r.URL.EscapedPath(), "/")
		if _, err := mux.CurrentRoute(r).GetHostTemplate(); err != nil {
			_, key, _ = strings.Cut(key, "/")
		}
	}
	return unescaped(vars["bucket"]), unescaped(key)
}

// unescaped decodes a part of a path: the router works on paths as they were sent.
func unescaped(s string) string {
	if !strings.Contains(s, "%") {
		return s
	}
	if plain, err := url.PathUnescape(s); err == nil {
		return plain
	}
	return s // the handlers refuse it
}
