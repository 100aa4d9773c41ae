package front

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// stockRouter answers as the server's router does: by a handler behind the inner chain where it has one, else 400.
func stockRouter(f *Front, next http.HandlerFunc) http.Handler {
	inner := f.Wrap(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		form := r.Method == http.MethodPost && (r.URL.Path == "/" || r.URL.Query().Has("delete"))
		object := r.Method != http.MethodPost && strings.Count(r.URL.Path, "/") > 1
		if form || object || r.URL.Path == "/" && r.Method == http.MethodGet {
			inner.ServeHTTP(w, r)
			return
		}
		w.WriteHeader(http.StatusBadRequest)
	})
}

func TestWhatHasNoHandlerIsAnswered(t *testing.T) {
	t.Parallel()
	f := New(Options{})
	f.Open()
	srv := httptest.NewServer(f.Outer(stockRouter(f, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Bad") != "" {
			w.WriteHeader(http.StatusBadRequest)
		}
	})))
	defer srv.Close()
	for _, c := range []struct {
		method, path string
		status       int
		code         string
	}{
		{http.MethodGet, "/b/k", http.StatusOK, ""},
		{http.MethodGet, "/", http.StatusOK, ""},
		{http.MethodPost, "/", http.StatusOK, ""},
		{http.MethodPost, "/b/?delete", http.StatusBadRequest, "MalformedXML"}, // it has no body
		{http.MethodPatch, "/b/k", http.StatusMethodNotAllowed, "MethodNotAllowed"},
		{http.MethodConnect, "/b/k", http.StatusMethodNotAllowed, "MethodNotAllowed"},
		{"LOCK", "/b/k", http.StatusMethodNotAllowed, "MethodNotAllowed"},
		{http.MethodPut, "/", http.StatusMethodNotAllowed, "MethodNotAllowed"},
		{http.MethodDelete, "/", http.StatusMethodNotAllowed, "MethodNotAllowed"},
		{http.MethodPost, "/b/k?renew", http.StatusNotImplemented, "NotImplemented"},
		{http.MethodPost, "/b/", http.StatusNotImplemented, "NotImplemented"},
		{http.MethodPut, "/minio/admin/v3/add-user?x;accessKey=a&accessKey=b", http.StatusBadRequest, "InvalidURI"},
		{http.MethodPost, "/?a;Action=AssumeRoleWithLDAPIdentity", http.StatusBadRequest, "InvalidURI"},
		{http.MethodGet, "/minio/download/b/k?token=%zz", http.StatusBadRequest, "InvalidURI"},
		{http.MethodGet, "/crossdomain.xml", http.StatusForbidden, "AccessDenied"},
	} {
		resp, body := do(t, c.method, srv.URL+c.path)
		if resp.StatusCode != c.status || !strings.Contains(body, c.code) {
			t.Errorf("%s %s: got %d %s, want %d %s", c.method, c.path, resp.StatusCode, body, c.status, c.code)
		}
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, srv.URL+"/b/?delete", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Bad", "1")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if err = resp.Body.Close(); err != nil || resp.StatusCode != http.StatusBadRequest {
		t.Errorf("a handler's own reply is changed: %d, %v", resp.StatusCode, err)
	}
	if got := resp.Header.Get("Server"); got != serverName[0] {
		t.Errorf("server is %q", got)
	}
}

func TestOneRequestThroughBothChains(t *testing.T) {
	t.Parallel()
	f := New(Options{})
	f.Open()
	var outer, inner *Request
	h := f.Outer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		outer = Of(r.Context())
		f.Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { inner = Of(r.Context()) })).ServeHTTP(w, r)
	}))
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/b/k", nil))
	if outer == none || outer != inner {
		t.Errorf("got %p outside and %p inside", outer, inner)
	}
}

// TestFrontIsNearlyFree pins what an ordinary request allocates on its way through both chains.
func TestFrontIsNearlyFree(t *testing.T) {
	f := New(Options{})
	f.Open()
	inner := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	h := f.Outer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { f.Wrap(inner).ServeHTTP(w, r) }))
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/b/k", nil)
	w := httptest.NewRecorder()
	// The request's copy, the value in its context, what is known of it, the route, the writer of the reply.
	if got := testing.AllocsPerRun(100, func() { h.ServeHTTP(w, r) }); got > 5 {
		t.Errorf("%v allocations", got)
	}
}
