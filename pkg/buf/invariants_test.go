//go:build invariants

package buf_test

import (
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
	pool := buf.NewPool(1 << 20)
	page := mustGet(t, pool, 100)
	b := page.Bytes()
	clear(b)
	page.Release()
	if b[0] != 0xdb || b[99] != 0xdb {
		t.Errorf("got %x", b)
	}
	defer func() {
		if recover() == nil {
			t.Error("a released page can be used")
		}
	}()
	page.Bytes()
}
