// Package sqldb is the engine over SQL databases that hold the tables of juicefs 1.4.1; SQLite so far.
//
// # How to read it
//
// schema.go names the tables. shape.go says for each kind of record in which table and columns it is, and statement.go makes
// the statements of that. row.go converts between columns and canonical bytes. tx.go, write.go, fast.go and scan.go are the
// contract, over a [conn], which runs prepared statements. What differs between databases is in dialect.go, and sqlite*.go
// implement it.
//
// # Format
//
// The traps are in row.go: times are microseconds and a rest of nanoseconds; columns of older volumes are NULL for 0; the
// slices of a chunk may be in a cell of class TEXT, which the real client makes by appending with ||; lock owners are signed;
// a slice reference knows its slice by id alone; links to an inode are counted from the entries, so writes of parents do
// nothing; the newest ACL id is the table's own sequence.
//
// # SQLite
//
// One connection writes, guarded by a lock that is waited for as long as a foreign writer is; up to max_open_conns others
// read (default 16, or 4 a processor). A transaction in Update mode begins
// with BEGIN IMMEDIATE at its first read, so whatever it has read stays true and guards cost nothing; Views read under BEGIN
// on a reader and see one moment. Foreign processes are waited for up to the busy timeout (_timeout), in Go and not in
// SQLite's busy handler, so that a cancelled context ends the wait.
//
// The driver's connections are used directly and not through database/sql. Measured on two cores with 19 columns, nanoseconds
// a statement inside a transaction: SELECT 1,200 against 4,100 through database/sql with a context that can be cancelled;
// INSERT 1,450 against 4,050. Statements are prepared once a connection; writes go through the driver's Query, which binds
// all arguments and steps in one cgo call (INSERT 1,450 against 1,950 through Exec). Statements run under a context that
// cannot be cancelled, which saves the driver a goroutine each; cancellation is looked at between statements.
//
// Measured on the same machine with others at work, one client: a warm PUT (nine writes) in one commit takes 60 microseconds
// at the median and 3 ms at the 99th percentile, which are the commits that SQLite checkpoints in. Checkpoints on another
// connection were tried: they gained nothing that could be told from noise, and cost the longest waits.
//
// Connections have private caches: with cache=shared, which the original sets, readers and the writer of a process wait for
// each other's table locks. The option is accepted and has no effect. SELECT outside of a transaction takes 3,400 ns, as it
// takes and drops the file lock, so even a View of one statement begins and commits (300 ns).
package sqldb
