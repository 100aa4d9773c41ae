package redisdb_test

import (
	"fmt"
	"slices"
	"testing"

	"juicefs/meta"
	"juicefs/meta/engine"
	"juicefs/meta/record"
	"juicefs/meta/redisdb"
	"juicefs/pkg/tests/redistest"
)

// fileSystem opens the file system of a volume; without a heartbeat that would ask meanwhile.
func fileSystem(t *testing.T, e engine.Engine) *meta.FS {
	t.Helper()
	fs, err := meta.Open(t.Context(), e, meta.Options{NoBackground: true, SkipDirMtime: -1})
	if err != nil {
		t.Fatal(err)
	}
	if err = fs.StartSession(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = fs.Close(t.Context()) }) // the server goes with the test
	return fs
}

// TestPagesOfALargeDirectory lists a directory whose names are in memory by its path, while another client changes what the path
// leads to.
func TestPagesOfALargeDirectory(t *testing.T) {
	const large = redisdb.SmallDir + 100
	s := redistest.Start(t)
	m := through(t, s, 1)
	setting := &record.Setting{Name: "test", UUID: "6c5b1a52-2d0b-4f4a-8f0e-2f0c6f3c7d11", Storage: "file", Bucket: "/x/", BlockSize: 4096, MetaVersion: 1, MinClientVersion: "1.1.0-A", DirStats: true}
	if err := meta.Format(t.Context(), m, setting, false); err != nil {
		t.Fatal(err)
	}
	theirs := open(t, s.URL(1))
	defer closeEngine(t, theirs)
	ours, others, root := fileSystem(t, m), fileSystem(t, theirs), &meta.Caller{}
	put := func(name string) {
		t.Helper()
		if _, err := others.CommitObject(t.Context(), root, &meta.ObjectSpec{Path: "/b/c/d/" + name, Mode: 0o644, Parents: true, Xattrs: map[string][]byte{"etag": []byte(name)}}); err != nil {
			t.Fatal(err)
		}
	}
	want := make([]string, large)
	for i := range want {
		want[i] = fmt.Sprintf("k%05d", i)
		put(want[i])
	}
	// list lists pages of 500 after a name and returns the names, and what the dearest of the pages but the first took.
	list := func(after string) (names []string, first, most int64) {
		t.Helper()
		q := meta.ListQuery{Dir: "/b", Prefix: "c/d/", After: after, Limit: 500, Xattr: "etag"}
		for {
			m.proxy.Reset()
			page, err := ours.ListObjects(t.Context(), root, q)
			n := m.proxy.Turnarounds()
			if err != nil {
				t.Fatal(err)
			}
			if first == 0 {
				first = n
			} else {
				most = max(most, n)
			}
			for _, it := range page.Items {
				name := it.Key[len("c/d/"):]
				if string(it.Xattr) != name {
					t.Errorf("%s has the attribute %q", it.Key, it.Xattr)
				}
				names = append(names, name)
			}
			if !page.More {
				return names, first, most
			}
			q.After = page.Next
		}
	}
	check := func(what, after string, want []string, first int64) {
		t.Helper()
		got, one, most := list(after)
		if !slices.Equal(got, want) {
			t.Errorf("%s: %d names, want %d", what, len(got), len(want))
		}
		if one > first || most > 1 {
			t.Errorf("%s: the first page took %d turnarounds, want %d, a later one %d", what, one, first, most)
		}
	}
	// The path with how large the directory is, the names, what belongs to them; and a connection that tells of changes.
	check("cold", "", want, 6)
	check("warm", "", want, 1)
	check("warm, from the middle", "c/d/k01000", want[1001:], 1)
	forgetful := fileSystem(t, m)
	ours, forgetful = forgetful, ours
	check("the path is not known, the names are", "c/d/k01000", want[1001:], 2)
	ours = forgetful

	put("k01000a")
	want = slices.Insert(want, 1001, "k01000a")
	check("a key came", "", want, 3)
	check("warm again", "", want, 1)

	place := func(p string) meta.Place {
		t.Helper()
		o, err := others.Resolve(t.Context(), root, p, meta.Want{})
		if err != nil {
			t.Fatal(err)
		}
		return meta.Place{Dir: o.Ino, Name: ""}
	}
	b := place("/b")
	if _, _, err := others.Rename(t.Context(), root, meta.Place{Dir: b.Dir, Name: "c"}, meta.Place{Dir: b.Dir, Name: "moved"}, 0); err != nil {
		t.Fatal(err)
	}
	check("the directory moved away", "", nil, 2)
	put("k")
	check("another directory is there", "", []string{"k"}, 2)
	if _, _, err := others.Rename(t.Context(), root, meta.Place{Dir: b.Dir, Name: "moved"}, meta.Place{Dir: b.Dir, Name: "c"}, meta.RenameExchange); err != nil {
		t.Fatal(err)
	}
	check("the directories changed places", "", want, 2)
	check("warm after all", "", want, 1)
	if err := others.RemoveTree(t.Context(), root, "/b/c", true); err != nil {
		t.Fatal(err)
	}
	check("the directory was removed", "", nil, 3)
}
