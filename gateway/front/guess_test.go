package front

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"
)

// ask sends a request to an entrance and returns the status and the body that came through.
func ask(t *testing.T, e *entrance, path, kind, body, address string) (status int, through string) {
	t.Helper()
	h := replying(e.wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		through = string(b)
	})))
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, strings.NewReader(body))
	r.Header.Set("Content-Type", kind)
	r.RemoteAddr = address
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code, through
}

const formType = "application/x-www-form-urlencoded"

func TestGuessesAreFew(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 0)
	e := newEntrance(func() bool { return true }, func() time.Time { return now })
	login := func(user, address string) int {
		body := `{"id":1,"jsonrpc":"2.0","method":"Web.Login","params":{"password":"x","username":"` + user + `"}}`
		status, through := ask(t, e, "/minio/webrpc", "application/json", body, address)
		if status == http.StatusOK && through != body {
			t.Errorf("the body became %q", through)
		}
		return status
	}
	for range guessBurst {
		if got := login("ann", "192.0.2.1:1"); got != http.StatusOK {
			t.Fatalf("got %d", got)
		}
	}
	if got := login("bob", "192.0.2.1:1"); got != http.StatusServiceUnavailable {
		t.Errorf("another name from the same address: got %d", got)
	}
	if got := login("ann", "192.0.2.2:1"); got != http.StatusServiceUnavailable {
		t.Errorf("the same name from another address: got %d", got)
	}
	if got := login("eve", "192.0.2.3:1"); got != http.StatusOK {
		t.Errorf("somebody else: got %d", got)
	}
	now = now.Add(2 * time.Second)
	if got := login("ann", "192.0.2.1:1"); got != http.StatusOK {
		t.Errorf("later: got %d", got)
	}
	for range guessBurst {
		ask(t, e, "/minio/webrpc", "application/json", `{"method":"Web.SetAuth","params":{"currentSecretKey":"x"}}`, "192.0.2.4:1")
	}
	if got := login("new", "192.0.2.4:1"); got != http.StatusServiceUnavailable {
		t.Errorf("after guesses of a secret key: got %d", got)
	}
	for range 2 * guessBurst {
		if status, _ := ask(t, e, "/minio/webrpc", "application/json", `{"method":"Web.ListBuckets","params":{}}`, "192.0.2.1:1"); status != http.StatusOK {
			t.Fatalf("another call: got %d", status)
		}
	}
}

func TestDirectoryMustBeSetUp(t *testing.T) {
	t.Parallel()
	on := false
	e := newEntrance(func() bool { return on }, time.Now)
	form := "Action=AssumeRoleWithLDAPIdentity&Version=2011-06-15&LDAPUsername=u&LDAPPassword=p"
	for _, c := range []struct {
		name, path, kind, body string
		want                   int
	}{
		{"in the form", "/", formType, form, http.StatusNotImplemented},
		{"in the query", "/?" + form, "", "", http.StatusNotImplemented},
		{"twice", "/?" + form, formType, "Action=AssumeRole", http.StatusNotImplemented},
		{"another path", "/b/k?" + form, "", "", http.StatusNotImplemented},
		{"a form at another path", "/b/k", formType + "; charset=utf-8", form, http.StatusNotImplemented},
		{"another action", "/", formType, "Action=AssumeRole&Version=2011-06-15", http.StatusOK},
		{"a large form", "/", formType, strings.Repeat("x", maxForm+1), http.StatusRequestEntityTooLarge},
		{"multipart", "/b/", "multipart/form-data; boundary=x", "--x--", http.StatusOK},
	} {
		if got, _ := ask(t, e, c.path, c.kind, c.body, "192.0.2.1:1"); got != c.want {
			t.Errorf("%s: got %d, want %d", c.name, got, c.want)
		}
	}
	on = true
	if got, through := ask(t, e, "/", formType, form, "192.0.2.1:1"); got != http.StatusOK || through != form {
		t.Errorf("set up: got %d %q", got, through)
	}
}

func TestAskersAreForgotten(t *testing.T) {
	t.Parallel()
	a := newAskers(1, 1, func() time.Time { return time.Unix(1000, 0) })
	for k := range 3 * knownAskers {
		a.allow("k" + strconv.Itoa(k))
	}
	if len(a.known) != knownAskers || a.recent.Len() != knownAskers {
		t.Errorf("%d names and %d entries are remembered", len(a.known), a.recent.Len())
	}
}

func TestArchivesAreNotUnpacked(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]bool{"true": true, "xtruex": true, "false": false, "": false} {
		if got := checkArchive([]string{"no", value}) != nil; got != want {
			t.Errorf("%q: refused %v, want %v", value, got, want)
		}
	}
}
