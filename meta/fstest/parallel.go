package fstest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"path"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"juicefs/meta"
	"juicefs/meta/record"
)

func parallelTests(steps int) []test {
	return []test{
		{"concurrent histories leave a sound volume", func(t *testing.T, open Open) { testParallel(t, open, steps, false) }},
		{"concurrent histories with a trash leave a sound volume", func(t *testing.T, open Open) { testParallel(t, open, steps, false, withTrash) }},
		{"concurrent histories keep quotas", func(t *testing.T, open Open) { testParallel(t, open, steps, true, withTrash) }},
		{"one of many conditional commits wins", testOneWins},
		{"many replace one object", testManyReplace},
		{"directories come and go under objects", func(t *testing.T, open Open) { testParentRace(t, open, steps) }},
		{"what is replaced is always there", func(t *testing.T, open Open) { testSeenWhileReplaced(t, open, steps) }},
		{"concurrent renames make no loops", testRenameRace},
		{"concurrent copies and deletions keep data that is used", testCopyRace},
		{"concurrent appends to one file", testWriteRace},
	}
}

// parallel runs f for n workers at once, each with a source of its own, and fails the test on an error.
func (v *volume) parallel(n int, f func(worker int, r *rand.Rand) error) {
	v.Helper()
	r := random(v.T)
	var wg sync.WaitGroup
	errs := make([]error, n)
	for i := range n {
		own := rand.New(rand.NewPCG(r.Uint64(), 1))
		wg.Go(func() { errs[i] = f(i, own) })
	}
	wg.Wait()
	for i, err := range errs {
		if err != nil {
			v.Errorf("worker %d: %v", i, err)
		}
	}
}

// expected reports whether an operation may fail that way when others work on the same names.
func expected(err error) bool {
	var code syscall.Errno
	return err == nil || errors.As(err, &code) && slices.Contains([]syscall.Errno{syscall.ENOENT, syscall.EEXIST, syscall.ENOTDIR, syscall.EISDIR,
		syscall.ENOTEMPTY, syscall.EPERM, syscall.EINVAL, syscall.ELOOP, syscall.ENODATA}, code) || errors.Is(err, meta.ErrPartChanged)
}

// worker does random operations without knowing what others do.
type worker struct {
	v    *volume
	r    *rand.Rand
	id   int
	open []func()
	// still says that directories stay where they are: what one counts for is not exact if others change it meanwhile.
	still bool
}

func testParallel(t *testing.T, open Open, steps int, quota bool, opts ...option) {
	v := newVolume(t, open, append(opts, withOwners)...)
	v.mkdir("/q")
	if quota {
		v.limit("/q", -1, -1)
	}
	clients := []*volume{v, v.client()} // which knows of the quota
	v.parallel(6, func(i int, r *rand.Rand) error {
		w := &worker{v: clients[i%2], r: r, id: i, still: quota}
		defer w.release()
		for range steps / 4 {
			v.clock.tick(time.Duration(r.IntN(100)) * time.Second)
			if what, err := w.step(); !expected(err) {
				return fmt.Errorf("%s: %w", what, err)
			}
		}
		return nil
	})
}

func (w *worker) release() {
	for _, f := range w.open {
		f()
	}
	w.open = nil
}

func (w *worker) name() string { return string("abc"[w.r.IntN(3)]) }

func (w *worker) path() string {
	p := []string{"", "/q"}[w.r.IntN(2)]
	for range 1 + w.r.IntN(3) {
		p += "/" + w.name()
	}
	return p
}

// data is some new slices; it does not fail the test, which only its own goroutine may.
func (w *worker) data(s *meta.ObjectSpec) error {
	s.Length = uint64(w.r.IntN(3)) * 40 * mib
	s.Chunks = map[uint32][]record.Slice{}
	for at := uint64(0); at < s.Length; at += record.ChunkSize {
		sl, err := w.slice(uint32(min(s.Length-at, record.ChunkSize)))
		if err != nil {
			return err
		}
		s.Chunks[uint32(at/record.ChunkSize)] = []record.Slice{sl}
	}
	return nil
}

func (w *worker) slice(n uint32) (record.Slice, error) {
	id, err := w.v.fs.NewSlice(w.v.Context())
	return record.Slice{ID: id, Size: n, Len: n}, err
}

// object resolves a path; the error says that there is nothing.
func (w *worker) object(p string) (*meta.Object, error) {
	return w.v.fs.Resolve(w.v.Context(), w.v.root, p, meta.Want{NoFollow: true})
}

func (w *worker) place(p string) (meta.Place, error) {
	o, err := w.v.fs.Resolve(w.v.Context(), w.v.root, path.Dir(p), meta.Want{})
	if err != nil {
		return meta.Place{}, err
	}
	return meta.Place{Dir: o.Ino, Name: path.Base(p)}, nil
}

// step does one operation.
func (w *worker) step() (string, error) {
	fs, ctx, c := w.v.fs, w.v.Context(), w.v.root
	p := w.path()
	switch w.r.IntN(16) {
	case 0, 1, 2, 3:
		s := &meta.ObjectSpec{Path: p, Mode: 0o644, Parents: true, Xattrs: map[string][]byte{"x": []byte(p)}}
		if w.r.IntN(6) == 0 {
			s.Dir = true
		} else if err := w.data(s); err != nil {
			return "slice", err
		}
		_, err := fs.CommitObject(ctx, c, s)
		return "commit " + p, err
	case 4, 5:
		rs := []meta.Removal{{Path: p, Top: "/"}, {Path: path.Dir(p) + "/a", Top: "/"}, {Path: w.path(), Dir: true}}
		_, err := fs.RemoveObjects(ctx, c, rs)
		return "remove " + p, err
	case 6:
		return "remove tree " + p, fs.RemoveTree(ctx, c, p, w.r.IntN(2) == 0)
	case 7:
		_, err := fs.CopyObject(ctx, c, p, int64(w.r.IntN(10)), -1, &meta.ObjectSpec{Path: w.path(), Mode: 0o644, Parents: true})
		return "copy " + p, err
	case 8:
		return w.compose(p)
	case 9, 10:
		return w.rename(p, w.path())
	case 11:
		return w.link(p, w.path())
	case 12:
		return w.node(p)
	case 13:
		return w.change(p)
	case 14:
		_, err := fs.ListObjects(ctx, c, meta.ListQuery{Dir: "/", Limit: 1 + w.r.IntN(20), After: p[1:]})
		return "list", err
	default:
		if w.r.IntN(3) == 0 {
			w.release()
			return "release", fs.CleanUp(ctx)
		}
		_, err := fs.SetXattrs(ctx, c, p, map[string][]byte{w.name(): nil}, []string{w.name()}, nil)
		return "xattr", err
	}
}

func (w *worker) compose(p string) (string, error) {
	dir := fmt.Sprintf("/up/%d", w.id)
	cs := &meta.ComposeSpec{ObjectSpec: meta.ObjectSpec{Path: p, Mode: 0o644, Parents: true}, Remove: dir}
	for i := range 3 {
		s := &meta.ObjectSpec{Path: fmt.Sprintf("%s/%d", dir, i), Mode: 0o644, Parents: true}
		if err := w.data(s); err != nil {
			return "slice", err
		}
		if _, err := w.v.fs.CommitObject(w.v.Context(), w.v.root, s); err != nil {
			return "part", err
		}
		cs.Parts = append(cs.Parts, meta.Part{Path: s.Path})
	}
	_, err := w.v.fs.ComposeObject(w.v.Context(), w.v.root, cs)
	return "compose " + p, err
}

func (w *worker) rename(from, to string) (string, error) {
	src, err := w.place(from)
	if err != nil {
		return "", err
	}
	flags := []uint32{0, 0, meta.RenameNoReplace, meta.RenameExchange}[w.r.IntN(4)]
	if w.still {
		var o *meta.Object
		if o, err = w.object(from); err != nil || o.Attr.Type == record.TypeDirectory {
			return "", err
		}
		flags &^= meta.RenameExchange
	}
	dst, err := w.place(to)
	if err != nil {
		return "", err
	}
	_, _, err = w.v.fs.Rename(w.v.Context(), w.v.root, src, dst, flags)
	return "rename " + from + " " + to, err
}

func (w *worker) link(from, to string) (string, error) {
	o, err := w.object(from)
	if err != nil {
		return "", err
	}
	dst, err := w.place(to)
	if err != nil {
		return "", err
	}
	_, err = w.v.fs.Link(w.v.Context(), w.v.root, o.Ino, dst.Dir, dst.Name)
	return "link " + from + " " + to, err
}

func (w *worker) node(p string) (string, error) {
	at, err := w.place(p)
	if err != nil {
		return "", err
	}
	fs, ctx, c := w.v.fs, w.v.Context(), w.v.root
	switch w.r.IntN(4) {
	case 0:
		_, _, err = fs.Mkdir(ctx, c, at.Dir, at.Name, 0o755)
	case 1:
		_, _, err = fs.Create(ctx, c, at.Dir, at.Name, 0o644, false)
	case 2:
		err = fs.Unlink(ctx, c, at.Dir, at.Name)
	case 3:
		err = fs.RmdirAt(ctx, c, at.Dir, at.Name)
	}
	return "node " + p, err
}

// change alters the data of a file, or opens it.
func (w *worker) change(p string) (string, error) {
	o, err := w.object(p)
	if err != nil {
		return "", err
	}
	fs, ctx := w.v.fs, w.v.Context()
	switch w.r.IntN(4) {
	case 0:
		var s record.Slice
		if s, err = w.slice(1 + w.r.Uint32N(100000)); err != nil {
			return "slice", err
		}
		_, err = fs.Write(ctx, o.Ino, w.r.Uint32N(3), s, record.Time{})
		return "write " + p, err
	case 1:
		_, err = fs.Truncate(ctx, w.v.root, o.Ino, w.r.Uint64N(100*mib))
		return "truncate " + p, err
	case 2:
		_, err = fs.Compact(ctx, o.Ino, 0, merged)
		return "compact " + p, err
	}
	_, release, err := fs.OpenFile(ctx, w.v.root, o.Ino, syscall.O_RDONLY)
	if err == nil {
		w.open = append(w.open, release)
	}
	return "open " + p, err
}

func testOneWins(t *testing.T, open Open) {
	v := newVolume(t, open)
	taken := errors.New("taken")
	for round := range 10 {
		var mu sync.Mutex
		won := 0
		v.parallel(8, func(i int, _ *rand.Rand) error {
			_, err := v.fs.CommitObject(t.Context(), v.root, &meta.ObjectSpec{Path: fmt.Sprintf("/d%d/k", round), Mode: 0o644, Parents: true, Allow: func(old *meta.Object) error {
				if old != nil {
					return taken
				}
				return nil
			}})
			if err == nil {
				mu.Lock()
				won++
				mu.Unlock()
			}
			if errors.Is(err, taken) {
				return nil
			}
			return err
		})
		if won != 1 {
			t.Errorf("%d won", won)
		}
	}
}

func testManyReplace(t *testing.T, open Open) {
	v := newVolume(t, open)
	v.parallel(8, func(i int, r *rand.Rand) error {
		w := &worker{v: v, r: r}
		for n := range 20 {
			s := &meta.ObjectSpec{Path: "/d/k", Mode: 0o644, Parents: true, Xattrs: map[string][]byte{"who": fmt.Appendf(nil, "%d-%d", i, n)}}
			if err := w.data(s); err != nil {
				return err
			}
			o, err := v.fs.CommitObject(t.Context(), v.root, s)
			if err != nil {
				return err
			}
			// What is read is one of the versions, whole.
			got, err := v.fs.Resolve(t.Context(), v.root, "/d/k", meta.Want{Xattrs: true, Chunks: 10})
			if err != nil {
				return err
			}
			if len(got.Xattrs) != 1 || uint64(len(got.Chunks)) != (got.Attr.Length+64*mib-1)/(64*mib) {
				return fmt.Errorf("read %+v", got)
			}
			if got.Ino == o.Ino && string(got.Xattrs["who"]) != string(s.Xattrs["who"]) {
				return fmt.Errorf("inode %d has attributes of another version: %q", got.Ino, got.Xattrs)
			}
		}
		return nil
	})
	if n := len(v.state().attrs); n > 3 {
		v.eventually("replaced versions go", func() bool { return len(v.state().attrs) == 3 })
	}
}

// testParentRace puts objects below directories that others remove when they are empty.
func testParentRace(t *testing.T, open Open, steps int) {
	for _, opts := range [][]option{nil, {withTrash}} {
		v := newVolume(t, open, opts...)
		v.mkdir("/top")
		v.parallel(6, func(i int, r *rand.Rand) error {
			for n := range steps / 15 {
				p := fmt.Sprintf("/top/a/b/%d", i)
				if _, err := v.fs.CommitObject(t.Context(), v.root, &meta.ObjectSpec{Path: p, Mode: 0o644, Parents: true, Top: "/top"}); err != nil {
					return fmt.Errorf("put %d: %w", n, err)
				}
				if _, err := v.fs.Resolve(t.Context(), v.root, p, meta.Want{}); err != nil {
					return fmt.Errorf("an object that was put: %w", err)
				}
				if r.IntN(4) == 0 {
					if err := v.fs.Rmdir(t.Context(), v.root, "/top/a/b"); !expected(err) {
						return err
					}
				}
				if err := v.tryRemove(v.root, meta.Removal{Path: p, Top: "/top"}); err != nil {
					return fmt.Errorf("remove %d: %w", n, err)
				}
			}
			return nil
		})
		v.put("/top/a/b/last", 1) // somebody's rmdir may have left /top/a
		v.remove(meta.Removal{Path: "/top/a/b/last", Top: "/top"})
		v.wantNames("/top")
	}
}

func testRenameRace(t *testing.T, open Open) {
	v := newVolume(t, open)
	for _, p := range []string{"/a/x", "/b/x", "/c/x"} {
		v.mkdir(p)
	}
	dirs := []record.Ino{v.ino("/a"), v.ino("/b"), v.ino("/c"), v.ino("/a/x"), v.ino("/b/x"), v.ino("/c/x"), 1}
	v.parallel(6, func(_ int, r *rand.Rand) error {
		for range 100 {
			names := []string{"a", "b", "c", "x"}
			src := meta.Place{Dir: dirs[r.IntN(len(dirs))], Name: names[r.IntN(4)]}
			dst := meta.Place{Dir: dirs[r.IntN(len(dirs))], Name: names[r.IntN(4)]}
			if _, _, err := v.fs.Rename(t.Context(), v.root, src, dst, []uint32{0, 2}[r.IntN(2)]); !expected(err) {
				return err
			}
		}
		return nil
	})
}

func testCopyRace(t *testing.T, open Open) {
	v := newVolume(t, open)
	f := v.put("/0", 100*mib)
	v.parallel(6, func(_ int, r *rand.Rand) error {
		for range 60 {
			from, to := fmt.Sprintf("/%d", r.IntN(4)), fmt.Sprintf("/%d", r.IntN(4))
			if r.IntN(3) == 0 && from != "/0" {
				if err := v.tryRemove(v.root, meta.Removal{Path: from}); !expected(err) {
					return err
				}
				continue
			}
			if _, err := v.fs.CopyObject(v.Context(), v.root, from, 0, -1, &meta.ObjectSpec{Path: to, Mode: 0o644}); !expected(err) {
				return err
			}
		}
		return nil
	})
	v.wantContent("/0", piece{f.Chunks[0][0].ID, 0, 64 * mib}, piece{f.Chunks[1][0].ID, 0, 36 * mib})
	v.check()
	for i := range 4 {
		v.ok(v.fs.RemoveTree(t.Context(), v.root, fmt.Sprintf("/%d", i), true))
	}
	v.eventually("the last copy takes the data with it", func() bool { return v.blocks.deleted(f.Chunks[0][0]) && len(v.state().refs) == 0 })
}

func testWriteRace(t *testing.T, open Open) {
	v := newVolume(t, open)
	f := v.put("/f", 0)
	v.link("/f", "/g")
	const workers, each = 6, 30
	v.parallel(workers, func(i int, r *rand.Rand) error {
		w := &worker{v: v, r: r}
		for n := range each {
			s, err := w.slice(1000)
			if err != nil {
				return err
			}
			s.Pos = uint32(i*each+n) * 1000
			if _, err := v.fs.Write(v.Context(), f.Ino, 0, s, record.Time{}); err != nil {
				return err
			}
			if n%10 == 9 {
				if _, err := v.fs.Compact(v.Context(), f.Ino, 0, merged); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if a := v.get("/f").Attr; a.Length != workers*each*1000 {
		t.Errorf("length %d", a.Length)
	}
	total := uint64(0)
	for _, s := range meta.Visible(v.chunk(f.Ino, 0)) {
		if s.ID != 0 {
			total += uint64(s.Len)
		}
	}
	if total != workers*each*1000 {
		t.Errorf("%d bytes of data, want %d", total, workers*each*1000)
	}
}

// testSeenWhileReplaced holds that a key which others replace all the time is always there, for reading and listing, and
// that a directory whose last key comes and goes never makes a put fail.
func testSeenWhileReplaced(t *testing.T, open Open, steps int) {
	for _, opts := range [][]option{nil, {withTrash}} {
		v := newVolume(t, open, opts...)
		keys := []string{"/d/e/a", "/d/e/b", "/d/e/c"}
		for _, k := range keys {
			v.put(k, 1)
		}
		v.parallel(6, func(i int, r *rand.Rand) error {
			w := &worker{v: v, r: r}
			for range steps / 10 {
				if i < 3 {
					s := &meta.ObjectSpec{Path: keys[i], Mode: 0o644, Xattrs: map[string][]byte{"x": []byte(keys[i])}}
					if _, err := v.fs.CommitObject(v.Context(), v.root, s); err != nil {
						return err
					}
					continue
				}
				if err := w.sees(keys); err != nil {
					return err
				}
			}
			return nil
		})
	}
}

func (w *worker) sees(keys []string) error {
	ctx, c, fs := w.v.Context(), w.v.root, w.v.fs
	for _, k := range keys {
		o, err := fs.Resolve(ctx, c, k, meta.Want{Xattrs: true})
		if err != nil {
			return err
		}
		if _, err := fs.SetXattrs(ctx, c, k, map[string][]byte{"y": nil}, nil, nil); err != nil {
			return err
		}
		if _, _, err := fs.Lookup(ctx, c, o.Parent, path.Base(k)); err != nil {
			return err
		}
	}
	page, err := fs.ListObjects(ctx, c, meta.ListQuery{Dir: "/d", Limit: 10, Xattr: "x"})
	if err != nil {
		return err
	}
	if len(page.Items) != len(keys) {
		return fmt.Errorf("listed %q", keysOf(page))
	}
	return nil
}
