package kvdb

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"

	"juicefs/meta/engine"
	"juicefs/meta/record"
)

// scanPage is how many keys a Scan reads at once.
const scanPage = 1024

// maxTries bounds how often a commit whose condition failed because of commuting writes is made again.
const maxTries = 1000

// Engine is an engine over a Store. It is safe for concurrent use.
type Engine struct {
	store Store
	info  engine.Info
}

var _ engine.Engine = (*Engine)(nil)

// New returns an engine over s, which it closes in the end. info describes the store.
func New(s Store, info engine.Info) *Engine { return &Engine{store: s, info: info} }

// Info describes the engine.
func (e *Engine) Info() engine.Info { return e.info }

// Begin starts a transaction.
func (e *Engine) Begin(mode engine.Mode) engine.Tx { return &tx{e: e, mode: mode} }

// Close closes the store.
func (e *Engine) Close() error { return e.store.Close() }

// Init writes the counters that a new volume starts with where they are absent.
//
// Format: juicefs 1.4.1; other counters appear when they are first used.
func (e *Engine) Init(ctx context.Context) error {
	b := &engine.Batch{}
	t := e.Begin(engine.Update)
	defer t.Discard()
	for _, name := range []string{record.CounterInode, record.CounterSlice} {
		k := record.CounterKey(name)
		items, err := t.Fetch(ctx, []engine.ReadOp{{Key: k, Guard: engine.Exact}})
		if err != nil {
			return err
		}
		if items[0].Value == nil {
			b.Writes = append(b.Writes, engine.Write{Op: engine.Put, Key: k, Value: record.EncodeInt64(initial(name))})
		}
	}
	if len(b.Writes) == 0 {
		return nil
	}
	return t.Commit(ctx, b)
}

// Incr adds to a counter and returns the new value. delta 0 only reads.
func (e *Engine) Incr(ctx context.Context, counter string, delta int64) (int64, error) {
	k := record.CounterKey(counter)
	for range maxTries {
		v, err := e.tryIncr(ctx, k, delta)
		if !errors.Is(err, ErrStale) {
			return v, err
		}
	}
	return 0, fmt.Errorf("add to %s: %w", k, engine.ErrBusy)
}

func (e *Engine) tryIncr(ctx context.Context, k record.Key, delta int64) (int64, error) {
	snap := e.store.Snapshot()
	defer snap.Release()
	key := keyOf(k)
	vs, err := snap.Get(ctx, [][]byte{key})
	if err != nil {
		return 0, err
	}
	v, err := counterValue(k, vs[0].Data)
	if err != nil || delta == 0 {
		return v, err
	}
	v += delta
	data, _, err := stored(k, record.EncodeInt64(v))
	if err != nil {
		return 0, err
	}
	err = e.store.Commit(ctx, []Cond{{Key: key, Version: vs[0].Version}}, []Write{{Key: key, Data: data}})
	return v, err
}

// counterValue decodes a stored counter.
func counterValue(k record.Key, data []byte) (int64, error) {
	b, err := canonical(k, data, nil)
	switch {
	case err != nil:
		return 0, err
	case b == nil:
		return initial(k.Name), nil
	}
	return record.DecodeInt64(k.Kind, b)
}

// Scan yields all records of r, as of one moment.
func (e *Engine) Scan(ctx context.Context, r engine.Range) iter.Seq2[record.Item, error] {
	return func(yield func(record.Item, error) bool) {
		snap := e.store.Snapshot()
		defer snap.Release()
		from := kindPrefix(r.Kind)
		if !r.All && r.Kind != record.KindDelSlices {
			from = groupOf(r.Kind, r.A)
		}
		if len(from) == 0 {
			yield(record.Item{}, fmt.Errorf("scan of %s: %w", r.Kind, errors.ErrUnsupported))
			return
		}
		end := prefixEnd(from)
		for {
			pairs, err := snap.Range(ctx, from, end, scanPage)
			if err != nil {
				yield(record.Item{}, fmt.Errorf("scan of %s: %w", r.Kind, err))
				return
			}
			if !yieldPage(ctx, snap, r, pairs, yield) || len(pairs) < scanPage {
				return
			}
			from = append(bytes.Clone(pairs[len(pairs)-1].Key), 0)
		}
	}
}

// yieldPage yields those of pairs that belong to r; false when the receiver has enough or there was an error.
func yieldPage(ctx context.Context, snap Snapshot, r engine.Range, pairs []Pair, yield func(record.Item, error) bool) bool {
	items, err := itemsOf(ctx, snap, r, pairs)
	if err != nil {
		yield(record.Item{}, fmt.Errorf("scan of %s: %w", r.Kind, err))
		return false
	}
	for _, it := range items {
		if !yield(it, nil) {
			return false
		}
	}
	return true
}

// itemsOf decodes those of pairs that belong to r.
func itemsOf(ctx context.Context, snap Snapshot, r engine.Range, pairs []Pair) ([]record.Item, error) {
	var items []record.Item
	var infos [][]byte
	for _, p := range pairs {
		k, ok := parseKey(p.Key)
		if !ok || k.Kind != r.Kind || !r.All && k.A != r.A && hasA(k.Kind) {
			continue
		}
		v, err := canonical(k, p.Data, nil)
		if err != nil {
			return nil, err
		}
		items = append(items, record.Item{Key: k, Value: v})
		if k.Kind == record.KindSession {
			infos = append(infos, infoKey(k.A))
		}
	}
	if len(infos) == 0 {
		return items, nil
	}
	vs, err := snap.Get(ctx, infos)
	if err != nil {
		return nil, err
	}
	for i := range items {
		items[i].Value = append(items[i].Value, vs[i].Data...)
	}
	return items, nil
}

// hasA reports whether keys of a kind have an A at all.
func hasA(k record.Kind) bool { return k != record.KindSetting && k != record.KindCounter }
