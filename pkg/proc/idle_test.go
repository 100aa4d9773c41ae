package proc

import "testing"

func TestMemoryIsReturnedOnceWhenWorkHasEnded(t *testing.T) {
	var i Idle
	var kept []byte
	work := func() {
		for range 32 {
			kept = make([]byte, 1<<20)
		}
	}
	work()
	for n, want := range []bool{false, true, false} {
		if got := i.Return(); got != want {
			t.Errorf("call %d after work: %v, want %v", n, got, want)
		}
	}
	work()
	if i.Return() {
		t.Error("returned while it works")
	}
	if !i.Return() {
		t.Error("not returned after more work")
	}
	if len(kept) == 0 {
		t.Error("no work")
	}
}
