package front

import (
	"context"
	"net/http"
	"sync"
	"time"
)

// slowDown is the reply to a request for which there is no room; clients of S3 come back later, more slowly.
var slowDown = Failure{Status: http.StatusServiceUnavailable, Code: "SlowDown", Message: "Please reduce your request rate."}

// turnAway sends slowDown.
func turnAway(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Retry-After", "1")
	w.Header().Set("Connection", "close") // its body, if it has one, is not read
	writeFailure(w, r.URL.Path, slowDown)
}

// limiter bounds how many requests run at once, and shares the room between access keys: when it is full, requests wait in
// a queue for each key, and room that becomes free goes to the keys in turn. As many may wait as run. A request that finds
// the queues full takes the place of the newest one of the longest queue, or is turned away if that is its own.
//
// Keys are what requests claim, before any signature is checked: a client with a wrong one is answered soon and leaves.
type limiter struct {
	most     int           // that run at once; 0: no limit
	share    int           // that run at once of one key
	patience time.Duration // how long a request may wait

	mu      sync.Mutex
	running int
	waiting int
	tenants map[string]*tenant
	turn    []*tenant // those with a queue, the next one first
}

// tenant is what runs and waits of an access key.
type tenant struct {
	running int
	queue   []*waiter
}

// waiter is a request that waits.
type waiter struct{ answer chan bool } // true: it may run

// limitPatience is how long a request may wait. Clients give up after some 10 s without a reply.
const limitPatience = 5 * time.Second

// keptTenants is how many access keys without a request are remembered, so that a key that comes again costs nothing.
const keptTenants = 1024

func newLimiter(most int) *limiter {
	return &limiter{most: most, share: max(1, most-most/4), patience: limitPatience, tenants: map[string]*tenant{}}
}

// enter waits for room for a request of a key. False: there is none.
func (l *limiter) enter(ctx context.Context, key string) (*tenant, bool) {
	l.mu.Lock()
	t := l.tenants[key]
	if t == nil {
		if len(l.tenants) >= keptTenants {
			l.forget()
		}
		t = &tenant{}
		l.tenants[key] = t
	}
	if l.running < l.most && t.running < l.share && len(t.queue) == 0 {
		l.running++
		t.running++
		l.mu.Unlock()
		return t, true
	}
	w := l.wait(t)
	l.mu.Unlock()
	if w == nil {
		return nil, false
	}
	timer := time.NewTimer(l.patience)
	defer timer.Stop()
	select {
	case ok := <-w.answer:
		return t, ok
	case <-timer.C:
	case <-ctx.Done():
	}
	return t, l.giveUp(t, w)
}

// forget drops the keys that have no request.
func (l *limiter) forget() {
	for key, t := range l.tenants {
		if t.running == 0 && len(t.queue) == 0 {
			delete(l.tenants, key)
		}
	}
}

// wait puts a request into the queue of its key. nil: there is no room for it.
func (l *limiter) wait(t *tenant) *waiter {
	if l.waiting >= l.most {
		longest := t
		for _, other := range l.turn {
			if len(other.queue) > len(longest.queue)+1 {
				longest = other
			}
		}
		if longest == t {
			return nil
		}
		last := longest.queue[len(longest.queue)-1]
		l.remove(longest, last)
		last.answer <- false
	}
	w := &waiter{answer: make(chan bool, 1)}
	t.queue = append(t.queue, w)
	l.waiting++
	if len(t.queue) == 1 {
		l.turn = append(l.turn, t)
	}
	return w
}

// remove takes a request out of its queue. False: it has been answered.
func (l *limiter) remove(t *tenant, w *waiter) bool {
	for k, other := range t.queue {
		if other != w {
			continue
		}
		t.queue = append(t.queue[:k], t.queue[k+1:]...)
		l.waiting--
		if len(t.queue) == 0 {
			l.endTurn(t)
		}
		return true
	}
	return false
}

func (l *limiter) endTurn(t *tenant) {
	for k, other := range l.turn {
		if other == t {
			l.turn = append(l.turn[:k], l.turn[k+1:]...)
			return
		}
	}
}

// giveUp ends the waiting. True: the answer came at the same moment and is that it may run.
func (l *limiter) giveUp(t *tenant, w *waiter) bool {
	l.mu.Lock()
	removed := l.remove(t, w)
	l.mu.Unlock()
	return !removed && <-w.answer
}

// leave makes room for the next request.
func (l *limiter) leave(t *tenant) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.running--
	t.running--
	for k := 0; k < len(l.turn) && l.running < l.most; k++ {
		next := l.turn[k]
		if next.running >= l.share {
			continue
		}
		w := next.queue[0]
		next.queue = next.queue[1:]
		l.waiting--
		l.turn = append(l.turn[:k], l.turn[k+1:]...)
		if len(next.queue) > 0 {
			l.turn = append(l.turn, next)
		}
		l.running++
		next.running++
		w.answer <- true
		return
	}
}

// wrap lets requests in. Health checks always pass; those that stream until their client goes do not count with the others,
// as they would keep their room for ever, but may not be more in number.
func (l *limiter) wrap(next http.Handler) http.Handler {
	if l.most <= 0 {
		return next
	}
	streams := make(chan struct{}, l.most)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case kindOf(r) == service:
		case endless(r):
			select {
			case streams <- struct{}{}:
				defer func() { <-streams }()
			default:
				turnAway(w, r)
				return
			}
		default:
			t, ok := l.enter(r.Context(), claimedKey(r))
			if !ok {
				turnAway(w, r)
				return
			}
			defer l.leave(t)
		}
		next.ServeHTTP(w, r)
	})
}
