package vfs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"syscall"
	"testing"
	"time"

	"juicefs/meta"
	"juicefs/meta/record"
)

// joined makes an object of parts by Compose and returns its content.
func joined(t *testing.T, r *rig, path string, sizes ...int) []byte {
	t.Helper()
	var parts []string
	var all []byte
	for i, n := range sizes {
		data := pattern(n, uint64(100+i))
		p := fmt.Sprintf("/.sys/uploads/u/%d", i)
		r.put(t, p, data)
		parts, all = append(parts, p), append(all, data...)
	}
	info, err := r.Compose(t.Context(), "/.sys/uploads/u", nil, func(*Info, []*Info) (Commit, []string, error) {
		return Commit{Path: path, Parents: true}, parts, nil
	})
	must(t, err)
	if info.Size != int64(len(all)) {
		t.Errorf("size %d, want %d", info.Size, len(all))
	}
	return all
}

func TestComposeAcrossTheBorderOfAChunk(t *testing.T) {
	r := newRig(t, rigOptions{trashDays: 1})
	data := joined(t, r, "/d/o", 40<<20, 40<<20+1, 5)
	equal(t, "object", r.get(t, "/d/o"), data)
	equal(t, "range across the border", r.getRange(t, "/d/o", 64<<20-100, 200), data[64<<20-100:64<<20+100])
	if _, err := r.Stat(t.Context(), "/.sys/uploads/u"); !errors.Is(err, syscall.ENOENT) {
		t.Errorf("the upload's directory: %v, want ENOENT", err)
	}
}

func TestComposeAsPlanned(t *testing.T) {
	r := newRig(t, rigOptions{})
	for _, name := range []string{"q", "p"} {
		r.put(t, "/u/"+name, []byte(name))
		_, err := r.SetXattrs(t.Context(), "/u/"+name, map[string][]byte{"etag": []byte("of " + name), "other": {1}}, nil, nil)
		must(t, err)
	}
	_, err := r.SetXattrs(t.Context(), "/u", map[string][]byte{"key": []byte("o")}, nil, nil)
	must(t, err)
	refused := errors.New("refused")
	for _, c := range []struct {
		name  string
		dir   string
		paths []string
		plan  error
		err   error
	}{
		{"a missing part", "/u", []string{"/u/p", "/u/none"}, nil, ErrPartChanged},
		{"a part elsewhere", "/u", []string{"/v/p"}, nil, ErrPartChanged},
		{"refused", "/u", []string{"/u/p"}, refused, refused},
		{"no upload", "/none", []string{"/none/p"}, nil, ErrUploadGone},
		{"a file for the upload", "/u/p", []string{"/u/p/x"}, nil, ErrUploadGone},
		{"done", "/u", []string{"/u/p", "/u/q"}, nil, nil},
		{"done already", "/u", []string{"/u/p"}, nil, ErrUploadGone},
	} {
		_, err := r.Compose(t.Context(), c.dir, []string{"etag", "none"}, func(dir *Info, files []*Info) (Commit, []string, error) {
			var seen []string
			for _, f := range files {
				seen = append(seen, fmt.Sprintf("%s %d %q", f.Path, f.Size, f.Xattrs))
			}
			want := []string{`/u/p 1 map["etag":"of p"]`, `/u/q 1 map["etag":"of q"]`}
			if dir.Path != "/u" || string(dir.Xattrs["key"]) != "o" || !dir.IsDir() || !slices.Equal(seen, want) {
				t.Errorf("%s: planned with %+v and %q", c.name, dir, seen)
			}
			return Commit{Path: "/o"}, c.paths, c.plan
		})
		if !errors.Is(err, c.err) {
			t.Errorf("%s: %v, want %v", c.name, err, c.err)
		}
	}
	equal(t, "object", r.get(t, "/o"), []byte("pq"))
}

func TestCopies(t *testing.T) {
	r := newRig(t, rigOptions{})
	data := pattern(66<<20, 40)
	r.put(t, "/src", data)
	before := len(r.blocks(t))
	_, err := r.Copy(t.Context(), "/src", Commit{Path: "/a/copy", Parents: true, Xattrs: map[string][]byte{"k": []byte("v")}})
	must(t, err)
	_, err = r.CopyRange(t.Context(), "/src", 64<<20-7, 20, Commit{Path: "/part"})
	must(t, err)
	if after := len(r.blocks(t)); after != before {
		t.Errorf("%d blocks instead of %d: data was moved", after, before)
	}
	_, err = r.Remove(t.Context(), []Removal{{Path: "/src"}})
	must(t, err)
	equal(t, "copy", r.get(t, "/a/copy"), data)
	equal(t, "part", r.get(t, "/part"), data[64<<20-7:64<<20+13])
	info, err := r.Stat(t.Context(), "/a/copy")
	if err != nil || string(info.Xattrs["k"]) != "v" {
		t.Errorf("xattrs of the copy: %v, %v", info, err)
	}
}

func TestCompaction(t *testing.T) {
	r := newRig(t, rigOptions{blockSize: 64 << 10})
	data := joined(t, r, "/o", 100, 200_000, 5, 1<<20, 3)
	info, err := r.Stat(t.Context(), "/o")
	must(t, err)
	o := r.open(t, "/o") // with the records of before
	done, err := r.Compact(t.Context(), info.Ino, 0)
	if err != nil || !done {
		t.Fatalf("Compact = %v, %v", done, err)
	}
	records, err := r.fs.ReadChunk(t.Context(), info.Ino, 0)
	if err != nil || len(records) != 1 {
		t.Errorf("records after: %v, %v, want one", records, err)
	}
	equal(t, "after", r.get(t, "/o"), data)
	got, err := io.ReadAll(o.Range(t.Context(), 0, -1))
	must(t, err)
	equal(t, "to a reader of before", got, data)
	eventually(t, "only the new blocks are left", func() bool { return len(r.blocks(t)) == (len(data)+64<<10-1)/(64<<10) })
	if done, err = r.Compact(t.Context(), info.Ino, 0); err != nil || done {
		t.Errorf("Compact again = %v, %v", done, err)
	}
}

// What is read in many small pieces is compacted in the background, under readers.
func TestFragmentedObjectsAreCompacted(t *testing.T) {
	r := newRig(t, rigOptions{blockSize: 64 << 10, compactions: 2})
	sizes := make([]int, 40)
	for i := range sizes {
		sizes[i] = 1000 + i
	}
	data := joined(t, r, "/o", sizes...)
	info, err := r.Stat(t.Context(), "/o")
	must(t, err)
	eventually(t, "the chunk has one record", func() bool {
		equal(t, "while it is compacted", r.get(t, "/o"), data)
		records, err := r.fs.ReadChunk(t.Context(), info.Ino, 0)
		must(t, err)
		return len(records) == 1
	})
	equal(t, "after", r.get(t, "/o"), data)
	eventually(t, "only the new block is left", func() bool { return len(r.blocks(t)) == 1 })
}

func TestDirectories(t *testing.T) {
	r := newRig(t, rigOptions{})
	info, err := r.MakeDir(t.Context(), Commit{Path: "/plain"}, false)
	must(t, err)
	if !info.IsDir() || info.IsDirObject() || info.Mode != 0o755 {
		t.Errorf("plain directory: %+v", info)
	}
	if _, err = r.MakeDir(t.Context(), Commit{Path: "/plain"}, false); !errors.Is(err, syscall.EEXIST) {
		t.Errorf("again: %v, want EEXIST", err)
	}
	info, err = r.MakeDir(t.Context(), Commit{Path: "/plain", Xattrs: map[string][]byte{"k": []byte("v")}}, true)
	if err != nil || !info.IsDirObject() {
		t.Errorf("as an object: %+v, %v", info, err)
	}
	r.put(t, "/plain/b", []byte("1"))
	r.put(t, "/plain/a", []byte("22"))
	list, err := r.ReadDir(t.Context(), "/plain", "", 10, "none")
	must(t, err)
	var names []string
	for _, i := range list {
		names = append(names, fmt.Sprintf("%s %d", i.Path, i.Size))
	}
	if want := []string{"/plain/a 2", "/plain/b 1"}; !slices.Equal(names, want) {
		t.Errorf("ReadDir: %v, want %v", names, want)
	}
	page, err := r.List(t.Context(), meta.ListQuery{Dir: "/", Limit: 10})
	if err != nil || len(page.Items) != 3 || page.Items[0].Key != "plain/" {
		t.Errorf("List: %+v, %v", page, err)
	}
	if err := r.RemoveDir(t.Context(), "/plain"); !errors.Is(err, syscall.ENOTEMPTY) {
		t.Errorf("RemoveDir: %v, want ENOTEMPTY", err)
	}
	must(t, r.RemoveAll(t.Context(), "/plain", true))
	must(t, r.RemoveAll(t.Context(), "/plain", true))
}

func TestSetXattrsAsksFirst(t *testing.T) {
	r := newRig(t, rigOptions{})
	r.put(t, "/o", []byte("x"))
	refused := errors.New("refused")
	_, err := r.SetXattrs(t.Context(), "/o", map[string][]byte{"k": []byte("v")}, nil, func(old *Info) error {
		if old.Xattrs["k"] != nil {
			return refused
		}
		return nil
	})
	must(t, err)
	_, err = r.SetXattrs(t.Context(), "/o", nil, []string{"k"}, func(*Info) error { return refused })
	if !errors.Is(err, refused) {
		t.Errorf("SetXattrs: %v, want refused", err)
	}
	info, err := r.SetXattrs(t.Context(), "/o", map[string][]byte{"l": {}}, []string{"k"}, nil)
	if err != nil || len(info.Xattrs) != 1 || info.Xattrs["l"] == nil {
		t.Errorf("after: %v, %v", info, err)
	}
}

func TestLinksAreFollowedToTheEnd(t *testing.T) {
	r := newRig(t, rigOptions{})
	r.put(t, "/d/o", []byte("data"))
	_, _, err := r.fs.Symlink(t.Context(), &r.caller, record.Root, "link", "d/o")
	must(t, err)
	equal(t, "through the link", r.get(t, "/link"), []byte("data"))
	info, err := r.Lstat(t.Context(), "/link")
	if err != nil || info.Type != record.TypeSymlink {
		t.Errorf("Lstat: %+v, %v, want a link", info, err)
	}
}

func TestLocks(t *testing.T) {
	r := newRig(t, rigOptions{})
	unlock, err := r.Lock(t.Context(), "/lock", true)
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	waiting := make(chan error, 1)
	go func() {
		_, lockErr := r.Lock(ctx, "/lock", false)
		waiting <- lockErr
	}()
	cancel()
	if err = <-waiting; !errors.Is(err, context.Canceled) {
		t.Errorf("a lock that is held was given: %v", err)
	}
	got := make(chan func(), 1)
	go func() {
		next, lockErr := r.Lock(t.Context(), "/lock", true)
		if lockErr != nil {
			t.Error(lockErr)
		}
		got <- next
	}()
	unlock()
	(<-got)()
	shared1, err := r.Lock(t.Context(), "/lock", false)
	must(t, err)
	shared2, err := r.Lock(t.Context(), "/lock", false)
	must(t, err)
	shared1()
	shared2()
	if info, err := r.Stat(t.Context(), "/lock"); err != nil || info.Mode != 0o644 {
		t.Errorf("lock file: %+v, %v", info, err)
	}
}

func TestOpenNeedsItsParts(t *testing.T) {
	r := newRig(t, rigOptions{})
	for _, c := range []Config{{}, {FS: r.fs, Store: r.store}, {FS: r.fs, Store: r.store, Pool: r.pool, ParkAfter: 1 << 62}} {
		if _, err := Open(t.Context(), c); err == nil {
			t.Errorf("Open(%+v) succeeded", c)
		}
	}
	if r.Name() != "test" || r.ReadOnly() {
		t.Errorf("Name %q, ReadOnly %v", r.Name(), r.ReadOnly())
	}
	if v, err := Open(t.Context(), Config{FS: r.fs, Store: r.store, Pool: r.pool, Compactions: -1}); err != nil || v.parkAfter != 20*time.Minute {
		t.Errorf("uploads are parked after %v, %v, want 20 minutes: gc takes what is an hour old", v.parkAfter, err)
	}
	r.put(t, "/o", bytes.Repeat([]byte("x"), 5000))
	u, err := r.Usage(t.Context())
	if err != nil || u.UsedInodes != 1 || u.TotalSpace-u.AvailSpace != 8192 {
		t.Errorf("Usage: %+v, %v", u, err)
	}
}
