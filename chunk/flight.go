package chunk

import (
	"context"
	"sync"

	"juicefs/pkg/buf"
)

// flights sees to it that a block that many want is fetched once. The zero value is usable.
type flights struct {
	mu    sync.Mutex
	under map[Block]*flight
}

// flight is a fetch under way. All but done are guarded by mu of flights until done is closed; then they do not change.
type flight struct {
	done   chan struct{}
	wait   int       // number of those that wait
	page   *buf.Page // has a reference for each of them
	err    error
	gaveUp bool // no result: the ctx of the one who fetched ended
	landed bool
}

// begin returns a new flight for the caller to land, or nil if there is one for the block.
func (f *flights) begin(b Block) *flight {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.under[b] != nil {
		return nil
	}
	if f.under == nil {
		f.under = make(map[Block]*flight)
	}
	own := &flight{done: make(chan struct{})}
	f.under[b] = own
	return own
}

// land ends a flight with its result. The caller keeps its reference to page.
func (f *flights) land(ctx context.Context, b Block, own *flight, page *buf.Page, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.under, b)
	own.landed, own.page, own.err = true, page, err
	own.gaveUp = err != nil && ctx.Err() != nil
	if page != nil {
		for range own.wait {
			page.Retain()
		}
	}
	close(own.done)
}

// join waits for the flight of a block and returns its result, with a reference for the caller. ok is false if there is
// no flight, or none with a result. The caller must hold no pages that the flight might wait for.
func (f *flights) join(ctx context.Context, b Block) (page *buf.Page, ok bool, err error) {
	f.mu.Lock()
	other := f.under[b]
	if other == nil {
		f.mu.Unlock()
		return nil, false, nil
	}
	other.wait++
	f.mu.Unlock()
	select {
	case <-other.done:
		return other.page, !other.gaveUp, other.err
	case <-ctx.Done():
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if !other.landed {
		other.wait--
	} else if other.page != nil {
		other.page.Release()
	}
	return nil, true, ctx.Err()
}

// has reports whether a block is being fetched.
func (f *flights) has(b Block) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.under[b] != nil
}
