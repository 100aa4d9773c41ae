//go:build invariants

package buf_test

import (
	"bytes"
	"strings"
	"testing"

	"juicefs/pkg/buf"
)

func TestLeaksNameTheTaker(t *testing.T) {
	pool := buf.NewPool(1 << 20)
	page := mustGet(t, pool, 100)
	leaks := pool.Leaks()
	if len(leaks) != 1 || !strings.Contains(leaks[0], "TestLeaksNameTheTaker") {
		t.Errorf("got %q", leaks)
	}
	page.Release()
	if leaks := pool.Leaks(); len(leaks) != 0 {
		t.Errorf("got %q after the release", leaks)
	}
}

func TestReleasedPagesArePoisoned(t *testing.T) {
	pool := buf.NewPool(8 << 20)
	for _, size := range []int{1, 2, 100, 4<<20 - 1, 4 << 20} {
		page := mustGet(t, pool, size)
		b := page.Bytes()
		clear(b)
		page.Release()
		if n := bytes.Count(b, []byte{0xdb}); n != size {
			t.Errorf("%d bytes of %d are poisoned", n, size)
		}
	}
	page := mustGet(t, pool, 100)
	page.Release()
	defer func() {
		if recover() == nil {
			t.Error("a released page can be used")
		}
	}()
	page.Bytes()
}
