package redisdb_test

import (
	"strings"
	"sync/atomic"
	"testing"

	"juicefs/meta/engine"
	"juicefs/meta/engine/enginetest"
	"juicefs/meta/redisdb"
	"juicefs/pkg/tests/redistest"
)

// opener opens a database of its own each time, at addresses that differ by number.
func opener(url func(n int) string) enginetest.Open {
	var next atomic.Int64
	return func(tb testing.TB) engine.Engine {
		tb.Helper()
		return open(tb, url(int(next.Add(1))))
	}
}

func open(tb testing.TB, url string) *redisdb.Engine {
	tb.Helper()
	e, err := redisdb.Open(tb.Context(), url, engine.Options{Create: true})
	if err != nil {
		tb.Fatal(err)
	}
	return e
}

func TestEngineAlone(t *testing.T) {
	t.Parallel()
	enginetest.Run(t, opener(redistest.Start(t).URL))
}

func TestEngineInCluster(t *testing.T) {
	t.Parallel()
	enginetest.Run(t, opener(redistest.StartCluster(t).URL))
}

func TestEngineUnderSentinel(t *testing.T) {
	t.Parallel()
	enginetest.Run(t, opener(redistest.StartSentinel(t).URL))
}

// TestEngineWithoutScripts runs where the server does not let this user run scripts.
func TestEngineWithoutScripts(t *testing.T) {
	t.Parallel()
	enginetest.Run(t, opener(withoutScripts(t)))
}

// withoutScripts returns the addresses of a server that refuses scripts.
func withoutScripts(tb testing.TB) func(n int) string {
	tb.Helper()
	s := redistest.Start(tb)
	s.Do(tb, "ACL", "SETUSER", "plain", "on", ">secret", "~*", "&*", "+@all", "-@scripting")
	return func(n int) string { return strings.Replace(s.URL(n), "://", "://plain:secret@", 1) }
}

func BenchmarkEngine(b *testing.B) { enginetest.Bench(b, opener(redistest.Start(b).URL)) }
