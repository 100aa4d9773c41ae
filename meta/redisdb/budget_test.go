package redisdb_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"juicefs/meta/engine"
	"juicefs/meta/record"
	"juicefs/meta/redisdb"
	"juicefs/pkg/meter"
	"juicefs/pkg/tests/redistest"
)

// metered is an engine behind a proxy that counts.
type metered struct {
	*redisdb.Engine
	proxy *meter.Proxy
}

// through opens a database of a server through a proxy.
func through(tb testing.TB, s *redistest.Server, db int) metered {
	tb.Helper()
	p, err := meter.Start("tcp", s.Addr)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := p.Close(); err != nil {
			tb.Errorf("close proxy: %v", err)
		}
	})
	e := open(tb, strings.Replace(s.URL(db), s.Addr, p.Addr(), 1))
	tb.Cleanup(func() { _ = e.Close() }) // tests that care close it themselves
	return metered{e, p}
}

// costs makes a call twice and demands the second time that it takes so many turnarounds.
func (m metered) costs(t *testing.T, name string, want int64, call func() error) {
	t.Helper()
	m.counts(t, name, want, func() error {
		if err := call(); err != nil {
			return err
		}
		m.proxy.Reset()
		return call()
	})
}

// counts makes a call that resets the count itself.
func (m metered) counts(t *testing.T, name string, want int64, call func() error) {
	t.Helper()
	opened := m.proxy.Opened()
	if err := call(); err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	if got := m.proxy.Turnarounds(); got != want {
		t.Errorf("%s: %d turnarounds, want %d (and %d new connections)", name, got, want, m.proxy.Opened()-opened)
	}
}

func TestTurnarounds(t *testing.T) {
	m := through(t, redistest.Start(t), 1)
	ctx := t.Context()
	plantPath(t, m)
	update := func(f func(tx engine.Tx) error) func() error {
		return func() error {
			tx := m.Begin(engine.Update)
			defer tx.Discard()
			return f(tx)
		}
	}
	m.costs(t, "incr", 1, func() error {
		_, err := m.Incr(ctx, record.CounterInode, record.InodeBatch)
		return err
	})
	// The keys of 1,000 objects, then a hundred of them at a time.
	m.costs(t, "scan of the extended attributes of 1,000 objects", 11, func() error {
		n := 0
		for _, err := range m.Scan(ctx, engine.Range{Kind: record.KindXattr, All: true}) {
			if err != nil {
				return err
			}
			n++
		}
		if n < 1000 {
			return fmt.Errorf("%d attributes", n)
		}
		return nil
	})
	m.costs(t, "incr 0", 1, func() error {
		_, err := m.Incr(ctx, record.CounterInode, 0)
		return err
	})
	var reads []engine.ReadOp
	for ino := record.Ino(1); ino < 1000; ino++ {
		reads = append(reads, engine.ReadOp{Key: record.AttrKey(ino), Guard: engine.Exact}, engine.ReadOp{Key: record.XattrKey(ino, "s3-etag")},
			engine.ReadOp{Key: record.ChunkKey(ino, 0)}, engine.ReadOp{Key: record.DirStatKey(ino)}, engine.ReadOp{Key: record.SessionKey(uint64(ino))},
			engine.ReadOp{Key: record.FlockKey(ino)}, engine.ReadOp{Key: record.EntryKey(1, fmt.Sprint(ino))})
	}
	m.costs(t, "fetch of 200 records", 1, update(func(tx engine.Tx) error {
		_, err := tx.Fetch(ctx, reads[:200])
		return err
	}))
	m.costs(t, "walk", 1, update(func(tx engine.Tx) error {
		_, err := walker(tx).Walk(ctx, engine.WalkQuery{From: 1, Names: []string{"d", "d", "d", "k00001"}, Last: engine.Exact, Chunks: 64, Xattrs: true, Sole: true})
		return err
	}))
	m.costs(t, "look at 1,000 names", 1, update(func(tx engine.Tx) error {
		q := engine.LookQuery{WalkQuery: engine.WalkQuery{From: 1, Names: []string{"d", "d", "d"}, Last: engine.Exact, Sole: true}}
		for i := range 1000 {
			q.Inside = append(q.Inside, fmt.Sprintf("k%05d", i))
		}
		return wantLook(ctx, tx, q)
	}))
	m.costs(t, "look at all of a directory", 1, update(func(tx engine.Tx) error {
		return wantLook(ctx, tx, engine.LookQuery{WalkQuery: engine.WalkQuery{From: 1, Names: []string{"d", "d", "d"}}, InsideXattrs: true, InsideChunks: 2})
	}))
	n := 0
	m.costs(t, "commit of a new object", 1, update(func(tx engine.Tx) error {
		n++
		return tx.Commit(ctx, &engine.Batch{Checks: pathChecks(), Writes: putWrites(fmt.Sprintf("new%d", n), record.Ino(100000+n))})
	}))
	m.costs(t, "commit that conflicts", 1, update(func(tx engine.Tx) error {
		err := tx.Commit(ctx, &engine.Batch{Checks: pathChecks(), Writes: putWrites("new1", 200000)})
		var c *engine.Conflict
		if !errors.As(err, &c) {
			return fmt.Errorf("got %w, want a conflict", err)
		}
		return nil
	}))
	m.costs(t, "commit that conflicts and walks", 1, update(func(tx engine.Tx) error {
		q := &engine.WalkQuery{From: 1, Names: []string{"d", "d", "d", "new1"}, Last: engine.Exact, Xattrs: true}
		err := tx.Commit(ctx, &engine.Batch{Checks: pathChecks(), Writes: putWrites("new1", 200000), Otherwise: q})
		var c *engine.Conflict
		if !errors.As(err, &c) || c.Walked == nil || len(c.Walked.Attrs) != 4 || len(c.Walked.Xattrs) != 2 {
			return fmt.Errorf("got %w, want a conflict and all that is on the path", err)
		}
		return nil
	}))
	m.costs(t, "page of entries", 1, update(func(tx engine.Tx) error {
		_, err := tx.Page(ctx, engine.Range{Kind: record.KindEntry, A: 4}, 1000)
		return err
	}))
	m.costs(t, "page of a file's chunks", 1, update(func(tx engine.Tx) error {
		_, err := tx.Page(ctx, engine.Range{Kind: record.KindChunk, A: 101, Below: 1}, 1000)
		return err
	}))
	m.costs(t, "list of 1,000 with ETags by path", 1, update(func(tx engine.Tx) error {
		return wantListPath(ctx, tx, engine.ListQuery{WalkQuery: engine.WalkQuery{From: 1, Names: []string{"d", "d", "d"}}, After: "k00000", Limit: 999, Xattr: "s3-etag", Also: []string{"k", "k00000"}}, 999)
	}))
	m.costs(t, "list of 1,000 with ETags", 1, update(func(tx engine.Tx) error { return wantList(ctx, tx, 4, "", 1000) }))
}

// TestTurnaroundsOfLargeDirectories has a directory whose names are kept in memory.
func TestTurnaroundsOfLargeDirectories(t *testing.T) {
	m := through(t, redistest.Start(t), 1)
	ctx := t.Context()
	plantPath(t, m)
	plantFiles(t, m, 5000)
	list := func(after string) func() error {
		return func() error {
			tx := m.Begin(engine.View)
			defer tx.Discard()
			return wantList(ctx, tx, 4, after, 1000)
		}
	}
	if err := list("")(); err != nil {
		t.Fatal(err)
	}
	m.costs(t, "list from memory", 1, list("k00700"))
	m.costs(t, "page from memory", 1, func() error {
		tx := m.Begin(engine.View)
		defer tx.Discard()
		_, err := tx.Page(ctx, engine.Range{Kind: record.KindEntry, A: 4, After: record.EntryKey(4, "k00700")}, 10)
		return err
	})
	byPath := func(likely record.Ino, after string, page int) func() error {
		return func() error {
			tx := m.Begin(engine.View)
			defer tx.Discard()
			return wantListPath(ctx, tx, engine.ListQuery{WalkQuery: engine.WalkQuery{From: 1, Names: []string{"d", "d", "d"}}, After: after, Limit: 1000, Xattr: "s3-etag",
				Also: []string{"k", after}, Likely: likely}, page)
		}
	}
	m.costs(t, "list by path from memory", 1, byPath(4, "k00700", 1000))
	m.costs(t, "list the end by path from memory", 1, byPath(4, "k04990", 9))
	m.costs(t, "list by path from memory, the directory not known", 2, byPath(0, "k00700", 1000))
	m.costs(t, "list by path from memory, another directory likely", 2, byPath(3, "k00700", 1000))
	m.costs(t, "list by a path that leads elsewhere by now", 1, func() error {
		tx := m.Begin(engine.View)
		defer tx.Discard()
		return wantListPath(ctx, tx, engine.ListQuery{WalkQuery: engine.WalkQuery{From: 1, Names: []string{"d", "none"}}, Limit: 1000, Likely: 4}, -1)
	})
	// A change costs: finding out, the names in one step, what belongs to them.
	m.counts(t, "list after a change", 3, func() error {
		plantFiles(t, m, 1)
		m.proxy.Reset()
		return list("")()
	})
	// By path it is found out, and there is no page: the caller asks for it, which costs the rest.
	m.counts(t, "list by path after a change", 1, func() error {
		plantFiles(t, m, 1)
		m.proxy.Reset()
		return byPath(4, "k00700", -1)()
	})
}

func walker(tx engine.Tx) engine.Walker { return tx.(engine.Walker) } //nolint:errcheck // all of ours are

func lister(tx engine.Tx) engine.Lister { return tx.(engine.Lister) } //nolint:errcheck // all of ours are

// wantLook looks into the directory of plantPath.
func wantLook(ctx context.Context, tx engine.Tx, q engine.LookQuery) error {
	l, err := tx.(engine.Looker).Look(ctx, q) //nolint:errcheck // all of ours are
	if err != nil || l == nil {
		return fmt.Errorf("declined: %v, %w", l == nil, err)
	}
	if l.Count < 1000 || int64(len(l.Inside)) < 1000 || l.Inside[999].Attr.Value == nil {
		return fmt.Errorf("%d entries, %d of them read", l.Count, len(l.Inside))
	}
	return nil
}

func wantList(ctx context.Context, tx engine.Tx, dir record.Ino, after string, n int) error {
	ls, err := lister(tx).ListDir(ctx, dir, after, n, "s3-etag")
	if err != nil {
		return err
	}
	if len(ls) != n || ls[0].Attr == nil || ls[0].Xattr == nil || ls[0].Name <= after {
		return fmt.Errorf("%d entries, the first is %+v", len(ls), ls[:min(len(ls), 1)])
	}
	return nil
}

// wantListPath lists by path and wants a page of so many entries; -1: none.
func wantListPath(ctx context.Context, tx engine.Tx, q engine.ListQuery, n int) error {
	l, err := tx.(engine.PathLister).ListPath(ctx, q) //nolint:errcheck // all of ours are
	if err != nil || l == nil {
		return fmt.Errorf("declined: %v, %w", l == nil, err)
	}
	if n < 0 {
		if l.Page != nil {
			return fmt.Errorf("a page of %d entries", len(l.Page))
		}
		return nil
	}
	if len(l.Page) != n || l.Page[0].Attr == nil || l.Page[0].Xattr == nil || l.Page[0].Name <= q.After || len(l.Also) != len(q.Also) {
		return fmt.Errorf("%d entries, the first is %+v; besides %+v", len(l.Page), l.Page[:min(len(l.Page), 1)], l.Also)
	}
	if l.Also[0].Value != nil || l.Also[1].Value == nil {
		return fmt.Errorf("besides there is %+v", l.Also)
	}
	return nil
}

// plantPath makes the directories 1/d/d/d, inodes 1 to 4, with 1,000 files in the last.
func plantPath(tb testing.TB, m engine.Engine) {
	tb.Helper()
	ws := []engine.Write{{Op: engine.Put, Key: record.AttrKey(1), Value: dirAttr(1)}}
	for i := record.Ino(2); i <= 4; i++ {
		ws = append(ws, engine.Write{Op: engine.Put, Key: record.EntryKey(i-1, "d"), Value: record.Dirent{Type: record.TypeDirectory, Ino: i}.Encode()},
			engine.Write{Op: engine.Put, Key: record.AttrKey(i), Value: dirAttr(i - 1)}, engine.Write{Op: engine.Put, Key: record.DirStatKey(i), Value: record.DirStat{}.Encode()})
	}
	commit(tb, m, ws)
	plantFiles(tb, m, 1000)
}

// plantFiles makes files in the directory 4, or writes them anew.
func plantFiles(tb testing.TB, m engine.Engine, n int) {
	tb.Helper()
	var ws []engine.Write
	for i := range n {
		for _, w := range putWrites(fmt.Sprintf("k%05d", i), record.Ino(101+i)) {
			if w.Op == engine.Insert {
				w.Op = engine.Put
			}
			ws = append(ws, w)
		}
		if len(ws) > 1000 || i == n-1 {
			commit(tb, m, ws)
			ws = nil
		}
	}
}

func commit(tb testing.TB, e engine.Engine, ws []engine.Write) {
	tb.Helper()
	if err := e.Begin(engine.Update).Commit(tb.Context(), &engine.Batch{Writes: ws}); err != nil {
		tb.Fatal(err)
	}
}

func dirAttr(parent record.Ino) []byte {
	return (&record.Attr{Type: record.TypeDirectory, Mode: 0o755, Nlink: 2, Length: 4096, Parent: parent, Mtime: record.Time{Sec: 1700000000}}).Encode()
}

// pathChecks is what a PUT into the directory 4 checks of a path that it knows.
func pathChecks() []engine.Check {
	checks := []engine.Check{{Kind: engine.Alike, Key: record.AttrKey(4), Want: dirAttr(3)}}
	for i := record.Ino(1); i <= 3; i++ {
		checks = append(checks, engine.Check{Kind: engine.Same, Key: record.EntryKey(i, "d"), Want: record.Dirent{Type: record.TypeDirectory, Ino: i + 1}.Encode()})
	}
	return checks
}

// putWrites is what a PUT of a new object of one slice with ETag and metadata writes.
func putWrites(name string, ino record.Ino) []engine.Write {
	a := &record.Attr{Type: record.TypeFile, Mode: 0o644, Nlink: 1, Length: 4096, Parent: 4, Mtime: record.Time{Sec: 1700000000 + int64(ino)}}
	return []engine.Write{
		{Op: engine.Add, Key: record.CounterKey(record.CounterSpace), Deltas: [3]int64{4096}},
		{Op: engine.Add, Key: record.CounterKey(record.CounterInodes), Deltas: [3]int64{1}},
		{Op: engine.Insert, Key: record.AttrKey(ino), Value: a.Encode()},
		{Op: engine.Add, Key: record.DirStatKey(4), Deltas: [3]int64{4096, 4096, 1}},
		{Op: engine.Insert, Key: record.ChunkKey(ino, 0), Value: record.EncodeSlices(record.Slice{ID: uint64(ino), Size: 4096, Len: 4096})},
		{Op: engine.Insert, Key: record.SliceRefKey(uint64(ino), 4096), Value: record.EncodeInt64(1)},
		{Op: engine.Put, Key: record.XattrKey(ino, "s3-etag"), Value: []byte("d41d8cd98f00b204e9800998ecf8427e")},
		{Op: engine.Put, Key: record.XattrKey(ino, "s3-meta"), Value: []byte(`{"a":"b"}`)},
		{Op: engine.Insert, Key: record.EntryKey(4, name), Value: record.Dirent{Type: record.TypeFile, Ino: ino}.Encode()},
		{Op: engine.Touch, Key: record.AttrKey(4), Time: a.Mtime},
		{Op: engine.Add, Key: record.QuotaKey(record.QuotaUser, 0), Deltas: [3]int64{4096, 1}},
	}
}
