package vfs

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"juicefs/chunk"
	"juicefs/meta"
	"juicefs/meta/engine"
	"juicefs/meta/kvdb/mem"
	"juicefs/meta/record"
	"juicefs/pkg/buf"
	"juicefs/pkg/object"
	objmem "juicefs/pkg/object/mem"
)

// rig is a volume in memory with all that is below it at hand.
type rig struct {
	*Volume
	eng    engine.Engine
	fs     *meta.FS
	bucket *faulty
	store  *chunk.Store
	pool   *buf.Pool
}

type rigOptions struct {
	blockSize int   // bytes; 0: 1 MiB
	pool      int64 // bytes; 0: 64 MiB
	trashDays int
	readAhead int64
	parkAfter time.Duration
	readOnly  bool

	compactions int           // at once, in the background; 0: none
	eng         engine.Engine // of another rig: a second client of its volume
	bucket      *faulty       // nil: in memory
}

func newRig(t testing.TB, o rigOptions) *rig {
	t.Helper()
	ctx := context.Background()
	if o.blockSize == 0 {
		o.blockSize = 1 << 20
	}
	if o.pool == 0 {
		o.pool = 64 << 20
	}
	r := &rig{eng: o.eng, bucket: o.bucket, pool: buf.NewPool(o.pool)}
	if r.eng == nil {
		eng, err := mem.Open(ctx, engine.Options{Create: true})
		must(t, err)
		r.eng = eng
		if r.bucket == nil {
			r.bucket = &faulty{Bucket: objmem.New()}
		}
		must(t, meta.Format(ctx, eng, &record.Setting{Name: "test", UUID: "u", Storage: "mem", BlockSize: o.blockSize >> 10,
			TrashDays: o.trashDays, MetaVersion: 1, DirStats: true}, false))
	}
	var err error
	r.store, err = chunk.New(r.bucket, chunk.Options{BlockSize: o.blockSize, Pool: r.pool, MemoryCache: -1})
	must(t, err)
	r.fs, err = meta.Open(ctx, r.eng, meta.Options{ReadOnly: o.readOnly, DeleteDelay: -1, NoBackground: true,
		DeleteSlice: func(ctx context.Context, s record.SliceID) error {
			return r.store.Remove(ctx, chunk.Ref{ID: s.ID, Size: s.Size})
		}})
	must(t, err)
	must(t, r.fs.StartSession(ctx))
	r.Volume, err = Open(ctx, Config{FS: r.fs, Store: r.store, Pool: r.pool, Caller: meta.Caller{Umask: 0o022}, ReadAhead: o.readAhead, ParkAfter: o.parkAfter, Compactions: cmp.Or(o.compactions, -1)})
	must(t, err)
	t.Cleanup(func() {
		must(t, r.fs.Close(ctx))
		must(t, r.store.Close())
		if used := r.pool.Used(); used != 0 {
			t.Errorf("%d bytes of pages were not released", used)
		}
	})
	return r
}

// put stores an object.
func (r *rig) put(t testing.TB, path string, data []byte) *Info {
	t.Helper()
	ctx := context.Background()
	w := r.CreateObject(ctx, CreateOptions{Size: int64(len(data))})
	if n, err := w.ReadFrom(bytes.NewReader(data)); err != nil || n != int64(len(data)) {
		t.Fatalf("ReadFrom = %d, %v, want %d", n, err, len(data))
	}
	info, err := w.Commit(ctx, Commit{Path: path, Parents: true})
	must(t, err)
	return info
}

// get reads a whole object.
func (r *rig) get(t testing.TB, path string) []byte {
	t.Helper()
	return r.getRange(t, path, 0, -1)
}

func (r *rig) getRange(t testing.TB, path string, off, n int64) []byte {
	t.Helper()
	o, err := r.OpenObject(context.Background(), path)
	must(t, err)
	s := o.Range(context.Background(), off, n)
	b, err := io.ReadAll(s)
	must(t, errors.Join(err, s.Close(), o.Close()))
	return b
}

// open opens an object until the test ends.
func (r *rig) open(t testing.TB, path string) *Reader {
	t.Helper()
	o, err := r.OpenObject(context.Background(), path)
	must(t, err)
	t.Cleanup(func() { must(t, o.Close()) })
	return o
}

// rangeOf opens a range until the test ends.
func rangeOf(ctx context.Context, t testing.TB, o *Reader, off, n int64) *stream {
	t.Helper()
	s, ok := o.Range(ctx, off, n).(*stream)
	if !ok {
		t.Fatal("Range is of another type")
	}
	t.Cleanup(func() { must(t, s.Close()) })
	return s
}

// blocks returns the keys of all blocks.
func (r *rig) blocks(t testing.TB) []string {
	t.Helper()
	infos, err := r.bucket.List(context.Background(), "chunks/", "", 1<<20)
	must(t, err)
	keys := make([]string, len(infos))
	for i, o := range infos {
		keys[i] = o.Key
	}
	return keys
}

// eventually polls until ok.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never happened: %s", what)
		}
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// pattern returns n bytes that differ everywhere, by seed.
func pattern(n int, seed uint64) []byte {
	b := make([]byte, n)
	rng := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)})
	_, _ = rng.Read(b) // never fails
	return b
}

// equal compares contents without printing megabytes.
func equal(t testing.TB, what string, got, want []byte) {
	t.Helper()
	if bytes.Equal(got, want) {
		return
	}
	at := 0
	for at < len(got) && at < len(want) && got[at] == want[at] {
		at++
	}
	t.Errorf("%s: %d bytes instead of %d, different from %d on", what, len(got), len(want), at)
}

var errStore = errors.New("store is broken")

// faulty is a bucket that can be told to fail, and that measures.
type faulty struct {
	object.Bucket
	mu      sync.Mutex
	puts    atomic.Int64
	gets    atomic.Int64 // bytes asked for
	failPut func(key string) error
	onGet   func(key string)
}

func (f *faulty) setFailPut(fail func(key string) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.failPut = fail
}

func (f *faulty) Put(ctx context.Context, key string, body object.Body) error {
	f.puts.Add(1)
	f.mu.Lock()
	fail := f.failPut
	f.mu.Unlock()
	if fail != nil {
		if err := fail(key); err != nil {
			return err
		}
	}
	return f.Bucket.Put(ctx, key, body)
}

func (f *faulty) Get(ctx context.Context, key string, off, n int64) (io.ReadCloser, error) {
	if n > 0 {
		f.gets.Add(n)
	} else {
		f.gets.Add(1 << 40) // a whole object
	}
	f.mu.Lock()
	hook := f.onGet
	f.mu.Unlock()
	if hook != nil {
		hook(key)
	}
	return f.Bucket.Get(ctx, key, off, n)
}

// removeBlocks takes the blocks of a slice away, as another client may.
func (f *faulty) removeBlocks(t testing.TB, keep func(key string) bool) int {
	t.Helper()
	ctx := context.Background()
	infos, err := f.List(ctx, "chunks/", "", 1<<20)
	must(t, err)
	n := 0
	for _, o := range infos {
		if keep == nil || !keep(o.Key) {
			must(t, f.Delete(ctx, o.Key))
			n++
		}
	}
	return n
}

// ofSlice reports whether a block key is of a slice.
func ofSlice(id string) func(key string) bool {
	return func(key string) bool { return strings.HasPrefix(key[strings.LastIndexByte(key, '/')+1:], id+"_") }
}
