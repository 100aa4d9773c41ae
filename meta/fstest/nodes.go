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

func testSetAttr(t *testing.T, open Open) {
	v := newVolume(t, open, withOwners)
	f := v.put("/f", 5000)
	mode, uid, gid := uint16(0o6711), uint32(3), uint32(4)
	at, mt := record.Time{Sec: 11, Nsec: 12}, record.Time{Sec: -5, Nsec: 999999999}
	flags := record.FlagAppend
	want := f.Attr
	step := func(ch meta.Changes, change func()) {
		t.Helper()
		want.Ctime = v.clock.tick(time.Second)
		change()
		a, err := v.fs.SetAttr(t.Context(), v.root, f.Ino, ch)
		v.ok(err)
		if d := cmp.Diff(*a, want); d != "" {
			t.Errorf("returned (-got +want):\n%s", d)
		}
		if d := cmp.Diff(v.get("/f").Attr, want); d != "" {
			t.Errorf("stored (-got +want):\n%s", d)
		}
		v.check()
	}
	step(meta.Changes{Mode: &mode}, func() { want.Mode = 0o6711 })
	step(meta.Changes{Atime: &at, Mtime: &mt}, func() { want.Atime, want.Mtime = at, mt })
	step(meta.Changes{TouchMtime: true}, func() { want.Mtime = v.clock.tick(0) })
	step(meta.Changes{TouchAtime: true}, func() { want.Atime = v.clock.tick(0) })
	step(meta.Changes{UID: &uid}, func() { want.UID, want.Mode = 3, 0o711 }) // setuid and setgid go
	step(meta.Changes{GID: &gid, UID: &uid, Mode: &mode}, func() { want.GID, want.Mode = 4, 0o711 })
	step(meta.Changes{Flags: &flags}, func() { want.Flags = flags })
	none := uint8(0)
	step(meta.Changes{Flags: &none}, func() { want.Flags = 0 })
	locking := uint16(0o2701)
	step(meta.Changes{Mode: &locking}, func() { want.Mode = 0o2701 })
	five := uint32(5)
	step(meta.Changes{UID: &five}, func() { want.UID = 5 }) // setgid without group execution stays for root
	last := want.Ctime
	step(meta.Changes{UID: &five}, func() { want.Ctime = last }) // nothing changes
	q := v.state().quotas
	if got := q[record.QuotaUser][5]; got.UsedSpace != 8192 || got.UsedInodes != 1 {
		t.Errorf("usage of the owner is %+v", got)
	}
	if got := q[record.QuotaGroup][4]; got.UsedSpace != 8192 || got.UsedInodes != 1 {
		t.Errorf("usage of the group is %+v", got)
	}
}

func testSetAttrPermissions(t *testing.T, open Open) {
	v := newVolume(t, open, withTrash)
	v.put("/mine", 1)
	v.setOwner("/mine", 1000, 1000)
	v.put("/roots", 1)
	v.setMode("/roots", 0o666)
	v.put("/others", 1)
	v.setOwner("/others", 5, 5)
	v.put("/shared", 1)
	v.setOwner("/shared", 5, 5)
	v.setMode("/shared", 0o666)
	gone := v.put("/gone", 1)
	v.remove(meta.Removal{Path: "/gone"})
	mode, uid := func(m uint16) meta.Changes { return meta.Changes{Mode: &m} }, func(u uint32) meta.Changes { return meta.Changes{UID: &u} }
	gid, flags := func(g uint32) meta.Changes { return meta.Changes{GID: &g} }, func(f uint8) meta.Changes { return meta.Changes{Flags: &f} }
	now := record.Time{Sec: 5}
	times := meta.Changes{Mtime: &now}
	for _, c := range []struct {
		name   string
		caller *meta.Caller
		ino    record.Ino
		ch     meta.Changes
		want   error
	}{
		{"mode of one's own", user(), v.ino("/mine"), mode(0o600), nil},
		{"mode of another's", user(), v.ino("/others"), mode(0o600), syscall.EPERM},
		{"the same mode of another's", user(), v.ino("/others"), mode(0o644), nil},
		{"giving away", user(), v.ino("/mine"), uid(5), syscall.EPERM},
		{"keeping", user(), v.ino("/mine"), uid(1000), nil},
		{"one's other group", user(), v.ino("/mine"), gid(2000), nil},
		{"a group of others", user(), v.ino("/mine"), gid(5), syscall.EPERM},
		{"one's group for another's", user(), v.ino("/others"), gid(2000), syscall.EPERM},
		{"skip-trash flag of one's own", user(), v.ino("/mine"), flags(record.FlagSkipTrash), nil},
		{"immutable flag of one's own", user(), v.ino("/mine"), flags(record.FlagImmutable | record.FlagSkipTrash), syscall.EPERM},
		{"flag of another's", user(), v.ino("/others"), flags(record.FlagSkipTrash), syscall.EPERM},
		{"times of one's own", user(), v.ino("/mine"), times, nil},
		{"times of root's", user(), v.ino("/roots"), times, syscall.EPERM},
		{"now of root's, writable", user(), v.ino("/roots"), meta.Changes{TouchMtime: true, TouchAtime: true}, nil},
		{"now of another's, not writable", user(), v.ino("/others"), meta.Changes{TouchMtime: true}, syscall.EACCES},
		{"times of another's, writable", user(), v.ino("/shared"), times, nil},
		{"times of another's, not writable", user(), v.ino("/others"), times, syscall.EACCES},
		{"in the trash", v.root, gone.Ino, mode(0o600), syscall.EPERM},
		{"the trash", v.root, record.Trash, mode(0o600), syscall.EPERM},
		{"an hour of the trash", v.root, record.Trash + 1, mode(0o600), syscall.EPERM},
		{"nothing", v.root, 1 << 40, mode(0o600), syscall.ENOENT},
	} {
		if _, err := v.fs.SetAttr(t.Context(), c.caller, c.ino, c.ch); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
	// Who is not in the group cannot set setgid.
	m := uint16(0o2755)
	v.setOwner("/mine", 1000, 5)
	a, err := v.fs.SetAttr(t.Context(), user(), v.ino("/mine"), meta.Changes{Mode: &m})
	v.ok(err)
	if a.Mode != 0o755 {
		t.Errorf("mode %o", a.Mode)
	}
}

func testOpen(t *testing.T, open Open) {
	v := newVolume(t, open, withTrash)
	f := v.put("/f", 5)
	v.setMode("/f", 0o604)
	v.mkdir("/d")
	v.put("/im", 1)
	v.setFlags("/im", record.FlagImmutable)
	v.put("/ap", 1)
	v.setFlags("/ap", record.FlagAppend)
	gone := v.put("/gone", 1)
	v.remove(meta.Removal{Path: "/gone"})
	const rd, wr, rw, app, trunc = syscall.O_RDONLY, syscall.O_WRONLY, syscall.O_RDWR, syscall.O_APPEND, syscall.O_TRUNC
	for _, c := range []struct {
		name   string
		caller *meta.Caller
		ino    record.Ino
		flags  int
		want   error
	}{
		{"read", user(), f.Ino, rd, nil},
		{"write", user(), f.Ino, wr, syscall.EACCES},
		{"read and write", user(), f.Ino, rw, syscall.EACCES},
		{"write by root", v.root, f.Ino, rw, nil},
		{"a directory", v.root, v.ino("/d"), rd, nil},
		{"a directory for writing", v.root, v.ino("/d"), wr, syscall.EISDIR},
		{"immutable", v.root, v.ino("/im"), rd, nil},
		{"immutable for writing", v.root, v.ino("/im"), wr, syscall.EPERM},
		{"append-only for appending", v.root, v.ino("/ap"), wr | app, nil},
		{"append-only for writing", v.root, v.ino("/ap"), wr, syscall.EPERM},
		{"append-only, emptied", v.root, v.ino("/ap"), wr | app | trunc, syscall.EPERM},
		{"in the trash", v.root, gone.Ino, rd, nil},
		{"in the trash for writing", v.root, gone.Ino, wr, syscall.EPERM},
		{"nothing", v.root, 1 << 40, rd, syscall.ENOENT},
		{"emptied", v.root, f.Ino, wr | trunc, nil},
	} {
		a, release, err := v.fs.OpenFile(t.Context(), c.caller, c.ino, c.flags)
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
		if err == nil {
			if got, err := v.fs.GetAttr(t.Context(), c.ino); err != nil || *got != *a {
				t.Errorf("%s: returned %+v, is %+v, %v", c.name, a, got, err)
			}
			release()
		}
	}
	if a := v.get("/f").Attr; a.Length != 0 {
		t.Errorf("the emptied file is %+v", a)
	}
	v.setFlags("/im", 0)
	v.setFlags("/ap", 0)
}

func testXattr(t *testing.T, open Open) {
	v := newVolume(t, open, withTrash)
	f := v.put("/f", 5)
	set := func(name, value string, flags uint32) error {
		return v.fs.SetXattr(t.Context(), v.root, f.Ino, name, []byte(value), flags)
	}
	v.ok(set("user.a", "1", meta.XattrCreate))
	v.code(set("user.a", "2", meta.XattrCreate), syscall.EEXIST)
	v.code(set("user.b", "2", meta.XattrReplace), syscall.ENODATA)
	v.ok(set("user.a", "\x00\xff", meta.XattrReplace))
	v.ok(set("user.b", "", 0))
	v.ok(set(strings.Repeat("n", 255), "x", 0))
	v.code(set(strings.Repeat("n", 256), "x", 0), syscall.ENAMETOOLONG)
	v.code(set("", "x", 0), syscall.EINVAL)
	v.code(set("user.c", "x", 3), syscall.EINVAL)
	for name, want := range map[string]string{"user.a": "\x00\xff", "user.b": ""} {
		if got, err := v.fs.GetXattr(t.Context(), v.root, f.Ino, name); err != nil || string(got) != want {
			t.Errorf("%s is %q, %v", name, got, err)
		}
	}
	names, err := v.fs.ListXattr(t.Context(), f.Ino)
	v.ok(err)
	if d := cmp.Diff(names, []string{strings.Repeat("n", 255), "user.a", "user.b"}); d != "" {
		t.Errorf("names (-got +want):\n%s", d)
	}
	v.ok(v.fs.RemoveXattr(t.Context(), v.root, f.Ino, "user.a"))
	v.code(v.fs.RemoveXattr(t.Context(), v.root, f.Ino, "user.a"), syscall.ENODATA)
	_, err = v.fs.GetXattr(t.Context(), v.root, f.Ino, "user.a")
	v.code(err, syscall.ENODATA)
	_, err = v.fs.GetXattr(t.Context(), v.root, 1<<40, "user.a")
	v.code(err, syscall.ENOENT)
	v.code(v.fs.SetXattr(t.Context(), v.root, 1<<40, "user.a", nil, 0), syscall.ENOENT)
	_, err = v.fs.ListXattr(t.Context(), 1<<40)
	v.code(err, syscall.ENOENT)
	if a := v.get("/f").Attr; a != f.Attr {
		t.Errorf("the attribute changed to %+v", a)
	}
	v.setMode("/f", 0o600)
	v.code(v.fs.SetXattr(t.Context(), user(), f.Ino, "user.x", nil, 0), syscall.EACCES)
	_, err = v.fs.GetXattr(t.Context(), user(), f.Ino, "user.b")
	v.code(err, syscall.EACCES)
	v.remove(meta.Removal{Path: "/f"})
	v.code(set("user.a", "1", 0), syscall.EPERM)
	v.code(v.fs.SetXattr(t.Context(), v.root, record.Trash, "user.a", nil, 0), syscall.EPERM)
}

func testFlags(t *testing.T, open Open) {
	v := newVolume(t, open)
	v.put("/d/f", 5)
	v.mkdir("/d/e")
	for _, flag := range []uint8{record.FlagImmutable, record.FlagAppend} {
		v.setFlags("/d/f", flag)
		f := v.ino("/d/f")
		v.code(v.fs.Unlink(t.Context(), v.root, v.ino("/d"), "f"), syscall.EPERM)
		_, _, err := v.fs.Rename(t.Context(), v.root, v.at("/d/f"), v.at("/d/g"), 0)
		v.code(err, syscall.EPERM)
		_, err = v.fs.Truncate(t.Context(), v.root, f, 1)
		v.code(err, syscall.EPERM)
		_, _, err = v.fs.CopyRange(t.Context(), v.root, meta.Range{Ino: f}, meta.Range{Ino: f, Off: 100}, 5)
		v.code(err, syscall.EPERM)
		_, err = v.fs.CommitObject(t.Context(), v.root, v.spec("/d/f", 1))
		v.code(err, syscall.EPERM)
		v.code(v.fs.RemoveTree(t.Context(), v.root, "/d", true), syscall.EPERM)
		v.setFlags("/d/f", 0)
		v.setFlags("/d", flag)
		v.code(v.fs.Unlink(t.Context(), v.root, v.ino("/d"), "f"), syscall.EPERM)
		v.code(v.fs.RmdirAt(t.Context(), v.root, v.ino("/d"), "e"), syscall.EPERM)
		_, _, err = v.fs.Rename(t.Context(), v.root, v.at("/d/f"), v.at("/g"), 0)
		v.code(err, syscall.EPERM)
		v.setFlags("/d", 0)
	}
	v.wantNames("/d", "e", "f")
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
