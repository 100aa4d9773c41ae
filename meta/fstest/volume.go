package fstest

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"juicefs/meta"
	"juicefs/meta/engine"
	"juicefs/meta/record"
)

// patience is how long a test waits for background work.
const patience = 20 * time.Second

// volume is a volume in a fresh database with one client of it, and a caller that is root with a umask of 022.
type volume struct {
	*testing.T
	eng    engine.Engine
	fs     *meta.FS
	clock  *clock
	blocks *blocks
	root   *meta.Caller
	setup  *setup
}

// setup says how a volume and its client differ from the usual ones.
type setup struct {
	setting record.Setting
	options meta.Options
	limits  bool // there is a quota, far from reached
	lax     bool // totals and statistics are not checked in the end
}

type option func(*setup)

// withTrash keeps what is removed for a day.
func withTrash(s *setup) { s.setting.TrashDays = 1 }

// withACL allows access control lists.
func withACL(s *setup) { s.setting.EnableACL = true }

// withOwners keeps the usage of users and groups.
func withOwners(s *setup) { s.setting.UserGroupQuota = true }

// withoutStats keeps no statistics of directories.
func withoutStats(s *setup) { s.setting.DirStats = false }

// limited is a volume of a size and number of inodes.
func limited(space, inodes uint64) option {
	return func(s *setup) { s.setting.Capacity, s.setting.Inodes = space, inodes }
}

// with changes options of the client.
func with(f func(*meta.Options)) option { return func(s *setup) { f(&s.options) } }

// newVolume formats a volume and starts a client. At the end of the test everything in it is checked.
func newVolume(t *testing.T, open Open, opts ...option) *volume {
	t.Helper()
	return newVolumeOn(t, open(t), opts...)
}

// newVolumeOn is newVolume on an engine that was opened before. It is closed at the end of the test.
func newVolumeOn(t *testing.T, eng engine.Engine, opts ...option) *volume {
	t.Helper()
	v := &volume{T: t, eng: eng, clock: newClock(), root: &meta.Caller{Umask: 0o022}}
	v.blocks = &blocks{gone: map[record.SliceID]int{}}
	v.setup = &setup{setting: record.Setting{Name: "test", UUID: "6c5b1a52-2d0b-4f4a-8f0e-2f0c6f3c7d11", Storage: "file", Bucket: "/x/",
		BlockSize: 4096, MetaVersion: 1, MinClientVersion: "1.1.0-A", DirStats: true}}
	v.setup.options = meta.Options{NoBackground: true, FlushTotals: time.Millisecond, Now: v.clock.now, DeleteSlice: v.blocks.delete, DeleteDelay: -1, SkipDirMtime: -1}
	for _, o := range opts {
		o(v.setup)
	}
	if err := meta.Format(t.Context(), v.eng, &v.setup.setting, false); err != nil {
		t.Fatalf("format: %v", err)
	}
	t.Cleanup(func() { shut(t, v.eng) })
	v.start()
	t.Cleanup(v.finish)
	return v
}

// start opens the volume and starts a session.
func (v *volume) start() {
	v.Helper()
	o := v.setup.options
	o.Logger = slog.New(slog.NewTextHandler(logWriter{v.T}, &slog.HandlerOptions{Level: slog.LevelWarn}))
	fs, err := meta.Open(v.Context(), v.eng, o)
	if err != nil {
		v.Fatalf("open: %v", err)
	}
	if err := fs.StartSession(v.Context()); err != nil {
		v.Fatalf("start session: %v", err)
	}
	v.fs = fs
}

// client is another client of the same volume, with its own options. Its session ends with the test.
func (v *volume) client(opts ...option) *volume {
	v.Helper()
	w := *v
	s := *v.setup
	w.setup = &s
	for _, o := range opts {
		o(w.setup)
	}
	w.start()
	v.Cleanup(w.stop)
	return &w
}

func (v *volume) stop() {
	v.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := v.fs.Close(ctx); err != nil {
		v.Errorf("close: %v", err)
	}
}

// finish checks the volume while its session lives and again when it has ended.
func (v *volume) finish() {
	v.Helper()
	if !v.Failed() {
		v.check()
	}
	v.stop()
	if !v.Failed() {
		v.check()
	}
}

// check reads all records and reports what does not fit.
func (v *volume) check() {
	v.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var found []string
	var err error
	// A background deletion between two scans is no fault of the volume: what does not go away is.
	poll(func() bool {
		var st *state
		if st, err = readState(ctx, v.eng); err != nil {
			return true
		}
		found = append(st.faults(v.setup.lax), v.blocks.lost(st)...)
		return len(found) == 0
	}, 2*time.Second)
	if err != nil {
		v.Errorf("check: %v", err)
	}
	for i, f := range found {
		if i == 20 {
			v.Errorf("and %d more", len(found)-i)
			break
		}
		v.Errorf("check: %s", f)
	}
}

// poll asks until ok or the time is over.
func poll(ok func() bool, most time.Duration) bool {
	end := time.Now().Add(most)
	for !ok() {
		if time.Now().After(end) {
			return false
		}
		time.Sleep(2 * time.Millisecond)
	}
	return true
}

// eventually fails the test if background work does not get there.
func (v *volume) eventually(what string, ok func() bool) {
	v.Helper()
	if !poll(ok, patience) {
		v.Fatalf("%s: it did not happen within %v", what, patience)
	}
}

// logWriter shows what is logged as part of a test.
type logWriter struct{ t *testing.T }

func (w logWriter) Write(b []byte) (int, error) {
	if w.t.Context().Err() == nil { // after the test only clean-up may log
		w.t.Logf("%s", b)
	}
	return len(b), nil
}

// clock is a clock that stands still until it is told.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func newClock() *clock { return &clock{t: time.Date(2040, 11, 23, 13, 30, 0, 123456789, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

// tick moves the clock and returns its new time.
func (c *clock) tick(d time.Duration) record.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
	return record.TimeOf(c.t)
}

// blocks stands for the object store: it knows which slices were deleted.
type blocks struct {
	mu   sync.Mutex
	gone map[record.SliceID]int
	fail error
}

func (b *blocks) delete(_ context.Context, s record.SliceID) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.fail != nil {
		return b.fail
	}
	b.gone[s]++
	return nil
}

func (b *blocks) deleted(s record.Slice) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.gone[record.SliceID{ID: s.ID, Size: s.Size}] > 0
}

func (b *blocks) failWith(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.fail = err
}

// lost holds that nothing that a chunk refers to was deleted, and returns what was.
func (b *blocks) lost(st *state) (found []string) {
	for ino, chunks := range st.chunks {
		for i, ss := range chunks {
			for _, s := range ss {
				if s.ID != 0 && b.deleted(s) {
					found = append(found, fmt.Sprintf("slice %d of inode %d, chunk %d was deleted", s.ID, ino, i))
				}
			}
		}
	}
	return found
}
