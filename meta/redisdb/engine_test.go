package redisdb_test

import (
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

func TestEngineAlone(t *testing.T) { enginetest.Run(t, opener(redistest.Start(t).URL)) }

func TestEngineInCluster(t *testing.T) { enginetest.Run(t, opener(redistest.StartCluster(t).URL)) }

func TestEngineUnderSentinel(t *testing.T) { enginetest.Run(t, opener(redistest.StartSentinel(t).URL)) }

func BenchmarkEngine(b *testing.B) { enginetest.Bench(b, opener(redistest.Start(b).URL)) }
