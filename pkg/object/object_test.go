package object_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"juicefs/pkg/crypt"
	"juicefs/pkg/object"
	"juicefs/pkg/object/file"
	"juicefs/pkg/object/mem"
	"juicefs/pkg/object/objecttest"
	"juicefs/pkg/rate"
)

func TestDecoratorsConform(t *testing.T) {
	for name, open := range map[string]func(t testing.TB) object.Bucket{
		"prefix": func(testing.TB) object.Bucket {
			b := mem.New()
			_ = b.Put(context.Background(), "other/x", object.Bytes(nil)) // never fails; must not be seen
			_ = b.Put(context.Background(), "volume", object.Bytes(nil))
			return object.WithPrefix(b, "volume/")
		},
		"prefix on files": func(t testing.TB) object.Bucket { return object.WithPrefix(openFile(t), "volume/") },
		"shard":           func(testing.TB) object.Bucket { return object.Shard(mem.New(), mem.New(), mem.New()) },
		"retry": func(testing.TB) object.Bucket {
			var n atomicCounter
			return object.WithRetry(objecttest.WithFaults(mem.New(), func(_ context.Context, c objecttest.Call) error {
				if c.Op != "delete" && c.Op != "read" && n.next()%3 == 1 {
					return syscall.ECONNRESET
				}
				return nil
			}), object.RetryOptions{Tries: 1000, Sleep: noSleep})
		},
		"timeout": func(testing.TB) object.Bucket { return object.WithTimeout(mem.New(), time.Hour, time.Hour) },
		"meter":   func(testing.TB) object.Bucket { return object.WithMeter(mem.New(), &counter{}) },
		"rate": func(testing.TB) object.Bucket {
			return object.WithRate(mem.New(), rate.New(1<<40, 1<<40), rate.New(1<<40, 1<<40))
		},
		"crypt":  func(testing.TB) object.Bucket { return object.WithCrypt(mem.New(), xor{}) },
		"faults": func(testing.TB) object.Bucket { return objecttest.WithDelay(mem.New(), 0) },
		"stack of everything": func(t testing.TB) object.Bucket {
			dir := t.TempDir()
			b, err := object.Stack(dir+"/%d", func(a string) (object.Bucket, error) { return file.Open(a) }, object.StackOptions{
				Shards: 3, Prefix: "v/", Cipher: xor{}, Meter: &counter{}, Up: rate.New(0, 0), Down: rate.New(0, 0),
			})
			if err != nil {
				t.Fatal(err)
			}
			return b
		},
		"stack of nothing": func(t testing.TB) object.Bucket {
			b, err := object.Stack(t.TempDir(), func(a string) (object.Bucket, error) { return file.Open(a) }, object.StackOptions{})
			if err != nil {
				t.Fatal(err)
			}
			return b
		},
	} {
		t.Run(name, func(t *testing.T) { objecttest.Run(t, open) })
	}
}

func TestShardsOfTheOriginal(t *testing.T) {
	var index struct {
		Shards []struct {
			Key   string `json:"object_key"`
			Shard int    `json:"shard"`
		} `json:"shard_selection"`
	}
	text, err := os.ReadFile("testdata/shards.json")
	if err == nil {
		err = json.Unmarshal(text, &index)
	}
	if err != nil || len(index.Shards) == 0 {
		t.Fatal(err)
	}
	shards := []object.Bucket{mem.New(), mem.New(), mem.New(), mem.New()}
	b := object.WithPrefix(object.Shard(shards...), "vshard/")
	for _, s := range index.Shards {
		put(t, b, strings.TrimPrefix(s.Key, "vshard/"), "x")
		if _, err := shards[s.Shard].Stat(t.Context(), s.Key); err != nil {
			t.Errorf("%s is not in shard %d: %v", s.Key, s.Shard, err)
		}
	}
}

func TestShardAddresses(t *testing.T) {
	got, err := object.ShardAddresses("/data/%d/x", 3)
	if err != nil || !slices.Equal(got, []string{"/data/0/x", "/data/1/x", "/data/2/x"}) {
		t.Errorf("got %q, %v", got, err)
	}
	for _, bad := range []string{"/data", "/data/%s", "/%d/%d", "/data/%"} {
		if got, err := object.ShardAddresses(bad, 2); err == nil {
			t.Errorf("%q became %q", bad, got)
		}
	}
}

func TestAbilitiesGoThroughDecorators(t *testing.T) {
	b := openFile(t)
	stack, err := object.Stack("", func(string) (object.Bucket, error) { return b, nil }, object.StackOptions{Prefix: "v/", Meter: &counter{}})
	if err != nil {
		t.Fatal(err)
	}
	put(t, stack, "key", "hello")
	o, ok := object.As[object.FileOpener](stack)
	if !ok {
		t.Fatal("no files")
	}
	f, err := o.OpenFile(t.Context(), "key")
	if err != nil {
		t.Fatal(err)
	}
	_ = f.Close() // only read
	s, ok := object.As[object.Sweeper](stack)
	if !ok {
		t.Fatal("no sweeper")
	}
	if err := stack.Delete(t.Context(), "key"); err != nil {
		t.Fatal(err)
	}
	if n, err := s.Sweep(t.Context(), "", time.Now().Add(time.Hour)); n != 1 || err != nil {
		t.Errorf("got %d swept, %v", n, err)
	}
	if !stack.Limits().Local {
		t.Error("a stack on files is not local")
	}
	sealed := object.WithCrypt(stack, xor{})
	if _, ok := object.As[object.FileOpener](sealed); ok || sealed.Limits().Local {
		t.Error("sealed files can be opened")
	}
	if _, ok := object.As[object.Sweeper](sealed); !ok {
		t.Error("no sweeper through encryption")
	}
	if _, ok := object.As[object.FileOpener](object.WithRate(stack, nil, rate.New(1, 1))); ok {
		t.Error("files pass the rate limit")
	}
	if _, ok := object.As[object.FileOpener](object.WithRate(stack, rate.New(1, 1), nil)); !ok {
		t.Error("an upload limit hides files")
	}
	if _, ok := object.As[object.Pinger](stack); ok {
		t.Error("an ability came from nowhere")
	}
}

func TestStackRefuses(t *testing.T) {
	open := func(string) (object.Bucket, error) { return nil, errors.New("no such bucket") }
	if _, err := object.Stack("/x", open, object.StackOptions{}); err == nil {
		t.Error("a bucket that cannot be opened")
	}
	if _, err := object.Stack("/x", open, object.StackOptions{Shards: 2}); err == nil || !strings.Contains(err.Error(), "%d") {
		t.Errorf("shards without a place for the number: %v", err)
	}
}

func TestMeasurements(t *testing.T) {
	var c counter
	broken := errors.New("broken")
	fail := false
	b := object.WithMeter(objecttest.WithFaults(mem.New(), func(context.Context, objecttest.Call) error {
		if fail {
			return broken
		}
		return nil
	}), &c)
	put(t, b, "key", "hello")
	if _, err := get(t, b, "key"); err != nil {
		t.Fatal(err)
	}
	rr, _ := object.As[object.RangeReader](b)
	if _, err := rr.ReadRange(t.Context(), "key", make([]byte, 3), 0); err != nil {
		t.Fatal(err)
	}
	_, errStat := b.Stat(t.Context(), "absent")
	_, errList := b.List(t.Context(), "", "", 1)
	if !errors.Is(errStat, fs.ErrNotExist) || errList != nil || b.Delete(t.Context(), "key") != nil {
		t.Error(errStat, errList)
	}
	want := map[string]int{"PUT": 1, "GET": 2, "HEAD": 1, "LIST": 1, "DELETE": 1}
	if fmt.Sprint(c.calls) != fmt.Sprint(want) || c.bytes != 13 || c.errs != 0 {
		t.Errorf("got %v, %d bytes, %d errors", c.calls, c.bytes, c.errs)
	}
	fail = true
	if err := b.Put(t.Context(), "key", object.Bytes(nil)); !errors.Is(err, broken) || c.errs != 1 {
		t.Errorf("got %v, %d errors", err, c.errs)
	}
}

func TestSealedObjects(t *testing.T) {
	m := mem.New()
	b := object.WithCrypt(m, envelope(t))
	put(t, b, "juicefs_uuid", "419151a7-a6e7-4a40-9159-fa8afd72bf94")
	stored, err := get(t, m, "juicefs_uuid")
	if err != nil || len(stored) != 36+287 || strings.Contains(stored, "419151a7") {
		t.Errorf("stored are %d bytes, %v", len(stored), err)
	}
	rr, _ := object.As[object.RangeReader](b)
	for _, r := range []struct{ off, n int }{{0, 36}, {0, 5}, {0, 100}, {30, 6}, {30, 10}, {40, 1}} {
		p := make([]byte, r.n)
		n, err := rr.ReadRange(t.Context(), "juicefs_uuid", p, int64(r.off))
		if want := "419151a7-a6e7-4a40-9159-fa8afd72bf94"[min(r.off, 36):min(r.off+r.n, 36)]; err != nil || string(p[:n]) != want {
			t.Errorf("%+v: got %q, %v", r, p[:n], err)
		}
	}
	bad := []byte(stored)
	bad[len(bad)-1] ^= 1
	put(t, m, "juicefs_uuid", string(bad))
	if _, err := get(t, b, "juicefs_uuid"); !errors.Is(err, object.ErrDamaged) || !errors.Is(err, crypt.ErrDamaged) {
		t.Errorf("got %v", err)
	}
	if _, err := rr.ReadRange(t.Context(), "juicefs_uuid", make([]byte, 5), 0); !errors.Is(err, object.ErrDamaged) {
		t.Errorf("got %v", err)
	}
}

func TestBodies(t *testing.T) {
	m := object.Memory{[]byte("he"), nil, []byte("llo"), []byte(" body")}
	body := m.Body()
	if body.Size != 10 {
		t.Fatalf("got size %d", body.Size)
	}
	for off := range 12 {
		for n := range 12 {
			p := make([]byte, n)
			got, err := m.ReadAt(p, int64(off))
			want := "hello body"[min(off, 10):min(off+n, 10)]
			if string(p[:got]) != want || (err != nil) != (got < n) {
				t.Errorf("%d bytes from %d: got %q, %v", n, off, p[:got], err)
			}
		}
	}
	if got, err := body.Bytes(nil); err != nil || string(got) != "hello body" {
		t.Errorf("got %q, %v", got, err)
	}
	if got, err := io.ReadAll(body.Reader()); err != nil || string(got) != "hello body" {
		t.Errorf("got %q, %v", got, err)
	}
	one := []byte("one")
	if got, err := object.Bytes(one).Bytes(nil); err != nil || &got[0] != &one[0] {
		t.Errorf("content in one piece was copied: %v", err)
	}
	plain := object.Body{ReaderAt: strings.NewReader("plain"), Size: 5}
	if got, err := plain.Bytes(make([]byte, 0, 10)); err != nil || string(got) != "plain" {
		t.Errorf("got %q, %v", got, err)
	}
	plain.Size = 6
	if _, err := plain.Bytes(nil); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("got %v", err)
	}
}
