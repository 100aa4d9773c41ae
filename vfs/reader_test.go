package vfs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"

	"juicefs/chunk"
	"juicefs/meta"
	"juicefs/meta/engine"
	"juicefs/meta/record"
	"juicefs/pkg/buf"
)

func TestRanges(t *testing.T) {
	const border = 64 << 20
	r := newRig(t, rigOptions{})
	data := pattern(border+3<<20, 20)
	r.put(t, "/o", data)
	size := int64(len(data))
	tests := []struct {
		name          string
		off, n        int64
		wantOff, want int64
	}{
		{"the first byte", 0, 1, 0, 1},
		{"the last byte", size - 1, 1, size - 1, 1},
		{"the last byte and what is not there", size - 1, 100, size - 1, 1},
		{"from a place to the end", size - 5000, -1, size - 5000, 5000},
		{"behind the end", size, 1, size, 0},
		{"far behind the end", size + 100, -1, size, 0},
		{"nothing", 77, 0, 77, 0},
		{"across the border of a chunk", border - 10, 20, border - 10, 20},
		{"up to the border", border - 10, 10, border - 10, 10},
		{"from the border", border, 10, border, 10},
		{"much across the border", border - 2<<20 - 3, 4 << 20, border - 2<<20 - 3, 4 << 20},
		{"across a block", 1<<20 - 1, 2, 1<<20 - 1, 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			want := data[tt.wantOff : tt.wantOff+tt.want]
			equal(t, "range", r.getRange(t, "/o", tt.off, tt.n), want)
			o := r.open(t, "/o")
			s := rangeOf(t.Context(), t, o, tt.off, tt.n)
			if tt.want < 1<<20 {
				if err := iotest.TestReader(s, want); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

func TestSmallRangeOfALargeObjectReadsWhatIsAsked(t *testing.T) {
	r := newRig(t, rigOptions{blockSize: 4 << 20})
	data := pattern(20<<20, 21)
	r.put(t, "/o", data)
	r.bucket.gets.Store(0)
	equal(t, "range", r.getRange(t, "/o", 9<<20+5, 64<<10), data[9<<20+5:9<<20+5+64<<10])
	if got := r.bucket.gets.Load(); got > 1<<20 {
		t.Errorf("%d bytes were asked of the store for 64 KiB", got)
	}
}

func TestStreamsCanBeMixed(t *testing.T) {
	r := newRig(t, rigOptions{readAhead: 4 << 20})
	data := pattern(5<<20, 22)
	r.put(t, "/o", data)
	o := r.open(t, "/o")
	s := rangeOf(t.Context(), t, o, 0, -1)
	head := make([]byte, 100_000)
	_, err := io.ReadFull(s, head)
	must(t, err)
	var rest bytes.Buffer
	n, err := s.WriteTo(&rest)
	if err != nil || n != int64(len(data)-len(head)) {
		t.Errorf("WriteTo = %d, %v", n, err)
	}
	equal(t, "mixed", append(head, rest.Bytes()...), data)
	must(t, s.Close())
	if _, err = s.Read(head); err == nil || err == io.EOF { //nolint:errorlint // readers return it bare
		t.Errorf("read of a closed stream: %v", err)
	}
	// Left in the middle: Cleanup looks for pages.
	s = rangeOf(t.Context(), t, o, 0, -1)
	_, err = io.ReadFull(s, head)
	must(t, err)
}

func TestOpenErrors(t *testing.T) {
	r := newRig(t, rigOptions{})
	r.put(t, "/d/o", []byte("x"))
	for path, want := range map[string]error{"/none": syscall.ENOENT, "/d": syscall.EISDIR, "/d/o/x": syscall.ENOTDIR} {
		if _, err := r.OpenObject(t.Context(), path); !errors.Is(err, want) {
			t.Errorf("OpenObject(%s): %v, want %v", path, err, want)
		}
	}
}

func TestReaderSeesOneVersion(t *testing.T) {
	changes := map[string]func(*rig) error{
		"replaced": func(r *rig) error { r.put(t, "/o", []byte("new")); return nil },
		"removed": func(r *rig) error {
			errs, err := r.Remove(t.Context(), []Removal{{Path: "/o"}})
			return errors.Join(append(errs, err)...)
		},
	}
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, rigOptions{}) // without a trash
			data := pattern(66<<20, 23)
			r.put(t, "/o", data)
			o, err := r.OpenObject(t.Context(), "/o")
			must(t, err)
			must(t, change(r))
			got, err := io.ReadAll(o.Range(t.Context(), 0, -1)) // the second chunk's records are read only now
			must(t, err)
			equal(t, "version", got, data)
			must(t, o.Close())
			eventually(t, "the old blocks are gone", func() bool { return len(r.blocks(t)) <= 1 })
		})
	}
}

func TestMissingBlockIsAnError(t *testing.T) {
	r := newRig(t, rigOptions{})
	r.put(t, "/o", pattern(3<<20, 24))
	o := r.open(t, "/o")
	r.bucket.removeBlocks(t, func(key string) bool { return !strings.Contains(key, "_1_") })
	for _, n := range []int64{-1, 2 << 20, 1<<20 + 100} {
		got, err := io.ReadAll(o.Range(t.Context(), 0, n))
		if !errors.Is(err, syscall.EIO) || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("range of %d: %d bytes, %v, want EIO that is not taken for a missing object", n, len(got), err)
		}
	}
	if _, err := io.ReadAll(o.Range(t.Context(), 1<<20, 100)); !errors.Is(err, syscall.EIO) {
		t.Errorf("small range: %v, want EIO", err)
	}
}

// TestForeignRemovalIsAnError: another client removes the object for good while this one reads it. Its chunk records are
// gone then, which must not be taken for a hole.
func TestForeignRemovalIsAnError(t *testing.T) {
	r := newRig(t, rigOptions{})
	other := newRig(t, rigOptions{eng: r.eng, bucket: r.bucket})
	data := pattern(66<<20, 25)
	r.put(t, "/o", data)
	o := r.open(t, "/o")
	_, err := other.Remove(t.Context(), []Removal{{Path: "/o"}})
	must(t, err)
	eventually(t, "the blocks are gone", func() bool { return len(r.blocks(t)) == 0 })
	for _, off := range []int64{0, 65 << 20} {
		got, err := io.ReadAll(o.Range(t.Context(), off, 200_000))
		if err == nil {
			t.Errorf("range from %d: %d bytes without an error", off, len(got))
		}
	}
}

// rewrite stores new bytes of a chunk and makes them its only record, as compaction does, and removes the old blocks.
func rewrite(t *testing.T, r *rig, ino record.Ino, index uint32, data []byte) {
	t.Helper()
	ctx := t.Context()
	id, err := r.fs.NewSlice(ctx)
	must(t, err)
	w := r.store.NewWriter(id, chunk.WriteOptions{})
	for rest := data; len(rest) > 0; {
		var page *buf.Page
		page, err = w.Page(ctx, len(rest))
		must(t, err)
		n := copy(page.Bytes(), rest)
		page.Truncate(n)
		must(t, w.Append(ctx, page))
		rest = rest[n:]
	}
	ref, err := w.Seal(ctx)
	must(t, err)
	tx := r.eng.Begin(engine.Update)
	defer tx.Discard()
	must(t, tx.Commit(ctx, &engine.Batch{Writes: []engine.Write{{Op: engine.Put, Key: record.ChunkKey(ino, index),
		Value: record.EncodeSlices(record.Slice{ID: id, Size: ref.Size, Len: ref.Size})}}}))
	r.bucket.removeBlocks(t, ofSlice(fmt.Sprint(id)))
}

func TestCompactionByOthersIsFollowed(t *testing.T) {
	for _, n := range []int64{-1, 2000} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			r := newRig(t, rigOptions{})
			data := pattern(3<<20, 26)
			info := r.put(t, "/o", data)
			o := r.open(t, "/o")
			rewrite(t, r, info.Ino, 0, data)
			got, err := io.ReadAll(o.Range(t.Context(), 1000, n))
			must(t, err)
			want := data[1000:]
			if n >= 0 {
				want = want[:n]
			}
			equal(t, "after compaction", got, want)
		})
	}
}

func TestShorterRewriteIsNotCompaction(t *testing.T) {
	r := newRig(t, rigOptions{})
	data := pattern(3<<20, 27)
	info := r.put(t, "/o", data)
	o := r.open(t, "/o")
	rewrite(t, r, info.Ino, 0, data[:1<<20])
	if got, err := io.ReadAll(o.Range(t.Context(), 0, -1)); !errors.Is(err, syscall.ESTALE) {
		t.Errorf("%d bytes, %v, want ESTALE", len(got), err)
	}
}

func TestHolesAreZeros(t *testing.T) {
	r := newRig(t, rigOptions{})
	r.put(t, "/src", pattern(1<<20, 28))
	obj, err := r.fs.Resolve(t.Context(), &r.caller, "/src", meta.Want{Chunks: 1})
	must(t, err)
	s := obj.Chunks[0][0]
	s.Pos, s.Off, s.Len = 5000, 100, 1000
	const length = 65 << 20
	_, err = r.fs.CommitObject(t.Context(), &r.caller, &meta.ObjectSpec{Path: "/sparse", Length: length, Mode: 0o600,
		Chunks: map[uint32][]record.Slice{0: {s}}})
	must(t, err)
	want := make([]byte, length)
	copy(want[5000:6000], r.get(t, "/src")[100:1100])
	equal(t, "sparse object", r.get(t, "/sparse"), want)
	equal(t, "small range", r.getRange(t, "/sparse", 4990, 1020), want[4990:6010])
	equal(t, "in a chunk without records", r.getRange(t, "/sparse", 64<<20-10, 20), want[:20])
}

func TestStreamEndsWithItsContext(t *testing.T) {
	r := newRig(t, rigOptions{readAhead: 8 << 20})
	r.put(t, "/o", pattern(10<<20, 29))
	o := r.open(t, "/o")
	ctx, cancel := context.WithCancel(t.Context())
	s := rangeOf(ctx, t, o, 0, -1)
	_, err := io.ReadFull(s, make([]byte, 100_000))
	must(t, err)
	cancel()
	if _, err = io.Copy(io.Discard, s); !errors.Is(err, context.Canceled) {
		t.Errorf("read: %v, want canceled", err)
	}
}

func BenchmarkGet4K(b *testing.B) {
	r := newRig(b, rigOptions{})
	r.put(b, "/o", pattern(4096, 30))
	p := make([]byte, 32<<10)
	b.ReportAllocs()
	for b.Loop() {
		o, err := r.OpenObject(b.Context(), "/o")
		if err != nil {
			b.Fatal(err)
		}
		s := o.Range(b.Context(), 0, -1)
		if n, err := s.Read(p); n != 4096 || err != nil {
			b.Fatal(n, err)
		}
		_ = s.Close()
		_ = o.Close()
	}
}
