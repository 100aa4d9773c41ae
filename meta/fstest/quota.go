package fstest

import (
	"errors"
	"fmt"
	"syscall"
	"testing"

	"juicefs/meta"
	"juicefs/meta/record"
)

var quotaTests = []test{
	{"limits of the volume", testCapacity},
	{"a full volume can be emptied", testFullTrash},
	{"quotas of directories", testDirQuota},
	{"quotas of directories and renames", testDirQuotaRename},
	{"quotas of users and groups", testOwnerQuota},
	{"setting, changing and removing quotas", testQuotaLife},
	{"statistics that are off", testNoStats},
	{"a quota switches statistics on", testQuotaSwitchesStats},
	{"usage of the volume", testUsage},
	{"composing needs no room of its own", testComposeFull},
}

func testCapacity(t *testing.T, open Open) {
	v := newVolume(t, open, limited(20*4096, 10))
	f := v.put("/d/f", 4096*10) // 11 blocks, 2 inodes
	full := func(what string, err error) {
		t.Helper()
		if !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("%s: %v, want ENOSPC", what, err)
		}
	}
	commit := func(path string, length uint64) error {
		_, err := v.fs.CommitObject(t.Context(), v.root, v.spec(path, length))
		return err
	}
	full("an object too large", commit("/d/g", 4096*10))
	v.ok(commit("/d/g", 4096*9)) // now full
	full("an empty object", commit("/d/h", 0))
	_, _, err := v.fs.Create(t.Context(), v.root, 1, "h", 0o644, true)
	full("create", err)
	_, _, err = v.fs.Mkdir(t.Context(), v.root, 1, "h", 0o755)
	full("mkdir", err)
	_, err = v.fs.Truncate(t.Context(), v.root, f.Ino, 4096*11)
	full("truncate", err)
	_, err = v.fs.Fallocate(t.Context(), v.root, f.Ino, 0, 0, 4096*11)
	full("fallocate", err)
	_, err = v.fs.Write(t.Context(), f.Ino, 1, v.slice(1), record.Time{})
	full("write", err)
	_, _, err = v.fs.CopyRange(t.Context(), v.root, meta.Range{Ino: f.Ino}, meta.Range{Ino: f.Ino, Off: 4096 * 10}, 1)
	full("copy of a range", err)
	_, err = v.fs.CopyObject(t.Context(), v.root, "/d/f", 0, 0, &meta.ObjectSpec{Path: "/c"})
	full("copy", err)
	v.ok(commit("/d/f", 4096*10)) // in place of the same
	v.link("/d/f", "/link")       // costs nothing
	v.ok(commit("/d/g", 0))
	for i := range 6 {
		v.ok(commit(fmt.Sprintf("/d/i%d", i), 0))
	}
	v.remove(meta.Removal{Path: "/link"})
	v.remove(meta.Removal{Path: "/d/f"})
	v.ok(commit("/d/j", 0))
	v.ok(commit("/d/j", 0))
	full("an inode more than there may be", commit("/d/k/l", 0))
	v.remove(meta.Removal{Path: "/d/j"})
	v.ok(commit("/d/k/l", 0))
}

// testFullTrash holds that removing, and putting less in place of more, works when nothing else does.
func testFullTrash(t *testing.T, open Open) {
	v := newVolume(t, open, limited(3*4096, 3), withTrash)
	v.put("/a", 1)
	v.put("/b", 4097)
	v.limit("/", 1, 1) // far below what there is
	v.remove(meta.Removal{Path: "/a"})
	v.wantNames("/.trash", "2040-11-23-13")
	_, err := v.fs.Truncate(t.Context(), v.root, v.ino("/b"), 1)
	v.ok(err)
	v.rename("/b", "/c", 0)
	v.ok(v.fs.RemoveTree(t.Context(), v.root, "/.trash/2040-11-23-13", true))
	v.limit("/", -1, -1)
	v.put("/c", 1)
}

// limit sets a directory's quota.
func (v *volume) limit(path string, space, inodes int64) {
	v.Helper()
	_, err := v.fs.SetQuota(v.Context(), record.QuotaDir, uint64(v.ino(path)), &space, &inodes)
	v.ok(err)
}

func (v *volume) quota(path string) record.Quota {
	v.Helper()
	q, err := v.fs.GetQuota(v.Context(), record.QuotaDir, uint64(v.ino(path)))
	v.ok(err)
	return q
}

func testDirQuota(t *testing.T, open Open) {
	v := newVolume(t, open, withTrash)
	v.put("/q/a/f", 4096)
	v.put("/other", 1)
	v.limit("/q", 10*4096, 6)
	v.limit("/q/a", 5*4096, 0)
	if q := v.quota("/q"); q != (record.Quota{MaxSpace: 10 * 4096, MaxInodes: 6, UsedSpace: 2 * 4096, UsedInodes: 2}) {
		t.Errorf("quota of /q: %+v", q)
	}
	over := func(path string, length uint64) {
		t.Helper()
		_, err := v.fs.CommitObject(t.Context(), v.root, v.spec(path, length))
		v.code(err, syscall.EDQUOT)
	}
	v.check()
	over("/q/a/g", 4096*5)
	v.put("/q/a/g", 4096*4)
	over("/q/a/h", 0)
	over("/q/b", 4096*5)
	v.put("/q/b", 4096*2)
	over("/q/x/y", 4097) // with its parent, too much space
	f := v.ino("/q/b")
	_, err := v.fs.Truncate(t.Context(), v.root, f, 4096*5)
	v.code(err, syscall.EDQUOT)
	_, err = v.fs.Link(t.Context(), v.root, v.ino("/other"), v.ino("/q/a"), "link")
	v.code(err, syscall.EDQUOT)
	v.link("/other", "/q/link")
	v.check()
	v.put("/q/c", 1)
	over("/q/d", 0) // six inodes
	v.ok(v.fs.RemoveTree(t.Context(), v.root, "/q/a", false))
	if q := v.quota("/q"); q.UsedInodes != 3 || q.UsedSpace != 4*4096 {
		t.Errorf("quota of /q: %+v", q)
	}
	v.check()
	if all, err := v.fs.ListQuotas(t.Context(), record.QuotaDir); err != nil || len(all) != 1 {
		t.Errorf("quotas %v, %v", all, err)
	}
	v.ok(v.fs.RemoveTree(t.Context(), v.root, "/q", true))
	if all, err := v.fs.ListQuotas(t.Context(), record.QuotaDir); err != nil || len(all) != 0 {
		t.Errorf("quotas %v, %v", all, err)
	}
}

func testDirQuotaRename(t *testing.T, open Open) {
	v := newVolume(t, open, withTrash)
	v.put("/top/a/tree/x/f", 4096*3)
	v.put("/top/a/tree/g", 1)
	v.put("/top/a/h", 1)
	v.mkdir("/top/b")
	v.limit("/top", 0, 8)
	v.limit("/top/a", 0, 0)
	v.limit("/top/b", 5*4096, 0)
	used := func(path string, inodes int64) {
		t.Helper()
		v.check()
		if q := v.quota(path); q.UsedInodes != inodes {
			t.Errorf("%s has %+v, want %d inodes", path, q, inodes)
		}
	}
	_, _, err := v.fs.Rename(t.Context(), v.root, v.at("/top/a/tree"), v.at("/top/b/tree"), 0)
	v.code(err, syscall.EDQUOT) // 6 blocks
	v.limit("/top/b", 6*4096, 0)
	v.rename("/top/a/tree", "/top/b/tree", 0)
	used("/top/a", 1)
	used("/top/b", 4)
	used("/top", 7)
	_, _, err = v.fs.Rename(t.Context(), v.root, v.at("/top/a/h"), v.at("/top/b/h"), 0)
	v.code(err, syscall.EDQUOT)
	v.rename("/top/a/h", "/top/b/tree/g", 0)
	used("/top/a", 0)
	used("/top/b", 4)
	v.put("/top/a/i", 4096*2)
	_, _, err = v.fs.Rename(t.Context(), v.root, v.at("/top/a/i"), v.at("/top/b/tree"), meta.RenameExchange)
	v.ok(err)
	used("/top/a", 4)
	used("/top/b", 1)
	used("/top", 7)
	v.rename("/top/a", "/out", 0)
	used("/top", 2)
	used("/out", 4)
	v.put("/out2/x", 1)
	v.rename("/out2", "/top/out2", 0)
	used("/top", 4)
	// Out of the trash and back.
	f := v.get("/top/out2/x")
	v.remove(meta.Removal{Path: "/top/out2/x"})
	used("/top", 3)
	_, _, err = v.fs.Rename(t.Context(), v.root, meta.Place{Dir: record.Trash + 1, Name: fmt.Sprintf("%d-%d-x", f.Parent, f.Ino)}, v.at("/top/out2/x"), meta.RenameNoReplace|meta.RenameRestore)
	v.ok(err)
	used("/top", 4)
}

func testOwnerQuota(t *testing.T, open Open) {
	v := newVolume(t, open, withOwners, withTrash)
	v.setMode("/", 0o777)
	c := &meta.Caller{UID: 7, GIDs: []uint32{8}}
	commit := func(path string, length uint64) error {
		_, err := v.fs.CommitObject(t.Context(), c, v.spec(path, length))
		return err
	}
	v.ok(commit("/a", 4096))
	space, inodes := int64(3*4096), int64(3)
	q, err := v.fs.SetQuota(t.Context(), record.QuotaUser, 7, &space, nil)
	v.ok(err)
	if q != (record.Quota{MaxSpace: space, MaxInodes: -1, UsedSpace: 4096, UsedInodes: 1}) {
		t.Errorf("the user's quota is %+v", q)
	}
	_, err = v.fs.SetQuota(t.Context(), record.QuotaGroup, 8, nil, &inodes)
	v.ok(err)
	_, err = v.fs.SetQuota(t.Context(), record.QuotaGroup, 99, nil, &inodes) // owns nothing
	v.ok(err)
	v.code(commit("/b", 4096*2+1), syscall.EDQUOT)
	v.ok(commit("/b", 1))
	v.ok(commit("/c", 1))
	v.code(commit("/d", 0), syscall.EDQUOT)
	_, err = v.fs.Truncate(t.Context(), c, v.ino("/c"), 4097)
	v.code(err, syscall.EDQUOT)
	v.check()
	// What another owns is counted there; what is in the trash still counts.
	v.setOwner("/c", 0, 8)
	v.code(commit("/d", 0), syscall.EDQUOT) // the group
	v.setOwner("/c", 0, 0)
	v.remove(meta.Removal{Path: "/b"})
	v.ok(commit("/d", 0))
	v.code(commit("/e", 0), syscall.EDQUOT)
	v.ok(v.fs.DelQuota(t.Context(), record.QuotaUser, 7))
	v.ok(v.fs.DelQuota(t.Context(), record.QuotaGroup, 8))
	v.ok(commit("/e", 0))
	if q, bad := v.fs.GetQuota(t.Context(), record.QuotaUser, 7); bad != nil || q != (record.Quota{MaxSpace: -1, MaxInodes: -1, UsedSpace: 4 * 4096, UsedInodes: 4}) {
		t.Errorf("without limits: %+v, %v", q, bad)
	}
	w := newVolume(t, open)
	_, err = w.fs.SetQuota(t.Context(), record.QuotaUser, 7, &space, nil)
	w.code(err, syscall.ENOTSUP)
}

func testQuotaLife(t *testing.T, open Open) {
	v := newVolume(t, open, withTrash)
	v.put("/d/f", 1)
	v.mkdir("/gone")
	gone := v.ino("/gone")
	v.ok(v.fs.Rmdir(t.Context(), v.root, "/gone"))
	d := uint64(v.ino("/d"))
	n := int64(5)
	for _, c := range []struct {
		key  uint64
		want syscall.Errno
	}{{1 << 40, syscall.ENOENT}, {uint64(v.ino("/d/f")), syscall.ENOTDIR}, {uint64(record.Trash), syscall.EPERM}, {uint64(record.Trash) + 1, syscall.EPERM}, {uint64(gone), syscall.EPERM}} {
		_, err := v.fs.SetQuota(t.Context(), record.QuotaDir, c.key, &n, nil)
		v.code(err, c.want)
	}
	_, err := v.fs.GetQuota(t.Context(), record.QuotaDir, d)
	v.code(err, syscall.ENOENT)
	v.code(v.fs.DelQuota(t.Context(), record.QuotaDir, d), syscall.ENOENT)
	q, err := v.fs.SetQuota(t.Context(), record.QuotaDir, d, nil, &n)
	v.ok(err)
	if q != (record.Quota{MaxSpace: -1, MaxInodes: 5, UsedSpace: 4096, UsedInodes: 1}) {
		t.Errorf("set %+v", q)
	}
	m := int64(1 << 20)
	if q, err = v.fs.SetQuota(t.Context(), record.QuotaDir, d, &m, nil); err != nil || q != (record.Quota{MaxSpace: 1 << 20, MaxInodes: 5, UsedSpace: 4096, UsedInodes: 1}) {
		t.Errorf("set %+v, %v", q, err)
	}
	// The root may have one too.
	if q, err = v.fs.SetQuota(t.Context(), record.QuotaDir, 1, nil, nil); err != nil || q != (record.Quota{MaxSpace: -1, MaxInodes: -1, UsedSpace: 8192, UsedInodes: 2}) {
		t.Errorf("the root's: %+v, %v", q, err)
	}
	v.put("/d/g", 1)
	v.check()
	v.ok(v.fs.DelQuota(t.Context(), record.QuotaDir, d))
	for i := range 10 {
		v.put(fmt.Sprintf("/d/%d", i), 0)
	}
	// Another client learns of a quota when it starts, or with its heartbeat.
	v.limit("/d", 0, 13)
	w := v.client()
	w.put("/d/h", 0)
	_, err = w.fs.CommitObject(t.Context(), w.root, w.spec("/d/i", 0))
	v.code(err, syscall.EDQUOT)
}

func testNoStats(t *testing.T, open Open) {
	v := newVolume(t, open, withoutStats, withTrash)
	v.put("/d/f", 1)
	v.remove(meta.Removal{Path: "/d/f"})
	v.ok(v.fs.Rmdir(t.Context(), v.root, "/d"))
	if n := len(v.state().stats); n != 0 {
		t.Errorf("%d statistics", n)
	}
}

func testQuotaSwitchesStats(t *testing.T, open Open) {
	v := newVolume(t, open, withoutStats, func(s *setup) { s.lax = true })
	v.put("/d/f", 1)
	v.limit("/d", 1<<20, 0)
	if s := v.state().setting; !s.DirStats || !v.fs.Setting().DirStats || s.Name != "test" {
		t.Errorf("setting %+v", s)
	}
	v.put("/d/e/g", 1)
	if st := v.state().stats[v.ino("/d/e")]; st != (record.DirStat{Length: 1, Space: 4096, Inodes: 1}) {
		t.Errorf("a new directory has statistics %+v", st)
	}
	if q := v.quota("/d"); q.UsedInodes != 3 {
		t.Errorf("quota %+v", q)
	}
}

func testUsage(t *testing.T, open Open) {
	v := newVolume(t, open)
	v.put("/d/f", 5000)
	u, err := v.fs.Usage(t.Context())
	v.ok(err)
	if u != (meta.Usage{TotalSpace: 1 << 50, AvailSpace: 1<<50 - 12288, UsedInodes: 2, AvailInodes: 10 << 20}) {
		t.Errorf("usage %+v", u)
	}
	w := newVolume(t, open, limited(1<<20, 100))
	w.put("/d/f", 5000)
	if u, err = w.fs.Usage(t.Context()); err != nil || u != (meta.Usage{TotalSpace: 1 << 20, AvailSpace: 1<<20 - 12288, UsedInodes: 2, AvailInodes: 98}) {
		t.Errorf("usage %+v, %v", u, err)
	}
}

// testComposeFull holds that joining parts works as long as the result fits: parts make room for it.
func testComposeFull(t *testing.T, open Open) {
	v := newVolume(t, open, limited(24*4096, 6))
	ps := v.parts("/up/1", 10*4096, 10*4096)
	_, err := v.compose("/k", "/up/1", ps)
	v.ok(err)
}
