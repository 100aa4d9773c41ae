package sqldb

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"

	"juicefs/meta/engine"
	"juicefs/meta/record"
)

// apply does one write.
func (t *tx) apply(ctx context.Context, w *engine.Write) error {
	if w.Key.Kind == record.KindParent {
		return nil // counted from the entries
	}
	switch w.Op {
	case engine.Put:
		return t.put(ctx, w.Key, w.Value)
	case engine.Insert:
		return t.insert(ctx, w.Key, w.Value)
	case engine.Delete:
		return t.put(ctx, w.Key, nil)
	case engine.Clear:
		switch w.Key.Kind {
		case record.KindXattr, record.KindChunk, record.KindEntry:
			return t.c.run(ctx, shapeOf(w.Key).stmt(opClear), int64(w.Key.A))
		}
	case engine.Append:
		if len(w.Value)%record.SliceSize != 0 {
			return fmt.Errorf("%w: slices of %d bytes", record.ErrCorrupt, len(w.Value))
		}
		if w.Key.Kind == record.KindChunk {
			return t.c.run(ctx, stAppend, int64(w.Key.A), int64(w.Key.B), w.Value, w.Value)
		}
	case engine.Add:
		return t.add(ctx, w)
	case engine.Touch:
		return t.touch(ctx, w)
	case engine.Nlink:
		return t.must(ctx, stNlink, w.Deltas[0], int64(w.Key.A))
	}
	return fmt.Errorf("verb %d: %w", w.Op, errors.ErrUnsupported)
}

// put sets a record; nil removes it.
func (t *tx) put(ctx context.Context, k record.Key, value []byte) error {
	switch {
	case isSequence(k):
		return t.putSequence(ctx, value)
	case k.Kind == record.KindFlock:
		return t.putFlocks(ctx, k.A, value)
	case k.Kind == record.KindPlock:
		return t.putPlocks(ctx, k.A, value)
	case value == nil:
		t.args = appendKey(t.args[:0], k)
		return t.c.run(ctx, shapeOf(k).stmt(opDelete), t.args...)
	}
	return t.row(ctx, opPut, k, value)
}

// insert sets a record that must not exist.
func (t *tx) insert(ctx context.Context, k record.Key, value []byte) error {
	if k.Kind != record.KindFlock && k.Kind != record.KindPlock && !isSequence(k) {
		return t.row(ctx, opInsert, k, value)
	}
	now, err := t.get(ctx, k)
	if err != nil {
		return err
	}
	if now != nil {
		return errDuplicate
	}
	return t.put(ctx, k, value)
}

// row runs a statement with all columns of a record.
func (t *tx) row(ctx context.Context, op stmt, k record.Key, value []byte) error {
	var err error
	if t.args, err = appendValue(appendKey(t.args[:0], k), k, value); err != nil {
		return err
	}
	return t.c.run(ctx, shapeOf(k).stmt(op), t.args...)
}

// must runs a statement that has to change a row; there being none is a conflict.
func (t *tx) must(ctx context.Context, s stmt, args ...driver.Value) error {
	n, err := t.c.exec(ctx, s, args...)
	if err == nil && n == 0 {
		return &engine.Conflict{Cause: errors.New("record is absent")}
	}
	return err
}

func (t *tx) add(ctx context.Context, w *engine.Write) error {
	k, d := w.Key, w.Deltas
	switch k.Kind {
	case record.KindCounter:
		if isSequence(k) {
			now, err := t.getSequence(ctx)
			if err != nil {
				return err
			}
			v, err := record.DecodeInt64(k.Kind, now)
			if err != nil {
				return err
			}
			return t.putSequence(ctx, record.EncodeInt64(v+d[0]))
		}
		return t.c.run(ctx, stAddCounter, k.Name, initial(k.Name)+d[0], d[0])
	case record.KindSliceRef:
		return t.must(ctx, stAddRefs, d[0], int64(k.A))
	case record.KindDirStat:
		return t.c.run(ctx, stAddDirStat, d[0], d[1], d[2], int64(k.A))
	case record.KindQuota:
		if shapeOf(k) == shapeOwnerQuota {
			return t.c.run(ctx, stAddOwnerQuota, int64(k.A), int64(k.B), d[0], d[1], d[0], d[1])
		}
		return t.c.run(ctx, stAddDirQuota, d[0], d[1], int64(k.B))
	}
	return fmt.Errorf("add: %w", errors.ErrUnsupported)
}

// touch moves times forward. No row changed: the time was newer, or there is no inode.
func (t *tx) touch(ctx context.Context, w *engine.Write) error {
	m, rest, err := timeColumns(w.Time)
	if err != nil {
		return err
	}
	n, err := t.c.exec(ctx, stTouch, m, rest, m, rest, int64(w.Key.A), m, m, rest)
	if err != nil || n > 0 {
		return err
	}
	return t.must(ctx, stNlink, int64(0), int64(w.Key.A))
}
