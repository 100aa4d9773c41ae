package chunk

import (
	"bytes"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"time"

	"juicefs/pkg/buf"
	"juicefs/pkg/object"
	"juicefs/pkg/object/file"
	"juicefs/pkg/object/mem"
)

// smallBlock is the block size of most tests: the smallest there is.
const smallBlock = 64 << 10

// rig is a store with its pool, which must be empty in the end.
type rig struct {
	*Store
	bucket object.Bucket
	pool   *buf.Pool
}

func newRig(t testing.TB, b object.Bucket, o Options) *rig {
	t.Helper()
	if o.BlockSize == 0 {
		o.BlockSize = smallBlock
	}
	if o.Pool == nil {
		o.Pool = buf.NewPool(64 << 20)
	}
	s, err := New(b, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if used := o.Pool.Used(); used != 0 {
			t.Errorf("%d bytes of pages were not released: %v", used, o.Pool.Leaks())
		}
	})
	return &rig{Store: s, bucket: b, pool: o.Pool}
}

func fileBucket(t testing.TB) object.Bucket {
	t.Helper()
	b, err := file.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// plainBucket hides all abilities.
type plainBucket struct{ object.Bucket }

// xor is a cipher that costs nothing.
type xor struct{}

func (xor) Seal(dst, plain []byte) ([]byte, error) {
	dst = append(dst, 'x')
	for _, b := range plain {
		dst = append(dst, b^0x55)
	}
	return dst, nil
}

func (xor) Open(dst, sealed []byte) ([]byte, error) {
	if len(sealed) == 0 || sealed[0] != 'x' {
		return nil, errNoSeal
	}
	for _, b := range sealed[1:] {
		dst = append(dst, b^0x55)
	}
	return dst, nil
}

// kinds are the sorts of stores that differ inside.
func kinds() map[string]func(t testing.TB) *rig {
	return map[string]func(t testing.TB) *rig{
		"mem":          func(t testing.TB) *rig { return newRig(t, mem.New(), Options{}) },
		"mem uncached": func(t testing.TB) *rig { return newRig(t, mem.New(), Options{MemoryCache: -1}) },
		"plain":        func(t testing.TB) *rig { return newRig(t, plainBucket{mem.New()}, Options{MemoryCache: -1}) },
		"tiny cache":   func(t testing.TB) *rig { return newRig(t, mem.New(), Options{MemoryCache: 100 << 10}) },
		"file":         func(t testing.TB) *rig { return newRig(t, fileBucket(t), Options{}) },
		"file lz4": func(t testing.TB) *rig {
			return newRig(t, fileBucket(t), Options{Compression: "lz4", HashPrefix: true})
		},
		"zstd":       func(t testing.TB) *rig { return newRig(t, mem.New(), Options{Compression: "zstd", MemoryCache: -1}) },
		"zstd plain": func(t testing.TB) *rig { return newRig(t, plainBucket{mem.New()}, Options{Compression: "zstd"}) },
		"sealed": func(t testing.TB) *rig {
			return newRig(t, object.WithCrypt(mem.New(), xor{}), Options{MemoryCache: -1})
		},
		"sealed lz4": func(t testing.TB) *rig {
			return newRig(t, object.WithCrypt(fileBucket(t), xor{}), Options{Compression: "lz4"})
		},
		"small pool":    func(t testing.TB) *rig { return newRig(t, mem.New(), Options{Pool: buf.NewPool(1), MemoryCache: -1}) },
		"no read ahead": func(t testing.TB) *rig { return newRig(t, mem.New(), Options{ReadAhead: -1, MemoryCache: -1}) },
	}
}

// content is size bytes that depend on seed: half of it compresses.
func content(seed uint64, size int) []byte {
	var key [32]byte
	for i := range 8 {
		key[i] = byte(seed >> (8 * i))
	}
	b := make([]byte, size)
	_, _ = rand.NewChaCha8(key).Read(b[:size/2]) // never fails
	return b
}

// write stores a slice, by pages of the writer.
func (r *rig) write(t testing.TB, id uint64, data []byte) Ref {
	t.Helper()
	ref, err := r.tryWrite(t, id, data, int64(len(data)), 20000)
	if err != nil {
		t.Fatal(err)
	}
	if ref != (Ref{ID: id, Size: uint32(len(data))}) {
		t.Fatalf("got %+v", ref)
	}
	return ref
}

func (r *rig) tryWrite(t testing.TB, id uint64, data []byte, size int64, page int) (Ref, error) {
	ctx := t.Context()
	w := r.NewWriter(id, WriteOptions{Size: size})
	for len(data) > 0 {
		p, err := w.Page(ctx, page)
		if err != nil {
			w.Abort()
			return Ref{}, err
		}
		n := copy(p.Bytes(), data)
		p.Truncate(n)
		data = data[n:]
		if err := w.Append(ctx, p); err != nil {
			w.Abort()
			return Ref{}, err
		}
	}
	return w.Seal(ctx)
}

// stream reads by Pages.
func (r *rig) stream(t testing.TB, ref Ref, off, n uint32) ([]byte, error) {
	var got []byte
	for p, err := range r.Pages(t.Context(), ref, off, n) {
		if err != nil {
			return got, err
		}
		if p.Len() > maxPage || p.Len() == 0 {
			t.Errorf("got a page of %d bytes", p.Len())
		}
		got = append(got, p.Bytes()...)
		p.Release()
	}
	return got, nil
}

// check reads a range in both ways.
func (r *rig) check(t testing.TB, ref Ref, off, n uint32, want []byte) {
	t.Helper()
	p := make([]byte, n)
	if got, err := r.ReadAt(t.Context(), ref, p, off); err != nil || got != len(p) || !bytes.Equal(p, want) {
		t.Errorf("read %d bytes of %+v from %d: got %d, equal %v, %v", n, ref, off, got, bytes.Equal(p, want), err)
	}
	var out bytes.Buffer
	if got, err := r.WriteTo(t.Context(), &out, ref, off, n); err != nil || got != int64(n) || !bytes.Equal(out.Bytes(), want) {
		t.Errorf("write %d bytes of %+v from %d: got %d, %v", n, ref, off, got, err)
	}
	if got, err := r.stream(t, ref, off, n); err != nil || !bytes.Equal(got, want) {
		t.Errorf("stream %d bytes of %+v from %d: got %d, equal %v, %v", n, ref, off, len(got), bytes.Equal(got, want), err)
	}
}

// keys lists the bucket.
func (r *rig) keys(t testing.TB) []string {
	t.Helper()
	infos, err := r.bucket.List(t.Context(), "", "", 10000)
	if err != nil {
		t.Fatal(err)
	}
	var keys []string
	for _, info := range infos {
		keys = append(keys, info.Key)
	}
	return keys
}

// eventually polls cond with a deadline.
func eventually(t testing.TB, what string, cond func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !cond(); runtime.Gosched() {
		if time.Now().After(end) {
			t.Fatalf("not in time: %s", what)
		}
	}
}

// within fails the test if f does not end.
func within(t testing.TB, d time.Duration, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
		stacks := make([]byte, 1<<20)
		t.Fatalf("not done in %v\n%s", d, stacks[:runtime.Stack(stacks, true)])
	}
}

// gate lets calls through when it is opened, and counts those that came.
type gate struct {
	mu   sync.Mutex
	came int
	open chan struct{}
}

func newGate() *gate { return &gate{open: make(chan struct{})} }

func (g *gate) pass() {
	g.mu.Lock()
	g.came++
	g.mu.Unlock()
	<-g.open
}

func (g *gate) count() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.came
}
