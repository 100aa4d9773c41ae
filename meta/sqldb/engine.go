package sqldb

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"

	"juicefs/meta/engine"
	"juicefs/meta/record"
)

// Engine is an engine over an SQL database. It is safe for concurrent use.
type Engine struct {
	pool *pool
	info engine.Info
}

var (
	_ engine.Engine = (*Engine)(nil)
	_ engine.Tx     = (*tx)(nil)
	_ engine.Walker = (*tx)(nil)
	_ engine.Lister = (*tx)(nil)
)

// Open opens the database of a URL; the scheme sqlite3 is the only one so far. Errors: [engine.ErrNotFormatted] is wrapped
// when there is no volume and o.Create is not set.
//
// A goroutine must not begin a transaction while it has another one under way: both may need the one connection that writes.
func Open(ctx context.Context, url string, o engine.Options) (engine.Engine, error) {
	scheme, rest, _ := strings.Cut(url, "://")
	if scheme != "sqlite3" {
		return nil, fmt.Errorf("sql driver %q: %w", scheme, errors.ErrUnsupported)
	}
	p, err := openSQLite(ctx, rest, o)
	if err != nil {
		return nil, err
	}
	return &Engine{pool: p, info: engine.Info{Name: scheme}}, nil
}

// Info describes the engine.
func (e *Engine) Info() engine.Info { return e.info }

// Begin starts a transaction.
func (e *Engine) Begin(mode engine.Mode) engine.Tx { return &tx{e: e, mode: mode} }

// Close closes the connections.
func (e *Engine) Close() error { return e.pool.close() }

// initial returns what an absent counter counts as. Format: juicefs 1.4.1.
func initial(counter string) int64 {
	switch counter {
	case record.CounterInode:
		return 2
	case record.CounterSlice:
		return 1
	}
	return 0
}

// Incr adds to a counter in a transaction of its own.
func (e *Engine) Incr(ctx context.Context, counter string, delta int64) (int64, error) {
	k := record.CounterKey(counter)
	mode := engine.Update
	if delta == 0 {
		mode = engine.View
	}
	t := &tx{e: e, mode: mode}
	defer t.Discard()
	v, err := t.incr(ctx, k, delta)
	if err != nil {
		return 0, fmt.Errorf("add to %s: %w", k, err)
	}
	return v, nil
}

func (t *tx) incr(ctx context.Context, k record.Key, delta int64) (int64, error) {
	if err := t.start(ctx); err != nil {
		return 0, err
	}
	b, err := t.get(ctx, k)
	if err != nil {
		return 0, err
	}
	v, err := record.DecodeInt64(k.Kind, b)
	if err != nil {
		return 0, err
	}
	if b == nil {
		v = initial(k.Name)
	}
	if delta == 0 {
		return v, nil
	}
	v += delta
	if err := t.put(ctx, k, record.EncodeInt64(v)); err != nil {
		return 0, err
	}
	return v, t.finish(ctx)
}

// getSequence reads the newest ACL id.
func (t *tx) getSequence(ctx context.Context) ([]byte, error) {
	row, err := t.c.one(ctx, stSequence)
	if err != nil || row == nil {
		return nil, err
	}
	return record.EncodeInt64(num(row[0])), nil
}

// putSequence sets the newest ACL id; nil: back to the start.
func (t *tx) putSequence(ctx context.Context, value []byte) error {
	v, err := record.DecodeInt64(record.KindCounter, value)
	if err != nil {
		return err
	}
	var arg driver.Value = v
	n, err := t.c.exec(ctx, stSetSequence, arg)
	if err != nil || n > 0 {
		return err
	}
	return t.c.run(ctx, stNewSequence, arg)
}
