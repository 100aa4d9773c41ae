package front

import (
	"net/http"
	"strings"
	"sync/atomic"

	"github.com/gorilla/mux"
)

// shortcuts lead plain requests for objects past the server's router. It asks each of some sixty routes, most by a regular
// expression, and makes the chain of the server's handlers anew: an eighth of what a small PUT cost. Which route it finds
// for a plain request depends on nothing but the method. So the first one of each method goes through it, and what it found
// serves the ones that follow. docs/design/own-server.md
//
// The zero value has learned nothing.
type shortcuts struct {
	found [len(plainMethods)]atomic.Pointer[http.Handler]
}

// plainMethods are the methods with a route for objects that needs nothing else.
var plainMethods = [...]string{http.MethodGet, http.MethodHead, http.MethodPut, http.MethodDelete}

// routing are the headers that a route asks for, apart from those of requests whose query or bucket is not plain.
var routing = [...]string{"X-Amz-Copy-Source", "X-Amz-Snowball-Extract"}

// reservedStart is how the paths begin that the server keeps for itself.
const reservedStart = "minio"

// plain tells whether a request is one for an object, named in its path, by its method alone: its bucket and key as they
// were sent and the position of its method, from 1 on. 0: it is not.
func plain(r *http.Request) (bucket, key string, method int) {
	for i, m := range plainMethods {
		if r.Method == m {
			method = i + 1
		}
	}
	if method == 0 || r.URL.RawQuery != "" {
		return "", "", 0
	}
	for _, name := range routing {
		if _, there := r.Header[name]; there {
			return "", "", 0
		}
	}
	path, rooted := strings.CutPrefix(r.URL.EscapedPath(), "/")
	bucket, key, _ = strings.Cut(path, "/")
	if !rooted || bucket == "" || key == "" || strings.HasPrefix(bucket, reservedStart) {
		return "", "", 0
	}
	return bucket, key, method
}

// straight is the member, the last before the router, that takes the shortcut.
func (f *Front) straight(next http.Handler) http.Handler {
	if f.o.PastRouter == nil || len(f.o.Domains) > 0 { // with domains the host counts, too
		return next
	}
	past := f.o.PastRouter(f.chain)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		bucket, key, method := plain(r)
		if method == 0 || r.Header["Origin"] != nil { // what stands before the router minds the origin
			next.ServeHTTP(w, r)
			return
		}
		q := Of(r.Context())
		found := f.shortcuts.found[method-1].Load()
		if found == nil {
			q.plain = method
			next.ServeHTTP(w, r)
			return
		}
		q.next = *found
		past.ServeHTTP(w, mux.SetURLVars(r, map[string]string{"bucket": bucket, "object": key}))
	})
}

// learn keeps what the router has found for a plain request, unless it has read its path in another way.
func (s *shortcuts) learn(q *Request, r *http.Request, found http.Handler) {
	if q.plain == 0 {
		return
	}
	bucket, key, method := plain(r)
	if vars := mux.Vars(r); method == q.plain && len(vars) == 2 && vars["bucket"] == bucket && vars["object"] == key {
		s.found[method-1].Store(&found)
	}
}
