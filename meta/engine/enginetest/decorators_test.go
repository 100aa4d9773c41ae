package enginetest_test

import (
	"errors"
	"testing"
	"time"

	"juicefs/meta/engine"
	"juicefs/meta/engine/enginetest"
	"juicefs/meta/kvdb/mem"
	"juicefs/meta/record"
)

func open(tb testing.TB) engine.Engine {
	e, err := mem.Open(tb.Context(), engine.Options{Create: true})
	if err != nil {
		tb.Fatal(err)
	}
	return e
}

func closeEngine(tb testing.TB, e engine.Engine) {
	tb.Helper()
	if err := e.Close(); err != nil {
		tb.Error(err)
	}
}

func TestDecoratorsKeepTheContract(t *testing.T) {
	t.Run("counting", func(t *testing.T) {
		enginetest.Run(t, func(tb testing.TB) engine.Engine { return enginetest.NewCounting(open(tb)) })
	})
	t.Run("failing", func(t *testing.T) {
		enginetest.Run(t, func(tb testing.TB) engine.Engine { return enginetest.NewFailing(open(tb)) })
	})
	t.Run("slow", func(t *testing.T) {
		enginetest.Run(t, func(tb testing.TB) engine.Engine { return enginetest.NewSlow(open(tb), time.Microsecond) })
	})
}

func TestCountingCountsTurnarounds(t *testing.T) {
	c := enginetest.NewCounting(open(t))
	defer closeEngine(t, c)
	ctx := t.Context()
	tx := c.Begin(engine.Update)
	if _, err := tx.Fetch(ctx, []engine.ReadOp{{Key: record.AttrKey(1)}, {Key: record.AttrKey(2)}}); err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Page(ctx, engine.Range{Kind: record.KindEntry, A: 1}, 1); err != nil {
		t.Fatal(err)
	}
	if err := tx.Commit(ctx, &engine.Batch{}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Incr(ctx, record.CounterInode, 1); err != nil {
		t.Fatal(err)
	}
	want := enginetest.Counts{Fetch: 1, Page: 1, Commit: 1, Incr: 1}
	if got := c.Reset(); got != want || got.Turnarounds() != 4 {
		t.Errorf("counts %+v, want %+v", got, want)
	}
	if got := c.Counts(); got != (enginetest.Counts{}) {
		t.Errorf("after reset: %+v", got)
	}
}

func TestFailingFailsTheChosenCommit(t *testing.T) {
	for _, c := range []struct {
		fault   enginetest.Fault
		is      error
		applied bool
	}{
		{enginetest.Busy, engine.ErrBusy, false},
		{enginetest.LostBefore, engine.ErrUnknown, false},
		{enginetest.LostAfter, engine.ErrUnknown, true},
		{enginetest.Broken, nil, false},
		{enginetest.Conflicting, nil, false},
	} {
		f := enginetest.NewFailing(open(t))
		f.Fail(2, c.fault)
		for i := range 3 {
			k := record.CounterKey("n")
			before, _ := f.Incr(t.Context(), k.Name, 0)
			tx := f.Begin(engine.Update)
			err := tx.Commit(t.Context(), &engine.Batch{Writes: []engine.Write{{Op: engine.Add, Key: k, Deltas: [3]int64{1}}}})
			after, _ := f.Incr(t.Context(), k.Name, 0)
			failed := i == 1
			if failed != (err != nil) || failed && c.is != nil && !errors.Is(err, c.is) {
				t.Errorf("fault %d, commit %d: %v", c.fault, i+1, err)
			}
			if applied := after == before+1; applied != (!failed || c.applied) {
				t.Errorf("fault %d, commit %d: applied %v", c.fault, i+1, applied)
			}
		}
		if f.Pending() != 0 {
			t.Errorf("fault %d did not happen", c.fault)
		}
		closeEngine(t, f)
	}
}

func TestFailingFailsTheChosenBatch(t *testing.T) {
	f := enginetest.NewFailing(open(t))
	defer closeEngine(t, f)
	f.FailOf(enginetest.Writing(engine.Put, record.KindXattr), enginetest.Busy)
	write := func(op engine.Op, k record.Key) error {
		tx := f.Begin(engine.Update)
		return tx.Commit(t.Context(), &engine.Batch{Writes: []engine.Write{{Op: op, Key: k, Value: []byte("v")}}})
	}
	if err := write(engine.Put, record.SymlinkKey(1)); err != nil {
		t.Errorf("another kind: %v", err)
	}
	if err := write(engine.Insert, record.XattrKey(1, "a")); err != nil {
		t.Errorf("another verb: %v", err)
	}
	if err := write(engine.Put, record.XattrKey(1, "a")); !errors.Is(err, engine.ErrBusy) {
		t.Errorf("the chosen one: %v", err)
	}
	if err := write(engine.Put, record.XattrKey(1, "a")); err != nil {
		t.Errorf("the next one: %v", err)
	}
}
