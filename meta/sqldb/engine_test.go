package sqldb_test

import (
	"path/filepath"
	"testing"

	"juicefs/meta/engine"
	"juicefs/meta/engine/enginetest"
	"juicefs/meta/sqldb"
)

func open(tb testing.TB) engine.Engine {
	tb.Helper()
	e, err := sqldb.Open(tb.Context(), "sqlite3://"+filepath.Join(tb.TempDir(), "meta.db"), engine.Options{Create: true})
	if err != nil {
		tb.Fatal(err)
	}
	return e
}

func TestEngine(t *testing.T) { enginetest.Run(t, open) }

func BenchmarkEngine(b *testing.B) { enginetest.Bench(b, open) }
