package fstest

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"juicefs/meta"
	"juicefs/meta/record"
)

func testRemove(t *testing.T, open Open) {
	v := newVolume(t, open)
	a := v.put("/d/a", 10)
	v.put("/d/b", 0)
	v.symlink("/d/s", "nowhere")
	v.link("/d/a", "/d/c")
	now := v.clock.tick(time.Second)
	v.remove(meta.Removal{Path: "/d/a"})
	if got := v.get("/d/c").Attr; got.Nlink != 1 || got.Parent != 0 || got.Ctime != now {
		t.Errorf("the other link is %+v", got)
	}
	if got := v.get("/d").Attr; got.Mtime != now || got.Ctime != now || got.Nlink != 2 {
		t.Errorf("the directory is %+v", got)
	}
	for _, name := range []string{"b", "s", "c"} {
		v.remove(meta.Removal{Path: "/d/" + name})
	}
	v.wantNames("/d")
	v.eventually("the data is deleted", func() bool { return v.blocks.deleted(a.Chunks[0][0]) })
	v.eventually("nothing is left", func() bool { return len(v.state().delFiles) == 0 && len(v.state().refs) == 0 })
	if n := len(v.state().attrs); n != 2 {
		t.Errorf("%d inodes are left", n)
	}
}

func testRemoveErrors(t *testing.T, open Open) {
	v := newVolume(t, open, withTrash)
	v.put("/d/f", 1)
	v.put("/d/sub/", 0)
	v.put("/gone", 1)
	v.remove(meta.Removal{Path: "/gone"})
	v.put("/im/f", 1)
	v.setFlags("/im", record.FlagImmutable)
	v.put("/ap/f", 1)
	v.setFlags("/ap", record.FlagAppend)
	v.put("/d/fixed", 1)
	v.setFlags("/d/fixed", record.FlagImmutable)
	v.put("/d/log", 1)
	v.setFlags("/d/log", record.FlagAppend)
	v.put("/sticky/f", 1)
	v.put("/sticky/mine", 1)
	v.setOwner("/sticky/mine", 1000, 1000)
	v.setMode("/sticky", 0o1777)
	user := &meta.Caller{UID: 1000, GIDs: []uint32{1000}}
	for _, c := range []struct {
		name   string
		caller *meta.Caller
		r      meta.Removal
		want   error
	}{
		{"absent", v.root, meta.Removal{Path: "/d/x"}, syscall.ENOENT},
		{"below an absent directory", v.root, meta.Removal{Path: "/x/y/z"}, syscall.ENOENT},
		{"below a file", v.root, meta.Removal{Path: "/d/f/x"}, syscall.ENOENT},
		{"a directory as a file", v.root, meta.Removal{Path: "/d/sub"}, syscall.ENOENT},
		{"a file as a directory", v.root, meta.Removal{Path: "/d/f", Dir: true}, syscall.ENOENT},
		{"a directory with entries that is no object", v.root, meta.Removal{Path: "/d", Dir: true}, syscall.ENOENT},
		{"no permission", user, meta.Removal{Path: "/d/f"}, syscall.EACCES},
		{"from an immutable directory", v.root, meta.Removal{Path: "/im/f"}, syscall.EPERM},
		{"from an append-only directory", v.root, meta.Removal{Path: "/ap/f"}, syscall.EPERM},
		{"an immutable file", v.root, meta.Removal{Path: "/d/fixed"}, syscall.EPERM},
		{"an append-only file", v.root, meta.Removal{Path: "/d/log"}, syscall.EPERM},
		{"another's in a sticky directory", user, meta.Removal{Path: "/sticky/f"}, syscall.EACCES},
		{"from the trash by a user", user, meta.Removal{Path: "/.trash/2040-11-23-13/" + v.trash()[0]}, syscall.EPERM},
		{"the trash", v.root, meta.Removal{Path: "/.trash", Dir: true}, syscall.ENOENT},
		{"one's own in a sticky directory", user, meta.Removal{Path: "/sticky/mine"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := v.tryRemove(c.caller, c.r); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
	_, err := v.fs.RemoveObjects(t.Context(), v.root, []meta.Removal{{Path: "/"}})
	v.code(err, syscall.EPERM)
	v.code(v.fs.RemoveTree(t.Context(), v.root, "/.trash", true), syscall.EPERM)
	v.wantNames("/d", "f", "fixed", "log", "sub")
	// A removal from the trash is for real.
	v.remove(meta.Removal{Path: "/.trash/2040-11-23-13/" + v.trash()[0]})
	if n := len(v.trash()); n != 1 {
		t.Errorf("the trash has %q", v.trash())
	}
}

func testRemoveTrash(t *testing.T, open Open) {
	v := newVolume(t, open, withTrash)
	f := v.put("/d/f", 10)
	v.link("/d/f", "/d/g")
	now := v.clock.tick(time.Second)
	v.remove(meta.Removal{Path: "/d/f"})
	in := v.get(fmt.Sprintf("/.trash/2040-11-23-13/%d-%d-f", f.Parent, f.Ino))
	if in.Attr.Nlink != 2 || in.Attr.Parent != 0 || in.Attr.Ctime != now {
		t.Errorf("a link in the trash is %+v", in.Attr)
	}
	v.remove(meta.Removal{Path: "/d/g"})
	v.put("/d/h", 1)
	v.remove(meta.Removal{Path: "/d/h"})
	if got := v.trash(); len(got) != 3 {
		t.Errorf("the trash has %q", got)
	}
	// The same name once more within the hour: the link goes for real, as its trash name is taken.
	v.link(fmt.Sprintf("/.trash/2040-11-23-13/%d-%d-f", f.Parent, f.Ino), "/d/f")
	if got := v.get("/d/f").Attr; got.Nlink != 3 {
		t.Errorf("a link out of the trash is %+v", got)
	}
	v.remove(meta.Removal{Path: "/d/f"})
	if got := v.trash(); len(got) != 3 {
		t.Errorf("the trash has %q", got)
	}
	if v.blocks.deleted(f.Chunks[0][0]) {
		t.Errorf("data in the trash was deleted")
	}
	v.ok(v.fs.RemoveTree(t.Context(), v.root, "/d", false))
	v.wantNames("/")
}

func testRemovePrune(t *testing.T, open Open) {
	for _, trash := range []bool{false, true} {
		for _, many := range []bool{false, true} {
			t.Run(fmt.Sprintf("trash %v, many %v", trash, many), func(t *testing.T) {
				v := newVolume(t, open, func(s *setup) {
					if trash {
						withTrash(s)
					}
				})
				testPruneOn(v, many)
			})
		}
	}
}

func testPruneOn(v *volume, many bool) {
	v.put("/top/a/b/c/d", 1)
	v.put("/top/a/b/c/e", 1)
	rs := []meta.Removal{{Path: "/top/a/b/c/d", Top: "/top"}, {Path: "/top/a/b/c/e", Top: "/top"}}
	if many {
		errs, err := v.fs.RemoveObjects(v.Context(), v.root, rs)
		v.ok(errors.Join(append(errs, err)...))
	} else {
		v.remove(rs[0])
		v.wantNames("/top/a/b/c", "e")
		v.remove(rs[1])
	}
	v.wantNames("/top")
	v.check()
	// It ends at an object, at a directory with other entries and at one that may not be removed.
	v.put("/top/o/", 0)
	v.put("/top/o/p/q", 1)
	v.put("/top/x/y/z", 1)
	v.put("/top/x/w", 1)
	v.put("/top/i/j/k", 1)
	v.setFlags("/top/i", record.FlagAppend)
	rs = []meta.Removal{{Path: "/top/o/p/q", Top: "/top"}, {Path: "/top/x/y/z", Top: "/top"}, {Path: "/top/i/j/k", Top: "/top"}}
	if many {
		errs, err := v.fs.RemoveObjects(v.Context(), v.root, rs)
		v.ok(errors.Join(append(errs, err)...))
	} else {
		for _, r := range rs {
			v.remove(r)
		}
	}
	v.wantNames("/top", "i", "o", "x")
	v.wantNames("/top/o")
	v.wantNames("/top/x", "w")
	v.wantNames("/top/i", "j")
	v.setFlags("/top/i", 0)
	// Without a top everything stays.
	v.put("/top/s/t/u", 1)
	v.remove(meta.Removal{Path: "/top/s/t/u"})
	v.wantNames("/top/s/t")
	// An absent object prunes nothing.
	v.code(v.tryRemove(v.root, meta.Removal{Path: "/top/s/t/u", Top: "/top"}), syscall.ENOENT)
	v.wantNames("/top/s/t")
}

func testRemoveDir(t *testing.T, open Open) {
	v := newVolume(t, open)
	v.put("/top/o/", 0)
	v.remove(meta.Removal{Path: "/top/o", Dir: true, Top: "/top"})
	v.wantNames("/top")
	v.commit(&meta.ObjectSpec{Path: "/top/d/o", Dir: true, Parents: true, Mode: 0o777, Xattrs: map[string][]byte{"x": {1}}})
	v.put("/top/d/o/f", 1)
	now := v.clock.tick(time.Second)
	v.remove(meta.Removal{Path: "/top/d/o", Dir: true, Top: "/top"})
	got := v.get("/top/d/o")
	if got.Attr.Atime != now || len(got.Xattrs) != 0 {
		t.Errorf("a directory object with entries became %+v", got)
	}
	v.code(v.tryRemove(v.root, meta.Removal{Path: "/top/d/o", Dir: true}), syscall.ENOENT)
	v.remove(meta.Removal{Path: "/top/d/o/f", Top: "/top"})
	v.wantNames("/top")
}

func testRemoveMany(t *testing.T, open Open) {
	v := newVolume(t, open, withTrash)
	const n = 1203
	var rs []meta.Removal
	for i := range n {
		dir := "/top/a"
		if i%3 == 0 {
			dir = "/top/a/b"
		}
		p := fmt.Sprintf("%s/f%04d", dir, i)
		v.put(p, 1)
		rs = append(rs, meta.Removal{Path: p, Top: "/top"})
		if i%100 == 0 {
			rs = append(rs, meta.Removal{Path: p + "x", Top: "/top"}, meta.Removal{Path: p, Top: "/top"})
		}
	}
	errs, err := v.fs.RemoveObjects(t.Context(), v.root, rs)
	v.ok(err)
	seen := map[string]bool{}
	for i, err := range errs {
		again := seen[rs[i].Path]
		seen[rs[i].Path] = true
		absent := rs[i].Path[len(rs[i].Path)-1] == 'x'
		switch {
		case absent && !errors.Is(err, syscall.ENOENT), !absent && !again && err != nil, again && err != nil && !errors.Is(err, syscall.ENOENT):
			t.Errorf("%s: %v", rs[i].Path, err)
		}
	}
	v.wantNames("/top")
	if got := len(v.trash()); got != n+2 {
		t.Errorf("the trash has %d entries, want %d", got, n+2)
	}
}

func testRemoveAllow(t *testing.T, open Open) {
	v := newVolume(t, open)
	s := v.spec("/d/f", 3)
	s.Xattrs = map[string][]byte{"e": []byte("tag")}
	o := v.commit(s)
	stop := errors.New("stop")
	asked := 0
	allow := func(old *meta.Object) error {
		asked++
		if old == nil || old.Ino != o.Ino || old.Attr.Length != 3 || !cmp.Equal(old.Xattrs, s.Xattrs) || old.Path != "/d/f" {
			t.Errorf("asked about %+v", old)
		}
		return stop
	}
	if err := v.tryRemove(v.root, meta.Removal{Path: "/d/f", Allow: allow}); !errors.Is(err, stop) || asked != 1 {
		t.Errorf("got %v, asked %d times", err, asked)
	}
	v.code(v.tryRemove(v.root, meta.Removal{Path: "/d/none", Allow: allow}), syscall.ENOENT)
	errs, err := v.fs.RemoveObjects(t.Context(), v.root, []meta.Removal{{Path: "/d/f", Allow: func(*meta.Object) error { return nil }, Top: "/"}})
	v.ok(errors.Join(append(errs, err)...))
	v.wantNames("/")
}

// testRemoveAllowMany removes several at once, of which conditions decide one by one, also over a link and from the root.
func testRemoveAllowMany(t *testing.T, open Open) {
	for _, dir := range []string{"/", "/d/e/", "/link/"} {
		v := newVolume(t, open)
		v.put("/d/e/other", 1)
		v.symlink("/link", "d/e")
		var rs []meta.Removal
		for i := range 10 {
			name, want := fmt.Sprintf("f%d", i), []byte{byte(i)}
			s := v.spec(dir+name, 3)
			s.Xattrs = map[string][]byte{"e": want}
			v.commit(s)
			rs = append(rs, meta.Removal{Path: dir + name, Allow: func(old *meta.Object) error {
				if old.Name != name || !bytes.Equal(old.Xattrs["e"], want) {
					t.Errorf("%s%s: asked about %+v", dir, name, old)
				}
				if i%2 == 0 {
					return syscall.EEXIST
				}
				return nil
			}})
		}
		rs = append(rs, meta.Removal{Path: dir + "none", Allow: func(*meta.Object) error { return errors.New("asked about nothing") }})
		errs, err := v.fs.RemoveObjects(t.Context(), v.root, rs)
		v.ok(err)
		for i, err := range errs {
			want := error(nil)
			switch {
			case i == 10:
				want = syscall.ENOENT
			case i%2 == 0:
				want = syscall.EEXIST
			}
			if !errors.Is(err, want) {
				t.Errorf("%s: got %v, want %v", rs[i].Path, err, want)
			}
		}
		want := []string{"f0", "f2", "f4", "f6", "f8", "other"}
		if dir == "/" {
			want = []string{"d", "f0", "f2", "f4", "f6", "f8", "link"}
		}
		v.wantNames(dir, want...)
	}
}

func testRemoveTree(t *testing.T, open Open) {
	v := newVolume(t, open, withTrash)
	for i := range 30 {
		v.put(fmt.Sprintf("/t/%d/%d/f%d", i%3, i%5, i), uint64(i))
	}
	v.symlink("/t/s", "/elsewhere")
	v.put("/elsewhere/f", 1)
	v.link("/t/0/0/f0", "/elsewhere/g")
	v.ok(v.fs.RemoveTree(t.Context(), v.root, "/t/1", false))
	v.wantNames("/t", "0", "2", "s")
	if got := len(v.trash()); got != 10+5+1 {
		t.Errorf("the trash has %q", v.trash())
	}
	v.ok(v.fs.RemoveTree(t.Context(), v.root, "/t", true))
	v.wantNames("/", "elsewhere")
	if got := len(v.trash()); got != 10+5+1 {
		t.Errorf("the trash has %q", v.trash())
	}
	v.wantNames("/elsewhere", "f", "g")
	v.ok(v.fs.RemoveTree(t.Context(), v.root, "/t", true))
	v.ok(v.fs.RemoveTree(t.Context(), v.root, "/t/u/v", true))
	v.ok(v.fs.RemoveTree(t.Context(), v.root, "/elsewhere/f", false))
	v.code(v.fs.RemoveTree(t.Context(), v.root, "/", true), syscall.EPERM)
	user := &meta.Caller{UID: 1000, GIDs: []uint32{1000}}
	v.code(v.fs.RemoveTree(t.Context(), user, "/elsewhere", true), syscall.EACCES)
	v.ok(v.fs.RemoveTree(t.Context(), v.root, "/.trash/2040-11-23-13", true))
	v.wantNames("/.trash")
	// A path that leads through what is removed.
	v.put("/a/b/f", 1)
	v.symlink("/a/b/up", "../..")
	v.ok(v.fs.RemoveTree(t.Context(), v.root, "/a/b/up/a", true))
	v.absent("/a")
	st := v.state()
	if st.counters[record.CounterInodes] != 2 {
		t.Errorf("%d inodes are in use", st.counters[record.CounterInodes])
	}
}

func testRmdirPath(t *testing.T, open Open) {
	v := newVolume(t, open, withTrash)
	v.mkdir("/a/b")
	v.put("/f", 1)
	v.remove(meta.Removal{Path: "/f"})
	v.put("/f", 1)
	for p, want := range map[string]syscall.Errno{"/a": syscall.ENOTEMPTY, "/f": syscall.ENOTDIR, "/x": syscall.ENOENT, "/x/y": syscall.ENOENT, "/": syscall.EPERM,
		"/f/x": syscall.ENOTDIR, "/.trash": syscall.EPERM, "/.trash/2040-11-23-13": syscall.EPERM, "/a/..": syscall.EINVAL} {
		if err := v.fs.Rmdir(t.Context(), v.root, p); !errors.Is(err, want) {
			t.Errorf("rmdir %s: %v, want %v", p, err, want)
		}
	}
	now := v.clock.tick(time.Second)
	b := v.get("/a/b")
	v.ok(v.fs.Rmdir(t.Context(), v.root, "/a/b"))
	if a := v.get("/a").Attr; a.Nlink != 2 || a.Mtime != now {
		t.Errorf("the directory above is %+v", a)
	}
	in := v.get(fmt.Sprintf("/.trash/2040-11-23-13/%d-%d-b", b.Parent, b.Ino)).Attr
	if in.Nlink != 2 || in.Ctime != now || in.Parent != record.Trash+1 {
		t.Errorf("in the trash: %+v", in)
	}
	v.ok(v.fs.Rmdir(t.Context(), v.root, "/a"))
	v.wantNames("/", "f")
	if !slices.ContainsFunc(v.trash(), func(s string) bool { return s[len(s)-2:] == "-a" }) {
		t.Errorf("the trash has %q", v.trash())
	}
}
