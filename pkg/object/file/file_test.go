package file_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"juicefs/pkg/object"
	"juicefs/pkg/object/file"
	"juicefs/pkg/object/objecttest"
)

func open(t testing.TB) *file.Bucket {
	t.Helper()
	b, err := file.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestConformance(t *testing.T) {
	objecttest.Run(t, func(t testing.TB) object.Bucket { return open(t) })
}

func BenchmarkBucket(b *testing.B) {
	objecttest.Bench(b, func(t testing.TB) object.Bucket { return open(t) })
}

func root(b *file.Bucket) string { return strings.TrimPrefix(b.String(), "file://") }

func put(t testing.TB, b object.Bucket, key, data string) {
	t.Helper()
	if err := b.Put(t.Context(), key, object.Bytes([]byte(data))); err != nil {
		t.Fatal(err)
	}
}

func TestAddress(t *testing.T) {
	for in, want := range map[string]string{"/a/b": "file:///a/b/", "/a/b/": "file:///a/b/", "file:///a": "file:///a/", "/": "file:///"} {
		b, err := file.Open(in)
		if err != nil || b.String() != want {
			t.Errorf("open %q: got %v, %v, want %s", in, b, err, want)
		}
	}
	if _, err := file.Open(""); err == nil {
		t.Error("a bucket without a folder was opened")
	}
}

func TestKeyIsPath(t *testing.T) {
	b := open(t)
	put(t, b, "v/chunks/0/0/1_0_5", "hello")
	got, err := os.ReadFile(filepath.Join(root(b), "v/chunks/0/0/1_0_5"))
	if err != nil || string(got) != "hello" {
		t.Errorf("got %q, %v", got, err)
	}
	info, err := os.Stat(filepath.Join(root(b), "v/chunks/0/0/1_0_5"))
	umask := syscall.Umask(0)
	syscall.Umask(umask)
	if err != nil || int(info.Mode().Perm()) != 0o666&^umask {
		t.Errorf("got mode %v, %v, umask %o", info.Mode(), err, umask)
	}
}

func TestKeysOutsideAreRefused(t *testing.T) {
	b := open(t)
	for _, key := range []string{"../x", "a/../../x", "..", ".", "a/./b", "/etc/x", "a//b", "a/..", ".jfs.x.tmp.12", "a/.x.tmp12", ".1_0_5.tmp123"} {
		if err := b.Put(t.Context(), key, object.Bytes(nil)); !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("put %q: got %v, want invalid", key, err)
		}
		if _, err := b.Stat(t.Context(), key); !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("stat %q: got %v, want invalid", key, err)
		}
		if err := b.Delete(t.Context(), key); !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("delete %q: got %v, want invalid", key, err)
		}
	}
}

func TestFolders(t *testing.T) {
	b := open(t)
	put(t, b, "testing/", "")
	if info, err := b.Stat(t.Context(), "testing/"); err != nil || info.Size != 0 {
		t.Errorf("got %+v, %v", info, err)
	}
	put(t, b, "testing/probe", "x")
	if err := b.Delete(t.Context(), "testing/"); err != nil {
		t.Errorf("delete of a folder with something in it: %v", err)
	}
	if err := b.Delete(t.Context(), "testing/probe"); err != nil {
		t.Error(err)
	}
	if err := b.Delete(t.Context(), "testing/"); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(root(b) + "testing"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the empty folder is still there: %v", err)
	}
}

func TestFailedPutLeavesNothing(t *testing.T) {
	b := open(t)
	put(t, b, "dir/x", "x")
	if err := b.Put(t.Context(), "dir", object.Bytes([]byte("y"))); err == nil {
		t.Error("an object replaced a folder")
	}
	entries, err := os.ReadDir(root(b))
	if err != nil || len(entries) != 1 {
		t.Errorf("got %v, %v", entries, err)
	}
}

func TestLongNames(t *testing.T) {
	b := open(t)
	put(t, b, strings.Repeat("x", 255), "fits")
	err := b.Put(t.Context(), strings.Repeat("x", 256), object.Bytes(nil))
	if !errors.Is(err, syscall.ENAMETOOLONG) || !b.Final(err) {
		t.Errorf("got %v", err)
	}
}

func TestLinksAreFollowed(t *testing.T) {
	b, elsewhere := open(t), t.TempDir()
	if err := os.WriteFile(filepath.Join(elsewhere, "x"), []byte("x"), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Symlink(elsewhere, root(b)+"chunks"), os.Symlink("/no/such", root(b)+"broken")); err != nil {
		t.Fatal(err)
	}
	got, err := b.List(t.Context(), "", "", 10)
	if err != nil || len(got) != 1 || got[0].Key != "chunks/x" {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestSweep(t *testing.T) {
	b := open(t)
	old := time.Now().Add(-2 * time.Hour)
	for _, name := range []string{"v/chunks/0/.jfs.1_0_5.tmp.123", "v/chunks/1/.1_0_5.tmp99", "v/young/.jfs.x.tmp.5", "w/.jfs.x.tmp.6", "v/keep/x"} {
		path := root(b) + name
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o777), os.WriteFile(path, nil, 0o666), os.Chtimes(path, old, old)); err != nil {
			t.Fatal(err)
		}
	}
	now := time.Now()
	for _, dir := range []string{"v", "v/chunks", "v/chunks/0", "v/chunks/1", "v/keep"} {
		if err := os.Chtimes(root(b)+dir, old, old); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chtimes(root(b)+"v/young/.jfs.x.tmp.5", now, now); err != nil {
		t.Fatal(err)
	}
	n, err := b.Sweep(t.Context(), "v/", now.Add(-time.Hour))
	if err != nil || n != 5 {
		t.Errorf("got %d removed, %v, want two files and three folders", n, err)
	}
	var left []string
	_ = filepath.WalkDir(root(b), func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			left = append(left, strings.TrimPrefix(path, root(b)))
		}
		return err
	})
	if want := []string{"v/keep/x", "v/young/.jfs.x.tmp.5", "w/.jfs.x.tmp.6"}; !slices.Equal(left, want) {
		t.Errorf("got %q, want %q", left, want)
	}
	if err = b.Delete(t.Context(), "v/keep/x"); err != nil {
		t.Fatal(err)
	}
	if n, err = b.Sweep(t.Context(), "v/", now.Add(time.Hour)); err != nil || n != 4 {
		t.Errorf("got %d removed, %v", n, err)
	}
	if _, err := os.Stat(root(b) + "v"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the folder of the prefix is still there: %v", err)
	}
}

func TestFinal(t *testing.T) {
	b := open(t)
	for err, want := range map[error]bool{
		syscall.ENOSPC: true, syscall.EACCES: true, syscall.EROFS: true, fs.ErrInvalid: true, fs.ErrNotExist: true,
		syscall.EIO: false, syscall.ESTALE: false, syscall.EMFILE: false, errors.New("x"): false,
	} {
		if got := b.Final(&fs.PathError{Op: "x", Path: "y", Err: err}); got != want {
			t.Errorf("%v: got final %v", err, got)
		}
	}
}
