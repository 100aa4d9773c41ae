package front

import (
	"bytes"
	"io"
	"net/http"
	"time"
)

// managers bounds how many calls of management run at once. Most encrypt or decrypt with a key that takes 64 MiB of memory to
// make of the caller's secret, and any user may make some of them.
type managers struct {
	room     chan struct{}
	patience time.Duration // how long a call may wait
}

// atOnce is how many calls of management run at once.
const atOnce = 4

func newManagers() managers { return managers{make(chan struct{}, atOnce), limitPatience} }

// wrap lets calls in once their bodies are there, so that nobody keeps others out by sending slowly.
func (m managers) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if adminCall(r) == "" || endless(r) {
			next.ServeHTTP(w, r)
			return
		}
		if fail := wholeBody(r); fail != nil {
			writeAdminFailure(w, r.URL.Path, *fail)
			return
		}
		timer := time.NewTimer(m.patience)
		defer timer.Stop()
		select {
		case m.room <- struct{}{}:
			defer func() { <-m.room }()
			next.ServeHTTP(w, r)
		case <-timer.C:
			turnAway(w, r)
		case <-r.Context().Done():
		}
	})
}

// wholeBody reads the body of a call of management.
func wholeBody(r *http.Request) *Failure {
	if r.Body == nil || r.Body == http.NoBody {
		return nil
	}
	const most = maxAdminBody + 4<<10 // the server has a word for what is longer than it takes
	body, err := io.ReadAll(io.LimitReader(r.Body, most+1))
	switch {
	case err != nil:
		return &Failure{Status: http.StatusBadRequest, Code: "IncompleteBody", Message: "The body cannot be read."}
	case len(body) > most:
		return &Failure{Status: http.StatusRequestEntityTooLarge, Code: "EntityTooLarge", Message: "The body is too large."}
	}
	r.Body = struct {
		io.Reader
		io.Closer
	}{bytes.NewReader(body), r.Body}
	return nil
}
