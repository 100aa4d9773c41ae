package redisdb

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"juicefs/meta/engine"
	"juicefs/meta/record"
)

var (
	errOver        = errors.New("transaction is over")
	errUnsupported = errors.ErrUnsupported
)

// tx is one attempt at one transaction. Nothing of it is on the server before Commit.
type tx struct {
	e     *Engine
	mode  engine.Mode
	seen  []engine.Check // what must still hold at commit of what was read
	paged []record.Item  // the last page of entries, in a view
	arena []byte         // holds the values in seen
	over  bool
}

var (
	_ engine.Tx     = (*tx)(nil)
	_ engine.Walker = (*tx)(nil)
	_ engine.Lister = (*tx)(nil)
	_ engine.Looker = scripted{}

	_ engine.DataReader = scripted{}
	_ engine.PathLister = scripted{}
)

// start looks whether the transaction may go on.
func (t *tx) start(ctx context.Context) error {
	if t.over {
		return errOver
	}
	return ctx.Err()
}

// guard remembers a value that was read, if what follows depends on it. The bytes are copied: they belong to the caller.
func (t *tx) guard(k record.Key, g engine.Guard, value []byte) {
	if g == engine.Loose {
		return
	}
	c := engine.Check{Kind: engine.Same, Key: k}
	if value != nil {
		if g == engine.Stable && k.Kind == record.KindAttr {
			c.Kind = engine.Alike
		}
		if t.arena == nil {
			t.arena = make([]byte, 0, 256) // an empty value must not be nil
		}
		from := len(t.arena)
		t.arena = append(t.arena, value...)
		c.Want = t.arena[from:len(t.arena):len(t.arena)]
	}
	t.seen = append(t.seen, c)
}

// reserve makes room for n guards of small records.
func (t *tx) reserve(n int) {
	const many, usual = 64, 48 // bytes: the mean of an entry and an attribute
	if n < many {
		return
	}
	t.seen = slices.Grow(t.seen, n)
	if t.arena == nil {
		t.arena = make([]byte, 0, n*usual)
	}
}

// recheck reads again what was guarded; a *engine.Conflict if it changed. Reads are not of one moment, so when something is
// missing that an earlier read led to, the earlier read is suspected first: the volume may be sound and just have moved on.
func (t *tx) recheck(ctx context.Context) error {
	all := slices.Clone(t.seen)
	for _, it := range t.paged {
		all = append(all, engine.Check{Kind: engine.Same, Key: it.Key, Want: it.Value})
	}
	f := newFetcher(t.e, len(all))
	for i := range all {
		if err := f.add(all[i].Key); err != nil {
			return err
		}
	}
	return f.run(ctx, func(i int, k record.Key, now []byte) error {
		was := all[i]
		same := bytes.Equal(now, was.Want) && (now == nil) == (was.Want == nil)
		if was.Kind == engine.Alike {
			same = record.Alike(now, was.Want)
		}
		if !same {
			return &engine.Conflict{Fresh: []record.Item{{Key: k, Value: now}}}
		}
		return nil
	})
}

// Commit compares and writes.
func (t *tx) Commit(ctx context.Context, b *engine.Batch) error {
	if err := t.start(ctx); err != nil {
		t.over = true
		return err
	}
	t.over = true
	if t.mode != engine.Update {
		return fmt.Errorf("commit of a view: %w", errUnsupported)
	}
	if len(b.Writes) == 0 && len(b.Checks) == 0 && len(t.seen) == 0 {
		return nil
	}
	p := t.e.plan()
	defer t.e.recycle(p)
	if err := p.add(t.seen, b); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	if err := t.e.space.wait(ctx, b.Writes); err != nil {
		return err
	}
	if t.e.plain {
		return t.e.commitWatched(ctx, p)
	}
	return t.e.commitScript(ctx, p)
}

// Discard ends the transaction. There is nothing to give up on the server.
func (t *tx) Discard() { t.over = true }
