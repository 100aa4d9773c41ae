package redisdb_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"juicefs/meta/engine"
	"juicefs/meta/engine/enginetest"
	"juicefs/meta/record"
	"juicefs/pkg/tests/redistest"
)

// TestEngineWithoutByteOrder runs against a server whose order of strings is none that scripts could use.
func TestEngineWithoutByteOrder(t *testing.T) {
	url, n := redistest.Start(t).URL, 0
	enginetest.Run(t, func(tb testing.TB) engine.Engine {
		tb.Helper()
		n++
		e := open(tb, url(n))
		e.Unordered()
		return e
	})
}

// TestTrashIsTooMuchForLua walks and lists where inode numbers do not fit numbers of scripts.
func TestTrashIsTooMuchForLua(t *testing.T) {
	e := open(t, redistest.Start(t).URL(1))
	defer closeEngine(t, e)
	const hour = record.Trash + 1
	dir := record.Dirent{Type: record.TypeDirectory, Ino: hour}
	file := record.Dirent{Type: record.TypeFile, Ino: 5}
	a := &record.Attr{Type: record.TypeFile, Nlink: 1, Length: record.ChunkSize + 1, Parent: hour}
	slices := record.EncodeSlices(record.Slice{ID: 1, Size: 2, Len: 2})
	commit(t, e, []engine.Write{
		{Op: engine.Put, Key: record.AttrKey(record.Trash), Value: dirAttr(1)}, {Op: engine.Put, Key: record.AttrKey(hour), Value: dirAttr(record.Trash)},
		{Op: engine.Put, Key: record.EntryKey(record.Trash, "2026-11-23-13"), Value: dir.Encode()}, {Op: engine.Put, Key: record.EntryKey(hour, "1-5-x"), Value: file.Encode()},
		{Op: engine.Put, Key: record.AttrKey(5), Value: a.Encode()}, {Op: engine.Put, Key: record.ChunkKey(5, 1), Value: slices},
		{Op: engine.Put, Key: record.XattrKey(5, "s3-etag"), Value: []byte("e")},
	})
	got, err := walker(e.Begin(engine.Update)).Walk(t.Context(), engine.WalkQuery{From: record.Trash, Names: []string{"2026-11-23-13", "1-5-x"}, Last: engine.Exact, Chunks: 9, Xattrs: true, Sole: true})
	if err != nil {
		t.Fatal(err)
	}
	want := &engine.Walked{
		From:    record.Item{Key: record.AttrKey(record.Trash), Value: dirAttr(1)},
		Entries: []record.Item{{Key: record.EntryKey(record.Trash, "2026-11-23-13"), Value: dir.Encode()}, {Key: record.EntryKey(hour, "1-5-x"), Value: file.Encode()}},
		Attrs:   []record.Item{{Key: record.AttrKey(hour), Value: dirAttr(record.Trash)}, {Key: record.AttrKey(5), Value: a.Encode()}},
		Chunks:  []record.Item{{Key: record.ChunkKey(5, 1), Value: slices}},
		Xattrs:  []record.Item{{Key: record.XattrKey(5, "s3-etag"), Value: []byte("e")}},
		Sole:    []bool{true, true},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("walk (-want +got):\n%s", d)
	}
	ls, err := lister(e.Begin(engine.View)).ListDir(t.Context(), record.Trash, "", 10, "s3-etag")
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]engine.Listed{{Name: "2026-11-23-13", Entry: dir, Attr: dirAttr(record.Trash)}}, ls); d != "" {
		t.Errorf("list (-want +got):\n%s", d)
	}
}
