package chunk_test

import (
	"bytes"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"juicefs/chunk"
	"juicefs/chunk/cache"
	"juicefs/pkg/buf"
	"juicefs/pkg/object"
	"juicefs/pkg/object/file"
	"juicefs/pkg/object/mem"
	"juicefs/pkg/object/objecttest"
)

const blockSize = 64 << 10

// cached is a store with a cache on disk and without one in memory.
type cached struct {
	*chunk.Store
	disk *cache.Cache
	gets *objecttest.Counts
	dir  string
}

func openCached(t *testing.T, o chunk.Options) *cached {
	t.Helper()
	c := &cached{gets: new(objecttest.Counts), dir: t.TempDir()}
	disk, err := cache.Open(cache.Options{Dir: c.dir, UUID: "u", FreeRatio: -1})
	if err != nil {
		t.Fatal(err)
	}
	c.disk = disk
	pool := buf.NewPool(16 << 20)
	o.BlockSize, o.Cache, o.Pool = blockSize, disk, pool
	if o.MemoryCache == 0 {
		o.MemoryCache = -1
	}
	if c.Store, err = chunk.New(objecttest.WithCounts(mem.New(), c.gets), o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		if used := pool.Used(); used != 0 {
			t.Errorf("%d bytes of pages were not released", used)
		}
	})
	return c
}

func (c *cached) write(t *testing.T, id uint64, data []byte) chunk.Ref {
	t.Helper()
	w := c.NewWriter(id, chunk.WriteOptions{Size: int64(len(data))})
	for left := data; len(left) > 0; {
		p, err := w.Page(t.Context(), 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		left = left[copy(p.Bytes(), left):]
		if err := w.Append(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
	ref, err := w.Seal(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

// check reads a range in both ways and returns the number of gets that it took.
func (c *cached) check(t *testing.T, ref chunk.Ref, off, n int, data []byte) int64 {
	t.Helper()
	before := c.gets.Get.Load()
	p := make([]byte, n)
	if _, err := c.ReadAt(t.Context(), ref, p, uint32(off)); err != nil || !bytes.Equal(p, data[off:off+n]) {
		t.Errorf("read %d from %d: %v", n, off, err)
	}
	c.disk.Flush()
	var got []byte
	for page, err := range c.Pages(t.Context(), ref, uint32(off), uint32(n)) {
		if err != nil {
			t.Errorf("stream %d from %d: %v", n, off, err)
			break
		}
		got = append(got, page.Bytes()...)
		page.Release()
	}
	if !bytes.Equal(got, data[off:off+n]) {
		t.Errorf("stream %d from %d: got %d other bytes", n, off, len(got))
	}
	return c.gets.Get.Load() - before
}

func (c *cached) files() []string {
	var files []string
	_ = filepath.WalkDir(filepath.Join(c.dir, "u", "raw"), func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			files = append(files, path)
		}
		return nil
	})
	return files
}

func random(size int) []byte {
	b := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(b) // never fails
	return b
}

func TestDiskCache(t *testing.T) {
	for _, o := range []chunk.Options{{}, {Compression: "lz4"}, {Compression: "zstd", MemoryCache: 2 * blockSize}, {CacheLargeWrites: true}} {
		c := openCached(t, o)
		small, large := random(1000), random(5*blockSize+77)
		a := c.write(t, 1, small)
		c.disk.Flush()
		if gets := c.check(t, a, 10, 900, small); gets != 0 {
			t.Errorf("%+v: a fresh small block took %d gets", o, gets)
		}
		b := c.write(t, 2, large)
		c.disk.Flush()
		want := int64(5)
		if o.CacheLargeWrites {
			want = 0
		}
		if gets := c.check(t, b, 0, len(large), large); gets != want {
			t.Errorf("%+v: reading all took %d gets, want %d", o, gets, want)
		}
		c.disk.Flush()
		for _, r := range []struct{ off, n int }{{0, len(large)}, {100, 5}, {blockSize - 5, 10}, {1, len(large) - 2}} {
			if gets := c.check(t, b, r.off, r.n, large); gets != 0 {
				t.Errorf("%+v: %+v took %d gets", o, r, gets)
			}
		}
		if err := c.Remove(t.Context(), b); err != nil {
			t.Fatal(err)
		}
		if files := c.files(); len(files) != 1 {
			t.Errorf("left in the cache: %q", files)
		}
	}
}

func TestPartialOnly(t *testing.T) {
	c := openCached(t, chunk.Options{CachePartialOnly: true})
	data := random(2*blockSize + 77)
	ref := c.write(t, 1, data)
	for _, p := range c.files() { // what was cached when it was written
		if err := os.Remove(p); err != nil {
			t.Fatal(err)
		}
	}
	c.disk.Remove(ref.Block(2, blockSize))
	for range 2 {
		c.check(t, ref, 0, len(data), data)
		c.disk.Flush()
	}
	if files := c.files(); len(files) != 1 || filepath.Base(files[0]) != "1_2_77" {
		t.Errorf("in the cache: %q, want the last block", files)
	}
}

func TestDamageOnDiskIsFetchedAgain(t *testing.T) {
	c := openCached(t, chunk.Options{})
	data := random(1000)
	ref := c.write(t, 1, data)
	c.disk.Flush()
	files := c.files()
	text, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	text[500] ^= 1
	if err := os.WriteFile(files[0], text, 0o600); err != nil {
		t.Fatal(err)
	}
	if gets := c.check(t, ref, 0, 1000, data); gets != 1 {
		t.Errorf("%d gets", gets)
	}
	c.disk.Flush()
	if gets := c.check(t, ref, 0, 1000, data); gets != 0 {
		t.Errorf("%d gets after it was fetched again", gets)
	}
}

func TestPartsWithACache(t *testing.T) {
	c := openCached(t, chunk.Options{})
	data := random(4 * blockSize)
	ref := c.write(t, 1, data)
	if gets := c.check(t, ref, 100, blockSize/4, data); gets != 2 {
		t.Errorf("a quarter of a block: %d gets, want one for each reading", gets)
	}
	if gets := c.check(t, ref, 100, blockSize/2, data); gets != 1 {
		t.Errorf("half a block: %d gets, want one for all of it", gets)
	}
	c.disk.Flush()
	if gets := c.check(t, ref, 100, 10, data); gets != 0 {
		t.Errorf("a part of a cached block: %d gets", gets)
	}
	c.Prefetch(ref, 2*blockSize, blockSize)
	for end := time.Now().Add(20 * time.Second); !c.disk.Has(ref.Block(2, blockSize)); runtime.Gosched() {
		if time.Now().After(end) {
			t.Fatal("nothing was prefetched")
		}
	}
	c.disk.Flush()
	if gets := c.check(t, ref, 2*blockSize, blockSize, data); gets != 0 {
		t.Errorf("a prefetched block: %d gets", gets)
	}
}

// A local store reads its files, not copies of them.
func TestLocalStoreDoesNotCache(t *testing.T) {
	dir := t.TempDir()
	disk, err := cache.Open(cache.Options{Dir: dir, UUID: "u", FreeRatio: -1})
	if err != nil {
		t.Fatal(err)
	}
	s, err := chunk.New(localBucket(t), chunk.Options{Cache: disk})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(s.Close(), disk.Close()); err != nil {
			t.Error(err)
		}
	})
	b := chunk.Block{ID: 1, Length: 5}
	if err := s.PutBlock(t.Context(), b, []byte("hello")); err != nil {
		t.Fatal(err)
	}
	p := make([]byte, 5)
	if _, err := s.ReadAt(t.Context(), chunk.Ref{ID: 1, Size: 5}, p, 0); err != nil || string(p) != "hello" {
		t.Errorf("got %q, %v", p, err)
	}
	if stats := s.CacheStats(); stats != (chunk.CacheStats{}) {
		t.Errorf("got %+v", stats)
	}
	if err := s.PutBlock(t.Context(), b, []byte("hell")); err == nil {
		t.Error("a block of another length was taken")
	}
}

func localBucket(t *testing.T) object.Bucket {
	t.Helper()
	b, err := object.Stack(t.TempDir(), openFolder, object.StackOptions{Prefix: "v/"})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func openFolder(address string) (object.Bucket, error) { return file.Open(address) }
