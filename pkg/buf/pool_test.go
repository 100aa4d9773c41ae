package buf_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"time"

	"juicefs/pkg/buf"
)

func mustGet(t testing.TB, p *buf.Pool, n int) *buf.Page {
	t.Helper()
	page, err := p.Get(t.Context(), n)
	if err != nil {
		t.Fatalf("get %d bytes: %v", n, err)
	}
	if page.Len() != n {
		t.Fatalf("got a page of %d bytes, want %d", page.Len(), n)
	}
	return page
}

// eventually polls cond with a deadline.
func eventually(t testing.TB, what string, cond func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !cond(); runtime.Gosched() {
		if time.Now().After(end) {
			t.Fatalf("not in time: %s", what)
		}
	}
}

func TestPageSizes(t *testing.T) {
	pool := buf.NewPool(64 << 20)
	for _, n := range []int{0, 1, 4095, 4096, 4097, 5000, 8192, 65536, 65537, 1<<20 + 1, 4 << 20, 4<<20 + 287, 16 << 20, 16<<20 + 1, 20 << 20} {
		page := mustGet(t, pool, n)
		if got := pool.Used(); got < int64(n) || got > int64(max(n+n/4+1, 4096)) {
			t.Errorf("%d bytes count as %d", n, got)
		}
		if page.Cap() < n || int64(page.Cap()) > pool.Used() {
			t.Errorf("%d bytes have capacity %d, used %d", n, page.Cap(), pool.Used())
		}
		page.Release()
		if got := pool.Used(); got != 0 {
			t.Fatalf("%d bytes are used after the release", got)
		}
	}
}

func TestGetWaitsForRoom(t *testing.T) {
	pool := buf.NewPool(8192)
	a, b := mustGet(t, pool, 4096), mustGet(t, pool, 4096)
	if pool.TryGet(1) != nil {
		t.Fatal("a full pool gave a page")
	}
	got := make(chan *buf.Page)
	go func() {
		page, err := pool.Get(context.Background(), 8192)
		if err != nil {
			t.Error(err)
		}
		got <- page
	}()
	eventually(t, "one waiter", func() bool { return pool.Waiting() == 1 })
	a.Release()
	if pool.TryGet(1) != nil {
		t.Fatal("a page was given to one who came later")
	}
	select {
	case <-got:
		t.Fatal("half of the room was enough")
	default:
	}
	b.Release()
	page := <-got
	page.Release()
	if pool.Used() != 0 {
		t.Errorf("%d bytes are used", pool.Used())
	}
}

func TestGetEndsWithItsContext(t *testing.T) {
	pool := buf.NewPool(8192)
	a := mustGet(t, pool, 4096)
	ctx, cancel := context.WithCancel(t.Context())
	errs := make(chan error)
	go func() {
		_, err := pool.Get(ctx, 8192)
		errs <- err
	}()
	eventually(t, "one waiter", func() bool { return pool.Waiting() == 1 })
	small := make(chan *buf.Page)
	go func() {
		page, _ := pool.Get(context.Background(), 4096)
		small <- page
	}()
	eventually(t, "two waiters", func() bool { return pool.Waiting() == 2 })
	cancel()
	if err := <-errs; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want cancelled", err)
	}
	(<-small).Release() // the small one fits as soon as the large one left
	a.Release()
	if _, err := pool.Get(ctx, 4096); err != nil {
		t.Errorf("a free page was refused: %v", err)
	}
}

func TestPageLargerThanThePool(t *testing.T) {
	pool := buf.NewPool(1)
	page := mustGet(t, pool, 1<<20)
	if pool.TryGet(1) != nil {
		t.Error("got a second page")
	}
	page.Release()
	mustGet(t, pool, 1).Release()
}

func TestOverdraw(t *testing.T) {
	pool := buf.NewPool(4096)
	a := mustGet(t, pool, 4096)
	b := pool.Overdraw(4096)
	a.Release()
	if pool.TryGet(4096) != nil {
		t.Error("the debt was forgotten")
	}
	b.Release()
	mustGet(t, pool, 4096).Release()
}

func TestSlicesKeepThePage(t *testing.T) {
	pool := buf.NewPool(1 << 20)
	page := mustGet(t, pool, 10000)
	copy(page.Bytes()[4000:], "hello data")
	a := page.Slice(4000, 6)
	b := a.Slice(0, 5)
	c := page.Slice(4006, 4)
	if b.Join(c) || c.Join(a) || a.Join(b) || page.Join(a) || buf.NewPage([]byte("x")).Join(c) {
		t.Error("pages that are not neighbours were joined")
	}
	page.Release()
	if !a.Join(c) || string(a.Bytes()) != "hello data" || a.Cap() != 10 {
		t.Errorf("joined: got %q with capacity %d", a.Bytes(), a.Cap())
	}
	a.Release()
	if got := string(b.Bytes()); got != "hello" || b.Cap() != 5 {
		t.Errorf("got %q with capacity %d", got, b.Cap())
	}
	if pool.Used() == 0 {
		t.Error("the memory of a slice was given back")
	}
	b.Release()
	if pool.Used() != 0 {
		t.Errorf("%d bytes are used", pool.Used())
	}
}

func TestUncharge(t *testing.T) {
	pool := buf.NewPool(4096)
	page := mustGet(t, pool, 4096)
	view := page.Slice(0, 10)
	if got := view.Uncharge(); got != 4096 {
		t.Errorf("got %d bytes", got)
	}
	if got := page.Uncharge(); got != 0 {
		t.Errorf("got %d bytes the second time", got)
	}
	other := mustGet(t, pool, 4096) // the share is free
	page.Release()
	view.Release()
	if got := pool.Used(); got != 4096 {
		t.Errorf("got %d bytes used, want those of the other page", got)
	}
	other.Release()
	static := buf.NewPage([]byte("static"))
	if static.Uncharge() != 0 || static.Slice(1, 2).Len() != 2 {
		t.Error("a page without a pool is not usable")
	}
}

func TestReleasedTwicePanics(t *testing.T) {
	page := buf.NewPage(make([]byte, 1))
	page.Release()
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	page.Release()
}

func TestManyAtOnceStayWithinTheLimit(t *testing.T) {
	const limit = 1 << 20
	pool := buf.NewPool(limit)
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(1, uint64(g)))
			for range 300 {
				ctx, cancel := context.WithCancel(t.Context())
				if rnd.IntN(10) == 0 {
					cancel()
				}
				n := 1 + rnd.IntN(300<<10)
				page, err := pool.Get(ctx, n)
				cancel()
				if err != nil {
					continue
				}
				if used := pool.Used(); used > limit {
					t.Errorf("%d bytes are used", used)
				}
				page.Bytes()[n-1] = byte(g)
				v := page.Retain().Slice(n/2, n-n/2)
				page.Release()
				page.Release()
				if v.Bytes()[v.Len()-1] != byte(g) {
					t.Error("somebody else wrote to the page")
				}
				v.Release()
			}
		})
	}
	wg.Wait()
	if pool.Used() != 0 || pool.Waiting() != 0 {
		t.Errorf("%d bytes used, %d waiting at the end: %v", pool.Used(), pool.Waiting(), pool.Leaks())
	}
}

func BenchmarkGetRelease(b *testing.B) {
	pool := buf.NewPool(64 << 20)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			page, err := pool.Get(context.Background(), 4096)
			if err != nil {
				b.Fatal(err)
			}
			page.Release()
		}
	})
}
