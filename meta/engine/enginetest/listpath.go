package enginetest

import (
	"fmt"
	"testing"

	"juicefs/meta/engine"
	"juicefs/meta/record"
)

// pathLister is the fast path of a transaction; nil if it has none, which is logged.
func (d *db) pathLister(tx engine.Tx) engine.PathLister {
	d.tb.Helper()
	l, ok := tx.(engine.PathLister)
	if !ok {
		d.tb.Log("the engine has no PathLister")
		return nil
	}
	return l
}

// testListPath lists directories by paths that lead there or elsewhere, whatever the caller takes for likely.
func testListPath(t *testing.T, d *db) {
	tx := d.e.Begin(engine.View)
	l := d.pathLister(tx)
	tx.Discard()
	if l == nil {
		return
	}
	r := random(t)
	d.plantTree(r)
	for i, n := range names() {
		ino := record.Ino(1000 + i)
		d.commit(put(record.EntryKey(4, n), dirent(ino)), put(record.AttrKey(ino), fileAttr(4, 1).Encode()), put(record.XattrKey(ino, "s3-etag"), fmt.Append(nil, i)))
	}
	parts := []string{"d", "d", "d", "d", "a", "none"}
	pages := 0
	for range 300 {
		q := engine.ListQuery{WalkQuery: engine.WalkQuery{From: record.Ino(1 + r.IntN(3)), Last: engine.Stable}, Limit: []int{1, 3, 1000}[r.IntN(3)],
			Xattr: []string{"", "s3-etag"}[r.IntN(2)], Likely: record.Ino(r.IntN(7))}
		for range r.IntN(5) {
			q.Names = append(q.Names, parts[r.IntN(len(parts))])
		}
		if all := names(); r.IntN(2) == 0 {
			q.After = all[r.IntN(len(all))]
		}
		for range r.IntN(4) {
			q.Also = append(q.Also, parts[r.IntN(len(parts))])
		}
		pages += d.wantListPath(q)
	}
	if pages == 0 {
		t.Error("nothing was listed")
	}
}

// wantListPath compares with plain reads; it returns 1 if there was a page.
func (d *db) wantListPath(q engine.ListQuery) int {
	d.tb.Helper()
	ctx := d.tb.Context()
	tx := d.e.Begin(engine.View)
	defer tx.Discard()
	got, err := d.pathLister(tx).ListPath(ctx, q)
	if err != nil {
		d.tb.Fatalf("list %+v: %v", q, err)
	}
	if got == nil {
		return 0
	}
	if len(q.Names) > 0 {
		d.wantWalked(&q.WalkQuery, &got.Walked)
	} else if want := d.get(record.AttrKey(q.From)); !same(got.From.Value, want) {
		d.tb.Fatalf("list %+v: the directory is %x, want %x", q, got.From.Value, want)
	}
	dir := got.Directory(q.From, len(q.Names))
	if got.Page == nil {
		return 0
	}
	if dir == 0 {
		d.tb.Fatalf("list %+v: a page of what is no directory: %+v", q, got)
	}
	want, err := d.lister(tx).ListDir(ctx, dir, q.After, q.Limit, q.Xattr)
	if err != nil {
		d.tb.Fatal(err)
	}
	if how := diff(want, got.Page); how != "" {
		d.tb.Fatalf("list %+v (-by inode +by path):\n%s", q, how)
	}
	if len(got.Also) != len(q.Also) {
		d.tb.Fatalf("list %+v: %d entries besides, want %d", q, len(got.Also), len(q.Also))
	}
	for i, name := range q.Also {
		k := record.EntryKey(dir, name)
		if got.Also[i].Key != k || !same(got.Also[i].Value, d.get(k)) {
			d.tb.Fatalf("list %+v: besides there is %+v, want %s = %x", q, got.Also[i], k, d.get(k))
		}
	}
	return 1
}

func testListPathGuards(t *testing.T, d *db) {
	tx := d.e.Begin(engine.Update)
	l := d.pathLister(tx)
	tx.Discard()
	if l == nil {
		return
	}
	other := record.Dirent{Type: record.TypeDirectory, Ino: 9}.Encode()
	for _, c := range []struct {
		name     string
		other    engine.Write
		conflict bool
	}{
		{"an entry on the way", put(record.EntryKey(1, "d"), other), true},
		{"the directory moved", put(record.AttrKey(2), dirAttr(8).Encode()), true},
		{"the directory touched", touch(2, record.Time{Sec: 1900000000}), false},
		{"an entry in it", put(record.EntryKey(2, "f"), dirent(4)), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			sub := &db{t, d.e}
			sub.commit(put(record.AttrKey(1), dirAttr(1).Encode()), put(record.AttrKey(2), dirAttr(1).Encode()), put(record.AttrKey(3), fileAttr(2, 5).Encode()),
				put(record.EntryKey(1, "d"), record.Dirent{Type: record.TypeDirectory, Ino: 2}.Encode()), put(record.EntryKey(2, "f"), dirent(3)))
			sub.race(c.conflict, func(tx engine.Tx) error {
				_, err := sub.pathLister(tx).ListPath(t.Context(), engine.ListQuery{WalkQuery: engine.WalkQuery{From: 1, Names: []string{"d"}, Last: engine.Stable}, Limit: 10})
				return err
			}, c.other)
		})
	}
}
