package sqldb

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mattn/go-sqlite3"

	"juicefs/meta/engine"
	"juicefs/meta/record"
)

// foreign is another program's connection to a file.
type foreign struct {
	tb testing.TB
	c  *sqlite3.SQLiteConn
}

func openForeign(tb testing.TB, path string) *foreign {
	tb.Helper()
	c, err := (&sqlite3.SQLiteDriver{}).Open("file:" + path)
	if err != nil {
		tb.Fatal(err)
	}
	raw, ok := c.(*sqlite3.SQLiteConn)
	if !ok {
		tb.Fatalf("connection of type %T", c)
	}
	f := &foreign{tb, raw}
	tb.Cleanup(func() {
		if err := f.c.Close(); err != nil {
			tb.Errorf("close foreign connection: %v", err)
		}
	})
	return f
}

func (f *foreign) exec(text string, args ...driver.Value) {
	f.tb.Helper()
	if _, err := f.c.ExecContext(context.Background(), text, named(args)); err != nil {
		f.tb.Fatalf("%s: %v", text, err)
	}
}

// query returns all rows.
func (f *foreign) query(text string, args ...driver.Value) [][]driver.Value {
	f.tb.Helper()
	rows, err := f.c.QueryContext(context.Background(), text, named(args))
	if err != nil {
		f.tb.Fatalf("%s: %v", text, err)
	}
	defer func() {
		if err := rows.Close(); err != nil {
			f.tb.Errorf("%s: %v", text, err)
		}
	}()
	var all [][]driver.Value
	for {
		row := make([]driver.Value, len(rows.Columns()))
		switch err := rows.Next(row); {
		case errors.Is(err, io.EOF):
			return all
		case err != nil:
			f.tb.Fatalf("%s: %v", text, err)
		}
		all = append(all, row)
	}
}

func named(args []driver.Value) []driver.NamedValue {
	all := make([]driver.NamedValue, len(args))
	for i, a := range args {
		all[i] = driver.NamedValue{Ordinal: i + 1, Value: a}
	}
	return all
}

// schema returns the statements that made a file's tables, but for what SQLite made itself.
func (f *foreign) schema() []string {
	f.tb.Helper()
	var all []string
	for _, row := range f.query("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%'") {
		all = append(all, string(raw(row[0])))
	}
	return all
}

// ddl reads the schema of a vector.
func ddl(tb testing.TB, file string) []string {
	tb.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", file))
	if err != nil {
		tb.Fatal(err)
	}
	var all []string
	for _, line := range strings.Split(strings.TrimSpace(string(b)), "\n") {
		all = append(all, strings.TrimSuffix(strings.TrimSpace(line), ";"))
	}
	return all
}

func openAt(tb testing.TB, path, options string, o engine.Options) *Engine {
	tb.Helper()
	e, err := Open(tb.Context(), "sqlite3://"+path+options, o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := e.Close(); err != nil {
			tb.Errorf("close: %v", err)
		}
	})
	own, ok := e.(*Engine)
	if !ok {
		tb.Fatalf("engine of type %T", e)
	}
	return own
}

func newPath(tb testing.TB) string { return filepath.Join(tb.TempDir(), "meta.db") }

func commit(ctx context.Context, e engine.Engine, ws ...engine.Write) error {
	tx := e.Begin(engine.Update)
	defer tx.Discard()
	return tx.Commit(ctx, &engine.Batch{Writes: ws})
}

func put(k record.Key, v []byte) engine.Write {
	return engine.Write{Op: engine.Put, Key: k, Value: v}
}

func fetch(tb testing.TB, e engine.Engine, k record.Key) []byte {
	tb.Helper()
	tx := e.Begin(engine.View)
	defer tx.Discard()
	items, err := tx.Fetch(tb.Context(), []engine.ReadOp{{Key: k}})
	if err != nil {
		tb.Fatal(err)
	}
	return items[0].Value
}
