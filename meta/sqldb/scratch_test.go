package sqldb

import (
	"path/filepath"
	"testing"

	"juicefs/meta/engine"
	"juicefs/meta/record"
)

func BenchmarkScratch(b *testing.B) {
	e, err := Open(b.Context(), "sqlite3://"+filepath.Join(b.TempDir(), "m.db"), engine.Options{Create: true})
	if err != nil {
		b.Fatal(err)
	}
	tx0 := e.Begin(engine.Update)
	err = tx0.Commit(b.Context(), &engine.Batch{Writes: []engine.Write{
		{Op: engine.Put, Key: record.AttrKey(1), Value: (&record.Attr{Type: 2, Mtime: record.Time{Sec: 1e9}, Parent: 1}).Encode()},
		{Op: engine.Put, Key: record.EntryKey(1, "d"), Value: record.Dirent{Type: 2, Ino: 1}.Encode()},
	}})
	if err != nil {
		b.Fatal(err)
	}
	t := e.Begin(engine.View).(*tx)
	t.start(b.Context())
	ctx := b.Context()
	b.Run("attr", func(b *testing.B) {
		for b.Loop() {
			t.get(ctx, record.AttrKey(1))
		}
	})
	b.Run("entry", func(b *testing.B) {
		for b.Loop() {
			t.get(ctx, record.EntryKey(1, "d"))
		}
	})
	b.Run("step", func(b *testing.B) {
		for b.Loop() {
			t.c.one(ctx, stStep, int64(1), []byte("d"))
		}
	})
	b.Run("xattr page", func(b *testing.B) {
		for b.Loop() {
			t.page(ctx, engine.Range{Kind: record.KindXattr, A: 1}, 100)
		}
	})
	b.Run("chunks", func(b *testing.B) {
		for b.Loop() {
			t.c.one(ctx, stChunks, int64(1), int64(5))
		}
	})
	b.Run("begin", func(b *testing.B) {
		for b.Loop() {
			t := e.Begin(engine.View).(*tx)
			t.start(ctx)
			t.get(ctx, record.AttrKey(1))
			t.Discard()
		}
	})
}
