package sqldb

import (
	"context"
	"database/sql/driver"
	"fmt"
	"iter"

	"juicefs/meta/engine"
	"juicefs/meta/record"
)

// scanPage is how many rows a Scan reads at once. Between pages it holds no connection, so that whoever receives records may
// use the engine.
const scanPage = 1000

// Scan yields all records of r, page after page by a column that never changes.
func (e *Engine) Scan(ctx context.Context, r engine.Range) iter.Seq2[record.Item, error] {
	return func(yield func(record.Item, error) bool) {
		s := scanner{e: e, yield: yield}
		if err := s.scan(ctx, r); err != nil {
			yield(record.Item{}, fmt.Errorf("scan of %s: %w", r.Kind, err))
		}
	}
}

// scanner is a scan under way. stopped: the receiver has enough.
type scanner struct {
	e       *Engine
	yield   func(record.Item, error) bool
	stopped bool
}

func (s *scanner) scan(ctx context.Context, r engine.Range) error {
	switch {
	case r.Kind == record.KindSetting:
		return s.keys(ctx, []record.Key{record.SettingKey()})
	case r.Kind == record.KindParent:
		return s.parents(ctx, r)
	case r.Kind == record.KindFlock || r.Kind == record.KindPlock:
		return s.locks(ctx, r)
	case r.Kind == record.KindQuota:
		return s.quotas(ctx, r)
	case !r.All && shapeTable()[r.Kind].order != "":
		return s.pages(ctx, r)
	case r.Kind == record.KindCounter:
		if err := s.rows(ctx, r); err != nil || s.stopped {
			return err
		}
		return s.keys(ctx, []record.Key{record.CounterKey(record.CounterACL)})
	}
	return s.rows(ctx, r)
}

// view runs f in a transaction of its own and yields what it returns.
func (s *scanner) view(ctx context.Context, f func(*tx) ([]record.Item, error)) error {
	t := &tx{e: s.e, mode: engine.View}
	defer t.Discard()
	if err := t.start(ctx); err != nil {
		return err
	}
	items, err := f(t)
	if err != nil {
		return err
	}
	t.Discard() // before the receiver runs
	for _, it := range items {
		if !s.yield(it, nil) {
			s.stopped = true
			break
		}
	}
	return nil
}

// keys yields those of some records that exist.
func (s *scanner) keys(ctx context.Context, keys []record.Key) error {
	return s.view(ctx, func(t *tx) ([]record.Item, error) {
		var items []record.Item
		for _, k := range keys {
			v, err := t.get(ctx, k)
			if err != nil {
				return nil, err
			}
			if v != nil {
				items = append(items, record.Item{Key: k, Value: v})
			}
		}
		return items, nil
	})
}

// pages yields the records of one A.
func (s *scanner) pages(ctx context.Context, r engine.Range) error {
	for more := true; more && !s.stopped; {
		err := s.view(ctx, func(t *tx) ([]record.Item, error) {
			items, err := t.page(ctx, r, scanPage)
			if more = len(items) == scanPage; more {
				r.After = items[scanPage-1].Key
			}
			return items, err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// rows yields the records of a shape, all or those of one A, by its cursor.
func (s *scanner) rows(ctx context.Context, r engine.Range) error {
	id := shapeOf(record.Key{Kind: r.Kind, A: r.A})
	sh := shapeTable()[id]
	after, limit := driver.Value(int64(-1)), int64(scanPage)
	if sh.cursor == "name" {
		after = ""
	} else if !r.All { // the cursor is A: one row
		after, limit = int64(r.A)-1, 1
	}
	for more := true; more && !s.stopped; {
		err := s.view(ctx, func(t *tx) ([]record.Item, error) {
			var items []record.Item
			n := int64(0)
			err := t.c.each(ctx, id.stmt(opScan), func(row []driver.Value) error {
				n++
				after = row[0]
				it, err := sh.item(r.Kind, row[1:])
				if r.All || it.Key.A == r.A || r.Kind == record.KindCounter {
					items = append(items, it)
				}
				return err
			}, after, limit)
			more = n == scanPage
			return items, err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// item decodes a record from its key and value columns.
func (sh *shape) item(kind record.Kind, row []driver.Value) (record.Item, error) {
	keys, values := row[:len(sh.keys)], row[len(sh.keys):]
	k := decodeKey(kind, keys, values)
	v, err := decodeValue(k, values)
	if err != nil {
		return record.Item{}, fmt.Errorf("%s: %w", k, err)
	}
	return record.Item{Key: k, Value: v}, nil
}

// quotas yields the quotas of directories by inode, then those of users and groups by number.
func (s *scanner) quotas(ctx context.Context, r engine.Range) error {
	if r.All || r.A == uint64(record.QuotaDir) {
		if err := s.rows(ctx, engine.Range{Kind: r.Kind, A: uint64(record.QuotaDir), All: true}); err != nil || s.stopped {
			return err
		}
	}
	for _, owner := range []record.QuotaType{record.QuotaUser, record.QuotaGroup} {
		if !r.All && r.A != uint64(owner) {
			continue
		}
		after := int64(-1)
		for more := true; more && !s.stopped; {
			err := s.view(ctx, func(t *tx) ([]record.Item, error) {
				var items []record.Item
				err := t.c.each(ctx, shapeOwnerQuota.stmt(opPage), func(row []driver.Value) error {
					after = num(row[0])
					k := record.QuotaKey(owner, uint64(after))
					v, err := decodeValue(k, row[1:])
					items = append(items, record.Item{Key: k, Value: v})
					return err
				}, int64(owner), after, int64(scanPage))
				more = len(items) == scanPage
				return items, err
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// inodes calls f with every inode that a statement lists, a page at a time.
func (s *scanner) inodes(ctx context.Context, st stmt, f func([]uint64) error) error {
	after := int64(-1)
	for !s.stopped {
		var inos []uint64
		err := s.view(ctx, func(t *tx) ([]record.Item, error) {
			return nil, t.c.each(ctx, st, func(row []driver.Value) error {
				after = num(row[0])
				inos = append(inos, uint64(after))
				return nil
			}, after, int64(scanPage))
		})
		if err != nil {
			return err
		}
		if err := f(inos); err != nil || len(inos) < scanPage {
			return err
		}
	}
	return nil
}

// locks yields the locks of inodes.
func (s *scanner) locks(ctx context.Context, r engine.Range) error {
	if !r.All {
		return s.keys(ctx, []record.Key{{Kind: r.Kind, A: r.A}})
	}
	st := stFlocked
	if r.Kind == record.KindPlock {
		st = stPlocked
	}
	return s.inodes(ctx, st, func(inos []uint64) error {
		keys := make([]record.Key, len(inos))
		for i, ino := range inos {
			keys[i] = record.Key{Kind: r.Kind, A: ino}
		}
		return s.keys(ctx, keys)
	})
}

// parents yields the parents of inodes that have, or had, several links.
func (s *scanner) parents(ctx context.Context, r engine.Range) error {
	if !r.All {
		return s.pages(ctx, r)
	}
	return s.inodes(ctx, stLinked, func(inos []uint64) error {
		for _, ino := range inos {
			if err := s.pages(ctx, engine.Range{Kind: r.Kind, A: ino}); err != nil || s.stopped {
				return err
			}
		}
		return nil
	})
}
