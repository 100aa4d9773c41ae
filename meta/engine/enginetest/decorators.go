package enginetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"juicefs/meta/engine"
	"juicefs/meta/record"
)

var (
	_ engine.Engine = (*Counting)(nil)
	_ engine.Engine = (*Failing)(nil)
	_ engine.Engine = (*Slow)(nil)
)

// Counting counts the calls of an engine that would each cost a turnaround on a remote one. It is safe for concurrent use.
type Counting struct {
	tap
	n [calls]atomic.Int64
}

// NewCounting returns a counting engine over e.
func NewCounting(e engine.Engine) *Counting {
	c := &Counting{tap: tap{Engine: e}}
	c.around = func(_ context.Context, k call, _ *engine.Batch, next func() error) error {
		c.n[k].Add(1)
		return next()
	}
	return c
}

// Counts are numbers of calls by their kind. A scan counts once, whatever it takes.
type Counts struct{ Fetch, Page, Commit, Incr, Scan, Walk, List, Look, Data int64 }

// Turnarounds is the sum of all.
func (c Counts) Turnarounds() int64 {
	return c.Fetch + c.Page + c.Commit + c.Incr + c.Scan + c.Walk + c.List + c.Look + c.Data
}

// Counts returns the calls since the start or the last Reset.
func (c *Counting) Counts() Counts {
	n := func(k call) int64 { return c.n[k].Load() }
	return Counts{Fetch: n(callFetch), Page: n(callPage), Commit: n(callCommit), Incr: n(callIncr), Scan: n(callScan), Walk: n(callWalk), List: n(callList), Look: n(callLook),
		Data: n(callData)}
}

// Reset returns the counts and starts over. Calls under way may be counted on either side.
func (c *Counting) Reset() Counts {
	was := c.Counts()
	for i := range c.n {
		c.n[i].Store(0)
	}
	return was
}

// Fault is what a failing commit does.
type Fault uint8

// The faults.
const (
	Busy        Fault = iota + 1 // nothing is written, engine.ErrBusy
	Conflicting                  // nothing is written, a *engine.Conflict without news
	LostBefore                   // nothing is written, engine.ErrUnknown
	LostAfter                    // the batch is written, engine.ErrUnknown
	Broken                       // nothing is written, an error of no special kind
)

// errBroken is what Broken commits return.
var errBroken = errors.New("disk on fire")

// Failing lets chosen commits fail. It is safe for concurrent use.
type Failing struct {
	tap
	mu     sync.Mutex
	faults []fault
}

type fault struct {
	of    func(*engine.Batch) bool // which commits count; nil: all
	after int                      // commits of those before it
	fault Fault
}

// NewFailing returns an engine over e that fails as Fail says.
func NewFailing(e engine.Engine) *Failing {
	f := &Failing{tap: tap{Engine: e}}
	f.around = f.do
	return f
}

// Fail lets the n-th commit from now on fail, the next being the first. It may be called several times: each call speaks of
// another commit.
func (f *Failing) Fail(n int, what Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.faults = append(f.faults, fault{nil, n - 1, what})
}

// FailOf lets the next commit whose batch of accepts fail. It is for engines that others, such as background jobs, commit to
// as well. of is called under a lock, and must not keep or change the batch.
func (f *Failing) FailOf(of func(*engine.Batch) bool, what Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.faults = append(f.faults, fault{of, 0, what})
}

// Writing accepts batches that write a record of a kind with the given verb, for FailOf.
func Writing(op engine.Op, kind record.Kind) func(*engine.Batch) bool {
	return func(b *engine.Batch) bool {
		return slices.ContainsFunc(b.Writes, func(w engine.Write) bool { return w.Op == op && w.Key.Kind == kind })
	}
}

// Pending returns how many of the faults have not happened yet.
func (f *Failing) Pending() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.faults)
}

// next takes the fault of this commit, 0 for none.
func (f *Failing) next(b *engine.Batch) Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	var due Fault
	left := f.faults[:0]
	for _, x := range f.faults {
		if x.of != nil && !x.of(b) {
			left = append(left, x)
			continue
		}
		if x.after == 0 && due == 0 {
			due = x.fault
			continue
		}
		x.after = max(x.after-1, 0)
		left = append(left, x)
	}
	f.faults = left
	return due
}

func (f *Failing) do(_ context.Context, c call, b *engine.Batch, next func() error) error {
	if c != callCommit {
		return next()
	}
	switch f.next(b) {
	case Busy:
		return fmt.Errorf("injected: %w", engine.ErrBusy)
	case Conflicting:
		return &engine.Conflict{Cause: errors.New("injected")}
	case LostBefore:
		return fmt.Errorf("injected: %w", engine.ErrUnknown)
	case LostAfter:
		if err := next(); err != nil {
			return err
		}
		return fmt.Errorf("injected: %w", engine.ErrUnknown)
	case Broken:
		return fmt.Errorf("injected: %w", errBroken)
	}
	return next()
}

// Slow lets every call take longer by a fixed time, as over a network. It is safe for concurrent use.
type Slow struct{ tap }

// NewSlow returns an engine over e that waits before each call.
func NewSlow(e engine.Engine, delay time.Duration) *Slow {
	return &Slow{tap{Engine: e, around: func(ctx context.Context, _ call, _ *engine.Batch, next func() error) error {
		t := time.NewTimer(delay)
		defer t.Stop()
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-t.C:
			return next()
		}
	}}}
}
