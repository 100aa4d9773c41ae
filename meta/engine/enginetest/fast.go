package enginetest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"juicefs/meta/engine"
	"juicefs/meta/record"
)

// The tree of the fast path tests: directories 1 to 6, files below.
func (d *db) plantTree(r *rand.Rand) {
	names := []string{"a", "b", "a\xff", "\x01"}
	next := record.Ino(100)
	for dir := record.Ino(1); dir <= 6; dir++ {
		if dir != 6 { // a directory without attribute
			d.commit(put(record.AttrKey(dir), dirAttr(max(dir-1, 1)).Encode()))
		}
		if dir < 6 {
			d.commit(put(record.EntryKey(dir, "d"), record.Dirent{Type: record.TypeDirectory, Ino: dir + 1}.Encode()))
		}
		for _, n := range names[:r.IntN(len(names)+1)] {
			next++
			typ := record.TypeFile
			if r.IntN(4) == 0 {
				typ = record.TypeSymlink
			}
			a := fileAttr(dir, uint64(r.IntN(4))*record.ChunkSize+uint64(r.IntN(2)))
			a.Type = typ
			ws := []engine.Write{put(record.EntryKey(dir, n), record.Dirent{Type: typ, Ino: next}.Encode())}
			if r.IntN(5) > 0 {
				ws = append(ws, put(record.AttrKey(next), a.Encode()))
			}
			for c := range uint32(5) {
				if r.IntN(2) == 0 {
					ws = append(ws, appendTo(record.ChunkKey(next, c), slice(uint64(c)+1), slice(uint64(c)+2)))
				}
			}
			for _, x := range []string{"s3-etag", "user.x"}[:r.IntN(3)] {
				ws = append(ws, put(record.XattrKey(next, x), []byte(x)[:r.IntN(3)]))
			}
			d.commit(ws...)
		}
	}
	d.commit(put(record.XattrKey(3, "s3-etag"), []byte("of a directory")))
}

// plainWalk is Walk made of Fetch and Page.
func plainWalk(ctx context.Context, tx engine.Tx, q engine.WalkQuery) (*engine.Walked, error) {
	get := func(k record.Key, g engine.Guard) (record.Item, error) {
		items, err := tx.Fetch(ctx, []engine.ReadOp{{Key: k, Guard: g}})
		if err != nil {
			return record.Item{}, err
		}
		return items[0], nil
	}
	w := &engine.Walked{}
	var err error
	if w.From, err = get(record.AttrKey(q.From), engine.Stable); err != nil {
		return nil, err
	}
	dir := q.From
	for i, name := range q.Names {
		e, err := get(record.EntryKey(dir, name), engine.Exact)
		if err != nil {
			return nil, err
		}
		w.Entries = append(w.Entries, e)
		if e.Value == nil {
			return w, nil
		}
		ent, err := record.DecodeDirent(e.Value)
		if err != nil {
			return nil, err
		}
		a, err := get(record.AttrKey(ent.Ino), engine.Stable)
		if err != nil {
			return nil, err
		}
		w.Attrs = append(w.Attrs, a)
		if q.Sole {
			items, err := tx.Page(ctx, engine.Range{Kind: record.KindEntry, A: uint64(dir)}, 2)
			if err != nil {
				return nil, err
			}
			w.Sole = append(w.Sole, len(items) == 1)
		}
		if i == len(q.Names)-1 {
			return w, plainLast(ctx, tx, q, ent.Ino, a.Value, w)
		}
		if ent.Type != record.TypeDirectory {
			return w, nil
		}
		dir = ent.Ino
	}
	return w, nil
}

// plainLast reads what is wanted of the last inode.
func plainLast(ctx context.Context, tx engine.Tx, q engine.WalkQuery, ino record.Ino, attr []byte, w *engine.Walked) error {
	if attr == nil {
		return nil
	}
	a, err := record.DecodeAttr(attr)
	if err != nil {
		return err
	}
	if a.Type == record.TypeFile {
		for c := uint64(0); c < uint64(q.Chunks) && c*record.ChunkSize < a.Length; c++ {
			var items []record.Item
			if items, err = tx.Fetch(ctx, []engine.ReadOp{{Key: record.ChunkKey(ino, uint32(c))}}); err != nil {
				return err
			}
			if items[0].Value != nil {
				w.Chunks = append(w.Chunks, items[0])
			}
		}
	}
	if q.Xattrs {
		w.Xattrs, err = tx.Page(ctx, engine.Range{Kind: record.KindXattr, A: uint64(ino)}, 1000)
	}
	return err
}

func testWalk(t *testing.T, d *db) {
	tx := d.e.Begin(engine.View)
	defer func() { tx.Discard() }()
	if _, ok := tx.(engine.Walker); !ok {
		t.Log("the engine has no Walker")
		return
	}
	r := random(t)
	d.plantTree(r)
	parts := []string{"d", "d", "d", "a", "b", "a\xff", "\x01", "none"}
	for range 300 {
		q := engine.WalkQuery{From: record.Ino(1 + r.IntN(7)), Chunks: uint32(r.IntN(5)), Xattrs: r.IntN(2) == 0, Sole: r.IntN(2) == 0}
		for range 1 + r.IntN(5) {
			q.Names = append(q.Names, parts[r.IntN(len(parts))])
		}
		tx.Discard()
		tx = d.e.Begin(engine.View)
		got, err := d.walker(tx).Walk(t.Context(), q)
		if err != nil {
			t.Fatalf("walk %+v: %v", q, err)
		}
		d.wantWalked(&q, got)
	}
}

func compareNames(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// walker is the fast path of a transaction that is known to have it.
func (d *db) walker(tx engine.Tx) engine.Walker {
	d.tb.Helper()
	w, ok := tx.(engine.Walker)
	if !ok {
		d.tb.Fatal("a transaction without Walk, unlike those before")
	}
	return w
}

// lister is the fast path of a transaction that is known to have it.
func (d *db) lister(tx engine.Tx) engine.Lister {
	d.tb.Helper()
	l, ok := tx.(engine.Lister)
	if !ok {
		d.tb.Fatal("a transaction without ListDir, unlike those before")
	}
	return l
}

func testWalkGuards(t *testing.T, d *db) {
	tx := d.e.Begin(engine.Update)
	_, ok := tx.(engine.Walker)
	tx.Discard()
	if !ok {
		t.Log("the engine has no Walker")
		return
	}
	second := record.Dirent{Type: record.TypeDirectory, Ino: 2}.Encode()
	other := record.Dirent{Type: record.TypeDirectory, Ino: 9}.Encode()
	moved := dirAttr(8).Encode()
	for _, c := range []struct {
		name     string
		names    []string
		last     engine.Guard
		other    engine.Write
		conflict bool
	}{
		{"an entry on the way", []string{"d", "f"}, engine.Exact, put(record.EntryKey(1, "d"), other), true},
		{"the last entry", []string{"d", "f"}, engine.Exact, put(record.EntryKey(2, "f"), dirent(4)), true},
		{"an absent entry", []string{"d", "new"}, engine.Exact, put(record.EntryKey(2, "new"), dirent(4)), true},
		{"a directory moved", []string{"d", "new"}, engine.Exact, put(record.AttrKey(2), moved), true},
		{"a directory touched", []string{"d", "new"}, engine.Exact, touch(2, record.Time{Sec: 1900000000}), false},
		{"the start moved", []string{"d", "new"}, engine.Exact, put(record.AttrKey(1), moved), true},
		{"the start touched", []string{"d", "f"}, engine.Exact, touch(1, record.Time{Sec: 1900000000}), false},
		{"the last inode, exact", []string{"d", "f"}, engine.Exact, touch(3, record.Time{Sec: 1900000000}), true},
		{"the last inode, stable", []string{"d", "f"}, engine.Stable, touch(3, record.Time{Sec: 1900000000}), false},
		{"the last inode, loose", []string{"d", "f"}, engine.Loose, put(record.AttrKey(3), moved), false},
		{"another name", []string{"d", "new"}, engine.Exact, put(record.EntryKey(2, "other"), dirent(4)), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			sub := &db{t, d.e}
			sub.commit(put(record.AttrKey(1), dirAttr(1).Encode()), put(record.AttrKey(2), dirAttr(1).Encode()), put(record.AttrKey(3), fileAttr(2, 5).Encode()),
				put(record.EntryKey(1, "d"), second), put(record.EntryKey(2, "f"), dirent(3)), del(record.EntryKey(2, "new")), del(record.EntryKey(2, "other")))
			sub.race(c.conflict, func(tx engine.Tx) error {
				_, err := sub.walker(tx).Walk(t.Context(), engine.WalkQuery{From: 1, Names: c.names, Last: c.last})
				return err
			}, c.other)
		})
	}
}

func testListDir(t *testing.T, d *db) {
	tx := d.e.Begin(engine.View)
	_, ok := tx.(engine.Lister)
	tx.Discard()
	if !ok {
		t.Log("the engine has no Lister")
		return
	}
	d.plantTree(random(t))
	for i, n := range names() {
		if i%9 == 0 {
			ino := record.Ino(1000 + i)
			d.commit(put(record.EntryKey(7, n), dirent(ino)), put(record.AttrKey(ino), fileAttr(7, 1).Encode()), put(record.XattrKey(ino, "s3-etag"), fmt.Append(nil, i)))
		}
	}
	for dir := record.Ino(1); dir <= 8; dir++ {
		for _, limit := range []int{1, 3, 1000} {
			for _, xattr := range []string{"", "s3-etag", "none"} {
				d.wantList(dir, limit, xattr)
			}
		}
	}
}

// wantList lists a directory page by page through the fast path and through plain reads.
func (d *db) wantList(dir record.Ino, limit int, xattr string) {
	d.tb.Helper()
	after := ""
	r := engine.Range{Kind: record.KindEntry, A: uint64(dir)}
	for {
		tx := d.e.Begin(engine.View)
		got, err := d.lister(tx).ListDir(d.tb.Context(), dir, after, limit, xattr)
		tx.Discard()
		if err != nil {
			d.tb.Fatalf("list %d after %q: %v", dir, after, err)
		}
		var want []engine.Listed
		for _, it := range d.page(r, limit) {
			ent, err := record.DecodeDirent(it.Value)
			if err != nil {
				d.tb.Fatal(err)
			}
			l := engine.Listed{Name: it.Key.Name, Entry: ent, Attr: d.get(record.AttrKey(ent.Ino))}
			if xattr != "" {
				l.Xattr = d.get(record.XattrKey(ent.Ino, xattr))
			}
			want = append(want, l)
		}
		if how := diff(want, got); how != "" {
			d.tb.Fatalf("list %d after %q, %d entries with %q (-plain +fast):\n%s", dir, after, limit, xattr, how)
		}
		for i := range want { // EquateEmpty hides absence
			if !same(got[i].Attr, want[i].Attr) || !same(got[i].Xattr, want[i].Xattr) {
				d.tb.Fatalf("list %d: %+v, want %+v", dir, got[i], want[i])
			}
		}
		if len(got) < limit {
			return
		}
		after = got[len(got)-1].Name
		r.After = record.EntryKey(dir, after)
	}
}

// walk uses the fast path where there is one.
func walk(ctx context.Context, tx engine.Tx, q engine.WalkQuery) error {
	var err error
	if w, ok := tx.(engine.Walker); ok {
		_, err = w.Walk(ctx, q)
	} else {
		_, err = plainWalk(ctx, tx, q)
	}
	return err
}

// list lists a page of 1,000 with attributes and ETags, by the fast path where there is one, and returns its length.
func list(ctx context.Context, tx engine.Tx, dir record.Ino, after string) (int, error) {
	if l, ok := tx.(engine.Lister); ok {
		ls, err := l.ListDir(ctx, dir, after, 1000, "s3-etag")
		return len(ls), err
	}
	items, err := tx.Page(ctx, engine.Range{Kind: record.KindEntry, A: uint64(dir), After: record.EntryKey(dir, after)}, 1000)
	if err != nil {
		return 0, err
	}
	var reads []engine.ReadOp
	for _, it := range items {
		var ent record.Dirent
		if ent, err = record.DecodeDirent(it.Value); err != nil {
			return 0, err
		}
		reads = append(reads, engine.ReadOp{Key: record.AttrKey(ent.Ino)}, engine.ReadOp{Key: record.XattrKey(ent.Ino, "s3-etag")})
	}
	_, err = tx.Fetch(ctx, reads)
	return len(items), err
}
