package front

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// TestRepliesThatStayCostNothing: members that only change replies of other requests do nothing to most.
func TestRepliesThatStayCostNothing(t *testing.T) {
	f := New(Options{Server: openServer{}, Store: &papers{}})
	for name, m := range map[string]member{"listing": f.listing, "describing": describing, "settle": f.settle, "buckets": f.buckets, "deleting": f.deleting, "crossOrigin": f.crossOrigin} {
		h := m(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
		for _, target := range []string{"GET /b/k", "HEAD /b/k", "PUT /b/k", "DELETE /b/k"} {
			method, path := target[:len(target)-5], target[len(target)-4:]
			r := httptest.NewRequestWithContext(With(t.Context(), &Request{}), method, path, nil)
			w := &reply{ResponseWriter: httptest.NewRecorder()}
			if n := testing.AllocsPerRun(100, func() { h.ServeHTTP(w, r) }); n != 0 {
				t.Errorf("%s: %s takes %v allocations", target, name, n)
			}
		}
	}
}

// openServer lets everybody in.
type openServer struct{ Server }

func (openServer) Allow(*http.Request, string, string, string) *Failure { return nil }
func (openServer) Barred(*http.Request) bool                            { return false }
func (openServer) VerifyForm(map[string]string) *Failure                { return nil }

// TestPlainRequestsCostFewAllocations holds what the whole front adds to a request: the Request and the writer of the reply,
// two contexts and requests with them, and the variables of the path.
func TestPlainRequestsCostFewAllocations(t *testing.T) {
	for _, method := range plainMethods {
		most := 8.0
		if method == http.MethodDelete {
			most = 10 // its reply is changed if it failed
		}
		send := plainRequest(t, method)
		if n := testing.AllocsPerRun(100, send); n > most {
			t.Errorf("%s takes %v allocations, want at most %v", method, n, most)
		}
	}
}
