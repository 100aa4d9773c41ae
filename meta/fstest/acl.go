package fstest

import (
	"errors"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"juicefs/meta"
)

const no = meta.ACLAbsent

func testACL(t *testing.T, open Open) {
	v := newVolume(t, open, withACL, withTrash)
	f := v.put("/f", 5)
	set := func(rule *meta.ACL) { t.Helper(); v.ok(v.fs.SetACL(t.Context(), v.root, f.Ino, meta.ACLAccess, rule)) }
	v.setOwner("/f", 7, 8)
	now := v.clock.tick(time.Second)
	rule := &meta.ACL{Owner: 6, Group: 4, Mask: 7, Other: 0, Users: []meta.ACLEntry{{ID: 1000, Perm: 7}, {ID: 2, Perm: 4}}, Groups: []meta.ACLEntry{{ID: 2000, Perm: 5}}}
	set(rule)
	if a := v.get("/f").Attr; a.Mode != 0o670 || a.Ctime != now || a.AccessACL == 0 {
		t.Errorf("with a list the file is %+v", a)
	}
	got, err := v.fs.GetACL(t.Context(), f.Ino, meta.ACLAccess)
	v.ok(err)
	if d := cmp.Diff(got, rule); d != "" {
		t.Errorf("list (-got +want):\n%s", d)
	}
	names, err := v.fs.ListXattr(t.Context(), f.Ino)
	v.ok(err)
	if !cmp.Equal(names, []string{"system.posix_acl_access"}) {
		t.Errorf("shown as %q", names)
	}
	for _, c := range []struct {
		name  string
		uid   uint32
		gids  []uint32
		flags int
		want  error
	}{
		{"owner reads and writes", 7, []uint32{50}, syscall.O_RDWR, nil},
		{"named user", 1000, []uint32{50}, syscall.O_RDWR, nil},
		{"named user reads", 2, []uint32{50}, syscall.O_RDONLY, nil},
		{"named user does not write", 2, []uint32{50}, syscall.O_RDWR, syscall.EACCES},
		{"owning group reads", 60, []uint32{8}, syscall.O_RDONLY, nil},
		{"owning group does not write", 60, []uint32{8}, syscall.O_RDWR, syscall.EACCES},
		{"named group reads", 60, []uint32{50, 2000}, syscall.O_RDONLY, nil},
		{"others do not", 60, []uint32{50}, syscall.O_RDONLY, syscall.EACCES},
	} {
		_, release, got := v.fs.OpenFile(t.Context(), &meta.Caller{UID: c.uid, GIDs: c.gids}, f.Ino, c.flags)
		if !errors.Is(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
		if got == nil {
			release()
		}
	}
	// chmod changes the list.
	v.setMode("/f", 0o641)
	want := *rule
	want.Owner, want.Mask, want.Other = 6, 4, 1
	if got, err = v.fs.GetACL(t.Context(), f.Ino, meta.ACLAccess); err != nil || cmp.Diff(got, &want) != "" {
		t.Errorf("after chmod: %+v, %v", got, err)
	}
	_, _, err = v.fs.OpenFile(t.Context(), &meta.Caller{UID: 1000}, f.Ino, syscall.O_RDWR)
	v.code(err, syscall.EACCES)
	// Without group bits in the mode the list does not count.
	v.setMode("/f", 0o604)
	_, release, err := v.fs.OpenFile(t.Context(), &meta.Caller{UID: 3, GIDs: []uint32{3}}, f.Ino, syscall.O_RDONLY)
	v.ok(err)
	release()
	// A list that says no more than a mode becomes one.
	set(&meta.ACL{Owner: 7, Group: 5, Mask: no, Other: 4})
	if a := v.get("/f").Attr; a.Mode != 0o754 || a.AccessACL != 0 {
		t.Errorf("with a minimal list the file is %+v", a)
	}
	set(&meta.ACL{Owner: 7, Group: 5, Mask: no, Other: 4, Users: []meta.ACLEntry{{ID: 1, Perm: 2}}})
	if a := v.get("/f").Attr; a.Mode != 0o774 || a.AccessACL == 0 {
		t.Errorf("with a list without mask the file is %+v", a)
	}
	set(nil)
	_, err = v.fs.GetACL(t.Context(), f.Ino, meta.ACLAccess)
	v.code(err, syscall.ENODATA)
	v.code(v.fs.SetACL(t.Context(), user(), f.Ino, meta.ACLAccess, rule), syscall.EPERM)
	v.code(v.fs.SetACL(t.Context(), v.root, f.Ino, meta.ACLDefault, rule), syscall.EACCES)
	v.ok(v.fs.SetACL(t.Context(), v.root, f.Ino, meta.ACLDefault, nil))
	v.code(v.fs.SetACL(t.Context(), v.root, 1<<40, meta.ACLAccess, rule), syscall.ENOENT)
	v.remove(meta.Removal{Path: "/f"})
	v.code(v.fs.SetACL(t.Context(), v.root, f.Ino, meta.ACLAccess, rule), syscall.EPERM)

	w := newVolume(t, open)
	w.code(w.fs.SetACL(t.Context(), w.root, 1, meta.ACLAccess, rule), syscall.ENOTSUP)
	_, err = w.fs.GetACL(t.Context(), 1, meta.ACLAccess)
	w.code(err, syscall.ENOTSUP)
}

func testACLInherit(t *testing.T, open Open) {
	v := newVolume(t, open, withACL)
	v.mkdir("/d")
	rule := &meta.ACL{Owner: 7, Group: 5, Mask: 7, Other: 5, Users: []meta.ACLEntry{{ID: 1000, Perm: 7}}}
	v.ok(v.fs.SetACL(t.Context(), v.root, v.ino("/d"), meta.ACLDefault, rule))
	if got, err := v.fs.GetACL(t.Context(), v.ino("/d"), meta.ACLDefault); err != nil || cmp.Diff(got, rule) != "" {
		t.Errorf("default list: %+v, %v", got, err)
	}
	s := v.spec("/d/sub/f", 1)
	s.Mode = 0o640
	f := v.commit(s)
	sub := v.get("/d/sub").Attr
	if sub.DefaultACL != v.get("/d").Attr.DefaultACL || sub.AccessACL == 0 || sub.Mode != 0o775 {
		t.Errorf("a directory inherits %+v", sub)
	}
	if f.Attr.DefaultACL != 0 || f.Attr.AccessACL == 0 || f.Attr.Mode != 0o640 {
		t.Errorf("a file inherits %+v", f.Attr)
	}
	got, err := v.fs.GetACL(t.Context(), f.Ino, meta.ACLAccess)
	v.ok(err)
	if d := cmp.Diff(got, &meta.ACL{Owner: 6, Group: 5, Mask: 4, Other: 0, Users: []meta.ACLEntry{{ID: 1000, Perm: 7}}}); d != "" {
		t.Errorf("its list (-got +want):\n%s", d)
	}
	v.symlink("/d/s", "f")
	if a := v.get("/d/s").Attr; a.AccessACL != 0 || a.Mode != 0o777 {
		t.Errorf("a symbolic link inherits %+v", a)
	}
	// The same list is not stored twice.
	n := len(v.state().acls)
	v.put("/d/g", 1)
	v.put("/d/h", 1)
	if m := len(v.state().acls); m > n+1 {
		t.Errorf("%d lists became %d", n, m)
	}
	// A minimal default list is a mask of modes.
	v.mkdir("/m")
	v.ok(v.fs.SetACL(t.Context(), v.root, v.ino("/m"), meta.ACLDefault, &meta.ACL{Owner: 7, Group: 4, Mask: no, Other: 0}))
	_, a, err := v.fs.Create(t.Context(), v.root, v.ino("/m"), "f", 0o666, true)
	v.ok(err)
	if a.Mode != 0o640 || a.AccessACL != 0 {
		t.Errorf("a file inherits %+v", a)
	}
	_, a, err = v.fs.Mkdir(t.Context(), v.root, v.ino("/m"), "d", 0o777)
	v.ok(err)
	if a.Mode != 0o740 || a.AccessACL != 0 || a.DefaultACL == 0 {
		t.Errorf("a directory inherits %+v", a)
	}
	// Another client finds the list.
	w := v.client()
	got, err = w.fs.GetACL(t.Context(), f.Ino, meta.ACLAccess)
	if err != nil || got.Mask != 4 {
		t.Errorf("another client sees %+v, %v", got, err)
	}
}
