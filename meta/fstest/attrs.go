package fstest

import (
	"errors"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"juicefs/meta"
	"juicefs/meta/record"
)

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
