package front

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/mux"
)

// BenchmarkPlain is what the front adds to a plain request, as signing clients send it.
func BenchmarkPlain(b *testing.B) {
	for _, method := range plainMethods {
		b.Run(method, func(b *testing.B) {
			send := plainRequest(b, method)
			b.ReportAllocs()
			for b.Loop() {
				send()
			}
		})
	}
}

// plainRequest returns a function that sends a plain request through a front to a handler that does nothing.
func plainRequest(t testing.TB, method string) func() {
	router := mux.NewRouter().SkipClean(true).UseEncodedPath()
	router.Path("/{bucket}/{object:.+}").HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	f := New(Options{Server: openServer{}, Store: &papers{}, Requests: 1000, Stall: time.Minute,
		PastRouter: func(next http.Handler) http.Handler { return next }})
	f.Open()
	router.Use(f.Wrap)
	h := f.Outer(router)
	template := httptest.NewRequestWithContext(WithConnection(t.Context(), nil), method, "/bucket/some/key/of/an/object", nil)
	for name, value := range map[string]string{
		"Authorization": "AWS4-HMAC-SHA256 Credential=benchuser/20261125/us-east-1/s3/aws4_request, " +
			"SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature=" + strings.Repeat("0", 64),
		"X-Amz-Content-Sha256": strings.Repeat("0", 64), "X-Amz-Date": "20261125T000000Z", "User-Agent": "bench", "Content-Length": "4096"} {
		template.Header.Set(name, value)
	}
	w := &nowhere{header: http.Header{}}
	r := new(http.Request)
	return func() {
		*r = *template
		clear(w.header)
		h.ServeHTTP(w, r)
	}
}

// nowhere is a writer whose replies go nowhere.
type nowhere struct{ header http.Header }

func (n *nowhere) Header() http.Header         { return n.header }
func (n *nowhere) WriteHeader(int)             {}
func (n *nowhere) Write(p []byte) (int, error) { return len(p), nil }
