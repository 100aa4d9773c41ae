package meta

import (
	"bytes"
	"fmt"
	"testing"

	"juicefs/meta/engine"
	"juicefs/meta/record"
)

func TestLoadedSetFindsWhatWasReadLast(t *testing.T) {
	for _, n := range []int{0, 1, manyLoaded - 1, manyLoaded, manyLoaded + 1, 10 * manyLoaded} {
		var s loadedSet
		if !s.empty() {
			t.Error("the zero value is not empty")
		}
		want := map[record.Key]loaded{}
		for round := range 2 { // the second time in place of the first
			for i := range n {
				k := record.EntryKey(record.Ino(i%7), fmt.Sprint(i))
				want[k] = loaded{[]byte{byte(i), byte(round)}, engine.Guard(round + 1)}
				s.set(k, want[k])
			}
		}
		for k, w := range want {
			if got, ok := s.get(k); !ok || !bytes.Equal(got.value, w.value) || got.guard != w.guard {
				t.Errorf("%d records: %s is %v, %v, want %v", n, k, got, ok, w)
			}
		}
		if got, ok := s.get(record.EntryKey(1, "none")); ok || got.value != nil {
			t.Errorf("%d records: what was not read is %v", n, got)
		}
		if s.empty() != (n == 0) {
			t.Errorf("%d records: empty is %v", n, s.empty())
		}
	}
}
