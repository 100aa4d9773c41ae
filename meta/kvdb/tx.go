package kvdb

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"juicefs/meta/engine"
	"juicefs/meta/record"
)

var errOver = errors.New("transaction is over")

// tx is one attempt at one transaction.
type tx struct {
	e    *Engine
	mode engine.Mode
	snap Snapshot // nil before the first read
	seen []seen   // what must still hold at commit
	over bool
}

// seen is a record that was fetched under a guard.
type seen struct {
	key      record.Key
	guard    engine.Guard
	value    []byte
	versions [2]uint64 // of the key, and of a session's description
}

// Fetch reads records from the snapshot.
func (t *tx) Fetch(ctx context.Context, reads []engine.ReadOp) ([]record.Item, error) {
	if err := t.start(ctx); err != nil {
		return nil, err
	}
	keys := make([][]byte, 0, len(reads)+1)
	for _, r := range reads {
		keys = appendKeys(keys, r.Key)
	}
	vs, err := t.snap.Get(ctx, keys)
	if err != nil {
		return nil, fmt.Errorf("fetch: %w", err)
	}
	items := make([]record.Item, len(reads))
	for i, r := range reads {
		s := seen{key: r.Key, guard: guardFor(r)}
		var main, info Value
		main, vs = vs[0], vs[1:]
		if r.Key.Kind == record.KindSession {
			info, vs = vs[0], vs[1:]
		}
		if s.value, err = canonical(r.Key, main.Data, info.Data); err != nil {
			return nil, fmt.Errorf("fetch: %w", err)
		}
		s.versions = [2]uint64{main.Version, info.Version}
		items[i] = record.Item{Key: r.Key, Value: slices.Clone(s.value)}
		if t.mode == engine.Update && s.guard > engine.Loose {
			t.seen = append(t.seen, s)
		}
	}
	return items, nil
}

// guardFor is the guard to hold: Stable means Exact for all but attributes.
func guardFor(r engine.ReadOp) engine.Guard {
	if r.Guard == engine.Stable && r.Key.Kind != record.KindAttr {
		return engine.Exact
	}
	return r.Guard
}

// appendKeys appends the store's keys of a record.
func appendKeys(keys [][]byte, k record.Key) [][]byte {
	keys = append(keys, keyOf(k))
	if k.Kind == record.KindSession {
		keys = append(keys, infoKey(k.A))
	}
	return keys
}

// start makes sure of a snapshot.
func (t *tx) start(ctx context.Context) error {
	if t.over {
		return errOver
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if t.snap == nil {
		t.snap = t.e.store.Snapshot()
	}
	return nil
}

// Page reads records in order. Where the order of keys is not the order wanted, all keys of the group are read.
func (t *tx) Page(ctx context.Context, r engine.Range, limit int) ([]record.Item, error) {
	if err := t.start(ctx); err != nil {
		return nil, err
	}
	if limit <= 0 || r.All {
		return nil, fmt.Errorf("page of %s: %w", r.Kind, errors.ErrUnsupported)
	}
	from := groupOf(r.Kind, r.A)
	end := prefixEnd(from)
	most := limit
	switch r.Kind {
	case record.KindEntry, record.KindXattr, record.KindChunk:
		if r.After.Kind != 0 {
			r.After.Kind, r.After.A = r.Kind, r.A
			from = append(keyOf(r.After), 0)
		}
	case record.KindParent, record.KindSustained:
		most = scanPage
	default:
		return nil, fmt.Errorf("page of %s: %w", r.Kind, errors.ErrUnsupported)
	}
	var items []record.Item
	for {
		pairs, err := t.snap.Range(ctx, from, end, most)
		if err != nil {
			return nil, fmt.Errorf("page of %s: %w", r.Kind, err)
		}
		more, err := itemsOf(ctx, t.snap, r, pairs)
		if err != nil {
			return nil, fmt.Errorf("page of %s: %w", r.Kind, err)
		}
		items = append(items, more...)
		if len(pairs) < most || most == limit && len(items) >= limit {
			break
		}
		from = append(slices.Clone(pairs[len(pairs)-1].Key), 0)
	}
	return cutPage(items, r, limit), nil
}

// cutPage sorts records with little-endian numbers in their keys and takes those after r.After.
func cutPage(items []record.Item, r engine.Range, limit int) []record.Item {
	if r.Kind == record.KindParent || r.Kind == record.KindSustained {
		slices.SortFunc(items, func(a, b record.Item) int { return cmp.Compare(a.Key.B, b.Key.B) })
		if r.After.Kind != 0 {
			items = slices.DeleteFunc(items, func(it record.Item) bool { return it.Key.B <= r.After.B })
		}
	}
	return items[:min(len(items), limit)]
}

// Commit decides on a snapshot of its own and writes if that is still true.
func (t *tx) Commit(ctx context.Context, b *engine.Batch) error {
	if t.over {
		return errOver
	}
	defer t.Discard()
	if t.mode != engine.Update {
		return fmt.Errorf("commit of a view: %w", errors.ErrUnsupported)
	}
	for range maxTries {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := t.try(ctx, b); !errors.Is(err, ErrStale) {
			return err
		}
	}
	return fmt.Errorf("commit: %w", engine.ErrBusy)
}

func (t *tx) try(ctx context.Context, b *engine.Batch) error {
	p := newPlan(t.e.store.Snapshot())
	defer p.snap.Release()
	if err := p.load(ctx, t.seen, b); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	if err := p.check(t.seen, b.Checks); err != nil {
		return err
	}
	for i := range b.Writes {
		if err := p.apply(ctx, &b.Writes[i]); err != nil {
			return err
		}
	}
	for _, c := range b.Checks {
		if c.Kind == engine.Empty {
			if err := p.checkEmpty(ctx, c.Key.A); err != nil {
				return err
			}
		}
	}
	return t.e.store.Commit(ctx, p.conds(), p.writes())
}

// Discard releases the snapshot.
func (t *tx) Discard() {
	if t.snap != nil {
		t.snap.Release()
		t.snap = nil
	}
	t.over = true
}
