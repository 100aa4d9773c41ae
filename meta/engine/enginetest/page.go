package enginetest

import (
	"fmt"
	"slices"
	"testing"

	"juicefs/meta/engine"
	"juicefs/meta/record"
)

// names are entry names that tell byte order from every other order, sorted.
func names() []string {
	var all []string
	for b := 1; b <= 0xff; b++ {
		if b == '/' {
			continue
		}
		c := string([]byte{byte(b)})
		all = append(all, c, c+"\x01", c+"a", c+"\xff", "n"+c)
	}
	all = append(all, "a-b", "a.txt", "ab", "A", "Ab", "é", "e\u0301", "日本", "a b", "a'b", "a%b", "a_b")
	slices.Sort(all)
	return slices.Compact(all)
}

func testPageEntries(t *testing.T, d *db) {
	all := names()
	fill := func(dir record.Ino, names []string) {
		for some := range slices.Chunk(names, 50) {
			var ws []engine.Write
			for _, n := range some {
				i, _ := slices.BinarySearch(all, n)
				ws = append(ws, put(record.EntryKey(dir, n), dirent(record.Ino(100+i))))
			}
			d.commit(ws...)
		}
	}
	fill(10, all)
	d.commit(put(record.EntryKey(9, "before"), dirent(2)), put(record.EntryKey(11, "after"), dirent(2)), put(record.EntryKey(10<<8, "other"), dirent(2)))
	r := engine.Range{Kind: record.KindEntry, A: 10}
	for _, limit := range []int{7, 1000, len(all), len(all) + 1} {
		d.wantPages(r, limit, all)
	}
	// A page after each of the names, in smaller directories: some engines read all names for each page.
	part := record.Ino(20)
	for some := range slices.Chunk(all, 150) {
		fill(part, some)
		d.wantPages(engine.Range{Kind: record.KindEntry, A: uint64(part)}, 1, some)
		part++
	}
	for _, after := range []string{"", "\x01", "a", "a\x00", "aa", "zzz", "\xff\xff", "A"} {
		r.After = record.EntryKey(10, after)
		got := d.page(r, 5)
		from, found := slices.BinarySearch(all, after)
		if found {
			from++
		}
		want := all[from:min(from+5, len(all))]
		if names := entryNames(got); !slices.Equal(names, want) {
			t.Errorf("after %q: %q, want %q", after, names, want)
		}
		for _, it := range got {
			i, _ := slices.BinarySearch(all, it.Key.Name)
			if !same(it.Value, dirent(record.Ino(100+i))) {
				t.Errorf("%s = %x", it.Key, it.Value)
			}
		}
	}
	tx := d.e.Begin(engine.View)
	defer tx.Discard()
	for _, bad := range []int{0, -1} {
		if _, err := tx.Page(t.Context(), r, bad); err == nil {
			t.Errorf("page of %d records: no error", bad)
		}
	}
}

func entryNames(items []record.Item) []string {
	var ns []string
	for _, it := range items {
		ns = append(ns, it.Key.Name)
	}
	return ns
}

// wantPages reads page after page and demands all names in order.
func (d *db) wantPages(r engine.Range, limit int, all []string) {
	d.tb.Helper()
	var got []string
	for {
		items := d.page(r, limit)
		got = append(got, entryNames(items)...)
		if len(items) > limit {
			d.tb.Fatalf("page of %d records has %d", limit, len(items))
		}
		if len(items) < limit {
			break
		}
		r.After = items[len(items)-1].Key
	}
	if !slices.Equal(got, all) {
		d.tb.Errorf("pages of %d: %d names, want %d; got %q", limit, len(got), len(all), got)
	}
}

func testPageNumbers(t *testing.T, d *db) {
	// Little-endian and big-endian orders differ for these.
	numbers := []uint64{0, 1, 2, 255, 256, 257, 65535, 65536, 1 << 24}
	for _, n := range numbers {
		d.commit(put(record.ChunkKey(5, uint32(n)), record.EncodeSlices(slice(n))), put(record.SustainedKey(5, record.Ino(n+1)), []byte{1}),
			put(record.EntryKey(record.Ino(n+1), "link"), dirent(5)), add(record.ParentKey(5, record.Ino(n+1)), 1))
	}
	d.commit(put(record.AttrKey(5), fileAttr(0, 0).Encode()), put(record.ChunkKey(6, 1), record.EncodeSlices(slice(1))), put(record.SustainedKey(6, 3), []byte{1}))
	for _, kind := range []record.Kind{record.KindChunk, record.KindSustained, record.KindParent} {
		for _, limit := range []int{1, 4, 100} {
			r := engine.Range{Kind: kind, A: 5}
			var got []uint64
			for {
				items := d.page(r, limit)
				for _, it := range items {
					n := it.Key.B
					if kind != record.KindChunk {
						n--
					}
					got = append(got, n)
				}
				if len(items) < limit {
					break
				}
				r.After = items[len(items)-1].Key
			}
			if !slices.Equal(got, numbers) {
				t.Errorf("%s in pages of %d: %v, want %v", kind, limit, got, numbers)
			}
		}
	}
	d.commit(put(record.XattrKey(5, "b"), []byte("2")), put(record.XattrKey(5, "a"), []byte("1")), put(record.XattrKey(5, "ab"), nonNil(nil)))
	got := d.page(engine.Range{Kind: record.KindXattr, A: 5, After: record.XattrKey(5, "a")}, 5)
	if want := "[{xattr 5 \"ab\" []} {xattr 5 \"b\" [50]}]"; fmt.Sprint(got) != want {
		t.Errorf("extended attributes after a: %v, want %s", got, want)
	}
}

func nonNil(b []byte) []byte { return append([]byte{}, b...) }
