package enginetest

import (
	"context"
	"iter"

	"juicefs/meta/engine"
	"juicefs/meta/record"
)

// call is a kind of call of an engine that costs a turnaround.
type call uint8

const (
	callFetch call = iota
	callPage
	callCommit
	callIncr
	callScan
	callWalk
	callList
	callLook
	callData
	calls
)

// tap is an engine that lets around do each call: it may do something before or after next, or instead of it.
type tap struct {
	engine.Engine
	around func(ctx context.Context, c call, b *engine.Batch, next func() error) error // b: of a commit
}

// Unwrap returns the engine behind.
func (t *tap) Unwrap() engine.Engine { return t.Engine }

// Begin wraps the transaction with exactly the fast paths that it has.
func (t *tap) Begin(mode engine.Mode) engine.Tx {
	x := &tapTx{t.Engine.Begin(mode), t}
	w, walks := x.Tx.(engine.Walker)
	l, lists := x.Tx.(engine.Lister)
	k, looks := x.Tx.(engine.Looker)
	p, paths := x.Tx.(engine.PathLister)
	r, reads := x.Tx.(engine.DataReader)
	switch {
	case walks && lists && looks && paths && reads:
		return struct {
			*tapTx
			tapWalker
			tapLister
			tapLooker
			tapPathLister
			tapDataReader
		}{x, tapWalker{w, t}, tapLister{l, t}, tapLooker{k, t}, tapPathLister{p, t}, tapDataReader{r, t}}
	case looks || paths || reads:
		panic("a fast path would be lost") // a test's mistake: the case is missing
	case walks && lists:
		return struct {
			*tapTx
			tapWalker
			tapLister
		}{x, tapWalker{w, t}, tapLister{l, t}}
	case walks:
		return struct {
			*tapTx
			tapWalker
		}{x, tapWalker{w, t}}
	case lists:
		return struct {
			*tapTx
			tapLister
		}{x, tapLister{l, t}}
	}
	return x
}

// Incr taps Incr.
func (t *tap) Incr(ctx context.Context, counter string, delta int64) (v int64, err error) {
	err = t.around(ctx, callIncr, nil, func() (err error) {
		v, err = t.Engine.Incr(ctx, counter, delta)
		return err
	})
	return v, err
}

// Scan taps the start of a scan.
func (t *tap) Scan(ctx context.Context, r engine.Range) iter.Seq2[record.Item, error] {
	return func(yield func(record.Item, error) bool) {
		if err := t.around(ctx, callScan, nil, func() error { return nil }); err != nil {
			yield(record.Item{}, err)
			return
		}
		t.Engine.Scan(ctx, r)(yield)
	}
}

type tapTx struct {
	engine.Tx
	t *tap
}

// Unwrap returns the transaction behind.
func (x *tapTx) Unwrap() engine.Tx { return x.Tx }

// Fetch taps Fetch.
func (x *tapTx) Fetch(ctx context.Context, reads []engine.ReadOp) (items []record.Item, err error) {
	err = x.t.around(ctx, callFetch, nil, func() (err error) {
		items, err = x.Tx.Fetch(ctx, reads)
		return err
	})
	return items, err
}

// Page taps Page.
func (x *tapTx) Page(ctx context.Context, r engine.Range, limit int) (items []record.Item, err error) {
	err = x.t.around(ctx, callPage, nil, func() (err error) {
		items, err = x.Tx.Page(ctx, r, limit)
		return err
	})
	return items, err
}

// Commit taps Commit. A commit that around does not let through ends the transaction all the same.
func (x *tapTx) Commit(ctx context.Context, b *engine.Batch) error {
	defer x.Discard()
	return x.t.around(ctx, callCommit, b, func() error { return x.Tx.Commit(ctx, b) })
}

type tapWalker struct {
	w engine.Walker
	t *tap
}

// Walk taps Walk.
func (x tapWalker) Walk(ctx context.Context, q engine.WalkQuery) (met *engine.Walked, err error) {
	err = x.t.around(ctx, callWalk, nil, func() (err error) {
		met, err = x.w.Walk(ctx, q)
		return err
	})
	return met, err
}

type tapLister struct {
	l engine.Lister
	t *tap
}

// ListDir taps ListDir.
func (x tapLister) ListDir(ctx context.Context, dir record.Ino, after string, limit int, xattr string) (ls []engine.Listed, err error) {
	err = x.t.around(ctx, callList, nil, func() (err error) {
		ls, err = x.l.ListDir(ctx, dir, after, limit, xattr)
		return err
	})
	return ls, err
}

type tapLooker struct {
	l engine.Looker
	t *tap
}

// Look taps Look.
func (x tapLooker) Look(ctx context.Context, q engine.LookQuery) (met *engine.Looked, err error) {
	err = x.t.around(ctx, callLook, nil, func() (err error) {
		met, err = x.l.Look(ctx, q)
		return err
	})
	return met, err
}

type tapDataReader struct {
	r engine.DataReader
	t *tap
}

// Data taps Data.
func (x tapDataReader) Data(ctx context.Context, files []engine.Range) (items []record.Item, err error) {
	err = x.t.around(ctx, callData, nil, func() (err error) {
		items, err = x.r.Data(ctx, files)
		return err
	})
	return items, err
}

type tapPathLister struct {
	l engine.PathLister
	t *tap
}

// ListPath taps ListPath, as a way to list.
func (x tapPathLister) ListPath(ctx context.Context, q engine.ListQuery) (met *engine.ListedPath, err error) {
	err = x.t.around(ctx, callList, nil, func() (err error) {
		met, err = x.l.ListPath(ctx, q)
		return err
	})
	return met, err
}
