package proc

import (
	"bytes"
	"os"
	"runtime"
	"runtime/metrics"
	"strconv"
	"testing"
)

func TestBallastMovesTheNextCollectionAwayAndTakesNoMemory(t *testing.T) {
	const size = 64 << 20
	runtime.GC()
	goal, resident := heapGoal(), residentBytes(t)
	b := NewBallast(size)
	runtime.GC()
	if more := heapGoal() - goal; more < size {
		t.Errorf("collection begins %d bytes later, want at least %d", more, size)
	}
	if more := residentBytes(t) - resident; more > size/4 {
		t.Errorf("%d bytes more are resident", more)
	}
	b.Drop()
	runtime.GC()
	if more := heapGoal() - goal; more >= size {
		t.Errorf("collection still begins %d bytes later", more)
	}
}

func heapGoal() int64 {
	s := []metrics.Sample{{Name: "/gc/heap/goal:bytes"}}
	metrics.Read(s)
	return int64(s[0].Value.Uint64()) //nolint:gosec // of a small heap
}

func residentBytes(t *testing.T) int64 {
	t.Helper()
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Fatal(err)
	}
	pages, err := strconv.ParseInt(string(bytes.Fields(b)[1]), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return pages * int64(os.Getpagesize())
}
