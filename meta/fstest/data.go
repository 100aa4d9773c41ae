package fstest

import (
	"context"
	"errors"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"juicefs/meta"
	"juicefs/meta/record"
)

var dataTests = []test{
	{"write", testWrite},
	{"truncate", testTruncate},
	{"fallocate", testFallocate},
	{"copy of a range", testCopyFileRange},
	{"errors of changing data", testDataErrors},
	{"data of hard links and of files in the trash", testDataElsewhere},
	{"compaction", testCompact},
	{"compaction keeps a large first slice", testCompactSkip},
	{"compaction of a chunk that changes", testCompactConflict},
}

// chunk is the records of a chunk as stored.
func (v *volume) chunk(ino record.Ino, index uint32) []record.Slice {
	v.Helper()
	ss, err := v.fs.ReadChunk(v.Context(), ino, index)
	v.ok(err)
	return ss
}

// wantChunk compares the records of a chunk as stored.
func (v *volume) wantChunk(ino record.Ino, index uint32, want ...record.Slice) {
	v.Helper()
	if d := cmp.Diff(v.chunk(ino, index), append([]record.Slice{}, want...)); d != "" {
		v.Errorf("chunk %d (-got +want):\n%s", index, d)
	}
}

func (v *volume) write(ino record.Ino, index, pos uint32, s record.Slice) record.Slice {
	v.Helper()
	s.Pos = pos
	_, err := v.fs.Write(v.Context(), ino, index, s, record.Time{})
	v.ok(err)
	return s
}

func zeros(pos, n uint32) record.Slice { return record.Slice{Pos: pos, Len: n} }

func testWrite(t *testing.T, open Open) {
	v := newVolume(t, open)
	ino, _, err := v.fs.Create(t.Context(), v.root, 1, "f", 0o644, true)
	v.ok(err)
	now := v.clock.tick(time.Second)
	s := v.slice(100)
	s.Pos, s.Off, s.Len = 10, 5, 50
	a, err := v.fs.Write(t.Context(), ino, 1, s, record.Time{Sec: 3, Nsec: 4})
	v.ok(err)
	if a.Length != 64*mib+60 || a.Mtime != (record.Time{Sec: 3, Nsec: 4}) || a.Ctime != now {
		t.Errorf("after a write: %+v", a)
	}
	v.wantChunk(ino, 1, s)
	first := v.write(ino, 0, 0, v.slice(64*mib))
	if got := v.get("/f").Attr; got.Length != 64*mib+60 || got.Mtime != now {
		t.Errorf("after a write in front: %+v", got)
	}
	over := v.write(ino, 0, 100, v.slice(7))
	v.wantContent("/f", piece{first.ID, 0, 100}, piece{over.ID, 0, 7}, piece{first.ID, 107, 64*mib - 107}, piece{0, 0, 10}, piece{s.ID, 5, 50})
	hole := v.write(ino, 0, 50, zeros(0, 10))
	v.wantChunk(ino, 0, first, over, hole)
	if n := v.refs(over); n != 1 {
		t.Errorf("a written slice has %d references", n)
	}
	v.remove(meta.Removal{Path: "/f"})
	v.eventually("the data is deleted", func() bool {
		return v.blocks.deleted(s) && v.blocks.deleted(first) && v.blocks.deleted(over) && len(v.state().refs) == 0
	})
}

func testTruncate(t *testing.T, open Open) {
	v := newVolume(t, open, withOwners)
	f := v.put("/f", 8192)
	s := f.Chunks[0][0]
	now := v.clock.tick(time.Second)
	to := func(length uint64) {
		t.Helper()
		_, err := v.fs.Truncate(t.Context(), v.root, f.Ino, length)
		v.ok(err)
		v.check()
	}
	to(100)
	if a := v.get("/f").Attr; a.Length != 100 || a.Mtime != now || a.Ctime != now {
		t.Errorf("truncated: %+v", a)
	}
	to(5000)
	v.wantChunk(f.Ino, 0, s, zeros(100, 8092), zeros(100, 4900)) // as the real program does: vectors/slices.json
	v.wantContent("/f", piece{s.ID, 0, 100}, piece{0, 0, 4900})
	v.clock.tick(time.Second)
	to(5000)
	if a := v.get("/f").Attr; a.Mtime != now {
		t.Errorf("nothing changed, and: %+v", a)
	}
	// Over chunks: only those that have records get one.
	g := v.put("/g", 0)
	w := v.write(g.Ino, 3, 0, v.slice(64*mib))
	x := v.write(g.Ino, 1, 5, v.slice(10))
	_, err := v.fs.Truncate(t.Context(), v.root, g.Ino, 10)
	v.ok(err)
	v.wantChunk(g.Ino, 0, zeros(10, 64*mib-10))
	v.wantChunk(g.Ino, 1, x, zeros(0, 64*mib))
	v.wantChunk(g.Ino, 2)
	v.wantChunk(g.Ino, 3, w, zeros(0, 64*mib)) // the end is the border to the next chunk
	v.wantChunk(g.Ino, 4)
	v.check()
	_, err = v.fs.Truncate(t.Context(), v.root, g.Ino, 200*mib)
	v.ok(err)
	v.wantChunk(g.Ino, 3, w, zeros(0, 64*mib), zeros(0, 8*mib))
	v.wantChunk(g.Ino, 2)
	v.wantContent("/g", piece{0, 0, 200 * mib})
	_, err = v.fs.Truncate(t.Context(), v.root, g.Ino, 1<<50) // many chunks, few records
	v.ok(err)
	v.check()
	_, err = v.fs.Truncate(t.Context(), v.root, g.Ino, 0)
	v.ok(err)
	v.remove(meta.Removal{Path: "/g"})
	v.eventually("the data is deleted", func() bool { return v.blocks.deleted(w) && v.blocks.deleted(x) })
}

func testFallocate(t *testing.T, open Open) {
	v := newVolume(t, open)
	f := v.put("/f", 130*mib)
	alloc := func(mode uint32, off, size, length uint64) {
		t.Helper()
		now := v.clock.tick(time.Second)
		a, err := v.fs.Fallocate(t.Context(), v.root, f.Ino, mode, off, size)
		v.ok(err)
		if a.Length != length || a.Mtime != now || a.Ctime != now || v.get("/f").Attr != *a {
			t.Errorf("mode %d: %+v", mode, a)
		}
		v.check()
	}
	alloc(0, 0, 10, 130*mib)
	alloc(meta.FallocKeepSize, 0, 200*mib, 130*mib)
	if got := v.content("/f"); len(got) != 3 {
		t.Errorf("nothing should have changed: %s", show(got))
	}
	alloc(meta.FallocPunchHole|meta.FallocKeepSize, 60*mib, 10*mib, 130*mib)
	one, two, three := f.Chunks[0][0], f.Chunks[1][0], f.Chunks[2][0]
	v.wantChunk(f.Ino, 0, one, zeros(60*mib, 4*mib))
	v.wantChunk(f.Ino, 1, two, zeros(0, 6*mib))
	alloc(meta.FallocPunchHole|meta.FallocKeepSize, 129*mib, 10*mib, 130*mib)
	v.wantChunk(f.Ino, 2, three, zeros(1*mib, 1*mib))
	alloc(meta.FallocPunchHole|meta.FallocKeepSize, 140*mib, 10*mib, 130*mib)
	alloc(meta.FallocZeroRange, 120*mib, 20*mib, 140*mib)
	v.wantContent("/f", piece{one.ID, 0, 60 * mib}, piece{0, 0, 10 * mib}, piece{two.ID, 6 * mib, 50 * mib}, piece{0, 0, 20 * mib})
	alloc(0, 150*mib, 1, 150*mib+1)
	alloc(meta.FallocZeroRange|meta.FallocKeepSize, 0, 1<<40, 150*mib+1)
	v.wantContent("/f", piece{0, 0, 150*mib + 1})
	fifo, _, err := v.fs.Mknod(t.Context(), v.root, 1, "fifo", record.TypeFIFO, 0o644, 0)
	v.ok(err)
	v.mkdir("/d")
	for _, c := range []struct {
		ino       record.Ino
		mode      uint32
		off, size uint64
		want      syscall.Errno
	}{{f.Ino, 8, 0, 1, syscall.ENOTSUP}, {f.Ino, 32, 0, 1, syscall.ENOTSUP}, {f.Ino, meta.FallocPunchHole, 0, 1, syscall.ENOTSUP}, {f.Ino, 64, 0, 1, syscall.ENOTSUP},
		{f.Ino, 0, 5, 0, syscall.EINVAL}, {f.Ino, 0, 1 << 63, 1, syscall.EFBIG}, {f.Ino, 0, 1<<63 - 1, 1, syscall.EFBIG}, {f.Ino, 0, 1, 1<<64 - 1, syscall.EFBIG},
		{fifo, 0, 0, 1, syscall.EPIPE}, {v.ino("/d"), 0, 0, 1, syscall.EPERM}, {1 << 40, 0, 0, 1, syscall.ENOENT}} {
		if _, got := v.fs.Fallocate(t.Context(), v.root, c.ino, c.mode, c.off, c.size); !errors.Is(got, c.want) {
			t.Errorf("mode %d at %d of %d: %v, want %v", c.mode, c.off, c.size, got, c.want)
		}
	}
	v.setFlags("/f", record.FlagAppend)
	alloc(0, 0, 160*mib, 160*mib)
	_, err = v.fs.Fallocate(t.Context(), v.root, f.Ino, meta.FallocZeroRange, 0, 1)
	v.code(err, syscall.EPERM)
	v.setFlags("/f", record.FlagImmutable)
	_, err = v.fs.Fallocate(t.Context(), v.root, f.Ino, 0, 0, 1)
	v.code(err, syscall.EPERM)
	v.setFlags("/f", 0)
}

func testCopyFileRange(t *testing.T, open Open) {
	v := newVolume(t, open)
	src := v.put("/src", 10000)
	dst := v.put("/dst", 3000)
	s, d := src.Chunks[0][0], dst.Chunks[0][0]
	now := v.clock.tick(time.Second)
	n, a, err := v.fs.CopyRange(t.Context(), v.root, meta.Range{Ino: src.Ino, Off: 1000}, meta.Range{Ino: dst.Ino, Off: 2000}, 4000)
	v.ok(err)
	if n != 4000 || a.Length != 6000 || a.Mtime != now || a.Ctime != now || v.refs(s) != 2 {
		t.Errorf("copied %d, %+v, %d references", n, a, v.refs(s))
	}
	v.wantChunk(dst.Ino, 0, d, record.Slice{Pos: 2000, ID: s.ID, Size: 10000, Off: 1000, Len: 4000}) // vectors/slices.json
	// Cut at the end of the source; nothing beyond it.
	n, _, err = v.fs.CopyRange(t.Context(), v.root, meta.Range{Ino: src.Ino, Off: 9990}, meta.Range{Ino: dst.Ino}, 4000)
	if err != nil || n != 10 {
		t.Errorf("copied %d, %v", n, err)
	}
	n, _, err = v.fs.CopyRange(t.Context(), v.root, meta.Range{Ino: src.Ino, Off: 10000}, meta.Range{Ino: dst.Ino}, 4000)
	if err != nil || n != 0 {
		t.Errorf("copied %d, %v", n, err)
	}
	v.check()
	// Across borders of both, with a hole that makes zeros.
	big := v.put("/big", 0)
	x := v.write(big.Ino, 0, 63*mib, v.slice(mib))
	y := v.write(big.Ino, 1, 2*mib, v.slice(mib))
	n, a, err = v.fs.CopyRange(t.Context(), v.root, meta.Range{Ino: big.Ino, Off: 62 * mib}, meta.Range{Ino: src.Ino, Off: 62*mib + 512*1024}, 6*mib)
	v.ok(err)
	if n != 5*mib || a.Length != 67*mib+512*1024 {
		t.Errorf("copied %d, %+v", n, a)
	}
	v.wantContent("/src", piece{s.ID, 0, 10000}, piece{0, 0, 63*mib + 512*1024 - 10000}, piece{x.ID, 0, mib}, piece{0, 0, 2 * mib}, piece{y.ID, 0, mib})
	if v.refs(x) != 3 || v.refs(y) != 2 {
		t.Errorf("%d and %d references", v.refs(x), v.refs(y))
	}
	v.check()
	// Within one file.
	_, _, err = v.fs.CopyRange(t.Context(), v.root, meta.Range{Ino: src.Ino}, meta.Range{Ino: src.Ino, Off: 5000}, 5001)
	v.code(err, syscall.EINVAL)
	_, _, err = v.fs.CopyRange(t.Context(), v.root, meta.Range{Ino: src.Ino}, meta.Range{Ino: src.Ino, Off: 5000}, 5000)
	v.ok(err)
	for _, p := range []string{"/src", "/big", "/dst"} {
		v.remove(meta.Removal{Path: p})
	}
	v.eventually("all data is deleted", func() bool {
		return v.blocks.deleted(s) && v.blocks.deleted(x) && v.blocks.deleted(y) && v.blocks.deleted(d)
	})
}

func testDataErrors(t *testing.T, open Open) {
	v := newVolume(t, open, withTrash)
	f := v.put("/f", 10)
	v.setMode("/f", 0o644)
	v.mkdir("/d")
	d := v.ino("/d")
	gone := v.put("/gone", 1)
	v.remove(meta.Removal{Path: "/gone"})
	before := v.state()
	for _, c := range []struct {
		ino  record.Ino
		s    record.Slice
		want syscall.Errno
	}{{d, record.Slice{ID: 1, Size: 1, Len: 1}, syscall.EPERM}, {1 << 40, record.Slice{ID: 1, Size: 1, Len: 1}, syscall.ENOENT}, {f.Ino, record.Slice{ID: 1, Size: 1}, syscall.EINVAL},
		{f.Ino, record.Slice{Pos: 64*mib - 1, ID: 1, Size: 2, Len: 2}, syscall.EINVAL}, {f.Ino, record.Slice{ID: 1, Size: 2, Off: 1, Len: 2}, syscall.EINVAL}} {
		if _, err := v.fs.Write(t.Context(), c.ino, 0, c.s, record.Time{}); !errors.Is(err, c.want) {
			t.Errorf("write %+v: %v, want %v", c.s, err, c.want)
		}
	}
	for _, c := range []struct {
		caller *meta.Caller
		ino    record.Ino
		want   syscall.Errno
	}{{v.root, d, syscall.EPERM}, {v.root, 1 << 40, syscall.ENOENT}, {user(), f.Ino, syscall.EACCES}, {v.root, gone.Ino, syscall.EPERM}} {
		if _, err := v.fs.Truncate(t.Context(), c.caller, c.ino, 5); !errors.Is(err, c.want) {
			t.Errorf("truncate %d: %v, want %v", c.ino, err, c.want)
		}
		if _, err := v.fs.Fallocate(t.Context(), c.caller, c.ino, 0, 0, 50); !errors.Is(err, c.want) {
			t.Errorf("fallocate %d: %v, want %v", c.ino, err, c.want)
		}
		if _, _, err := v.fs.CopyRange(t.Context(), c.caller, meta.Range{Ino: f.Ino}, meta.Range{Ino: c.ino, Off: 100}, 5); !errors.Is(err, c.want) {
			t.Errorf("copy to %d: %v, want %v", c.ino, err, c.want)
		}
	}
	_, _, err := v.fs.CopyRange(t.Context(), v.root, meta.Range{Ino: d}, meta.Range{Ino: f.Ino}, 5)
	v.code(err, syscall.EPERM)
	_, _, err = v.fs.CopyRange(t.Context(), v.root, meta.Range{Ino: f.Ino}, meta.Range{Ino: f.Ino, Off: 1<<63 - 2}, 5)
	v.code(err, syscall.EFBIG)
	if d := cmp.Diff(v.state(), before, cmp.AllowUnexported(state{})); d != "" {
		t.Errorf("records changed:\n%s", d)
	}
}

func testDataElsewhere(t *testing.T, open Open) {
	v := newVolume(t, open, withTrash)
	f := v.put("/a/f", 10)
	v.link("/a/f", "/a/g")
	v.mkdir("/b")
	v.link("/a/f", "/b/h")
	v.write(f.Ino, 0, 0, v.slice(20000))
	v.check()
	_, err := v.fs.Truncate(t.Context(), v.root, f.Ino, 100000)
	v.ok(err)
	v.check()
	v.remove(meta.Removal{Path: "/a/g"})
	v.write(f.Ino, 1, 0, v.slice(20000))
	v.check()
	_, err = v.fs.Truncate(t.Context(), nil, f.Ino, 1)
	v.ok(err)
	v.check()
	g := v.put("/g", 10)
	v.remove(meta.Removal{Path: "/g"})
	v.write(g.Ino, 0, 100, v.slice(50000)) // by who has it open
	v.check()
}

// merged stands for storing the data of a compaction.
func merged(context.Context, *meta.Compaction) error { return nil }

func testCompact(t *testing.T, open Open) {
	for _, opts := range [][]option{nil, {withTrash}} {
		v := newVolume(t, open, opts...)
		f := v.put("/f", 0)
		one, two, three := v.write(f.Ino, 0, 100, v.slice(1000)), v.write(f.Ino, 0, 600, v.slice(1000)), v.write(f.Ino, 0, 5000, v.slice(10))
		hidden := v.write(f.Ino, 0, 1200, v.slice(50))
		over := v.write(f.Ino, 0, 1200, v.slice(50))
		attr := v.get("/f").Attr
		want := v.content("/f")
		var plan *meta.Compaction
		done, err := v.fs.Compact(t.Context(), f.Ino, 0, func(_ context.Context, c *meta.Compaction) error { plan = c; return nil })
		if err != nil || !done {
			t.Fatalf("done %v, %v", done, err)
		}
		if plan.Pos != 100 || plan.Size != 4910 {
			t.Errorf("plan %+v", plan)
		}
		var pieces []piece
		for _, s := range plan.Pieces {
			pieces = appendPiece(pieces, piece{s.ID, uint64(s.Off), uint64(s.Len)})
		}
		if d := cmp.Diff(pieces, want[1:], cmp.AllowUnexported(piece{})); d != "" {
			t.Errorf("pieces (-got +want):\n%s", d)
		}
		v.wantChunk(f.Ino, 0, record.Slice{Pos: 100, ID: plan.ID, Size: 4910, Len: 4910})
		if got := v.get("/f").Attr; got != attr {
			t.Errorf("the attribute changed: %+v", got)
		}
		for _, s := range []record.Slice{one, two, three, hidden, over} {
			if v.blocks.deleted(s) != (len(opts) == 0) {
				t.Errorf("slice %d: deleted is %v", s.ID, v.blocks.deleted(s))
			}
		}
		v.check()
		if again, bad := v.fs.Compact(t.Context(), f.Ino, 0, merged); bad != nil || again {
			t.Errorf("again: %v, %v", again, bad)
		}
		// All zeros need no slice at all.
		_, err = v.fs.Truncate(t.Context(), v.root, f.Ino, 0)
		v.ok(err)
		done, err = v.fs.Compact(t.Context(), f.Ino, 0, func(context.Context, *meta.Compaction) error { return errors.New("nothing to store") })
		if err != nil || !done {
			t.Errorf("of zeros: %v, %v", done, err)
		}
		v.wantChunk(f.Ino, 0)
		if done, err := v.fs.Compact(t.Context(), f.Ino, 9, merged); err != nil || done {
			t.Errorf("of nothing: %v, %v", done, err)
		}
		v.check()
	}
}

func testCompactSkip(t *testing.T, open Open) {
	v := newVolume(t, open)
	f := v.put("/f", 0)
	large := v.write(f.Ino, 0, 0, v.slice(20*mib))
	second := v.write(f.Ino, 0, 20*mib, v.slice(5*mib))
	small := v.write(f.Ino, 0, 25*mib, v.slice(mib/2))
	last := v.write(f.Ino, 0, 26*mib, v.slice(mib/2))
	want := v.content("/f")
	c, err := v.fs.PlanCompact(t.Context(), f.Ino, 0)
	v.ok(err)
	if c == nil || c.Pos != 25*mib || c.Size != 3*mib/2 {
		t.Fatalf("plan %+v", c)
	}
	v.ok(v.fs.CommitCompact(t.Context(), c))
	v.wantChunk(f.Ino, 0, large, second, record.Slice{Pos: 25 * mib, ID: c.ID, Size: 3 * mib / 2, Len: 3 * mib / 2})
	if !v.blocks.deleted(small) || !v.blocks.deleted(last) || v.blocks.deleted(large) {
		t.Errorf("the wrong slices were deleted")
	}
	if got := v.content("/f"); got[0] != want[0] || got[1] != want[1] {
		t.Errorf("content %s was %s", show(got), show(want))
	}
	// Written over, a large slice is worth copying.
	v.write(f.Ino, 0, mib, v.slice(10))
	c, err = v.fs.PlanCompact(t.Context(), f.Ino, 0)
	v.ok(err)
	if c == nil || c.Pos != 0 || c.Size != 53*mib/2 {
		t.Fatalf("plan %+v", c)
	}
}

func testCompactConflict(t *testing.T, open Open) {
	v := newVolume(t, open)
	f := v.put("/f", 0)
	v.write(f.Ino, 0, 0, v.slice(10))
	v.write(f.Ino, 0, 10, v.slice(10))
	// What is appended meanwhile stays behind the new slice.
	var later record.Slice
	var made *meta.Compaction
	//nolint:contextcheck // v has the context of the test
	done, err := v.fs.Compact(t.Context(), f.Ino, 0, func(_ context.Context, c *meta.Compaction) error {
		made, later = c, v.write(f.Ino, 0, 5, v.slice(3))
		return nil
	})
	if err != nil || !done {
		t.Fatalf("done %v, %v", done, err)
	}
	v.wantChunk(f.Ino, 0, record.Slice{ID: made.ID, Size: 20, Len: 20}, later)
	// Another compaction in between makes this one void.
	done, err = v.fs.Compact(t.Context(), f.Ino, 0, func(ctx context.Context, c *meta.Compaction) error {
		made = c
		_, inner := v.fs.Compact(ctx, f.Ino, 0, merged)
		return inner
	})
	if err != nil || done || !v.blocks.deleted(record.Slice{ID: made.ID, Size: made.Size}) {
		t.Errorf("done %v, %v", done, err)
	}
	// So does a failure to store.
	v.write(f.Ino, 0, 5, v.slice(3))
	stop := errors.New("stop")
	if done, err = v.fs.Compact(t.Context(), f.Ino, 0, func(context.Context, *meta.Compaction) error { return stop }); !errors.Is(err, stop) || done {
		t.Errorf("done %v, %v", done, err)
	}
	v.wantContent("/f", v.content("/f")...)
}
