package enginetest

import (
	"context"
	"testing"
	"time"

	"juicefs/meta/engine"
	"juicefs/meta/record"
)

// patience is how long a test waits for a commit that a locking engine holds back until another transaction ends. An
// optimistic engine is done long before, or else the test tests less, but is right.
const patience = 30 * time.Millisecond

// race reads with read in a transaction, lets other be committed meanwhile, then commits a mark. It holds what every engine
// must: if other came first the transaction fails exactly when conflict says so; if the engine made other wait, both
// succeed. A failed transaction leaves no mark.
func (d *db) race(conflict bool, read func(engine.Tx) error, other ...engine.Write) {
	d.tb.Helper()
	mark := record.XattrKey(9999, "mark")
	d.commit(del(mark))
	tx := d.e.Begin(engine.Update)
	defer tx.Discard()
	if err := read(tx); err != nil {
		d.tb.Fatalf("read: %v", err)
	}
	done := make(chan error, 1)
	go func() {
		_, err := again(func() error { return d.try(nil, other...) })
		done <- err
	}()
	first := false
	select {
	case err := <-done:
		if err != nil {
			d.tb.Fatalf("other commit: %v", err)
		}
		first = true
	case <-time.After(patience):
	}
	err := tx.Commit(d.tb.Context(), &engine.Batch{Writes: []engine.Write{put(mark, []byte("1"))}})
	if !first {
		if otherErr := <-done; otherErr != nil {
			d.tb.Errorf("other commit, after waiting: %v", otherErr)
		}
	}
	if conflict && (first || isConflict(err)) { // it may also have come first after patience ended
		d.wantConflict(err)
		d.want(mark, nil)
		return
	}
	if err != nil {
		d.tb.Errorf("commit (the other came first: %v): %v", first, err)
	}
	d.want(mark, []byte("1"))
}

// fetching returns a read of one record under a guard.
func fetching(ctx context.Context, k record.Key, g engine.Guard) func(engine.Tx) error {
	return func(tx engine.Tx) error {
		_, err := tx.Fetch(ctx, []engine.ReadOp{{Key: k, Guard: g}})
		return err
	}
}

func testGuards(t *testing.T, d *db) {
	entry, attr, chunk, x := record.EntryKey(1, "n"), record.AttrKey(2), record.ChunkKey(2, 0), record.XattrKey(2, "x")
	v := fileAttr(1, 5)
	longer := *v
	longer.Length++
	base := []engine.Write{put(entry, dirent(2)), put(attr, v.Encode()), put(chunk, record.EncodeSlices(slice(1))), put(x, []byte("1")),
		put(record.SliceRefKey(4, 4), record.EncodeInt64(2)), put(record.SessionKey(1), record.Session{Expire: 1, Info: []byte("{}")}.Encode()),
		put(record.CounterKey(record.CounterSpace), record.EncodeInt64(5)), del(record.EntryKey(1, "m")), del(record.AttrKey(3)), del(record.ChunkKey(2, 1))}
	for _, c := range []struct {
		name     string
		key      record.Key
		guard    engine.Guard
		other    engine.Write
		conflict bool
	}{
		{"loose lets a value change", attr, engine.Loose, put(attr, longer.Encode()), false},
		{"loose lets a record go", entry, engine.Loose, del(entry), false},
		{"exact sees an attribute change", attr, engine.Exact, put(attr, longer.Encode()), true},
		{"exact sees an attribute touched", attr, engine.Exact, touch(2, record.Time{Sec: 1900000000}), true},
		{"exact sees an attribute go", attr, engine.Exact, del(attr), true},
		{"exact sees an attribute come", record.AttrKey(3), engine.Exact, put(record.AttrKey(3), v.Encode()), true},
		{"exact sees an entry change", entry, engine.Exact, put(entry, dirent(3)), true},
		{"exact sees an entry go", entry, engine.Exact, del(entry), true},
		{"exact sees an entry come", record.EntryKey(1, "m"), engine.Exact, insert(record.EntryKey(1, "m"), dirent(3)), true},
		{"exact lets another name come", record.EntryKey(1, "m"), engine.Exact, put(record.EntryKey(1, "o"), dirent(3)), false},
		{"exact sees a chunk grow", chunk, engine.Exact, appendTo(chunk, slice(2)), true},
		{"exact sees a chunk come", record.ChunkKey(2, 1), engine.Exact, appendTo(record.ChunkKey(2, 1), slice(2)), true},
		{"exact sees an extended attribute change", x, engine.Exact, put(x, []byte("2")), true},
		{"exact sees extended attributes cleared", x, engine.Exact, clearAll(record.KindXattr, 2), true},
		{"exact sees a reference added", record.SliceRefKey(4, 4), engine.Exact, add(record.SliceRefKey(4, 4), 1), true},
		{"exact sees a session change", record.SessionKey(1), engine.Exact, put(record.SessionKey(1), record.Session{Expire: 1, Info: []byte("[]")}.Encode()), true},
		{"exact sees a counter change", record.CounterKey(record.CounterSpace), engine.Exact, add(record.CounterKey(record.CounterSpace), 1), true},
	} {
		t.Run(c.name, func(t *testing.T) {
			sub := &db{t, d.e}
			sub.commit(base...)
			sub.race(c.conflict, fetching(t.Context(), c.key, c.guard), c.other)
		})
	}
}

func testStable(t *testing.T, d *db) {
	k := record.AttrKey(20)
	change := func(f func(*record.Attr)) engine.Write {
		a := dirAttr(7)
		f(a)
		return put(k, a.Encode())
	}
	for _, c := range []struct {
		name     string
		other    engine.Write
		conflict bool
	}{
		{"touch", touch(20, record.Time{Sec: 1900000000}), false},
		{"nlink", nlink(20, 1), false},
		{"atime", change(func(a *record.Attr) { a.Atime.Sec++ }), false},
		{"ctime", change(func(a *record.Attr) { a.Ctime.Nsec++ }), false},
		{"length", change(func(a *record.Attr) { a.Length++ }), false},
		{"flags", change(func(a *record.Attr) { a.Flags = record.FlagImmutable }), true},
		{"type", change(func(a *record.Attr) { a.Type = record.TypeFile }), true},
		{"mode", change(func(a *record.Attr) { a.Mode = 0o700 }), true},
		{"owner", change(func(a *record.Attr) { a.UID++ }), true},
		{"group", change(func(a *record.Attr) { a.GID++ }), true},
		{"parent", change(func(a *record.Attr) { a.Parent = record.Trash + 1 }), true},
		{"access ACL", change(func(a *record.Attr) { a.AccessACL = 1 }), true},
		{"default ACL", change(func(a *record.Attr) { a.DefaultACL = 1 }), true},
		{"tier", change(func(a *record.Attr) { a.Tier = 1 }), true},
		{"removal", del(k), true},
	} {
		t.Run(c.name, func(t *testing.T) {
			sub := &db{t, d.e}
			sub.commit(put(k, dirAttr(7).Encode()))
			sub.race(c.conflict, fetching(t.Context(), k, engine.Stable), c.other)
		})
	}
	t.Run("appearance", func(t *testing.T) {
		sub := &db{t, d.e}
		sub.commit(del(k))
		sub.race(true, fetching(t.Context(), k, engine.Stable), put(k, dirAttr(7).Encode()))
	})
	t.Run("entries hold still", func(t *testing.T) {
		sub := &db{t, d.e}
		e := record.EntryKey(7, "n")
		sub.commit(put(e, dirent(20)))
		sub.race(true, fetching(t.Context(), e, engine.Stable), put(e, dirent(21)))
	})
}

func testChecks(t *testing.T, d *db) {
	attr, entry, none := record.AttrKey(2), record.EntryKey(1, "n"), record.EntryKey(1, "none")
	a := dirAttr(1)
	later, moved := *a, *a
	later.Mtime.Sec, later.Nlink = 1900000000, 9
	moved.Parent = 3
	empty := record.XattrKey(2, "empty")
	d.commit(put(attr, a.Encode()), put(entry, dirent(2)), put(empty, []byte{}), put(record.ChunkKey(2, 0), record.EncodeSlices(slice(1), slice(2))))
	mark := record.XattrKey(9999, "mark")
	for _, c := range []struct {
		name  string
		check engine.Check
		holds bool
	}{
		{"same", engine.Check{Kind: engine.Same, Key: entry, Want: dirent(2)}, true},
		{"other", engine.Check{Kind: engine.Same, Key: entry, Want: dirent(3)}, false},
		{"absent as wanted", engine.Check{Kind: engine.Same, Key: none}, true},
		{"absent though wanted", engine.Check{Kind: engine.Same, Key: none, Want: dirent(2)}, false},
		{"there though unwanted", engine.Check{Kind: engine.Same, Key: entry}, false},
		{"same attribute", engine.Check{Kind: engine.Same, Key: attr, Want: a.Encode()}, true},
		{"attribute with other times", engine.Check{Kind: engine.Same, Key: attr, Want: later.Encode()}, false},
		{"same chunk", engine.Check{Kind: engine.Same, Key: record.ChunkKey(2, 0), Want: record.EncodeSlices(slice(1), slice(2))}, true},
		{"chunk that grew", engine.Check{Kind: engine.Same, Key: record.ChunkKey(2, 0), Want: record.EncodeSlices(slice(1))}, false},
		{"empty value", engine.Check{Kind: engine.Same, Key: empty, Want: []byte{}}, true},
		{"empty is not absent", engine.Check{Kind: engine.Same, Key: empty}, false},
		{"alike", engine.Check{Kind: engine.Alike, Key: attr, Want: a.Encode()}, true},
		{"alike with other times", engine.Check{Kind: engine.Alike, Key: attr, Want: later.Encode()}, true},
		{"moved", engine.Check{Kind: engine.Alike, Key: attr, Want: moved.Encode()}, false},
		{"alike to nothing", engine.Check{Kind: engine.Alike, Key: record.AttrKey(77), Want: a.Encode()}, false},
	} {
		d.commit(del(mark))
		err := d.try([]engine.Check{{Kind: engine.Same, Key: mark}, c.check}, put(mark, []byte("1")), put(entry, dirent(2)))
		if c.holds {
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
			d.want(mark, []byte("1"))
			continue
		}
		if !isConflict(err) {
			t.Errorf("%s: got %v, want a conflict", c.name, err)
		}
		d.wantConflict(err)
		d.want(mark, nil)
	}
	// Checks look at the state before the batch.
	if err := d.try([]engine.Check{{Kind: engine.Same, Key: entry, Want: dirent(2)}}, put(entry, dirent(8))); err != nil {
		t.Errorf("check of a record that the batch changes: %v", err)
	}
}

func testEmpty(t *testing.T, d *db) {
	const dir, neighbour = 40, 41
	e := func(name string) record.Key { return record.EntryKey(dir, name) }
	isEmpty := []engine.Check{{Kind: engine.Empty, Key: e("ignored")}}
	d.commit(put(record.EntryKey(neighbour, "x"), dirent(2)), put(record.EntryKey(dir<<8, "x"), dirent(2)))
	mark := put(record.XattrKey(9999, "mark"), []byte("1"))
	steps := []struct {
		name   string
		writes []engine.Write
		holds  bool
	}{
		{"never had any", []engine.Write{mark}, true},
		{"batch adds one", []engine.Write{put(e("a"), dirent(2))}, false},
		{"batch adds and removes one", []engine.Write{put(e("a"), dirent(2)), del(e("a"))}, true},
	}
	check := func(name string, holds bool, ws ...engine.Write) {
		t.Helper()
		err := d.try(isEmpty, ws...)
		switch {
		case holds && err != nil:
			t.Errorf("%s: %v", name, err)
		case !holds:
			if !isConflict(err) {
				t.Errorf("%s: got %v, want a conflict", name, err)
			}
		}
	}
	for _, s := range steps {
		check(s.name, s.holds, s.writes...)
	}
	d.commit(put(e("\x01"), dirent(2)), put(e("\xff"), dirent(3)))
	check("has two", false, mark)
	check("batch removes one of two", false, del(e("\xff")))
	d.want(e("\xff"), dirent(3))
	check("batch removes both", true, del(e("\xff")), del(e("\x01")))
	d.want(e("\xff"), nil)
	d.commit(put(e("a"), dirent(2)))
	check("batch clears", true, clearAll(record.KindEntry, dir))
	d.commit(put(e("a"), dirent(2)))
	check("batch removes and adds another", false, del(e("a")), put(e("b"), dirent(2)))
}

func testSnapshot(t *testing.T, d *db) {
	if d.e.Info().Remote {
		return // the contract asks for one moment only where the engine can
	}
	a, b := record.CounterKey("a"), record.CounterKey("b")
	d.commit(put(a, record.EncodeInt64(100)), put(b, record.EncodeInt64(0)))
	stop, done := make(chan struct{}), make(chan error, 1)
	go func() {
		for {
			select {
			case <-stop:
				done <- nil
				return
			default:
			}
			if _, err := again(func() error { return d.try(nil, add(a, -1), add(b, 1)) }); err != nil {
				done <- err
				return
			}
		}
	}()
	for range 200 {
		tx := d.e.Begin(engine.View)
		var sum int64
		for _, k := range []record.Key{a, b} {
			items, err := tx.Fetch(t.Context(), []engine.ReadOp{{Key: k}})
			if err != nil {
				t.Fatal(err)
			}
			v, err := record.DecodeInt64(k.Kind, items[0].Value)
			if err != nil {
				t.Fatal(err)
			}
			sum += v
		}
		tx.Discard()
		if sum != 100 {
			t.Fatalf("sum is %d in a view, want 100", sum)
		}
	}
	close(stop)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}
