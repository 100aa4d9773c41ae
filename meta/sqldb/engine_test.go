package sqldb_test

import (
	"path/filepath"
	"testing"

	"juicefs/meta/engine"
	"juicefs/meta/engine/enginetest"
	"juicefs/meta/sqldb"
)

func opener(options string) enginetest.Open {
	return func(tb testing.TB) engine.Engine {
		tb.Helper()
		e, err := sqldb.Open(tb.Context(), "sqlite3://"+filepath.Join(tb.TempDir(), "meta.db")+options, engine.Options{Create: true})
		if err != nil {
			tb.Fatal(err)
		}
		return e
	}
}

func TestEngine(t *testing.T) { enginetest.Run(t, opener("")) }

// TestEngineWithoutWAL: readers and the writer then wait for each other.
func TestEngineWithoutWAL(t *testing.T) {
	if testing.Short() {
		t.Skip("short: it waits for the disk for ten seconds")
	}
	enginetest.Run(t, opener("?_journal=DELETE"))
}

func BenchmarkEngine(b *testing.B) { enginetest.Bench(b, opener("")) }
