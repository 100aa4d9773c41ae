package fstest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"juicefs/meta"
	"juicefs/meta/engine"
	"juicefs/meta/record"
)

var renameTests = []test{
	{"rename", testRename},
	{"rename over something", testRenameOver},
	{"rename over something, into the trash", testRenameOverTrash},
	{"rename of directories", testRenameDir},
	{"rename of hard links", testRenameLinks},
	{"rename that exchanges", testExchange},
	{"errors of rename", testRenameErrors},
	{"rename makes no loops", testRenameLoop},
	{"rename while directories above it are moved", testRenameTorn},
	{"rename below directories that are above each other", testRenameKnot},
	{"restoring from the trash", testRestore},
}

// rename renames and fails the test if that fails.
func (v *volume) rename(from, to string, flags uint32) *record.Attr {
	v.Helper()
	_, a, err := v.fs.Rename(v.Context(), v.root, v.at(from), v.at(to), flags)
	v.ok(err)
	return a
}

func testRename(t *testing.T, open Open) {
	v := newVolume(t, open)
	f := v.put("/a/f", 5000)
	v.put("/b/other", 1)
	now := v.clock.tick(time.Second)
	got := v.rename("/a/f", "/b/g", 0)
	want := f.Attr
	want.Ctime, want.Parent = now, v.ino("/b")
	if d := cmp.Diff(*got, want); d != "" {
		t.Errorf("returned (-got +want):\n%s", d)
	}
	if o := v.get("/b/g"); o.Attr != want || o.Ino != f.Ino {
		t.Errorf("stored %+v", o)
	}
	for _, p := range []string{"/a", "/b"} {
		if a := v.get(p).Attr; a.Mtime != now || a.Ctime != now || a.Nlink != 2 {
			t.Errorf("directory %s is %+v", p, a)
		}
	}
	v.wantNames("/a")
	v.wantNames("/b", "g", "other")
	now = v.clock.tick(time.Second)
	v.rename("/b/g", "/b/h", meta.RenameNoReplace)
	if a := v.get("/b/h").Attr; a.Ctime != now || v.get("/b").Attr.Mtime != now {
		t.Errorf("in one directory: %+v", a)
	}
	v.clock.tick(time.Second)
	v.rename("/b/h", "/b/h", meta.RenameNoReplace)
	if a := v.get("/b/h").Attr; a.Ctime != now || v.get("/b").Attr.Mtime != now {
		t.Errorf("onto itself: %+v", a)
	}
}

func testRenameOver(t *testing.T, open Open) {
	v := newVolume(t, open)
	f := v.put("/a/f", 5000)
	g := v.put("/b/g", 70*mib)
	v.ok(v.fs.SetXattr(t.Context(), v.root, g.Ino, "x", []byte("1"), 0))
	v.rename("/a/f", "/b/g", 0)
	v.wantContent("/b/g", piece{f.Chunks[0][0].ID, 0, 5000})
	v.eventually("the data is deleted", func() bool { return v.blocks.deleted(g.Chunks[0][0]) && v.blocks.deleted(g.Chunks[1][0]) })
	v.check()
	v.mkdir("/a/full/x")
	v.mkdir("/b/empty")
	v.put("/b/empty2/", 0)
	now := v.clock.tick(time.Second)
	v.rename("/a/full", "/b/empty", 0)
	v.wantNames("/b/empty", "x")
	if a, b := v.get("/a").Attr, v.get("/b").Attr; a.Nlink != 2 || b.Nlink != 4 || a.Mtime != now || b.Mtime != now {
		t.Errorf("directories are %+v and %+v", a, b)
	}
	v.check()
	v.rename("/b/empty", "/b/empty2", 0)
	v.wantNames("/b", "empty2", "g")
	v.check()
	v.symlink("/s", "x")
	v.rename("/s", "/b/g", 0)
	if a := v.get("/b/g").Attr; a.Type != record.TypeSymlink {
		t.Errorf("a link over a file: %+v", a)
	}
	v.put("/f", 1)
	v.rename("/f", "/b/g", 0)
	v.wantNames("/", "a", "b")
}

func testRenameOverTrash(t *testing.T, open Open) {
	v := newVolume(t, open, withTrash)
	v.put("/a/f", 5)
	g := v.put("/b/g", 6)
	v.rename("/a/f", "/b/g", 0)
	d := v.mkdir("/b/d")
	v.mkdir("/a/e")
	v.rename("/a/e", "/b/d", 0)
	want := []string{fmt.Sprintf("%d-%d-g", g.Parent, g.Ino), fmt.Sprintf("%d-%d-d", d.Parent, d.Ino)}
	got := v.trash()
	if len(got) != 2 || !strings.Contains(strings.Join(got, " "), want[0]) || !strings.Contains(strings.Join(got, " "), want[1]) {
		t.Errorf("the trash has %q, want %q", got, want)
	}
	if a := v.get("/b").Attr; a.Nlink != 3 {
		t.Errorf("the directory is %+v", a)
	}
}

func testRenameDir(t *testing.T, open Open) {
	v := newVolume(t, open, withTrash)
	v.put("/a/d/x/f", 5000)
	v.mkdir("/b")
	v.rename("/a/d", "/b/e", 0)
	v.wantNames("/b/e/x", "f")
	if a, b, e := v.get("/a").Attr, v.get("/b").Attr, v.get("/b/e").Attr; a.Nlink != 2 || b.Nlink != 3 || e.Parent != v.ino("/b") || e.Nlink != 3 {
		t.Errorf("%+v, %+v, %+v", a, b, e)
	}
	ino, _, err := v.fs.Lookup(t.Context(), v.root, v.ino("/b/e"), "..")
	if err != nil || ino != v.ino("/b") {
		t.Errorf("above is %d, %v", ino, err)
	}
	v.rename("/b/e/x", "/x", 0)
	v.rename("/x", "/b/e/y", 0)
	v.wantNames("/b/e", "y")
}

func testRenameLinks(t *testing.T, open Open) {
	for _, opts := range [][]option{nil, {withTrash}} {
		v := newVolume(t, open, opts...)
		f := v.put("/a/f", 5000)
		v.mkdir("/b")
		v.link("/a/f", "/a/g")
		v.link("/a/f", "/b/h")
		v.rename("/a/f", "/b/f", 0)
		v.check()
		// Two names of one file: nothing happens.
		before := v.get("/b/f").Attr
		v.clock.tick(time.Second)
		v.rename("/b/f", "/a/g", 0)
		v.wantNames("/b", "f", "h")
		if a := v.get("/b/f").Attr; a != before {
			t.Errorf("the file became %+v", a)
		}
		v.rename("/b/f", "/b/h", meta.RenameExchange)
		v.put("/b/x", 1)
		v.rename("/b/x", "/a/g", 0)
		want := uint32(2)
		if len(opts) > 0 {
			want = 3
		}
		if a := v.get("/b/f").Attr; a.Nlink != want || a.Parent != 0 {
			t.Errorf("the file is %+v", a)
		}
		v.wantContent("/b/h", piece{f.Chunks[0][0].ID, 0, 5000})
	}
}

func testExchange(t *testing.T, open Open) {
	v := newVolume(t, open, withTrash)
	f := v.put("/a/f", 5000)
	d := v.mkdir("/b/d")
	v.put("/b/d/x", 9000)
	now := v.clock.tick(time.Second)
	v.rename("/a/f", "/b/d", meta.RenameExchange)
	one, two := v.get("/b/d"), v.get("/a/f")
	if one.Ino != f.Ino || two.Ino != d.Ino || one.Attr.Ctime != now || two.Attr.Ctime != now || one.Attr.Parent != v.ino("/b") || two.Attr.Parent != v.ino("/a") {
		t.Errorf("exchanged %+v and %+v", one, two)
	}
	if a, b := v.get("/a").Attr, v.get("/b").Attr; a.Nlink != 3 || b.Nlink != 2 || a.Mtime != now || b.Mtime != now {
		t.Errorf("directories are %+v and %+v", a, b)
	}
	v.check()
	v.put("/a/g", 1)
	v.rename("/a/f", "/a/g", meta.RenameExchange)
	v.wantNames("/a/g", "x")
	v.link("/b/d", "/a/l")
	v.rename("/b/d", "/a/g", meta.RenameExchange)
	v.check()
	if n := len(v.names("/.trash")); n != 0 {
		t.Errorf("the trash was made")
	}
	_, _, err := v.fs.Rename(t.Context(), v.root, v.at("/a/g"), v.at("/a/none"), meta.RenameExchange)
	v.code(err, syscall.ENOENT)
}

func testRenameErrors(t *testing.T, open Open) {
	v := newVolume(t, open, withTrash)
	v.put("/f", 1)
	v.put("/g", 1)
	v.put("/d/x", 1)
	v.mkdir("/e")
	v.mkdir("/closed")
	v.put("/closed/f", 1)
	v.put("/sticky/f", 1)
	v.put("/sticky/mine", 1)
	v.setOwner("/sticky/mine", 1000, 1000)
	v.setMode("/sticky", 0o1777)
	v.put("/open/mine", 1)
	v.setMode("/open", 0o777)
	v.put("/gone", 1)
	v.remove(meta.Removal{Path: "/gone"})
	gone := meta.Place{Dir: record.Trash + 1, Name: v.trash()[0]}
	v.mkdir("/im")
	v.put("/im/f", 1)
	v.setFlags("/im", record.FlagImmutable)
	v.mkdir("/gonedir")
	dead := v.ino("/gonedir")
	v.ok(v.fs.Rmdir(t.Context(), v.root, "/gonedir"))
	before := v.state()
	for _, c := range []struct {
		name     string
		caller   *meta.Caller
		src, dst meta.Place
		flags    uint32
		want     syscall.Errno
	}{
		{"nothing there", v.root, v.at("/none"), v.at("/x"), 0, syscall.ENOENT},
		{"no directory to go to", v.root, v.at("/f"), meta.Place{Dir: 1 << 40, Name: "x"}, 0, syscall.ENOENT},
		{"into a file", v.root, v.at("/f"), meta.Place{Dir: v.ino("/g"), Name: "x"}, 0, syscall.ENOTDIR},
		{"over a file, not to", v.root, v.at("/f"), v.at("/g"), meta.RenameNoReplace, syscall.EEXIST},
		{"directory over file", v.root, v.at("/e"), v.at("/g"), 0, syscall.ENOTDIR},
		{"file over directory", v.root, v.at("/f"), v.at("/e"), 0, syscall.EISDIR},
		{"directory over a full one", v.root, v.at("/e"), v.at("/d"), 0, syscall.ENOTEMPTY},
		{"whiteout", v.root, v.at("/f"), v.at("/x"), meta.RenameWhiteout, syscall.ENOTSUP},
		{"unknown flag", v.root, v.at("/f"), v.at("/x"), 8, syscall.EINVAL},
		{"exchange and not to replace", v.root, v.at("/f"), v.at("/g"), 3, syscall.EINVAL},
		{"to a dot", v.root, v.at("/f"), meta.Place{Dir: 1, Name: "."}, 0, syscall.EEXIST},
		{"to no name", v.root, v.at("/f"), meta.Place{Dir: 1}, 0, syscall.EINVAL},
		{"to a long name", v.root, v.at("/f"), meta.Place{Dir: 1, Name: strings.Repeat("x", 256)}, 0, syscall.ENAMETOOLONG},
		{"to the name of the trash", v.root, v.at("/f"), meta.Place{Dir: 1, Name: ".trash"}, 0, syscall.EPERM},
		{"the trash", v.root, meta.Place{Dir: 1, Name: ".trash"}, v.at("/x"), 0, syscall.EPERM},
		{"into the trash", v.root, v.at("/f"), meta.Place{Dir: record.Trash + 1, Name: "x"}, 0, syscall.EPERM},
		{"into a removed directory", v.root, v.at("/f"), meta.Place{Dir: dead, Name: "x"}, 0, syscall.ENOENT},
		{"out of the trash by a user", user(), gone, v.at("/open/x"), 0, syscall.EPERM},
		{"out of a closed directory", user(), v.at("/closed/f"), v.at("/open/x"), 0, syscall.EACCES},
		{"into a closed directory", user(), v.at("/open/mine"), v.at("/closed/x"), 0, syscall.EACCES},
		{"another's out of a sticky directory", user(), v.at("/sticky/f"), v.at("/open/x"), 0, syscall.EACCES},
		{"over another's in a sticky directory", user(), v.at("/open/mine"), v.at("/sticky/f"), 0, syscall.EACCES},
		{"out of an immutable directory", v.root, v.at("/im/f"), v.at("/x"), 0, syscall.EPERM},
		{"into an immutable directory", v.root, v.at("/f"), v.at("/im/x"), 0, syscall.EPERM},
	} {
		if _, _, err := v.fs.Rename(t.Context(), c.caller, c.src, c.dst, c.flags); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
	if d := cmp.Diff(v.state(), before, cmp.AllowUnexported(state{})); d != "" {
		t.Errorf("records changed:\n%s", d)
	}
	_, _, err := v.fs.Rename(t.Context(), user(), v.at("/sticky/mine"), v.at("/open/x"), 0)
	v.ok(err)
	v.setFlags("/im", 0)
}

func testRenameLoop(t *testing.T, open Open) {
	v := newVolume(t, open)
	v.mkdir("/a/b/c/d")
	v.mkdir("/x")
	for _, to := range []string{"/a/b/n", "/a/b/c/n", "/a/b/c/d/n"} {
		_, _, err := v.fs.Rename(t.Context(), v.root, v.at("/a/b"), v.at(to), 0)
		v.code(err, syscall.EPERM)
	}
	for _, c := range [][2]string{{"/a", "/a/b/c"}, {"/a/b/c", "/a"}, {"/a/b", "/a/b/c"}} {
		_, _, err := v.fs.Rename(t.Context(), v.root, v.at(c[0]), v.at(c[1]), meta.RenameExchange)
		v.code(err, syscall.EPERM)
	}
	v.rename("/a/b/c", "/x", meta.RenameExchange)
	v.wantNames("/x", "d")
	v.rename("/a/b", "/a/b", 0)
}

func testRestore(t *testing.T, open Open) {
	v := newVolume(t, open, withTrash)
	f := v.put("/d/e/f", 5000)
	d, e := v.get("/d"), v.get("/d/e")
	g := v.put("/d/g", 1)
	v.link("/d/g", "/h")
	v.ok(v.fs.RemoveTree(t.Context(), v.root, "/d", false))
	hour := record.Trash + 1
	put := func(parent, ino record.Ino, name string, flags uint32) error {
		_, _, err := v.fs.Rename(t.Context(), v.root, meta.Place{Dir: hour, Name: fmt.Sprintf("%d-%d-%s", parent, ino, name)}, meta.Place{Dir: parent, Name: name}, flags)
		return err
	}
	const restore = meta.RenameNoReplace | meta.RenameRestore
	v.code(put(e.Ino, f.Ino, "f", meta.RenameNoReplace), syscall.ENOENT)
	v.ok(put(e.Ino, f.Ino, "f", restore))
	v.ok(put(d.Ino, e.Ino, "e", restore))
	v.ok(put(1, d.Ino, "d", restore))
	v.wantNames("/d/e", "f")
	v.wantNames("/d", "e")
	v.check()
	v.ok(put(d.Ino, g.Ino, "g", restore))
	v.code(put(d.Ino, g.Ino, "g", restore), syscall.ENOENT)
	if a := v.get("/h").Attr; a.Nlink != 2 {
		t.Errorf("a restored link is %+v", a)
	}
	v.wantContent("/d/e/f", piece{f.Chunks[0][0].ID, 0, 5000})
	if got := v.trash(); len(got) != 0 {
		t.Errorf("the trash has %q", got)
	}
	v.put("/d/e/f2", 1)
}

// interloper is an engine on which something else happens just before one read. It has no fast paths.
type interloper struct {
	engine.Engine
	fetches int    // until then
	act     func() // nil: nothing
}

// Begin starts a transaction.
func (e *interloper) Begin(mode engine.Mode) engine.Tx { return &interrupted{e.Engine.Begin(mode), e} }

type interrupted struct {
	engine.Tx
	e *interloper
}

// Fetch reads records.
func (t *interrupted) Fetch(ctx context.Context, reads []engine.ReadOp) ([]record.Item, error) {
	if t.e.fetches--; t.e.fetches == 0 && t.e.act != nil {
		act := t.e.act
		t.e.act = nil
		act()
	}
	return t.Tx.Fetch(ctx, reads)
}

// testRenameTorn moves the directories above the new place one below the other while they are read from the bottom up: what
// was read of them is a circle, and no such was there at any time.
func testRenameTorn(t *testing.T, open Open) {
	e := &interloper{Engine: open(t)}
	if !e.Info().Remote {
		shut(t, e)
		return // its transactions lock, or see one moment: the other client would wait for this one
	}
	v := newVolumeOn(t, e)
	v.mkdir("/b/a")
	v.mkdir("/d")
	src, dst := v.at("/d"), meta.Place{Dir: v.ino("/b/a"), Name: "d"}
	moved := false
	// First the places, second what moves, third the directory above.
	e.fetches, e.act = 3, func() {
		moved = true
		v.rename("/b/a", "/a", 0)
		v.rename("/b", "/a/b", 0)
	}
	_, _, err := v.fs.Rename(t.Context(), v.root, src, dst, 0)
	v.ok(err)
	if !moved {
		t.Error("nothing was moved meanwhile")
	}
	v.wantNames("/a", "b", "d")
}

// testRenameKnot has a damaged volume, in which two directories are each in the other.
func testRenameKnot(t *testing.T, open Open) {
	v := newVolume(t, open)
	v.mkdir("/a/b")
	v.mkdir("/d")
	a, into := v.get("/a"), meta.Place{Dir: v.ino("/a/b"), Name: "d"}
	bad := a.Attr
	bad.Parent = into.Dir
	v.raw(record.Item{Key: record.AttrKey(a.Ino), Value: bad.Encode()})
	_, _, err := v.fs.Rename(t.Context(), v.root, v.at("/d"), into, 0)
	v.code(err, syscall.EIO)
	v.raw(record.Item{Key: record.AttrKey(a.Ino), Value: a.Attr.Encode()})
}
