package fstest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"juicefs/meta"
	"juicefs/meta/engine"
	"juicefs/meta/engine/enginetest"
	"juicefs/meta/record"
)

// remoteEngine says that calls cost a turnaround, which is when paths are remembered.
type remoteEngine struct{ engine.Engine }

// Info is that of the engine, at a distance.
func (r remoteEngine) Info() engine.Info {
	i := r.Engine.Info()
	i.Remote = true
	return i
}

// RunRemembering runs what walks paths on an engine whose clients remember them, which they otherwise do on remote ones only.
func RunRemembering(t *testing.T, open Open) {
	length := steps(long)
	run(t, func(t *testing.T) engine.Engine { return remoteEngine{open(t)} }, [][]test{objectTests, listTests, renameTests, statTests, quotaTests, historyTests(length), parallelTests(length)})
}

func rememberTests(steps int) []test {
	return []test{
		{"turnarounds with remembered paths", testRememberedBudgets},
		{"what is remembered and not true costs no more than a walk", testWrongMemory},
		{"names are not guessed where they often are there", testDoubt},
		{"errors are of what is there, not of what is remembered", testMemoryErrors},
		{"limits are of what is there, not of what is remembered", testMemoryLimits},
		{"lost answers of commits from memory", testMemoryLost},
		{"two clients that remember, on few names", func(t *testing.T, open Open) { testMemoryRace(t, open, steps) }},
		{"random histories of two clients that remember agree with a model", func(t *testing.T, open Open) { testMemoryHistory(t, open, steps) }},
	}
}

// remembering has a client remember so many names.
func remembering(names int) option { return with(func(o *meta.Options) { o.Remember = names }) }

// pair is a volume with two clients that remember, whose calls are counted.
type pair struct {
	*volume
	other    *volume
	counting *enginetest.Counting
}

func newPair(t *testing.T, open Open, opts ...option) *pair {
	t.Helper()
	counting := enginetest.NewCounting(open(t))
	opts = append(opts, remembering(100), with(func(o *meta.Options) { o.Deletes = -1 }))
	p := &pair{volume: newVolumeOn(t, counting, opts...), counting: counting}
	p.other = p.client()
	for _, v := range []*volume{p.volume, p.other} { // takes ids, and makes the hour of the trash
		v.put("/warm", 1)
		v.put("/warm", 1)
	}
	return p
}

// costs makes a call that takes so many turnarounds.
func (p *pair) costs(what string, want int64, call func() error) {
	p.Helper()
	p.counting.Reset()
	err := call()
	got := p.counting.Counts()
	if err != nil {
		p.Fatalf("%s: %v", what, err)
	}
	if got.Turnarounds() != want {
		p.Errorf("%s: %d turnarounds, want %d: %+v", what, got.Turnarounds(), want, got)
	}
}

// tells reports whether an engine says what is on a path when a batch does not apply.
func tells(t *testing.T, e engine.Engine) bool {
	t.Helper()
	err := e.Begin(engine.Update).Commit(t.Context(), &engine.Batch{Checks: []engine.Check{{Kind: engine.Same, Key: record.AttrKey(record.Root)}},
		Writes: []engine.Write{{Op: engine.Delete, Key: record.EntryKey(record.Root, "none")}}, Otherwise: &engine.WalkQuery{From: record.Root, Names: []string{"none"}}})
	var c *engine.Conflict
	if !errors.As(err, &c) {
		t.Fatalf("got %v, want a conflict", err)
	}
	return c.Walked != nil
}

func testRememberedBudgets(t *testing.T, open Open) {
	for _, opts := range [][]option{nil, {withTrash, withOwners}} {
		p := newPair(t, open, opts...)
		p.put(deep+"/first", 1)
		p.costs("PUT of a new key", 1, func() error { return commitNew(p.volume, deep+"/new", 1) })
		p.costs("PUT of another new key, of three chunks", 1, func() error { return commitNew(p.volume, deep+"/large", 130*mib) })
		p.costs("PUT of a new key in a directory above", 1, func() error { return commitNew(p.volume, "/b/c/new", 1) })
		p.costs("PUT that replaces what this client put", 1, func() error { return commitNew(p.volume, deep+"/new", 1) })
		p.costs("PUT on the condition that the key is new", 1, func() error {
			s := p.spec(deep+"/fresh", 1)
			s.Allow = onlyNew
			_, err := p.fs.CommitObject(t.Context(), p.root, s)
			return err
		})
		p.remove(meta.Removal{Path: deep + "/new"})
		p.costs("PUT of a key that this client removed", 1, func() error { return commitNew(p.volume, deep+"/new", 1) })
		if walks(p.eng) {
			for what, to := range map[string]string{"copy in a directory": deep + "/copy", "copy to another directory": "/b/c/copy"} {
				p.costs(what, 2, func() error {
					_, err := p.fs.CopyObject(t.Context(), p.root, deep+"/first", 0, -1, p.spec(to, 0))
					return err
				})
			}
			p.remove(meta.Removal{Path: deep + "/copy"})
		}
		p.put("/x/y/z/w/first", 1)
		p.costs("PUT into a directory that this client made", 1, func() error { return commitNew(p.volume, "/x/y/z/w/second", 1) })
		p.costs("PUT by a client that remembers nothing", p.cold(), func() error { return commitNew(p.other, deep+"/other", 1) })
		p.costs("PUT by a client that remembers", 1, func() error { return commitNew(p.other, deep+"/another", 1) })
		p.wantNames(deep, "another", "first", "fresh", "large", "new", "other")
		p.wantNames("/x/y/z/w", "first", "second")
	}
}

var errTaken = errors.New("taken")

// onlyNew is the condition that there is no object.
func onlyNew(old *meta.Object) error {
	if old != nil {
		return errTaken
	}
	return nil
}

// walks reports whether an engine walks a path at once.
func walks(e engine.Engine) bool {
	w, _ := fast(e)
	return w
}

// cold is what a PUT into deep costs without memory.
func (p *pair) cold() int64 {
	if walks(p.eng) {
		return 2
	}
	return 6
}

// missed is what a PUT into deep costs whose guess was wrong, if it replaces or not.
func (p *pair) missed(replaces bool) int64 {
	n := p.cold()
	if replaces && !walks(p.eng) {
		n++
	}
	if !tells(p.T, p.eng) {
		return 1 + n
	}
	return 2
}

func testWrongMemory(t *testing.T, open Open) {
	for _, opts := range [][]option{nil, {withTrash}} {
		p := newPair(t, open, opts...)
		// Each case: both clients know the directory; the other changes something; then this one puts a key.
		for i, c := range []struct {
			name     string
			change   func(o *volume, key string)
			replaces bool
			path     string // of what is put; empty: the key
			want     int64  // turnarounds; 0: as after any wrong guess
		}{
			{name: "another client put the key", change: func(o *volume, key string) { o.put(key, 5) }, replaces: true},
			{name: "another client put a key beside it", change: func(o *volume, key string) { o.put(key+"-", 5) }, want: 1},
			{name: "the directory's times changed", change: func(o *volume, _ string) { o.clock.tick(time.Hour) }, want: 1},
			{name: "the directory's mode changed", change: func(o *volume, _ string) { o.setMode(deep, 0o711) }},
			{name: "the root's mode changed", change: func(o *volume, _ string) { o.setMode("/", 0o711) }},
			{name: "the directory was removed and made again", change: func(o *volume, key string) {
				o.ok(o.fs.RemoveTree(o.Context(), o.root, deep, true))
				o.put(key+"-", 1)
			}},
			{name: "a directory above was moved and made again", change: func(o *volume, key string) {
				o.rename("/b/c", "/old"+key[len(deep)+1:], 0)
				o.put(key+"-", 1)
			}},
			{name: "the directory was removed", change: func(o *volume, _ string) { o.ok(o.fs.RemoveTree(o.Context(), o.root, deep, true)) }},
		} {
			key := fmt.Sprintf("%s/k%d", deep, i)
			p.put(deep+"/known", 1)
			c.change(p.other, key)
			want := c.want
			if want == 0 {
				want = p.missed(c.replaces)
			}
			before := p.state().counters[record.CounterInode]
			if strings.HasSuffix(c.name, "was removed") && !tells(p.T, p.eng) && !walks(p.eng) {
				want = 1 + 5 // a walk is shorter where less is there
			}
			p.costs(c.name, want, func() error { return commitNew(p.volume, key, 7) })
			if o := p.get(key); o.Attr.Length != 7 {
				t.Errorf("%s: %+v", c.name, o.Attr)
			}
			if after := p.state().counters[record.CounterInode]; after != before {
				t.Errorf("%s: inode numbers were taken", c.name)
			}
		}
	}
}

// testDoubt replaces keys that another client put, then puts new ones.
func testDoubt(t *testing.T, open Open) {
	p := newPair(t, open)
	p.put(deep+"/known", 1)
	for i := range 6 {
		p.other.put(fmt.Sprintf("%s/k%d", deep, i), 1)
	}
	commits := func(what, key string, want int64) {
		t.Helper()
		p.counting.Reset()
		p.put(deep+"/"+key, 2)
		if got := p.counting.Counts(); got.Commit != want {
			t.Errorf("%s: %d commits, want %d: %+v", what, got.Commit, want, got)
		}
	}
	commits("the first key that is there", "k0", 2)
	commits("the second", "k1", 2)
	for i := 2; i < 6; i++ {
		commits("one more", fmt.Sprintf("k%d", i), 1)
	}
	p.costs("a new key", p.cold(), func() error { return commitNew(p.volume, deep+"/n0", 1) })
	p.costs("a second new key", p.cold(), func() error { return commitNew(p.volume, deep+"/n1", 1) })
	p.costs("a third", 1, func() error { return commitNew(p.volume, deep+"/n2", 1) })
	p.costs("a key that is remembered", 1, func() error { return commitNew(p.volume, deep+"/k3", 1) })
}

func testMemoryErrors(t *testing.T, open Open) {
	p := newPair(t, open)
	user := &meta.Caller{UID: 1000, GIDs: []uint32{1000}}
	put := func(c *meta.Caller, path string) error {
		s := p.spec(path, 1)
		s.Mode = 0o644
		_, err := p.fs.CommitObject(t.Context(), c, s)
		return err
	}
	p.mkdir("/d")
	p.setMode("/d", 0o777)
	p.ok(put(user, "/d/a"))
	p.other.setMode("/d", 0o755)
	p.code(put(user, "/d/b"), syscall.EACCES)
	p.other.setMode("/d", 0o777)
	p.ok(put(user, "/d/b")) // that it was not allowed is not remembered
	p.other.setFlags("/d", record.FlagImmutable)
	p.code(put(p.root, "/d/c"), syscall.EPERM)
	p.code(put(p.root, "/d/b"), syscall.EPERM)
	p.other.setFlags("/d", 0)
	p.ok(put(p.root, "/d/c"))

	p.other.remove(meta.Removal{Path: "/d/c"})
	p.other.put("/d/c/below", 1)
	p.code(put(p.root, "/d/c"), syscall.EISDIR) // remembered as a file
	p.ok(put(p.root, "/d/c/x"))
	p.ok(p.other.fs.RemoveTree(t.Context(), p.root, "/d/c", true))
	p.other.put("/d/c", 1)
	p.code(put(p.root, "/d/c/y"), syscall.ENOTDIR) // remembered as a directory
	p.ok(put(p.root, "/d/c"))

	s := p.spec("/d/new", 1)
	s.Allow = onlyNew
	p.other.put("/d/new", 3)
	if _, err := p.fs.CommitObject(t.Context(), p.root, s); !errors.Is(err, errTaken) {
		t.Errorf("a condition on a key that another client put: %v", err)
	}
	s = p.spec("/d/there", 1)
	s.Allow = func(old *meta.Object) error {
		if old == nil {
			return errRefused
		}
		if string(old.Xattrs["x"]) != "1" {
			return fmt.Errorf("attributes %q", old.Xattrs)
		}
		return nil
	}
	with := p.other.spec("/d/there", 3)
	with.Xattrs = map[string][]byte{"x": []byte("1")}
	p.other.commit(with)
	p.commit(s)
	p.ok(p.other.fs.RemoveTree(t.Context(), p.root, "/d", true))
	s = p.spec("/d/a", 1)
	s.Parents = false
	_, err := p.fs.CommitObject(t.Context(), p.root, s)
	p.code(err, syscall.ENOENT)
	s = p.spec("/d/a", 1)
	s.Top = "/d"
	if _, err = p.fs.CommitObject(t.Context(), p.root, s); !errors.Is(err, meta.ErrTopMissing) {
		t.Errorf("below a top that is gone: %v", err)
	}
}

func testMemoryLimits(t *testing.T, open Open) {
	p := newPair(t, open, limited(0, 6)) // one of them is /warm
	p.put("/d/a", 1)
	p.other.put("/d/b", 1)
	p.other.put("/d/c", 1)
	p.other.put("/d/d", 1)
	p.put("/d/b", 1) // taken for new, which would be one too many
	p.put("/d/c", 1)
	_, err := p.fs.CommitObject(t.Context(), p.root, p.spec("/d/e", 1))
	p.code(err, syscall.ENOSPC)
	p.other.remove(meta.Removal{Path: "/d/d"})
	_, err = p.fs.CommitObject(t.Context(), p.root, p.spec("/d/e", 1))
	p.ok(err)
}

// testMemoryLost loses what a commit from memory answers.
func testMemoryLost(t *testing.T, open Open) {
	failing := enginetest.NewFailing(open(t))
	v := newVolumeOn(t, failing, remembering(100))
	v.put("/d/a", 1)
	puts := enginetest.Writing(engine.Insert, record.KindEntry)
	failing.FailOf(puts, enginetest.LostAfter)
	o := v.put("/d/b", 1)
	if got := v.get("/d/b"); got.Ino != o.Ino {
		t.Errorf("inode %d, answered %d", got.Ino, o.Ino)
	}
	failing.FailOf(puts, enginetest.LostBefore)
	if _, err := v.fs.CommitObject(t.Context(), v.root, v.spec("/d/c", 1)); !errors.Is(err, engine.ErrUnknown) {
		t.Errorf("got %v, want that nobody knows", err)
	}
	v.absent("/d/c")
	failing.FailOf(puts, enginetest.Broken)
	if _, err := v.fs.CommitObject(t.Context(), v.root, v.spec("/d/c", 1)); err == nil || errors.Is(err, engine.ErrUnknown) {
		t.Errorf("got %v, want that it failed", err)
	}
	v.absent("/d/c")
	failing.FailOf(puts, enginetest.Busy)
	v.put("/d/c", 1)
	failing.FailOf(puts, enginetest.Conflicting)
	v.put("/d/d", 1)
	if n := failing.Pending(); n != 0 {
		t.Errorf("%d faults did not happen", n)
	}
	v.wantNames("/d", "a", "b", "c", "d")
}

// testMemoryRace has two clients put objects below directories that both of them remove, move and make again, and list.
func testMemoryRace(t *testing.T, open Open, steps int) {
	for _, names := range []int{2, 100} {
		v := newVolume(t, open, withOwners, remembering(names))
		clients := []*volume{v, v.client()}
		v.mkdir("/top")
		v.parallel(6, func(i int, r *rand.Rand) error {
			w := &worker{v: clients[i%2], r: r, id: i}
			fs, ctx, c := w.v.fs, v.Context(), v.root
			for range steps / 6 {
				dir := fmt.Sprintf("/top/%s/%s", w.name(), w.name())
				mine := fmt.Sprintf("%s/own-%d", dir, i)
				s := &meta.ObjectSpec{Path: mine, Mode: 0o644, Parents: true, Xattrs: map[string][]byte{"x": []byte(mine)}}
				o, err := fs.CommitObject(ctx, c, s)
				if !expected(err) {
					return fmt.Errorf("put %s: %w", mine, err)
				}
				if err == nil {
					// The name may have been moved since, but the inode is what was put, in a directory that exists or went with it.
					if a, err := fs.GetAttr(ctx, o.Ino); err == nil && a.Type != record.TypeFile {
						return fmt.Errorf("put %s: %+v", mine, a)
					}
				}
				switch r.IntN(5) {
				case 0:
					if err := fs.RemoveTree(ctx, c, dir, true); !expected(err) {
						return err
					}
				case 1:
					if _, err := w.rename("/top/"+w.name(), "/top/"+w.name()); !expected(err) {
						return err
					}
				case 2:
					if err := w.v.tryRemove(c, meta.Removal{Path: mine, Top: "/top"}); !expected(err) {
						return err
					}
				default:
					page, err := fs.ListObjects(ctx, c, meta.ListQuery{Dir: "/top", Prefix: dir[len("/top/"):] + "/", Limit: 100, Xattr: "x"})
					if !expected(err) {
						return err
					}
					for _, it := range page.Items {
						if !strings.HasPrefix(it.Key, dir[len("/top/"):]+"/") {
							return fmt.Errorf("%q listed in %s", it.Key, dir)
						}
					}
				}
			}
			return nil
		})
	}
}

// testMemoryHistory runs a random history in which two clients take turns, so that what one remembers is what the other changes.
func testMemoryHistory(t *testing.T, open Open, steps int) {
	for _, names := range []int{3, 100} {
		v := newVolume(t, open, withTrash, withOwners, remembering(names))
		mine, other := v.fs, v.client().fs
		// What a client has open, and the quotas that it has read, are its own: the model has one client.
		shared := slices.DeleteFunc(slices.Clone(operations), func(o operation) bool { return o.alone })
		runHistory(v, steps, shared, func(r *rand.Rand) {
			if r.IntN(3) == 0 {
				if v.fs = mine; r.IntN(2) == 0 {
					v.fs = other
				}
			}
		})
		v.fs = mine
	}
}
