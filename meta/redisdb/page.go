package redisdb

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"juicefs/meta/engine"
	"juicefs/meta/record"
)

// Page reads records in order. Only entries are kept in order anywhere; the records of other kinds are few, and all of a
// group are read and sorted.
func (t *tx) Page(ctx context.Context, r engine.Range, limit int) ([]record.Item, error) {
	if err := t.start(ctx); err != nil {
		return nil, err
	}
	if limit <= 0 || r.All {
		return nil, fmt.Errorf("page of %s: %w", r.Kind, errUnsupported)
	}
	items, err := t.e.page(ctx, r, limit)
	switch {
	case err != nil:
	case r.Kind != record.KindEntry:
		err = t.recheck(ctx) // what belongs to an inode may be gone because the inode is
	case t.mode == engine.View:
		t.paged = slices.Clone(items)
	}
	if err != nil {
		return nil, readErr(ctx, "page of "+r.Kind.String(), err)
	}
	return items, nil
}

func (e *Engine) page(ctx context.Context, r engine.Range, limit int) ([]record.Item, error) {
	var items []record.Item
	var err error
	switch r.Kind {
	case record.KindEntry:
		return e.pageEntries(ctx, r, limit)
	case record.KindXattr, record.KindParent:
		items, err = e.hashAll(ctx, r.Kind, r.A)
	case record.KindSustained:
		items, err = e.setItems(ctx, r.A)
	case record.KindChunk:
		items, err = e.chunkItems(ctx, r, limit)
	default:
		return nil, errUnsupported
	}
	if err != nil {
		return nil, err
	}
	return cut(items, r, limit), nil
}

// cut sorts the records of a group and takes those of the page.
func cut(items []record.Item, r engine.Range, limit int) []record.Item {
	slices.SortFunc(items, func(a, b record.Item) int {
		return cmp.Or(cmp.Compare(a.Key.B, b.Key.B), strings.Compare(a.Key.Name, b.Key.Name))
	})
	if r.After.Kind != 0 {
		items = slices.DeleteFunc(items, func(it record.Item) bool {
			return cmp.Or(cmp.Compare(it.Key.B, r.After.B), strings.Compare(it.Key.Name, r.After.Name)) <= 0
		})
	}
	return items[:min(len(items), limit)]
}

func (e *Engine) pageEntries(ctx context.Context, r engine.Range, limit int) ([]record.Item, error) {
	ls, err := e.list(ctx, listing{dir: record.Ino(r.A), after: r.After.Name, limit: limit})
	if err != nil {
		return nil, err
	}
	items := make([]record.Item, len(ls))
	for i, l := range ls {
		items[i] = record.Item{Key: record.EntryKey(record.Ino(r.A), l.Name), Value: l.Entry.Encode()}
	}
	return items, nil
}

// hashAll reads all records of a hash that belongs to one inode.
func (e *Engine) hashAll(ctx context.Context, kind record.Kind, a uint64) ([]record.Item, error) {
	pairs, err := e.pairs(ctx, "HGETALL", letters(kind), a)
	if err != nil {
		return nil, err
	}
	var items []record.Item
	for ; len(pairs) > 1; pairs = pairs[2:] {
		k, ok := parseField(kind, a, string(pairs[0]))
		if !ok {
			continue
		}
		v, err := canonical(k, pairs[1])
		if err != nil {
			return nil, err
		}
		items = append(items, record.Item{Key: k, Value: v})
	}
	return items, nil
}

// setItems reads the sustained inodes of a session.
func (e *Engine) setItems(ctx context.Context, sid uint64) ([]record.Item, error) {
	members, err := e.pairs(ctx, "SMEMBERS", sustainedLetters, sid)
	if err != nil {
		return nil, err
	}
	var items []record.Item
	for _, m := range members {
		if k, ok := parseField(record.KindSustained, sid, string(m)); ok {
			items = append(items, record.Item{Key: k, Value: []byte{1}})
		}
	}
	return items, nil
}

// pairs reads a whole key that ends in a number.
func (e *Engine) pairs(ctx context.Context, command, letters string, n uint64) ([][]byte, error) {
	a := e.args()
	a.numbered(letters, n)
	r, err := e.one(ctx, command, a)
	if err != nil {
		return nil, err
	}
	return r.bulks()
}

// maxProbes is how many chunks are tried one by one at most: those of a file of 4 TiB.
const maxProbes = 1 << 16

// chunkItems reads the chunks of a file that come after a position. Nothing in the database says which chunks a file has: if
// the caller knows a bound, those below are tried; else the server looks through all its keys, step by step.
func (e *Engine) chunkItems(ctx context.Context, r engine.Range, limit int) ([]record.Item, error) {
	first := uint64(0)
	if r.After.Kind != 0 {
		first = r.After.B + 1
	}
	if r.Below > 0 && r.Below < first+maxProbes {
		return e.chunksBelow(ctx, r.A, first, r.Below, limit)
	}
	var keys []record.Key
	err := e.scanKeys(ctx, fmt.Sprintf("c%d_*", r.A), func(name string) error {
		if k, ok := parseKey(record.KindChunk, name); ok && k.A == r.A && k.B >= first {
			keys = append(keys, k)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(keys, func(a, b record.Key) int { return cmp.Compare(a.B, b.B) })
	keys = slices.Compact(keys)
	return e.existing(ctx, keys[:min(len(keys), limit)])
}

// beyond is how many chunks behind the bound are tried: a file that was cut short keeps those that it had. As long as there are
// any, more are tried. What lies behind a larger hole is left to whoever looks for leaks; the original leaves all of it.
const beyond = 8

// chunksBelow tries the chunks from first to below, and some more, in order, until there are enough.
func (e *Engine) chunksBelow(ctx context.Context, ino, first, below uint64, limit int) ([]record.Item, error) {
	var items []record.Item
	end := min(max(first, below)+beyond, 1<<32)
	for first < end && len(items) < limit {
		var keys []record.Key
		for ; first < end && len(keys) < most; first++ {
			keys = append(keys, record.ChunkKey(record.Ino(ino), uint32(first)))
		}
		more, err := e.existing(ctx, keys)
		if err != nil {
			return nil, err
		}
		if len(more) > 0 {
			end = min(max(end, more[len(more)-1].Key.B+1+beyond), 1<<32)
		}
		items = append(items, more...)
	}
	return items[:min(len(items), limit)], nil
}

// existing reads those of records that exist.
func (e *Engine) existing(ctx context.Context, keys []record.Key) ([]record.Item, error) {
	items, err := e.get(ctx, keys...)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(items, func(it record.Item) bool { return it.Value == nil }), nil
}
