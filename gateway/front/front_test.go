package front

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// serve starts a server with the chain before next.
func serve(t *testing.T, next http.HandlerFunc) (*Front, *httptest.Server) {
	t.Helper()
	f := New(Options{})
	f.Open()
	srv := httptest.NewServer(f.Outer(f.Wrap(next)))
	t.Cleanup(srv.Close)
	return f, srv
}

// answer is what a request got.
type answer struct {
	StatusCode int
	Close      bool
}

func do(t *testing.T, method, url string) (answer, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	if err = errors.Join(err, resp.Body.Close()); err != nil {
		t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Close}, string(body)
}

func TestMarks(t *testing.T) {
	t.Parallel()
	got := make(chan Origin, 1)
	_, srv := serve(t, func(_ http.ResponseWriter, r *http.Request) { got <- OriginOf(r.Context()) })
	for path, want := range map[string]Origin{
		"/bucket/key":                   Outside,
		"/":                             Outside,
		"/minio/webrpc":                 Outside,
		"/minio/upload/b/k":             Outside,
		"/minio/admin/v3/add-user":      Unknown,
		"/minio/administrator":          Outside,
		"/bucket/minio/admin/something": Outside,
	} {
		do(t, http.MethodGet, srv.URL+path)
		if o := <-got; o != want {
			t.Errorf("%s: got %v, want %v", path, o, want)
		}
	}
	if o := OriginOf(WithOrigin(WithOrigin(context.Background(), Outside), Inside)); o != Inside {
		t.Errorf("the inner mark does not count: %v", o)
	}
}

func TestFailedDeleteIsNoSuccess(t *testing.T) {
	t.Parallel()
	denied := Failure{Status: http.StatusForbidden, Code: "AccessDenied", Message: "Access Denied."}
	_, srv := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Amz-Request-Id", "ID1")
		switch r.URL.Path {
		case "/b/bad":
			Fail(r.Context(), denied)
			w.Header().Set("Content-Length", "0")
			w.WriteHeader(http.StatusNoContent)
			if f, ok := w.(http.Flusher); ok {
				f.Flush()
			} else {
				t.Error("the handler cannot flush")
			}
		case "/b/said":
			Fail(r.Context(), denied)
			w.WriteHeader(http.StatusNotFound)
		default:
			w.WriteHeader(http.StatusNoContent)
		}
	})
	resp, body := do(t, http.MethodDelete, srv.URL+"/b/bad")
	if resp.StatusCode != http.StatusForbidden || !strings.Contains(body, "<Code>AccessDenied</Code>") || !strings.Contains(body, "<RequestId>ID1</RequestId>") {
		t.Errorf("got %d %s", resp.StatusCode, body)
	}
	if resp, _ := do(t, http.MethodDelete, srv.URL+"/b/good"); resp.StatusCode != http.StatusNoContent {
		t.Errorf("got %d", resp.StatusCode)
	}
	if resp, _ := do(t, http.MethodDelete, srv.URL+"/b/said"); resp.StatusCode != http.StatusNotFound {
		t.Errorf("a reply of the handler's own is changed: %d", resp.StatusCode)
	}
	if resp, _ := do(t, http.MethodPut, srv.URL+"/b/bad"); resp.StatusCode != http.StatusNoContent {
		t.Errorf("a PUT is changed: %d", resp.StatusCode)
	}
	Fail(context.Background(), denied) // nobody listens
}

func TestDrain(t *testing.T) {
	t.Parallel()
	entered, leave := make(chan struct{}, 9), make(chan struct{})
	f, srv := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/b/slow":
			entered <- struct{}{}
			<-leave
			_, _ = io.WriteString(w, "whole")
		case "/b":
			entered <- struct{}{}
			<-r.Context().Done() // a stream of events
		}
	})
	slow := make(chan string, 1)
	go func() {
		_, body := do(t, http.MethodGet, srv.URL+"/b/slow")
		slow <- body
	}()
	events := make(chan struct{})
	go func() {
		do(t, http.MethodGet, srv.URL+"/b?events=x")
		close(events)
	}()
	<-entered
	<-entered
	f.Close()
	f.Close()
	<-events // ended by Close
	short, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := f.Wait(short); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("did not wait for a running request: %v", err)
	}
	resp, body := do(t, http.MethodGet, srv.URL+"/b/new")
	if resp.StatusCode != http.StatusServiceUnavailable || !resp.Close || !strings.Contains(body, "ServiceUnavailable") {
		t.Errorf("got %d, close %v, %s", resp.StatusCode, resp.Close, body)
	}
	if resp, _ := do(t, http.MethodGet, srv.URL+"/minio/health/ready"); resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("ready: got %d", resp.StatusCode)
	}
	if resp, _ := do(t, http.MethodGet, srv.URL+livePath); resp.StatusCode != http.StatusOK {
		t.Errorf("live: got %d", resp.StatusCode)
	}
	close(leave)
	if err := f.Wait(t.Context()); err != nil || f.Running() != 0 {
		t.Errorf("got %v, %d run", err, f.Running())
	}
	if got := <-slow; got != "whole" {
		t.Errorf("the running request got %q", got)
	}
}

func TestDrainOfNothing(t *testing.T) {
	t.Parallel()
	f := New(Options{})
	f.Close()
	if err := f.Wait(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestNothingPassesBeforeOpen(t *testing.T) {
	t.Parallel()
	f := New(Options{})
	srv := httptest.NewServer(f.Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})))
	defer srv.Close()
	if err := f.Check(t.Context(), http.DefaultClient, srv.URL); err != nil {
		t.Error(err)
	}
	for path, want := range map[string]int{"/b/k": http.StatusServiceUnavailable, "/minio/health/ready": http.StatusServiceUnavailable, livePath: http.StatusOK} {
		if resp, _ := do(t, http.MethodGet, srv.URL+path); resp.StatusCode != want {
			t.Errorf("%s: got %d, want %d", path, resp.StatusCode, want)
		}
	}
	f.Open()
	if resp, _ := do(t, http.MethodGet, srv.URL+"/b/k"); resp.StatusCode != http.StatusOK {
		t.Errorf("got %d", resp.StatusCode)
	}
}

func TestPanickingRequestIsCountedOut(t *testing.T) {
	t.Parallel()
	f := New(Options{})
	f.Open()
	h := f.Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	func() {
		defer func() { _ = recover() }()
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/b/k", nil))
	}()
	if f.Running() != 0 {
		t.Errorf("%d run", f.Running())
	}
}

func TestCheckTellsWhetherRequestsComeThrough(t *testing.T) {
	t.Parallel()
	nothing := func(http.ResponseWriter, *http.Request) {}
	f, srv := serve(t, nothing)
	if err := f.Check(t.Context(), http.DefaultClient, srv.URL); err != nil {
		t.Error(err)
	}
	bare := httptest.NewServer(http.HandlerFunc(nothing))
	defer bare.Close()
	if err := f.Check(t.Context(), http.DefaultClient, bare.URL); !errors.Is(err, ErrBypassed) {
		t.Errorf("got %v", err)
	}
	other, srv2 := serve(t, nothing)
	if err := f.Check(t.Context(), http.DefaultClient, srv2.URL); !errors.Is(err, ErrBypassed) {
		t.Errorf("another chain answered: %v", err)
	}
	_ = other
	bare.Close()
	if err := f.Check(t.Context(), http.DefaultClient, bare.URL); err == nil || errors.Is(err, ErrBypassed) {
		t.Errorf("got %v", err)
	}
}

func TestConditions(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		c      Condition
		exists bool
		tag    string
		want   error
	}{
		{"none", Condition{}, true, "a", nil},
		{"new key is new", Condition{IfNoneMatch: "*"}, false, "", nil},
		{"new key exists", Condition{IfNoneMatch: "*"}, true, "", ErrNotMet},
		{"none of these", Condition{IfNoneMatch: `"a", "b"`}, true, "c", nil},
		{"one of these", Condition{IfNoneMatch: `"a", W/"b"`}, true, "b", ErrNotMet},
		{"the one", Condition{IfMatch: `"a"`}, true, "a", nil},
		{"the one without quotes", Condition{IfMatch: "a"}, true, "a", nil},
		{"another", Condition{IfMatch: `"a"`}, true, "b", ErrNotMet},
		{"tag is not known", Condition{IfMatch: `""`}, true, "", ErrNotMet},
		{"any", Condition{IfMatch: "*"}, true, "", nil},
		{"must exist", Condition{IfMatch: "*"}, false, "", ErrAbsent},
		{"must be the one and is missing", Condition{IfMatch: `"a"`}, false, "", ErrAbsent},
		{"both", Condition{IfMatch: `"a"`, IfNoneMatch: `"a"`}, true, "a", ErrNotMet},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			ctx := With(context.Background(), &Request{Condition: c.c})
			if got := ConditionOf(ctx).Check(c.exists, c.tag); !errors.Is(got, c.want) || got != nil && c.want == nil {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
	if ConditionOf(context.Background()) != (Condition{}) {
		t.Error("a condition from nowhere")
	}
}
