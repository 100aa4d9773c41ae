package redisdb_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"juicefs/meta/engine"
	"juicefs/meta/record"
	"juicefs/meta/redisdb"
	"juicefs/pkg/tests/redistest"
)

// plantMany makes n entries without inodes in a directory.
func plantMany(tb testing.TB, e engine.Engine, dir record.Ino, n int) []string {
	tb.Helper()
	var ws []engine.Write
	names := make([]string, n)
	for i := range n {
		names[i] = fmt.Sprintf("k%07d", i)
		ws = append(ws, engine.Write{Op: engine.Put, Key: record.EntryKey(dir, names[i]), Value: record.Dirent{Type: record.TypeFile, Ino: record.Ino(i + 100)}.Encode()})
		if len(ws) == 5000 || i == n-1 {
			commit(tb, e, ws)
			ws = nil
		}
	}
	return names
}

// listAll lists a directory in pages and returns the names.
func listAll(tb testing.TB, e engine.Engine, dir record.Ino, limit int) []string {
	tb.Helper()
	var names []string
	after := ""
	for {
		ls, err := lister(e.Begin(engine.View)).ListDir(tb.Context(), dir, after, limit, "")
		if err != nil {
			tb.Fatal(err)
		}
		for _, l := range ls {
			names = append(names, l.Name)
		}
		if len(ls) < limit {
			return names
		}
		after = names[len(names)-1]
	}
}

// TestLargeDirectoryShowsForeignChanges has one client change a large directory while another lists it from memory. What was
// acknowledged before a page was asked for must be in it.
func TestLargeDirectoryShowsForeignChanges(t *testing.T) {
	const large = redisdb.SmallDir + 500
	for _, s := range []struct {
		name string
		url  func(int) string
	}{{"alone", redistest.Start(t).URL}, {"in a cluster", redistest.StartCluster(t).URL}, {"without scripts", withoutScripts(t)}} {
		t.Run(s.name, func(t *testing.T) {
			ours, theirs := open(t, s.url(1)), open(t, s.url(1))
			defer closeEngine(t, ours)
			defer closeEngine(t, theirs)
			want := plantMany(t, theirs, 7, large)
			if got := listAll(t, ours, 7, 300); !slices.Equal(got, want) {
				t.Fatalf("%d names, want %d", len(got), len(want))
			}
			seed := uint64(time.Now().UnixNano())
			t.Logf("seed %d", seed)
			r := rand.New(rand.NewPCG(seed, 0))
			for step := range 60 {
				i := r.IntN(len(want))
				w := engine.Write{Op: engine.Delete, Key: record.EntryKey(7, want[i])}
				if step%2 == 0 {
					w = engine.Write{Op: engine.Put, Key: record.EntryKey(7, fmt.Sprintf("k%07d+%d", i, step)), Value: record.Dirent{Type: record.TypeFile, Ino: 9}.Encode()}
				}
				commit(t, theirs, []engine.Write{w})
				if w.Op == engine.Delete {
					want = slices.Delete(want, i, i+1)
				} else {
					at, _ := slices.BinarySearch(want, w.Key.Name)
					want = slices.Insert(want, at, w.Key.Name)
				}
				from := max(i-5, 0)
				items, err := ours.Begin(engine.View).Page(t.Context(), engine.Range{Kind: record.KindEntry, A: 7, After: record.EntryKey(7, want[from])}, 20)
				if err != nil {
					t.Fatal(err)
				}
				var got []string
				for _, it := range items {
					got = append(got, it.Key.Name)
				}
				if page := want[from+1 : min(from+21, len(want))]; !slices.Equal(got, page) {
					t.Fatalf("step %d, after %s: %q, want %q", step, want[from], got, page)
				}
			}
		})
	}
}

// TestKeptNamesSurviveNothing cuts the connection that tells of changes: the next page must not come from memory.
func TestKeptNamesSurviveNothing(t *testing.T) {
	s := redistest.Start(t)
	m := through(t, s, 1)
	theirs := open(t, s.URL(1))
	defer closeEngine(t, theirs)
	want := plantMany(t, m, 7, redisdb.SmallDir+10)
	for round := range 3 {
		if got := listAll(t, m, 7, 1000); !slices.Equal(got, want) {
			t.Fatalf("round %d: %d names, want %d", round, len(got), len(want))
		}
		m.proxy.Cut()
		wait(t, "connections are cut", func() bool { return m.proxy.Open() == 0 })
		commit(t, theirs, []engine.Write{{Op: engine.Delete, Key: record.EntryKey(7, want[round])}})
		want = slices.Delete(want, round, round+1)
		eventually(t, "list", func() error {
			_, err := lister(m.Begin(engine.View)).ListDir(t.Context(), 7, "", 1, "")
			return err
		})
	}
	s.Do(t, "FLUSHALL")
	if got := listAll(t, m, 7, 1000); len(got) != 0 {
		t.Errorf("%d names in an empty database", len(got))
	}
}

func TestKeptNamesAreBounded(t *testing.T) {
	e := open(t, redistest.Start(t).URL(1))
	defer closeEngine(t, e)
	const n = redisdb.SmallDir + 10
	for dir := record.Ino(1); dir <= 4; dir++ {
		plantMany(t, e, dir, n)
	}
	e.LimitIndex(3 * n * 21) // names of 8 bytes, and 13 for the rest
	for dir := record.Ino(1); dir <= 4; dir++ {
		listAll(t, e, dir, 1000)
	}
	if got := e.Kept(); got != 3 {
		t.Errorf("names of %d directories are kept, want 3", got)
	}
	e.LimitIndex(10)
	if got := listAll(t, e, 1, 1000); len(got) != n {
		t.Errorf("%d names, want %d", len(got), n)
	}
}

// TestLargeDirectoryInParallel lists while the directory changes; every page must be in order and hold what never changes.
func TestLargeDirectoryInParallel(t *testing.T) {
	s := redistest.Start(t)
	ours, theirs := open(t, s.URL(1)), open(t, s.URL(1))
	defer closeEngine(t, ours)
	defer closeEngine(t, theirs)
	fixed := plantMany(t, ours, 7, redisdb.SmallDir+10)
	stop := make(chan struct{})
	var writer, readers sync.WaitGroup
	writer.Go(func() {
		for n := 0; ; n++ {
			select {
			case <-stop:
				return
			default:
			}
			k := record.EntryKey(7, fmt.Sprintf("k%07d+", n%1000))
			op := engine.Write{Op: engine.Put, Key: k, Value: record.Dirent{Type: record.TypeFile, Ino: 9}.Encode()}
			if n%3 == 2 {
				op = engine.Write{Op: engine.Delete, Key: k}
			}
			commit(t, theirs, []engine.Write{op})
		}
	})
	for range 4 {
		readers.Go(func() {
			for range 5 {
				got := listAll(t, ours, 7, 700)
				if !slices.IsSorted(got) {
					t.Error("names are not in order")
				}
				for _, name := range fixed {
					if _, ok := slices.BinarySearch(got, name); !ok {
						t.Errorf("%s is missing", name)
					}
				}
			}
		})
	}
	readers.Wait()
	close(stop)
	writer.Wait()
}

// TestOldServersTellNothing has a server that does not let its client ask for news: names are read for every page.
func TestOldServersTellNothing(t *testing.T) {
	s := redistest.Start(t)
	s.Do(t, "ACL", "SETUSER", "old", "on", ">secret", "~*", "&*", "+@all", "-client|tracking")
	e := open(t, "redis://old:secret@"+s.Addr+"/1")
	defer closeEngine(t, e)
	want := plantMany(t, e, 7, redisdb.SmallDir+10)
	for range 2 {
		if got := listAll(t, e, 7, 1000); !slices.Equal(got, want) {
			t.Errorf("%d names, want %d", len(got), len(want))
		}
	}
	if got := e.Kept(); got != 0 {
		t.Errorf("names of %d directories are kept", got)
	}
}

// TestLargeDirectoryKeepsWhatIsReplaced lists a large directory while its entries get new inodes and the old ones go: every
// page has every name with an attribute.
func TestLargeDirectoryKeepsWhatIsReplaced(t *testing.T) {
	for name, url := range map[string]func(int) string{"with scripts": redistest.Start(t).URL, "without": withoutScripts(t)} {
		t.Run(name, func(t *testing.T) {
			ours, theirs := open(t, url(1)), open(t, url(1))
			defer closeEngine(t, ours)
			defer closeEngine(t, theirs)
			const n, hot = redisdb.SmallDir + 10, 20
			plantPath(t, ours)
			plantFiles(t, ours, n)
			stop := make(chan struct{})
			var writer sync.WaitGroup
			writer.Go(func() {
				ino := make([]record.Ino, hot)
				for i := 0; ; i++ {
					select {
					case <-stop:
						return
					default:
					}
					next := record.Ino(1000000 + i)
					ws := putWrites(fmt.Sprintf("k%05d", i%hot), next)
					for j := range ws {
						if ws[j].Op == engine.Insert {
							ws[j].Op = engine.Put
						}
					}
					if old := ino[i%hot]; old != 0 {
						ws = append(ws, engine.Write{Op: engine.Delete, Key: record.AttrKey(old)})
					} else {
						ws = append(ws, engine.Write{Op: engine.Delete, Key: record.AttrKey(record.Ino(101 + i))})
					}
					ino[i%hot] = next
					if err := theirs.Begin(engine.Update).Commit(t.Context(), &engine.Batch{Writes: ws}); err != nil {
						t.Error(err)
						return
					}
				}
			})
			for range 60 {
				ls, err := lister(ours.Begin(engine.View)).ListDir(t.Context(), 4, "", hot, "s3-etag")
				if err != nil {
					t.Fatal(err)
				}
				for i, l := range ls {
					if l.Name != fmt.Sprintf("k%05d", i) || l.Attr == nil {
						t.Errorf("entry %d is %q with an attribute of %d bytes", i, l.Name, len(l.Attr))
					}
				}
				if len(ls) != hot {
					t.Errorf("%d entries", len(ls))
				}
			}
			close(stop)
			writer.Wait()
		})
	}
}
