package sqldb

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"time"

	"juicefs/meta/engine"
)

// pool keeps the connections of an engine: one that writes, and some that read. It is safe for concurrent use.
type pool struct {
	open   func() (*sqliteConn, error)
	writer chan *sqliteConn // holds the writer while nobody has it, nil to be opened; a nil channel: there is none
	slots  chan struct{}    // one for each reader in use

	patience time.Duration // how long a connection is waited for

	mu     sync.Mutex
	idle   []*sqliteConn // readers
	closed chan struct{} // closed under mu
}

func newPool(writer *sqliteConn, so *sqliteOptions, open func() (*sqliteConn, error)) *pool {
	p := &pool{open: open, slots: make(chan struct{}, so.readers), patience: so.timeout, closed: make(chan struct{})}
	if writer != nil {
		p.writer = make(chan *sqliteConn, 1)
		p.writer <- writer
	}
	return p
}

var errClosed = fmt.Errorf("metadata database: %w", fs.ErrClosed)

// acquire returns a connection, which must be released. It waits for the writer, or for a reader when all are in use;
// ErrBusy after the patience of the pool. So a transaction inside another one of the same goroutine fails, late, and does not
// hang.
func (p *pool) acquire(ctx context.Context, write bool) (*sqliteConn, error) {
	if err := p.usable(ctx); err != nil {
		return nil, err
	}
	if write {
		return p.acquireWriter(ctx)
	}
	return p.acquireReader(ctx)
}

func (p *pool) acquireWriter(ctx context.Context) (*sqliteConn, error) {
	var c *sqliteConn
	select {
	case c = <-p.writer:
	default:
		t := time.NewTimer(p.patience)
		defer t.Stop()
		select {
		case c = <-p.writer:
		case <-t.C:
			return nil, fmt.Errorf("another transaction is writing: %w", engine.ErrBusy)
		case <-p.closed:
			return nil, errClosed
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if c != nil {
		return c, nil
	}
	c, err := p.open()
	if err != nil {
		p.writer <- nil
	}
	return c, err
}

func (p *pool) acquireReader(ctx context.Context) (*sqliteConn, error) {
	select {
	case p.slots <- struct{}{}:
	default:
		t := time.NewTimer(p.patience)
		defer t.Stop()
		select {
		case p.slots <- struct{}{}:
		case <-t.C:
			return nil, fmt.Errorf("all %d connections are reading: %w", cap(p.slots), engine.ErrBusy)
		case <-p.closed:
			return nil, errClosed
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	p.mu.Lock()
	var c *sqliteConn
	if n := len(p.idle); n > 0 {
		c, p.idle = p.idle[n-1], p.idle[:n-1]
	}
	p.mu.Unlock()
	if c != nil {
		return c, nil
	}
	c, err := p.open()
	if err != nil {
		<-p.slots
	}
	return c, err
}

// usable reports why a call must not go on: the pool is closed, or its context ended.
func (p *pool) usable(ctx context.Context) error {
	if p.isClosed() {
		return errClosed
	}
	return ctx.Err()
}

// release gives a connection back. One that could not end its transaction is closed and replaced later.
func (p *pool) release(c *sqliteConn, write bool) {
	p.mu.Lock()
	closed := p.isClosed()
	broken := !c.raw.AutoCommit()
	switch {
	case closed:
	case !write && !broken:
		p.idle = append(p.idle, c)
	case write && !broken:
		p.writer <- c // has room: there is one writer
	case write:
		p.writer <- nil
	}
	p.mu.Unlock()
	if closed || broken {
		_ = c.close() // nobody is left to tell
	}
	if !write {
		<-p.slots
	}
}

// close closes what is idle; connections in use are closed by their release.
func (p *pool) close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.isClosed() {
		return nil
	}
	close(p.closed)
	var errs []error
	for _, c := range p.idle {
		errs = append(errs, c.close())
	}
	p.idle = nil
	select {
	case c := <-p.writer:
		if c != nil {
			errs = append(errs, c.close())
		}
	default:
	}
	return errors.Join(errs...)
}

func (p *pool) isClosed() bool {
	select {
	case <-p.closed:
		return true
	default:
		return false
	}
}
