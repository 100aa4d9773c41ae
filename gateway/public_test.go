package gateway

import (
	"errors"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"
)

// deafListener closes its socket and tells nobody who waits in Accept, as the fork's can.
type deafListener struct {
	net.Listener
	forever chan struct{}
}

func (l deafListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		<-l.forever
	}
	return c, err
}

// The start goes on where the fork's server never ends: its address is free, and it serves no connection that was there before.
func TestTheForkIsClosedThoughItDoesNotEnd(t *testing.T) {
	inner, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := deafListener{inner, make(chan struct{})}
	srv := &http.Server{Handler: http.NotFoundHandler(), ReadHeaderTimeout: time.Minute}
	var serving sync.WaitGroup
	serving.Go(func() {
		if e := srv.Serve(l); !errors.Is(e, http.ErrServerClosed) {
			t.Errorf("serve: %v", e)
		}
	})
	defer serving.Wait()
	defer close(l.forever)

	c, err := new(net.Dialer).DialContext(t.Context(), "tcp", inner.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }() // closed by the server
	reply := make([]byte, 1000)
	if _, err = c.Write([]byte("GET / HTTP/1.1\r\nHost: h\r\n\r\n")); err == nil {
		_, err = c.Read(reply)
	}
	if err != nil {
		t.Fatalf("request before the end: %v", err)
	}

	if err = closeFork(srv, 50*time.Millisecond); err != nil {
		t.Errorf("close: %v", err)
	}
	again, err := listenAgain(t.Context(), inner.Addr().String())
	if err != nil {
		t.Fatalf("the address is not free: %v", err)
	}
	if err = again.Close(); err != nil {
		t.Error(err)
	}
	if err = c.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	for err == nil { // to the end of the reply
		_, err = c.Read(reply)
	}
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		t.Error("the connection of before is still open")
	}
}
