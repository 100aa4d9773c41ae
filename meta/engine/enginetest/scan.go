package enginetest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"testing"

	"juicefs/meta/engine"
	"juicefs/meta/record"
)

func testScan(t *testing.T, d *db) {
	initial := d.dump()
	all := samples()
	byKind := map[record.Kind]map[record.Key][]byte{}
	for _, it := range all {
		d.commit(put(it.Key, it.Value))
		if byKind[it.Key.Kind] == nil {
			byKind[it.Key.Kind] = map[record.Key][]byte{}
		}
		byKind[it.Key.Kind][it.Key] = it.Value
	}
	for kind, want := range byKind {
		got := d.scan(engine.Range{Kind: kind, All: true})
		for k := range initial { // what a new database starts with
			if _, mine := want[k]; !mine {
				delete(got, k)
			}
		}
		delete(got, record.CounterKey(record.CounterACL)) // engines may derive it from the rules
		if !equalDumps(got, want) {
			t.Errorf("all of %s: %v, want %v", kind, got, want)
		}
		if kind == record.KindCounter || kind == record.KindSetting {
			continue
		}
		for k := range want {
			some := map[record.Key][]byte{}
			for l, v := range want {
				if l.A == k.A {
					some[l] = v
				}
			}
			if got := d.scan(engine.Range{Kind: kind, A: k.A}); !equalDumps(got, some) {
				t.Errorf("%s of %d: %v, want %v", kind, k.A, got, some)
			}
		}
	}
	if got := d.scan(engine.Range{Kind: record.KindLog, All: true}); len(got) != 0 {
		t.Errorf("log lines: %v", got)
	}
	d.commit(put(record.AttrKey(60), fileAttr(0, 0).Encode()), put(record.EntryKey(61, "x"), dirent(60)), add(record.ParentKey(60, 61), 1))
	if got := d.scan(engine.Range{Kind: record.KindParent, All: true}); !same(got[record.ParentKey(60, 61)], record.EncodeInt64(1)) {
		t.Errorf("parents: %v", got)
	}
}

// testScanOwners scans what many inodes have a few of, and one of them many: more than engines ask for at once.
func testScanOwners(t *testing.T, d *db) {
	const inodes, large, many = 250, 120, 1200
	want := map[record.Key][]byte{}
	var ws []engine.Write
	plant := func(k record.Key, value []byte) {
		want[k] = value
		if ws = append(ws, put(k, value)); len(ws) == 200 {
			d.commit(ws...)
			ws = nil
		}
	}
	for i := range inodes {
		ino := record.Ino(1000 + i)
		plant(record.XattrKey(ino, "etag"), fmt.Append(nil, i))
		plant(record.XattrKey(ino, "none"), []byte{})
		plant(record.EntryKey(ino, "f"), dirent(ino+1))
	}
	for i := range many {
		plant(record.XattrKey(1000+large, fmt.Sprint("x", i)), fmt.Append(nil, i))
		plant(record.EntryKey(1000+large, fmt.Sprint("n", i)), dirent(2))
	}
	d.commit(ws...)
	got := d.scan(engine.Range{Kind: record.KindXattr, All: true})
	maps.Copy(got, d.scan(engine.Range{Kind: record.KindEntry, All: true}))
	if !equalDumps(got, want) {
		t.Errorf("%d records, want %d", len(got), len(want))
	}
	n := 0
	for _, err := range d.e.Scan(t.Context(), engine.Range{Kind: record.KindXattr, All: true}) {
		if err != nil {
			t.Fatal(err)
		}
		if n++; n == inodes/2 {
			break
		}
	}
	d.want(record.XattrKey(1000, "etag"), []byte("0")) // the scan left nothing unread
}

// testScanMany scans more than engines read at once, writing meanwhile, and stops early.
func testScanMany(t *testing.T, d *db) {
	const many = 2500
	var ws []engine.Write
	for i := range many {
		ws = append(ws, put(record.EntryKey(1, fmt.Sprintf("n%05d", i)), dirent(2)))
		if len(ws) == 50 {
			d.commit(ws...)
			ws = nil
		}
	}
	seen := map[record.Key]int{}
	for it, err := range d.e.Scan(t.Context(), engine.Range{Kind: record.KindEntry, All: true}) {
		if err != nil {
			t.Fatal(err)
		}
		seen[it.Key]++
		if len(seen)%500 == 0 {
			d.commit(put(record.EntryKey(2, fmt.Sprint(len(seen))), dirent(3)))
		}
	}
	for i := range many {
		if k := record.EntryKey(1, fmt.Sprintf("n%05d", i)); seen[k] == 0 {
			t.Fatalf("%s was not seen", k)
		}
	}
	n := 0
	for _, err := range d.e.Scan(t.Context(), engine.Range{Kind: record.KindEntry, A: 1}) {
		if err != nil {
			t.Fatal(err)
		}
		if n++; n == 3 {
			break
		}
	}
	d.commit(put(record.EntryKey(3, "after"), dirent(3))) // the scan left nothing locked
	ctx, cancel := context.WithCancel(t.Context())
	var last error
	for _, err := range d.e.Scan(ctx, engine.Range{Kind: record.KindEntry, All: true}) {
		if last = err; err != nil {
			break
		}
		cancel()
	}
	cancel()
	if !errors.Is(last, context.Canceled) {
		t.Errorf("scan under a cancelled context ended with %v", last)
	}
}
