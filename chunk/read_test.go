package chunk

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"juicefs/pkg/buf"
	"juicefs/pkg/object"
	"juicefs/pkg/object/mem"
	"juicefs/pkg/object/objecttest"
)

// counted is a bucket that counts bytes and requests of Get.
type counted struct {
	object.Bucket
	gets, bytes atomic.Int64
}

func (c *counted) Get(ctx context.Context, key string, off, n int64) (io.ReadCloser, error) {
	c.gets.Add(1)
	r, err := c.Bucket.Get(ctx, key, off, n)
	if err != nil {
		return nil, err
	}
	return &countedReader{r, c}, nil
}

type countedReader struct {
	io.ReadCloser
	c *counted
}

func (r *countedReader) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	r.c.bytes.Add(int64(n))
	return n, err
}

func (c *counted) take() (gets, bytes int64) { return c.gets.Swap(0), c.bytes.Swap(0) }

func TestPartsOfPlainBlocksAreAskedForAlone(t *testing.T) {
	c := &counted{Bucket: mem.New()}
	r := newRig(t, c, Options{BlockSize: 1 << 20})
	data := content(1, 3<<20)
	ref := r.write(t, 1, data)
	for _, x := range []struct{ off, n, gets, bytes uint32 }{
		{5000, 64 << 10, 1, 64 << 10},
		{5000, 64 << 10, 1, 64 << 10},  // parts are not kept
		{1<<20 - 10, 20, 2, 20},        // two blocks
		{1 << 20, 1 << 20, 1, 1 << 20}, // a whole block
		{1 << 20, 1 << 20, 0, 0},       // is kept
		{1<<20 + 5, 100, 0, 0},         // and has its parts
		{0, 3 << 20, 2, 2 << 20},       // the others
	} {
		p := make([]byte, x.n)
		if _, err := r.ReadAt(t.Context(), ref, p, x.off); err != nil || string(p) != string(data[x.off:x.off+x.n]) {
			t.Fatalf("%+v: %v", x, err)
		}
		if gets, bytes := c.take(); gets != int64(x.gets) || bytes != int64(x.bytes) {
			t.Errorf("%+v: %d gets of %d bytes", x, gets, bytes)
		}
	}
}

func TestEncodedBlocksAreReadWholeAndKept(t *testing.T) {
	c := &counted{Bucket: mem.New()}
	r := newRig(t, c, Options{Compression: "lz4"})
	data := content(1, 3*smallBlock)
	ref := r.write(t, 1, data)
	for _, gets := range []int64{1, 0} {
		p := make([]byte, 100)
		if _, err := r.ReadAt(t.Context(), ref, p, 50); err != nil || string(p) != string(data[50:150]) {
			t.Fatal(err)
		}
		if got, _ := c.take(); got != gets {
			t.Errorf("%d gets, want %d", got, gets)
		}
	}
}

func TestSmallFreshBlocksAreKept(t *testing.T) {
	for _, compression := range []string{"none", "zstd"} {
		c := &counted{Bucket: mem.New()}
		r := newRig(t, c, Options{Compression: compression})
		small, large := content(1, 4096), content(2, 2*smallBlock)
		a, b := r.write(t, 1, small), r.write(t, 2, large)
		r.check(t, a, 0, a.Size, small)
		if gets, _ := c.take(); gets != 0 {
			t.Errorf("%s: a fresh small block took %d gets", compression, gets)
		}
		r.check(t, b, 0, b.Size, large)
		if gets, _ := c.take(); gets != 2 {
			t.Errorf("%s: two fresh blocks of full size took %d gets", compression, gets)
		}
		if used := r.pool.Used(); used != 0 {
			t.Errorf("%s: kept blocks use %d bytes of the pool", compression, used)
		}
		if err := r.Remove(t.Context(), a); err != nil {
			t.Fatal(err)
		}
		if s := r.CacheStats(); s.Blocks != 2 || s.Hits == 0 || s.Misses == 0 || s.Writes != 3 {
			t.Errorf("%s: got %+v", compression, s)
		}
	}
}

func TestABlockIsFetchedOnceForMany(t *testing.T) {
	g := newGate()
	c := &counted{Bucket: mem.New()}
	r := newRig(t, objecttest.WithFaults(c, func(_ context.Context, call objecttest.Call) error {
		if call.Op == "get" {
			g.pass()
		}
		return nil
	}), Options{Compression: "lz4", MemoryCache: -1})
	data := content(1, smallBlock)
	ref := r.write(t, 1, data)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			p := make([]byte, 100)
			if _, err := r.ReadAt(t.Context(), ref, p, uint32(i)*100); err != nil || string(p) != string(data[i*100:i*100+100]) {
				t.Error(err)
			}
		})
	}
	b := ref.Block(0, smallBlock)
	waiting := func() int {
		r.flights.mu.Lock()
		defer r.flights.mu.Unlock()
		if f := r.flights.under[b]; f != nil {
			return f.wait
		}
		return 0
	}
	eventually(t, "seven wait for one", func() bool { return waiting() == 7 })
	ctx, cancel := context.WithCancel(t.Context())
	gone := make(chan error)
	go func() {
		_, err := r.ReadAt(ctx, ref, make([]byte, 1), 0)
		gone <- err
	}()
	eventually(t, "eight wait for one", func() bool { return waiting() == 8 })
	cancel()
	if err := <-gone; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	close(g.open)
	wg.Wait()
	if gets, _ := c.take(); gets != 1 {
		t.Errorf("%d gets", gets)
	}
}

// When the one who fetches goes away, another takes over.
func TestFetcherGoesAway(t *testing.T) {
	var gets atomic.Int64
	entered := make(chan struct{}, 10)
	r := newRig(t, objecttest.WithFaults(mem.New(), func(ctx context.Context, call objecttest.Call) error {
		if call.Op == "get" && gets.Add(1) == 1 {
			entered <- struct{}{}
			<-ctx.Done()
			return ctx.Err()
		}
		return nil
	}), Options{Compression: "lz4", MemoryCache: -1})
	data := content(1, smallBlock)
	ref := r.write(t, 1, data)
	ctx, cancel := context.WithCancel(t.Context())
	first, second := make(chan error), make(chan error)
	go func() {
		_, err := r.ReadAt(ctx, ref, make([]byte, 10), 0)
		first <- err
	}()
	<-entered
	go func() {
		got, err := r.stream(t, ref, 0, ref.Size)
		if err == nil && string(got) != string(data) {
			err = errors.New("other bytes")
		}
		second <- err
	}()
	eventually(t, "one waits", func() bool {
		r.flights.mu.Lock()
		defer r.flights.mu.Unlock()
		f := r.flights.under[ref.Block(0, smallBlock)]
		return f != nil && f.wait == 1
	})
	cancel()
	if err := <-first; !errors.Is(err, context.Canceled) {
		t.Errorf("the first: got %v", err)
	}
	if err := <-second; err != nil {
		t.Errorf("the second: got %v", err)
	}
}

func TestBlocksAheadAreFetched(t *testing.T) {
	g := newGate()
	r := newRig(t, objecttest.WithFaults(mem.New(), func(_ context.Context, c objecttest.Call) error {
		if c.Op == "get" {
			g.pass()
		}
		return nil
	}), Options{ReadAhead: 2, MemoryCache: -1})
	data := content(1, 6*smallBlock)
	ref := r.write(t, 1, data)
	done := make(chan []byte)
	go func() {
		got, err := r.stream(t, ref, 0, ref.Size)
		if err != nil {
			t.Error(err)
		}
		done <- got
	}()
	eventually(t, "three requests at once", func() bool { return g.count() == 3 })
	close(g.open)
	if got := <-done; string(got) != string(data) {
		t.Errorf("got %d other bytes", len(got))
	}
}

func TestStreamsMayEndEarly(t *testing.T) {
	for name, open := range kinds() {
		t.Run(name, func(t *testing.T) {
			r := open(t)
			ref := r.write(t, 1, content(1, 8*smallBlock))
			for p, err := range r.Pages(t.Context(), ref, 10, ref.Size-10) {
				if err != nil {
					t.Fatal(err)
				}
				p.Release()
				break
			}
			ctx, cancel := context.WithCancel(t.Context())
			n := 0
			var last error
			for p, err := range r.Pages(ctx, ref, 10, ref.Size-10) {
				if last = err; err != nil {
					break
				}
				p.Release()
				n++
				cancel()
			}
			cancel()
			if !errors.Is(last, context.Canceled) || n == 0 {
				t.Errorf("got %v after %d pages", last, n)
			}
		})
	}
}

func TestReadFaults(t *testing.T) {
	broken := errors.New("broken")
	for _, o := range []Options{{}, {Compression: "zstd"}, {MemoryCache: -1, ReadAhead: -1}} {
		fail := atomic.Bool{}
		r := newRig(t, objecttest.WithFaults(plainBucket{mem.New()}, func(_ context.Context, c objecttest.Call) error {
			if fail.Load() && c.Op == "read" {
				return broken
			}
			return nil
		}), o)
		data := content(1, 3*smallBlock)
		ref := r.write(t, 1, data)
		fail.Store(true)
		if _, err := r.ReadAt(t.Context(), ref, make([]byte, 10), 0); !errors.Is(err, broken) || errors.Is(err, ErrCorrupt) {
			t.Errorf("got %v", err)
		}
		if _, err := r.stream(t, ref, 0, ref.Size); !errors.Is(err, broken) {
			t.Errorf("got %v", err)
		}
		fail.Store(false)
		r.check(t, ref, 0, ref.Size, data)
	}
}

func TestPrefetch(t *testing.T) {
	c := &counted{Bucket: mem.New()}
	r := newRig(t, c, Options{})
	data := content(1, 4*smallBlock)
	ref := r.write(t, 1, data)
	r.Prefetch(ref, smallBlock+5, 2*smallBlock-10)
	eventually(t, "two blocks in memory", func() bool { return r.CacheStats().Blocks == 2 })
	r.Prefetch(ref, smallBlock, 2*smallBlock)
	c.take()
	r.check(t, ref, smallBlock, 2*smallBlock, data[smallBlock:3*smallBlock])
	if gets, _ := c.take(); gets != 0 {
		t.Errorf("%d gets", gets)
	}
	r.Prefetch(ref, 0, 5*smallBlock) // a hint that makes no sense
	r.Prefetch(Ref{99, 100}, 0, 100) // nor this one
}

func TestMemoryCacheIsBounded(t *testing.T) {
	const limit = 10 * smallBlock
	r := newRig(t, mem.New(), Options{MemoryCache: limit, HashPrefix: true})
	rnd := rand.New(rand.NewPCG(3, 3))
	refs := map[Ref][]byte{}
	for i := range 40 {
		data := content(uint64(i), 1+rnd.IntN(2*smallBlock))
		refs[r.write(t, uint64(i+1), data)] = data
		if s := r.CacheStats(); s.Bytes > limit {
			t.Fatalf("%d bytes are kept", s.Bytes)
		}
	}
	for range 3 {
		for ref, data := range refs {
			r.check(t, ref, 0, ref.Size, data)
			if s := r.CacheStats(); s.Bytes > limit {
				t.Fatalf("%d bytes are kept", s.Bytes)
			}
		}
	}
	if s := r.CacheStats(); s.Evicts == 0 || s.Hits == 0 || s.Blocks == 0 {
		t.Errorf("got %+v", s)
	}
}

// A small block does not keep the large page that it came in.
func TestSmallBlocksInLargePages(t *testing.T) {
	r := newRig(t, mem.New(), Options{BlockSize: 4 << 20})
	w := r.NewWriter(1, WriteOptions{}) // of unknown size: a page of a whole block
	p := mustPage(t)(w.Page(t.Context(), 1<<20))
	p.Truncate(copy(p.Bytes(), "tiny"))
	if err := w.Append(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	ref, err := w.Seal(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if s := r.CacheStats(); s.Blocks != 1 || s.Bytes > 1<<10 {
		t.Errorf("got %+v", s)
	}
	r.check(t, ref, 0, 4, []byte("tiny"))
}

func TestManyReadersAndWritersAtOnce(t *testing.T) {
	for name, open := range map[string]func() *rig{
		"cached": func() *rig {
			return newRig(t, mem.New(), Options{MemoryCache: 8 * smallBlock, Pool: buf.NewPool(10 * smallBlock)})
		},
		"compressed": func() *rig {
			return newRig(t, mem.New(), Options{Compression: "lz4", MemoryCache: 8 * smallBlock, Pool: buf.NewPool(smallBlock)})
		},
		"slow": func() *rig {
			return newRig(t, objecttest.WithDelay(plainBucket{mem.New()}, time.Millisecond), Options{MemoryCache: -1, MaxDownloads: 3, Pool: buf.NewPool(3 * smallBlock)})
		},
		"file": func() *rig { return newRig(t, fileBucket(t), Options{Pool: buf.NewPool(smallBlock)}) },
	} {
		t.Run(name, func(t *testing.T) {
			r := open()
			within(t, 60*time.Second, func() {
				var wg sync.WaitGroup
				shared := content(99, 5*smallBlock)
				common := r.write(t, 99, shared)
				for g := range 8 {
					wg.Go(func() {
						rnd := rand.New(rand.NewPCG(uint64(g), 1))
						for i := range 10 {
							data := content(uint64(g*100+i), 1+rnd.IntN(4*smallBlock))
							ref := r.write(t, uint64(1000+g*100+i), data)
							off := rnd.IntN(len(data))
							n := 1 + rnd.IntN(len(data)-off)
							r.check(t, ref, uint32(off), uint32(n), data[off:off+n])
							off = rnd.IntN(len(shared))
							n = 1 + rnd.IntN(len(shared)-off)
							r.check(t, common, uint32(off), uint32(n), shared[off:off+n])
							if err := r.Remove(t.Context(), ref); err != nil {
								t.Error(err)
							}
						}
					})
				}
				wg.Wait()
			})
		})
	}
}
