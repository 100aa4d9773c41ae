package object_test

import (
	"context"
	"errors"
	"io"
	"os"
	"sync"
	"testing"
	"time"

	"juicefs/pkg/crypt"
	"juicefs/pkg/object"
	"juicefs/pkg/object/file"
)

func openFile(t testing.TB) object.Bucket {
	t.Helper()
	b, err := file.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func envelope(t testing.TB) *crypt.Envelope {
	t.Helper()
	text, err := os.ReadFile("../crypt/testdata/keys/rsa2048.pem")
	if err != nil {
		t.Fatal(err)
	}
	key, err := crypt.ParseKey(text, "")
	if err != nil {
		t.Fatal(err)
	}
	e, err := crypt.New("", key)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// xor is a cipher that costs nothing, for tests that are not about ciphers.
type xor struct{}

func (xor) Seal(dst, plain []byte) ([]byte, error) {
	dst = append(dst, 'x')
	for _, b := range plain {
		dst = append(dst, b^0x55)
	}
	return dst, nil
}

func (xor) Open(dst, sealed []byte) ([]byte, error) {
	if len(sealed) == 0 || sealed[0] != 'x' {
		return nil, errors.New("no seal")
	}
	for _, b := range sealed[1:] {
		dst = append(dst, b^0x55)
	}
	return dst, nil
}

type counter struct {
	mu    sync.Mutex
	calls map[string]int
	bytes int64
	errs  int
}

func (c *counter) Request(method string, _ time.Duration, n int64, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.calls == nil {
		c.calls = map[string]int{}
	}
	c.calls[method]++
	c.bytes += n
	if err != nil {
		c.errs++
	}
}

func noSleep(context.Context, time.Duration) error { return nil }

type atomicCounter struct {
	mu sync.Mutex
	n  int
}

func (c *atomicCounter) next() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n++
	return c.n
}

func put(t testing.TB, b object.Bucket, key, data string) {
	t.Helper()
	if err := b.Put(t.Context(), key, object.Bytes([]byte(data))); err != nil {
		t.Fatal(err)
	}
}

func get(t testing.TB, b object.Bucket, key string) (string, error) {
	t.Helper()
	r, err := b.Get(t.Context(), key, 0, -1)
	if err != nil {
		return "", err
	}
	data, err := io.ReadAll(r)
	return string(data), errors.Join(err, r.Close())
}
