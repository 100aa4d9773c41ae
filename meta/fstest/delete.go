package fstest

import (
	"fmt"
	"testing"
	"time"

	"juicefs/meta"
	"juicefs/meta/engine"
	"juicefs/meta/engine/enginetest"
	"juicefs/meta/record"
)

var deleteTests = []test{
	{"data of many files is removed together", testDeleteTogether},
	{"data of many files of which one is in the way", testDeleteApart},
	{"data of large files", testDeleteLarge},
}

// removeLater makes n small files, and copies of every tenth that stay, and removes the files. Their data is due in a minute.
func (v *volume) removeLater(n int) (files []*meta.Object) {
	v.Helper()
	var rs []meta.Removal
	for i := range n {
		p := fmt.Sprintf("/f%03d", i)
		files = append(files, v.put(p, 10))
		rs = append(rs, meta.Removal{Path: p})
		if i%10 == 0 {
			_, err := v.fs.CopyObject(v.Context(), v.root, p, 0, -1, &meta.ObjectSpec{Path: p + "copy", Mode: 0o644})
			v.ok(err)
		}
	}
	v.put("/last", 1)
	errs, err := v.fs.RemoveObjects(v.Context(), v.root, rs)
	v.ok(err)
	for _, err := range errs {
		v.ok(err)
	}
	return files
}

// due lets time pass until all data that waits is due, and wakes who removes it.
func (v *volume) due() {
	v.Helper()
	v.clock.tick(2 * time.Minute)
	v.remove(meta.Removal{Path: "/last"})
}

// settled reports whether the data of all files but the last is gone, with all that names it.
func (v *volume) settled() bool {
	v.Helper()
	st := v.state()
	for _, n := range st.refs {
		if n <= 0 {
			return false
		}
	}
	return len(st.delFiles) <= 1
}

func inAMinute(s *setup) { s.options.DeleteDelay = time.Minute }

func testDeleteTogether(t *testing.T, open Open) {
	counting := enginetest.NewCounting(open(t))
	v := newVolumeOn(t, counting, inAMinute)
	const n = 250 // three batches
	files := v.removeLater(n)
	v.due()
	counting.Reset()
	v.eventually("the data goes", v.settled)
	counts := counting.Reset()
	// For each batch one that drops files, and one that drops slices, after a try that finds that some are shared.
	if counts.Commit > 3*3 {
		t.Errorf("%d commits for %d files: %+v", counts.Commit, n, counts)
	}
	for i, f := range files {
		if shared := i%10 == 0; v.blocks.deleted(f.Chunks[0][0]) == shared {
			t.Errorf("%s: deleted is %v", f.Path, !shared)
		}
	}
}

// testDeleteApart lets the transaction fail that removes many files: each is tried by itself.
func testDeleteApart(t *testing.T, open Open) {
	for _, fault := range []enginetest.Fault{enginetest.Conflicting, enginetest.Busy, enginetest.LostBefore, enginetest.LostAfter, enginetest.Broken} {
		failing := enginetest.NewFailing(open(t))
		v := newVolumeOn(t, failing, inAMinute)
		files := v.removeLater(25)
		failing.FailOf(enginetest.Writing(engine.Delete, record.KindDelFile), fault)
		v.due()
		v.eventually("the files go", func() bool { return failing.Pending() == 0 && len(v.state().delFiles) == 1 })
		// After a lost answer slices are left that nothing refers to, until the hourly job finds them.
		v.clock.tick(2 * time.Hour)
		v.ok(v.fs.CleanUp(t.Context()))
		v.eventually("the slices go", v.settled)
		for i, f := range files {
			if shared := i%10 == 0; v.blocks.deleted(f.Chunks[0][0]) == shared {
				t.Errorf("fault %d: %s: deleted is %v", fault, f.Path, !shared)
			}
		}
	}
}

// testDeleteLarge has files of more chunks than go together.
func testDeleteLarge(t *testing.T, open Open) {
	v := newVolume(t, open, inAMinute)
	var slices []record.Slice
	for i, chunks := range []uint64{1, 199, 150, 1, 201, 1, 60} {
		p := fmt.Sprintf("/f%d", i)
		o := v.put(p, chunks*record.ChunkSize)
		for _, ss := range o.Chunks {
			slices = append(slices, ss...)
		}
		v.remove(meta.Removal{Path: p})
	}
	v.put("/last", 1)
	v.due()
	v.eventually("the data goes", func() bool { st := v.state(); return len(st.delFiles) == 1 && len(st.chunks) == 1 })
	for _, s := range slices {
		if !v.blocks.deleted(s) {
			t.Errorf("slice %d is left", s.ID)
		}
	}
}
