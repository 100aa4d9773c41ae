package meter

import (
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// bufferSize is how much is passed on at once: more than requests usually have, so that one request is one piece.
const bufferSize = 256 << 10

// conn is one connection that is passed on.
type conn struct {
	p              *Proxy
	client, server net.Conn
	heard          atomic.Bool // the server said something since the client last sent
	lose           atomic.Bool // the next answer is not passed on
	once           sync.Once
	done           chan struct{} // closed with the connection
}

// close breaks both sides.
func (c *conn) close() {
	c.once.Do(func() {
		close(c.done)
		_ = c.client.Close() // what cannot be closed is gone
		_ = c.server.Close()
	})
}

// requests passes on what the client sends.
func (c *conn) requests() {
	defer c.close()
	buf := make([]byte, bufferSize)
	for {
		n, err := c.client.Read(buf)
		if n > 0 && !c.request(buf[:n]) || err != nil {
			return
		}
	}
}

// request passes on a piece of a request; false if the connection ends with it.
func (c *conn) request(b []byte) bool {
	if c.heard.Swap(false) {
		c.p.turns.Add(1)
		if !c.wait(time.Duration(c.p.delay.Load())) {
			return false
		}
	}
	if !c.p.flow(c) {
		return false
	}
	switch f := c.p.strike(b); {
	case f == nil:
	case f.answer:
		c.lose.Store(true)
	default:
		return false
	}
	_, err := c.server.Write(b)
	return err == nil
}

// wait holds a request back; false if the connection ended meanwhile.
func (c *conn) wait(d time.Duration) bool {
	if d <= 0 {
		return true
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-c.done:
		return false
	}
}

// answers passes on what the server sends.
func (c *conn) answers() {
	defer c.close()
	buf := make([]byte, bufferSize)
	for {
		n, err := c.server.Read(buf)
		if n > 0 {
			if c.lose.Load() || !c.p.flow(c) {
				return
			}
			c.heard.Store(true) // before the client can know
			if _, failed := c.client.Write(buf[:n]); failed != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}
