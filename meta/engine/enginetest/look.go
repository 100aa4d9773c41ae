package enginetest

import (
	"context"
	"math/rand/v2"
	"slices"
	"testing"

	"juicefs/meta/engine"
	"juicefs/meta/record"
)

// plainLooks are Looks made of Fetch and Page, on records that nobody changes: what there is under a name is read once.
type plainLooks map[record.Key]engine.Inside

func (p plainLooks) look(ctx context.Context, tx engine.Tx, q engine.LookQuery) (*engine.Looked, error) {
	l := &engine.Looked{}
	path, dir := q.WalkQuery, q.From
	path.Chunks, path.Xattrs = 0, false
	w, err := plainWalk(ctx, tx, path)
	if err != nil {
		return nil, err
	}
	l.Walked = *w
	attr := w.From
	if n := len(q.Names); n > 0 {
		if len(w.Attrs) < n {
			return l, nil
		}
		ent, bad := record.DecodeDirent(w.Entries[n-1].Value)
		if bad != nil || ent.Type != record.TypeDirectory {
			return l, bad
		}
		dir, attr = ent.Ino, w.Attrs[n-1]
	}
	if attr.Value == nil {
		return l, nil
	}
	const all = 10000
	if q.Xattrs {
		if l.Xattrs, err = tx.Page(ctx, engine.Range{Kind: record.KindXattr, A: uint64(dir)}, all); err != nil {
			return nil, err
		}
	}
	entries, err := tx.Page(ctx, engine.Range{Kind: record.KindEntry, A: uint64(dir)}, all)
	if err != nil {
		return nil, err
	}
	l.Count, l.Inside = int64(len(entries)), []engine.Inside{}
	names := q.Inside
	if names == nil {
		for _, e := range entries {
			names = append(names, e.Key.Name)
		}
	}
	for _, name := range names {
		k := record.EntryKey(dir, name)
		in, ok := p[k]
		if !ok {
			if in, err = plainInside(ctx, tx, k); err != nil {
				return nil, err
			}
			p[k] = in
		}
		if !q.InsideXattrs {
			in.Xattrs = nil
		}
		in.Chunks = in.Chunks[:min(len(in.Chunks), int(q.InsideChunks))]
		l.Inside = append(l.Inside, in)
	}
	return l, nil
}

// plainInside reads all of one name.
func plainInside(ctx context.Context, tx engine.Tx, k record.Key) (in engine.Inside, err error) {
	items, err := tx.Fetch(ctx, []engine.ReadOp{{Key: k}})
	if err != nil {
		return in, err
	}
	in.Entry = items[0]
	if in.Entry.Value == nil {
		return in, nil
	}
	ent, err := record.DecodeDirent(in.Entry.Value)
	if err != nil {
		return in, err
	}
	if items, err = tx.Fetch(ctx, []engine.ReadOp{{Key: record.AttrKey(ent.Ino)}}); err != nil {
		return in, err
	}
	in.Attr = items[0]
	if in.Xattrs, err = tx.Page(ctx, engine.Range{Kind: record.KindXattr, A: uint64(ent.Ino)}, 1000); err != nil {
		return in, err
	}
	if in.Attr.Value == nil {
		return in, nil
	}
	a, err := record.DecodeAttr(in.Attr.Value)
	if err != nil || a.Type != record.TypeFile {
		return in, err
	}
	for c := uint64(0); c*record.ChunkSize < a.Length; c++ {
		if items, err = tx.Fetch(ctx, []engine.ReadOp{{Key: record.ChunkKey(ent.Ino, uint32(c))}}); err != nil {
			return in, err
		}
		in.Chunks = append(in.Chunks, items[0])
	}
	return in, nil
}

// looker is the fast path of a transaction; nil if it has none, which is logged.
func (d *db) looker(t *testing.T, tx engine.Tx) engine.Looker {
	t.Helper()
	l, ok := tx.(engine.Looker)
	if !ok {
		t.Log("the engine has no Looker")
		return nil
	}
	return l
}

// randomLook asks for some directory of the planted tree, or for something else.
func randomLook(r *rand.Rand) engine.LookQuery {
	parts := []string{"d", "d", "d", "a", "b", "a\xff", "\x01", "none"}
	q := engine.LookQuery{InsideXattrs: r.IntN(2) == 0, InsideChunks: uint32(r.IntN(5))}
	q.WalkQuery = engine.WalkQuery{From: record.Ino(1 + r.IntN(7)), Xattrs: r.IntN(2) == 0, Sole: r.IntN(2) == 0, Last: engine.Exact}
	for range r.IntN(4) {
		q.Names = append(q.Names, parts[r.IntN(5)%len(parts)])
	}
	if r.IntN(2) == 0 {
		q.Inside = []string{}
		for range r.IntN(6) {
			q.Inside = append(q.Inside, parts[r.IntN(len(parts))])
		}
	}
	return q
}

func testLook(t *testing.T, d *db) {
	tx := d.e.Begin(engine.View)
	defer func() { tx.Discard() }()
	if d.looker(t, tx) == nil {
		return
	}
	r := random(t)
	d.plantTree(r)
	var ws []engine.Write
	for i, n := range names() {
		if i%5 > 0 { // each is compared with each look at the directory
			continue
		}
		ino := record.Ino(1000 + i)
		ws = append(ws, put(record.EntryKey(5, n), dirent(ino)), put(record.AttrKey(ino), fileAttr(5, 1).Encode()), put(record.XattrKey(ino, "x"), []byte{1}))
		if len(ws) >= 150 {
			d.commit(ws...)
			ws = nil
		}
	}
	d.commit(ws...)
	plain, declined := plainLooks{}, 0
	for range 300 {
		q := randomLook(r)
		tx.Discard()
		tx = d.e.Begin(engine.View)
		got, err := d.looker(t, tx).Look(t.Context(), q)
		if err != nil {
			t.Fatalf("look %+v: %v", q, err)
		}
		if got == nil {
			declined++
			continue
		}
		want, err := plain.look(t.Context(), tx, q)
		if err != nil {
			t.Fatal(err)
		}
		if q.Inside == nil {
			slices.SortFunc(got.Inside, func(a, b engine.Inside) int { return compareNames(a.Entry.Key.Name, b.Entry.Key.Name) })
		}
		if how := diff(want, got); how != "" {
			t.Fatalf("look %+v (-plain +fast):\n%s", q, how)
		}
		if (got.Inside == nil) != (want.Inside == nil) { // EquateEmpty hides it
			t.Fatalf("look %+v: is a directory: %v, want %v", q, got.Inside != nil, want.Inside != nil)
		}
		for i, in := range want.Inside {
			if !same(got.Inside[i].Entry.Value, in.Entry.Value) || !same(got.Inside[i].Attr.Value, in.Attr.Value) {
				t.Fatalf("look %+v: %+v, want %+v", q, got.Inside[i], in)
			}
			for c := range in.Chunks {
				if !same(got.Inside[i].Chunks[c].Value, in.Chunks[c].Value) {
					t.Fatalf("look %+v: %+v, want %+v", q, got.Inside[i].Chunks[c], in.Chunks[c])
				}
			}
		}
	}
	t.Logf("%d of 300 were declined", declined)
}

func testLookGuards(t *testing.T, d *db) {
	tx := d.e.Begin(engine.Update)
	defer tx.Discard()
	l := d.looker(t, tx)
	if l == nil {
		return
	}
	met, err := l.Look(t.Context(), engine.LookQuery{WalkQuery: engine.WalkQuery{From: 1}, Inside: []string{"f"}})
	if err != nil {
		t.Fatal(err)
	}
	if met == nil {
		t.Log("the engine declines")
		return
	}
	other := record.Dirent{Type: record.TypeDirectory, Ino: 9}.Encode()
	moved := dirAttr(8).Encode()
	later := record.Time{Sec: 1900000000}
	for _, c := range []struct {
		name     string
		all      bool // not only the names "f" and "new"
		last     engine.Guard
		other    engine.Write
		conflict bool
	}{
		{"an entry on the way", false, engine.Stable, put(record.EntryKey(1, "d"), other), true},
		{"the directory moved", false, engine.Stable, put(record.AttrKey(2), moved), true},
		{"the directory touched, stable", false, engine.Stable, touch(2, later), false},
		{"the directory touched, exact", false, engine.Exact, touch(2, later), true},
		{"an entry in it", false, engine.Stable, put(record.EntryKey(2, "f"), dirent(4)), true},
		{"an absent entry in it", false, engine.Stable, put(record.EntryKey(2, "new"), dirent(4)), true},
		{"an absent entry of which nothing was asked", true, engine.Stable, put(record.EntryKey(2, "new"), dirent(4)), false},
		{"another entry in it", false, engine.Stable, put(record.EntryKey(2, "g"), dirent(4)), false},
		{"one of all entries in it", true, engine.Stable, put(record.EntryKey(2, "g"), dirent(4)), true},
		{"an inode in it", false, engine.Stable, touch(3, later), true},
		{"an attribute in it", false, engine.Stable, put(record.XattrKey(3, "x"), []byte{2}), true},
		{"a chunk in it", false, engine.Stable, appendTo(record.ChunkKey(3, 0), slice(9)), true},
		{"an absent chunk in it", false, engine.Stable, appendTo(record.ChunkKey(3, 1), slice(9)), true},
		{"a chunk that was not asked for", false, engine.Stable, appendTo(record.ChunkKey(3, 2), slice(9)), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			sub := &db{t, d.e}
			sub.commit(put(record.AttrKey(1), dirAttr(1).Encode()), put(record.AttrKey(2), dirAttr(1).Encode()), put(record.AttrKey(3), fileAttr(2, 3*record.ChunkSize).Encode()),
				put(record.EntryKey(1, "d"), record.Dirent{Type: record.TypeDirectory, Ino: 2}.Encode()), put(record.EntryKey(2, "f"), dirent(3)),
				put(record.EntryKey(2, "g"), dirent(3)), del(record.EntryKey(2, "new")), put(record.XattrKey(3, "x"), []byte{1}),
				put(record.ChunkKey(3, 0), record.EncodeSlices(slice(1))), del(record.ChunkKey(3, 1)), del(record.ChunkKey(3, 2)))
			q := engine.LookQuery{WalkQuery: engine.WalkQuery{From: 1, Names: []string{"d"}, Last: c.last}, Inside: []string{"f", "new"}, InsideXattrs: true, InsideChunks: 2}
			if c.all {
				q.Inside = nil
			}
			sub.race(c.conflict, func(tx engine.Tx) error {
				_, err := sub.looker(t, tx).Look(t.Context(), q)
				return err
			}, c.other)
		})
	}
}
