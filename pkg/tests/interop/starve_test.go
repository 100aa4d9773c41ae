package interop

import (
	"bytes"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"

	"juicefs/pkg/tests/oracle"
)

// A gateway of the original on Redis watches the whole directory that it changes, for several turnarounds: whoever commits to that
// directory in the meantime makes it start over, and it gives up after fifty times. So ours has to leave it room. With clients
// busy at both in one directory, the original keeps at least half of the rate that it has alone, as the median of windows that
// alternate, and none of its uploads fails.
func TestTheOriginalIsNotStarved(t *testing.T) {
	v := redis.format(t, oracle.Real(t), oracle.FormatOptions{TrashDays: 1})
	theirs, ours := start(t, oracle.Real(t), v, single), start(t, oracle.Ours(t), v, single)
	const pairs, window, clients = 7, 1500 * time.Millisecond, 2
	var ratios []float64
	var alone, beside, own []int64
	for range pairs {
		a := load(t, theirs, clients, window)
		n := make(chan int64, 1)
		go func() { n <- load(t, ours, clients, window) }()
		b := load(t, theirs, clients, window)
		own = append(own, <-n)
		alone, beside = append(alone, a), append(beside, b)
		ratios = append(ratios, float64(b)/float64(max(a, 1)))
	}
	t.Logf("uploads in %s: the original alone %d, beside ours %d, ours meanwhile %d", window, alone, beside, own)
	slices.Sort(ratios)
	if median := ratios[pairs/2]; median < 0.5 {
		t.Errorf("the original keeps %.2f of its rate, want half of it; all windows: %.2f", median, ratios)
	}
	ours.Stop(t)
	theirs.Stop(t)
	oracle.Judge(t, v)
}

var loads atomic.Int64 // so that every load has keys of its own

// load puts small objects into one directory for some time and returns how many there were.
func load(t *testing.T, g *oracle.Gateway, clients int, d time.Duration) int64 {
	t.Helper()
	number, stop := loads.Add(1), after(d)
	data := content("load", 4*kib)
	var n atomic.Int64
	var wg sync.WaitGroup
	for i := range clients {
		s3 := g.Core(t)
		wg.Go(func() {
			for k := 0; !over(stop); k++ {
				key := fmt.Sprintf("hot/%d-%d-%d", number, i, k)
				if _, err := s3.PutObject(t.Context(), g.Volume.Name, key, bytes.NewReader(data), int64(len(data)), "", "", minio.PutObjectOptions{}); err != nil {
					t.Errorf("%s: put %s: %v", g.Program.Name, key, err)
					return
				}
				n.Add(1)
			}
		})
	}
	wg.Wait()
	return n.Load()
}
