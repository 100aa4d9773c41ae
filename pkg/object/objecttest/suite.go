package objecttest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"juicefs/pkg/object"
)

// Run checks that the buckets which open makes, each empty, keep the contract of object.Bucket.
func Run(t *testing.T, open func(t testing.TB) object.Bucket) {
	for _, c := range []struct {
		name string
		test func(t *testing.T, b object.Bucket)
	}{
		{"what was put is got", testPutGet},
		{"ranges at the borders", testRanges},
		{"empty objects", testEmpty},
		{"odd keys", testKeys},
		{"absent keys", testAbsent},
		{"bodies are read as often as needed", testBodies},
		{"short bodies", testShortBody},
		{"listing order and pages", testList},
		{"cancelled contexts", testCancelled},
		{"overwriting is atomic", testOverwrite},
		{"abilities agree with the plain form", testAbilities},
		{"random operations agree with a map", testRandom},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := open(t)
			if cr, ok := object.As[object.Creator](b); ok {
				for range 2 {
					if err := cr.Create(t.Context()); err != nil {
						t.Fatalf("create: %v", err)
					}
				}
			}
			c.test(t, b)
		})
	}
}

// content is size bytes that depend on seed.
func content(seed uint64, size int) []byte {
	var key [32]byte
	key[0], key[1] = byte(seed), byte(seed>>8)
	b := make([]byte, size)
	_, _ = rand.NewChaCha8(key).Read(b) // never fails
	return b
}

func put(t testing.TB, b object.Bucket, key string, data []byte) {
	t.Helper()
	if err := b.Put(t.Context(), key, object.Bytes(data)); err != nil {
		t.Fatalf("put %q: %v", key, err)
	}
}

func get(ctx context.Context, b object.Bucket, key string, off, n int64) ([]byte, error) {
	r, err := b.Get(ctx, key, off, n)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(r)
	return data, errors.Join(err, r.Close())
}

func want(t testing.TB, b object.Bucket, key string, off, n int64, want []byte) {
	t.Helper()
	got, err := get(t.Context(), b, key, off, n)
	if err != nil {
		t.Errorf("get %q from %d, %d bytes: %v", key, off, n, err)
	} else if !bytes.Equal(got, want) {
		t.Errorf("get %q from %d, %d bytes: got %d bytes %.20q, want %d bytes %.20q", key, off, n, len(got), got, len(want), want)
	}
}

func testPutGet(t *testing.T, b object.Bucket) {
	for _, size := range []int{1, 24, 4096, 65537, 4 << 20} {
		key, data := fmt.Sprintf("chunks/0/0/1_0_%d", size), content(uint64(size), size)
		put(t, b, key, data)
		want(t, b, key, 0, -1, data)
		info, err := b.Stat(t.Context(), key)
		if err != nil || info.Key != key || info.Size != int64(size) && !b.Limits().WholeGets {
			t.Errorf("stat %q: got %+v, %v", key, info, err)
		}
		put(t, b, key, data[:size/2])
		want(t, b, key, 0, -1, data[:size/2])
	}
	if b.String() == "" {
		t.Error("the bucket has no address")
	}
}

func testRanges(t *testing.T, b object.Bucket) {
	data := content(1, 100000)
	put(t, b, "a/ranges", data)
	size := int64(len(data))
	for _, r := range []struct{ off, n int64 }{
		{0, size}, {0, size + 1}, {0, 1}, {size - 1, 1}, {size - 1, 2}, {size - 1, -1}, {size, 1}, {size, -1}, {size + 10, 5},
		{1, size}, {32767, 2}, {32768, 32768}, {65535, -1}, {50000, 10}, {10, 0}, {0, 0},
	} {
		begin := min(r.off, size)
		end := size
		if r.n >= 0 {
			end = min(begin+r.n, size)
		}
		want(t, b, "a/ranges", r.off, r.n, data[begin:end])
	}
	if r, err := b.Get(t.Context(), "a/ranges", -1, 5); err == nil {
		_ = r.Close() // only that it was given matters
		t.Error("a range before the object was given")
	}
}

func testEmpty(t *testing.T, b object.Bucket) {
	put(t, b, "empty", nil)
	want(t, b, "empty", 0, -1, nil)
	want(t, b, "empty", 0, 10, nil)
	want(t, b, "empty", 5, -1, nil)
	info, err := b.Stat(t.Context(), "empty")
	if err != nil || info.Size != 0 && !b.Limits().WholeGets {
		t.Errorf("stat: got %+v, %v", info, err)
	}
	if keys := list(t, b, "", "", 10); !slices.Equal(keys, []string{"empty"}) {
		t.Errorf("list: got %q", keys)
	}
}

func testKeys(t *testing.T, b object.Bucket) {
	keys := []string{
		"plain", "with space", " leading", "trailing ", "plus+percent%20", "question?mark=1&x", "hash#tag", "quote'\"`",
		"back\\slash", "new\nline", "tab\ttab", "ünïcödé/日本語", "a/b/c/d/e/f/g", ".hidden", ".hid/.jfs.x", "...", "a..b",
		"~tilde", "star*?[x]", "colon:semi;", "%d", "name.tmp", ".tmp.x", "tmp.123", strings.Repeat("k", 200), strings.Repeat("d", 100) + "/" + strings.Repeat("e", 100),
	}
	for i, key := range keys {
		put(t, b, key, []byte(fmt.Sprint("content of ", i)))
	}
	for i, key := range keys {
		want(t, b, key, 0, -1, []byte(fmt.Sprint("content of ", i)))
	}
	slices.Sort(keys)
	if got := list(t, b, "", "", 1000); !slices.Equal(got, keys) {
		t.Errorf("list: %s", cmp.Diff(keys, got))
	}
	for _, key := range keys {
		if err := b.Delete(t.Context(), key); err != nil {
			t.Errorf("delete %q: %v", key, err)
		}
	}
	if got := list(t, b, "", "", 1000); len(got) != 0 {
		t.Errorf("list after deleting everything: %q", got)
	}
	for _, key := range []string{"", "nul\x00"} {
		if err := b.Put(t.Context(), key, object.Bytes(nil)); err == nil {
			t.Errorf("put %q was taken", key)
		}
		if _, err := b.Stat(t.Context(), key); err == nil {
			t.Errorf("stat %q was answered", key)
		}
	}
}

func testAbsent(t *testing.T, b object.Bucket) {
	put(t, b, "dir/there", []byte("x"))
	for _, key := range []string{"absent", "dir", "dir/absent", "dir/there/below", "no/such/folder/key"} {
		if _, err := get(t.Context(), b, key, 0, -1); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("get %q: got %v, want not exist", key, err)
		}
		if _, err := get(t.Context(), b, key, 5, 10); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("get range of %q: got %v, want not exist", key, err)
		}
		if _, err := b.Stat(t.Context(), key); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("stat %q: got %v, want not exist", key, err)
		}
		if err := b.Delete(t.Context(), key); err != nil {
			t.Errorf("delete %q: %v", key, err)
		}
		if rr, ok := object.As[object.RangeReader](b); ok {
			if _, err := rr.ReadRange(t.Context(), key, make([]byte, 5), 0); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("read range of %q: got %v, want not exist", key, err)
			}
		}
	}
	want(t, b, "dir/there", 0, -1, []byte("x"))
	if err := b.Delete(t.Context(), "dir/there"); err != nil {
		t.Errorf("delete: %v", err)
	}
	if _, err := b.Stat(t.Context(), "dir/there"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("stat of a deleted object: %v", err)
	}
	if keys := list(t, b, "no/such/", "", 5); len(keys) != 0 {
		t.Errorf("list of nothing: %q", keys)
	}
}

// plainReaderAt hides every other method.
type plainReaderAt struct{ io.ReaderAt }

func testBodies(t *testing.T, b object.Bucket) {
	data := content(7, 300000)
	bodies := map[string]object.Body{
		"plain":    {ReaderAt: plainReaderAt{bytes.NewReader(data)}, Size: int64(len(data))},
		"one":      object.Bytes(data),
		"segments": (&object.Memory{data[:1], nil, data[1:100000], data[100000:]}).Body(),
	}
	for name, body := range bodies {
		for i := range 2 {
			key := fmt.Sprint(name, i)
			if err := b.Put(t.Context(), key, body); err != nil {
				t.Errorf("put of %s, time %d: %v", name, i, err)
			}
			want(t, b, key, 0, -1, data)
		}
	}
}

func testShortBody(t *testing.T, b object.Bucket) {
	put(t, b, "short", []byte("old"))
	for _, body := range []object.Body{
		{ReaderAt: plainReaderAt{strings.NewReader("abc")}, Size: 5},
		{ReaderAt: &object.Memory{[]byte("abc")}, Size: 5},
		{ReaderAt: &object.Memory{[]byte("a"), []byte("bc")}, Size: 5},
	} {
		if err := b.Put(t.Context(), "short", body); err == nil {
			t.Error("a body that is shorter than it says was taken")
		}
		want(t, b, "short", 0, -1, []byte("old"))
	}
	if keys := list(t, b, "", "", 10); !slices.Equal(keys, []string{"short"}) {
		t.Errorf("left over after errors: %q", keys)
	}
}

func testCancelled(t *testing.T, b object.Bucket) {
	put(t, b, "key", content(1, 100000))
	ctx, cancel := context.WithCancel(t.Context())
	r, err := b.Get(ctx, "key", 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := io.Copy(io.Discard, r); err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("reading on: got %v, want cancelled or all of it", err)
	}
	_ = r.Close() // a reader of a cancelled request may say so
	_, errGet := get(ctx, b, "key", 0, -1)
	_, errStat := b.Stat(ctx, "key")
	_, errList := b.List(ctx, "", "", 10)
	for op, err := range map[string]error{
		"get": errGet, "stat": errStat, "list": errList,
		"put": b.Put(ctx, "key", object.Bytes(nil)), "delete": b.Delete(ctx, "key"),
	} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: got %v, want cancelled", op, err)
		}
	}
	want(t, b, "key", 0, -1, content(1, 100000))
}

func testOverwrite(t *testing.T, b object.Bucket) {
	const size = 200000
	put(t, b, "key", bytes.Repeat([]byte{0}, size))
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				got, err := get(t.Context(), b, "key", 0, -1)
				if err != nil || len(got) != size || bytes.Count(got, got[:1]) != size {
					t.Errorf("a reader saw %d bytes of several versions, error %v", len(got), err)
					return
				}
			}
		})
	}
	wg.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			if keys := list(t, b, "", "", 10); !slices.Equal(keys, []string{"key"}) {
				t.Errorf("a lister saw %q", keys)
				return
			}
		}
	})
	for i := range 40 {
		if err := b.Put(t.Context(), "key", object.Bytes(bytes.Repeat([]byte{byte(i)}, size))); err != nil {
			t.Errorf("put: %v", err)
		}
	}
	close(stop)
	wg.Wait()
}

func testAbilities(t *testing.T, b object.Bucket) {
	data := content(3, 70000)
	put(t, b, "dir/key", data)
	if rr, ok := object.As[object.RangeReader](b); ok {
		for _, r := range []struct{ off, n int }{{0, 70000}, {0, 1}, {69999, 1}, {69999, 10}, {70000, 1}, {80000, 1}, {1000, 50000}, {5, 0}} {
			p := make([]byte, r.n)
			n, err := rr.ReadRange(t.Context(), "dir/key", p, int64(r.off))
			begin := min(r.off, len(data))
			if w := data[begin:min(begin+r.n, len(data))]; err != nil || !bytes.Equal(p[:n], w) {
				t.Errorf("read range %+v: got %d bytes, %v", r, n, err)
			}
		}
	}
	if o, ok := object.As[object.FileOpener](b); ok {
		f, err := o.OpenFile(t.Context(), "dir/key")
		if err != nil {
			t.Fatalf("open: %v", err)
		}
		put(t, b, "dir/key", []byte("new"))
		got, err := io.ReadAll(f)
		if err = errors.Join(err, f.Close()); err != nil || !bytes.Equal(got, data) {
			t.Errorf("the file has %d bytes, %v", len(got), err)
		}
		if _, err := o.OpenFile(t.Context(), "absent"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("open of an absent object: %v", err)
		}
	}
}

func testRandom(t *testing.T, b object.Bucket) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	model := map[string][]byte{}
	for range 300 {
		key := fmt.Sprintf("%d/%d_%d", rnd.IntN(3), rnd.IntN(10), rnd.IntN(3))
		switch rnd.IntN(4) {
		case 0:
			data := content(rnd.Uint64(), rnd.IntN(9000))
			put(t, b, key, data)
			model[key] = data
		case 1:
			if err := b.Delete(t.Context(), key); err != nil {
				t.Fatalf("delete: %v", err)
			}
			delete(model, key)
		case 2:
			data, ok := model[key]
			if !ok {
				if _, err := b.Stat(t.Context(), key); !errors.Is(err, fs.ErrNotExist) {
					t.Fatalf("stat of absent %s: %v", key, err)
				}
				continue
			}
			off := rnd.IntN(len(data) + 1)
			n := rnd.IntN(len(data) - off + 1)
			want(t, b, key, int64(off), int64(n), data[off:off+n])
		case 3:
			var keys []string
			prefix := fmt.Sprintf("%d/", rnd.IntN(4))
			for k := range model {
				if strings.HasPrefix(k, prefix) && k > key {
					keys = append(keys, k)
				}
			}
			slices.Sort(keys)
			if got := list(t, b, prefix, key, 1000); !slices.Equal(got, keys) && len(got)+len(keys) > 0 {
				t.Fatalf("list of %s after %s: %s", prefix, key, cmp.Diff(keys, got))
			}
		}
		if t.Failed() {
			return
		}
	}
}
