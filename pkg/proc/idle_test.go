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
		if got, err := i.Return(); got != want || err != nil {
			t.Errorf("call %d after work: %v, %v, want %v", n, got, err, want)
		}
	}
	work()
	for n, want := range []bool{false, true} {
		if got, err := i.Return(); got != want || err != nil {
			t.Errorf("call %d after more work: %v, %v, want %v", n, got, err, want)
		}
	}
	if len(kept) == 0 {
		t.Error("no work")
	}
}
