package fstest

import (
	"errors"
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"juicefs/meta"
	"juicefs/meta/engine"
	"juicefs/meta/engine/enginetest"
	"juicefs/meta/record"
)

func testCopy(t *testing.T, open Open) {
	v := newVolume(t, open)
	src := v.put("/src", 100*mib)
	first, second := src.Chunks[0][0], src.Chunks[1][0]
	s := &meta.ObjectSpec{Path: "/a/dst", Mode: 0o600, Parents: true, Xattrs: map[string][]byte{"k": []byte("v")}}
	o, err := v.fs.CopyObject(t.Context(), v.root, "/src", 0, -1, s)
	v.ok(err)
	if o.Attr.Length != 100*mib || o.Attr.Mode != 0o600 || o.Attr.Nlink != 1 || !cmp.Equal(v.get("/a/dst").Xattrs, s.Xattrs) {
		t.Errorf("the copy is %+v", o)
	}
	v.wantContent("/a/dst", v.content("/src")...)
	if n := v.refs(first); n != 2 {
		t.Errorf("%d references", n)
	}
	// One version only.
	there := meta.FileVersion{Ino: src.Ino, Mtime: src.Attr.Mtime}
	for _, other := range []meta.FileVersion{{Ino: o.Ino, Mtime: there.Mtime}, {Ino: there.Ino, Mtime: record.Time{Sec: there.Mtime.Sec, Nsec: there.Mtime.Nsec + 1}}} {
		_, err = v.fs.CopyObject(t.Context(), v.root, "/src", 0, -1, &meta.ObjectSpec{Path: "/a/other", Source: other})
		if !errors.Is(err, meta.ErrSourceChanged) {
			t.Errorf("a copy of another version than %+v: %v, want %v", other, err, meta.ErrSourceChanged)
		}
	}
	v.absent("/a/other")
	_, err = v.fs.CopyObject(t.Context(), v.root, "/src", 0, -1, &meta.ObjectSpec{Path: "/a/dst", Source: there})
	v.ok(err)
	// Onto itself, and over another copy.
	_, err = v.fs.CopyObject(t.Context(), v.root, "/src", 0, -1, &meta.ObjectSpec{Path: "/src", Mode: 0o600})
	v.ok(err)
	v.wantContent("/src", piece{first.ID, 0, 64 * mib}, piece{second.ID, 0, 36 * mib})
	v.eventually("the replaced file is forgotten", func() bool { return len(v.state().delFiles) == 0 })
	if n := v.refs(second); n != 2 {
		t.Errorf("%d references", n)
	}
	v.remove(meta.Removal{Path: "/src"})
	v.eventually("the removed file is forgotten", func() bool { return len(v.state().delFiles) == 0 })
	if v.blocks.deleted(first) || v.refs(first) != 1 {
		t.Errorf("shared data was deleted, or %d references", v.refs(first))
	}
	v.remove(meta.Removal{Path: "/a/dst"})
	v.eventually("the data is deleted", func() bool { return v.blocks.deleted(first) && v.blocks.deleted(second) })
}

func testCopyRange(t *testing.T, open Open) {
	v := newVolume(t, open)
	s1, s2 := v.slice(10*mib), v.slice(20*mib)
	s2.Pos, s2.Off, s2.Len = 4*mib, 1*mib, 2*mib
	tail := v.slice(5)
	// [0,4) s1, [4,6) s2, [6,10) s1, then nothing up to 64, 5 bytes, nothing up to 70.
	v.commit(&meta.ObjectSpec{Path: "/src", Length: 70 * mib, Mode: 0o644, Chunks: map[uint32][]record.Slice{0: {s1, s2}, 1: {tail}}})
	whole := v.content("/src")
	for _, c := range []struct {
		off, n int64
		want   []piece
	}{
		{0, -1, whole},
		{0, 70 * mib, whole},
		{0, 71 * mib, whole},
		{0, 0, nil},
		{70 * mib, -1, nil},
		{100 * mib, 10, nil},
		{3 * mib, 2 * mib, []piece{{s1.ID, 3 * mib, mib}, {s2.ID, mib, mib}}},
		{5 * mib, 1, []piece{{s2.ID, 2 * mib, 1}}},
		{9 * mib, 55*mib + 3, []piece{{s1.ID, 9 * mib, mib}, {0, 0, 54 * mib}, {tail.ID, 0, 3}}},
		{64*mib + 2, -1, []piece{{tail.ID, 2, 3}, {0, 0, 6*mib - 5}}},
		{20 * mib, 44 * mib, []piece{{0, 0, 44 * mib}}},
	} {
		t.Run(fmt.Sprintf("%d from %d", c.n, c.off), func(t *testing.T) {
			path := fmt.Sprintf("/dst-%d-%d", c.off, c.n)
			_, err := v.fs.CopyObject(t.Context(), v.root, "/src", c.off, c.n, &meta.ObjectSpec{Path: path, Mode: 0o644})
			v.ok(err)
			v.wantContent(path, c.want...)
			length := uint64(0)
			for _, p := range c.want {
				length += p.n
			}
			if got := v.get(path).Attr.Length; got != length {
				t.Errorf("length %d, want %d", got, length)
			}
		})
	}
	v.symlink("/sym", "src")
	_, err := v.fs.CopyObject(t.Context(), v.root, "/sym", 0, -1, &meta.ObjectSpec{Path: "/of link", Mode: 0o644})
	v.ok(err)
	v.wantContent("/of link", whole...)
	v.mkdir("/dir")
	v.setMode("/src", 0o600)
	user := &meta.Caller{UID: 1000, GIDs: []uint32{1000}}
	v.setMode("/", 0o777)
	for _, c := range []struct {
		caller   *meta.Caller
		src, dst string
		off      int64
		want     syscall.Errno
	}{
		{v.root, "/none", "/x", 0, syscall.ENOENT},
		{v.root, "/none/x", "/x", 0, syscall.ENOENT},
		{v.root, "/dir", "/x", 0, syscall.EISDIR},
		{v.root, "/src", "/dir", 0, syscall.EISDIR},
		{v.root, "/src", "/no/parent", 0, syscall.ENOENT},
		{v.root, "/src", "/x", -1, syscall.EINVAL},
		{user, "/src", "/x", 0, syscall.EACCES},
	} {
		_, err := v.fs.CopyObject(t.Context(), c.caller, c.src, c.off, -1, &meta.ObjectSpec{Path: c.dst, Mode: 0o644})
		if !errors.Is(err, c.want) {
			t.Errorf("copy of %s to %s: %v, want %v", c.src, c.dst, err, c.want)
		}
	}
	v.absent("/x")
}

// parts makes an upload of parts of these lengths.
func (v *volume) parts(dir string, lengths ...uint64) []meta.Part {
	v.Helper()
	var ps []meta.Part
	for i, n := range lengths {
		p := fmt.Sprintf("%s/part.%d", dir, i+1)
		s := v.spec(p, n)
		s.Xattrs = map[string][]byte{"etag": fmt.Appendf(nil, "e%d", i+1)}
		v.commit(s)
		ps = append(ps, meta.Part{Path: p, ETag: fmt.Sprintf("e%d", i+1)})
	}
	return ps
}

func (v *volume) compose(path, dir string, ps []meta.Part) (*meta.Object, error) {
	return v.fs.ComposeObject(v.Context(), v.root, &meta.ComposeSpec{
		ObjectSpec: meta.ObjectSpec{Path: path, Mode: 0o644, Parents: true, Xattrs: map[string][]byte{"etag": []byte("all")}},
		Parts:      ps, ETagName: "etag", Remove: dir})
}

func testCompose(t *testing.T, open Open) {
	for _, opts := range [][]option{nil, {withTrash}} {
		v := newVolume(t, open, opts...)
		ps := v.parts("/up/1", 5*mib, 6*mib, 1, 7*mib)
		one, two, four := v.get("/up/1/part.1"), v.get("/up/1/part.2"), v.get("/up/1/part.4")
		old := v.put("/b/k", 9)
		o, err := v.compose("/b/k", "/up/1", []meta.Part{ps[1], ps[0], ps[3]})
		v.ok(err)
		if o.Attr.Length != 18*mib || string(v.get("/b/k").Xattrs["etag"]) != "all" {
			t.Errorf("composed %+v", o)
		}
		v.wantContent("/b/k", piece{two.Chunks[0][0].ID, 0, 6 * mib}, piece{one.Chunks[0][0].ID, 0, 5 * mib}, piece{four.Chunks[0][0].ID, 0, 7 * mib})
		v.wantNames("/up")
		v.wantNames("/b", "k")
		if n := v.refs(one.Chunks[0][0]); n != 1 {
			t.Errorf("a moved slice has %d references", n)
		}
		if len(opts) == 0 {
			v.eventually("the replaced data is deleted", func() bool { return v.blocks.deleted(old.Chunks[0][0]) })
			v.eventually("the part that is left over is deleted", func() bool { return len(v.state().delFiles) == 0 })
		} else if n := len(v.trash()); n != 1 {
			t.Errorf("the trash has %q", v.trash())
		}
		_, err = v.compose("/b/k", "/up/1", ps)
		v.code(err, syscall.ENOENT)
	}
}

func testComposeBorder(t *testing.T, open Open) {
	v := newVolume(t, open)
	ps := v.parts("/up/1", 40*mib, 40*mib, 20*mib, 130*mib, 0, 3)
	var want []piece
	cut := v.get("/up/1/part.2").Chunks[0][0]
	whole := v.get("/up/1/part.3").Chunks[0][0]
	for _, p := range ps {
		for _, c := range v.content(p.Path) {
			want = appendPiece(want, c)
		}
	}
	o, err := v.compose("/k", "/up/1", ps)
	v.ok(err)
	v.wantContent("/k", want...)
	if o.Attr.Length != 230*mib+3 {
		t.Errorf("length %d", o.Attr.Length)
	}
	if n := v.refs(cut); n != 2 {
		t.Errorf("the slice that was cut has %d references", n)
	}
	if n := v.refs(whole); n != 1 {
		t.Errorf("a slice that was moved has %d references", n)
	}
	v.remove(meta.Removal{Path: "/k"})
	v.eventually("all is deleted", func() bool { return v.blocks.deleted(cut) && v.blocks.deleted(whole) && len(v.state().refs) == 0 })
	// Parts with holes and overwritten slices: what is not visible gives up its reference.
	hidden, over := v.slice(10), v.slice(10)
	v.commit(&meta.ObjectSpec{Path: "/up/2/a", Parents: true, Length: 100, Chunks: map[uint32][]record.Slice{0: {hidden, over}}})
	v.commit(&meta.ObjectSpec{Path: "/up/2/b", Length: 7})
	_, err = v.compose("/k", "/up/2", []meta.Part{{Path: "/up/2/a"}, {Path: "/up/2/b"}})
	v.ok(err)
	v.wantContent("/k", piece{over.ID, 0, 10}, piece{0, 0, 97})
	v.eventually("hidden data is deleted", func() bool { return v.blocks.deleted(hidden) })
	v.eventually("its reference goes", func() bool { _, ok := v.state().refs[hidden.ID]; return !ok })
}

func testComposeErrors(t *testing.T, open Open) {
	v := newVolume(t, open, withTrash)
	ps := v.parts("/up/1", 5, 6)
	v.put("/other/part", 1)
	v.mkdir("/dir")
	stop := errors.New("stop")
	before := v.state()
	for _, c := range []struct {
		name  string
		path  string
		parts []meta.Part
		allow func(*meta.Object) error
		want  error
	}{
		{"another ETag", "/k", []meta.Part{{Path: ps[0].Path, ETag: "e2"}}, nil, meta.ErrPartChanged},
		{"a missing part", "/k", []meta.Part{ps[0], {Path: "/up/1/part.9"}}, nil, meta.ErrPartChanged},
		{"a part named twice", "/k", []meta.Part{ps[0], ps[0]}, nil, meta.ErrPartChanged},
		{"a part elsewhere", "/k", []meta.Part{{Path: "/other/part"}}, nil, meta.ErrPartChanged},
		{"over a directory", "/dir", ps, nil, syscall.EISDIR},
		{"below a file", "/other/part/x", ps, nil, syscall.ENOTDIR},
		{"refused", "/k", ps, func(*meta.Object) error { return stop }, stop},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := v.fs.ComposeObject(t.Context(), v.root, &meta.ComposeSpec{ObjectSpec: meta.ObjectSpec{Path: c.path, Allow: c.allow, Parents: true},
				Parts: c.parts, ETagName: "etag", Remove: "/up/1"})
			if !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
			if d := cmp.Diff(v.state(), before, cmp.AllowUnexported(state{})); d != "" {
				t.Errorf("records changed:\n%s", d)
			}
		})
	}
	for _, c := range []struct {
		path, dir string
		want      syscall.Errno
	}{{"/k", "/none", syscall.ENOENT}, {"/k", "/other/part", syscall.ENOTDIR}, {"/k", "/", syscall.EPERM}, {"/k", "/.trash", syscall.EPERM},
		{"/up/1/k", "/up/1", syscall.EINVAL}, {"/up/1/a/b", "/up/1", syscall.EINVAL}, {"/up/1/part.1", "/up/1", syscall.EINVAL}} {
		if _, err := v.compose(c.path, c.dir, nil); !errors.Is(err, c.want) {
			t.Errorf("%s of what is in %s: %v, want %v", c.path, c.dir, err, c.want)
		}
	}
	v.mkdir("/up/1/dir")
	_, err := v.compose("/k", "/up/1", ps)
	v.code(err, syscall.ENOTEMPTY)
	v.ok(v.fs.Rmdir(t.Context(), v.root, "/up/1/dir"))
	// A part that other names lead to stays what it is for them.
	v.link(ps[0].Path, "/other/link")
	_, err = v.compose("/k", "/up/1", ps)
	if !errors.Is(err, meta.ErrPartChanged) {
		t.Errorf("a part with two names: %v", err)
	}
	v.ok(v.fs.RemoveTree(t.Context(), v.root, "/other/link", true))
	_, err = v.compose("/k", "/up/1", ps)
	v.ok(err)
}

func testComposeMany(t *testing.T, open Open) {
	v := newVolume(t, open)
	const n = 1500
	lengths := make([]uint64, n)
	for i := range lengths {
		lengths[i] = mib
	}
	ps := v.parts("/up/1", lengths...)
	var want []piece
	for _, p := range ps[:10] {
		want = append(want, v.content(p.Path)...)
	}
	start := time.Now()
	o, err := v.compose("/k", "/up/1", ps)
	v.ok(err)
	t.Logf("%d parts in %v", n, time.Since(start))
	if o.Attr.Length != n*mib || len(o.Chunks) != (n+63)/64 {
		t.Errorf("composed %d bytes in %d chunks", o.Attr.Length, len(o.Chunks))
	}
	if got := v.content("/k"); !cmp.Equal(got[:10], want, cmp.AllowUnexported(piece{})) {
		t.Errorf("begins with %s, want %s", show(got[:10]), show(want))
	}
}

func testSetXattrs(t *testing.T, open Open) {
	v := newVolume(t, open, withTrash)
	s := v.spec("/d/f", 1)
	s.Xattrs = map[string][]byte{"a": []byte("1"), "b": []byte("2")}
	o := v.commit(s)
	v.clock.tick(time.Second)
	stop := errors.New("stop")
	_, err := v.fs.SetXattrs(t.Context(), v.root, "/d/f", map[string][]byte{"a": {}}, nil, func(old *meta.Object) error {
		if !cmp.Equal(old.Xattrs, s.Xattrs) || old.Ino != o.Ino {
			t.Errorf("asked about %+v", old)
		}
		return stop
	})
	if !errors.Is(err, stop) {
		t.Errorf("got %v", err)
	}
	got, err := v.fs.SetXattrs(t.Context(), v.root, "/d/f", map[string][]byte{"a": []byte("x"), "c": {}, "odd\xff": {0, 0xff}}, []string{"b", "none"}, nil)
	v.ok(err)
	want := map[string][]byte{"a": []byte("x"), "c": {}, "odd\xff": {0, 0xff}}
	if d := cmp.Diff(got.Xattrs, want); d != "" {
		t.Errorf("returned (-got +want):\n%s", d)
	}
	now := v.get("/d/f")
	if d := cmp.Diff(now.Xattrs, want); d != "" {
		t.Errorf("stored (-got +want):\n%s", d)
	}
	if now.Attr != o.Attr {
		t.Errorf("the attribute changed: %+v", now.Attr)
	}
	v.symlink("/s", "d/f")
	_, err = v.fs.SetXattrs(t.Context(), v.root, "/s", map[string][]byte{"via": {1}}, nil, nil)
	v.ok(err)
	if got := v.get("/d/f").Xattrs["via"]; len(got) != 1 {
		t.Errorf("a link was not followed")
	}
	v.remove(meta.Removal{Path: "/d/f"})
	user := &meta.Caller{UID: 1000, GIDs: []uint32{1000}}
	v.put("/g", 1)
	for _, c := range []struct {
		caller *meta.Caller
		path   string
		want   syscall.Errno
	}{{v.root, "/none", syscall.ENOENT}, {v.root, "/g/x", syscall.ENOTDIR}, {user, "/g", syscall.EACCES}, {v.root, "/.trash/2040-11-23-13/" + v.trash()[0], syscall.EPERM}} {
		if _, err := v.fs.SetXattrs(t.Context(), c.caller, c.path, map[string][]byte{"x": {}}, nil, nil); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.path, err, c.want)
		}
	}
}

func testCommitLost(t *testing.T, open Open) {
	failing := enginetest.NewFailing(open(t))
	v := newVolumeOn(t, failing)
	v.put("/d/warm", 1)
	failing.Fail(1, enginetest.LostAfter)
	v.put("/d/a", 5) // found to be there
	v.wantNames("/d", "a", "warm")
	failing.Fail(1, enginetest.LostBefore)
	_, err := v.fs.CommitObject(t.Context(), v.root, v.spec("/d/b", 5))
	if !errors.Is(err, engine.ErrUnknown) {
		t.Errorf("got %v, want that nobody knows", err)
	}
	v.absent("/d/b")
	failing.Fail(1, enginetest.Broken)
	if _, err := v.fs.CommitObject(t.Context(), v.root, v.spec("/d/e", 5)); err == nil {
		t.Errorf("a broken commit succeeded")
	}
	v.absent("/d/e")
	// Last, since the data of what is removed goes in the background, in commits that could take a fault away.
	for _, f := range []enginetest.Fault{enginetest.Busy, enginetest.Conflicting} {
		failing.Fail(1, f)
		failing.Fail(2, f)
		v.put("/d/c", 6)
		v.remove(meta.Removal{Path: "/d/c"})
	}
	if n := failing.Pending(); n != 0 {
		t.Errorf("%d faults did not happen", n)
	}
}
