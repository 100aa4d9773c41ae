package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// conn is one connection to a server, used by one client.
type conn struct {
	addr string
	c    net.Conn
	r    *bufio.Reader
	junk []byte
}

// requestLimit bounds one request, so that a server that hangs ends the run.
const requestLimit = 5 * time.Minute

func (c *conn) open() error {
	if c.c != nil {
		return nil
	}
	d := net.Dialer{Timeout: 10 * time.Second}
	n, err := d.DialContext(context.Background(), "tcp", c.addr)
	if err != nil {
		return err
	}
	c.c, c.r = n, bufio.NewReaderSize(n, 64<<10)
	if c.junk == nil {
		c.junk = make([]byte, 256<<10)
	}
	return nil
}

func (c *conn) close() {
	if c.c != nil {
		_ = c.c.Close() // nothing is sent any more
		c.c = nil
	}
}

// do sends a request and reads the reply; it returns the length of the body and, if keep is set, the body.
func (c *conn) do(q request, keep bool) (int64, []byte, error) {
	if err := c.open(); err != nil {
		return 0, nil, err
	}
	n, body, err := c.exchange(q, keep)
	if err != nil {
		c.close()
	}
	return n, body, err
}

func (c *conn) exchange(q request, keep bool) (int64, []byte, error) {
	if err := c.c.SetDeadline(time.Now().Add(requestLimit)); err != nil {
		return 0, nil, err
	}
	out := net.Buffers{q.head}
	if len(q.body) > 0 {
		out = append(out, q.body)
	}
	out = append(out, q.parts...)
	if _, err := out.WriteTo(c.c); err != nil {
		return 0, nil, err
	}
	method := string(q.head[:4])
	resp, err := http.ReadResponse(c.r, &http.Request{Method: map[bool]string{true: "HEAD", false: "GET"}[method == "HEAD"]})
	if err != nil {
		return 0, nil, err
	}
	var kept []byte
	var n int64
	if keep || resp.StatusCode != q.want {
		kept, err = io.ReadAll(resp.Body)
		n = int64(len(kept))
	} else {
		n, err = io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{resp.Body}, c.junk)
	}
	_ = resp.Body.Close() // read to its end above
	if err != nil {
		return n, kept, err
	}
	if resp.StatusCode != q.want {
		return n, kept, fmt.Errorf("status %d instead of %d: %.300s", resp.StatusCode, q.want, kept)
	}
	if resp.Close {
		c.close()
	}
	return n, kept, nil
}
