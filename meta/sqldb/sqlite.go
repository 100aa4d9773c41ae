package sqldb

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/mattn/go-sqlite3"

	"juicefs/meta/engine"
	"juicefs/meta/record"
)

// sqlite is the dialect of SQLite.
type sqlite struct{}

var _ dialect = sqlite{}

// columnType spells types as juicefs 1.4.1 does; testdata/ddl-sqlite-v1.4.1.sql.
func (sqlite) columnType(c *column, sole bool) string {
	t := "INTEGER"
	switch c.typ {
	case typeString, typeText:
		t = "TEXT"
	case typeName, typePath, typeBlob:
		t = "BLOB"
	}
	if sole && c.pk {
		t += " PRIMARY KEY"
	}
	if c.auto {
		t += " AUTOINCREMENT"
	}
	if c.zero {
		t += " DEFAULT 0"
	}
	if c.null {
		return t + " NULL"
	}
	return t + " NOT NULL"
}

func (sqlite) upsert(unique, set []string) string {
	if len(set) == 0 {
		return "ON CONFLICT (" + quote(unique...) + ") DO NOTHING"
	}
	assign := make([]string, len(set))
	for i, c := range set {
		assign[i] = quote(c) + "=excluded." + quote(c)
	}
	return "ON CONFLICT (" + quote(unique...) + ") DO UPDATE SET " + strings.Join(assign, ",")
}

// blobAppend keeps the cell a BLOB, which || alone does not.
func (sqlite) blobAppend(col string) string { return "CAST(" + col + " || ? AS BLOB)" }

// finish writes +? for ? where rows are looked for. For a bare ? in a LIMIT, or compared in a join, SQLite plans the statement
// anew whenever the argument changes, and the driver's clearing of arguments always counts as a change: 22 microseconds for
// a step of Walk against 4. A sign hides the argument from that, and changes nothing else.
func (sqlite) finish(text string) string {
	if strings.HasPrefix(text, "INSERT") {
		return text
	}
	return strings.ReplaceAll(text, "?", "+?")
}

func (sqlite) begin() (update, view string) { return "BEGIN IMMEDIATE", "BEGIN" }

func (sqlite) sequence(table string) (get, set, insert string) {
	const t = "sqlite_sequence"
	return "SELECT seq FROM " + t + " WHERE name='" + table + "'", "UPDATE " + t + " SET seq=? WHERE name='" + table + "'",
		"INSERT INTO " + t + " (seq,name) VALUES (?,'" + table + "')"
}

// sqliteOptions are what a URL says.
type sqliteOptions struct {
	path    string
	dsn     string // of the driver, with options
	journal string // journal mode to set
	timeout time.Duration
	readers int
	names   namer
}

// Defaults of options (juicefs 1.4.1, and the driver's).
const (
	defaultJournal = "WAL"
	defaultTimeout = 5000 // milliseconds
)

var prefixWords = regexp.MustCompile(`^[A-Za-z0-9_]+$`)

// parseSQLite reads a URL behind its scheme: a path, and options of this package and of the driver.
func parseSQLite(rest string, o engine.Options) (*sqliteOptions, error) {
	path, query, _ := strings.Cut(rest, "?")
	if path == "" || path == ":memory:" {
		return nil, fmt.Errorf("sqlite3 needs the path of a file, got %q", path)
	}
	q, err := url.ParseQuery(query)
	if err != nil {
		return nil, fmt.Errorf("options of sqlite3: %w", err)
	}
	so := &sqliteOptions{path: path, journal: defaultJournal, readers: max(16, 4*runtime.GOMAXPROCS(0)), names: namer{"jfs_"}}
	if p := q.Get("table_prefix"); p != "" {
		if !prefixWords.MatchString(p) {
			return nil, fmt.Errorf("table_prefix %q: want letters, digits and _", p)
		}
		so.names.prefix += p + "_"
	}
	if so.readers, err = optionInt(q, "max_open_conns", so.readers); err != nil {
		return nil, err
	}
	ms, err := optionInt(q, "_timeout", 0)
	if err == nil && ms == 0 {
		ms, err = optionInt(q, "_busy_timeout", defaultTimeout)
	}
	if err != nil {
		return nil, err
	}
	so.timeout = time.Duration(ms) * time.Millisecond
	for _, name := range []string{"_journal", "_journal_mode"} {
		if v := q.Get(name); v != "" {
			so.journal = v
		}
	}
	if !prefixWords.MatchString(so.journal) {
		return nil, fmt.Errorf("invalid journal mode %q", so.journal)
	}
	// cache: see the package comment. The journal mode is set once the file is known to be a volume.
	for _, name := range []string{"table_prefix", "max_open_conns", "max_idle_conns", "max_idle_time", "max_life_time", "_timeout", "_busy_timeout",
		"_journal", "_journal_mode", "cache", "_txlock"} {
		q.Del(name)
	}
	if !q.Has("_mutex") {
		q.Set("_mutex", "no") // a connection is used by one goroutine at a time
	}
	switch {
	case o.ReadOnly:
		q.Set("mode", "ro")
	case !q.Has("mode") && o.Create:
		q.Set("mode", "rwc")
	case !q.Has("mode"):
		q.Set("mode", "rw")
	}
	q.Set("_timeout", strconv.Itoa(ms)) // while opening; then waited for in Go
	so.dsn = "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + q.Encode()
	return so, nil
}

// optionInt reads a whole number; absent or 0 is otherwise.
func optionInt(q url.Values, name string, otherwise int) (int, error) {
	v := q.Get(name)
	if v == "" {
		return otherwise, nil
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("option %s=%q: want a whole number", name, v)
	}
	if n == 0 {
		return otherwise, nil
	}
	return n, nil
}

// openSQLite opens a file and prepares it as o says.
func openSQLite(ctx context.Context, rest string, o engine.Options) (*pool, error) {
	so, err := parseSQLite(rest, o)
	if err != nil {
		return nil, err
	}
	if _, err = os.Stat(so.path); !o.Create && errors.Is(err, os.ErrNotExist) {
		// Where there is no folder there cannot be a database either, and who is about to make one had better know first.
		if _, err = os.Stat(filepath.Dir(so.path)); errors.Is(err, os.ErrNotExist) {
			return nil, fmt.Errorf("open %s: folder of the database: %w", so.path, err)
		}
		return nil, fmt.Errorf("%s: %w", so.path, engine.ErrNotFormatted)
	}
	texts := statementTexts(sqlite{}, so.names)
	rows := new(atomic.Int64)
	open := func() (*sqliteConn, error) { return so.connect(texts, rows, nil) }
	first, err := open()
	if err != nil {
		return nil, err
	}
	have, err := first.prepareFile(ctx, so, o)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", so.path, err), first.close())
	}
	if !o.ReadOnly {
		return newPool(first, so, open), nil
	}
	if err := first.close(); err != nil {
		return nil, fmt.Errorf("open %s: %w", so.path, err)
	}
	standIns := so.names.standIns(sqlite{}, *have)
	return newPool(nil, so, func() (*sqliteConn, error) { return so.connect(texts, rows, standIns) }), nil
}

// connect opens a connection and runs statements on it.
func (so *sqliteOptions) connect(texts []string, rows *atomic.Int64, setup []string) (*sqliteConn, error) {
	dc, err := (&sqlite3.SQLiteDriver{}).Open(so.dsn)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", so.path, err)
	}
	raw, ok := dc.(*sqlite3.SQLiteConn)
	if !ok {
		return nil, fmt.Errorf("open %s: connection of type %T", so.path, dc)
	}
	c := &sqliteConn{raw: raw, texts: texts, stmts: make([]*sqlite3.SQLiteStmt, statements), timeout: so.timeout, rows: rows}
	for _, s := range append([]string{"PRAGMA busy_timeout=0"}, setup...) {
		if _, err := c.raw.Exec(s, nil); err != nil {
			return nil, errors.Join(fmt.Errorf("open %s: %w", so.path, err), c.close())
		}
	}
	return c, nil
}

// prepareFile makes sure of a volume's tables and returns what the file had.
func (c *sqliteConn) prepareFile(ctx context.Context, so *sqliteOptions, o engine.Options) (*catalogue, error) {
	have, err := c.catalogue(ctx)
	if err != nil {
		return nil, err
	}
	if !o.Create && have.columns[so.names.table("setting")] == nil {
		return nil, engine.ErrNotFormatted
	}
	if o.ReadOnly {
		return have, nil
	}
	if err := c.script(ctx, "PRAGMA journal_mode="+so.journal); err != nil {
		return nil, err
	}
	if len(so.names.lacks(sqlite{}, *have)) > 0 {
		if err := c.upgrade(ctx, so.names); err != nil {
			return nil, fmt.Errorf("make tables: %w", err)
		}
	}
	if o.Create {
		return have, c.initCounters(ctx, so.names)
	}
	return have, nil
}

// upgrade makes the tables, columns and indexes that are missing, in one transaction.
func (c *sqliteConn) upgrade(ctx context.Context, n namer) (err error) {
	if err = c.run(ctx, stBegin); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			c.rollback()
		}
	}()
	have, err := c.catalogue(ctx) // again: another process may have been faster
	if err != nil {
		return err
	}
	for _, s := range n.lacks(sqlite{}, *have) {
		if err := c.script(ctx, s); err != nil {
			return fmt.Errorf("%s: %w", s, err)
		}
	}
	return c.run(ctx, stCommit)
}

// initCounters writes the counters of a new volume that are not there. Format: juicefs 1.4.1.
func (c *sqliteConn) initCounters(ctx context.Context, n namer) error {
	for _, name := range []string{record.CounterInode, record.CounterSlice, record.CounterSession, record.CounterSpace, record.CounterInodes, record.CounterNextSlices} {
		s := fmt.Sprintf("INSERT INTO %s (name,value) VALUES ('%s',%d) ON CONFLICT (name) DO NOTHING", quote(n.table("counter")), name, initial(name))
		if err := c.script(ctx, s); err != nil {
			return fmt.Errorf("make counters: %w", err)
		}
	}
	return nil
}

// script runs a text without arguments, waiting while the database is locked.
func (c *sqliteConn) script(ctx context.Context, text string) error {
	var w wait
	for {
		_, err := c.raw.ExecContext(context.WithoutCancel(ctx), text, nil)
		if !isLocked(err) {
			return err
		}
		if err = w.next(ctx, c.timeout, err); err != nil {
			return err
		}
	}
}

// catalogue reads which tables, columns and indexes there are.
func (c *sqliteConn) catalogue(ctx context.Context) (*catalogue, error) {
	have := &catalogue{columns: map[string][]string{}}
	const text = "SELECT m.type, m.name, p.name FROM sqlite_master m LEFT JOIN pragma_table_info(m.name) p WHERE m.type IN ('table','index')"
	var w wait
	for {
		rows, err := c.raw.QueryContext(context.WithoutCancel(ctx), text, nil)
		if err == nil {
			row := make([]driver.Value, 3)
			for err = rows.Next(row); err == nil; err = rows.Next(row) {
				switch name := string(raw(row[1])); string(raw(row[0])) {
				case "table":
					have.columns[name] = append(have.columns[name], string(raw(row[2])))
				case "index":
					have.indexes = append(have.indexes, name)
				}
			}
			if cerr := rows.Close(); errors.Is(err, io.EOF) {
				err = cerr
			}
		}
		if !isLocked(err) {
			return have, err
		}
		if err = w.next(ctx, c.timeout, err); err != nil {
			return nil, err
		}
		*have = catalogue{columns: map[string][]string{}}
	}
}
