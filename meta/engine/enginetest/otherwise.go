package enginetest

import (
	"errors"
	"slices"
	"testing"

	"juicefs/meta/engine"
	"juicefs/meta/record"
)

// testOtherwise lets batches fail that want a path walked then, in each way in which a batch can fail, and compares what comes
// with plain reads. An engine may leave it out, always or now and then.
func testOtherwise(t *testing.T, d *db) {
	r := random(t)
	d.plantTree(r)
	mark, there := record.XattrKey(9999, "mark"), record.EntryKey(1, "d")
	taken := d.get(there)
	fails := []engine.Batch{
		{Checks: []engine.Check{{Kind: engine.Same, Key: there, Want: dirent(77)}}},
		{Checks: []engine.Check{{Kind: engine.Same, Key: there}}},
		{Checks: []engine.Check{{Kind: engine.Same, Key: record.EntryKey(1, "none"), Want: dirent(77)}}},
		{Checks: []engine.Check{{Kind: engine.Alike, Key: record.AttrKey(1), Want: fileAttr(1, 1).Encode()}}},
		{Checks: []engine.Check{{Kind: engine.Same, Key: record.ChunkKey(1, 0), Want: record.EncodeSlices(slice(1))}}},
		{Checks: []engine.Check{{Kind: engine.Empty, Key: record.EntryKey(1, "")}}},
		{Writes: []engine.Write{insert(there, dirent(77))}},
		{Writes: []engine.Write{touch(77, record.Time{Sec: 1})}},
	}
	parts := []string{"d", "d", "d", "a", "b", "a\xff", "\x01", "none"}
	told := 0
	for i := range 200 {
		q := &engine.WalkQuery{From: record.Ino(1 + r.IntN(7)), Last: engine.Exact, Xattrs: r.IntN(2) == 0}
		for range 1 + r.IntN(5) {
			q.Names = append(q.Names, parts[r.IntN(len(parts))])
		}
		b := fails[i%len(fails)]
		b.Writes, b.Otherwise = append(slices.Clone(b.Writes), put(mark, []byte("1"))), q
		err := d.e.Begin(engine.Update).Commit(t.Context(), &b)
		var c *engine.Conflict
		if !errors.As(err, &c) {
			t.Fatalf("batch %d: got %v, want a conflict", i%len(fails), err)
		}
		d.wantConflict(err)
		d.want(mark, nil)
		if c.Walked != nil {
			told++
			d.wantWalked(q, c.Walked)
		}
	}
	t.Logf("%d of 200 conflicts told what is on the path", told)
	// What applies is not disturbed by what was wanted otherwise.
	err := d.e.Begin(engine.Update).Commit(t.Context(), &engine.Batch{Checks: []engine.Check{{Kind: engine.Same, Key: there, Want: taken}},
		Writes: []engine.Write{put(mark, []byte("2"))}, Otherwise: &engine.WalkQuery{From: 1, Names: []string{"d", "none"}}})
	if err != nil {
		t.Error(err)
	}
	d.want(mark, []byte("2"))
}

// wantWalked compares what a walk met with plain reads.
func (d *db) wantWalked(q *engine.WalkQuery, got *engine.Walked) {
	d.tb.Helper()
	tx := d.e.Begin(engine.View)
	defer tx.Discard()
	want, err := plainWalk(d.tb.Context(), tx, *q)
	if err != nil {
		d.tb.Fatal(err)
	}
	slices.SortFunc(got.Xattrs, func(a, b record.Item) int { return compareNames(a.Key.Name, b.Key.Name) })
	if how := diff(want, got); how != "" {
		d.tb.Fatalf("walk %+v (-plain +told):\n%s", q, how)
	}
	for i := range want.Attrs { // EquateEmpty hides absence
		if !same(got.Attrs[i].Value, want.Attrs[i].Value) {
			d.tb.Fatalf("walk %+v: attribute %d is %v, want %v", q, i, got.Attrs[i], want.Attrs[i])
		}
	}
}
