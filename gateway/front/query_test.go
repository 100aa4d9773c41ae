package front

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gorilla/mux"
)

// FuzzQuery: of a query that passes, the router, which gives the server's handlers their variables, the server's handlers
// and the members of the front all read the same.
func FuzzQuery(f *testing.F) {
	for _, q := range []string{"", "user=a", "x;user=a&user=b", "user=a&user=b", "us%65r=a", "user=%zz&user=b", "user=a+b%20c", "&&=x&user", "user=a=b", "USER=a", "user=%00", "user=%0A"} {
		f.Add(q)
	}
	routed, got := false, ""
	router := mux.NewRouter().SkipClean(true).UseEncodedPath()
	router.Path("/x").Queries("user", "{user:.*}").HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		routed, got = true, mux.Vars(r)["user"]
	})
	f.Fuzz(func(t *testing.T, query string) {
		if !wellFormed(query) {
			return
		}
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/x", nil)
		r.URL.RawQuery = query
		routed, got = false, ""
		router.ServeHTTP(httptest.NewRecorder(), r)
		if !routed && strings.Contains(param(r, "user"), "\n") {
			return // no route takes it; what would then be another operation is refused
		}
		if routed != hasParam(r, "user") || got != param(r, "user") || got != r.URL.Query().Get("user") {
			t.Errorf("%q: the router found %v %q, the front %v %q, the handler %q", query, routed, got, hasParam(r, "user"), param(r, "user"), r.URL.Query().Get("user"))
		}
	})
}
