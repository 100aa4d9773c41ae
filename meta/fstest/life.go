package fstest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"juicefs/meta"
	"juicefs/meta/record"
)

var lifeTests = []test{
	{"an open file outlives its last name", testSustained},
	{"an open file that is replaced or renamed over", testSustainedOther},
	{"the end of a session frees what it had open", testSustainedClose},
	{"a session that died is cleaned up", testStaleSession},
	{"sessions are registered", testSessions},
	{"heartbeats renew, and bring news", testHeartbeat},
	{"jobs run where nobody else runs them", testJobs},
	{"a file closed while its last name goes", testSustainedRace},
	{"deletion of data is retried", testDeleteRetry},
	{"data is deleted after a delay", testDeleteDelay},
	{"BSD locks", testFlock},
	{"range locks", testRangeLock},
	{"range locks of one owner", testRangeLockLay},
	{"locks end with their session", testLocksEnd},
	{"hour directories are shared by clients", testHours},
}

func testSustained(t *testing.T, open Open) {
	v := newVolume(t, open, withOwners)
	f := v.put("/f", 5000)
	v.ok(v.fs.SetXattr(t.Context(), v.root, f.Ino, "x", []byte("1"), 0))
	_, release, err := v.fs.OpenFile(t.Context(), v.root, f.Ino, syscall.O_RDWR)
	v.ok(err)
	again, ok := v.fs.OpenInode(f.Ino)
	if !ok {
		t.Fatal("a second open was refused")
	}
	v.remove(meta.Removal{Path: "/f"})
	a, err := v.fs.GetAttr(t.Context(), f.Ino)
	v.ok(err)
	if a.Nlink != 0 || len(v.state().sustained) != 1 || v.state().counters[record.CounterSpace] != 8192 {
		t.Errorf("without a name it is %+v, sustained %v", a, v.state().sustained)
	}
	v.check()
	v.write(f.Ino, 0, 0, v.slice(20000))
	_, err = v.fs.Truncate(t.Context(), nil, f.Ino, 100)
	v.ok(err)
	v.check()
	_, err = v.fs.Link(t.Context(), v.root, f.Ino, 1, "g")
	v.code(err, syscall.ENOENT)
	v.code(v.fs.SetXattr(t.Context(), v.root, f.Ino, "x", nil, 0), syscall.ENOENT)
	release()
	if _, err := v.fs.GetAttr(t.Context(), f.Ino); err != nil {
		t.Errorf("gone while still open: %v", err)
	}
	again()
	v.eventually("it goes with the last handle", func() bool { return v.blocks.deleted(f.Chunks[0][0]) && len(v.state().delFiles) == 0 })
	if st := v.state(); len(st.attrs) != 1 || len(st.sustained) != 0 {
		t.Errorf("left: %v, %v", st.attrs, st.sustained)
	}
}

func testSustainedOther(t *testing.T, open Open) {
	v := newVolume(t, open)
	f, g := v.put("/f", 10), v.put("/g", 10)
	v.link("/g", "/g2")
	var files []record.Slice
	for _, o := range []*meta.Object{f, g} {
		release, ok := v.fs.OpenInode(o.Ino)
		if !ok {
			t.Fatal("open was refused")
		}
		t.Cleanup(release)
		files = append(files, o.Chunks[0][0])
	}
	v.put("/f", 1)
	v.put("/x", 1)
	v.rename("/x", "/g", 0)
	v.remove(meta.Removal{Path: "/g2"})
	v.check()
	if got := v.chunk(f.Ino, 0); len(got) != 1 || v.blocks.deleted(files[0]) || v.blocks.deleted(files[1]) {
		t.Errorf("data of open files is gone")
	}
	if n := len(v.state().sustained); n != 2 {
		t.Errorf("%d files are sustained", n)
	}
}

func testSustainedClose(t *testing.T, open Open) {
	v := newVolume(t, open)
	w := v.client()
	f := v.put("/f", 10)
	if _, ok := w.fs.OpenInode(f.Ino); !ok {
		t.Fatal("open was refused")
	}
	w.remove(meta.Removal{Path: "/f"})
	if n := len(v.state().sustained); n != 1 {
		t.Errorf("%d files are sustained", n)
	}
	w.stop()
	st := v.state()
	if len(st.sustained) != 0 || st.attrs[f.Ino] != nil || len(st.delFiles) != 1 || len(st.sessions) != 1 {
		t.Errorf("after the end of the session: sustained %v, deleted %v, sessions %v", st.sustained, st.delFiles, st.sessions)
	}
	// The data is left to others, who do not touch it for an hour.
	v.ok(v.fs.CleanUp(t.Context()))
	if v.blocks.deleted(f.Chunks[0][0]) {
		t.Errorf("data was deleted within the hour")
	}
	v.clock.tick(time.Hour + time.Second)
	v.ok(v.fs.CleanUp(t.Context()))
	if st := v.state(); !v.blocks.deleted(f.Chunks[0][0]) || len(st.delFiles)+len(st.refs)+len(st.chunks) != 0 {
		t.Errorf("left: deleted %v, references %v, chunks %v", st.delFiles, st.refs, st.chunks)
	}
}

func testStaleSession(t *testing.T, open Open) {
	v := newVolume(t, open)
	w := v.client()
	f, g := v.put("/f", 10), v.put("/g", 10)
	if _, ok := w.fs.OpenInode(f.Ino); !ok {
		t.Fatal("open was refused")
	}
	w.remove(meta.Removal{Path: "/f"})
	v.ok(w.fs.Flock(t.Context(), g.Ino, 1, meta.LockExclusive, false))
	v.ok(w.fs.SetRangeLock(t.Context(), g.Ino, 1, meta.RangeLock{Type: meta.RangeWrite, End: 10}, false))
	v.clock.tick(61 * time.Second)
	u := v.client() // fresh, unlike both others
	u.ok(u.fs.CleanUp(t.Context()))
	st := v.state()
	if len(st.sessions) != 1 || len(st.sustained) != 0 || st.attrs[f.Ino] != nil {
		t.Errorf("sessions %v, sustained %v", st.sessions, st.sustained)
	}
	v.eventually("the data is deleted", func() bool { return v.blocks.deleted(f.Chunks[0][0]) })
	v.ok(u.fs.Flock(t.Context(), g.Ino, 1, meta.LockExclusive, false))
	v.ok(u.fs.SetRangeLock(t.Context(), g.Ino, 1, meta.RangeLock{Type: meta.RangeWrite, End: 10}, false))
}

func testSessions(t *testing.T, open Open) {
	v := newVolume(t, open)
	v.client(with(func(o *meta.Options) { o.MountPoint, o.HostName = "/mnt", "h" }))
	all, err := v.fs.Sessions(t.Context())
	v.ok(err)
	if len(all) != 2 || all[0].ID != 1 || all[1].ID != 2 || all[0].Expire != v.clock.now().Truncate(time.Second).Add(60*time.Second) {
		t.Errorf("sessions %+v", all)
	}
}

// fastBeat lets a client look every few milliseconds.
var fastBeat = with(func(o *meta.Options) { o.Heartbeat = 20 * time.Millisecond })

func testHeartbeat(t *testing.T, open Open) {
	v := newVolume(t, open)
	replaced := make(chan error, 1)
	w := v.client(fastBeat, with(func(o *meta.Options) {
		o.OnReplaced = func(err error) {
			select {
			case replaced <- err:
			default:
			}
		}
	}))
	now := v.clock.tick(time.Minute)
	v.eventually("the session is renewed", func() bool {
		all, err := v.fs.Sessions(t.Context())
		return err == nil && len(all) == 2 && all[1].Expire.Unix() >= now.Sec
	})
	// Settings and quotas that others change.
	s := v.setup.setting
	s.TrashDays = 7
	v.ok(meta.Format(t.Context(), v.eng, &s, false))
	v.mkdir("/q")
	v.limit("/q", 0, 1)
	v.eventually("the setting is read again", func() bool { return w.fs.Setting().TrashDays == 7 })
	// A client that does not know of the quota yet does not count for it. So nothing may be removed again: removals that are
	// counted, of what was not, would leave room that is not there.
	tries := 0
	v.eventually("the quota is seen", func() bool {
		tries++
		_, err := w.fs.CommitObject(t.Context(), w.root, &meta.ObjectSpec{Path: fmt.Sprintf("/q/%d/y", tries), Parents: true, Mode: 0o644})
		return errors.Is(err, syscall.EDQUOT)
	})
	v.ok(v.fs.DelQuota(t.Context(), record.QuotaDir, uint64(v.ino("/q")))) // it missed what was done before it was seen
	if len(replaced) > 0 {
		t.Errorf("replaced: %v", <-replaced)
	}
	s.UUID = "00000000-0000-0000-0000-000000000000"
	b, err := s.Encode()
	v.ok(err)
	old := v.state().setting
	v.raw(record.Item{Key: record.SettingKey(), Value: b})
	select {
	case err = <-replaced:
		if !errors.Is(err, meta.ErrReplaced) {
			t.Errorf("told of %v", err)
		}
	case <-time.After(patience):
		t.Errorf("nobody was told")
	}
	b, err = old.Encode()
	v.ok(err)
	v.raw(record.Item{Key: record.SettingKey(), Value: b})
}

func testJobs(t *testing.T, open Open) {
	v := newVolume(t, open)
	dead := v.client()
	f := v.put("/f", 1)
	v.ok(dead.fs.Flock(t.Context(), f.Ino, 1, meta.LockExclusive, false))
	v.clock.tick(2 * time.Hour)
	v.client(fastBeat, with(func(o *meta.Options) { o.NoBackground = false }))
	v.eventually("sessions that died are cleaned up", func() bool { return len(v.state().sessions) == 1 })
	v.ok(v.fs.Flock(t.Context(), f.Ino, 1, meta.LockExclusive, false))
	if n := v.state().counters[record.CounterLastSessions]; n != v.clock.tick(0).Sec {
		t.Errorf("the last clean-up was at %d", n)
	}
	v.ok(v.fs.Flock(t.Context(), f.Ino, 1, meta.LockNone, false))
}

// testSustainedRace closes files while they lose their last name: none may stay.
func testSustainedRace(t *testing.T, open Open) {
	v := newVolume(t, open)
	v.parallel(4, func(i int, _ *rand.Rand) error {
		for n := range 25 {
			p := fmt.Sprintf("/%d-%d", i, n)
			o, err := v.fs.CommitObject(v.Context(), v.root, &meta.ObjectSpec{Path: p, Mode: 0o644})
			if err != nil {
				return err
			}
			release, ok := v.fs.OpenInode(o.Ino)
			if !ok {
				return errors.New("open was refused")
			}
			var wg sync.WaitGroup
			wg.Go(release)
			err = v.tryRemove(v.root, meta.Removal{Path: p})
			wg.Wait()
			if err != nil {
				return err
			}
		}
		return nil
	})
	v.eventually("nothing stays", func() bool { st := v.state(); return len(st.attrs) == 1 && len(st.sustained) == 0 })
}

func testDeleteRetry(t *testing.T, open Open) {
	v := newVolume(t, open)
	v.blocks.failWith(errors.New("store is away"))
	f := v.put("/f", 10)
	v.remove(meta.Removal{Path: "/f"})
	v.eventually("the chunk goes", func() bool { return len(v.state().chunks) == 0 })
	v.eventually("the reference count says that nothing is left", func() bool { n, ok := v.state().refs[f.Chunks[0][0].ID]; return ok && n == 0 })
	v.blocks.failWith(nil)
	v.clock.tick(2 * time.Hour)
	v.ok(v.fs.CleanUp(t.Context()))
	st := v.state()
	if !v.blocks.deleted(f.Chunks[0][0]) || len(st.refs) != 0 || len(st.delFiles) != 0 {
		t.Errorf("left: references %v, files %v", st.refs, st.delFiles)
	}
}

func testDeleteDelay(t *testing.T, open Open) {
	v := newVolume(t, open, with(func(o *meta.Options) { o.DeleteDelay = time.Minute }))
	f := v.put("/f", 10)
	v.remove(meta.Removal{Path: "/f"})
	g := v.put("/g", 10)
	v.clock.tick(59 * time.Second)
	v.remove(meta.Removal{Path: "/g"}) // wakes the deleter
	if v.blocks.deleted(f.Chunks[0][0]) {
		t.Errorf("deleted at once")
	}
	v.clock.tick(2 * time.Second) // it waits a second for others
	v.put("/h", 10)
	v.remove(meta.Removal{Path: "/h"})
	v.eventually("it is deleted after a minute", func() bool { return v.blocks.deleted(f.Chunks[0][0]) })
	if v.blocks.deleted(g.Chunks[0][0]) {
		t.Errorf("the second was deleted too early")
	}
}

func testFlock(t *testing.T, open Open) {
	v := newVolume(t, open)
	w := v.client()
	ino := v.put("/f", 1).Ino
	lock := func(c *volume, owner uint64, typ byte) error { return c.fs.Flock(t.Context(), ino, owner, typ, false) }
	v.ok(lock(v, 1, meta.LockShared))
	v.ok(lock(w, 1, meta.LockShared))
	v.code(lock(v, 1, meta.LockExclusive), syscall.EAGAIN)
	v.code(lock(v, 2, meta.LockExclusive), syscall.EAGAIN)
	v.ok(lock(w, 1, meta.LockNone))
	v.ok(lock(v, 1, meta.LockExclusive))
	v.code(lock(w, 1, meta.LockShared), syscall.EAGAIN)
	v.code(lock(v, 2, meta.LockShared), syscall.EAGAIN)
	// Waiting.
	var wg sync.WaitGroup
	got := make(chan error, 1)
	wg.Go(func() { got <- w.fs.Flock(t.Context(), ino, 5, meta.LockExclusive, true) })
	select {
	case err := <-got:
		t.Errorf("did not wait: %v", err)
	case <-time.After(20 * time.Millisecond):
	}
	v.ok(lock(v, 1, meta.LockNone))
	wg.Wait()
	v.ok(<-got)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := v.fs.Flock(ctx, ino, 1, meta.LockShared, true); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("waited, and got %v", err)
	}
	v.ok(lock(w, 5, meta.LockNone))
	v.ok(lock(w, 5, meta.LockNone))
}

func testRangeLock(t *testing.T, open Open) {
	v := newVolume(t, open)
	w := v.client()
	ino := v.put("/f", 1).Ino
	lock := func(c *volume, owner uint64, typ uint32, from, to uint64) error {
		return c.fs.SetRangeLock(t.Context(), ino, owner, meta.RangeLock{Type: typ, PID: uint32(owner) + 100, Start: from, End: to}, false)
	}
	v.ok(lock(v, 1, meta.RangeWrite, 50, 149))
	v.ok(lock(v, 1, meta.RangeRead, 100, 199))
	v.ok(lock(w, 1, meta.RangeRead, 100, 1<<63-1))
	v.code(lock(w, 1, meta.RangeRead, 99, 99), syscall.EAGAIN)
	v.code(lock(v, 2, meta.RangeWrite, 150, 150), syscall.EAGAIN)
	v.code(lock(v, 1, meta.RangeWrite, 150, 150), syscall.EAGAIN)
	v.ok(lock(v, 2, meta.RangeWrite, 0, 49))
	v.code(lock(v, 1, 3, 0, 1), syscall.EINVAL)
	v.code(lock(v, 1, meta.RangeRead, 2, 1), syscall.EINVAL)
	get := func(c *volume, owner uint64, typ uint32, from, to uint64) meta.RangeLock {
		l, err := c.fs.GetRangeLock(t.Context(), ino, owner, meta.RangeLock{Type: typ, Start: from, End: to})
		v.ok(err)
		return l
	}
	for _, c := range []struct{ got, want meta.RangeLock }{
		{get(v, 3, meta.RangeRead, 60, 60), meta.RangeLock{Type: meta.RangeWrite, PID: 101, Start: 50, End: 99}},
		{get(w, 3, meta.RangeRead, 60, 60), meta.RangeLock{Type: meta.RangeWrite, Start: 50, End: 99}},
		{get(v, 1, meta.RangeRead, 60, 60), meta.RangeLock{Type: meta.RangeUnlock}},
		{get(v, 3, meta.RangeRead, 160, 170), meta.RangeLock{Type: meta.RangeUnlock}},
		{get(v, 3, meta.RangeWrite, 1000, 1000), meta.RangeLock{Type: meta.RangeRead, Start: 100, End: 1<<63 - 1}},
	} {
		if d := cmp.Diff(c.got, c.want); d != "" {
			t.Errorf("in the way (-got +want):\n%s", d)
		}
	}
	v.ok(lock(w, 1, meta.RangeUnlock, 0, 1<<63-1))
	v.ok(lock(v, 1, meta.RangeUnlock, 0, 1<<63-1))
	v.ok(lock(v, 2, meta.RangeUnlock, 0, 1<<63-1))
	v.ok(lock(v, 9, meta.RangeUnlock, 0, 1<<63-1))
	v.ok(lock(w, 1, meta.RangeWrite, 0, 1<<64-1))
}

// testRangeLockLay compares what one owner holds with an array, a lock a byte.
func testRangeLockLay(t *testing.T, open Open) {
	v := newVolume(t, open)
	r := random(t)
	ino := v.put("/f", 1).Ino
	var held [32]uint32
	for i := range held {
		held[i] = meta.RangeUnlock
	}
	for range 100 {
		from := r.Uint64N(32)
		to := from + r.Uint64N(32-from)
		typ := r.Uint32N(3)
		v.ok(v.fs.SetRangeLock(t.Context(), ino, 1, meta.RangeLock{Type: typ, Start: from, End: to}, false))
		for i := from; i <= to; i++ {
			held[i] = typ
		}
		for i := range held {
			got, err := v.fs.GetRangeLock(t.Context(), ino, 2, meta.RangeLock{Type: meta.RangeWrite, Start: uint64(i), End: uint64(i)})
			v.ok(err)
			if got.Type != held[i] {
				t.Fatalf("byte %d is locked as %d, want %v", i, got.Type, held)
			}
			if got.Type != meta.RangeUnlock && (got.Start > 0 && held[got.Start-1] == got.Type || got.End < 31 && held[got.End+1] == got.Type) {
				t.Fatalf("the lock %+v is not merged with its neighbours: %v", got, held)
			}
		}
	}
}

func testLocksEnd(t *testing.T, open Open) {
	v := newVolume(t, open)
	w := v.client()
	ino := v.put("/f", 1).Ino
	v.ok(w.fs.Flock(t.Context(), ino, 1, meta.LockExclusive, false))
	v.ok(w.fs.SetRangeLock(t.Context(), ino, 1, meta.RangeLock{Type: meta.RangeWrite, End: 10}, false))
	v.ok(v.fs.SetRangeLock(t.Context(), ino, 1, meta.RangeLock{Type: meta.RangeWrite, Start: 20, End: 30}, false))
	w.stop()
	v.ok(v.fs.Flock(t.Context(), ino, 1, meta.LockExclusive, false))
	v.ok(v.fs.SetRangeLock(t.Context(), ino, 1, meta.RangeLock{Type: meta.RangeWrite, End: 10}, false))
}

func testHours(t *testing.T, open Open) {
	v := newVolume(t, open, withTrash, withOwners)
	w := v.client()
	for i := range 3 {
		for n, c := range []*volume{v, w} {
			p := fmt.Sprintf("/f%d-%d", i, n)
			c.put(p, 1)
			c.remove(meta.Removal{Path: p})
		}
		v.clock.tick(time.Hour)
	}
	v.wantNames("/.trash", "2040-11-23-13", "2040-11-23-14", "2040-11-23-15")
	if got := v.trash(); len(got) != 6 {
		t.Errorf("the trash has %q", got)
	}
	old := v.put("/old", 1)
	v.remove(meta.Removal{Path: "/old"})
	// An hour goes when all in it is older than the trash keeps it.
	v.clock.tick(22*time.Hour + 29*time.Minute + 59*time.Second)
	v.ok(v.fs.CleanUp(t.Context()))
	v.wantNames("/.trash", "2040-11-23-13", "2040-11-23-14", "2040-11-23-15", "2040-11-23-16")
	v.clock.tick(2 * time.Second)
	v.ok(v.fs.CleanUp(t.Context()))
	v.wantNames("/.trash", "2040-11-23-14", "2040-11-23-15", "2040-11-23-16")
	if v.blocks.deleted(old.Chunks[0][0]) {
		t.Errorf("removed too early")
	}
	v.clock.tick(24 * time.Hour)
	v.ok(v.fs.CleanUp(t.Context()))
	v.wantNames("/.trash")
	v.eventually("the data is deleted", func() bool { return v.blocks.deleted(old.Chunks[0][0]) })
}
