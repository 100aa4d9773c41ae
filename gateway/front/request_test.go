package front

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/gorilla/mux"
)

func TestPlaceIsTheRouters(t *testing.T) {
	t.Parallel()
	got := ""
	router := mux.NewRouter().SkipClean(true).UseEncodedPath()
	router.Use(func(http.Handler) http.Handler {
		return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			bucket, key := placeOf(r)
			got = bucket + "|" + key
		})
	})
	router.Host("{bucket:.+}.example.com").Queries("acl", "").Handler(http.NotFoundHandler())
	router.PathPrefix("/{bucket}").Queries("acl", "").Handler(http.NotFoundHandler())
	router.Host("{bucket:.+}.example.com").Path("/{object:.+}").Handler(http.NotFoundHandler())
	router.PathPrefix("/{bucket}").Path("/{object:.+}").Handler(http.NotFoundHandler())
	router.Path("/{bucket}").Handler(http.NotFoundHandler())
	for url, want := range map[string]string{
		"http://h/b/a/k":               "b|a/k",
		"http://h/b":                   "b|",
		"http://b.example.com/a/k":     "b|a/k",
		"http://h/b/a%2Bk%20":          "b|a+k ",
		"http://h/b/a/k?acl":           "b|a/k",
		"http://h/b/?acl":              "b|",
		"http://h/b?acl":               "b|",
		"http://b.example.com/a/k?acl": "b|a/k",
		"http://b.example.com/?acl":    "b|",
	} {
		router.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodGet, url, nil))
		if got != want {
			t.Errorf("%s: got %q, want %q", url, got, want)
		}
	}
}

func TestKinds(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		method, path string
		want         kind
	}{
		{"GET", "/", s3}, {"POST", "/", sts}, {"POST", "/b", s3}, {"GET", "/minio", browser}, {"GET", "/minio/", browser},
		{"POST", "/minio/webrpc", browser}, {"PUT", "/minio/admin/v3/add-user", admin}, {"GET", "/minio/health/live", service},
		{"GET", "/minio/v2/metrics/cluster", service}, {"GET", "/minion/k", s3}, {"GET", "/b/minio/admin/", s3},
		{"PUT", "/minio%2Fadmin/v3/x", s3}, {"PUT", "/minio/%61dmin/v3/x", browser}, {"GET", "/minio%2Fhealth/live", s3},
		{"PUT", "/minio/health/live", browser}, {"GET", "/minio/health/other", browser},
	} {
		if got := kindOf(httptest.NewRequestWithContext(t.Context(), c.method, c.path, nil)); got != c.want {
			t.Errorf("%s %s: got %v, want %v", c.method, c.path, got, c.want)
		}
	}
}

func TestKindsAreTheRouters(t *testing.T) {
	t.Parallel()
	got := kind(255)
	look := func(_ http.ResponseWriter, r *http.Request) { got = kindOf(r) }
	router := mux.NewRouter().SkipClean(true).UseEncodedPath()
	router.PathPrefix("/minio/admin").Subrouter().NotFoundHandler = http.HandlerFunc(look)
	router.PathPrefix("/minio/health").Subrouter().Methods(http.MethodGet).Path("/live").HandlerFunc(look)
	router.PathPrefix("/minio").HeadersRegexp("User-Agent", "Mozilla").Subrouter().Path("/{index:.*}").HandlerFunc(look)
	router.PathPrefix("/").Subrouter().Host("{bucket:.+}.my.domain").Subrouter().Path("/{object:.+}").HandlerFunc(look)
	for _, c := range []struct {
		method, path, agent string
		want                kind
	}{
		{"GET", "/minio/health/live", "", service}, {"PUT", "/minio/health/live", "", s3}, {"GET", "/minio/health/k", "", s3},
		{"PUT", "/minio/upload/k", "", s3}, {"PUT", "/minio/upload/k", "Mozilla/5.0", browser}, {"PUT", "/minio/admin/v3/k", "", admin},
		{"PUT", "/minio%2Fadmin/v3/k", "", s3},
	} {
		r := httptest.NewRequestWithContext(t.Context(), c.method, "http://b.my.domain"+c.path, nil)
		r.Header.Set("User-Agent", c.agent)
		got = kind(255)
		router.ServeHTTP(httptest.NewRecorder(), r)
		if got != c.want {
			t.Errorf("%s %s %s: got %v, want %v", c.method, c.path, c.agent, got, c.want)
		}
	}
}
