package redisdb

import (
	"context"
	"fmt"

	"juicefs/meta/engine"
	"juicefs/meta/record"
)

// lookMost is how many entries a directory has at most of which all are read by one script. Each takes the server some
// microseconds, during which it does nothing else.
const lookMost = 2048

// scripted is a transaction on a server that runs scripts.
type scripted struct{ *tx }

// Look follows a path and reads what is in the directory that it leads to, in one turnaround.
func (t scripted) Look(ctx context.Context, q engine.LookQuery) (*engine.Looked, error) {
	if err := t.start(ctx); err != nil {
		return nil, err
	}
	l, err := t.lookScript(ctx, q)
	if err != nil {
		return nil, readErr(ctx, "look", err)
	}
	if l != nil && t.mode == engine.Update {
		t.guardWalk(q.WalkQuery, &l.Walked)
		if len(q.Names) == 0 && q.Last == engine.Exact {
			t.guard(l.From.Key, engine.Exact, l.From.Value)
		}
		t.reserve(2 * len(l.Inside)) // entry and attribute
		for i := range l.Inside {
			t.guardInside(&l.Inside[i])
		}
	}
	return l, nil
}

func (t *tx) guardInside(in *engine.Inside) {
	t.guard(in.Entry.Key, engine.Exact, in.Entry.Value)
	if in.Entry.Value == nil {
		return
	}
	t.guard(in.Attr.Key, engine.Exact, in.Attr.Value)
	for _, it := range in.Xattrs {
		t.guard(it.Key, engine.Exact, it.Value)
	}
	for _, it := range in.Chunks {
		t.guard(it.Key, engine.Exact, it.Value)
	}
}

// lookScript looks on the server; nil: the script gave up.
func (t *tx) lookScript(ctx context.Context, q engine.LookQuery) (*engine.Looked, error) {
	a := t.e.args()
	a.str(t.e.prefix)
	a.uint(uint64(q.From))
	a.uint(uint64(len(q.Names)))
	a.str(flag(q.Sole))
	a.str(flag(q.Xattrs))
	a.str(flag(q.InsideXattrs))
	a.uint(uint64(q.InsideChunks))
	if q.Inside == nil {
		a.int(lookMost)
	} else {
		a.int(0)
	}
	for _, n := range q.Names {
		a.str(n)
	}
	for _, n := range q.Inside {
		a.str(n)
	}
	c, err := t.e.source.master(ctx)
	if err != nil {
		return nil, err
	}
	r, err := lookScript.read(ctx, t.e, c, a)
	if err != nil {
		return nil, err
	}
	left, err := r.array()
	if err != nil || left < 0 {
		return nil, err
	}
	return readLooked(&r, left, q)
}

// readLooked takes the script's answer apart.
func readLooked(r *reply, left int, q engine.LookQuery) (*engine.Looked, error) {
	path := q.WalkQuery
	path.Chunks, path.Xattrs = 0, false
	l := &engine.Looked{}
	dir, left, err := readPath(r, left, path, &l.Walked)
	if err != nil || left < 3 { // no directory
		return l, err
	}
	if _, err = r.bulks(); err != nil { // chunks, of which a directory has none
		return nil, err
	}
	pairs, err := r.bulks()
	if err != nil {
		return nil, err
	}
	if q.Xattrs {
		l.Xattrs = pairItems(record.KindXattr, dir, pairs)
	}
	if l.Count, err = r.int(); err != nil {
		return nil, err
	}
	l.Inside = make([]engine.Inside, 0, max(len(q.Inside), left/3))
	for left -= 3; left > 0; {
		in, n, err := readInside(r, dir, &q)
		if err != nil {
			return nil, err
		}
		l.Inside = append(l.Inside, in)
		left -= n
	}
	return l, nil
}

// readInside reads what was found of one name, and returns of how many elements of the answer that was made.
func readInside(r *reply, dir record.Ino, q *engine.LookQuery) (in engine.Inside, n int, err error) {
	name, err := r.bulk()
	if err != nil {
		return in, 0, err
	}
	in.Entry.Key = record.EntryKey(dir, string(name))
	if in.Entry.Value, err = r.bulk(); err != nil || in.Entry.Value == nil {
		return in, 2, err
	}
	ent, err := record.DecodeDirent(in.Entry.Value)
	if err != nil {
		return in, 0, fmt.Errorf("%s: %w", in.Entry.Key, err)
	}
	in.Attr.Key, n = record.AttrKey(ent.Ino), 3
	if in.Attr.Value, err = r.bulk(); err != nil {
		return in, 0, err
	}
	if q.InsideXattrs {
		pairs, err := r.bulks()
		if err != nil {
			return in, 0, err
		}
		in.Xattrs = pairItems(record.KindXattr, ent.Ino, pairs)
		n++
	}
	if q.InsideChunks > 0 {
		chunks, err := r.bulks()
		if err != nil {
			return in, 0, err
		}
		for i, c := range chunks {
			if len(c) == 0 {
				c = nil
			}
			in.Chunks = append(in.Chunks, record.Item{Key: record.ChunkKey(ent.Ino, uint32(i)), Value: c})
		}
		n++
	}
	return in, n, nil
}
