package front

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestManagementIsForFewAtOnce(t *testing.T) {
	t.Parallel()
	m := newManagers()
	m.patience = time.Millisecond
	in, out := make(chan string), make(chan struct{})
	h := m.wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		in <- string(b)
		<-out
	}))
	call := func(path string, body io.Reader) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodPut, path, body))
		return w
	}
	const path = "/minio/admin/v3/add-user?accessKey=x"
	// Bodies that do not end keep nobody out.
	slow := make([]*io.PipeWriter, 2*atOnce)
	for k := range slow {
		r, w := io.Pipe()
		slow[k] = w
		go call(path, r)
	}
	for range atOnce {
		go call(path, strings.NewReader("body"))
		if got := <-in; got != "body" {
			t.Errorf("got %q", got)
		}
	}
	if w := call(path, strings.NewReader("body")); w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
		t.Errorf("one more: got %d", w.Code)
	}
	if w := call(path, strings.NewReader(strings.Repeat("x", maxAdminBody*2))); w.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("a long body: got %d", w.Code)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, http.MethodPut, path, nil)) // gone; returns
	go call("/b/k", strings.NewReader("object"))
	if got := <-in; got != "object" {
		t.Errorf("got %q", got)
	}
	close(out)
	for _, w := range slow {
		if err := w.CloseWithError(io.ErrUnexpectedEOF); err != nil {
			t.Error(err)
		}
	}
	done := make(chan struct{})
	go func() { call(path, strings.NewReader("again")); close(done) }()
	for {
		select {
		case <-in:
			continue
		case <-done:
		}
		return
	}
}
