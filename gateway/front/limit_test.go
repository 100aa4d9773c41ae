package front

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// queued waits until n requests wait.
func queued(t *testing.T, l *limiter, n int) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		l.mu.Lock()
		waiting := l.waiting
		l.mu.Unlock()
		if waiting == n {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d wait, want %d", waiting, n)
		}
	}
}

func mustEnter(t *testing.T, l *limiter, key string) *tenant {
	t.Helper()
	n, ok := l.enter(t.Context(), key)
	if !ok {
		t.Fatalf("no room for %s", key)
	}
	return n
}

func TestRoomIsGivenToKeysInTurn(t *testing.T) {
	t.Parallel()
	l := newLimiter(4)
	l.patience = time.Hour
	greedy := mustEnter(t, l, "greedy")
	mustEnter(t, l, "greedy")
	mustEnter(t, l, "greedy") // three quarters
	others := []*tenant{mustEnter(t, l, "other")}
	got := make(chan string, 4)
	enter := func(key string, n int) {
		go func() {
			if _, ok := l.enter(t.Context(), key); ok {
				got <- key
			}
		}()
		queued(t, l, n)
	}
	enter("greedy", 1)
	enter("greedy", 2)
	enter("modest", 3)
	l.leave(greedy)
	l.leave(others[0])
	first := []string{<-got, <-got}
	if strings.Join(first, " ") != "greedy modest" && strings.Join(first, " ") != "modest greedy" {
		t.Errorf("room went to %v", first)
	}
}

func TestAKeyLeavesRoomForOthers(t *testing.T) {
	t.Parallel()
	l := newLimiter(4)
	l.patience = time.Millisecond
	for range 3 {
		mustEnter(t, l, "greedy")
	}
	if _, ok := l.enter(t.Context(), "greedy"); ok {
		t.Error("one key has all the room")
	}
	mustEnter(t, l, "other")
}

func TestAFullQueueTurnsAwayTheLongest(t *testing.T) {
	t.Parallel()
	l := newLimiter(4)
	l.patience = time.Hour
	for _, key := range []string{"a", "b", "c", "d"} {
		mustEnter(t, l, key)
	}
	away := make(chan string, 9)
	enter := func(key string) {
		go func() {
			if _, ok := l.enter(t.Context(), key); !ok {
				away <- key
			}
		}()
	}
	for n := range 4 {
		enter("greedy")
		queued(t, l, n+1)
	}
	if _, ok := l.enter(t.Context(), "greedy"); ok {
		t.Error("the queues are full")
	}
	enter("modest")
	if key := <-away; key != "greedy" {
		t.Errorf("%s is turned away", key)
	}
	queued(t, l, 4)
}

func TestWhoGivesUpLeavesNothing(t *testing.T) {
	t.Parallel()
	l := newLimiter(1)
	l.patience = time.Hour
	first := mustEnter(t, l, "a")
	ctx, cancel := context.WithCancel(t.Context())
	gone := make(chan bool)
	go func() {
		_, ok := l.enter(ctx, "b")
		gone <- ok
	}()
	queued(t, l, 1)
	cancel()
	if <-gone {
		t.Error("it is let in")
	}
	l.leave(first)
	if l.running != 0 || l.waiting != 0 || len(l.turn) != 0 {
		t.Errorf("left %d running, %d waiting, %d in turn", l.running, l.waiting, len(l.turn))
	}
}

func TestLimiterUnderManyKeys(t *testing.T) {
	t.Parallel()
	l := newLimiter(8)
	l.patience = time.Minute
	var wg sync.WaitGroup
	for k := range 3 * keptTenants {
		wg.Go(func() {
			if n, ok := l.enter(t.Context(), strings.Repeat("k", k%2000)); ok {
				l.leave(n)
			}
		})
	}
	wg.Wait()
	if l.running != 0 || l.waiting != 0 || len(l.turn) != 0 || len(l.tenants) > keptTenants+16 {
		t.Errorf("left %d running, %d waiting, %d in turn, %d keys", l.running, l.waiting, len(l.turn), len(l.tenants))
	}
}

func TestNoRoomIsAnsweredSlowDown(t *testing.T) {
	t.Parallel()
	f := New(Options{Requests: 1})
	f.limit.patience = time.Millisecond
	f.Open()
	entered, leave := make(chan struct{}), make(chan struct{})
	srv := httptest.NewServer(f.Outer(f.Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/b/slow" {
			close(entered)
			<-leave
		}
	}))))
	defer srv.Close()
	done := make(chan struct{})
	go func() {
		defer close(done)
		do(t, http.MethodGet, srv.URL+"/b/slow")
	}()
	<-entered
	resp, err := http.Get(srv.URL + "/b/k") //nolint:noctx // a test
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.Body.Close() != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" || !strings.Contains(string(body), "<Code>SlowDown</Code>") {
		t.Errorf("got %s %v %s", resp.Status, resp.Header, body)
	}
	if resp, _ := do(t, http.MethodGet, srv.URL+readyPath); resp.StatusCode != http.StatusOK {
		t.Errorf("ready: got %d", resp.StatusCode)
	}
	close(leave)
	<-done
	if resp, _ := do(t, http.MethodGet, srv.URL+"/b/k"); resp.StatusCode != http.StatusOK {
		t.Errorf("got %d", resp.StatusCode)
	}
}

func TestListenerBoundsConnections(t *testing.T) {
	t.Parallel()
	f := New(Options{Connections: 1})
	f.Open()
	srv := httptest.NewUnstartedServer(f.Outer(f.Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))))
	srv.Listener = f.Listener(srv.Listener)
	srv.Start()
	defer srv.Close()
	for range 3 { // each on its own connection, which makes room for the next
		c := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		resp, err := c.Get(srv.URL + "/b/k") //nolint:noctx // a test
		if err != nil {
			t.Fatal(err)
		}
		if err = resp.Body.Close(); err != nil {
			t.Fatal(err)
		}
	}
	keeping := &http.Client{Transport: &http.Transport{}}
	resp, err := keeping.Get(srv.URL + "/b/k") //nolint:noctx // a test
	if err != nil || resp.Body.Close() != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, srv.URL+"/b/k", nil)
	if err != nil {
		t.Fatal(err)
	}
	if resp, err = (&http.Transport{}).RoundTrip(req); err == nil {
		_ = resp.Body.Close()
		t.Error("a second connection is served")
	}
}
