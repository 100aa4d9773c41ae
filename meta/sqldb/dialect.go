package sqldb

import (
	"context"
	"database/sql/driver"
)

// dialect is what differs between SQL databases in the statements.
type dialect interface {
	// columnType returns the definition of a column behind its name. sole: it is the whole primary key.
	columnType(c *column, sole bool) string
	// upsert returns what follows the VALUES of an INSERT so that an existing row with the same unique columns gets the
	// new values of the columns set.
	upsert(unique, set []string) string
	// blobAppend returns an expression for a column of bytes with the bytes of ? behind it.
	blobAppend(col string) string
	// finish gives the text of a statement, with ? for arguments and names in backquotes, its final form.
	finish(text string) string
	// begin returns the statements that begin a transaction that writes, and one that reads.
	begin() (update, view string)
	// sequence returns statements that read, set and make the highest automatic key given out in a table.
	sequence(table string) (get, set, insert string)
}

// conn runs prepared statements on one connection. It is used by one goroutine at a time. Arguments and rows hold int64,
// string, []byte and nil. Errors are classified: engine.ErrBusy is wrapped when the database stayed locked, errDuplicate
// when a row with the same unique columns exists.
type conn interface {
	// one returns the first row, which is valid until the next call, or nil if there is none.
	one(ctx context.Context, s stmt, args ...driver.Value) ([]driver.Value, error)
	// each calls f for every row, which is valid during the call. f must not use the conn.
	each(ctx context.Context, s stmt, f func(row []driver.Value) error, args ...driver.Value) error
	// run runs a statement without result.
	run(ctx context.Context, s stmt, args ...driver.Value) error
	// exec is run that says how many rows were changed.
	exec(ctx context.Context, s stmt, args ...driver.Value) (int64, error)
}
