package redisdb_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"juicefs/meta/engine"
	"juicefs/meta/record"
	"juicefs/meta/redisdb"
	"juicefs/pkg/tests/redistest"
)

// patience is how long tests wait for what must happen.
const patience = 20 * time.Second

func put(t *testing.T, e engine.Engine, name string) error {
	t.Helper()
	return e.Begin(engine.Update).Commit(t.Context(), &engine.Batch{Writes: []engine.Write{
		{Op: engine.Insert, Key: record.EntryKey(1, name), Value: record.Dirent{Type: record.TypeFile, Ino: 2}.Encode()},
		{Op: engine.Add, Key: record.CounterKey(record.CounterInodes), Deltas: [3]int64{1}},
	}})
}

func has(t *testing.T, e engine.Engine, name string) bool {
	t.Helper()
	tx := e.Begin(engine.View)
	defer tx.Discard()
	items, err := tx.Fetch(t.Context(), []engine.ReadOp{{Key: record.EntryKey(1, name)}})
	if err != nil {
		t.Fatal(err)
	}
	return items[0].Value != nil
}

func TestLostAnswerOfACommitIsUnknown(t *testing.T) {
	m := through(t, redistest.Start(t), 1)
	for _, c := range []struct {
		name string
		lose func(string)
		done bool
	}{{"answer", m.proxy.LoseAnswer, true}, {"request", m.proxy.LoseRequest, false}} {
		c.lose(redisdb.CommitHash)
		if err := put(t, m, c.name); !errors.Is(err, engine.ErrUnknown) {
			t.Errorf("lost %s: %v, want that nobody knows", c.name, err)
		}
		if got := has(t, m, c.name); got != c.done {
			t.Errorf("lost %s: the entry exists: %v", c.name, got)
		}
	}
	items, err := m.Begin(engine.View).Fetch(t.Context(), []engine.ReadOp{{Key: record.CounterKey(record.CounterInodes)}})
	if err != nil {
		t.Fatal(err)
	}
	if n, _ := record.DecodeInt64(record.KindCounter, items[0].Value); n != 1 {
		t.Errorf("%d additions, want 1: nothing may be sent twice", n)
	}
}

func TestReadsOfALostConnectionAreBusy(t *testing.T) {
	m := through(t, redistest.Start(t), 1)
	if err := put(t, m, "a"); err != nil {
		t.Fatal(err)
	}
	m.proxy.LoseAnswer("HMGET")
	tx := m.Begin(engine.View)
	defer tx.Discard()
	if _, err := tx.Fetch(t.Context(), []engine.ReadOp{{Key: record.EntryKey(1, "a")}}); !errors.Is(err, engine.ErrBusy) {
		t.Errorf("got %v, want busy", err)
	}
	if !has(t, m, "a") {
		t.Error("the next read finds nothing")
	}
	m.proxy.Refuse(true)
	wait(t, "connections are cut", func() bool { return m.proxy.Open() == 0 })
	if err := put(t, m, "b"); !errors.Is(err, engine.ErrBusy) {
		t.Errorf("commit without a server: %v, want busy", err)
	}
	m.proxy.Refuse(false)
	eventually(t, "commits work again", func() error { return put(t, m, "b") })
}

// eventually repeats what may be busy.
func eventually(t *testing.T, what string, f func() error) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		err := f()
		if err == nil {
			return
		}
		if !errors.Is(err, engine.ErrBusy) || time.Now().After(deadline) {
			t.Fatalf("%s: %v", what, err)
		}
	}
}

func TestScriptsAreSentAgain(t *testing.T) {
	s := redistest.Start(t)
	e := open(t, s.URL(1))
	defer closeEngine(t, e)
	s.Do(t, "SCRIPT", "FLUSH")
	if err := put(t, e, "a"); err != nil {
		t.Errorf("commit: %v", err)
	}
	s.Do(t, "SCRIPT", "FLUSH")
	if _, err := walker(e.Begin(engine.View)).Walk(t.Context(), engine.WalkQuery{From: 1, Names: []string{"a"}}); err != nil {
		t.Errorf("walk: %v", err)
	}
}

func TestServerThatRefusesIsBusy(t *testing.T) {
	s := redistest.Start(t)
	e := open(t, s.URL(1))
	defer closeEngine(t, e)
	if err := put(t, e, "before"); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		on   []any
		off  []any
	}{
		{"a replica", []any{"REPLICAOF", "127.0.0.1", "1"}, []any{"REPLICAOF", "NO", "ONE"}},
		{"out of memory", []any{"CONFIG", "SET", "maxmemory", "1"}, []any{"CONFIG", "SET", "maxmemory", "0"}},
		{"too few replicas", []any{"CONFIG", "SET", "min-replicas-to-write", "1"}, []any{"CONFIG", "SET", "min-replicas-to-write", "0"}},
	} {
		s.Do(t, c.on...)
		if err := put(t, e, c.name); !errors.Is(err, engine.ErrBusy) {
			t.Errorf("%s: %v, want busy", c.name, err)
		}
		if _, err := e.Incr(t.Context(), record.CounterInode, 1); !errors.Is(err, engine.ErrBusy) {
			t.Errorf("%s, incr: %v, want busy", c.name, err)
		}
		if has(t, e, c.name) {
			t.Errorf("%s: the commit was done", c.name)
		}
		s.Do(t, c.off...)
		if err := put(t, e, c.name); err != nil {
			t.Errorf("after %s: %v", c.name, err)
		}
	}
}

func TestTooManyClientsAreBusy(t *testing.T) {
	s := redistest.Start(t)
	e := open(t, s.URL(1)+"?pool_size=2")
	defer closeEngine(t, e)
	s.Do(t, "CONFIG", "SET", "maxclients", 1)
	_, err := redisdb.Open(t.Context(), s.URL(2), engine.Options{Retries: 1})
	if !errors.Is(err, engine.ErrBusy) {
		t.Errorf("open: %v, want busy", err)
	}
}

// TestNothingHangs stops all traffic and demands that calls end in time.
func TestNothingHangs(t *testing.T) {
	m := through(t, redistest.Start(t), 1)
	if err := put(t, m, "a"); err != nil {
		t.Fatal(err)
	}
	m.proxy.Stall(true)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	begin := time.Now()
	if _, err := m.Begin(engine.View).Fetch(ctx, []engine.ReadOp{{Key: record.AttrKey(1)}}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("fetch: %v, want that the time is over", err)
	}
	if err := m.Begin(engine.Update).Commit(ctx, &engine.Batch{Writes: putWrites("x", 9)}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("commit: %v, want that the time is over", err)
	}
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("calls with a deadline took %s", took)
	}
	m.proxy.Stall(false)
	eventually(t, "commits work again", func() error { return put(t, m, "b") })

	short := open(t, "redis://"+m.proxy.Addr()+"/1?read-timeout=200ms")
	defer closeEngine(t, short)
	m.proxy.Stall(true)
	begin = time.Now()
	if _, err := short.Begin(engine.View).Fetch(t.Context(), []engine.ReadOp{{Key: record.AttrKey(1)}}); !errors.Is(err, engine.ErrBusy) {
		t.Errorf("fetch: %v, want busy", err)
	}
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("a call with a read timeout took %s", took)
	}
}

// TestRestartUnderLoad kills a server that keeps its data, again and again, while clients write: what was acknowledged is
// there afterwards, and clients get to hear that the server is busy or that nobody knows, nothing else.
func TestRestartUnderLoad(t *testing.T) {
	s := redistest.Start(t, "--appendonly", "yes", "--appendfsync", "always")
	e := open(t, s.URL(1))
	defer closeEngine(t, e)
	stop := make(chan struct{})
	var mu sync.Mutex
	acked, maybe := map[string]bool{}, 0
	var workers sync.WaitGroup
	for w := range 4 {
		workers.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				name := fmt.Sprintf("%d-%d", w, n)
				err := put(t, e, name)
				mu.Lock()
				switch {
				case err == nil:
					acked[name] = true
				case errors.Is(err, engine.ErrUnknown):
					maybe++
				case !errors.Is(err, engine.ErrBusy):
					t.Errorf("put: %v", err)
				}
				mu.Unlock()
			}
		})
	}
	count := func() int {
		mu.Lock()
		defer mu.Unlock()
		return len(acked)
	}
	for range 3 {
		wait(t, "more commits", func(before int) func() bool { return func() bool { return count() > before+100 } }(count()))
		s.Kill(t)
		s.Restart(t)
	}
	wait(t, "commits after the last restart", func(before int) func() bool { return func() bool { return count() > before+100 } }(count()))
	close(stop)
	workers.Wait()
	for name := range acked {
		if !has(t, e, name) {
			t.Errorf("%s was acknowledged and is gone", name)
		}
	}
	items, err := e.Begin(engine.View).Fetch(t.Context(), []engine.ReadOp{{Key: record.CounterKey(record.CounterInodes)}})
	if err != nil {
		t.Fatal(err)
	}
	n, err := record.DecodeInt64(record.KindCounter, items[0].Value)
	if err != nil || n < int64(len(acked)) || n > int64(len(acked)+maybe) {
		t.Errorf("counted %d, acknowledged %d, unknown %d", n, len(acked), maybe)
	}
}

// wait polls until something is so.
func wait(t *testing.T, what string, so func() bool) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !so() {
		select {
		case <-deadline.C:
			t.Fatalf("%s: not within %s", what, patience)
		case <-tick.C:
		}
	}
}

// TestLoadingServerIsBusy starts a server that takes its time to read what it kept.
func TestLoadingServerIsBusy(t *testing.T) {
	s := redistest.Start(t, "--key-load-delay", "2000", "--loading-process-events-interval-bytes", "1024", "--rdbcompression", "no")
	e := open(t, s.URL(1))
	defer closeEngine(t, e)
	var ws []engine.Write
	for i := range 500 {
		ws = append(ws, engine.Write{Op: engine.Put, Key: record.SymlinkKey(record.Ino(i + 2)), Value: make([]byte, 100)})
	}
	commit(t, e, ws)
	s.Do(t, "SAVE")
	s.Kill(t)
	back := make(chan struct{})
	go func() {
		defer close(back)
		s.Restart(t)
	}()
	loading := false
	for alive := true; alive; {
		select {
		case <-back:
			alive = false
		default:
		}
		_, err := e.Begin(engine.View).Fetch(t.Context(), []engine.ReadOp{{Key: record.SymlinkKey(2)}})
		if err != nil && !errors.Is(err, engine.ErrBusy) {
			t.Errorf("fetch: %v", err)
		}
		loading = loading || err != nil && strings.Contains(err.Error(), "LOADING")
	}
	if !loading {
		t.Error("the server did not say that it is loading")
	}
	eventually(t, "commits work again", func() error { return put(t, e, "a") })
	if err := put(t, e, "b"); err != nil {
		t.Error(err)
	}
}

func TestFailover(t *testing.T) {
	g := redistest.StartSentinel(t)
	e := open(t, g.URL(1))
	defer closeEngine(t, e)
	if err := put(t, e, "a"); err != nil {
		t.Fatal(err)
	}
	g.Master.Do(t, "WAIT", 1, 5000)
	g.Failover(t)
	wait(t, "commits go to the new master", func() bool {
		err := put(t, e, fmt.Sprint("n", time.Now().UnixNano()))
		if err != nil && !errors.Is(err, engine.ErrBusy) && !errors.Is(err, engine.ErrUnknown) {
			t.Errorf("put: %v", err)
		}
		n, failed := client(t, g.Replica, 1).HLen(t.Context(), "d1").Result()
		return err == nil && failed == nil && n > 1
	})
	if !has(t, e, "a") {
		t.Error("what the old master had is gone")
	}
}

func TestClusterNodeGone(t *testing.T) {
	c := redistest.StartCluster(t)
	e := open(t, c.URL(1))
	defer closeEngine(t, e)
	if err := put(t, e, "a"); err != nil {
		t.Fatal(err)
	}
	for _, s := range c.Nodes {
		if fmt.Sprint(s.Do(t, "DBSIZE")) != "0" {
			s.Kill(t)
		}
	}
	if err := put(t, e, "b"); !errors.Is(err, engine.ErrBusy) && !errors.Is(err, engine.ErrUnknown) {
		t.Errorf("commit to a node that is gone: %v", err)
	}
	if err := put(t, e, "c"); !errors.Is(err, engine.ErrBusy) {
		t.Errorf("second commit to a node that is gone: %v, want busy", err)
	}
}

func TestCloseLeavesNothing(t *testing.T) {
	before := runtime.NumGoroutine()
	m := through(t, redistest.Start(t), 1)
	plantPath(t, m)
	plantFiles(t, m, redisdb.SmallDir+1)
	var workers sync.WaitGroup
	for range 8 {
		workers.Go(func() {
			for range 20 {
				tx := m.Begin(engine.View)
				if _, err := lister(tx).ListDir(t.Context(), 4, "", 10, ""); err != nil {
					t.Error(err)
				}
				tx.Discard()
			}
		})
	}
	workers.Wait()
	if m.proxy.Open() == 0 {
		t.Fatal("no connection")
	}
	closeEngine(t, m.Engine)
	wait(t, "connections are closed", func() bool { return m.proxy.Open() == 0 })
	wait(t, "goroutines end", func() bool { return runtime.NumGoroutine() <= before+5 }) // the proxy and the server's watcher
}
