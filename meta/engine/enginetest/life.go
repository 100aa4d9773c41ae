package enginetest

import (
	"context"
	"errors"
	"testing"

	"juicefs/meta/engine"
	"juicefs/meta/record"
)

func testDiscard(t *testing.T, d *db) {
	k := record.EntryKey(1, "n")
	ctx := t.Context()
	d.e.Begin(engine.Update).Discard()
	for range 3 {
		tx := d.e.Begin(engine.Update)
		if _, err := tx.Fetch(ctx, []engine.ReadOp{{Key: k, Guard: engine.Exact}}); err != nil {
			t.Fatal(err)
		}
		tx.Discard()
		tx.Discard()
		if err := tx.Commit(ctx, &engine.Batch{Writes: []engine.Write{put(k, dirent(2))}}); err == nil {
			t.Error("commit after discard succeeded")
		}
		d.want(k, nil)
	}
	tx := d.e.Begin(engine.Update)
	if err := tx.Commit(ctx, &engine.Batch{Writes: []engine.Write{put(k, dirent(2))}}); err != nil {
		t.Fatal(err)
	}
	tx.Discard()
	if err := tx.Commit(ctx, &engine.Batch{Writes: []engine.Write{put(k, dirent(3))}}); err == nil {
		t.Error("second commit succeeded")
	}
	d.want(k, dirent(2))
	view := d.e.Begin(engine.View)
	defer view.Discard()
	if err := view.Commit(ctx, &engine.Batch{Writes: []engine.Write{put(k, dirent(4))}}); err == nil {
		t.Error("commit of a view succeeded")
	}
	d.want(k, dirent(2))
}

func testCancelled(t *testing.T, d *db) {
	k := record.EntryKey(1, "n")
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	calls := map[string]func(tx engine.Tx) error{
		"fetch": func(tx engine.Tx) error {
			_, err := tx.Fetch(gone, []engine.ReadOp{{Key: k, Guard: engine.Exact}})
			return err
		},
		"page": func(tx engine.Tx) error {
			_, err := tx.Page(gone, engine.Range{Kind: record.KindEntry, A: 1}, 1)
			return err
		},
		"commit": func(tx engine.Tx) error {
			return tx.Commit(gone, &engine.Batch{Writes: []engine.Write{put(k, dirent(2))}})
		},
		"incr": func(engine.Tx) error {
			_, err := d.e.Incr(gone, record.CounterInode, 1)
			return err
		},
		"scan": func(engine.Tx) error {
			for _, err := range d.e.Scan(gone, engine.Range{Kind: record.KindEntry, All: true}) {
				return err
			}
			return nil
		},
		"walk": func(tx engine.Tx) error {
			if w, ok := tx.(engine.Walker); ok {
				_, err := w.Walk(gone, engine.WalkQuery{From: 1, Names: []string{"n"}})
				return err
			}
			return gone.Err()
		},
		"list": func(tx engine.Tx) error {
			if l, ok := tx.(engine.Lister); ok {
				_, err := l.ListDir(gone, 1, "", 1, "")
				return err
			}
			return gone.Err()
		},
	}
	for name, call := range calls {
		for _, fetched := range []bool{false, true} {
			tx := d.e.Begin(engine.Update)
			if fetched && name != "incr" && name != "scan" {
				if _, err := tx.Fetch(t.Context(), []engine.ReadOp{{Key: k, Guard: engine.Exact}}); err != nil {
					t.Fatal(err)
				}
			}
			if err := call(tx); !errors.Is(err, context.Canceled) {
				t.Errorf("%s under a cancelled context: %v", name, err)
			}
			tx.Discard()
			d.want(k, nil)
			d.commit(put(record.EntryKey(2, "n"), dirent(2))) // nothing is left locked
		}
	}
}

func testClose(t *testing.T, d *db) {
	k := record.EntryKey(1, "n")
	open := d.e.Begin(engine.Update)
	if _, err := open.Fetch(t.Context(), []engine.ReadOp{{Key: k, Guard: engine.Exact}}); err != nil {
		t.Fatal(err)
	}
	open.Discard()
	if err := d.e.Close(); err != nil {
		t.Fatalf("close: %v", err)
	}
	if err := open.Commit(t.Context(), &engine.Batch{}); err == nil {
		t.Error("commit of a transaction that is over succeeded")
	}
	if err := d.try(nil, put(k, dirent(2))); err == nil {
		t.Error("commit after close succeeded")
	}
	if _, err := d.e.Incr(t.Context(), record.CounterInode, 1); err == nil {
		t.Error("incr after close succeeded")
	}
	tx := d.e.Begin(engine.View)
	defer tx.Discard()
	if _, err := tx.Fetch(t.Context(), []engine.ReadOp{{Key: k}}); err == nil {
		t.Error("fetch after close succeeded")
	}
	var last error
	for _, err := range d.e.Scan(t.Context(), engine.Range{Kind: record.KindEntry, All: true}) {
		last = err
	}
	if last == nil {
		t.Error("scan after close succeeded")
	}
}
