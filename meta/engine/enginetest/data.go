package enginetest

import (
	"cmp"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"juicefs/meta/engine"
	"juicefs/meta/record"
)

// data is the fast path of a transaction; nil if it has none, which is logged.
func (d *db) data(t *testing.T, tx engine.Tx) engine.DataReader {
	t.Helper()
	r, ok := tx.(engine.DataReader)
	if !ok {
		t.Log("the engine has no DataReader")
		return nil
	}
	return r
}

func fileRange(ino record.Ino, below uint64) engine.Range {
	return engine.Range{Kind: record.KindChunk, A: uint64(ino), Below: below}
}

// plantData makes files, inodes 1 to 40, that share slices, have none, and have several of a kind.
func (d *db) plantData() []engine.Range {
	var files []engine.Range
	for ino := record.Ino(1); ino <= 40; ino++ {
		for c := range uint64(ino) % 4 {
			if (uint64(ino)+c)%5 > 0 { // else a hole
				d.commit(appendTo(record.ChunkKey(ino, uint32(c)), slice(uint64(ino)%7+1), slice(1000+uint64(ino)), record.Slice{Len: 5}))
			}
		}
		files = append(files, fileRange(ino, max(uint64(ino)%4, 1)))
	}
	for id := range uint64(8) {
		d.commit(put(record.SliceRefKey(id, slice(id).Size), record.EncodeInt64(int64(id))))
	}
	return files
}

func testData(t *testing.T, d *db) {
	tx := d.e.Begin(engine.View)
	defer tx.Discard()
	r := d.data(t, tx)
	if r == nil {
		return
	}
	files := d.plantData()
	for n := 1; n <= len(files); n += 3 {
		got, err := r.Data(t.Context(), files[:n])
		if err != nil {
			t.Fatal(err)
		}
		if got == nil {
			t.Fatal("the engine declines a few small files")
		}
		var want []record.Item
		seen := map[record.Key]bool{}
		for _, f := range files[:n] {
			for _, it := range d.page(f, 1000) {
				want = append(want, it)
				ss, err := record.DecodeSlices(it.Value)
				if err != nil {
					t.Fatal(err)
				}
				for _, s := range ss {
					if k := record.SliceRefKey(s.ID, s.Size); s.ID > 0 && !seen[k] {
						seen[k] = true
						want = append(want, record.Item{Key: k, Value: d.get(k)})
					}
				}
			}
		}
		sortItems(got)
		sortItems(want)
		if diff := gocmp.Diff(want, got); diff != "" {
			t.Fatalf("data of %d files (-plain +fast):\n%s", n, diff)
		}
	}
	// What is behind the length of a file is found, or the engine declines.
	d.commit(appendTo(record.ChunkKey(41, 2), slice(9)))
	items, err := r.Data(t.Context(), []engine.Range{fileRange(41, 1)})
	if err != nil {
		t.Fatal(err)
	}
	if items != nil && len(items) != 2 {
		t.Errorf("a chunk behind the length is missed: %v", items)
	}
}

func sortItems(items []record.Item) {
	slices.SortFunc(items, func(a, b record.Item) int {
		return cmp.Or(cmp.Compare(a.Key.Kind, b.Key.Kind), cmp.Compare(a.Key.A, b.Key.A), cmp.Compare(a.Key.B, b.Key.B))
	})
}

func testDataGuards(t *testing.T, d *db) {
	tx := d.e.Begin(engine.Update)
	defer tx.Discard()
	if d.data(t, tx) == nil {
		return
	}
	one, two := slice(1), slice(2)
	for _, c := range []struct {
		name     string
		other    engine.Write
		conflict bool
	}{
		{"a chunk gone", del(record.ChunkKey(1, 0)), true},
		{"a chunk grown", appendTo(record.ChunkKey(2, 0), one), true},
		{"a reference more", add(record.SliceRefKey(one.ID, one.Size), 1), true},
		{"a reference more to a slice that has many", add(record.SliceRefKey(two.ID, two.Size), 1), true},
		{"another chunk", appendTo(record.ChunkKey(3, 0), one), false},
		{"another slice", put(record.SliceRefKey(3, 4), record.EncodeInt64(7)), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			sub := &db{t, d.e}
			sub.commit(put(record.ChunkKey(1, 0), record.EncodeSlices(one)), put(record.ChunkKey(2, 0), record.EncodeSlices(two)),
				put(record.SliceRefKey(one.ID, one.Size), record.EncodeInt64(1)), put(record.SliceRefKey(two.ID, two.Size), record.EncodeInt64(5)))
			sub.race(c.conflict, func(tx engine.Tx) error {
				_, err := sub.data(t, tx).Data(t.Context(), []engine.Range{fileRange(1, 1), fileRange(2, 1)})
				return err
			}, c.other)
		})
	}
}
