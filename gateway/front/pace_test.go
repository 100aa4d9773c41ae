package front

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// paced starts a server whose clients must move within stall.
func paced(t *testing.T, stall time.Duration, next http.HandlerFunc) net.Conn {
	t.Helper()
	f := New(Options{Stall: stall})
	f.Open()
	srv := httptest.NewUnstartedServer(f.Outer(f.Wrap(next)))
	srv.Config.ConnContext = WithConnection
	srv.Start()
	t.Cleanup(srv.Close)
	c, err := new(net.Dialer).DialContext(t.Context(), "tcp", srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func TestABodyThatStandsStillEndsItsRequest(t *testing.T) {
	t.Parallel()
	c := paced(t, 100*time.Millisecond, func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			w.WriteHeader(http.StatusInternalServerError)
		}
	})
	if _, err := fmt.Fprint(c, "PUT /b/k HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc"); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.Body.Close() != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != http.StatusBadRequest || !strings.Contains(string(body), "RequestTimeout") {
		t.Errorf("got %s %s", resp.Status, body)
	}
}

func TestASlowBodyThatMovesIsTaken(t *testing.T) {
	t.Parallel()
	c := paced(t, 2*time.Second, func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(w, r.Body); err != nil {
			t.Errorf("the body ended: %v", err)
		}
	})
	if _, err := fmt.Fprint(c, "PUT /b/k HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	for range 10 { // one and a half limits in all
		time.Sleep(300 * time.Millisecond) // what a slow client does
		if _, err := fmt.Fprint(c, "a"); err != nil {
			t.Fatal(err)
		}
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.Body.Close() != nil || string(body) != "aaaaaaaaaa" {
		t.Errorf("got %q, %v", body, err)
	}
}

func TestAReplyThatNobodyTakesEnds(t *testing.T) {
	t.Parallel()
	ended := make(chan struct{})
	c := paced(t, 100*time.Millisecond, func(w http.ResponseWriter, _ *http.Request) {
		block := make([]byte, 1<<20)
		for {
			if _, err := w.Write(block); err != nil {
				close(ended)
				return
			}
		}
	})
	if _, err := fmt.Fprint(c, "GET /b/k HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	select {
	case <-ended:
	case <-time.After(20 * time.Second):
		t.Error("the handler still writes")
	}
}

// TestLimitsAreOfOneRequest: a handler may take longer than the limit before and after its body, and the next request of
// the connection begins anew.
func TestLimitsAreOfOneRequest(t *testing.T) {
	t.Parallel()
	const stall = 500 * time.Millisecond
	c := paced(t, stall, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Errorf("read: %v", err)
		}
		time.Sleep(2 * stall) // a slow store
		if r.Context().Err() != nil {
			t.Error("the request was given up")
		}
		_, _ = w.Write(body)
	})
	in := bufio.NewReader(c)
	for range 3 {
		if _, err := fmt.Fprint(c, "PUT /b/k HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"); err != nil {
			t.Fatal(err)
		}
		resp, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		if body, err := io.ReadAll(resp.Body); err != nil || string(body) != "abc" || resp.Body.Close() != nil {
			t.Errorf("got %q, %v", body, err)
		}
		time.Sleep(2 * stall) // between requests a client may rest
	}
}
