package cache

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"juicefs/chunk"
	"juicefs/pkg/buf"
	"juicefs/pkg/object/mem"
)

func TestWrittenBlocksAreRead(t *testing.T) {
	for _, v := range []Verify{Extend, Shrink, Full, None} {
		for _, hashed := range []bool{false, true} {
			c := open(t, Options{Verify: v, HashPrefix: hashed})
			for i, size := range []int{1, 24, group - 1, group, group + 1, 5*group + 100} {
				b := chunk.Block{ID: uint64(i + 300), Index: 1, Length: uint32(size)}
				data := content(i, size)
				put(t, c, b, data)
				if !c.Has(b) {
					t.Errorf("%v: %+v is not there", v, b)
				}
				for _, r := range []struct{ off, n int }{{0, size}, {0, 1}, {size - 1, 1}, {size / 3, size / 2}, {0, 0}, {min(group, size-1), min(group, size) / 2}} {
					if r.off+r.n > size {
						continue
					}
					if got, ok := read(c, b, r.off, r.n); !ok || !bytes.Equal(got, data[r.off:r.off+r.n]) {
						t.Errorf("%v: %d bytes from %d of %d: %v", v, r.n, r.off, size, ok)
					}
				}
				info, err := os.Stat(c.path(b))
				if err != nil {
					t.Fatal(err)
				}
				want := int64(size)
				if v != None {
					want += int64(groups(size) * sumSize)
				}
				if info.Size() != want || info.Mode().Perm() != 0o600 {
					t.Errorf("%v: a block of %d is a file of %d with mode %v", v, size, info.Size(), info.Mode())
				}
				c.Remove(b)
				if _, ok := read(c, b, 0, 1); ok || c.Has(b) {
					t.Errorf("%v: a removed block is there", v)
				}
				if _, err := os.Stat(c.path(b)); !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("%v: the file of a removed block: %v", v, err)
				}
			}
		}
	}
}

func TestDamagedBlocksAreRemoved(t *testing.T) {
	c := open(t, Options{})
	b := chunk.Block{ID: 1, Length: 1000}
	for name, damage := range map[string]func(path string) error{
		"changed": func(path string) error {
			text, err := os.ReadFile(path)
			if err == nil {
				text[500] ^= 1
				err = os.WriteFile(path, text, 0o600)
			}
			return err
		},
		"cut":                 func(path string) error { return os.Truncate(path, 999) },
		"cut in the checksum": func(path string) error { return os.Truncate(path, 1002) },
		"empty":               func(path string) error { return os.Truncate(path, 0) },
	} {
		put(t, c, b, content(1, 1000))
		if err := damage(c.path(b)); err != nil {
			t.Fatal(err)
		}
		got, ok := read(c, b, 100, 800)
		if name == "cut in the checksum" && ok { // 2 bytes behind the content look like a footer without checksums
			if !bytes.Equal(got, content(1, 1000)[100:900]) {
				t.Errorf("%s: other bytes", name)
			}
			c.Remove(b)
			continue
		}
		if ok || c.Has(b) {
			t.Errorf("%s: the block is still there", name)
		}
		if _, err := os.Stat(c.path(b)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: the file is still there: %v", name, err)
		}
	}
}

func TestFolderIsTakenOver(t *testing.T) {
	dir := t.TempDir()
	c := open(t, Options{Dir: dir})
	blocks := []chunk.Block{{ID: 1, Length: 100}, {ID: 1234567, Index: 3, Length: 4000}}
	for i, b := range blocks {
		put(t, c, b, content(i, int(b.Length)))
	}
	lock, err := os.ReadFile(filepath.Join(dir, volume, ".lock"))
	if err != nil || len(lock) != 36 {
		t.Errorf("lock file: %q, %v", lock, err)
	}
	if err = c.Close(); err != nil {
		t.Fatal(err)
	}
	raw := filepath.Join(dir, volume, "raw")
	old := time.Now().Add(-2 * restAge)
	for name, at := range map[string]time.Time{
		"chunks/0/0/5_0_5.123.tmp": old, "chunks/0/0/6_0_6.7.tmp": time.Now(), "chunks/no/block": old, "probe/x": old,
	} {
		path := filepath.Join(raw, name)
		if err = errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, nil, 0o600), os.Chtimes(path, at, at)); err != nil {
			t.Fatal(err)
		}
	}
	empty := filepath.Join(raw, "chunks", "77", "7")
	if err = errors.Join(os.MkdirAll(empty, 0o700), os.Chtimes(empty, old, old)); err != nil {
		t.Fatal(err)
	}
	c = open(t, Options{Dir: dir})
	for i, b := range blocks {
		if got, ok := read(c, b, 0, int(b.Length)); !ok || !bytes.Equal(got, content(i, int(b.Length))) {
			t.Errorf("%+v: %v", b, ok)
		}
	}
	s := c.Stats()
	if s.Blocks != 2 || s.Bytes != 4100+2*overhead || s.Hits != 2 {
		t.Errorf("got %+v", s)
	}
	for name, want := range map[string]bool{"chunks/0/0/5_0_5.123.tmp": false, "chunks/0/0/6_0_6.7.tmp": true, "chunks/77/7": false, "chunks/no/block": true} {
		if _, err = os.Stat(filepath.Join(raw, name)); (err == nil) != want {
			t.Errorf("%s: %v, want there %v", name, err, want)
		}
	}
	again, err := os.ReadFile(filepath.Join(dir, volume, ".lock"))
	if err != nil || !bytes.Equal(again, lock) {
		t.Errorf("the identity changed to %q, %v", again, err)
	}
}

func TestScansFollowTheFolder(t *testing.T) {
	c := open(t, Options{ScanInterval: -1})
	a, b := chunk.Block{ID: 1, Length: 10}, chunk.Block{ID: 2, Length: 10}
	put(t, c, a, content(1, 10))
	if err := os.Rename(c.path(a), c.path(b)); err != nil {
		t.Fatal(err)
	}
	c.scan(t.Context(), 2)
	if c.index.has(a) || !c.index.has(b) {
		t.Errorf("index has %v and %v", c.index.has(a), c.index.has(b))
	}
	put(t, c, a, content(1, 10))
	c.scan(t.Context(), 3)
	if _, ok := read(c, a, 0, 10); !ok || c.Stats().Blocks != 2 {
		t.Errorf("got %+v", c.Stats())
	}
	if err := os.Remove(c.path(a)); err != nil {
		t.Fatal(err)
	}
	if _, ok := read(c, a, 0, 10); ok || c.Stats().Blocks != 1 {
		t.Errorf("got %+v", c.Stats())
	}
}

func TestQueueIsBounded(t *testing.T) {
	pool := buf.NewPool(1 << 20)
	c := open(t, Options{Queue: 20000})
	for i := range 5 {
		page, err := pool.Get(t.Context(), 8000)
		if err != nil {
			t.Fatal(err)
		}
		c.Write(chunk.Block{ID: uint64(i + 1), Length: 8000}, page)
		page.Release()
	}
	c.Flush()
	if s := c.Stats(); s.Writes+s.Drops != 5 || s.Writes < 1 {
		t.Errorf("got %+v", s)
	}
	if pool.Used() != 0 {
		t.Errorf("%d bytes of the pool are used", pool.Used())
	}
	tiny := open(t, Options{Queue: 100})
	put(t, tiny, chunk.Block{ID: 1, Length: 8000}, content(1, 8000))
	if s := tiny.Stats(); s.Drops != 1 || s.Blocks != 0 {
		t.Errorf("got %+v", s)
	}
}

func TestWaitingBlocksAreServed(t *testing.T) {
	c := open(t, Options{})
	b := chunk.Block{ID: 1, Length: 5}
	c.mu.Lock()
	c.pending[b] = buf.NewPage([]byte("hello"))
	c.queued += 5
	c.mu.Unlock()
	if got, ok := read(c, b, 1, 3); !ok || string(got) != "ell" || !c.Has(b) {
		t.Errorf("got %q, %v", got, ok)
	}
	c.Remove(b)
	if _, ok := read(c, b, 1, 3); ok || c.queued != 0 {
		t.Errorf("a removed block is served; %d bytes wait", c.queued)
	}
}

func TestStagedBlocks(t *testing.T) {
	dir := t.TempDir()
	staging := filepath.Join(dir, volume, "rawstaging")
	for name, from := range map[string]string{
		"chunks/0/0/4_0_24": "staging-tier1-checksum.bin", "chunks/0/0/5_0_24": "staging-nochecksum.bin", "chunks/0/0/6_0_5000": "raw-rand5k.bin",
		"chunks/0/0/7_0_25": "raw-hello.bin", "chunks/0/0/8_0_24.tmp": "raw-hello.bin",
	} {
		text, err := os.ReadFile(filepath.Join("testdata", from))
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(name, "chunks/0/0/7") {
			text = text[:20] // damaged
		}
		path := filepath.Join(staging, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, text, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	var log bytes.Buffer
	st := Staging{Dir: dir, UUID: volume, Log: slog.New(slog.NewTextHandler(&log, nil))}
	staged := func(want int, what string) {
		t.Helper()
		if n, size, err := st.Size(t.Context()); n != want || size < int64(n) || err != nil {
			t.Errorf("%d blocks of %d bytes wait, %v; want %d: %s", n, size, err, want, what)
		}
	}
	staged(4, "all")
	store, err := chunk.New(mem.New(), chunk.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if e := store.Close(); e != nil {
			t.Error(e)
		}
	})
	n, err := st.Upload(t.Context(), 2, store.PutBlock)
	if err != nil || n != 3 {
		t.Errorf("got %d, %v", n, err)
	}
	p := make([]byte, 24)
	if _, err := store.ReadAt(t.Context(), chunk.Ref{ID: 4, Size: 24}, p, 0); err != nil || string(p) != "hello juicefs data path\n" {
		t.Errorf("got %q, %v", p, err)
	}
	staged(1, "the damaged one")
	if !strings.Contains(log.String(), "7_0_25") || strings.Count(log.String(), "\n") != 1 {
		t.Errorf("logged %q, want the damaged block", &log)
	}
	full := errors.New("bucket is full")
	if err := os.WriteFile(filepath.Join(staging, "chunks/0/0/9_0_3"), []byte("abc"), 0o600); err != nil {
		t.Fatal(err)
	}
	if n, err := st.Upload(t.Context(), 0, func(context.Context, chunk.Block, []byte) error { return full }); !errors.Is(err, full) || n != 0 {
		t.Errorf("got %d, %v", n, err)
	}
	staged(2, "what could not be stored")
	st.Dir = filepath.Join(dir, "none")
	if n, err := st.Upload(t.Context(), 1, store.PutBlock); n != 0 || err != nil {
		t.Errorf("without a folder: %d, %v", n, err)
	}
	staged(0, "without a folder")
}

func TestManyAtOnce(t *testing.T) {
	c := open(t, Options{Size: 50 * (3000 + overhead)})
	var wg sync.WaitGroup
	for g := range 6 {
		wg.Go(func() {
			for i := range 200 {
				b := chunk.Block{ID: uint64(1 + (i*7+g)%90), Length: 3000}
				data := content(int(b.ID), 3000)
				switch i % 4 {
				case 0, 1:
					page := buf.NewPage(data)
					c.Write(b, page)
					page.Release()
				case 2:
					if got, ok := read(c, b, 10, 2000); ok && !bytes.Equal(got, data[10:2010]) {
						t.Error("other bytes")
					}
				case 3:
					if i%40 == 3 {
						c.Remove(b)
						c.clean()
					}
				}
			}
		})
	}
	wg.Wait()
	c.Flush()
	c.clean()
	if c.over() {
		t.Errorf("got %+v", c.Stats())
	}
}

func TestOptions(t *testing.T) {
	for _, o := range []Options{{}, {Dir: "x"}, {UUID: "x"}, {Dir: "x", UUID: "a/b"}, {Dir: "x", UUID: ".."}, {Dir: "x", UUID: "y", FreeRatio: 2}, {Dir: "x", UUID: "y", Size: -1}} {
		if _, err := Open(o); !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("%+v: got %v", o, err)
		}
	}
	for word, want := range map[string]Verify{"": Extend, "Extend": Extend, "none": None, "full": Full, "SHRINK": Shrink} {
		if got, ok := ParseVerify(word); got != want || !ok {
			t.Errorf("%q: got %v, %v", word, got, ok)
		}
		if got, _ := ParseVerify(want.String()); got != want {
			t.Errorf("%v does not come back", want)
		}
	}
	if got, ok := ParseVerify("sometimes"); got != Extend || ok {
		t.Errorf("got %v, %v", got, ok)
	}
	for word, want := range map[string]Eviction{"": TwoRandom, "2-Random": TwoRandom, "none": Keep, "LRU": Oldest} {
		if got, err := ParseEviction(word); got != want || err != nil {
			t.Errorf("%q: got %v, %v", word, got, err)
		}
	}
	if _, err := ParseEviction("fifo"); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("got %v", err)
	}
}

func FuzzReadBlock(f *testing.F) {
	for name, size := range map[string]int{"raw-hello.bin": 24, "raw-rand5k.bin": 5000, "staging-tier1-checksum.bin": 24, "staging-nochecksum.bin": 24} {
		text, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text, size, 0, size, 0)
		f.Add(text, size, 3, 10, 1)
	}
	f.Fuzz(func(t *testing.T, text []byte, length, off, n, level int) {
		if length < 0 || length > 1<<20 || off < 0 || n < 0 || off+n > length || level < 0 || level > int(None) {
			return
		}
		p := make([]byte, n)
		err := readBlock(bytes.NewReader(text), int64(len(text)), length, p, off, Verify(level), func(n int) []byte { return make([]byte, n) })
		if err == nil && !bytes.Equal(p, text[off:off+n]) {
			t.Error("other bytes")
		}
		if err != nil && !errors.Is(err, errDamaged) {
			t.Errorf("got %v", err)
		}
	})
}

func BenchmarkRead(b *testing.B) {
	for _, v := range []Verify{Extend, None} {
		for _, n := range []int{4 << 10, 4 << 20} {
			b.Run(v.String()+"/"+map[bool]string{true: "4K", false: "4M"}[n == 4<<10], func(b *testing.B) {
				c := open(b, Options{Verify: v})
				block := chunk.Block{ID: 1, Length: 4 << 20}
				put(b, c, block, content(1, 4<<20))
				p := make([]byte, n)
				b.SetBytes(int64(n))
				b.ReportAllocs()
				for b.Loop() {
					if !c.Read(block, p, 0) {
						b.Fatal("not there")
					}
				}
			})
		}
	}
}
