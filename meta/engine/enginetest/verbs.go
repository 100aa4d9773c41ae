package enginetest

import (
	"bytes"
	"slices"
	"testing"

	"juicefs/meta/engine"
	"juicefs/meta/record"
)

func testRoundTrip(t *testing.T, d *db) {
	all := samples()
	for _, it := range all {
		d.commit(put(it.Key, it.Value))
		d.want(it.Key, it.Value)
		d.commit(put(it.Key, it.Value)) // over itself
	}
	keys := make([]record.Key, len(all))
	for i, it := range all {
		keys[i] = it.Key
	}
	for i, got := range d.fetch(keys...) {
		if !same(got.Value, all[i].Value) {
			t.Errorf("among many: %s = %x, want %x", got.Key, got.Value, all[i].Value)
		}
	}
	for _, it := range all {
		d.commit(del(it.Key))
		d.want(it.Key, nil)
		d.commit(del(it.Key)) // absent is fine
		d.commit(insert(it.Key, it.Value))
		d.want(it.Key, it.Value)
	}
}

func testOwnership(t *testing.T, d *db) {
	for _, it := range samples() {
		in := bytes.Clone(it.Value)
		d.commit(put(it.Key, in))
		scribble(in)
		got := d.get(it.Key)
		if !same(got, it.Value) {
			t.Errorf("%s changed with the bytes that were written", it.Key)
		}
		scribble(got)
		d.want(it.Key, it.Value)
	}
	for _, r := range []engine.Range{{Kind: record.KindEntry, A: 1}, {Kind: record.KindXattr, A: 2}, {Kind: record.KindChunk, A: 2}} {
		for _, it := range d.page(r, 10) {
			before := bytes.Clone(it.Value)
			scribble(it.Value)
			d.want(it.Key, before)
		}
	}
}

func scribble(b []byte) {
	for i := range b {
		b[i] ^= 0x55
	}
}

func testPutInsertDelete(t *testing.T, d *db) {
	for _, c := range []struct {
		key  record.Key
		a, b []byte
	}{
		{record.EntryKey(1, "n"), dirent(2), dirent(3)},
		{record.AttrKey(2), fileAttr(1, 0).Encode(), dirAttr(1).Encode()},
		{record.XattrKey(2, "x"), []byte("1"), []byte("22")},
		{record.ChunkKey(2, 0), record.EncodeSlices(slice(1)), record.EncodeSlices(slice(2), slice(3))},
		{record.SliceRefKey(9, 1), record.EncodeInt64(2), record.EncodeInt64(5)},
		{record.SymlinkKey(2), []byte("a"), []byte("b")},
		{record.CounterKey("nextTrash"), record.EncodeInt64(1), record.EncodeInt64(2)},
		{record.SettingKey(), []byte("{}"), []byte("[]")},
		{record.SessionKey(3), record.Session{Expire: 1, Info: []byte("{}")}.Encode(), record.Session{Expire: 2}.Encode()},
		{record.FlockKey(3), record.EncodeFlocks([]record.Flock{{Session: 1, Owner: 1, Type: 'R'}, {Session: 1, Owner: 2, Type: 'R'}}),
			record.EncodeFlocks([]record.Flock{{Session: 1, Owner: 2, Type: 'W'}, {Session: 3, Owner: 2, Type: 'R'}})},
		{record.PlockKey(3), record.EncodePlocks([]record.Plock{{Session: 1, Owner: 1, Records: make([]byte, 24)}}),
			record.EncodePlocks([]record.Plock{{Session: 2, Owner: 1, Records: make([]byte, 72)}})},
		{record.DelFileKey(3, 10), record.EncodeInt64(1), record.EncodeInt64(2)},
		{record.DirStatKey(3), record.DirStat{Length: 1}.Encode(), record.DirStat{Space: 2}.Encode()},
	} {
		d.commit(insert(c.key, c.a))
		d.want(c.key, c.a)
		d.wantConflict(d.try(nil, insert(c.key, c.b)))
		d.want(c.key, c.a)
		d.commit(put(c.key, c.b))
		d.want(c.key, c.b)
		d.commit(del(c.key))
		d.want(c.key, nil)
		d.commit(insert(c.key, c.b))
		d.want(c.key, c.b)
	}
	if err := d.try(nil); err != nil {
		t.Errorf("empty batch: %v", err)
	}
}

func testAppend(_ *testing.T, d *db) {
	k := record.ChunkKey(5, 3)
	var want []byte
	for id := range uint64(5) { // id 0 is a hole, and its bytes end texts
		d.commit(appendTo(k, slice(id)))
		want = slice(id).Append(want)
		d.want(k, want)
	}
	d.commit(appendTo(k, slice(6), slice(7)), appendTo(k, slice(8)), appendTo(record.ChunkKey(5, 4), slice(9)))
	want = append(want, record.EncodeSlices(slice(6), slice(7), slice(8))...)
	d.want(k, want)
	d.want(record.ChunkKey(5, 4), record.EncodeSlices(slice(9)))
	d.commit(put(k, record.EncodeSlices(slice(1))), appendTo(k, slice(2)))
	d.want(k, record.EncodeSlices(slice(1), slice(2)))
}

func testAdd(_ *testing.T, d *db) {
	space, hour := record.CounterKey(record.CounterSpace), record.CounterKey(record.CounterTrash)
	d.commit(add(space, 4096))
	d.commit(add(space, -8192))
	d.wantInt(space, -4096)
	d.commit(add(hour, 2))
	d.wantInt(hour, 2)

	stat := record.DirStatKey(7)
	d.commit(add(stat, 1, 2, 3))
	d.want(stat, nil)
	d.commit(put(stat, record.DirStat{Length: 10, Space: 20, Inodes: 30}.Encode()))
	d.commit(add(stat, 1, -2, 3))
	d.want(stat, record.DirStat{Length: 11, Space: 18, Inodes: 33}.Encode())

	dir := record.QuotaKey(record.QuotaDir, 7)
	d.commit(add(dir, 1, 2))
	d.want(dir, nil)
	d.commit(put(dir, record.Quota{MaxSpace: 5, MaxInodes: 6, UsedSpace: 7, UsedInodes: 8}.Encode()))
	d.commit(add(dir, 1, -2))
	d.want(dir, record.Quota{MaxSpace: 5, MaxInodes: 6, UsedSpace: 8, UsedInodes: 6}.Encode())
	for _, who := range []record.QuotaType{record.QuotaUser, record.QuotaGroup} {
		k := record.QuotaKey(who, 7)
		d.commit(add(k, 4096, 1))
		d.commit(add(k, 4096, -3))
		d.want(k, record.Quota{MaxSpace: -1, MaxInodes: -1, UsedSpace: 8192, UsedInodes: -2}.Encode())
	}
}

func testAddSliceRef(_ *testing.T, d *db) {
	one, many := record.SliceRefKey(5, 100), record.SliceRefKey(6, 100)
	d.commit(insert(one, record.EncodeInt64(1)))
	d.commit(put(many, record.EncodeInt64(3)))
	d.commit(add(one, 1), add(many, -4))
	d.wantInt(one, 2)
	d.wantInt(many, -1)
	d.commit(add(one, -1))
	d.wantRefs(one, 1)
	d.commit(add(one, -1))
	d.wantInt(one, 0)
	d.commit(del(one))
	d.want(one, nil)
	// A slice without a record has one reference, or the record should have been there.
	if err := d.try(nil, add(record.SliceRefKey(99, 1), 1)); err == nil {
		d.wantInt(record.SliceRefKey(99, 1), 2)
	} else {
		d.wantConflict(err)
	}
}

// wantRefs demands a number of references: one may be said by absence.
func (d *db) wantRefs(k record.Key, want int64) {
	d.tb.Helper()
	if want == 1 && d.get(k) == nil {
		return
	}
	d.wantInt(k, want)
}

func testTouchNlink(t *testing.T, d *db) {
	a := dirAttr(1)
	a.AccessACL = 5
	d.commit(put(record.AttrKey(8), a.Encode()))
	for _, late := range []record.Time{{Sec: 1700000000, Nsec: 123456790}, {Sec: 1700000001, Nsec: 999}, {Sec: 1700000001, Nsec: 1000}, {Sec: 1700000002}} {
		d.commit(touch(8, late))
		a.Mtime, a.Ctime = late, late
		d.want(record.AttrKey(8), a.Encode())
	}
	for _, early := range []record.Time{{Sec: 1700000002}, {Sec: 1700000001, Nsec: 999999999}, {}} {
		d.commit(touch(8, early))
		d.want(record.AttrKey(8), a.Encode())
	}
	a.Ctime = record.Time{Sec: 1800000000} // the times are compared with mtime alone
	d.commit(put(record.AttrKey(8), a.Encode()))
	d.commit(touch(8, record.Time{Sec: 1750000000}), nlink(8, 3), nlink(8, -1))
	a.Mtime, a.Ctime, a.Nlink = record.Time{Sec: 1750000000}, record.Time{Sec: 1750000000}, 4
	d.want(record.AttrKey(8), a.Encode())

	mark := record.XattrKey(8, "mark")
	for name, w := range map[string]engine.Write{"touch": touch(77, record.Time{Sec: 1}), "nlink": nlink(77, 1)} {
		err := d.try(nil, put(mark, []byte(name)), w)
		d.wantConflict(err)
		d.want(mark, nil)
		d.want(record.AttrKey(77), nil)
	}
	if t.Failed() {
		t.Log("times are", a.Mtime, a.Ctime)
	}
}

func testClear(t *testing.T, d *db) {
	fill := func(a record.Ino) []record.Item {
		var items []record.Item
		for i := range 5 {
			items = append(items, record.Item{Key: record.XattrKey(a, string(rune('a'+i))), Value: []byte("x")},
				record.Item{Key: record.ChunkKey(a, uint32(i)), Value: record.EncodeSlices(slice(1))},
				record.Item{Key: record.EntryKey(a, "\xff"+string(rune('a'+i))), Value: dirent(3)})
		}
		return items
	}
	// 0x0a << 8 has the bytes of 0x0a in another place: prefixes must not be mixed up.
	mine, other := fill(0x0a), fill(0x0a00)
	for _, it := range slices.Concat(mine, other) {
		d.commit(put(it.Key, it.Value))
	}
	for _, kind := range []record.Kind{record.KindXattr, record.KindChunk, record.KindEntry} {
		d.commit(clearAll(kind, 0x0a))
		for _, it := range mine {
			if it.Key.Kind == kind {
				d.want(it.Key, nil)
			}
		}
		d.commit(clearAll(kind, 0x0a)) // nothing there is fine
	}
	for _, it := range other {
		d.want(it.Key, it.Value)
	}
	again := record.XattrKey(0x0a, "again")
	d.commit(put(record.XattrKey(0x0a, "gone"), []byte("1")), clearAll(record.KindXattr, 0x0a), put(again, []byte("2")))
	if got := d.page(engine.Range{Kind: record.KindXattr, A: 0x0a}, 10); len(got) != 1 || got[0].Key != again {
		t.Errorf("after writes around a clear: %v", got)
	}
}

// testParents keeps parent counts as the logic does: with an entry for each count, on an inode whose parent is 0. Engines
// that derive counts from entries and engines that store them then agree, but for counts of zero.
func testParents(t *testing.T, d *db) {
	d.commit(put(record.AttrKey(50), fileAttr(0, 0).Encode()))
	link := func(dir record.Ino, name string) {
		d.commit(insert(record.EntryKey(dir, name), dirent(50)), add(record.ParentKey(50, dir), 1))
	}
	link(300, "a")
	link(300, "b")
	link(2, "c")
	d.wantInt(record.ParentKey(50, 300), 2)
	d.wantInt(record.ParentKey(50, 2), 1)
	d.wantInt(record.ParentKey(50, 4), 0)
	want := []record.Key{record.ParentKey(50, 2), record.ParentKey(50, 300)}
	if got := keysOf(d.page(engine.Range{Kind: record.KindParent, A: 50}, 10)); !slices.Equal(got, want) {
		t.Errorf("parents are %v, want %v", got, want)
	}
	d.commit(del(record.EntryKey(300, "a")), add(record.ParentKey(50, 300), -1))
	d.commit(del(record.EntryKey(2, "c")), add(record.ParentKey(50, 2), -1))
	d.wantInt(record.ParentKey(50, 300), 1)
	d.wantInt(record.ParentKey(50, 2), 0)
	d.commit(del(record.EntryKey(300, "b")), del(record.AttrKey(50)), clearAll(record.KindParent, 50))
	if got := d.page(engine.Range{Kind: record.KindParent, A: 50}, 10); len(got) != 0 {
		t.Errorf("parents of nothing: %v", got)
	}
}

func keysOf(items []record.Item) []record.Key {
	ks := make([]record.Key, len(items))
	for i, it := range items {
		ks[i] = it.Key
	}
	return ks
}

func testOrder(_ *testing.T, d *db) {
	e, c, n := record.EntryKey(1, "n"), record.ChunkKey(2, 0), record.CounterKey(record.CounterInodes)
	d.commit(put(e, dirent(2)), put(record.AttrKey(2), dirAttr(1).Encode()))
	d.commit(del(e), insert(e, dirent(3)))
	d.want(e, dirent(3))
	d.commit(put(e, dirent(4)), del(e))
	d.want(e, nil)
	d.wantConflict(d.try(nil, insert(e, dirent(5)), insert(e, dirent(6))))
	d.want(e, nil)
	d.commit(insert(c, record.EncodeSlices(slice(1))), appendTo(c, slice(2)), del(c), appendTo(c, slice(3)))
	d.want(c, record.EncodeSlices(slice(3)))
	d.commit(put(n, record.EncodeInt64(5)), add(n, 2))
	d.wantInt(n, 7)
	a := dirAttr(9)
	a.Mode = 0o700
	d.commit(nlink(2, 7), put(record.AttrKey(2), a.Encode()), nlink(2, 1))
	a.Nlink++
	d.want(record.AttrKey(2), a.Encode())
}

func testAtomic(t *testing.T, d *db) {
	d.commit(put(record.EntryKey(1, "taken"), dirent(2)), put(record.AttrKey(1), dirAttr(1).Encode()),
		put(record.DirStatKey(1), record.DirStat{}.Encode()), put(record.XattrKey(3, "old"), []byte("v")))
	before := d.dump()
	for _, it := range samples() {
		err := d.try(nil, put(it.Key, it.Value), del(record.XattrKey(3, "old")), touch(1, record.Time{Sec: 1900000000}), nlink(1, 1),
			add(record.DirStatKey(1), 1, 1, 1), add(record.CounterKey(record.CounterSpace), 5), appendTo(record.ChunkKey(3, 0), slice(1)),
			insert(record.EntryKey(1, "taken"), dirent(9)))
		d.wantConflict(err)
	}
	if got := d.dump(); !equalDumps(got, before) {
		t.Errorf("after failed batches: %v, want %v", got, before)
	}
}

// dump reads the whole database.
func (d *db) dump() map[record.Key][]byte {
	d.tb.Helper()
	all := map[record.Key][]byte{}
	for _, kind := range record.Kinds() {
		for k, v := range d.scan(engine.Range{Kind: kind, All: true}) {
			all[k] = v
		}
	}
	return all
}

func equalDumps(a, b map[record.Key][]byte) bool {
	if len(a) != len(b) {
		return false
	}
	for k, v := range a {
		if w, ok := b[k]; !ok || !same(v, w) {
			return false
		}
	}
	return true
}
