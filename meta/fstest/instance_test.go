package fstest_test

import (
	"path/filepath"
	"testing"

	"juicefs/meta/engine"
	"juicefs/meta/fstest"
	"juicefs/meta/kvdb/mem"
	"juicefs/meta/sqldb"
)

func TestMem(t *testing.T) {
	fstest.Run(t, func(t *testing.T) engine.Engine {
		e, err := mem.Open(t.Context(), engine.Options{Create: true})
		if err != nil {
			t.Fatal(err)
		}
		return e
	})
}

// What every engine that asks for totals to be gathered relies on.
func TestHotCounters(t *testing.T) {
	fstest.RunHot(t, func(t *testing.T) engine.Engine {
		e, err := mem.Open(t.Context(), engine.Options{Create: true})
		if err != nil {
			t.Fatal(err)
		}
		return e
	})
}

// What clients of remote engines do.
func TestRemembering(t *testing.T) {
	fstest.RunRemembering(t, func(t *testing.T) engine.Engine {
		e, err := mem.Open(t.Context(), engine.Options{Create: true})
		if err != nil {
			t.Fatal(err)
		}
		return e
	})
}

func TestSQLite(t *testing.T) {
	fstest.Run(t, func(t *testing.T) engine.Engine {
		e, err := sqldb.Open(t.Context(), "sqlite3://"+filepath.Join(t.TempDir(), "meta.db"), engine.Options{Create: true})
		if err != nil {
			t.Fatal(err)
		}
		return e
	})
}
