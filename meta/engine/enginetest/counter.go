package enginetest

import (
	"sync"
	"testing"

	"juicefs/meta/record"
)

func (d *db) incr(counter string, delta int64) int64 {
	d.tb.Helper()
	v, err := d.e.Incr(d.tb.Context(), counter, delta)
	if err != nil {
		d.tb.Fatalf("incr %s by %d: %v", counter, delta, err)
	}
	return v
}

func testCounters(t *testing.T, d *db) {
	// The first batch of ids may begin at 0, 1 or 2: numbers below the first usable one are skipped by whoever takes them.
	for counter, batch := range map[string]int64{record.CounterInode: record.InodeBatch, record.CounterSlice: record.SliceBatch} {
		start := d.incr(counter, 0)
		if start < 1 || start > 2 {
			t.Errorf("%s starts at %d", counter, start)
		}
		for range 2 {
			if got := d.incr(counter, batch); got != start+batch {
				t.Errorf("%s: a batch after %d ends at %d", counter, start, got)
			}
			start += batch
			if got := d.incr(counter, 0); got != start {
				t.Errorf("%s reads %d, want %d", counter, got, start)
			}
			d.wantInt(record.CounterKey(counter), start)
		}
		d.commit(put(record.CounterKey(counter), record.EncodeInt64(5000)))
		if got := d.incr(counter, 1); got != 5001 {
			t.Errorf("%s after 5000 is %d", counter, got)
		}
	}
	for _, counter := range []string{record.CounterSession, record.CounterTrash, record.CounterSpace, record.CounterInodes, record.CounterACL,
		record.CounterLastSessions, record.CounterLastFiles, record.CounterNextSlices, record.CounterLastTrash, record.CounterLastChangelog} {
		if got := d.incr(counter, 0); got != 0 {
			t.Errorf("%s starts at %d", counter, got)
		}
		d.wantInt(record.CounterKey(counter), 0)
		if got := d.incr(counter, 3); got != 3 {
			t.Errorf("%s: 3 more than nothing is %d", counter, got)
		}
		d.commit(add(record.CounterKey(counter), -5))
		d.wantInt(record.CounterKey(counter), -2)
		if got := d.incr(counter, -1); got != -3 {
			t.Errorf("%s goes down to %d, want -3", counter, got)
		}
	}
	// Adding in a batch to an id counter that nobody used yet starts from the initial value too.
	d.commit(del(record.CounterKey(record.CounterInode)))
	before := d.incr(record.CounterInode, 0)
	d.commit(add(record.CounterKey(record.CounterInode), 10))
	if got := d.incr(record.CounterInode, 0); got != before+10 {
		t.Errorf("absent id counter plus 10 is %d, want %d", got, before+10)
	}
}

func testIncrParallel(t *testing.T, d *db) {
	const workers, each, batch = 8, 25, 10
	var mu sync.Mutex
	taken := map[int64]bool{}
	d.parallel(workers, func(int) error {
		for range each {
			var top int64
			if _, err := again(func() (err error) {
				top, err = d.e.Incr(t.Context(), record.CounterInode, batch)
				return err
			}); err != nil {
				return err
			}
			mu.Lock()
			for id := top - batch; id < top; id++ {
				if taken[id] {
					t.Errorf("id %d was handed out twice", id)
				}
				taken[id] = true
			}
			mu.Unlock()
		}
		return nil
	})
	if len(taken) != workers*each*batch {
		t.Errorf("%d ids, want %d", len(taken), workers*each*batch)
	}
}

// parallel runs f n times at once and fails the test if one fails.
func (d *db) parallel(n int, f func(worker int) error) {
	d.tb.Helper()
	var wg sync.WaitGroup
	errs := make([]error, n)
	for i := range n {
		wg.Go(func() { errs[i] = f(i) })
	}
	wg.Wait()
	for i, err := range errs {
		if err != nil {
			d.tb.Errorf("worker %d: %v", i, err)
		}
	}
}
