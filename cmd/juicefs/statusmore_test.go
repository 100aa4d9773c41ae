package main

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"juicefs/meta/engine"
	"juicefs/meta/kvdb/mem"
	"juicefs/meta/record"
)

// withRecords is a database that holds what a volume may have been left with.
func withRecords(t *testing.T, writes ...engine.Write) engine.Engine {
	t.Helper()
	eng, err := mem.Open(t.Context(), engine.Options{Create: true})
	if err != nil {
		t.Fatal(err)
	}
	tx := eng.Begin(engine.Update)
	defer tx.Discard()
	if err := tx.Commit(t.Context(), &engine.Batch{Writes: writes}); err != nil {
		t.Fatal(err)
	}
	return eng
}

func put(k record.Key, value []byte) engine.Write {
	return engine.Write{Op: engine.Put, Key: k, Value: value}
}

func TestWhatASessionHolds(t *testing.T) {
	// The examples of the format: 50 to 149 for writing, and 200 to 209 for reading.
	write := []byte{0, 0, 0, 1, 0, 0, 0x24, 0x2e, 0, 0, 0, 0, 0, 0, 0, 0x32, 0, 0, 0, 0, 0, 0, 0, 0x95}
	read := []byte{0, 0, 0, 0, 0, 0, 0x24, 0x2e, 0, 0, 0, 0, 0, 0, 0, 0xc8, 0, 0, 0, 0, 0, 0, 0, 0xd1}
	eng := withRecords(t,
		put(record.SustainedKey(7, 100), []byte{1}), put(record.SustainedKey(8, 101), []byte{1}),
		put(record.FlockKey(5), record.EncodeFlocks([]record.Flock{{Session: 7, Owner: 3, Type: 'W'}, {Session: 8, Owner: 4, Type: 'R'}})),
		put(record.PlockKey(6), record.EncodePlocks([]record.Plock{{Session: 7, Owner: 2, Records: slices.Concat(write, read)}, {Session: 8, Owner: 2, Records: read}})))
	got := sessionStatus{Sid: 7}
	if err := addHeld(t.Context(), eng, &got); err != nil {
		t.Fatal(err)
	}
	want := sessionStatus{Sid: 7, Sustained: []uint64{100}, Flocks: []lockStatus{{Inode: 5, Owner: 3, Ltype: "W"}},
		Plocks: []lockStatus{{Inode: 6, Owner: 2, Records: []rangeStatus{{Type: 1, Pid: 9262, Start: 50, End: 149}, {Pid: 9262, Start: 200, End: 209}}}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("held (-want +got):\n%s", diff)
	}
}

func TestWhatWaitsForDeletion(t *testing.T) {
	hour := record.Trash + 1
	file := func(length uint64) []byte {
		return (&record.Attr{Type: record.TypeFile, Nlink: 1, Length: length}).Encode()
	}
	entry := func(ino record.Ino, typ record.Type) []byte { return record.Dirent{Type: typ, Ino: ino}.Encode() }
	eng := withRecords(t,
		put(record.EntryKey(record.Trash, "2026-11-23-13"), entry(hour, record.TypeDirectory)),
		put(record.EntryKey(hour, "1-50-a"), entry(50, record.TypeFile)), put(record.AttrKey(50), file(1000)),
		put(record.EntryKey(hour, "1-51-b"), entry(51, record.TypeFile)), put(record.AttrKey(51), file(24)),
		put(record.EntryKey(hour, "1-52-gone"), entry(52, record.TypeFile)), put(record.EntryKey(hour, "1-53-d"), entry(53, record.TypeDirectory)),
		put(record.DelFileKey(60, 5000), record.EncodeInt64(1)),
		put(record.DelSlicesKey(70, 1), record.EncodeSliceIDs(record.SliceID{ID: 71, Size: 10}, record.SliceID{ID: 72, Size: 20})),
		put(record.SliceRefKey(80, 300), record.EncodeInt64(0)), put(record.SliceRefKey(81, 400), record.EncodeInt64(2)))
	var got usageStatus
	if err := addMore(t.Context(), eng, &got); err != nil {
		t.Fatal(err)
	}
	want := usageStatus{TrashFileCount: 3, TrashFileSize: 1024, PendingDeletedFileCount: 1, PendingDeletedFileSize: 5000,
		TrashSliceCount: 2, TrashSliceSize: 30, PendingSliceCount: 1, PendingSliceSize: 300}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("waiting (-want +got):\n%s", diff)
	}
}
