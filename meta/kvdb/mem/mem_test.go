package mem

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestTreapIsASortedMap(t *testing.T) {
	for seed := range uint64(20) {
		rnd := rand.New(rand.NewPCG(seed, 0))
		want := map[string]string{}
		var tree *node
		for i := range 500 {
			key := fmt.Sprint(rnd.IntN(100))
			if rnd.IntN(3) == 0 {
				delete(want, key)
				tree = tree.remove(key)
			} else {
				want[key] = fmt.Sprint(i)
				tree = tree.put(newNode(key, []byte(want[key]), uint64(i)))
			}
		}
		lo, hi := fmt.Sprint(rnd.IntN(100)), fmt.Sprint(rnd.IntN(100))
		var got []string
		tree.walk(lo, hi, func(n *node) bool {
			got = append(got, n.key+"="+string(n.data))
			return true
		})
		var wanted []string
		for _, k := range slices.Sorted(maps.Keys(want)) {
			if k >= lo && k < hi {
				wanted = append(wanted, k+"="+want[k])
			}
			if n := tree.find(k); n == nil || string(n.data) != want[k] {
				t.Fatalf("seed %d: find %s = %v, want %s", seed, k, n, want[k])
			}
		}
		if !slices.Equal(got, wanted) {
			t.Errorf("seed %d: walk [%s, %s) = %v, want %v", seed, lo, hi, got, wanted)
		}
	}
}
