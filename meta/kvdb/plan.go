package kvdb

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"juicefs/meta/engine"
	"juicefs/meta/record"
)

// plan works out what a batch makes of a snapshot, on what conditions.
type plan struct {
	snap  Snapshot
	cells map[string]*cell
	order []string // keys of cells as they came
	spans []Cond   // ranges that were read
}

// cell is a key of the store as the plan sees it.
type cell struct {
	data    []byte // with the writes so far
	version uint64 // as read
	read    bool   // data depends on, or was compared with, what was read
	dirty   bool
}

func newPlan(s Snapshot) *plan { return &plan{snap: s, cells: make(map[string]*cell, 16)} }

// load reads everything that guards, checks and verbs will look at, in one turnaround.
func (p *plan) load(ctx context.Context, guards []seen, b *engine.Batch) error {
	var keys [][]byte
	for _, g := range guards {
		keys = appendKeys(keys, g.key)
	}
	for _, c := range b.Checks {
		if c.Kind != engine.Empty {
			keys = appendKeys(keys, c.Key)
		}
	}
	for i := range b.Writes {
		switch b.Writes[i].Op {
		case engine.Insert, engine.Append, engine.Add, engine.Touch, engine.Nlink:
			keys = appendKeys(keys, b.Writes[i].Key)
		}
	}
	return p.get(ctx, keys)
}

// get reads keys that are not here yet.
func (p *plan) get(ctx context.Context, keys [][]byte) error {
	keys = slices.DeleteFunc(keys, func(k []byte) bool { return p.cells[string(k)] != nil })
	vs, err := p.snap.Get(ctx, keys) // also without keys: it fixes the moment of the snapshot
	if err != nil {
		return err
	}
	for i, k := range keys {
		p.add(k, vs[i])
	}
	return nil
}

func (p *plan) add(key []byte, v Value) *cell {
	if c := p.cells[string(key)]; c != nil {
		return c
	}
	c := &cell{data: v.Data, version: v.Version}
	p.cells[string(key)] = c
	p.order = append(p.order, string(key))
	return c
}

// value returns the canonical value of a record as the plan sees it, and makes the commit depend on it.
func (p *plan) value(k record.Key) ([]byte, error) {
	main := p.cells[string(keyOf(k))]
	main.read = true
	var info []byte
	if k.Kind == record.KindSession {
		c := p.cells[string(infoKey(k.A))]
		c.read = true
		info = c.data
	}
	return canonical(k, main.data, info)
}

// set writes the canonical value of a record; nil removes it.
func (p *plan) set(k record.Key, value []byte) error {
	main, info, err := stored(k, value)
	if err != nil {
		return err
	}
	p.put(keyOf(k), main)
	if k.Kind == record.KindSession {
		p.put(infoKey(k.A), info)
	}
	return nil
}

func (p *plan) put(key, data []byte) {
	c := p.add(key, Value{})
	c.data, c.dirty = data, true
}

// check holds the snapshot against guards and checks.
func (p *plan) check(guards []seen, checks []engine.Check) error {
	for i := range guards {
		g := &guards[i]
		now, err := p.value(g.key)
		if err != nil {
			return err
		}
		ok := p.cells[string(keyOf(g.key))].version == g.versions[0]
		switch {
		case g.guard == engine.Stable:
			ok = ok || record.Alike(g.value, now)
		case g.key.Kind == record.KindSession:
			ok = ok && p.cells[string(infoKey(g.key.A))].version == g.versions[1]
		}
		if !ok {
			return conflict(g.key, now)
		}
	}
	for _, c := range checks {
		if c.Kind == engine.Empty {
			continue
		}
		now, err := p.value(c.Key)
		if err != nil {
			return err
		}
		ok := bytes.Equal(now, c.Want) && (now == nil) == (c.Want == nil)
		if c.Kind == engine.Alike {
			ok = record.Alike(now, c.Want)
		}
		if !ok {
			return conflict(c.Key, now)
		}
	}
	return nil
}

func conflict(k record.Key, now []byte) error {
	return &engine.Conflict{Fresh: []record.Item{{Key: k, Value: now}}}
}

// conflict is of a write: what the batch itself made of the record is no news.
func (p *plan) conflict(k record.Key, now []byte) error {
	if p.cells[string(keyOf(k))].dirty {
		return &engine.Conflict{Cause: fmt.Errorf("%s, written twice", k)}
	}
	return conflict(k, now)
}

// apply does one write.
func (p *plan) apply(ctx context.Context, w *engine.Write) error {
	switch w.Op {
	case engine.Put:
		return p.set(w.Key, w.Value)
	case engine.Delete:
		return p.set(w.Key, nil)
	case engine.Clear:
		return p.clear(ctx, w.Key)
	}
	now, err := p.value(w.Key)
	if err != nil {
		return err
	}
	switch w.Op {
	case engine.Insert:
		if now != nil {
			return p.conflict(w.Key, now)
		}
		return p.set(w.Key, w.Value)
	case engine.Append:
		return p.set(w.Key, append(now, w.Value...))
	case engine.Add:
		next, err := added(w, now)
		if err != nil || next == nil {
			return err
		}
		return p.set(w.Key, next)
	case engine.Touch, engine.Nlink:
		if now == nil {
			return p.conflict(w.Key, nil)
		}
		next, err := patchAttr(w, now)
		if err != nil {
			return err
		}
		return p.set(w.Key, next)
	}
	return fmt.Errorf("write %d of %s: %w", w.Op, w.Key, errors.ErrUnsupported)
}

// added returns what Add makes of a value; nil: nothing happens.
func added(w *engine.Write, now []byte) ([]byte, error) {
	k, d := w.Key, w.Deltas
	switch k.Kind {
	case record.KindCounter, record.KindParent, record.KindSliceRef:
		v, err := record.DecodeInt64(k.Kind, now)
		if err != nil {
			return nil, err
		}
		switch {
		case now == nil && k.Kind == record.KindCounter:
			v = initial(k.Name)
		case now == nil && k.Kind == record.KindSliceRef:
			v = 1
		}
		return record.EncodeInt64(v + d[0]), nil
	case record.KindDirStat:
		if now == nil {
			return nil, nil
		}
		s, err := record.DecodeDirStat(now)
		if err != nil {
			return nil, err
		}
		return record.DirStat{Length: s.Length + d[0], Space: s.Space + d[1], Inodes: s.Inodes + d[2]}.Encode(), nil
	case record.KindQuota:
		q := record.Quota{MaxSpace: -1, MaxInodes: -1}
		if now == nil && record.QuotaType(k.A) == record.QuotaDir {
			return nil, nil
		}
		if now != nil {
			var err error
			if q, err = record.DecodeQuota(now); err != nil {
				return nil, err
			}
		}
		q.UsedSpace, q.UsedInodes = q.UsedSpace+d[0], q.UsedInodes+d[1]
		return q.Encode(), nil
	}
	return nil, fmt.Errorf("add to %s: %w", k, errors.ErrUnsupported)
}

// patchAttr does a Touch or Nlink in place, so that what this version does not know of the bytes is kept.
func patchAttr(w *engine.Write, b []byte) ([]byte, error) {
	const mtime, ctime, nlink, fixed = 23, 35, 47, 63 // offsets; see record.Attr
	if len(b) < fixed {
		return nil, fmt.Errorf("%w: %s: %d bytes", record.ErrCorrupt, w.Key, len(b))
	}
	be := binary.BigEndian
	if w.Op == engine.Nlink {
		be.PutUint32(b[nlink:], uint32(int64(be.Uint32(b[nlink:]))+w.Deltas[0]))
		return b, nil
	}
	have := record.Time{Sec: int64(be.Uint64(b[mtime:])), Nsec: be.Uint32(b[mtime+8:])}
	if have.Before(w.Time) {
		for _, at := range [...]int{mtime, ctime} {
			be.PutUint64(b[at:], uint64(w.Time.Sec))
			be.PutUint32(b[at+8:], w.Time.Nsec)
		}
	}
	return b, nil
}

// clear removes all records of a kind with the same A.
func (p *plan) clear(ctx context.Context, k record.Key) error {
	switch k.Kind {
	case record.KindXattr, record.KindParent, record.KindChunk, record.KindEntry:
	default:
		return fmt.Errorf("clear %s: %w", k.Kind, errors.ErrUnsupported)
	}
	prefix := groupOf(k.Kind, k.A)
	pairs, err := p.span(ctx, prefix, 0)
	if err != nil {
		return err
	}
	for _, pair := range pairs {
		p.put(pair.Key, nil)
	}
	for key, c := range p.cells {
		if c.data != nil && bytes.HasPrefix([]byte(key), prefix) {
			c.data, c.dirty = nil, true
		}
	}
	return nil
}

// span reads the keys with a prefix, the first limit or all, and makes the commit depend on there being no newer ones.
func (p *plan) span(ctx context.Context, prefix []byte, limit int) ([]Pair, error) {
	from, end := prefix, prefixEnd(prefix)
	var all []Pair
	for {
		most := scanPage
		if limit > 0 {
			most = min(most, limit-len(all))
		}
		pairs, err := p.snap.Range(ctx, from, end, most)
		if err != nil {
			return nil, fmt.Errorf("commit: %w", err)
		}
		all = append(all, pairs...)
		if len(pairs) < most || len(all) == limit {
			break
		}
		from = append(slices.Clone(pairs[len(pairs)-1].Key), 0)
	}
	p.spans = append(p.spans, Cond{Key: prefix, End: end, Version: p.snap.Version()})
	return all, nil
}

// checkEmpty holds that a directory has no entries after the writes.
func (p *plan) checkEmpty(ctx context.Context, dir uint64) error {
	prefix := groupOf(record.KindEntry, dir)
	gone := 0
	for key, c := range p.cells {
		switch {
		case !bytes.HasPrefix([]byte(key), prefix):
		case c.data != nil:
			return &engine.Conflict{Cause: fmt.Errorf("directory %d is not empty", dir)}
		case c.dirty:
			gone++
		}
	}
	pairs, err := p.span(ctx, prefix, gone+1)
	if err != nil {
		return err
	}
	for _, pair := range pairs {
		if c := p.cells[string(pair.Key)]; c == nil || !c.dirty {
			return &engine.Conflict{Cause: fmt.Errorf("directory %d is not empty", dir)}
		}
	}
	return nil
}

func (p *plan) conds() []Cond {
	conds := slices.Clone(p.spans)
	for _, key := range p.order {
		if c := p.cells[key]; c.read {
			conds = append(conds, Cond{Key: []byte(key), Version: c.version})
		}
	}
	return conds
}

func (p *plan) writes() []Write {
	var ws []Write
	for _, key := range p.order {
		if c := p.cells[key]; c.dirty {
			ws = append(ws, Write{Key: []byte(key), Data: c.data})
		}
	}
	return ws
}
