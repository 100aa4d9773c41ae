package sqldb

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"juicefs/meta/engine"
	"juicefs/meta/record"
)

func TestForeignWriterIsWaitedForOnlySoLong(t *testing.T) {
	path := newPath(t)
	e := openAt(t, path, "?_timeout=30", engine.Options{Create: true})
	f := openForeign(t, path)
	k := record.XattrKey(1, "x")
	f.exec("BEGIN IMMEDIATE")
	if err := commit(t.Context(), e, put(k, []byte("1"))); !errors.Is(err, engine.ErrBusy) {
		t.Errorf("commit beside a foreign transaction: %v", err)
	}
	tx := e.Begin(engine.Update)
	if _, err := tx.Fetch(t.Context(), []engine.ReadOp{{Key: k}}); !errors.Is(err, engine.ErrBusy) {
		t.Errorf("fetch for update: %v", err)
	}
	tx.Discard()
	if _, err := e.Incr(t.Context(), record.CounterInode, 1); !errors.Is(err, engine.ErrBusy) {
		t.Errorf("incr: %v", err)
	}
	if got := fetch(t, e, k); got != nil { // readers do not wait
		t.Errorf("value %q", got)
	}
	f.exec("COMMIT")
	if err := commit(t.Context(), e, put(k, []byte("2"))); err != nil {
		t.Errorf("commit afterwards: %v", err)
	}
}

func TestCancelledContextEndsTheWait(t *testing.T) {
	path := newPath(t)
	e := openAt(t, path, "?_timeout=600000", engine.Options{Create: true})
	f := openForeign(t, path)
	f.exec("BEGIN IMMEDIATE")
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := commit(ctx, e, put(record.XattrKey(1, "x"), []byte("1"))); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("commit: %v", err)
	}
	f.exec("COMMIT")
	// And the wait for our own writer.
	tx := e.Begin(engine.Update)
	if _, err := tx.Fetch(t.Context(), []engine.ReadOp{{Key: record.AttrKey(1)}}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel = context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := commit(ctx, e, put(record.XattrKey(1, "x"), []byte("1"))); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("commit beside an own transaction: %v", err)
	}
	tx.Discard()
	if err := commit(t.Context(), e, put(record.XattrKey(1, "x"), []byte("1"))); err != nil {
		t.Errorf("commit afterwards: %v", err)
	}
}

func TestOwnTransactionsAreWaitedForOnlySoLong(t *testing.T) {
	e := openAt(t, newPath(t), "?_timeout=20&max_open_conns=2", engine.Options{Create: true})
	k := record.XattrKey(1, "x")
	outer := e.Begin(engine.Update)
	if _, err := outer.Fetch(t.Context(), []engine.ReadOp{{Key: k}}); err != nil {
		t.Fatal(err)
	}
	if err := commit(t.Context(), e, put(k, []byte("1"))); !errors.Is(err, engine.ErrBusy) {
		t.Errorf("commit inside another transaction: %v", err)
	}
	outer.Discard()
	var views []engine.Tx
	for range 3 {
		view := e.Begin(engine.View)
		views = append(views, view)
		_, err := view.Fetch(t.Context(), []engine.ReadOp{{Key: k}})
		if last := len(views) == 3; last != errors.Is(err, engine.ErrBusy) {
			t.Errorf("view %d: %v", len(views), err)
		}
	}
	for _, view := range views {
		view.Discard()
	}
	if err := commit(t.Context(), e, put(k, []byte("1"))); err != nil {
		t.Errorf("commit afterwards: %v", err)
	}
}

func TestForeignWriterIsWaitedFor(t *testing.T) {
	path := newPath(t)
	e := openAt(t, path, "", engine.Options{Create: true})
	f := openForeign(t, path)
	f.exec("BEGIN IMMEDIATE")
	f.exec("INSERT INTO jfs_counter VALUES ('x', 5)")
	done := make(chan error, 1)
	go func() {
		_, err := e.Incr(t.Context(), "x", 1)
		done <- err
	}()
	f.exec("COMMIT")
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if v, err := e.Incr(t.Context(), "x", 0); v != 6 || err != nil {
		t.Errorf("counter %d, %v, want 6", v, err)
	}
}

// TestTwoEnginesOnOneFile lets two processes' worth of engines, each with several workers, do what must not lose anything.
func TestTwoEnginesOnOneFile(t *testing.T) {
	for _, options := range []string{"", "?_journal=DELETE"} {
		t.Run(options, func(t *testing.T) {
			path := newPath(t)
			a := openAt(t, path, options, engine.Options{Create: true})
			b := openAt(t, path, options, engine.Options{})
			k := record.CounterKey("n")
			const workers, each = 3, 25
			var wg sync.WaitGroup
			for _, e := range []*Engine{a, b} {
				for w := range workers {
					wg.Go(func() {
						for n := range each {
							name := record.EntryKey(1, fmt.Sprintf("%p-%d-%d", e, w, n))
							if err := bump(t.Context(), e, k, name); err != nil {
								t.Error(err)
								return
							}
						}
					})
				}
			}
			wg.Wait()
			if v, err := a.Incr(t.Context(), "n", 0); v != 2*workers*each || err != nil {
				t.Errorf("counter %d, %v, want %d", v, err, 2*workers*each)
			}
			tx := b.Begin(engine.View)
			defer tx.Discard()
			items, err := tx.Page(t.Context(), engine.Range{Kind: record.KindEntry, A: 1}, 1000)
			if err != nil || len(items) != 2*workers*each {
				t.Errorf("%d entries, %v, want %d", len(items), err, 2*workers*each)
			}
		})
	}
}

// bump reads a counter, writes one more, and an entry.
func bump(ctx context.Context, e engine.Engine, k, name record.Key) error {
	for {
		err := tryBump(ctx, e, k, name)
		var c *engine.Conflict
		if !errors.As(err, &c) && !errors.Is(err, engine.ErrBusy) {
			return err
		}
	}
}

func tryBump(ctx context.Context, e engine.Engine, k, name record.Key) error {
	tx := e.Begin(engine.Update)
	defer tx.Discard()
	items, err := tx.Fetch(ctx, []engine.ReadOp{{Key: k, Guard: engine.Exact}})
	if err != nil {
		return err
	}
	v, err := record.DecodeInt64(k.Kind, items[0].Value)
	if err != nil {
		return err
	}
	return tx.Commit(ctx, &engine.Batch{Writes: []engine.Write{put(k, record.EncodeInt64(v+1)),
		{Op: engine.Insert, Key: name, Value: record.Dirent{Type: record.TypeFile, Ino: 2}.Encode()}}})
}

func TestCloseWhileInUse(t *testing.T) {
	path := newPath(t)
	e, err := Open(t.Context(), "sqlite3://"+path, engine.Options{Create: true})
	if err != nil {
		t.Fatal(err)
	}
	up, view := e.Begin(engine.Update), e.Begin(engine.View)
	for _, tx := range []engine.Tx{up, view} {
		if _, err := tx.Fetch(t.Context(), []engine.ReadOp{{Key: record.AttrKey(1)}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if err := up.Commit(t.Context(), &engine.Batch{Writes: []engine.Write{put(record.XattrKey(1, "x"), []byte("1"))}}); err == nil {
		t.Error("commit of a transaction begun before close succeeded")
	}
	if _, err := view.Fetch(t.Context(), []engine.ReadOp{{Key: record.AttrKey(1)}}); err == nil {
		t.Error("fetch in a view begun before close succeeded")
	}
	up.Discard()
	view.Discard()
	if err := e.Close(); err != nil {
		t.Errorf("second close: %v", err)
	}
	again := openAt(t, path, "?_timeout=50", engine.Options{})
	if got := fetch(t, again, record.XattrKey(1, "x")); got != nil {
		t.Errorf("value %q", got)
	}
	if err := commit(t.Context(), again, put(record.XattrKey(1, "x"), []byte("1"))); err != nil {
		t.Errorf("something is left locked: %v", err)
	}
}
