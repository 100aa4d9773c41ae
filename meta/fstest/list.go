package fstest

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"syscall"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"juicefs/meta"
	"juicefs/meta/record"
)

var listTests = []test{
	{"order of a listing", testListOrder},
	{"prefixes, markers and delimiters", testListQueries},
	{"a listing follows symbolic links", testListLinks},
	{"resolving symbolic links", testResolveLinks},
	{"what a listing hides", testListHide},
	{"attributes in a listing", testListAttrs},
	{"errors of listing", testListErrors},
	{"a directory of many entries", testListMany},
	{"random listings", testListRandom},
	{"reading a directory", testReadDir},
}

// list returns the keys of a page, then "+" if there are more.
func (v *volume) list(q meta.ListQuery) []string {
	v.Helper()
	if q.Dir == "" {
		q.Dir = "/"
	}
	if q.Limit == 0 {
		q.Limit = 1000
	}
	page, err := v.fs.ListObjects(v.Context(), v.root, q)
	if err != nil {
		v.Fatalf("list: %v", err)
	}
	return keysOf(page)
}

func keysOf(page *meta.ListPage) []string {
	keys := []string{}
	for _, it := range page.Items {
		if it.Prefix {
			it.Key = "(" + it.Key + ")"
		}
		keys = append(keys, it.Key)
	}
	if page.More {
		keys = append(keys, "+")
	}
	return keys
}

// pages returns the keys of all pages of a query.
func (v *volume) pages(q meta.ListQuery) []string {
	v.Helper()
	all := []string{}
	for {
		page, err := v.fs.ListObjects(v.Context(), v.root, q)
		if err != nil {
			v.Fatalf("%+v: %v", q, err)
		}
		if len(page.Items) > q.Limit || page.More && (len(page.Items) != q.Limit || page.Next <= q.After) {
			v.Fatalf("%+v: a page of %d, more %v, next %q", q, len(page.Items), page.More, page.Next)
		}
		all = append(all, keysOf(&meta.ListPage{Items: page.Items})...)
		if !page.More {
			return all
		}
		q.After = page.Next
	}
}

func testListOrder(t *testing.T, open Open) {
	v := newVolume(t, open)
	for _, p := range []string{"/b/a/x", "/b/a-b", "/b/a.txt", "/b/a0", "/b/a/", "/b/a!/y", "/b/a\xff", "/b/B", "/b/a-/z", "/b/empty/none", "/b/é"} {
		v.put(p, 1)
	}
	v.remove(meta.Removal{Path: "/b/empty/none"})
	want := []string{"B", "a!/y", "a-/z", "a-b", "a.txt", "a/", "a/x", "a0", "a\xff", "é"}
	slices.Sort(want)
	if d := gocmp.Diff(v.list(meta.ListQuery{Dir: "/b"}), want); d != "" {
		t.Errorf("all (-got +want):\n%s", d)
	}
	wantDelim := []string{"(a!/)", "(a-/)", "(a/)", "(empty/)", "B", "a-b", "a.txt", "a0", "a\xff", "é"}
	slices.SortFunc(wantDelim, func(a, b string) int { return cmp.Compare(strings.Trim(a, "()"), strings.Trim(b, "()")) })
	if d := gocmp.Diff(v.list(meta.ListQuery{Dir: "/b", Delimiter: true}), wantDelim); d != "" {
		t.Errorf("with delimiter (-got +want):\n%s", d)
	}
}

func testListQueries(t *testing.T, open Open) {
	v := newVolume(t, open)
	for _, p := range []string{"/b/a/1", "/b/a/2/x", "/b/a/2/y", "/b/a-b", "/b/a.txt", "/b/c/", "/b/c/d", "/b/zz"} {
		v.put(p, 1)
	}
	// In order: a-b a.txt a/1 a/2/x a/2/y c/ c/d zz.
	for _, c := range []struct {
		q    meta.ListQuery
		want string
	}{
		{meta.ListQuery{}, "a-b a.txt a/1 a/2/x a/2/y c/ c/d zz"},
		{meta.ListQuery{Limit: 3}, "a-b a.txt a/1 +"},
		{meta.ListQuery{Limit: 8}, "a-b a.txt a/1 a/2/x a/2/y c/ c/d zz"},
		{meta.ListQuery{After: "a-b"}, "a.txt a/1 a/2/x a/2/y c/ c/d zz"},
		{meta.ListQuery{After: "a"}, "a-b a.txt a/1 a/2/x a/2/y c/ c/d zz"},
		{meta.ListQuery{After: "a.txt"}, "a/1 a/2/x a/2/y c/ c/d zz"},
		{meta.ListQuery{After: "a/"}, "a/1 a/2/x a/2/y c/ c/d zz"},
		{meta.ListQuery{After: "a/1"}, "a/2/x a/2/y c/ c/d zz"},
		{meta.ListQuery{After: "a/2"}, "a/2/x a/2/y c/ c/d zz"},
		{meta.ListQuery{After: "a/2/x"}, "a/2/y c/ c/d zz"},
		{meta.ListQuery{After: "a/2/y/none"}, "c/ c/d zz"},
		{meta.ListQuery{After: "a0"}, "c/ c/d zz"},
		{meta.ListQuery{After: "c/"}, "c/d zz"},
		{meta.ListQuery{After: "zz"}, ""},
		{meta.ListQuery{Prefix: "a"}, "a-b a.txt a/1 a/2/x a/2/y"},
		{meta.ListQuery{Prefix: "a/"}, "a/1 a/2/x a/2/y"},
		{meta.ListQuery{Prefix: "a/2"}, "a/2/x a/2/y"},
		{meta.ListQuery{Prefix: "a/2/y"}, "a/2/y"},
		{meta.ListQuery{Prefix: "a-b/"}, ""},
		{meta.ListQuery{Prefix: "c/"}, "c/ c/d"},
		{meta.ListQuery{Prefix: "none/x"}, ""},
		{meta.ListQuery{Prefix: "a//"}, ""},
		{meta.ListQuery{Prefix: "/a"}, ""},
		{meta.ListQuery{Prefix: "./a"}, ""},
		{meta.ListQuery{Prefix: "a/2", After: "a/1"}, "a/2/x a/2/y"},
		{meta.ListQuery{Prefix: "a/2", After: "b"}, ""},
		{meta.ListQuery{Delimiter: true}, "a-b a.txt (a/) (c/) zz"},
		{meta.ListQuery{Delimiter: true, Limit: 3}, "a-b a.txt (a/) +"},
		{meta.ListQuery{Delimiter: true, After: "a/"}, "(c/) zz"},
		{meta.ListQuery{Delimiter: true, After: "a/1"}, "(c/) zz"},
		{meta.ListQuery{Delimiter: true, After: "a.txt"}, "(a/) (c/) zz"},
		{meta.ListQuery{Delimiter: true, Prefix: "a/"}, "a/1 (a/2/)"},
		{meta.ListQuery{Delimiter: true, Prefix: "a"}, "a-b a.txt (a/)"},
		{meta.ListQuery{Delimiter: true, Prefix: "c/"}, "c/ c/d"},
		{meta.ListQuery{Delimiter: true, Prefix: "a/2/"}, "a/2/x a/2/y"},
		{meta.ListQuery{HideDirs: true}, "a-b a.txt a/1 a/2/x a/2/y c/d zz"},
		{meta.ListQuery{HideDirs: true, Prefix: "c/"}, "c/d"},
	} {
		c.q.Dir = "/b"
		if got := strings.Join(v.list(c.q), " "); got != c.want {
			t.Errorf("%+v\n got %s\nwant %s", c.q, got, c.want)
		}
	}
	page, err := v.fs.ListObjects(t.Context(), v.root, meta.ListQuery{Dir: "/b", Delimiter: true, Limit: 3})
	v.ok(err)
	if page.Next != "a/" {
		t.Errorf("the next page starts after %q", page.Next)
	}
}

func testListLinks(t *testing.T, open Open) {
	v := newVolume(t, open)
	s := v.spec("/b/real/f", 7)
	s.Xattrs = map[string][]byte{"etag": []byte("tag")}
	f := v.commit(s)
	v.put("/b/real/sub/g", 1)
	v.symlink("/b/file", "real/f")
	v.symlink("/b/dir", "real")
	v.symlink("/b/broken", "nothing")
	v.symlink("/b/self", "self")
	v.symlink("/b/real/up", "../real")
	v.symlink("/b/out", "/s3gateway/b/real/f")
	v.symlink("/b/foreign", "/etc/passwd")
	want := "dir/f dir/sub/g file out real/f real/sub/g"
	if got := strings.Join(v.list(meta.ListQuery{Dir: "/b"}), " "); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	want = "(dir/) file out (real/)"
	if got := strings.Join(v.list(meta.ListQuery{Dir: "/b", Delimiter: true}), " "); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	page, err := v.fs.ListObjects(t.Context(), v.root, meta.ListQuery{Dir: "/b", Prefix: "file", Limit: 10, Xattr: "etag"})
	v.ok(err)
	if it := page.Items[0]; it.Ino != f.Ino || it.Attr.Length != 7 || string(it.Xattr) != "tag" {
		t.Errorf("a link to a file is %+v", it)
	}
	for i := range 7 {
		all := v.pages(meta.ListQuery{Dir: "/b", Limit: i + 1})
		if got := strings.Join(all, " "); got != "dir/f dir/sub/g file out real/f real/sub/g" {
			t.Errorf("in pages of %d: %s", i+1, got)
		}
	}
}

// testResolveLinks follows links, also those that lead to the root and around in circles.
func testResolveLinks(t *testing.T, open Open) {
	v := newVolume(t, open)
	f := v.put("/d/e/f", 1)
	for link, target := range map[string]string{"/rel": "d/e", "/d/up": "..", "/d/here": ".", "/top": "/s3gateway/", "/abs": "/s3gateway/d", "/d/e/chain": "../up/rel/f", "/loop": "loop",
		"/past": "../../../d", "/out": "/etc", "/near": "/s3gatewayx/d", "/url": "s3://b/k"} {
		v.symlink(link, target)
	}
	for p, want := range map[string]record.Ino{"/rel": v.ino("/d/e"), "/rel/f": f.Ino, "/d/up": 1, "/d/up/d/e/f": f.Ino, "/d/here/e": v.ino("/d/e"), "/abs/e/f": f.Ino,
		"/d/e/chain": f.Ino, "/past/e/f": f.Ino, "/d/up/d/up/d/up": 1} {
		if o, err := v.fs.Resolve(t.Context(), v.root, p, meta.Want{}); err != nil || o.Ino != want {
			t.Errorf("%s: %+v, %v, want inode %d", p, o, err, want)
		}
	}
	for p, want := range map[string]syscall.Errno{"/loop": syscall.ELOOP, "/loop/x": syscall.ELOOP, "/out": syscall.ENOENT, "/near": syscall.ENOENT, "/url": syscall.ENOTSUP, "/rel/f/x": syscall.ENOTDIR} {
		_, err := v.fs.Resolve(t.Context(), v.root, p, meta.Want{})
		if !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", p, err, want)
		}
	}
	_, err := v.fs.SetXattrs(t.Context(), v.root, "/d/up", map[string][]byte{"x": {1}}, nil, nil)
	v.ok(err)
	// One key that leads nowhere does not keep the others.
	errs, err := v.fs.RemoveObjects(t.Context(), v.root, []meta.Removal{{Path: "/loop/x"}, {Path: "/d/e/f"}, {Path: "/loop"}})
	v.ok(err)
	if !errors.Is(errs[0], syscall.ELOOP) || errs[1] != nil || errs[2] != nil {
		t.Errorf("removed with %v", errs)
	}
}

func testListHide(t *testing.T, open Open) {
	v := newVolume(t, open)
	for _, p := range []string{"/b/.sys/x", "/b/a/.sys/y", "/b/.sysnot", "/b/z"} {
		v.put(p, 1)
	}
	hide := func(name string) bool { return name == ".sys" }
	for _, c := range []struct {
		q    meta.ListQuery
		want string
	}{
		{meta.ListQuery{}, ".sysnot a/.sys/y z"},
		{meta.ListQuery{Delimiter: true}, ".sysnot (a/) z"},
		{meta.ListQuery{Prefix: ".sys/"}, ""},
		{meta.ListQuery{Prefix: ".sys"}, ".sysnot"},
		{meta.ListQuery{After: ".sys"}, ".sysnot a/.sys/y z"},
		{meta.ListQuery{After: ".sys/a"}, ".sysnot a/.sys/y z"},
		{meta.ListQuery{Prefix: "a/.s"}, "a/.sys/y"},
	} {
		c.q.Dir, c.q.Hide = "/b", hide
		if got := strings.Join(v.list(c.q), " "); got != c.want {
			t.Errorf("%+v: got %s, want %s", c.q, got, c.want)
		}
	}
	v.put("/top", 1)
	if got := strings.Join(v.list(meta.ListQuery{Delimiter: true}), " "); got != "(b/) top" {
		t.Errorf("the root shows %s", got)
	}
	// What a user may not read is not there.
	v.setMode("/b/a", 0o700)
	page, err := v.fs.ListObjects(t.Context(), &meta.Caller{UID: 5, GIDs: []uint32{5}}, meta.ListQuery{Dir: "/b", Limit: 100})
	v.ok(err)
	if got := strings.Join(keysOf(page), " "); got != ".sys/x .sysnot z" {
		t.Errorf("a user sees %s", got)
	}
}

func testListAttrs(t *testing.T, open Open) {
	v := newVolume(t, open)
	for i := range 5 {
		s := v.spec(fmt.Sprintf("/b/k%d", i), uint64(i))
		if i%2 == 0 {
			s.Xattrs = map[string][]byte{"etag": fmt.Appendf(nil, "e%d", i), "other": {1}}
		}
		v.commit(s)
	}
	v.commit(&meta.ObjectSpec{Path: "/b/o", Dir: true, Mode: 0o777, Xattrs: map[string][]byte{"etag": []byte("dir")}})
	page, err := v.fs.ListObjects(t.Context(), v.root, meta.ListQuery{Dir: "/b", Limit: 10, Xattr: "etag"})
	v.ok(err)
	for i, it := range page.Items[:5] {
		o := v.get("/b/" + it.Key)
		if it.Ino != o.Ino || it.Attr != o.Attr || string(it.Xattr) != string(o.Xattrs["etag"]) || it.Attr.Length != uint64(i) {
			t.Errorf("listed %+v, is %+v", it, o)
		}
	}
	if it := page.Items[5]; it.Key != "o/" || string(it.Xattr) != "dir" || it.Attr.Type != record.TypeDirectory {
		t.Errorf("directory object listed as %+v", it)
	}
	page, err = v.fs.ListObjects(t.Context(), v.root, meta.ListQuery{Dir: "/b", Limit: 10})
	v.ok(err)
	if page.Items[0].Xattr != nil {
		t.Errorf("an attribute that nobody asked for: %q", page.Items[0].Xattr)
	}
}

func testListErrors(t *testing.T, open Open) {
	v := newVolume(t, open)
	v.put("/f", 1)
	v.mkdir("/d")
	v.setMode("/d", 0o700)
	_, err := v.fs.ListObjects(t.Context(), v.root, meta.ListQuery{Dir: "/none", Limit: 1})
	v.code(err, syscall.ENOENT)
	_, err = v.fs.ListObjects(t.Context(), v.root, meta.ListQuery{Dir: "/f", Limit: 1})
	v.code(err, syscall.ENOTDIR)
	_, err = v.fs.ListObjects(t.Context(), &meta.Caller{UID: 5}, meta.ListQuery{Dir: "/d", Limit: 1})
	v.code(err, syscall.EACCES)
}

func testListMany(t *testing.T, open Open) {
	v := newVolume(t, open)
	const n = 2500
	var want []string
	for i := range n {
		k := fmt.Sprintf("k%05d", i)
		if i%500 == 7 {
			k += "/x"
		}
		v.put("/b/"+k, 0)
		want = append(want, k)
	}
	slices.Sort(want)
	for _, limit := range []int{1000, 999, 5000} {
		got := v.pages(meta.ListQuery{Dir: "/b", Limit: limit})
		if d := gocmp.Diff(got, want); d != "" {
			t.Errorf("in pages of %d (-got +want):\n%s", limit, d)
		}
	}
}

func testReadDir(t *testing.T, open Open) {
	v := newVolume(t, open)
	v.put("/d/b", 1)
	v.put("/d/a/x", 1)
	v.symlink("/d/s", "b")
	v.mkdir("/d/\xff")
	v.wantNames("/d", "a", "b", "s", "\xff")
	v.wantNames("/", "d")
	ls, err := v.fs.ReadDir(t.Context(), v.root, "/d", "a", 2, "")
	v.ok(err)
	if len(ls) != 2 || ls[0].Key != "b" || ls[1].Key != "s" || ls[1].Attr.Type != record.TypeSymlink {
		t.Errorf("read %+v", ls)
	}
	at, err := v.fs.ReadDirAt(t.Context(), v.root, v.ino("/d"), "a", 2, "")
	v.ok(err)
	if d := gocmp.Diff(at, ls); d != "" {
		t.Errorf("by inode (-got +want):\n%s", d)
	}
	v.setMode("/d", 0o311)
	user := &meta.Caller{UID: 5}
	_, err = v.fs.ReadDir(t.Context(), user, "/d", "", 2, "")
	v.code(err, syscall.EACCES)
	_, err = v.fs.ReadDirAt(t.Context(), user, v.ino("/d"), "", 2, "")
	v.code(err, syscall.EACCES)
	_, err = v.fs.ReadDirAt(t.Context(), v.root, v.ino("/d/b"), "", 2, "")
	v.code(err, syscall.ENOTDIR)
	_, err = v.fs.ReadDirAt(t.Context(), v.root, 1<<40, "", 2, "")
	v.code(err, syscall.ENOENT)
}

// testListRandom lists random trees with random queries and compares with sorting all keys.
func testListRandom(t *testing.T, open Open) {
	r := random(t)
	for range 5 {
		v := newVolume(t, open)
		tree := newTree()
		for range r.IntN(40) {
			tree.plant(v, randomKey(r))
		}
		for range 100 {
			q := tree.randomQuery(r)
			v.compareList(tree, q)
		}
	}
}

// tree is what the reference listing knows: every key, and every directory.
type tree struct {
	keys map[string]bool // a directory object ends in a slash
	dirs map[string]bool // every directory, with a slash
}

func newTree() *tree { return &tree{keys: map[string]bool{}, dirs: map[string]bool{}} }

// plant puts a key if the file system can hold it besides the others.
func (tr *tree) plant(v *volume, key string) {
	v.Helper()
	parts := strings.Split(strings.TrimSuffix(key, "/"), "/")
	for i := range parts {
		if p := strings.Join(parts[:i+1], "/"); tr.keys[p] || i == len(parts)-1 && tr.dirs[p+"/"] && !strings.HasSuffix(key, "/") {
			return
		}
	}
	v.put("/"+key, 0)
	tr.keys[key] = true
	for i := range parts {
		if i < len(parts)-1 || strings.HasSuffix(key, "/") {
			tr.dirs[strings.Join(parts[:i+1], "/")+"/"] = true
		}
	}
}

// expect is what a listing should be, without limit.
func (tr *tree) expect(q meta.ListQuery) []string {
	all := map[string]bool{} // → is a prefix
	for k := range tr.keys {
		if rest, ok := strings.CutPrefix(k, q.Prefix); ok && !(q.HideDirs && strings.HasSuffix(k, "/")) {
			if i := strings.IndexByte(rest, '/'); !q.Delimiter || i < 0 {
				all[k] = false
			}
		}
	}
	if q.Delimiter { // a directory shows as a prefix even if it has no keys
		for d := range tr.dirs {
			if rest, ok := strings.CutPrefix(d, q.Prefix); ok && strings.IndexByte(rest, '/') == len(rest)-1 && rest != "" {
				all[d] = true
			}
		}
	}
	out := []string{}
	for _, k := range slices.Sorted(maps.Keys(all)) {
		switch {
		case k <= q.After:
		case all[k]:
			out = append(out, "("+k+")")
		default:
			out = append(out, k)
		}
	}
	return out
}

// compareList walks all pages of a query and compares with what is expected.
func (v *volume) compareList(tr *tree, q meta.ListQuery) {
	v.Helper()
	want, got := tr.expect(q), v.pages(q)
	if !slices.Equal(got, want) {
		v.Fatalf("prefix %q after %q delimiter %v limit %d hide %v\nkeys %q\n got %q\nwant %q", q.Prefix, q.After, q.Delimiter, q.Limit, q.HideDirs, tr.sorted(), got, want)
	}
}

func (tr *tree) sorted() []string {
	var all []string
	for k := range tr.keys {
		all = append(all, k)
	}
	slices.Sort(all)
	return all
}

// randomKey is a path of few different names, so that they meet.
func randomKey(r *rand.Rand) string {
	const letters = "ab-./0\xff"
	var b strings.Builder
	for range 1 + r.IntN(3) {
		name := ""
		for range 1 + r.IntN(2) {
			name += string(letters[r.IntN(len(letters))])
		}
		if name = strings.ReplaceAll(name, "/", "c"); name == "." || name == ".." {
			name = "a"
		}
		if b.Len() > 0 {
			b.WriteByte('/')
		}
		b.WriteString(name)
	}
	if r.IntN(5) == 0 {
		b.WriteByte('/')
	}
	return b.String()
}

// randomQuery asks for something near what is there.
func (tr *tree) randomQuery(r *rand.Rand) meta.ListQuery {
	near := func() string {
		all := tr.sorted()
		if len(all) == 0 || r.IntN(4) == 0 {
			return ""
		}
		k := all[r.IntN(len(all))]
		switch r.IntN(4) {
		case 0:
			return k
		case 1:
			return k[:r.IntN(len(k)+1)]
		case 2:
			return k + string("/-.0a\xff"[r.IntN(6)])
		}
		return strings.TrimRight(k[:r.IntN(len(k)+1)], "/") + "/"
	}
	q := meta.ListQuery{Dir: "/", After: near(), Delimiter: r.IntN(2) == 0, Limit: 1 + r.IntN(6), HideDirs: r.IntN(3) == 0}
	if r.IntN(2) == 0 {
		q.Prefix = near()
	}
	return q
}
