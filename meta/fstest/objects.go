package fstest

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"juicefs/meta"
	"juicefs/meta/record"
)

var objectTests = []test{
	{"an object appears with its parents", testCommit},
	{"errors of commit", testCommitErrors},
	{"an object replaces another", testCommitReplace},
	{"an object replaces one into the trash", testCommitReplaceTrash},
	{"conditions of commit", testCommitAllow},
	{"parents that must exist", testCommitTop},
	{"directory objects", testCommitDir},
	{"long extended attributes", testLongAttributes},
	{"parked data is taken over", testCommitFrom},
	{"owner, mode and groups of new objects", testCommitOwner},
	{"times of directories", testDirTimes},
	{"an object that is a symbolic link or a hard link is replaced", testCommitOverLinks},
	{"removing objects", testRemove},
	{"errors of removing", testRemoveErrors},
	{"removing into the trash", testRemoveTrash},
	{"removing prunes empty directories", testRemovePrune},
	{"removing directory objects", testRemoveDir},
	{"removing many", testRemoveMany},
	{"removing with conditions", testRemoveAllow},
	{"removing many with conditions", testRemoveAllowMany},
	{"removing trees", testRemoveTree},
	{"rmdir by path", testRmdirPath},
	{"copies share data", testCopy},
	{"ranges of copies", testCopyRange},
	{"compose moves data", testCompose},
	{"compose cuts slices at chunk borders", testComposeBorder},
	{"errors of compose", testComposeErrors},
	{"compose of many parts", testComposeMany},
	{"extended attributes by path", testSetXattrs},
	{"a lost answer of commit", testCommitLost},
}

func testCommit(t *testing.T, open Open) {
	v := newVolume(t, open)
	now := v.clock.tick(0)
	s := v.spec("/a/b/c.txt", 100<<20)
	s.Xattrs = map[string][]byte{"s3-etag": []byte("x"), "empty": {}}
	o := v.commit(s)
	got := v.get("/a/b/c.txt")
	want := record.Attr{Type: record.TypeFile, Mode: 0o644, Nlink: 1, Length: 100 << 20, Parent: o.Parent, Atime: now, Mtime: now, Ctime: now}
	if d := cmp.Diff(got.Attr, want); d != "" {
		t.Errorf("attribute (-got +want):\n%s", d)
	}
	if d := cmp.Diff(o.Attr, want); d != "" {
		t.Errorf("attribute as returned (-got +want):\n%s", d)
	}
	if d := cmp.Diff(got.Xattrs, s.Xattrs); d != "" {
		t.Errorf("extended attributes (-got +want):\n%s", d)
	}
	if d := cmp.Diff(got.Chunks, s.Chunks); d != "" {
		t.Errorf("chunks (-got +want):\n%s", d)
	}
	if got.Ino != o.Ino || got.Parent != o.Parent || got.Name != "c.txt" || o.Name != "c.txt" {
		t.Errorf("got %+v, returned %+v", got, o)
	}
	dir := v.get("/a/b")
	if d := cmp.Diff(dir.Attr, record.Attr{Type: record.TypeDirectory, Mode: 0o755, Nlink: 2, Length: 4096, Parent: dir.Parent, Atime: now, Mtime: now, Ctime: now}); d != "" {
		t.Errorf("directory (-got +want):\n%s", d)
	}
	if root := v.get("/"); root.Attr.Nlink != 3 || root.Attr.Mtime != now {
		t.Errorf("root directory is %+v", root.Attr)
	}
	mtime := record.Time{Sec: 5, Nsec: 7}
	s = v.spec("/a/later", 0)
	s.Mtime = mtime
	v.commit(s)
	if got := v.get("/a/later").Attr; got.Mtime != mtime || got.Ctime != now || got.Length != 0 {
		t.Errorf("object with a time of its own is %+v", got)
	}
	v.wantNames("/a", "b", "later")
	v.wantNames("/a/b", "c.txt")
}

func testCommitErrors(t *testing.T, open Open) {
	v := newVolume(t, open, withTrash)
	v.put("/dir/file", 1)
	v.mkdir("/locked")
	v.mkdir("/immutable")
	v.setMode("/locked", 0o755)
	v.setFlags("/immutable", record.FlagImmutable)
	user := &meta.Caller{UID: 1000, GIDs: []uint32{1000}}
	for _, c := range []struct {
		name   string
		caller *meta.Caller
		path   string
		change func(*meta.ObjectSpec)
		want   syscall.Errno
	}{
		{"missing parent", v.root, "/none/x", func(s *meta.ObjectSpec) { s.Parents = false }, syscall.ENOENT},
		{"a file among the parents", v.root, "/dir/file/x", nil, syscall.ENOTDIR},
		{"a file above the parents", v.root, "/dir/file/x/y", nil, syscall.ENOTDIR},
		{"a directory is there", v.root, "/dir", nil, syscall.EISDIR},
		{"a file is there", v.root, "/dir/file", func(s *meta.ObjectSpec) { s.Dir = true }, syscall.EEXIST},
		{"an ordinary directory is there", v.root, "/dir", func(s *meta.ObjectSpec) { s.Dir, s.Plain = true, true }, syscall.EEXIST},
		{"the root", v.root, "/", nil, syscall.EEXIST},
		{"no permission", user, "/locked/x", nil, syscall.EACCES},
		{"no permission for a parent", user, "/locked/x/y/z", nil, syscall.EACCES},
		{"an immutable directory", v.root, "/immutable/x", nil, syscall.EPERM},
		{"the trash itself", v.root, "/.trash", func(s *meta.ObjectSpec) { s.Dir = true }, syscall.EPERM},
		{"in the trash", v.root, "/.trash/x", nil, syscall.EPERM},
		{"a name that is too long", v.root, "/" + strings.Repeat("x", 256), nil, syscall.ENAMETOOLONG},
		{"a parent that is too long", v.root, "/" + strings.Repeat("x", 256) + "/y", nil, syscall.ENAMETOOLONG},
		{"a name with NUL", v.root, "/a\x00b", nil, syscall.EINVAL},
		{"dots", v.root, "/a/../b", nil, syscall.EINVAL},
		{"a relative path", v.root, "a", nil, syscall.EINVAL},
		{"a directory with data", v.root, "/data", func(s *meta.ObjectSpec) { s.Dir, s.Length = true, 1 }, syscall.EINVAL},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := v.state()
			s := &meta.ObjectSpec{Path: c.path, Mode: 0o644, Parents: true}
			if c.change != nil {
				c.change(s)
			}
			o, err := v.fs.CommitObject(t.Context(), c.caller, s)
			if !errors.Is(err, c.want) || o != nil {
				t.Errorf("got %v, %v, want %v", o, err, c.want)
			}
			if d := cmp.Diff(v.state(), before, cmp.AllowUnexported(state{})); d != "" {
				t.Errorf("records changed:\n%s", d)
			}
		})
	}
	v.put("/"+strings.Repeat("x", 255), 0)
	v.put("/odd\xff\x01 name", 0)
	v.wantNames("/", "dir", "immutable", "locked", "odd\xff\x01 name", strings.Repeat("x", 255))
	v.setFlags("/immutable", 0)
}

func testCommitReplace(t *testing.T, open Open) {
	v := newVolume(t, open)
	first := v.spec("/k", 10)
	first.Xattrs = map[string][]byte{"a": []byte("1"), "b": []byte("1")}
	old := v.commit(first)
	v.clock.tick(time.Second)
	second := v.spec("/k", 130<<20)
	second.Xattrs = map[string][]byte{"a": []byte("2")}
	o := v.commit(second)
	if o.Ino == old.Ino {
		t.Errorf("the new object has the old inode")
	}
	got := v.get("/k")
	if d := cmp.Diff(got.Xattrs, second.Xattrs); d != "" {
		t.Errorf("extended attributes (-got +want):\n%s", d)
	}
	v.wantNames("/", "k")
	v.eventually("the old data is deleted", func() bool { return v.blocks.deleted(first.Chunks[0][0]) })
	v.eventually("the old file is forgotten", func() bool { return len(v.state().delFiles) == 0 })
	if st := v.state(); len(st.attrs) != 2 || len(st.refs) > 3 {
		t.Errorf("left: %d inodes, references %v", len(st.attrs), st.refs)
	}
}

func testCommitReplaceTrash(t *testing.T, open Open) {
	v := newVolume(t, open, withTrash)
	first := v.spec("/k", 10)
	first.Xattrs = map[string][]byte{"a": []byte("1")}
	old := v.commit(first)
	now := v.clock.tick(time.Second)
	v.put("/k", 20)
	v.put("/k", 0)
	name := fmt.Sprintf("1-%d-k", old.Ino)
	v.wantNames("/.trash", "2040-11-23-13")
	in := v.get("/.trash/2040-11-23-13/" + name)
	if in.Ino != old.Ino || in.Attr.Ctime != now || in.Attr.Nlink != 1 || in.Attr.Parent != record.Trash+1 || string(in.Xattrs["a"]) != "1" {
		t.Errorf("in the trash: %+v", in)
	}
	v.wantContent("/.trash/2040-11-23-13/"+name, piece{first.Chunks[0][0].ID, 0, 10})
	if n := len(v.trash()); n != 2 {
		t.Errorf("the trash has %d entries, want 2", n)
	}
	// A directory may say that what is removed from it is gone.
	v.mkdir("/skip")
	v.setFlags("/skip", record.FlagSkipTrash)
	s := v.put("/skip/k", 30)
	if s.Attr.Flags != record.FlagSkipTrash {
		t.Errorf("flags are not inherited: %+v", s.Attr)
	}
	v.put("/skip/k", 31)
	if n := len(v.trash()); n != 2 {
		t.Errorf("the trash has %d entries, want 2", n)
	}
	v.eventually("the data is deleted", func() bool { return v.blocks.deleted(s.Chunks[0][0]) })
	v.clock.tick(time.Hour)
	v.put("/k", 1)
	v.wantNames("/.trash", "2040-11-23-13", "2040-11-23-14")
	long := "/" + strings.Repeat("l", 255)
	v.put(long, 1)
	v.put(long, 2)
	if names := v.names("/.trash/2040-11-23-14"); !slices.ContainsFunc(names, func(s string) bool { return len(s) == 255 }) {
		t.Errorf("trash names are %q", names)
	}
}

func testCommitAllow(t *testing.T, open Open) {
	v := newVolume(t, open)
	stop := errors.New("stop")
	refuse := func(want *meta.Object) func(*meta.Object) error {
		return func(old *meta.Object) error {
			if (old == nil) != (want == nil) || old != nil && (old.Ino != want.Ino || string(old.Xattrs["e"]) != "tag" || old.Attr.Length != want.Attr.Length) {
				t.Errorf("asked about %+v, want %+v", old, want)
			}
			return stop
		}
	}
	for _, path := range []string{"/new", "/d/e/new"} {
		s := v.spec(path, 1)
		s.Allow = refuse(nil)
		if _, err := v.fs.CommitObject(t.Context(), v.root, s); !errors.Is(err, stop) {
			t.Errorf("got %v", err)
		}
	}
	v.wantNames("/")
	s := v.spec("/f", 5)
	s.Xattrs = map[string][]byte{"e": []byte("tag")}
	old := v.commit(s)
	s = v.spec("/f", 6)
	s.Allow = refuse(old)
	if _, err := v.fs.CommitObject(t.Context(), v.root, s); !errors.Is(err, stop) {
		t.Errorf("got %v", err)
	}
	v.wantContent("/f", piece{old.Chunks[0][0].ID, 0, 5})
	s.Allow = func(*meta.Object) error { return nil }
	v.commit(s)
	v.wantContent("/f", piece{s.Chunks[0][0].ID, 0, 6})
}

func testCommitTop(t *testing.T, open Open) {
	v := newVolume(t, open)
	s := v.spec("/bucket/a/b", 1)
	s.Top = "/bucket"
	_, err := v.fs.CommitObject(t.Context(), v.root, s)
	if !errors.Is(err, meta.ErrTopMissing) || !errors.Is(err, syscall.ENOENT) {
		t.Errorf("got %v, want ErrTopMissing", err)
	}
	v.mkdir("/bucket")
	v.commit(s)
	s = v.spec("/bucket/c/d/e", 1)
	s.Top, s.Parents = "/bucket", false
	if _, err = v.fs.CommitObject(t.Context(), v.root, s); errors.Is(err, meta.ErrTopMissing) || !errors.Is(err, syscall.ENOENT) {
		t.Errorf("got %v, want a plain ENOENT", err)
	}
	s = v.spec("/x/y/z", 1)
	s.Top = "/x/y"
	if _, err = v.fs.CommitObject(t.Context(), v.root, s); !errors.Is(err, meta.ErrTopMissing) {
		t.Errorf("got %v, want ErrTopMissing", err)
	}
}

func testCommitDir(t *testing.T, open Open) {
	v := newVolume(t, open)
	o := v.put("/d/e/", 0)
	if o.Attr.Type != record.TypeDirectory || o.Attr.Atime != (record.Time{}) || o.Attr.Mode != 0o755 {
		t.Errorf("directory object is %+v", o.Attr)
	}
	v.put("/d/e/f", 3)
	plain := v.get("/d")
	if plain.Attr.Atime == (record.Time{}) {
		t.Errorf("a parent became an object")
	}
	now := v.clock.tick(time.Second)
	s := &meta.ObjectSpec{Path: "/d", Dir: true, Mode: 0o700, Parents: true, Xattrs: map[string][]byte{"x": []byte("1")}, Mtime: record.Time{Sec: 9}}
	got := v.commit(s)
	want := plain.Attr
	want.Atime, want.Mtime, want.Ctime = record.Time{}, record.Time{Sec: 9}, now
	if d := cmp.Diff(v.get("/d").Attr, want); d != "" || got.Ino != plain.Ino {
		t.Errorf("an existing directory became (-got +want):\n%s", d)
	}
	v.commit(&meta.ObjectSpec{Path: "/d", Dir: true, Mode: 0o700, Xattrs: map[string][]byte{"y": {}}})
	if d := cmp.Diff(v.get("/d").Xattrs, map[string][]byte{"y": {}}); d != "" {
		t.Errorf("extended attributes (-got +want):\n%s", d)
	}
	v.wantNames("/d/e", "f")
	if m := v.mkdir("/d/m"); m.Attr.Atime != v.clock.tick(0) {
		t.Errorf("an ordinary directory is %+v", m.Attr)
	}
}

func testCommitFrom(t *testing.T, open Open) {
	v := newVolume(t, open, withTrash)
	parked := v.put("/tmp/parked", 64*mib)
	v.wantNames("/tmp", "parked")
	tail := v.slice(5)
	s := &meta.ObjectSpec{Path: "/k/l", Length: 64*mib + 5, Mode: 0o644, Parents: true, From: "/tmp/parked", Chunks: map[uint32][]record.Slice{1: {tail}}}
	v.commit(s)
	v.wantContent("/k/l", piece{parked.Chunks[0][0].ID, 0, 64 * mib}, piece{tail.ID, 0, 5})
	v.wantNames("/tmp")
	v.wantNames("/.trash")
	if n := v.refs(parked.Chunks[0][0]); n != 1 {
		t.Errorf("moved slice has %d references", n)
	}
	_, err := v.fs.CommitObject(t.Context(), v.root, s)
	v.code(err, syscall.EIO)
}

func testCommitOwner(t *testing.T, open Open) {
	v := newVolume(t, open, withOwners)
	v.setMode("/", 0o777)
	user := &meta.Caller{UID: 1000, GIDs: []uint32{100, 101}, Umask: 0o027}
	o, err := v.fs.CommitObject(t.Context(), user, v.spec("/a/b", 4097))
	v.ok(err)
	if a := o.Attr; a.UID != 1000 || a.GID != 100 || a.Mode != 0o640 {
		t.Errorf("object is %+v", a)
	}
	if a := v.get("/a").Attr; a.UID != 1000 || a.GID != 100 || a.Mode != 0o750 {
		t.Errorf("parent is %+v", a)
	}
	v.setMode("/a", 0o2777)
	v.setOwner("/a", 7, 77)
	s := v.spec("/a/c/d", 1)
	s.Mode = 0o2775
	o, err = v.fs.CommitObject(t.Context(), user, s)
	v.ok(err)
	if a := o.Attr; a.UID != 1000 || a.GID != 77 || a.Mode != 0o750 {
		t.Errorf("object in a setgid directory is %+v", a)
	}
	if a := v.get("/a/c").Attr; a.UID != 1000 || a.GID != 77 || a.Mode != 0o2750 {
		t.Errorf("directory in a setgid directory is %+v", a)
	}
	q := v.state().quotas
	if got := q[record.QuotaUser][1000]; got != (record.Quota{MaxSpace: -1, MaxInodes: -1, UsedSpace: 8192 + 4096*2, UsedInodes: 3}) {
		t.Errorf("usage of the user is %+v", got)
	}
}

func testDirTimes(t *testing.T, open Open) {
	v := newVolume(t, open, with(func(o *meta.Options) { o.SkipDirMtime = time.Second }))
	made := v.clock.tick(0)
	v.mkdir("/d")
	v.clock.tick(900 * time.Millisecond)
	v.put("/d/a", 1)
	if a := v.get("/d").Attr; a.Mtime != made || a.Ctime != made {
		t.Errorf("a file within the time changed the directory: %+v", a)
	}
	now := v.clock.tick(100 * time.Millisecond)
	v.put("/d/b", 1)
	if a := v.get("/d").Attr; a.Mtime != now || a.Ctime != now || a.Atime != made {
		t.Errorf("a file after the time: %+v", a)
	}
	now = v.clock.tick(time.Millisecond)
	v.mkdir("/d/e")
	if a := v.get("/d").Attr; a.Mtime != now || a.Nlink != 3 {
		t.Errorf("a sub-directory always counts: %+v", a)
	}
	last := now
	v.clock.tick(500 * time.Millisecond)
	v.remove(meta.Removal{Path: "/d/a"})
	if a := v.get("/d").Attr; a.Mtime != last {
		t.Errorf("a removal within the time: %+v", a)
	}
	now = v.clock.tick(time.Millisecond)
	v.ok(v.fs.Rmdir(t.Context(), v.root, "/d/e"))
	if a := v.get("/d").Attr; a.Mtime != now || a.Nlink != 2 {
		t.Errorf("rmdir: %+v", a)
	}
}

func testCommitOverLinks(t *testing.T, open Open) {
	for _, trash := range []bool{false, true} {
		opts := []option{}
		if trash {
			opts = append(opts, withTrash)
		}
		v := newVolume(t, open, opts...)
		f := v.put("/f", 10)
		v.link("/f", "/g")
		v.link("/f", "/h")
		v.symlink("/s", "target")
		v.put("/s", 3)
		if a := v.get("/s").Attr; a.Type != record.TypeFile {
			t.Errorf("the link was followed: %+v", a)
		}
		v.put("/g", 4)
		v.wantContent("/f", piece{f.Chunks[0][0].ID, 0, 10})
		want := uint32(2)
		if trash {
			want = 3
		}
		if a := v.get("/h").Attr; a.Nlink != want || a.Parent != 0 {
			t.Errorf("a link was replaced, the others are %+v", a)
		}
		v.put("/f", 1)
		v.put("/h", 1)
		if !trash {
			v.eventually("the data is deleted", func() bool { return v.blocks.deleted(f.Chunks[0][0]) })
		} else if n := len(v.trash()); n != 4 {
			t.Errorf("the trash has %q", v.trash())
		}
	}
}

// testLongAttributes: the gateway continues a value that is longer than an attribute may be in further ones.
func testLongAttributes(t *testing.T, open Open) {
	v := newVolume(t, open)
	s := v.spec("/d/k", 5)
	s.Xattrs = map[string][]byte{}
	for k := range 8 {
		s.Xattrs[fmt.Sprintf("s3-part-sums.%d", k)] = bytes.Repeat([]byte{'A' + byte(k)}, 1<<16-1)
	}
	v.commit(s)
	// Compared byte by byte, as cmp would, half a megabyte takes seconds.
	if got := v.get("/d/k").Xattrs; !maps.EqualFunc(got, s.Xattrs, bytes.Equal) {
		t.Errorf("extended attributes (-got +want):\n%.1000s", cmp.Diff(got, s.Xattrs))
	}
	v.put("/d/k", 3)
	if got := v.get("/d/k").Xattrs; len(got) > 0 {
		t.Errorf("a new object has %d extended attributes", len(got))
	}
}
