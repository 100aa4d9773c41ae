package vfs

import (
	"context"
	"errors"
	"iter"
	"sync/atomic"
	"testing"

	"juicefs/pkg/buf"
)

// numbered yields pages of 1 KiB with their number, and then last if there is one. made counts them.
func numbered(pool *buf.Pool, n int, last error, made *atomic.Int64) func(context.Context) iter.Seq2[*buf.Page, error] {
	return func(ctx context.Context) iter.Seq2[*buf.Page, error] {
		return func(yield func(*buf.Page, error) bool) {
			for i := range n {
				page, err := pool.Get(ctx, 1024)
				if err != nil {
					yield(nil, err)
					return
				}
				page.Bytes()[0] = byte(i)
				made.Add(1)
				if !yield(page, nil) {
					return
				}
			}
			if last != nil {
				yield(nil, last)
			}
		}
	}
}

func TestReadAheadKeepsOrderAndErrors(t *testing.T) {
	pool := buf.NewPool(1 << 20)
	broken := errors.New("broken")
	var made atomic.Int64
	got := 0
	var gotErr error
	for page, err := range readAhead(t.Context(), numbered(pool, 100, broken, &made), pool, 64<<10) {
		if err != nil {
			gotErr = err
			continue
		}
		if int(page.Bytes()[0]) != got {
			t.Fatalf("page %d came as number %d", page.Bytes()[0], got)
		}
		got++
		page.Release()
	}
	if got != 100 || !errors.Is(gotErr, broken) {
		t.Errorf("%d pages and %v, want 100 and broken", got, gotErr)
	}
	if pool.Used() != 0 {
		t.Errorf("%d bytes were not released", pool.Used())
	}
}

func TestReadAheadStaysInItsWindow(t *testing.T) {
	pool := buf.NewPool(1 << 20)
	var made atomic.Int64
	next, stop := iter.Pull2(readAhead(t.Context(), numbered(pool, 1000, nil, &made), pool, 8<<10))
	for taken := range int64(100) {
		page, err, ok := next()
		if err != nil || !ok {
			t.Fatal(err, ok)
		}
		page.Release()
		// The window, the page that did not fit, and what the first class of pages rounds up to.
		if ahead := made.Load() - taken; ahead > 8+2 {
			t.Fatalf("%d pages ahead of a window of 8", ahead)
		}
	}
	stop()
	if pool.Used() != 0 {
		t.Errorf("%d bytes were not released", pool.Used())
	}
}

// TestReadAheadYieldsToOthers: with most of the pool in use a stream holds one page.
func TestReadAheadYieldsToOthers(t *testing.T) {
	pool := buf.NewPool(1 << 20)
	others := pool.Overdraw(600 << 10)
	var made atomic.Int64
	next, stop := iter.Pull2(readAhead(t.Context(), numbered(pool, 1000, nil, &made), pool, 64<<10))
	defer func() { stop(); others.Release() }()
	for taken := range int64(50) {
		page, err, ok := next()
		if err != nil || !ok {
			t.Fatal(err, ok)
		}
		page.Release()
		if ahead := made.Load() - taken; ahead > 3 {
			t.Fatalf("%d pages ahead although others need the memory", ahead)
		}
	}
}

func TestReadAheadEndsWithItsContext(t *testing.T) {
	pool := buf.NewPool(1 << 20)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var made atomic.Int64
	n := 0
	var last error
	for page, err := range readAhead(ctx, numbered(pool, 1000, nil, &made), pool, 8<<10) {
		if last = err; err != nil {
			break
		}
		page.Release()
		if n++; n == 5 {
			cancel()
		}
	}
	if !errors.Is(last, context.Canceled) {
		t.Errorf("ended with %v after %d pages, want canceled", last, n)
	}
	if pool.Used() != 0 {
		t.Errorf("%d bytes were not released", pool.Used())
	}
}
