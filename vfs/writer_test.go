package vfs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"syscall"
	"testing"
	"testing/iotest"
	"time"

	"juicefs/pkg/buf"
)

func TestObjectsComeBackAsTheyWere(t *testing.T) {
	r := newRig(t, rigOptions{})
	sizes := []int{0, 1, 4096, 1<<20 - 1, 1 << 20, 1<<20 + 1, 5 << 20}
	if !testing.Short() {
		sizes = append(sizes, 64<<20-1, 64<<20, 64<<20+1, 70<<20)
	}
	for _, n := range sizes {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			data := pattern(n, uint64(n))
			info := r.put(t, "/a/b/object", data)
			if info.Size != int64(n) || info.Mode != 0o644 {
				t.Errorf("info: size %d mode %o, want %d 644", info.Size, info.Mode, n)
			}
			equal(t, "read", r.get(t, "/a/b/object"), data)
			o := r.open(t, "/a/b/object")
			var out bytes.Buffer
			if _, err := rangeOf(t.Context(), t, o, 0, -1).WriteTo(&out); err != nil {
				t.Fatal(err)
			}
			equal(t, "WriteTo", out.Bytes(), data)
		})
	}
}

func TestSizeIsOnlyAHint(t *testing.T) {
	data := pattern(3<<20+5, 1)
	for _, hint := range []int64{-1, 0, 1, 1 << 20, 3<<20 + 4, 3<<20 + 5, 3<<20 + 6, 100 << 20} {
		t.Run(fmt.Sprint(hint), func(t *testing.T) {
			r := newRig(t, rigOptions{})
			w := r.CreateObject(t.Context(), CreateOptions{Size: hint})
			if _, err := w.ReadFrom(iotest.HalfReader(bytes.NewReader(data))); err != nil {
				t.Fatal(err)
			}
			_, err := w.Commit(t.Context(), Commit{Path: "/o"})
			must(t, err)
			equal(t, "object", r.get(t, "/o"), data)
		})
	}
}

// watched is a source that keeps what it was shown until the end, when all must still be as it was.
type watched struct {
	io.Reader
	pages []*buf.Page
}

func (w *watched) Watch(p *buf.Page) { w.pages = append(w.pages, p) }

func TestSourceSeesItsData(t *testing.T) {
	t.Parallel()
	r := newRig(t, rigOptions{})
	for _, size := range []int{0, 1, pageSize, pageSize + 1, 9<<20 + 5} {
		for _, said := range []int64{-1, int64(size), int64(size) / 2} { // of more than was said, a byte is found by the probe
			data := pattern(size, 7)
			w := r.CreateObject(t.Context(), CreateOptions{Size: said})
			source := &watched{Reader: iotest.HalfReader(bytes.NewReader(data))}
			if n, err := w.ReadFrom(source); err != nil || n != int64(size) {
				t.Fatalf("ReadFrom = %d, %v, want %d", n, err, size)
			}
			_, err := w.Commit(t.Context(), Commit{Path: "/watched"})
			must(t, err)
			var seen []byte
			for _, p := range source.pages {
				seen = append(seen, p.Bytes()...)
				p.Release()
			}
			equal(t, "what the source was shown", seen, data)
			equal(t, "the object", r.get(t, "/watched"), data)
		}
	}
}

// Data that its owner does not vouch for never appears, and nothing of it stays.
func TestDataThatIsNotSoundDoesNotAppear(t *testing.T) {
	r := newRig(t, rigOptions{})
	unsound := errors.New("unsound")
	w := r.CreateObject(t.Context(), CreateOptions{Sound: func() error { return unsound }})
	_, err := w.ReadFrom(bytes.NewReader(pattern(9<<20, 1)))
	must(t, err)
	if _, err = w.Commit(t.Context(), Commit{Path: "/unsound"}); !errors.Is(err, unsound) {
		t.Errorf("got %v", err)
	}
	if _, err = w.Commit(t.Context(), Commit{Path: "/unsound"}); err == nil {
		t.Error("the second time it is taken")
	}
	if _, err = r.Stat(t.Context(), "/unsound"); !errors.Is(err, syscall.ENOENT) {
		t.Errorf("stat: %v", err)
	}
	if keys := r.blocks(t); len(keys) > 0 {
		t.Errorf("blocks stay: %v", keys)
	}
}

func TestWriteInPieces(t *testing.T) {
	r := newRig(t, rigOptions{})
	data := pattern(2<<20+777, 2)
	w := r.CreateObject(t.Context(), CreateOptions{})
	for rest := data; len(rest) > 0; {
		n := min(len(rest), 100_001)
		if _, err := w.Write(rest[:n]); err != nil {
			t.Fatal(err)
		}
		rest = rest[n:]
	}
	_, err := w.Commit(t.Context(), Commit{Path: "/o"})
	must(t, err)
	equal(t, "object", r.get(t, "/o"), data)
}

func TestErrorOfTheSourceComesBackAndNothingStays(t *testing.T) {
	r := newRig(t, rigOptions{})
	broken := errors.New("broken")
	w := r.CreateObject(t.Context(), CreateOptions{Size: 8 << 20})
	source := io.MultiReader(bytes.NewReader(pattern(5<<20, 3)), iotest.ErrReader(broken))
	if _, err := w.ReadFrom(source); err != broken { //nolint:errorlint // unchanged is what is promised
		t.Errorf("ReadFrom: %v, want the source's error itself", err)
	}
	if _, err := w.Commit(t.Context(), Commit{Path: "/o"}); err == nil {
		t.Error("an object was committed whose source broke")
	}
	if keys := r.blocks(t); len(keys) > 0 {
		t.Errorf("blocks stay: %v", keys)
	}
}

func TestCancelledUploadLeavesNothing(t *testing.T) {
	r := newRig(t, rigOptions{})
	ctx, cancel := context.WithCancel(t.Context())
	w := r.CreateObject(ctx, CreateOptions{Size: 8 << 20})
	_, err := w.ReadFrom(io.MultiReader(bytes.NewReader(pattern(5<<20, 3)), readerFunc(func([]byte) (int, error) {
		cancel()
		return 0, ctx.Err()
	})))
	if !errors.Is(err, context.Canceled) {
		t.Errorf("ReadFrom: %v, want canceled", err)
	}
	w.Cancel()
	if keys := r.blocks(t); len(keys) > 0 {
		t.Errorf("blocks stay: %v", keys)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func TestBrokenStoreFailsTheCommit(t *testing.T) {
	for _, tt := range []struct {
		name string
		size int
	}{{"small", 4096}, {"large", 70 << 20}} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, rigOptions{})
			r.put(t, "/o", []byte("before"))
			last := fmt.Sprintf("_%d_", tt.size%(64<<20)>>20)
			r.bucket.setFailPut(func(key string) error {
				if tt.size < 1<<20 || bytes.Contains([]byte(key), []byte(last)) {
					return errStore
				}
				return nil
			})
			w := r.CreateObject(t.Context(), CreateOptions{Size: int64(tt.size)})
			_, err := w.ReadFrom(bytes.NewReader(pattern(tt.size, 4)))
			if err == nil {
				_, err = w.Commit(t.Context(), Commit{Path: "/o"})
			}
			if !errors.Is(err, errStore) {
				t.Errorf("error: %v, want that of the store", err)
			}
			w.Cancel()
			equal(t, "object of before", r.get(t, "/o"), []byte("before"))
			if keys := r.blocks(t); len(keys) != 1 {
				t.Errorf("blocks: %v, want the one of before", keys)
			}
		})
	}
}

func TestRefusedCommitLeavesNothing(t *testing.T) {
	refused := errors.New("refused")
	tests := []struct {
		name string
		c    Commit
		want error
	}{
		{"Allow says no", Commit{Path: "/old", Allow: func(old *Info) error {
			if old == nil || old.Size != 3 {
				return fmt.Errorf("old is %v", old)
			}
			return refused
		}}, refused},
		{"a directory is there", Commit{Path: "/dir"}, syscall.EISDIR},
		{"a parent is a file", Commit{Path: "/old/x", Parents: true}, syscall.ENOTDIR},
		{"a parent is missing", Commit{Path: "/none/x"}, syscall.ENOENT},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, rigOptions{})
			r.put(t, "/old", []byte("old"))
			_, err := r.MakeDir(t.Context(), Commit{Path: "/dir"}, false)
			must(t, err)
			before := len(r.blocks(t))
			w := r.CreateObject(t.Context(), CreateOptions{})
			_, err = w.ReadFrom(bytes.NewReader(pattern(3<<20, 5)))
			must(t, err)
			if _, err = w.Commit(t.Context(), tt.c); !errors.Is(err, tt.want) {
				t.Errorf("Commit: %v, want %v", err, tt.want)
			}
			if after := len(r.blocks(t)); after != before {
				t.Errorf("%d blocks, before the refused commit there were %d", after, before)
			}
			if _, err := w.Commit(t.Context(), Commit{Path: "/again"}); err == nil {
				t.Error("a writer was committed twice")
			}
		})
	}
}

func TestWriterAfterItsEnd(t *testing.T) {
	r := newRig(t, rigOptions{})
	w := r.CreateObject(t.Context(), CreateOptions{})
	_, err := w.Write([]byte("x"))
	must(t, err)
	w.Cancel()
	if _, err = w.Write([]byte("x")); err == nil {
		t.Error("a cancelled writer wrote")
	}
	w = r.CreateObject(t.Context(), CreateOptions{})
	_, err = w.Commit(t.Context(), Commit{Path: "/o"})
	must(t, err)
	w.Cancel()
	equal(t, "object after a late Cancel", r.get(t, "/o"), nil)
}

// TestMemoryStaysInThePool: many uploads on a store that is slower than they are.
func TestMemoryStaysInThePool(t *testing.T) {
	const limit = 8 << 20
	r := newRig(t, rigOptions{pool: limit})
	r.bucket.setFailPut(func(string) error {
		if used := r.pool.Used(); used > limit {
			t.Errorf("%d bytes of pages, the pool has %d", used, limit)
		}
		time.Sleep(time.Millisecond) // a store takes its time
		return nil
	})
	data := pattern(10<<20, 6)
	var all sync.WaitGroup
	for i := range 16 {
		all.Go(func() {
			w := r.CreateObject(t.Context(), CreateOptions{Size: int64(len(data))})
			_, err := w.ReadFrom(bytes.NewReader(data))
			if err == nil {
				_, err = w.Commit(t.Context(), Commit{Path: fmt.Sprintf("/o%d", i)})
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	equal(t, "one of them", r.get(t, "/o7"), data)
}

// TestSmallPutIsCheap holds the price of a small upload: no goroutine stays, no page is taken beyond what is needed.
func TestSmallPutIsCheap(t *testing.T) {
	r := newRig(t, rigOptions{})
	data := pattern(4096, 7)
	w := r.CreateObject(t.Context(), CreateOptions{Size: 4096})
	_, err := w.ReadFrom(bytes.NewReader(data))
	must(t, err)
	if used := r.pool.Used(); used > 8192 {
		t.Errorf("a 4 KiB upload holds %d bytes of pages", used)
	}
	if w.timer != nil {
		t.Error("a 4 KiB upload has a timer")
	}
	_, err = w.Commit(t.Context(), Commit{Path: "/o"})
	must(t, err)
	if got := r.bucket.puts.Load(); got != 1 {
		t.Errorf("%d puts for one block", got)
	}
}

func TestReadOnlyVolume(t *testing.T) {
	first := newRig(t, rigOptions{})
	first.put(t, "/o", []byte("data"))
	r := newRig(t, rigOptions{eng: first.eng, bucket: first.bucket, readOnly: true})
	equal(t, "object", r.get(t, "/o"), []byte("data"))
	w := r.CreateObject(t.Context(), CreateOptions{})
	if _, err := w.Write([]byte("x")); !errors.Is(err, syscall.EROFS) {
		t.Errorf("Write: %v, want EROFS", err)
	}
	if _, err := w.Commit(t.Context(), Commit{Path: "/p"}); !errors.Is(err, syscall.EROFS) {
		t.Errorf("Commit: %v, want EROFS", err)
	}
	if _, err := r.Remove(t.Context(), []Removal{{Path: "/o"}}); !errors.Is(err, syscall.EROFS) {
		t.Errorf("Remove: %v, want EROFS", err)
	}
}

func BenchmarkPut4K(b *testing.B) {
	r := newRig(b, rigOptions{})
	data := pattern(4096, 8)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		w := r.CreateObject(b.Context(), CreateOptions{Size: 4096})
		if _, err := w.ReadFrom(bytes.NewReader(data)); err != nil {
			b.Fatal(err)
		}
		if _, err := w.Commit(b.Context(), Commit{Path: fmt.Sprintf("/o%d", i%100)}); err != nil {
			b.Fatal(err)
		}
	}
}
