package fstest

import (
	"errors"
	"fmt"
	"testing"

	"juicefs/meta"
	"juicefs/meta/engine/enginetest"
	"juicefs/meta/record"
)

var budgetTests = []test{
	{"turnarounds of operations", func(t *testing.T, open Open) { testBudgets(t, open) }},
	{"turnarounds of operations with a trash", func(t *testing.T, open Open) { testBudgets(t, open, withTrash) }},
	{"turnarounds of operations with quotas", func(t *testing.T, open Open) {
		testBudgets(t, open, withTrash, withOwners, func(s *setup) { s.limits = true })
	}},
}

// budget is what an operation costs: prepare is not counted, and do is. Without the fast paths for directories, the two walks, the
// names of the parts of an upload and what they are take a turnaround each before the commit.
type budget struct {
	name    string
	fast    int64 // turnarounds with the fast paths
	plain   int64 // without, four directories deep
	look    int64 // with the fast paths that read a directory with what is in it; 0: as fast
	limits  int64 // more when the volume has a limit, which must be read
	prepare func(v *volume)
	do      func(v *volume) error
}

// deep is the directory that objects are in: four names.
const deep = "/b/c/d/e"

var budgets = []budget{
	{name: "HEAD", fast: 1, plain: 7, prepare: putDeep, do: func(v *volume) error {
		_, err := v.fs.Resolve(v.Context(), v.root, deep+"/k", meta.Want{Xattrs: true})
		return err
	}},
	{name: "metadata of a GET of three chunks", fast: 1, plain: 8, prepare: func(v *volume) { v.put(deep+"/k", 130*mib) }, do: func(v *volume) error {
		_, err := v.fs.Resolve(v.Context(), v.root, deep+"/k", meta.Want{Xattrs: true, Chunks: 3})
		return err
	}},
	{name: "PUT of a new key", fast: 2, plain: 6, limits: 1, prepare: putDeep, do: func(v *volume) error { return commitNew(v, deep+"/new", 1) }},
	{name: "PUT of a new key of three chunks", fast: 2, plain: 6, limits: 1, prepare: putDeep, do: func(v *volume) error { return commitNew(v, deep+"/large", 130*mib) }},
	{name: "PUT of a new key with three missing parents", fast: 2, plain: 6, limits: 1, prepare: putDeep, do: func(v *volume) error { return commitNew(v, deep+"/x/y/z/new", 1) }},
	{name: "PUT that replaces a key", fast: 2, plain: 7, prepare: putDeep, do: func(v *volume) error { return commitNew(v, deep+"/k", 1) }},
	{name: "PUT on a condition", fast: 2, plain: 8, prepare: putDeep, do: func(v *volume) error {
		s := v.spec(deep+"/k", 1)
		s.Allow = func(*meta.Object) error { return nil }
		_, err := v.fs.CommitObject(v.Context(), v.root, s)
		return err
	}},
	{name: "PUT that is refused", fast: 1, plain: 7, prepare: putDeep, do: func(v *volume) error {
		s := v.spec(deep+"/k", 1)
		s.Allow = func(*meta.Object) error { return errRefused }
		if _, err := v.fs.CommitObject(v.Context(), v.root, s); !errors.Is(err, errRefused) {
			return fmt.Errorf("not refused: %w", err)
		}
		return nil
	}},
	{name: "new tags", fast: 2, plain: 8, prepare: putDeep, do: func(v *volume) error {
		_, err := v.fs.SetXattrs(v.Context(), v.root, deep+"/k", map[string][]byte{"tag": {1}}, nil, nil)
		return err
	}},
	{name: "DELETE", fast: 2, plain: 8, prepare: putTwo, do: func(v *volume) error { return v.tryRemove(v.root, meta.Removal{Path: deep + "/k", Top: "/b"}) }},
	{name: "DELETE of the last key of three directories", fast: 2, plain: 10, prepare: putDeep, do: func(v *volume) error {
		return v.tryRemove(v.root, meta.Removal{Path: deep + "/k", Top: "/b"})
	}},
	{name: "DELETE of 1,000 keys in one directory", fast: 4, plain: 9, look: 2, prepare: putThousand, do: func(v *volume) error { return removeThousand(v, "", 1000, nil) }},
	{name: "DELETE of 1,000 keys that leaves others", fast: 5, plain: 10, look: 2, prepare: func(v *volume) { putThousand(v); v.put(deep+"/k", 1) },
		do: func(v *volume) error { return removeThousand(v, "/b", 1000, nil) }},
	{name: "DELETE of ten keys in one directory on a condition", fast: 14, plain: 20, look: 2, prepare: putThousand, do: func(v *volume) error {
		return removeThousand(v, "/b", 10, func(o *meta.Object) error {
			if o.Xattrs == nil {
				return errRefused
			}
			return nil
		})
	}},
	{name: "LIST of a page of 1,000 with ETags", fast: 2, plain: 7, look: 1, prepare: putThousand, do: func(v *volume) error {
		page, err := v.fs.ListObjects(v.Context(), v.root, meta.ListQuery{Dir: "/b", Prefix: "c/d/e/", Delimiter: true, Limit: 1000, Xattr: "etag"})
		if err == nil && len(page.Items) != 1000 {
			err = fmt.Errorf("%d items", len(page.Items))
		}
		return err
	}},
	{name: "LIST of the next page", fast: 3, plain: 8, look: 1, prepare: putThousand, do: func(v *volume) error {
		page, err := v.fs.ListObjects(v.Context(), v.root, meta.ListQuery{Dir: "/b", Prefix: "c/d/e/", Delimiter: true, Limit: 100, Xattr: "etag", After: "c/d/e/n50"})
		if err == nil && len(page.Items) != 100 {
			err = fmt.Errorf("%d items", len(page.Items))
		}
		return err
	}},
	{name: "copy", fast: 3, plain: 9, limits: 1, prepare: putDeep, do: func(v *volume) error {
		_, err := v.fs.CopyObject(v.Context(), v.root, deep+"/k", 0, -1, &meta.ObjectSpec{Path: deep + "/copy", Mode: 0o644})
		return err
	}},
	{name: "complete of ten parts", fast: 5, plain: 11, look: 3, prepare: func(v *volume) { putDeep(v); v.parts("/up/1", tenParts...) }, do: func(v *volume) error {
		_, err := v.compose(deep+"/whole", "/up/1", partsOf("/up/1", len(tenParts)))
		return err
	}},
	{name: "complete of ten parts as planned", fast: 5, plain: 12, look: 3, prepare: func(v *volume) { putDeep(v); v.parts("/up/1", tenParts...) }, do: func(v *volume) error {
		_, err := v.fs.ComposeObject(v.Context(), v.root, &meta.ComposeSpec{Remove: "/up/1", PartXattrs: []string{"etag", "none"}, Plan: composePlan(deep + "/whole")})
		return err
	}},
	{name: "complete of 1,200 parts", fast: 5, plain: 11, look: 3, prepare: func(v *volume) { putDeep(v); v.manyParts("/up/1", 1200) }, do: func(v *volume) error {
		_, err := v.compose(deep+"/whole", "/up/1", partsOf("/up/1", 1200))
		return err
	}},
	{name: "create by inode", fast: 2, plain: 2, limits: 1, prepare: nothing, do: func(v *volume) error {
		_, _, err := v.fs.Create(v.Context(), v.root, record.Root, "f", 0o644, true)
		return err
	}},
	{name: "rename by inode", fast: 3, plain: 3, prepare: func(v *volume) { v.put("/f", 1) }, do: func(v *volume) error {
		_, _, err := v.fs.Rename(v.Context(), v.root, meta.Place{Dir: record.Root, Name: "f"}, meta.Place{Dir: record.Root, Name: "g"}, 0)
		return err
	}},
}

var errRefused = errors.New("refused")

func nothing(*volume) {}

func putDeep(v *volume) { v.put(deep+"/k", 1) }

func putTwo(v *volume) { v.put(deep+"/k", 1); v.put(deep+"/l", 1) }

var tenParts = []uint64{10 * mib, 10 * mib, 10 * mib, 10 * mib, 10 * mib, 10 * mib, 10 * mib, 10 * mib, 10 * mib, 10 * mib}

func partsOf(dir string, n int) []meta.Part {
	var ps []meta.Part
	for i := range n {
		ps = append(ps, meta.Part{Path: fmt.Sprintf("%s/part.%d", dir, i+1), ETag: fmt.Sprintf("e%d", i+1)})
	}
	return ps
}

// composePlan makes an object of all files of an upload in order of their names, which must have a tag.
func composePlan(path string) func(*meta.Object, []*meta.Object) (*meta.ObjectSpec, []meta.Part, error) {
	return func(_ *meta.Object, files []*meta.Object) (*meta.ObjectSpec, []meta.Part, error) {
		var ps []meta.Part
		for _, f := range files {
			if len(f.Xattrs) != 1 || f.Xattrs["etag"] == nil {
				return nil, nil, fmt.Errorf("%s has %v", f.Path, f.Xattrs)
			}
			ps = append(ps, meta.Part{Path: f.Path})
		}
		return &meta.ObjectSpec{Path: path, Mode: 0o644, Parents: true}, ps, nil
	}
}

func commitNew(v *volume, path string, length uint64) error {
	_, err := v.fs.CommitObject(v.Context(), v.root, v.spec(path, length))
	return err
}

func putThousand(v *volume) {
	names := make([]string, 1000)
	for i := range names {
		names[i] = fmt.Sprintf("n%d", i)
	}
	v.many(deep, names...)
}

// removeThousand removes the first n of those that putThousand has made.
func removeThousand(v *volume, top string, n int, allow func(*meta.Object) error) error {
	var rs []meta.Removal
	for i := range n {
		rs = append(rs, meta.Removal{Path: fmt.Sprintf("%s/n%d", deep, i), Top: top, Allow: allow})
	}
	errs, err := v.fs.RemoveObjects(v.Context(), v.root, rs)
	return errors.Join(append(errs, err)...)
}

func testBudgets(t *testing.T, open Open, opts ...option) {
	for _, b := range budgets {
		t.Run(b.name, func(t *testing.T) {
			counting := enginetest.NewCounting(open(t))
			// Without deletion of data, which goes on in the background, and without memory, which has budgets of its own.
			v := newVolumeOn(t, counting, append(opts, remembering(-1), with(func(o *meta.Options) { o.Deletes = -1 }))...)
			if v.setup.limits {
				v.limit("/", 1<<40, 1<<20)
			}
			v.put("/warm", 1) // takes ids, and makes the hour of the trash
			v.put("/warm", 1)
			b.prepare(v)
			counting.Reset()
			if err := b.do(v); err != nil {
				t.Fatal(err)
			}
			got := counting.Counts()
			want := b.plain
			walks, looks := fast(v.eng)
			if walks {
				want = b.fast
			}
			if looks && b.look > 0 {
				want = b.look
			}
			if v.setup.limits {
				want += b.limits
			}
			if got.Turnarounds() != want {
				t.Errorf("%d turnarounds, want %d: %+v", got.Turnarounds(), want, got)
			}
		})
	}
}
