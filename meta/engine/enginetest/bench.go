package enginetest

import (
	"fmt"
	"sync/atomic"
	"testing"

	"juicefs/meta/engine"
	"juicefs/meta/record"
)

// Bench measures what the gateway does most, as batches of records: each sub-benchmark has an engine of its own.
func Bench(b *testing.B, open Open) {
	for _, c := range []struct {
		name string
		run  func(*testing.B, *db)
	}{
		{"put warm", benchPutWarm},
		{"put cold", benchPutCold},
		{"put cold parallel", benchPutParallel},
		{"head", benchHead},
		{"list 1000 of 10000", benchList},
		{"incr", benchIncr},
	} {
		b.Run(c.name, func(b *testing.B) {
			d := newDB(b, open)
			d.benchTree()
			b.ReportAllocs()
			b.ResetTimer()
			c.run(b, d)
		})
	}
}

// benchTree makes three directories on a path: 1/d/d/d, inodes 1 to 4.
func (d *db) benchTree() {
	d.tb.Helper()
	ws := []engine.Write{put(record.AttrKey(1), dirAttr(1).Encode())}
	for i := record.Ino(2); i <= 4; i++ {
		ws = append(ws, put(record.EntryKey(i-1, "d"), record.Dirent{Type: record.TypeDirectory, Ino: i}.Encode()),
			put(record.AttrKey(i), dirAttr(i-1).Encode()), put(record.DirStatKey(i), record.DirStat{}.Encode()))
	}
	d.commit(ws...)
}

// putBatch is what a PUT of a new key of one slice with an ETag and metadata writes: 11 writes.
func putBatch(name string, ino record.Ino) []engine.Write {
	a := fileAttr(4, 4096)
	a.Mtime.Sec += int64(ino)
	return []engine.Write{
		add(record.CounterKey(record.CounterSpace), 4096), add(record.CounterKey(record.CounterInodes), 1),
		insert(record.AttrKey(ino), a.Encode()), add(record.DirStatKey(4), 4096, 4096, 1),
		insert(record.ChunkKey(ino, 0), record.EncodeSlices(record.Slice{ID: uint64(ino), Size: 4096, Len: 4096})),
		insert(record.SliceRefKey(uint64(ino), 4096), record.EncodeInt64(1)),
		put(record.XattrKey(ino, "s3-etag"), []byte("d41d8cd98f00b204e9800998ecf8427e")), put(record.XattrKey(ino, "s3-meta"), []byte(`{"a":"b"}`)),
		insert(record.EntryKey(4, name), dirent(ino)), touch(4, a.Mtime),
		add(record.QuotaKey(record.QuotaUser, 0), 4096, 1),
	}
}

func benchPutWarm(b *testing.B, d *db) {
	checks := []engine.Check{{Kind: engine.Alike, Key: record.AttrKey(4), Want: dirAttr(3).Encode()}}
	for i := 1; i <= 3; i++ {
		checks = append(checks, engine.Check{Kind: engine.Same, Key: record.EntryKey(record.Ino(i), "d"), Want: record.Dirent{Type: record.TypeDirectory, Ino: record.Ino(i + 1)}.Encode()})
	}
	ino := record.Ino(100)
	for b.Loop() {
		ino++
		if err := d.try(checks, putBatch(fmt.Sprintf("k%08d", ino), ino)...); err != nil {
			b.Fatal(err)
		}
	}
}

// putCold reads the path, by the fast path where there is one, and commits.
func (d *db) putCold(ino record.Ino) error {
	ctx := d.tb.Context()
	name := fmt.Sprintf("k%08d", ino)
	tx := d.e.Begin(engine.Update)
	defer tx.Discard()
	if err := walk(ctx, tx, engine.WalkQuery{From: record.Root, Names: []string{"d", "d", "d", name}, Last: engine.Exact}); err != nil {
		return err
	}
	return tx.Commit(ctx, &engine.Batch{Writes: putBatch(name, ino)})
}

func benchPutCold(b *testing.B, d *db) {
	ino := record.Ino(100)
	for b.Loop() {
		ino++
		if err := d.putCold(ino); err != nil {
			b.Fatal(err)
		}
	}
}

func benchPutParallel(b *testing.B, d *db) {
	var next atomic.Uint64
	next.Store(100)
	b.SetParallelism(8)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			ino := record.Ino(next.Add(1))
			if _, err := again(func() error { return d.putCold(ino) }); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

func benchHead(b *testing.B, d *db) {
	for i := record.Ino(101); i <= 200; i++ {
		if err := d.putCold(i); err != nil {
			b.Fatal(err)
		}
	}
	i := 0
	for b.Loop() {
		i++
		tx := d.e.Begin(engine.View)
		err := walk(b.Context(), tx, engine.WalkQuery{From: record.Root, Names: []string{"d", "d", "d", fmt.Sprintf("k%08d", 101+i%100)}, Chunks: 4, Xattrs: true})
		tx.Discard()
		if err != nil {
			b.Fatal(err)
		}
	}
}

func benchList(b *testing.B, d *db) {
	const all = 10000
	for i := range record.Ino(all) {
		if err := d.putCold(101 + i); err != nil {
			b.Fatal(err)
		}
	}
	b.ResetTimer()
	for b.Loop() {
		tx := d.e.Begin(engine.View)
		n, err := list(b.Context(), tx, 4, fmt.Sprintf("k%08d", 101+all/2))
		tx.Discard()
		if err != nil || n != 1000 {
			b.Fatalf("%d entries: %v", n, err)
		}
	}
}

func benchIncr(b *testing.B, d *db) {
	for b.Loop() {
		if _, err := d.e.Incr(b.Context(), record.CounterInode, record.InodeBatch); err != nil {
			b.Fatal(err)
		}
	}
}
