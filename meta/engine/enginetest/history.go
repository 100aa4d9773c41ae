package enginetest

import (
	"fmt"
	"sync/atomic"
	"testing"

	"juicefs/meta/engine"
	"juicefs/meta/record"
)

// testNoLostUpdate lets workers move amounts between attributes: read Exact, write absolute values.
func testNoLostUpdate(t *testing.T, d *db) {
	const workers, each, accounts = 6, 20, 3
	for i := range accounts {
		d.commit(put(record.AttrKey(record.Ino(100+i)), fileAttr(1, 1000).Encode()))
	}
	d.parallel(workers, func(w int) error {
		for n := range each {
			from, to := record.Ino(100+(w+n)%accounts), record.Ino(100+(w+n+1)%accounts)
			if _, err := again(func() error { return d.move(from, to) }); err != nil {
				return err
			}
		}
		return nil
	})
	var sum, moves uint64
	for i := range accounts {
		a, err := record.DecodeAttr(d.get(record.AttrKey(record.Ino(100 + i))))
		if err != nil {
			t.Fatal(err)
		}
		sum += a.Length
		moves += uint64(a.Nlink - 1)
	}
	if sum != 1000*accounts || moves != workers*each {
		t.Errorf("sum %d after %d moves, want %d after %d", sum, moves, 1000*accounts, workers*each)
	}
}

// move takes one from the length of an attribute, adds it to another's, and counts that in the link count of the first.
func (d *db) move(from, to record.Ino) error {
	ctx := d.tb.Context()
	tx := d.e.Begin(engine.Update)
	defer tx.Discard()
	var attrs [2]*record.Attr
	for i, ino := range []record.Ino{from, to} {
		items, err := tx.Fetch(ctx, []engine.ReadOp{{Key: record.AttrKey(ino), Guard: engine.Exact}})
		if err != nil {
			return err
		}
		if attrs[i], err = record.DecodeAttr(items[0].Value); err != nil {
			return err
		}
	}
	attrs[0].Length--
	attrs[0].Nlink++
	attrs[1].Length++
	return tx.Commit(ctx, &engine.Batch{Writes: []engine.Write{put(record.AttrKey(from), attrs[0].Encode()), put(record.AttrKey(to), attrs[1].Encode())}})
}

// testCommuting lets workers do to one directory what creating files does: no two of these may conflict.
func testCommuting(t *testing.T, d *db) {
	const workers, each = 6, 20
	const dir = 5
	d.commit(put(record.AttrKey(dir), dirAttr(1).Encode()), put(record.DirStatKey(dir), record.DirStat{}.Encode()))
	ctx := t.Context()
	var conflicts atomic.Int64
	d.parallel(workers, func(w int) error {
		for n := range each {
			name := fmt.Sprintf("w%d-%d", w, n)
			conflicted, err := again(func() error {
				tx := d.e.Begin(engine.Update)
				defer tx.Discard()
				_, err := tx.Fetch(ctx, []engine.ReadOp{{Key: record.AttrKey(dir), Guard: engine.Stable}, {Key: record.EntryKey(dir, name), Guard: engine.Exact}})
				if err != nil {
					return err
				}
				err = tx.Commit(ctx, &engine.Batch{Writes: []engine.Write{
					insert(record.EntryKey(dir, name), dirent(9)), touch(dir, record.Time{Sec: 1800000000 + int64(n)}), nlink(dir, 1),
					add(record.DirStatKey(dir), 1, 4096, 1), add(record.CounterKey(record.CounterInodes), 1), appendTo(record.ChunkKey(9, 0), slice(uint64(w+1))),
					add(record.QuotaKey(record.QuotaUser, 0), 4096, 1),
				}})
				if isConflict(err) {
					conflicts.Add(1)
				}
				return err
			})
			_ = conflicted // busy is allowed
			if err != nil {
				return err
			}
		}
		return nil
	})
	if n := conflicts.Load(); n != 0 {
		t.Errorf("%d conflicts between commits that commute", n)
	}
	const all = workers * each
	a := dirAttr(1)
	a.Nlink += all
	a.Mtime = record.Time{Sec: 1800000000 + each - 1}
	a.Ctime = a.Mtime
	d.want(record.AttrKey(dir), a.Encode())
	d.want(record.DirStatKey(dir), record.DirStat{Length: all, Space: 4096 * all, Inodes: all}.Encode())
	d.wantInt(record.CounterKey(record.CounterInodes), all)
	d.want(record.QuotaKey(record.QuotaUser, 0), record.Quota{MaxSpace: -1, MaxInodes: -1, UsedSpace: 4096 * all, UsedInodes: all}.Encode())
	if got := len(d.get(record.ChunkKey(9, 0))); got != all*record.SliceSize {
		t.Errorf("chunk of %d bytes, want %d", got, all*record.SliceSize)
	}
	if got := len(d.page(engine.Range{Kind: record.KindEntry, A: dir}, all+1)); got != all {
		t.Errorf("%d entries, want %d", got, all)
	}
}

func testInsertRace(t *testing.T, d *db) {
	for round := range 10 {
		k := record.EntryKey(1, fmt.Sprint(round))
		var won atomic.Int64
		d.parallel(6, func(w int) error {
			_, err := againBusy(func() error { return d.try(nil, insert(k, dirent(record.Ino(w+2))), add(record.CounterKey("won"), 1)) })
			switch {
			case err == nil:
				won.Add(1)
			case isConflict(err):
				return nil
			}
			return err
		})
		if won.Load() != 1 {
			t.Fatalf("%d of 6 inserts won", won.Load())
		}
	}
	d.wantInt(record.CounterKey("won"), 10)
}
