package meter

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Proxy passes connections on to a server. All methods may be called from several goroutines at once.
type Proxy struct {
	network, target string
	listener        net.Listener

	turns atomic.Int64
	delay atomic.Int64 // nanoseconds

	mu      sync.Mutex
	conns   map[*conn]bool
	opened  int64
	faults  []*fault
	refuse  bool
	stalled chan struct{} // closed when data flows again; nil while it flows
	closed  bool
	running sync.WaitGroup
}

// Start listens on a free local port and passes what connects there on to the server at target, a TCP address, or a path if
// network is "unix". Close ends it.
func Start(network, target string) (*Proxy, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // listening on the loopback does not wait
	if err != nil {
		return nil, fmt.Errorf("start proxy: %w", err)
	}
	p := &Proxy{network: network, target: target, listener: l, conns: map[*conn]bool{}}
	p.running.Add(1)
	go p.accept()
	return p, nil
}

// Addr returns the address to connect to: host and port.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// Turnarounds returns how many turnarounds there were since the start or the last Reset, on all connections.
func (p *Proxy) Turnarounds() int64 { return p.turns.Load() }

// Reset returns the number of turnarounds and starts over.
func (p *Proxy) Reset() int64 { return p.turns.Swap(0) }

// Opened returns how many connections were made since the start.
func (p *Proxy) Opened() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.opened
}

// Open returns how many connections there are now.
func (p *Proxy) Open() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.conns)
}

// SetDelay makes each turnaround from now on take longer by d: what the client sends first is held back that long.
func (p *Proxy) SetDelay(d time.Duration) { p.delay.Store(int64(d)) }

// Cut breaks all connections there are. New ones work.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		c.close()
	}
}

// Refuse breaks all connections, and new ones at once, as if the server were gone; false lets new ones work again.
func (p *Proxy) Refuse(on bool) {
	p.mu.Lock()
	p.refuse = on
	p.mu.Unlock()
	if on {
		p.Cut()
	}
}

// Stall keeps connections open and passes nothing on, as if the network had swallowed the server; false lets data flow again.
func (p *Proxy) Stall(on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case on && p.stalled == nil:
		p.stalled = make(chan struct{})
	case !on && p.stalled != nil:
		close(p.stalled)
		p.stalled = nil
	}
}

// Close breaks all connections and returns when nothing of the proxy runs any more.
func (p *Proxy) Close() error {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	err := p.listener.Close()
	p.Stall(false)
	p.Cut()
	p.running.Wait()
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// accept takes connections until the listener is closed.
func (p *Proxy) accept() {
	defer p.running.Done()
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.running.Add(1)
		go p.serve(client)
	}
}

// serve passes one connection on until either side ends it.
func (p *Proxy) serve(client net.Conn) {
	defer p.running.Done()
	defer func() { _ = client.Close() }() // a second close is of no interest
	if p.refusing() {
		return
	}
	server, err := net.DialTimeout(p.network, p.target, 5*time.Second) //nolint:noctx // bounded; nobody waits for it
	if err != nil {
		return
	}
	c := &conn{p: p, client: client, server: server, done: make(chan struct{})}
	c.heard.Store(true)
	if !p.add(c) {
		c.close()
		return
	}
	defer p.remove(c)
	var answers sync.WaitGroup
	answers.Go(c.answers)
	c.requests()
	answers.Wait()
}

func (p *Proxy) refusing() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.refuse || p.closed
}

// add makes a connection known; false if there must be none now.
func (p *Proxy) add(c *conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.refuse || p.closed {
		return false
	}
	p.conns[c] = true
	p.opened++
	return true
}

func (p *Proxy) remove(c *conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, c)
}

// flow waits while the proxy is stalled; false if the connection ended meanwhile.
func (p *Proxy) flow(c *conn) bool {
	for {
		p.mu.Lock()
		stalled := p.stalled
		p.mu.Unlock()
		if stalled == nil {
			return true
		}
		select {
		case <-stalled:
		case <-c.done:
			return false
		}
	}
}
