package sqldb

import (
	"bytes"
	"context"
	"database/sql/driver"
	"errors"
	"fmt"

	"juicefs/meta/engine"
	"juicefs/meta/record"
)

var (
	errOver     = errors.New("transaction is over")
	errReadOnly = errors.New("database was opened read-only")
)

// tx is one attempt at one transaction. What it reads in Update mode stays true until it ends, so it keeps no guards.
type tx struct {
	e    *Engine
	mode engine.Mode
	c    *sqliteConn // nil before the first call
	over bool
	args []driver.Value // scratch
}

// start makes sure that the transaction has begun.
func (t *tx) start(ctx context.Context) error {
	if t.over {
		return errOver
	}
	if err := t.e.pool.usable(ctx); err != nil {
		return err
	}
	if t.c != nil {
		return nil
	}
	begin := stView
	if t.mode == engine.Update {
		if t.e.pool.writer == nil {
			return errReadOnly
		}
		begin = stBegin
	}
	c, err := t.e.pool.acquire(ctx, t.mode == engine.Update)
	if err != nil {
		return err
	}
	if err := c.run(ctx, begin); err != nil {
		t.e.pool.release(c, t.mode == engine.Update)
		return fmt.Errorf("begin: %w", err)
	}
	t.c = c
	return nil
}

// Discard rolls back and gives the connection back.
func (t *tx) Discard() {
	t.over = true
	if t.c == nil {
		return
	}
	c := t.c
	t.c = nil
	c.rollback()
	t.e.pool.release(c, t.mode == engine.Update)
}

// finish commits; on failure nothing was written, unless ErrUnknown says otherwise.
func (t *tx) finish(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := t.c.run(ctx, stCommit); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	t.over = true
	c := t.c
	t.c = nil
	t.e.pool.release(c, true)
	return nil
}

// Fetch reads records one by one: there is no turnaround to save.
func (t *tx) Fetch(ctx context.Context, reads []engine.ReadOp) ([]record.Item, error) {
	if err := t.start(ctx); err != nil {
		return nil, fmt.Errorf("fetch: %w", err)
	}
	items := make([]record.Item, len(reads))
	for i, r := range reads {
		v, err := t.get(ctx, r.Key)
		if err != nil {
			return nil, fmt.Errorf("fetch %s: %w", r.Key, err)
		}
		items[i] = record.Item{Key: r.Key, Value: v}
	}
	return items, nil
}

// get reads a record; nil: absent.
func (t *tx) get(ctx context.Context, k record.Key) ([]byte, error) {
	switch {
	case isSequence(k):
		return t.getSequence(ctx)
	case k.Kind == record.KindParent:
		return t.getParent(ctx, k)
	case k.Kind == record.KindFlock:
		return t.getFlocks(ctx, k.A)
	case k.Kind == record.KindPlock:
		return t.getPlocks(ctx, k.A)
	case !k.Kind.Valid():
		return nil, fmt.Errorf("record of %s: %w", k.Kind, errors.ErrUnsupported)
	}
	t.args = appendKey(t.args[:0], k)
	row, err := t.c.one(ctx, shapeOf(k).stmt(opGet), t.args...)
	if err != nil || row == nil {
		return nil, err
	}
	return decodeValue(k, row)
}

func (t *tx) getParent(ctx context.Context, k record.Key) ([]byte, error) {
	row, err := t.c.one(ctx, stParent, int64(k.A), int64(k.B))
	if err != nil || row == nil || num(row[0]) == 0 {
		return nil, err
	}
	return record.EncodeInt64(num(row[0])), nil
}

// Page reads records in order.
func (t *tx) Page(ctx context.Context, r engine.Range, limit int) ([]record.Item, error) {
	if limit <= 0 || r.All {
		return nil, fmt.Errorf("page of %s: %w", r.Kind, errors.ErrUnsupported)
	}
	if err := t.start(ctx); err != nil {
		return nil, fmt.Errorf("page of %s: %w", r.Kind, err)
	}
	items, err := t.page(ctx, r, limit)
	if err != nil {
		return nil, fmt.Errorf("page of %s %d: %w", r.Kind, r.A, err)
	}
	return items, nil
}

func (t *tx) page(ctx context.Context, r engine.Range, limit int) ([]record.Item, error) {
	s := shapeOf(record.Key{Kind: r.Kind, A: r.A}).stmt(opPage)
	after := driver.Value(int64(-1))
	switch r.Kind {
	case record.KindEntry:
		after = []byte(r.After.Name)
	case record.KindXattr:
		after = r.After.Name
	case record.KindParent:
		s = stParents
		fallthrough
	case record.KindChunk, record.KindSustained:
		if r.After.Kind != 0 {
			after = int64(r.After.B)
		}
	default:
		return nil, errors.ErrUnsupported
	}
	var items []record.Item
	err := t.c.each(ctx, s, func(row []driver.Value) error {
		k := record.Key{Kind: r.Kind, A: r.A}
		if r.Kind == record.KindEntry || r.Kind == record.KindXattr {
			k.Name = string(raw(row[0]))
		} else {
			k.B = uint64(num(row[0]))
		}
		if r.Kind == record.KindParent {
			items = append(items, record.Item{Key: k, Value: record.EncodeInt64(num(row[1]))})
			return nil
		}
		v, err := decodeValue(k, row[1:])
		items = append(items, record.Item{Key: k, Value: v})
		return err
	}, int64(r.A), after, int64(limit))
	return items, err
}

// Commit writes in the transaction that has begun, or in one that begins now.
func (t *tx) Commit(ctx context.Context, b *engine.Batch) error {
	defer t.Discard()
	if t.mode != engine.Update {
		return fmt.Errorf("commit of a view: %w", errors.ErrUnsupported)
	}
	if err := t.start(ctx); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	if err := t.check(ctx, b.Checks); err != nil {
		return err
	}
	for i := range b.Writes {
		w := &b.Writes[i]
		if err := t.apply(ctx, w); err != nil {
			return writeError(w, err)
		}
	}
	for _, c := range b.Checks {
		if c.Kind != engine.Empty {
			continue
		}
		row, err := t.c.one(ctx, stHasEntry, int64(c.Key.A))
		if err != nil {
			return fmt.Errorf("commit: %w", err)
		}
		if row != nil {
			return &engine.Conflict{Cause: fmt.Errorf("directory %d is not empty", c.Key.A)}
		}
	}
	return t.finish(ctx)
}

// writeError says which write failed; a duplicate row is a conflict.
func writeError(w *engine.Write, err error) error {
	err = fmt.Errorf("write %s: %w", w.Key, err)
	if errors.Is(err, errDuplicate) {
		return &engine.Conflict{Cause: err}
	}
	return err
}

// check holds the database against checks, but those for emptiness.
func (t *tx) check(ctx context.Context, checks []engine.Check) error {
	for _, c := range checks {
		if c.Kind == engine.Empty {
			continue
		}
		now, err := t.get(ctx, c.Key)
		if err != nil {
			return fmt.Errorf("check %s: %w", c.Key, err)
		}
		ok := bytes.Equal(now, c.Want) && (now == nil) == (c.Want == nil)
		if c.Kind == engine.Alike {
			ok = record.Alike(now, c.Want)
		}
		if !ok {
			return &engine.Conflict{Fresh: []record.Item{{Key: c.Key, Value: now}}}
		}
	}
	return nil
}
