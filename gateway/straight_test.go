package gateway

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	_ "unsafe" // for go:linkname

	"github.com/google/go-cmp/cmp"
	"github.com/gorilla/mux"
	"github.com/minio/minio/cmd/logger"

	"juicefs/gateway/front"
)

// The fork's routes, in the order of its configureServerHandler.

//go:linkname forkWebRoutes github.com/minio/minio/cmd.registerWebRouter
func forkWebRoutes(router *mux.Router) error

//go:linkname forkAdminRoutes github.com/minio/minio/cmd.registerAdminRouter
func forkAdminRoutes(router *mux.Router, config, users bool)

//go:linkname forkHealthRoutes github.com/minio/minio/cmd.registerHealthCheckRouter
func forkHealthRoutes(router *mux.Router)

//go:linkname forkMetricRoutes github.com/minio/minio/cmd.registerMetricsRouter
func forkMetricRoutes(router *mux.Router)

//go:linkname forkTokenRoutes github.com/minio/minio/cmd.registerSTSRouter
func forkTokenRoutes(router *mux.Router)

//go:linkname forkObjectRoutes github.com/minio/minio/cmd.registerAPIRouter
func forkObjectRoutes(router *mux.Router)

// forkRouter returns the fork's router with handlers that tell their number and the variables of the path.
func forkRouter(t *testing.T) *mux.Router {
	t.Helper()
	router := mux.NewRouter().SkipClean(true).UseEncodedPath()
	must(t, forkWebRoutes(router))
	forkAdminRoutes(router, true, true)
	forkHealthRoutes(router)
	forkMetricRoutes(router)
	forkTokenRoutes(router)
	forkObjectRoutes(router)
	n := 0
	must(t, router.Walk(func(route *mux.Route, _ *mux.Router, _ []*mux.Route) error {
		if route.GetHandler() == nil {
			return nil // of a subrouter
		}
		n++
		number := n
		route.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Route", fmt.Sprint(number, mux.Vars(r))) // fmt sorts maps
		})
		return nil
	}))
	if n < 60 {
		t.Fatalf("the fork has %d routes", n)
	}
	return router
}

// TestShortcutLeadsWhereTheRouterDoes sends requests to the router and through a front that takes shortcuts past it.
func TestShortcutLeadsWhereTheRouterDoes(t *testing.T) {
	alone, behind := forkRouter(t), forkRouter(t)
	var past int
	f := front.New(front.Options{PastRouter: func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			past++
			next.ServeHTTP(w, r)
		})
	}})
	f.Open()
	behind.Use(f.Wrap)
	outer := f.Outer(behind)
	seed := rand.Uint64()
	rnd := rand.New(rand.NewPCG(seed, 0))
	pick := func(from ...string) string { return from[rnd.IntN(len(from))] }
	const rounds = 5_000
	for range rounds {
		path := ""
		for range 1 + rnd.IntN(4) {
			path += pick("/", "/", "/", "", "minio") +
				pick("b", "bucket.x", "minio", "miniox", "admin", "health", "live", "v3", "info", "upload", "webrpc", "%2F", "%0A", "a%20b", "ü", "+", ":", "", "*", "{object}")
		}
		if path == "" || path[0] != '/' {
			path = "/" + path
		}
		query := pick("", "", "", "", "?", "?acl", "?uploads", "?tagging", "?uploadId=1&partNumber=1", "?x-id=GetObject")
		r := httptest.NewRequestWithContext(t.Context(), pick("GET", "HEAD", "PUT", "DELETE", "POST"), path+query, nil)
		r.Host = pick("host", "b.host", "minio")
		for name, value := range map[string]string{"X-Amz-Copy-Source": "/b/k", "X-Amz-Snowball-Extract": "true", "Origin": "http://x",
			"User-Agent": "Mozilla/5", "Content-Type": "application/x-www-form-urlencoded", "Authorization": "AWS4-HMAC-SHA256 x"} {
			if rnd.IntN(8) == 0 {
				r.Header.Set(name, value)
			}
		}
		want, got := httptest.NewRecorder(), httptest.NewRecorder()
		alone.ServeHTTP(want, r.Clone(t.Context()))
		outer.ServeHTTP(got, r)
		// What the front itself answers has no route.
		if g, w := got.Header().Get("X-Route"), want.Header().Get("X-Route"); g != "" && g != w {
			t.Fatalf("%s %s of %s with %v: got %s, want %s (seed %d)", r.Method, r.RequestURI, r.Host, r.Header, g, w, seed)
		}
	}
	if past < rounds/20 { // about every ninth is plain
		t.Errorf("%d of %d requests took the shortcut", past, rounds)
	}
}

func TestDomainsHaveNoShortcut(t *testing.T) {
	router := forkRouter(t)
	f := front.New(front.Options{Domains: []string{"host"}, PastRouter: func(http.Handler) http.Handler {
		return http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("taken") })
	}})
	f.Open()
	router.Use(f.Wrap)
	outer := f.Outer(router)
	for range 2 {
		outer.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/b/k", nil))
	}
}

func TestPanicsPastTheRouter(t *testing.T) {
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/b/k", nil)
	w := httptest.NewRecorder()
	pastRouter(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(logger.ErrCritical) })).ServeHTTP(w, r)
	same(t, "status", w.Code, http.StatusInternalServerError)
	defer func() { same(t, "panic", recover(), any(http.ErrAbortHandler)) }()
	pastRouter(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })).ServeHTTP(w, r)
}

// serveShortcut compares replies to requests that go through the router with those to requests that do not.
func serveShortcut(t *testing.T, address string) {
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPut, http.MethodDelete} {
		var replies []http.Header
		for _, query := range []string{"", "?x-id=Something", ""} { // the first one may be what the shortcut is learned from
			req, err := http.NewRequestWithContext(t.Context(), method, "http://"+address+"/buck/none"+query, nil)
			must(t, err)
			resp, err := http.DefaultClient.Do(req)
			must(t, err)
			must(t, resp.Body.Close())
			same(t, method+" status", resp.StatusCode, http.StatusForbidden)
			resp.Header.Del("Date")
			same(t, "request ids", len(resp.Header.Get("X-Amz-Request-Id")), 16)
			resp.Header.Del("X-Amz-Request-Id")
			replies = append(replies, resp.Header)
		}
		if len(replies[0]) < 5 || replies[0].Get("Vary") != "Origin" {
			t.Errorf("%s: headers are %v", method, slices.Sorted(maps.Keys(replies[0])))
		}
		for _, other := range replies[1:] {
			if diff := cmp.Diff(other, replies[0]); diff != "" {
				t.Errorf("%s: headers differ:\n%s", method, diff)
			}
		}
	}
}
