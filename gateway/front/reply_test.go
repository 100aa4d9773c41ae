package front

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// through sends one request through replying, with members after it, and returns the reply.
func through(t *testing.T, next http.HandlerFunc, members ...member) *httptest.ResponseRecorder {
	t.Helper()
	var h http.Handler = next
	for i := len(members) - 1; i >= 0; i-- {
		h = members[i](h)
	}
	w := httptest.NewRecorder()
	replying(h).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/b/k", nil))
	return w
}

func telling(f func(p *reply)) member {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			f(replyOf(w))
			next.ServeHTTP(w, r)
		})
	}
}

func TestReplyIsEditedInnermostFirst(t *testing.T) {
	t.Parallel()
	var order []string
	by := func(name string) member {
		return telling(func(p *reply) {
			p.edit(func(status int, h http.Header) int {
				order = append(order, name)
				return status + 1
			})
			p.hold(100, func(status int, _ http.Header, b []byte) (int, []byte) { return status, append(b, name...) })
		})
	}
	resp := through(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "x") }, by("outer"), by("inner"))
	if got := resp.Body.String(); got != "xinnerouter" || resp.Code != 202 || resp.Header().Get("Content-Length") != "11" || strings.Join(order, " ") != "inner outer" {
		t.Errorf("got %d %q %v", resp.Code, got, order)
	}
}

func TestReplyTooLongToHold(t *testing.T) {
	t.Parallel()
	resp := through(t, func(w http.ResponseWriter, _ *http.Request) {
		for range 5 {
			_, _ = w.Write(bytes.Repeat([]byte{'a'}, 3))
		}
	}, telling(func(p *reply) {
		p.hold(10, func(int, http.Header, []byte) (int, []byte) { t.Error("a long reply is changed"); return 500, nil })
	}))
	if got := resp.Body.String(); got != strings.Repeat("a", 15) || resp.Code != http.StatusOK {
		t.Errorf("got %d %q", resp.Code, got)
	}
}

func TestReplyFails(t *testing.T) {
	t.Parallel()
	denied := Failure{Status: http.StatusForbidden, Code: "AccessDenied", Message: "no"}
	late := errors.New("")
	for name, m := range map[string]member{
		"in an edit": telling(func(p *reply) {
			p.edit(func(status int, _ http.Header) int { p.fail("/b/k", denied); return status })
		}),
		"with the whole": telling(func(p *reply) {
			p.hold(10, func(s int, _ http.Header, b []byte) (int, []byte) { p.fail("/b/k", denied); return s, b })
		}),
		"before the handler": telling(func(p *reply) { p.fail("/b/k", denied) }),
	} {
		resp := through(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusOK)
			_, late = io.WriteString(w, "secret")
		}, m)
		if got := resp.Body.String(); resp.Code != http.StatusForbidden || strings.Contains(got, "secret") || late != nil {
			t.Errorf("%s: got %d %q, %v", name, resp.Code, got, late)
		}
	}
}
