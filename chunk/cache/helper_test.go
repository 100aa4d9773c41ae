package cache

import (
	"bytes"
	"runtime"
	"sync"
	"testing"
	"time"

	"juicefs/chunk"
	"juicefs/pkg/buf"
)

const volume = "d83c1c9f-bb61-4429-b22d-0f6d00761f20"

// clock is a time that tests move.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

func open(t testing.TB, o Options) *Cache {
	t.Helper()
	if o.Dir == "" {
		o.Dir = t.TempDir()
	}
	o.UUID = volume
	if o.FreeRatio == 0 {
		o.FreeRatio = -1 // the disk of whoever runs the tests may be full
	}
	c, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	eventually(t, "the first scan", c.scanned.Load)
	return c
}

func eventually(t testing.TB, what string, cond func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !cond(); runtime.Gosched() {
		if time.Now().After(end) {
			t.Fatalf("not in time: %s", what)
		}
	}
}

func content(seed, size int) []byte {
	b := make([]byte, size)
	for i := range b {
		b[i] = byte(i*7 + i>>8 + seed)
	}
	return b
}

// put writes a block and waits until it is in its file.
func put(t testing.TB, c *Cache, b chunk.Block, data []byte) {
	t.Helper()
	page := buf.NewPage(bytes.Clone(data))
	c.Write(b, page)
	page.Release()
	c.Flush()
}

func read(c *Cache, b chunk.Block, off, n int) ([]byte, bool) {
	p := make([]byte, n)
	ok := c.Read(b, p, off)
	return p, ok
}
