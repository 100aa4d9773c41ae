package fstest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"juicefs/meta"
	"juicefs/meta/engine"
	"juicefs/meta/record"
)

var statTests = []test{
	{"statistics of a directory that are missing or cannot be are counted again", testStats},
	{"statistics are counted under writers", testStatsRace},
}

// breakStat replaces the statistics of a directory, as a client that loses changes would; nil: they are missing.
func (v *volume) breakStat(dir record.Ino, s *record.DirStat) {
	v.Helper()
	it := record.Item{Key: record.DirStatKey(dir)}
	if s != nil {
		it.Value = s.Encode()
	}
	v.raw(it)
}

// dropStat removes the statistics of a directory while others write.
func (v *volume) dropStat(dir record.Ino) error {
	for {
		tx := v.eng.Begin(engine.Update)
		err := tx.Commit(v.Context(), &engine.Batch{Writes: []engine.Write{{Op: engine.Delete, Key: record.DirStatKey(dir)}}})
		tx.Discard()
		var c *engine.Conflict
		if !errors.Is(err, engine.ErrBusy) && !errors.As(err, &c) {
			return err
		}
	}
}

func testStats(t *testing.T, open Open) {
	v := newVolume(t, open)
	for _, dir := range []string{"/a", "/b", "/c"} {
		v.mkdir(dir)
		v.put(dir+"/1", 5000)
	}
	v.put("/gone/1", 1)
	a, b, c := v.ino("/a"), v.ino("/b"), v.ino("/c")
	v.breakStat(a, nil)
	v.breakStat(b, &record.DirStat{Length: 5000, Space: 8192, Inodes: -1})
	wrong := record.DirStat{Length: 1, Space: 4096, Inodes: 1}
	v.breakStat(c, &wrong)
	// A client that has nothing to do with a directory does not look at it.
	v.ok(v.fs.CleanUp(t.Context())) // this one has changed all of them, and looks
	w := v.client()
	if st := v.state().stats; st[c] != wrong || st[b].Inodes != 1 || st[a].Length != 5000 {
		t.Errorf("statistics are %+v", st)
	}
	v.breakStat(a, nil)
	v.ok(w.fs.CleanUp(t.Context()))
	if _, ok := v.state().stats[a]; ok {
		t.Error("a client looked at a directory that it has not changed")
	}
	w.put("/a/2", 1)
	w.put("/gone/2", 1)
	w.remove(meta.Removal{Path: "/gone/1"})
	w.remove(meta.Removal{Path: "/gone/2"})
	w.ok(w.fs.Rmdir(t.Context(), w.root, "/gone"))
	w.ok(w.fs.CleanUp(t.Context()))
	if st := v.state().stats[a]; st != (record.DirStat{Length: 5001, Space: 12288, Inodes: 2}) {
		t.Errorf("statistics are %+v", st)
	}
	// What was right is looked at again after an hour.
	v.breakStat(a, &record.DirStat{Length: -1})
	w.put("/a/3", 1)
	w.ok(w.fs.CleanUp(t.Context()))
	if st := v.state().stats[a]; st.Length != 0 {
		t.Errorf("looked at again at once: %+v", st)
	}
	v.clock.tick(2 * time.Hour)
	w.ok(w.fs.CleanUp(t.Context()))
	w.put("/a/4", 1)
	w.put("/a/5", 0)
	v.breakStat(a, &record.DirStat{Length: -1})
	w.ok(w.fs.CleanUp(t.Context()))
	v.breakStat(c, &record.DirStat{Length: 5000, Space: 8192, Inodes: 1})
	v.check()
}

func testStatsRace(t *testing.T, open Open) {
	v := newVolume(t, open)
	v.put("/d/f", 1)
	d := v.ino("/d")
	var writers, counter sync.WaitGroup
	stop := make(chan struct{})
	counter.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			if err := v.fs.CleanUp(v.Context()); err != nil {
				v.Errorf("clean up: %v", err)
			}
		}
	})
	writers.Go(func() {
		defer close(stop)
		v.parallel(4, func(worker int, _ *rand.Rand) error {
			for i := range 30 {
				if worker == 0 && i%3 == 0 {
					if err := v.dropStat(d); err != nil {
						return err
					}
					v.clock.tick(time.Hour) // so that it is looked at again
				}
				s := v.spec(fmt.Sprintf("/d/%d-%d", worker, i%7), uint64(1000*i))
				if _, err := v.fs.CommitObject(v.Context(), v.root, s); err != nil {
					return err
				}
			}
			return nil
		})
	})
	writers.Wait()
	counter.Wait()
	v.clock.tick(time.Hour)
	v.ok(v.fs.CleanUp(v.Context())) // forgets what it knew
	v.put("/d/last", 1)
	v.ok(v.fs.CleanUp(v.Context()))
	v.check()
}
