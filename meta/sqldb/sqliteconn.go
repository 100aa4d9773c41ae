package sqldb

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/mattn/go-sqlite3"

	"juicefs/meta/engine"
)

// errDuplicate is wrapped when an insert met a row with the same unique columns.
var errDuplicate = errors.New("duplicate row")

// sqliteConn is a conn of SQLite.
type sqliteConn struct {
	raw     *sqlite3.SQLiteConn
	texts   []string
	stmts   []*sqlite3.SQLiteStmt // prepared when first used
	timeout time.Duration         // how long a locked database is waited for
	rows    *atomic.Int64         // rows read, for tests
	args    []driver.NamedValue   // scratch
	row     [1 + 3 + nodeWidth + 1]driver.Value
}

var _ conn = (*sqliteConn)(nil)

// close ends the connection.
func (c *sqliteConn) close() error {
	var errs []error
	for _, s := range c.stmts {
		if s != nil {
			errs = append(errs, s.Close())
		}
	}
	return errors.Join(append(errs, c.raw.Close())...)
}

// prepared returns a statement, prepared.
func (c *sqliteConn) prepared(s stmt) (*sqlite3.SQLiteStmt, error) {
	if p := c.stmts[s]; p != nil {
		return p, nil
	}
	p, err := c.raw.Prepare(c.texts[s])
	if err != nil {
		return nil, err
	}
	prepared, ok := p.(*sqlite3.SQLiteStmt)
	if !ok {
		return nil, fmt.Errorf("statement of type %T", p)
	}
	c.stmts[s] = prepared
	return prepared, nil
}

// start runs a statement up to its first row, waiting while the database is locked. SQLite allows a statement that was
// refused for that to be run again.
func (c *sqliteConn) start(ctx context.Context, s stmt, args []driver.Value) (driver.Rows, error) {
	c.args = c.args[:0]
	for i, a := range args {
		c.args = append(c.args, driver.NamedValue{Ordinal: i + 1, Value: a})
	}
	quiet := context.WithoutCancel(ctx)
	var w wait
	for {
		p, err := c.prepared(s)
		if err == nil {
			var rows driver.Rows
			if rows, err = p.QueryContext(quiet, c.args); err == nil {
				return rows, nil
			}
		}
		if !isLocked(err) {
			return nil, c.classify(s, err)
		}
		if err = w.next(ctx, c.timeout, err); err != nil {
			return nil, err
		}
	}
}

func (c *sqliteConn) one(ctx context.Context, s stmt, args ...driver.Value) ([]driver.Value, error) {
	rows, err := c.start(ctx, s, args)
	if err != nil {
		return nil, err
	}
	row := c.row[:len(rows.Columns())]
	err = rows.Next(row)
	if cerr := rows.Close(); err == nil {
		err = cerr
	}
	switch {
	case errors.Is(err, io.EOF):
		return nil, nil
	case err != nil:
		return nil, c.classify(s, err)
	}
	c.rows.Add(1)
	return row, nil
}

func (c *sqliteConn) each(ctx context.Context, s stmt, f func(row []driver.Value) error, args ...driver.Value) error {
	rows, err := c.start(ctx, s, args)
	if err != nil {
		return err
	}
	row := c.row[:len(rows.Columns())]
	for {
		if err = rows.Next(row); err != nil {
			break
		}
		c.rows.Add(1)
		if err = f(row); err != nil {
			break
		}
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	if cerr := rows.Close(); err == nil {
		err = cerr
	}
	return c.classify(s, err)
}

func (c *sqliteConn) run(ctx context.Context, s stmt, args ...driver.Value) error {
	rows, err := c.start(ctx, s, args)
	if err != nil {
		return err
	}
	return c.classify(s, rows.Close())
}

func (c *sqliteConn) exec(ctx context.Context, s stmt, args ...driver.Value) (int64, error) {
	c.args = c.args[:0]
	for i, a := range args {
		c.args = append(c.args, driver.NamedValue{Ordinal: i + 1, Value: a})
	}
	var w wait
	for {
		p, err := c.prepared(s)
		var res driver.Result
		if err == nil {
			res, err = p.ExecContext(context.WithoutCancel(ctx), c.args)
		}
		switch {
		case err == nil:
			return res.RowsAffected()
		case !isLocked(err):
			return 0, c.classify(s, err)
		}
		if err = w.next(ctx, c.timeout, err); err != nil {
			return 0, err
		}
	}
}

// rollback ends a transaction. A transaction that SQLite has rolled back by itself needs nothing: the statement fails then,
// as it should. There is no context: this must happen after cancellation too, and it waits for nothing.
func (c *sqliteConn) rollback() {
	p, err := c.prepared(stRollback)
	if err != nil {
		return // and the pool, which looks whether a transaction is under way, closes the connection
	}
	rows, err := p.Query(nil)
	if err == nil {
		_ = rows.Close() // as above
	}
}

// classify gives errors of the driver their meaning in the contract.
func (c *sqliteConn) classify(s stmt, err error) error {
	if err == nil {
		return nil
	}
	var e sqlite3.Error
	if !errors.As(err, &e) {
		return err
	}
	switch {
	case isLocked(err):
		return fmt.Errorf("%w: %w", engine.ErrBusy, err)
	case e.ExtendedCode == sqlite3.ErrConstraintUnique, e.ExtendedCode == sqlite3.ErrConstraintPrimaryKey, e.ExtendedCode == sqlite3.ErrConstraintRowID:
		return fmt.Errorf("%w: %w", errDuplicate, err)
	case s == stCommit:
		return fmt.Errorf("%w: %w", engine.ErrUnknown, err)
	}
	return err
}

// isLocked reports whether the database was locked by another connection.
func isLocked(err error) bool {
	var e sqlite3.Error
	return errors.As(err, &e) && (e.Code == sqlite3.ErrBusy || e.Code == sqlite3.ErrLocked)
}

// wait is how long a locked database has been waited for.
type wait struct {
	start time.Time
	pause time.Duration
}

// next waits a little, longer every time; ErrBusy wraps cause when timeout has passed.
func (w *wait) next(ctx context.Context, timeout time.Duration, cause error) error {
	const first, most = 200 * time.Microsecond, 20 * time.Millisecond
	if w.start.IsZero() {
		w.start, w.pause = time.Now(), first
	} else {
		w.pause = min(2*w.pause, most)
	}
	left := timeout - time.Since(w.start)
	if left <= 0 {
		return fmt.Errorf("%w: %w", engine.ErrBusy, cause)
	}
	t := time.NewTimer(min(w.pause, left))
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
