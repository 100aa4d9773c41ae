package fstest

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"juicefs/meta"
	"juicefs/meta/record"
)

var nodeTests = []test{
	{"lookup", testLookup},
	{"create, mkdir, mknod and symlink", testMake},
	{"errors of making nodes", testMakeErrors},
	{"create of a file that exists", testCreateExisting},
	{"readlink", testReadlink},
	{"unlink", testUnlink},
	{"rmdir", testRmdir},
	{"hard links", testLink},
	{"errors of link", testLinkErrors},
	{"setattr", testSetAttr},
	{"permissions of setattr", testSetAttrPermissions},
	{"open", testOpen},
	{"extended attributes", testXattr},
	{"access control lists", testACL},
	{"inherited access control lists", testACLInherit},
	{"the immutable and append-only flags", testFlags},
	{"a read-only client", testReadOnly},
	{"a damaged volume", testDamaged},
	{"a damaged volume by path", testDamagedPaths},
}

// user is an ordinary caller.
func user() *meta.Caller { return &meta.Caller{UID: 1000, GIDs: []uint32{1000, 2000}, Umask: 0o022} }

func testLookup(t *testing.T, open Open) {
	v := newVolume(t, open, withTrash)
	f := v.put("/d/f", 5)
	d := v.get("/d")
	for _, c := range []struct {
		dir  record.Ino
		name string
		want record.Ino
	}{{1, "d", d.Ino}, {d.Ino, "f", f.Ino}, {d.Ino, ".", d.Ino}, {d.Ino, "..", 1}, {1, "..", 1}, {1, ".", 1}, {1, ".trash", record.Trash}} {
		ino, a, err := v.fs.Lookup(t.Context(), v.root, c.dir, c.name)
		if err != nil || ino != c.want {
			t.Errorf("lookup %d %q: %d, %v", c.dir, c.name, ino, err)
			continue
		}
		if same, err := v.fs.GetAttr(t.Context(), ino); err != nil || *same != *a {
			t.Errorf("lookup %d %q: %+v, getattr %+v, %v", c.dir, c.name, a, same, err)
		}
	}
	v.setMode("/d", 0o600)
	for _, c := range []struct {
		caller *meta.Caller
		dir    record.Ino
		name   string
		want   syscall.Errno
	}{{v.root, 1, "none", syscall.ENOENT}, {v.root, 1 << 40, "x", syscall.ENOENT}, {v.root, f.Ino, "x", syscall.ENOTDIR}, {user(), d.Ino, "f", syscall.EACCES},
		{v.root, 1, strings.Repeat("x", 256), syscall.ENAMETOOLONG}, {v.root, d.Ino, ".trash", syscall.ENOENT}} {
		_, _, err := v.fs.Lookup(t.Context(), c.caller, c.dir, c.name)
		if !errors.Is(err, c.want) {
			t.Errorf("lookup %d %q: %v, want %v", c.dir, c.name, err, c.want)
		}
	}
	_, err := v.fs.GetAttr(t.Context(), 1<<40)
	v.code(err, syscall.ENOENT)
}

func testMake(t *testing.T, open Open) {
	v := newVolume(t, open, withOwners)
	v.setMode("/", 0o777)
	now := v.clock.tick(time.Second)
	c := &meta.Caller{UID: 7, GIDs: []uint32{8, 9}, Umask: 0o026}
	base := record.Attr{UID: 7, GID: 8, Nlink: 1, Parent: 1, Atime: now, Mtime: now, Ctime: now}
	for _, x := range []struct {
		name   string
		make   func(name string) (record.Ino, *record.Attr, error)
		change func(*record.Attr)
	}{
		{"file", func(n string) (record.Ino, *record.Attr, error) {
			return v.fs.Create(t.Context(), c, 1, n, 0o4777, true)
		}, func(a *record.Attr) { a.Type, a.Mode = record.TypeFile, 0o4751 }},
		{"dir", func(n string) (record.Ino, *record.Attr, error) { return v.fs.Mkdir(t.Context(), c, 1, n, 0o1777) },
			func(a *record.Attr) { a.Type, a.Mode, a.Nlink, a.Length = record.TypeDirectory, 0o1751, 2, 4096 }},
		{"fifo", func(n string) (record.Ino, *record.Attr, error) {
			return v.fs.Mknod(t.Context(), c, 1, n, record.TypeFIFO, 0o666, 0)
		}, func(a *record.Attr) { a.Type, a.Mode = record.TypeFIFO, 0o640 }},
		{"dev", func(n string) (record.Ino, *record.Attr, error) {
			return v.fs.Mknod(t.Context(), c, 1, n, record.TypeCharDev, 0o666, 0x440)
		}, func(a *record.Attr) { a.Type, a.Mode, a.Rdev = record.TypeCharDev, 0o640, 0x440 }},
		{"socket", func(n string) (record.Ino, *record.Attr, error) {
			return v.fs.Mknod(t.Context(), c, 1, n, record.TypeSocket, 0o666, 0)
		}, func(a *record.Attr) { a.Type, a.Mode = record.TypeSocket, 0o640 }},
		{"symlink", func(n string) (record.Ino, *record.Attr, error) {
			return v.fs.Symlink(t.Context(), c, 1, n, "a/b/c")
		}, func(a *record.Attr) { a.Type, a.Mode, a.Length = record.TypeSymlink, 0o777, 5 }},
	} {
		ino, a, err := x.make(x.name)
		v.ok(err)
		want := base
		x.change(&want)
		if d := cmp.Diff(*a, want); d != "" {
			t.Errorf("%s (-got +want):\n%s", x.name, d)
		}
		if got := v.get("/" + x.name); got.Attr != want || got.Ino != ino {
			t.Errorf("%s is stored as %+v", x.name, got.Attr)
		}
		have, had, err := x.make(x.name)
		if x.name == "symlink" || x.name == "file" || x.name == "dir" {
			if !errors.Is(err, syscall.EEXIST) || have != ino || *had != want {
				t.Errorf("%s again: %d %+v %v", x.name, have, had, err)
			}
		}
	}
	if a := v.get("/").Attr; a.Nlink != 3 || a.Mtime != now {
		t.Errorf("the root is %+v", a)
	}
	// Setgid directories, and flags, are inherited.
	gid, mode := uint32(99), uint16(0o2777)
	v.setAttr("/dir", meta.Changes{GID: &gid, Mode: &mode})
	v.setFlags("/dir", record.FlagSkipTrash)
	dir := v.ino("/dir")
	_, a, err := v.fs.Mkdir(t.Context(), c, dir, "d", 0o777)
	v.ok(err)
	if a.GID != 99 || a.Mode != 0o2751 || a.Flags != record.FlagSkipTrash {
		t.Errorf("a directory in a setgid directory is %+v", a)
	}
	_, a, err = v.fs.Create(t.Context(), c, dir, "f", 0o2777, true)
	v.ok(err)
	if a.GID != 99 || a.Mode != 0o751 || a.Flags != record.FlagSkipTrash {
		t.Errorf("a file in a setgid directory is %+v", a)
	}
	_, a, err = v.fs.Create(t.Context(), &meta.Caller{UID: 7, GIDs: []uint32{8, 99}}, dir, "member", 0o2777, true)
	v.ok(err)
	if a.GID != 99 || a.Mode != 0o2777 {
		t.Errorf("a member's file in a setgid directory is %+v", a)
	}
}

func testMakeErrors(t *testing.T, open Open) {
	v := newVolume(t, open, withTrash)
	v.put("/f", 1)
	v.mkdir("/closed")
	v.setMode("/closed", 0o755)
	v.mkdir("/im")
	v.setFlags("/im", record.FlagImmutable)
	v.mkdir("/ap")
	v.setFlags("/ap", record.FlagAppend)
	v.mkdir("/gone")
	gone := v.ino("/gone")
	v.ok(v.fs.Rmdir(t.Context(), v.root, "/gone"))
	before := v.state()
	for _, c := range []struct {
		caller *meta.Caller
		dir    record.Ino
		name   string
		want   syscall.Errno
	}{
		{v.root, 1, ".", syscall.EEXIST},
		{v.root, 1, "..", syscall.EEXIST},
		{v.root, 1, "", syscall.EINVAL},
		{v.root, 1, "a/b", syscall.EINVAL},
		{v.root, 1, "a\x00", syscall.EINVAL},
		{v.root, 1, strings.Repeat("n", 256), syscall.ENAMETOOLONG},
		{v.root, 1, ".trash", syscall.EPERM},
		{v.root, record.Trash, "x", syscall.EPERM},
		{v.root, record.Trash + 1, "x", syscall.EPERM},
		{v.root, gone, "x", syscall.ENOENT},
		{v.root, 1 << 40, "x", syscall.ENOENT},
		{v.root, v.ino("/f"), "x", syscall.ENOTDIR},
		{user(), v.ino("/closed"), "x", syscall.EACCES},
		{v.root, v.ino("/im"), "x", syscall.EPERM},
		{v.root, 1, "f", syscall.EEXIST},
	} {
		for what, make := range map[string]func() error{
			"create":  func() error { _, _, err := v.fs.Create(t.Context(), c.caller, c.dir, c.name, 0o644, true); return err },
			"mkdir":   func() error { _, _, err := v.fs.Mkdir(t.Context(), c.caller, c.dir, c.name, 0o755); return err },
			"symlink": func() error { _, _, err := v.fs.Symlink(t.Context(), c.caller, c.dir, c.name, "t"); return err },
			"mknod": func() error {
				_, _, err := v.fs.Mknod(t.Context(), c.caller, c.dir, c.name, record.TypeFIFO, 0o644, 0)
				return err
			},
		} {
			if err := make(); !errors.Is(err, c.want) {
				t.Errorf("%s %d %q: %v, want %v", what, c.dir, c.name, err, c.want)
			}
		}
	}
	for target, want := range map[string]syscall.Errno{"": syscall.EINVAL, "a\x00b": syscall.EINVAL, strings.Repeat("t", 4097): syscall.ENAMETOOLONG} {
		if _, _, err := v.fs.Symlink(t.Context(), v.root, 1, "s", target); !errors.Is(err, want) {
			t.Errorf("symlink to %d bytes: %v, want %v", len(target), err, want)
		}
	}
	for _, typ := range []record.Type{0, record.TypeDirectory, record.TypeSymlink, 8} {
		if _, _, err := v.fs.Mknod(t.Context(), v.root, 1, "n", typ, 0o644, 0); !errors.Is(err, syscall.EINVAL) {
			t.Errorf("mknod of %s: %v", typ, err)
		}
	}
	if d := cmp.Diff(v.state(), before, cmp.AllowUnexported(state{})); d != "" {
		t.Errorf("records changed:\n%s", d)
	}
	if _, _, err := v.fs.Create(t.Context(), v.root, v.ino("/ap"), "x", 0o644, true); err != nil {
		t.Errorf("create in an append-only directory: %v", err)
	}
	v.setFlags("/ap", 0)
	v.setFlags("/im", 0)
	_, _, err := v.fs.Symlink(t.Context(), v.root, 1, "s", strings.Repeat("t", 4096))
	v.ok(err)
}

func testCreateExisting(t *testing.T, open Open) {
	v := newVolume(t, open)
	f := v.put("/f", 5)
	v.mkdir("/d")
	v.symlink("/s", "f")
	v.setMode("/", 0o555)
	ino, a, err := v.fs.Create(t.Context(), user(), 1, "f", 0o600, false)
	if err != nil || ino != f.Ino || *a != f.Attr {
		t.Errorf("create of an existing file: %d %+v %v", ino, a, err)
	}
	for _, name := range []string{"d", "s"} {
		ino, a, err := v.fs.Create(t.Context(), v.root, 1, name, 0o600, false)
		if !errors.Is(err, syscall.EEXIST) || ino != v.ino("/"+name) || a.Type != v.get("/"+name).Attr.Type {
			t.Errorf("create over %s: %d %+v %v", name, ino, a, err)
		}
	}
}

func testReadlink(t *testing.T, open Open) {
	v := newVolume(t, open)
	for _, target := range []string{"x", "/a/b", "../\xff\n", strings.Repeat("t", 4096)} {
		ino, _, err := v.fs.Symlink(t.Context(), v.root, 1, fmt.Sprintf("s%d", len(target)), target)
		v.ok(err)
		got, err := v.fs.Readlink(t.Context(), ino)
		v.ok(err)
		if got != target {
			t.Errorf("read %q, want %q", got, target)
		}
	}
	_, err := v.fs.Readlink(t.Context(), 1)
	v.code(err, syscall.EINVAL)
	_, err = v.fs.Readlink(t.Context(), 1<<40)
	v.code(err, syscall.ENOENT)
}

func testUnlink(t *testing.T, open Open) {
	v := newVolume(t, open, withTrash)
	f := v.put("/d/f", 5)
	v.mkdir("/d/sub")
	d := v.ino("/d")
	v.put("/closed/f", 1)
	v.put("/sticky/f", 1)
	v.setMode("/sticky", 0o1777)
	for _, c := range []struct {
		caller *meta.Caller
		dir    record.Ino
		name   string
		want   syscall.Errno
	}{{v.root, d, "sub", syscall.EPERM}, {v.root, d, "none", syscall.ENOENT}, {v.root, 1, ".trash", syscall.EPERM}, {v.root, d, ".", syscall.EPERM},
		{v.root, d, "..", syscall.EPERM}, {v.root, f.Ino, "x", syscall.ENOTDIR}, {v.root, 1 << 40, "x", syscall.ENOENT}, {user(), v.ino("/closed"), "f", syscall.EACCES},
		{user(), v.ino("/sticky"), "f", syscall.EACCES}, {v.root, d, strings.Repeat("n", 256), syscall.ENAMETOOLONG}} {
		if err := v.fs.Unlink(t.Context(), c.caller, c.dir, c.name); !errors.Is(err, c.want) {
			t.Errorf("unlink %d %q: %v, want %v", c.dir, c.name, err, c.want)
		}
	}
	now := v.clock.tick(time.Second)
	v.ok(v.fs.Unlink(t.Context(), v.root, d, "f"))
	name := fmt.Sprintf("%d-%d-f", d, f.Ino)
	in := v.get("/.trash/2040-11-23-13/" + name)
	if in.Attr.Ctime != now || in.Attr.Nlink != 1 {
		t.Errorf("in the trash: %+v", in.Attr)
	}
	v.code(v.fs.Unlink(t.Context(), user(), record.Trash+1, name), syscall.EPERM)
	v.ok(v.fs.Unlink(t.Context(), v.root, record.Trash+1, name))
	v.eventually("the data is deleted", func() bool { return v.blocks.deleted(f.Chunks[0][0]) })
}

func testRmdir(t *testing.T, open Open) {
	v := newVolume(t, open, withTrash)
	v.put("/d/full/f", 5)
	v.mkdir("/d/empty")
	v.put("/x", 1)
	v.remove(meta.Removal{Path: "/x"})
	d := v.ino("/d")
	for _, c := range []struct {
		caller *meta.Caller
		dir    record.Ino
		name   string
		want   syscall.Errno
	}{{v.root, d, "full", syscall.ENOTEMPTY}, {v.root, d, "none", syscall.ENOENT}, {v.root, d, ".", syscall.EINVAL}, {v.root, d, "..", syscall.ENOTEMPTY},
		{v.root, 1, ".trash", syscall.EPERM}, {v.root, record.Trash, "2040-11-23-13", syscall.EPERM}, {v.root, v.ino("/d/full"), "f", syscall.ENOTDIR},
		{user(), d, "empty", syscall.EACCES}} {
		if err := v.fs.RmdirAt(t.Context(), c.caller, c.dir, c.name); !errors.Is(err, c.want) {
			t.Errorf("rmdir %d %q: %v, want %v", c.dir, c.name, err, c.want)
		}
	}
	v.ok(v.fs.RmdirAt(t.Context(), v.root, d, "empty"))
	if a := v.get("/d").Attr; a.Nlink != 3 {
		t.Errorf("the directory is %+v", a)
	}
}

func testLink(t *testing.T, open Open) {
	for _, trash := range []bool{false, true} {
		v := newVolume(t, open, func(s *setup) {
			if trash {
				withTrash(s)
			}
		})
		f := v.put("/a/f", 10000)
		v.mkdir("/b")
		now := v.clock.tick(time.Second)
		a, err := v.fs.Link(t.Context(), v.root, f.Ino, v.ino("/b"), "g")
		v.ok(err)
		want := f.Attr
		want.Nlink, want.Parent, want.Ctime = 2, 0, now
		if d := cmp.Diff(*a, want); d != "" {
			t.Errorf("linked (-got +want):\n%s", d)
		}
		v.link("/a/f", "/a/h")
		v.check()
		if ps := v.state().parents[f.Ino]; !cmp.Equal(ps, map[record.Ino]int64{f.Parent: 2, v.ino("/b"): 1}) {
			t.Errorf("parents %v", ps)
		}
		v.remove(meta.Removal{Path: "/a/f"})
		v.remove(meta.Removal{Path: "/b/g"})
		if got := v.get("/a/h").Attr; got.Parent != 0 {
			t.Errorf("the last link is %+v", got)
		}
		v.check()
		v.remove(meta.Removal{Path: "/a/h"})
		v.check()
		v.symlink("/s", "x")
		v.link("/s", "/s2")
		v.remove(meta.Removal{Path: "/s"})
		if got, err := v.fs.Readlink(t.Context(), v.ino("/s2")); err != nil || got != "x" {
			t.Errorf("a linked symbolic link: %q, %v", got, err)
		}
	}
}

func testLinkErrors(t *testing.T, open Open) {
	v := newVolume(t, open, withTrash)
	f := v.put("/f", 1)
	v.mkdir("/d")
	v.put("/im", 1)
	v.setFlags("/im", record.FlagImmutable)
	v.put("/ap", 1)
	v.setFlags("/ap", record.FlagAppend)
	gone := v.put("/gone", 1)
	v.remove(meta.Removal{Path: "/gone"})
	for _, c := range []struct {
		caller *meta.Caller
		ino    record.Ino
		dir    record.Ino
		name   string
		want   syscall.Errno
	}{{v.root, v.ino("/d"), 1, "x", syscall.EPERM}, {v.root, v.ino("/im"), 1, "x", syscall.EPERM}, {v.root, v.ino("/ap"), 1, "x", syscall.EPERM},
		{v.root, f.Ino, 1, "d", syscall.EEXIST}, {v.root, f.Ino, 1, ".", syscall.EEXIST}, {v.root, f.Ino, 1, "", syscall.EINVAL}, {v.root, 1 << 40, 1, "x", syscall.ENOENT},
		{v.root, f.Ino, f.Ino, "x", syscall.ENOTDIR}, {v.root, f.Ino, record.Trash + 1, "x", syscall.EPERM}, {user(), f.Ino, v.ino("/d"), "x", syscall.EACCES},
		{v.root, gone.Ino, 1, "x", syscall.EPERM}} {
		if _, err := v.fs.Link(t.Context(), c.caller, c.ino, c.dir, c.name); !errors.Is(err, c.want) {
			t.Errorf("link %d to %d %q: %v, want %v", c.ino, c.dir, c.name, err, c.want)
		}
	}
	v.setFlags("/im", 0)
	v.setFlags("/ap", 0)
}

func testReadOnly(t *testing.T, open Open) {
	v := newVolume(t, open)
	f := v.put("/d/f", 5)
	sessions := len(v.state().sessions)
	w := v.client(with(func(o *meta.Options) { o.ReadOnly = true }))
	before := v.state()
	ctx, ino := t.Context(), f.Ino
	size := int64(1)
	for what, try := range map[string]func() error{
		"commit":  func() error { _, err := w.fs.CommitObject(ctx, w.root, &meta.ObjectSpec{Path: "/x"}); return err },
		"compose": func() error { _, err := w.fs.ComposeObject(ctx, w.root, &meta.ComposeSpec{}); return err },
		"copy": func() error {
			_, err := w.fs.CopyObject(ctx, w.root, "/d/f", 0, -1, &meta.ObjectSpec{Path: "/x"})
			return err
		},
		"remove":    func() error { return w.tryRemove(w.root, meta.Removal{Path: "/d/f"}) },
		"tree":      func() error { return w.fs.RemoveTree(ctx, w.root, "/d", true) },
		"rmdir":     func() error { return w.fs.Rmdir(ctx, w.root, "/d") },
		"xattrs":    func() error { _, err := w.fs.SetXattrs(ctx, w.root, "/d/f", nil, nil, nil); return err },
		"create":    func() error { _, _, err := w.fs.Create(ctx, w.root, 1, "x", 0o644, true); return err },
		"mkdir":     func() error { _, _, err := w.fs.Mkdir(ctx, w.root, 1, "x", 0o755); return err },
		"symlink":   func() error { _, _, err := w.fs.Symlink(ctx, w.root, 1, "x", "y"); return err },
		"unlink":    func() error { return w.fs.Unlink(ctx, w.root, f.Parent, "f") },
		"rename":    func() error { _, _, err := w.fs.Rename(ctx, w.root, w.at("/d/f"), w.at("/g"), 0); return err }, //nolint:contextcheck // w has the context of the test
		"link":      func() error { _, err := w.fs.Link(ctx, w.root, ino, 1, "x"); return err },
		"setattr":   func() error { _, err := w.fs.SetAttr(ctx, w.root, ino, meta.Changes{}); return err },
		"truncate":  func() error { _, err := w.fs.Truncate(ctx, w.root, ino, 0); return err },
		"fallocate": func() error { _, err := w.fs.Fallocate(ctx, w.root, ino, 0, 0, 9); return err },
		"write":     func() error { _, err := w.fs.Write(ctx, ino, 0, record.Slice{Len: 1}, record.Time{}); return err },
		"setxattr":  func() error { return w.fs.SetXattr(ctx, w.root, ino, "x", nil, 0) },
		"flock":     func() error { return w.fs.Flock(ctx, ino, 1, 'W', false) },
		"setlk":     func() error { return w.fs.SetRangeLock(ctx, ino, 1, meta.RangeLock{Type: meta.RangeWrite}, false) },
		"slice":     func() error { _, err := w.fs.NewSlice(ctx); return err },
		"quota":     func() error { _, err := w.fs.SetQuota(ctx, record.QuotaDir, 1, &size, nil); return err },
		"open":      func() error { _, _, err := w.fs.OpenFile(ctx, w.root, ino, syscall.O_RDWR); return err },
	} {
		if err := try(); !errors.Is(err, syscall.EROFS) {
			t.Errorf("%s: %v", what, err)
		}
	}
	w.wantContent("/d/f", v.content("/d/f")...)
	_, release, err := w.fs.OpenFile(ctx, w.root, ino, syscall.O_RDONLY)
	v.ok(err)
	release()
	w.wantNames("/d", "f")
	if d := cmp.Diff(v.state(), before, cmp.AllowUnexported(state{})); d != "" || len(before.sessions) != sessions {
		t.Errorf("records changed, %d sessions were %d:\n%s", len(before.sessions), sessions, d)
	}
}

// testDamaged holds that entries without an inode can be seen and removed, and break nothing else.
func testDamaged(t *testing.T, open Open) {
	v := newVolume(t, open, withTrash)
	f := v.put("/d/f", 5)
	v.put("/d/g", 1)
	d := v.put("/d/dir/", 0)
	attr := v.state().attrs[d.Ino]
	v.raw(record.Item{Key: record.AttrKey(d.Ino)})
	ino, a, err := v.fs.Lookup(t.Context(), v.root, f.Parent, "dir")
	if err != nil || ino != d.Ino || *a != (record.Attr{Type: record.TypeDirectory}) {
		t.Errorf("lookup: %d %+v %v", ino, a, err)
	}
	v.wantNames("/d", "f", "g")
	if got := v.list(meta.ListQuery{Dir: "/d"}); !cmp.Equal(got, []string{"f", "g"}) {
		t.Errorf("listed %q", got)
	}
	_, err = v.fs.Resolve(t.Context(), v.root, "/d/dir", meta.Want{})
	v.code(err, syscall.ENOENT)
	_, err = v.fs.Resolve(t.Context(), v.root, "/d/dir/x", meta.Want{})
	v.code(err, syscall.ENOTDIR)
	v.raw(record.Item{Key: record.AttrKey(d.Ino), Value: attr.Encode()})
	v.ok(v.fs.RmdirAt(t.Context(), v.root, f.Parent, "dir"))
	// A file: its entry can go, whatever it was counted for stays.
	v.raw(record.Item{Key: record.AttrKey(f.Ino)})
	v.ok(v.fs.Unlink(t.Context(), v.root, f.Parent, "f"))
	v.wantNames("/d", "g")
	v.raw(record.Item{Key: record.AttrKey(f.Ino), Value: f.Attr.Encode()}, record.Item{Key: record.EntryKey(f.Parent, "f"), Value: record.Dirent{Type: record.TypeFile, Ino: f.Ino}.Encode()})
	v.remove(meta.Removal{Path: "/d/f"})
}

// testDamagedPaths is testDamaged by path. What the lost inodes counted for stays counted.
func testDamagedPaths(t *testing.T, open Open) {
	v := newVolume(t, open, func(s *setup) { s.lax = true })
	for _, p := range []string{"/d/a", "/d/b", "/d/sub/", "/d/tree/c", "/d/tree/e/"} {
		v.raw(record.Item{Key: record.AttrKey(v.put(p, 0).Ino)})
	}
	v.commit(&meta.ObjectSpec{Path: "/d/a", Mode: 0o644})
	v.remove(meta.Removal{Path: "/d/b"})
	v.remove(meta.Removal{Path: "/d/sub", Dir: true})
	v.wantNames("/d", "a", "tree")
	v.ok(v.fs.RemoveTree(t.Context(), v.root, "/d/tree", false))
	v.wantNames("/d", "a")
}
