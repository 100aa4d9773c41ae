package object_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"

	"juicefs/pkg/object"
	"juicefs/pkg/object/file"
	"juicefs/pkg/object/mem"
	"juicefs/pkg/object/objecttest"
)

func TestSwapPassesTheSuite(t *testing.T) {
	objecttest.Run(t, func(t testing.TB) object.Bucket {
		s := object.NewSwap(mem.New())
		if err := s.Set(mem.New()); err != nil {
			t.Fatal(err)
		}
		return s
	})
}

func TestSwap(t *testing.T) {
	ctx := t.Context()
	one, two := mem.New(), mem.New()
	for b, text := range map[object.Bucket]string{one: "one", two: "two"} {
		if err := b.Put(ctx, "k", object.Bytes([]byte(text))); err != nil {
			t.Fatal(err)
		}
	}
	s := object.NewSwap(one)
	ranges, ok := object.As[object.RangeReader](s)
	if _, has := object.As[object.RangeReader](object.Bucket(one)); ok != has {
		t.Fatalf("the ability to read ranges: %v, and %v of the bucket", ok, has)
	}
	under, err := s.Get(ctx, "k", 0, -1) // before the swap
	if err != nil {
		t.Fatal(err)
	}
	if err = s.Set(two); err != nil {
		t.Fatal(err)
	}
	for want, r := range map[string]io.Reader{"one": under, "two": whole(ctx, t, s)} {
		if got, e := io.ReadAll(r); e != nil || string(got) != want {
			t.Errorf("got %q, %v, want %q", got, e, want)
		}
	}
	if ok {
		p := make([]byte, 3)
		if n, e := ranges.ReadRange(ctx, "k", p, 0); e != nil || !bytes.Equal(p[:n], []byte("two")) {
			t.Errorf("an ability that was asked for before: %q, %v", p[:n], e)
		}
	}
	local, err := file.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Set(local); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("a bucket of another kind: %v", err)
	}
}

func whole(ctx context.Context, t *testing.T, b object.Bucket) io.Reader {
	t.Helper()
	r, err := b.Get(ctx, "k", 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() }) // only read
	return r
}
