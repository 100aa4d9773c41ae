package redisdb

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"juicefs/meta/engine"
	"juicefs/meta/record"
)

// Walk follows a path, by script in one turnaround. Records of the last inode other than its attribute are guarded like it.
func (t *tx) Walk(ctx context.Context, q engine.WalkQuery) (*engine.Walked, error) {
	if err := t.start(ctx); err != nil {
		return nil, err
	}
	if len(q.Names) == 0 {
		return nil, fmt.Errorf("walk without names: %w", errUnsupported)
	}
	if !t.e.plain {
		w, err := t.walkScript(ctx, q)
		if err != nil {
			return nil, readErr(ctx, "walk", err)
		}
		if w != nil {
			if t.mode == engine.Update {
				t.guardWalk(q, w)
			}
			return w, nil
		}
	}
	w, err := t.walkSteps(ctx, q)
	if err == nil {
		t.guardWalk(q, w)
		err = t.recheck(ctx) // it took several steps
	}
	if err != nil {
		return nil, readErr(ctx, "walk", err)
	}
	return w, nil
}

// guardWalk remembers what a walk met.
func (t *tx) guardWalk(q engine.WalkQuery, w *engine.Walked) {
	t.guard(w.From.Key, engine.Stable, w.From.Value)
	for i, e := range w.Entries {
		t.guard(e.Key, engine.Exact, e.Value)
		if i >= len(w.Attrs) {
			break
		}
		g := engine.Stable
		if i == len(q.Names)-1 {
			g = q.Last
		}
		t.guard(w.Attrs[i].Key, g, w.Attrs[i].Value)
	}
	for _, c := range w.Chunks {
		t.guard(c.Key, q.Last, c.Value)
	}
}

func flag(b bool) string {
	if b {
		return "1"
	}
	return "0"
}

// walkScript walks on the server; nil: the script gave up.
func (t *tx) walkScript(ctx context.Context, q engine.WalkQuery) (*engine.Walked, error) {
	a := t.e.args()
	walkArgs(a, q)
	c, err := t.e.source.master(ctx)
	if err != nil {
		return nil, err
	}
	r, err := walkScript.read(ctx, t.e, c, a)
	if err != nil {
		return nil, err
	}
	left, err := r.array()
	if err != nil || left < 0 {
		return nil, err
	}
	return readWalked(&r, left, q)
}

// walkArgs adds the arguments of the script that walks.
func walkArgs(a *args, q engine.WalkQuery) {
	a.str(a.prefix)
	a.uint(uint64(q.From))
	a.uint(uint64(q.Chunks))
	a.str(flag(q.Xattrs))
	a.str(flag(q.Sole))
	for _, n := range q.Names {
		a.str(n)
	}
}

// readWalked takes the script's answer apart.
func readWalked(r values, left int, q engine.WalkQuery) (*engine.Walked, error) {
	w := &engine.Walked{}
	ino, left, err := readPath(r, left, q, w)
	if err == nil && left == 2 {
		err = readLast(r, q, ino, w)
	}
	return w, err
}

// readPath reads what was met on a path from an answer with left elements. It returns the last inode and how many elements
// are left.
func readPath(r values, left int, q engine.WalkQuery, w *engine.Walked) (record.Ino, int, error) {
	w.Entries, w.Attrs = make([]record.Item, 0, len(q.Names)), make([]record.Item, 0, len(q.Names))
	next := func() ([]byte, error) {
		if left--; left < 0 {
			return nil, nil // nil at the end of an answer is left out
		}
		return r.bulk()
	}
	var err error
	w.From.Key = record.AttrKey(q.From)
	if w.From.Value, err = next(); err != nil {
		return 0, 0, err
	}
	dir := q.From
	for i, name := range q.Names {
		it := record.Item{Key: record.EntryKey(dir, name)}
		if it.Value, err = next(); err != nil {
			return 0, 0, err
		}
		w.Entries = append(w.Entries, it)
		if it.Value == nil {
			return 0, 0, nil
		}
		var ent record.Dirent
		if ent, err = record.DecodeDirent(it.Value); err != nil {
			return 0, 0, err
		}
		it = record.Item{Key: record.AttrKey(ent.Ino)}
		if it.Value, err = next(); err != nil {
			return 0, 0, err
		}
		w.Attrs = append(w.Attrs, it)
		if q.Sole {
			var n []byte
			if n, err = next(); err != nil {
				return 0, 0, err
			}
			w.Sole = append(w.Sole, string(n) == "1")
		}
		if i < len(q.Names)-1 && ent.Type != record.TypeDirectory {
			return 0, 0, nil
		}
		dir = ent.Ino
	}
	return dir, left, nil
}

// readLast reads the chunks and extended attributes of the last inode.
func readLast(r values, q engine.WalkQuery, ino record.Ino, w *engine.Walked) error {
	chunks, err := r.bulks()
	if err != nil {
		return err
	}
	for i, c := range chunks {
		if len(c) > 0 {
			w.Chunks = append(w.Chunks, record.Item{Key: record.ChunkKey(ino, uint32(i)), Value: c})
		}
	}
	pairs, err := r.bulks()
	if err != nil || !q.Xattrs {
		return err
	}
	w.Xattrs = pairItems(record.KindXattr, ino, pairs)
	return nil
}

// pairItems makes records of the fields of a hash, in order of names.
func pairItems(kind record.Kind, ino record.Ino, pairs [][]byte) []record.Item {
	items := make([]record.Item, 0, len(pairs)/2)
	for ; len(pairs) > 1; pairs = pairs[2:] {
		items = append(items, record.Item{Key: record.Key{Kind: kind, A: uint64(ino), Name: string(pairs[0])}, Value: pairs[1]})
	}
	slices.SortFunc(items, func(a, b record.Item) int { return strings.Compare(a.Key.Name, b.Key.Name) })
	return items
}

// walkSteps walks name by name.
func (t *tx) walkSteps(ctx context.Context, q engine.WalkQuery) (*engine.Walked, error) {
	w := &engine.Walked{}
	dir := q.From
	for i, name := range q.Names {
		last := i == len(q.Names)-1
		step, err := t.walkStep(ctx, q, dir, name, i == 0, w)
		if err != nil || step == nil {
			return w, err
		}
		if last {
			return w, t.walkLast(ctx, q, step.Ino, w)
		}
		if step.Type != record.TypeDirectory {
			return w, nil
		}
		dir = step.Ino
	}
	return w, nil
}

// walkStep looks up one name; nil: it is absent.
func (t *tx) walkStep(ctx context.Context, q engine.WalkQuery, dir record.Ino, name string, first bool, w *engine.Walked) (*record.Dirent, error) {
	keys := []record.Key{record.EntryKey(dir, name)}
	if first {
		keys = append(keys, record.AttrKey(dir))
	}
	items, err := t.e.get(ctx, keys...)
	if err != nil {
		return nil, err
	}
	if first {
		w.From = items[1]
	}
	w.Entries = append(w.Entries, items[0])
	if items[0].Value == nil {
		return nil, nil
	}
	ent, err := record.DecodeDirent(items[0].Value)
	if err != nil {
		return nil, err
	}
	if items, err = t.e.get(ctx, record.AttrKey(ent.Ino)); err != nil {
		return nil, err
	}
	w.Attrs = append(w.Attrs, items[0])
	if q.Sole {
		n, err := t.e.count(ctx, dir)
		if err != nil {
			return nil, err
		}
		w.Sole = append(w.Sole, n == 1)
	}
	return &ent, nil
}

// walkLast reads what is wanted of the last inode besides its attribute.
func (t *tx) walkLast(ctx context.Context, q engine.WalkQuery, ino record.Ino, w *engine.Walked) error {
	b := w.Attrs[len(w.Attrs)-1].Value
	if b == nil {
		return nil
	}
	a, err := record.DecodeAttr(b)
	if err != nil {
		return err
	}
	var keys []record.Key
	for c := uint64(0); a.Type == record.TypeFile && c < uint64(q.Chunks) && c*record.ChunkSize < a.Length; c++ {
		keys = append(keys, record.ChunkKey(ino, uint32(c)))
	}
	items, err := t.e.get(ctx, keys...)
	if err != nil {
		return err
	}
	for _, it := range items {
		if it.Value != nil {
			w.Chunks = append(w.Chunks, it)
		}
	}
	if q.Xattrs {
		if w.Xattrs, err = t.e.hashAll(ctx, record.KindXattr, uint64(ino)); err != nil {
			return err
		}
		w.Xattrs = cut(w.Xattrs, engine.Range{}, len(w.Xattrs))
	}
	return nil
}

// get reads records without guards.
func (e *Engine) get(ctx context.Context, keys ...record.Key) ([]record.Item, error) {
	f := newFetcher(e, len(keys))
	for _, k := range keys {
		if err := f.add(k); err != nil {
			return nil, err
		}
	}
	items := make([]record.Item, len(keys))
	err := f.run(ctx, func(i int, k record.Key, v []byte) error {
		items[i] = record.Item{Key: k, Value: v}
		return nil
	})
	return items, err
}

// count returns how many entries a directory has.
func (e *Engine) count(ctx context.Context, dir record.Ino) (int64, error) {
	a := e.args()
	a.numbered(letters(record.KindEntry), uint64(dir))
	r, err := e.one(ctx, "HLEN", a)
	if err != nil {
		return 0, err
	}
	return r.int()
}
