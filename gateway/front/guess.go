package front

import (
	"bytes"
	"container/list"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// How often credentials may be asked for. Passwords can be guessed, so their limit is that of a person; requests that are
// signed cannot, and programs send them.
const (
	guessRate, guessBurst = 1, 20   // sign-ins with a password, a second and at once
	tokenRate, tokenBurst = 50, 200 // temporary credentials for a signed request
	knownAskers           = 8192    // addresses and names that are remembered of each kind
)

// askers are those who ask for something, by address or by name, and how much each may still ask.
type askers struct {
	rate, burst float64
	now         func() time.Time

	mu     sync.Mutex
	known  map[string]*list.Element
	recent *list.List // of *asker, the last one to ask first
}

type asker struct {
	name string
	left float64
	at   time.Time
}

func newAskers(perSecond, burst float64, now func() time.Time) *askers {
	return &askers{rate: perSecond, burst: burst, now: now, known: map[string]*list.Element{}, recent: list.New()}
}

// allow takes one from each of the names, and reports whether all of them had one. When there are too many names the one
// that asked longest ago is forgotten.
func (a *askers) allow(names ...string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	ok := true
	for _, name := range names {
		ok = a.take(name) && ok
	}
	return ok
}

func (a *askers) take(name string) bool {
	now := a.now()
	e, ok := a.known[name]
	if !ok {
		if len(a.known) >= knownAskers {
			if oldest, is := a.recent.Remove(a.recent.Back()).(*asker); is {
				delete(a.known, oldest.name)
			}
		}
		e = a.recent.PushFront(&asker{name: name, left: a.burst, at: now})
		a.known[name] = e
	}
	a.recent.MoveToFront(e)
	k, _ := e.Value.(*asker)
	k.left = min(a.burst, k.left+a.rate*now.Sub(k.at).Seconds())
	k.at = now
	if k.left < 1 {
		return false
	}
	k.left--
	return true
}

// entrance is where credentials are asked for.
type entrance struct {
	ldap    func() bool // whether passwords of a directory are taken
	guesses *askers
	tokens  *askers
}

func newEntrance(ldap func() bool, now func() time.Time) *entrance {
	return &entrance{ldap: ldap, guesses: newAskers(guessRate, guessBurst, now), tokens: newAskers(tokenRate, tokenBurst, now)}
}

// maxForm is how large a body may be that asks for credentials.
const maxForm = 64 << 10

// wrap limits how often credentials are asked for, and turns down what is not set up: the server would dial an address
// that nobody configured.
func (e *entrance) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			var fail *Failure
			switch {
			case sentPath(r) == "/minio/webrpc":
				fail = e.signIn(r)
			case asksForToken(r):
				fail = e.token(r)
			}
			if fail == &slowDown {
				turnAway(w, r)
				return
			}
			if fail != nil {
				replyOf(w).fail(r.URL.Path, *fail)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

// asksForToken reports whether the server takes a request for one of temporary credentials, which it does at any path.
func asksForToken(r *http.Request) bool {
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return r.URL.Path == "/" || hasParam(r, "Action") || strings.HasPrefix(kind, "application/x-www-form-urlencoded") && r.URL.RawQuery == ""
}

// token checks a request for temporary credentials.
func (e *entrance) token(r *http.Request) *Failure {
	if r.URL.Path != "/" {
		return notImplemented
	}
	body, fail := peekBody(r)
	if fail != nil {
		return fail
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return invalidArgument("The form cannot be read.")
	}
	query := r.URL.Query()
	users := slices.Concat(form["LDAPUsername"], query["LDAPUsername"])
	for _, action := range slices.Concat(form["Action"], query["Action"]) {
		if action != "AssumeRoleWithLDAPIdentity" {
			continue
		}
		if !e.ldap() {
			return notImplemented
		}
		return e.ask(e.guesses, r, users)
	}
	var names []string
	if key := claimedKey(r); key != "" {
		names = []string{key}
	}
	return e.ask(e.tokens, r, names)
}

// signIn checks a call of the browser's that signs in.
func (e *entrance) signIn(r *http.Request) *Failure {
	c, fail := readCall(r)
	if fail != nil {
		return fail
	}
	switch strings.ToLower(c.method) {
	case "web.login":
		name, _ := c.arg("username").(string)
		return e.ask(e.guesses, r, []string{name})
	case "web.setauth": // asks for the secret key that somebody with an open session may not know
		return e.ask(e.guesses, r, nil)
	}
	return nil
}

// ask counts a request for its address and for the names that it gives.
func (e *entrance) ask(a *askers, r *http.Request, names []string) *Failure {
	ids := []string{"address " + source(r).String()}
	for _, name := range names {
		ids = append(ids, "name "+name)
	}
	if !a.allow(ids...) {
		return &slowDown
	}
	return nil
}

// peekBody reads a small body and puts it back.
func peekBody(r *http.Request) ([]byte, *Failure) {
	if r.Body == nil {
		return nil, nil
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxForm+1))
	if err != nil {
		return nil, &Failure{Status: http.StatusBadRequest, Code: "IncompleteBody", Message: "The body cannot be read."}
	}
	if len(body) > maxForm {
		return nil, &Failure{Status: http.StatusRequestEntityTooLarge, Code: "EntityTooLarge", Message: "The body is too large."}
	}
	r.Body = struct {
		io.Reader
		io.Closer
	}{bytes.NewReader(body), r.Body}
	return body, nil
}
