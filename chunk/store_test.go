package chunk

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"juicefs/pkg/buf"
	"juicefs/pkg/object"
	"juicefs/pkg/object/mem"
	"juicefs/pkg/object/objecttest"
)

var errNoSeal = errors.New("no seal")

func TestWhatWasWrittenIsRead(t *testing.T) {
	for name, open := range kinds() {
		t.Run(name, func(t *testing.T) {
			r := open(t)
			for i, size := range []int{1, 24, 4096, smallBlock - 1, smallBlock, smallBlock + 1, 3 * smallBlock, 5*smallBlock + 100, 3 << 20} {
				data := content(uint64(i), size)
				ref := r.write(t, uint64(i+1), data)
				r.check(t, ref, 0, uint32(size), data)
				for _, c := range []struct{ off, n int }{{0, 1}, {size - 1, 1}, {size / 2, size / 3}, {smallBlock - 10, 20}, {smallBlock, 10}, {0, 0}, {size, 0}} {
					if c.off+c.n <= size {
						r.check(t, ref, uint32(c.off), uint32(c.n), data[c.off:c.off+c.n])
					}
				}
				if err := r.Remove(t.Context(), ref); err != nil {
					t.Errorf("remove: %v", err)
				}
				if keys := r.keys(t); len(keys) != 0 {
					t.Errorf("left after the removal: %q", keys)
				}
				if _, err := r.ReadAt(t.Context(), ref, make([]byte, 1), 0); !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("read of a removed slice: %v", err)
				}
				if n, err := r.WriteTo(t.Context(), io.Discard, ref, 0, uint32(size)); !errors.Is(err, fs.ErrNotExist) || n != 0 {
					t.Errorf("copy of a removed slice: %d, %v", n, err)
				}
				if _, err := r.stream(t, ref, 0, uint32(size)); !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("stream of a removed slice: %v", err)
				}
				if err := r.Remove(t.Context(), ref); err != nil {
					t.Errorf("remove again: %v", err)
				}
			}
		})
	}
}

func TestBlocksOfASlice(t *testing.T) {
	r := newRig(t, mem.New(), Options{})
	r.write(t, 17, content(1, 2*smallBlock+100))
	if got, want := r.keys(t), []string{"chunks/0/0/17_0_65536", "chunks/0/0/17_1_65536", "chunks/0/0/17_2_100"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	stored, err := object.As[object.RangeReader](r.bucket)
	if !err {
		t.Fatal("no ranges")
	}
	p := make([]byte, 200)
	if n, err := stored.ReadRange(t.Context(), "chunks/0/0/17_2_100", p, 0); err != nil || !bytes.Equal(p[:n], content(1, 2*smallBlock+100)[2*smallBlock:]) {
		t.Errorf("got %d bytes, %v", n, err)
	}
}

func TestDefaultBlockSize(t *testing.T) {
	s, err := New(mem.New(), Options{})
	if err != nil || s.BlockSize() != 4<<20 {
		t.Errorf("got %v, %v", s, err)
	}
	for _, o := range []Options{{BlockSize: 3 << 20}, {BlockSize: 32 << 10}, {BlockSize: 32 << 20}, {BlockSize: -1}, {MaxUploads: -1}, {MaxDeletes: -2}, {Compression: "rar"}} {
		if _, err := New(mem.New(), o); err == nil {
			t.Errorf("%+v was taken", o)
		}
	}
}

func TestEmptySlice(t *testing.T) {
	r := newRig(t, mem.New(), Options{})
	ref, err := r.NewWriter(5, WriteOptions{}).Seal(t.Context())
	if err != nil || ref != (Ref{ID: 5}) || len(r.keys(t)) != 0 {
		t.Errorf("got %+v, %v, %q", ref, err, r.keys(t))
	}
	if err := r.Remove(t.Context(), ref); err != nil {
		t.Error(err)
	}
}

func TestRangesOutsideASlice(t *testing.T) {
	r := newRig(t, mem.New(), Options{})
	ref := r.write(t, 1, content(1, 100))
	if _, err := r.WriteTo(t.Context(), io.Discard, ref, 50, 51); !errors.Is(err, fs.ErrInvalid) {
		t.Errorf("copy: got %v", err)
	}
	for _, c := range []struct{ off, n uint32 }{{0, 101}, {100, 1}, {1000, 1}, {1<<32 - 1, 1}, {1, 1<<32 - 1}} {
		if _, err := r.stream(t, ref, c.off, c.n); !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("stream %+v: got %v", c, err)
		}
		if c.n < 1000 {
			if _, err := r.ReadAt(t.Context(), ref, make([]byte, c.n), c.off); !errors.Is(err, fs.ErrInvalid) {
				t.Errorf("read %+v: got %v", c, err)
			}
		}
	}
	if _, err := r.ReadAt(t.Context(), Ref{Size: 10}, make([]byte, 1), 0); !errors.Is(err, fs.ErrInvalid) {
		t.Errorf("slice 0: got %v", err)
	}
}

// Sizes that were promised may be wrong, pages may come from anywhere and have any length.
func TestOddPages(t *testing.T) {
	r := newRig(t, mem.New(), Options{MemoryCache: -1})
	id := uint64(0)
	for _, size := range []int{10, smallBlock, 2*smallBlock + 777} {
		data := content(9, size)
		for _, promised := range []int64{0, -1, 1, int64(size), int64(size) - 1, int64(size) + 1, 1 << 30} {
			for _, page := range []int{1 << 20, smallBlock, 5000, 777} {
				id++
				ref, err := r.tryWrite(t, id, data, promised, page)
				if err != nil {
					t.Fatal(err)
				}
				r.check(t, ref, 0, uint32(size), data)
			}
		}
	}
	rnd := rand.New(rand.NewPCG(1, 1))
	for range 30 {
		id++
		data := content(id, rnd.IntN(4*smallBlock))
		w := r.NewWriter(id, WriteOptions{Size: int64(rnd.IntN(2) * len(data))})
		for left := data; len(left) > 0; {
			var p *buf.Page
			switch n := 1 + rnd.IntN(100000); rnd.IntN(4) {
			case 0:
				p = buf.NewPage(make([]byte, n))
			case 1:
				p = mustPage(t)(r.pool.Get(t.Context(), n))
			default:
				p = mustPage(t)(w.Page(t.Context(), n))
				if rnd.IntN(3) == 0 {
					p.Release() // it was not needed
					continue
				}
				if rnd.IntN(3) == 0 {
					p.Truncate(rnd.IntN(p.Len() + 1)) // a short read
				}
			}
			n := copy(p.Bytes(), left)
			p.Truncate(n)
			left = left[n:]
			if err := w.Append(t.Context(), p); err != nil {
				t.Fatal(err)
			}
		}
		ref, err := w.Seal(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		r.check(t, ref, 0, uint32(len(data)), data)
	}
}

func mustPage(t testing.TB) func(p *buf.Page, err error) *buf.Page {
	return func(p *buf.Page, err error) *buf.Page {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
}

func TestSliceOfFullSize(t *testing.T) {
	r := newRig(t, mem.New(), Options{BlockSize: 4 << 20, MemoryCache: -1})
	w := r.NewWriter(1, WriteOptions{Size: MaxSlice})
	for w.Size() < MaxSlice {
		p := mustPage(t)(w.Page(t.Context(), 1<<20))
		if err := w.Append(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.Page(t.Context(), 1); !errors.Is(err, syscall.EFBIG) {
		t.Errorf("page: got %v", err)
	}
	w.Abort()
	if keys := r.keys(t); len(keys) != 0 {
		t.Errorf("left: %q", keys)
	}
	w = r.NewWriter(2, WriteOptions{})
	if err := w.Append(t.Context(), buf.NewPage(make([]byte, MaxSlice))); err != nil {
		t.Fatal(err)
	}
	if err := w.Append(t.Context(), buf.NewPage(make([]byte, 1))); !errors.Is(err, syscall.EFBIG) {
		t.Errorf("append: got %v", err)
	}
	if _, err := w.Seal(t.Context()); !errors.Is(err, syscall.EFBIG) {
		t.Errorf("seal: got %v", err)
	}
	w.Abort()
	if keys := r.keys(t); len(keys) != 0 {
		t.Errorf("left: %q", keys)
	}
}

func TestWriterIsOver(t *testing.T) {
	r := newRig(t, mem.New(), Options{})
	for name, end := range map[string]func(w *Writer){
		"sealed":  func(w *Writer) { _, _ = w.Seal(t.Context()) }, // works
		"aborted": func(w *Writer) { w.Abort() },
	} {
		w := r.NewWriter(1, WriteOptions{})
		end(w)
		if err := w.Append(t.Context(), mustPage(t)(r.pool.Get(t.Context(), 10))); err == nil {
			t.Errorf("%s: append works", name)
		}
		if _, err := w.Page(t.Context(), 10); err == nil {
			t.Errorf("%s: page works", name)
		}
		if _, err := w.Seal(t.Context()); err == nil {
			t.Errorf("%s: seal works", name)
		}
		w.Abort()
	}
}

// Sixteen writers share a pool of one page.
func TestNoDeadlockWithTheSmallestPool(t *testing.T) {
	for _, o := range []Options{{}, {MaxUploads: 1}, {Compression: "lz4", MaxUploads: 1}} {
		o.Pool, o.MemoryCache = buf.NewPool(1), -1
		r := newRig(t, objecttest.WithDelay(mem.New(), time.Millisecond), o)
		within(t, 30*time.Second, func() {
			var wg sync.WaitGroup
			for g := range 16 {
				wg.Go(func() {
					data := content(uint64(g), 2*smallBlock+1000)
					promised := []int64{int64(len(data)), 0, 100}[g%3]
					ref, err := r.tryWrite(t, uint64(1+g), data, promised, 5000)
					if err != nil {
						t.Error(err)
						return
					}
					r.check(t, ref, 0, ref.Size, data)
					r.check(t, ref, 100, ref.Size-200, data[100:len(data)-100])
				})
			}
			wg.Wait()
		})
	}
}

// A slow store stops Append; nothing piles up.
func TestBackPressure(t *testing.T) {
	g := newGate()
	r := newRig(t, objecttest.WithFaults(mem.New(), func(_ context.Context, c objecttest.Call) error {
		if c.Op == "put" {
			g.pass()
		}
		return nil
	}), Options{Pool: buf.NewPool(4 * smallBlock), MaxUploads: 2})
	data := content(1, 20*smallBlock)
	done := make(chan error)
	go func() {
		_, err := r.tryWrite(t, 1, data, int64(len(data)), smallBlock)
		done <- err
	}()
	eventually(t, "two uploads", func() bool { return g.count() == 2 })
	if used := r.pool.Used(); used > r.pool.Limit() {
		t.Errorf("%d bytes are used", used)
	}
	close(g.open)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	r.check(t, Ref{1, uint32(len(data))}, 0, uint32(len(data)), data)
}

func TestUploadsAreBounded(t *testing.T) {
	var mu sync.Mutex
	now, most := 0, 0
	r := newRig(t, objecttest.WithFaults(objecttest.WithDelay(mem.New(), time.Millisecond), func(context.Context, objecttest.Call) error {
		return nil
	}), Options{MaxUploads: 3, MemoryCache: -1, Meter: meterFunc(func(by int) {
		mu.Lock()
		defer mu.Unlock()
		now += by
		most = max(most, now)
	})})
	var wg sync.WaitGroup
	for g := range 5 {
		wg.Go(func() { r.write(t, uint64(g+1), content(1, 8*smallBlock+5)) })
	}
	wg.Wait()
	if most > 3 || most < 2 || now != 0 {
		t.Errorf("%d uploads at once, %d at the end", most, now)
	}
}

type meterFunc func(by int)

func (f meterFunc) Uploading(by int)       { f(by) }
func (meterFunc) CacheRead(time.Duration)  {}
func (meterFunc) CacheWrite(time.Duration) {}

// cacheMeter counts what the memory cache reports.
type cacheMeter struct {
	meterFunc
	reads, writes *atomic.Int64
}

func (m cacheMeter) CacheRead(time.Duration)  { m.reads.Add(1) }
func (m cacheMeter) CacheWrite(time.Duration) { m.writes.Add(1) }

func TestMemoryCacheIsMeasured(t *testing.T) {
	m := cacheMeter{meterFunc: func(int) {}, reads: new(atomic.Int64), writes: new(atomic.Int64)}
	r := newRig(t, mem.New(), Options{Meter: m})
	ref := r.write(t, 1, content(1, 100))
	p := make([]byte, 10)
	for range 3 {
		if _, err := r.ReadAt(t.Context(), ref, p, 5); err != nil {
			t.Fatal(err)
		}
	}
	if s := r.CacheStats(); m.reads.Load() != 3 || s.Hits != 3 || m.writes.Load() != 1 || s.Writes != 1 || s.WriteBytes != 100 {
		t.Errorf("%d reads and %d writes, stats %+v", m.reads.Load(), m.writes.Load(), s)
	}
}

func TestFailedUploadLeavesNothing(t *testing.T) {
	broken := errors.New("disk is on fire")
	for _, size := range []int{100, smallBlock, 6*smallBlock + 5} {
		for fail := range (size + smallBlock - 1) / smallBlock {
			for _, compression := range []string{"none", "zstd"} {
				m := mem.New()
				key := Ref{3, uint32(size)}.Block(fail, smallBlock).Key(false)
				r := newRig(t, objecttest.WithFaults(m, func(_ context.Context, c objecttest.Call) error {
					if c.Op == "put" && c.Key == key {
						return broken
					}
					return nil
				}), Options{Compression: compression})
				if _, err := r.tryWrite(t, 3, content(1, size), 0, smallBlock); !errors.Is(err, broken) {
					t.Errorf("block %d of %d bytes: got %v", fail, size, err)
				}
				if keys := r.keys(t); len(keys) != 0 {
					t.Errorf("block %d of %d bytes: left %q", fail, size, keys)
				}
				if stats := r.CacheStats(); stats.Blocks != 0 {
					t.Errorf("the cache has %d blocks", stats.Blocks)
				}
			}
		}
	}
}

// A put that was done although it failed is removed as well.
func TestLostAnswer(t *testing.T) {
	lost := errors.New("connection lost")
	r := newRig(t, objecttest.WithLostAnswers(mem.New(), func(_ context.Context, c objecttest.Call) error {
		if strings.HasSuffix(c.Key, "_1_65536") && c.Op == "put" {
			return lost
		}
		return nil
	}), Options{})
	if _, err := r.tryWrite(t, 3, content(1, 3*smallBlock), 0, smallBlock); !errors.Is(err, lost) {
		t.Errorf("got %v", err)
	}
	if keys := r.keys(t); len(keys) != 0 {
		t.Errorf("left %q", keys)
	}
}

func TestCancelledUploads(t *testing.T) {
	hang := func(ctx context.Context, c objecttest.Call) error {
		if c.Op == "put" {
			<-ctx.Done()
			return ctx.Err()
		}
		return nil
	}
	r := newRig(t, objecttest.WithFaults(mem.New(), hang), Options{MaxUploads: 2})
	fill := func(ctx context.Context, w *Writer, n int) error {
		for range n {
			if err := w.Append(ctx, r.pool.Overdraw(smallBlock)); err != nil {
				return err
			}
		}
		return nil
	}
	within(t, 20*time.Second, func() {
		ctx, cancel := context.WithCancel(t.Context())
		w := r.NewWriter(1, WriteOptions{})
		if err := fill(ctx, w, 2); err != nil {
			t.Error(err)
		}
		time.AfterFunc(time.Millisecond, cancel)
		if err := fill(ctx, w, 1); !errors.Is(err, context.Canceled) {
			t.Errorf("append: got %v", err)
		}
		w.Abort()

		w = r.NewWriter(2, WriteOptions{})
		if err := fill(t.Context(), w, 1); err != nil {
			t.Error(err)
		}
		w.Abort() // ends the upload

		w = r.NewWriter(3, WriteOptions{})
		if err := fill(t.Context(), w, 1); err != nil {
			t.Error(err)
		}
		ctx, cancel = context.WithCancel(t.Context())
		time.AfterFunc(time.Millisecond, cancel)
		if _, err := w.Seal(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("seal: got %v", err)
		}
	})
}

func TestRemoveGoesOn(t *testing.T) {
	broken := errors.New("broken")
	fail := true
	r := newRig(t, objecttest.WithFaults(mem.New(), func(_ context.Context, c objecttest.Call) error {
		if fail && c.Op == "delete" && strings.Contains(c.Key, "_1_") {
			return broken
		}
		return nil
	}), Options{})
	ref := r.write(t, 7, content(1, 4*smallBlock))
	if err := r.Remove(t.Context(), ref); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	if got := r.keys(t); len(got) != 1 {
		t.Errorf("left %q", got)
	}
	fail = false
	if err := r.Remove(t.Context(), ref); err != nil || len(r.keys(t)) != 0 {
		t.Errorf("got %v", err)
	}
}

func TestDamageIsMarked(t *testing.T) {
	for name, open := range kinds() {
		t.Run(name, func(t *testing.T) {
			r := open(t)
			data := content(1, smallBlock+100)
			ref := r.write(t, 1, data)
			r.memory.clear()
			key := r.Key(ref.Block(0, smallBlock))
			raw := r.bucket
			if err := raw.Put(t.Context(), key, object.Bytes(data[:1000])); err != nil {
				t.Fatal(err)
			}
			_, err := r.ReadAt(t.Context(), ref, make([]byte, 2000), 0)
			checkCorrupt(t, err, key)
			_, err = r.stream(t, ref, 0, ref.Size)
			checkCorrupt(t, err, key)
			_, err = r.WriteTo(t.Context(), io.Discard, ref, 0, ref.Size)
			checkCorrupt(t, err, key)
		})
	}
	m := mem.New()
	r := newRig(t, object.WithCrypt(m, xor{}), Options{})
	ref := r.write(t, 1, content(1, smallBlock))
	key := r.Key(ref.Block(0, smallBlock))
	if err := m.Put(t.Context(), key, object.Bytes([]byte("no seal"))); err != nil {
		t.Fatal(err)
	}
	r.memory.clear()
	_, err := r.ReadAt(t.Context(), ref, make([]byte, 10), 0)
	checkCorrupt(t, err, key)
}

func checkCorrupt(t *testing.T, err error, key string) {
	t.Helper()
	var c *CorruptError
	if !errors.Is(err, ErrCorrupt) || !errors.As(err, &c) || c.Key != key || !strings.Contains(fmt.Sprint(err), key) || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}
