// Package engine is the contract between the file-system logic and a metadata database.
//
// The logic (package meta) is written once, over records. A database supplies: reading many records in one turnaround,
// reading a page of records in order, and committing a batch of writes if what was read still holds. Everything that
// differs between databases is behind this package; nothing here knows what a file or an object is.
//
// A turnaround is one time that the client sends and then waits for the database. Remote engines spend exactly one for
// each call of Fetch, Page, Commit and Incr; embedded engines spend none.
//
// Engines pass the conformance suite in enginetest.
package engine

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"

	"juicefs/meta/record"
)

// Engine is everything a database supplies. All methods may be called from several goroutines at once.
type Engine interface {
	// Info describes the engine. It does not change.
	Info() Info
	// Begin starts one attempt at one transaction. It does no I/O: the first Fetch, Page or Commit does.
	Begin(mode Mode) Tx
	// Incr adds delta to a counter (absent counts as its initial value, see record) in a transaction of its own and
	// returns the new value. It is for taking ids in batches. delta 0 reads.
	Incr(ctx context.Context, counter string, delta int64) (int64, error)
	// Scan yields every record of r in an order of the engine's own, in as many turnarounds as it takes and not as of
	// one moment: records that change meanwhile may be seen or not, records that do not change are seen at least once.
	// An error ends the sequence.
	Scan(ctx context.Context, r Range) iter.Seq2[record.Item, error]
	// Close releases connections and files. Transactions that are under way fail.
	Close() error
}

// Mode says what a transaction is for.
type Mode uint8

// The modes of Begin.
const (
	View   Mode = iota // reads are of one moment where the engine can; Commit is not allowed
	Update             // reads may take locks; ends with Commit or Discard
)

// Tx is one attempt at one transaction. It is used by one goroutine at a time and ends with Commit or Discard, after
// which it must not be used. Values it returns belong to the caller.
type Tx interface {
	// Fetch reads any number of records in one turnaround. The result has the length and order of reads; an absent
	// record has a nil Value.
	Fetch(ctx context.Context, reads []ReadOp) ([]record.Item, error)
	// Page reads at most limit records of r in order (names as bytes; numbers ascending) in one turnaround. Pages carry
	// no guard. Kinds that can be paged: Entry, Xattr, Parent, Chunk, Sustained. limit must be positive.
	Page(ctx context.Context, r Range, limit int) ([]record.Item, error)
	// Commit applies all writes of b, in order, or none, in one turnaround. It succeeds only if the guards of all earlier
	// Fetches of this Tx and all checks of b hold at that moment. Errors: [*Conflict], [ErrBusy], [ErrUnknown], others
	// (nothing was applied). The transaction is over whatever the result.
	Commit(ctx context.Context, b *Batch) error
	// Discard ends the transaction without writing. It may follow Commit, and then does nothing.
	Discard()
}

// Info describes an engine to the logic, which must not ask for its name.
type Info struct {
	Name      string // for people: "sqlite3", "redis"
	Remote    bool   // calls cost a turnaround over a connection
	MaxWrites int    // most writes in one batch; 0: no limit worth knowing
	// HotCounters says that adding to the volume's totals inside each commit would make commits wait for each other;
	// the logic then gathers such additions and flushes them once a second.
	HotCounters bool
}

// Guard says what must still hold at commit of a record that was fetched.
type Guard uint8

// The guards, from weakest to strongest.
const (
	Loose  Guard = iota // nothing
	Stable              // KindAttr: still there and [record.Alike], or still absent; other kinds: as Exact
	Exact               // the same bytes, or still absent
)

// ReadOp asks for one record.
type ReadOp struct {
	Key   record.Key
	Guard Guard
}

// Range names a set of records: those of Kind, of one A or of all, and in pages those after a position.
type Range struct {
	Kind  record.Kind
	A     uint64     // the directory of entries, the inode of chunks, xattrs and parents, the session of sustained inodes
	All   bool       // every A; not for Page
	After record.Key // Page: only records greater than this (Name or B is compared); the zero Key starts at the beginning
	// Below is for pages of chunks: if not 0, the file's length says that there should be none from here on, and those that
	// there are may be left out. Engines that keep no list of a file's chunks are spared a search through everything.
	Below uint64
}

// Check demands something of a value that did not come from a Fetch of this Tx, such as a value from a cache.
type Check struct {
	Kind CheckKind
	Key  record.Key // Empty: an entry key of the directory, its name ignored
	Want []byte     // canonical value; nil: absent
}

// CheckKind is the kind of a Check.
type CheckKind uint8

// The kinds of checks.
const (
	Same  CheckKind = iota + 1 // the record has exactly the bytes Want, or is absent when Want is nil
	Alike                      // KindAttr: the record is [record.Alike] to Want
	Empty                      // the directory Key.A has no entries once the writes of the batch are applied
)

// Op is what a Write does.
type Op uint8

// The verbs. Add, Touch, Nlink and Append commute with each other and need no guard.
const (
	Put    Op = iota + 1 // set the value, whatever was there
	Insert               // set the value; a Conflict if the record exists
	Delete               // remove the record; absent is fine
	Clear                // remove every record of Key.Kind with Key.A: Xattr, Parent, Chunk, Entry
	Append               // KindChunk: append Value to the list, which may be absent
	Add                  // add Deltas, see Write
	Touch                // KindAttr: set mtime and ctime to Time if that is later than the stored mtime; a Conflict if absent
	Nlink                // KindAttr: add Deltas[0] to the link count; a Conflict if absent
)

// Write is one write of a batch.
type Write struct {
	Op    Op
	Key   record.Key
	Value []byte // Put, Insert, Append: canonical bytes
	// Deltas of Add, by kind of record:
	//   Counter   [0]; absent counts as the initial value
	//   Parent    [0]; absent counts as 0
	//   SliceRef  [0]; absent counts as one reference where the engine does not store ones, and is a Conflict elsewhere
	//   DirStat   length, space, inodes; nothing happens if the directory has no statistics
	//   Quota     used space, used inodes; an absent directory quota stays absent, an absent user or group quota is made
	//             with limits of -1
	Deltas [3]int64
	Time   record.Time // Touch
}

// Batch is what one transaction writes. The zero Batch writes nothing.
type Batch struct {
	Checks []Check
	Writes []Write
	// Otherwise, when set, is a path that the caller will walk if the batch does not apply, because it was made from memory.
	// An engine that can do so in the same turnaround puts what it meets into [Conflict.Walked]; others ignore it. Chunks and
	// Sole must not be asked for.
	Otherwise *WalkQuery
}

// Conflict says that a guard, a check or an Insert did not hold; nothing was written. Trying again with fresh reads may
// succeed. Match with errors.As.
type Conflict struct {
	// Fresh has current values of records that differed, where the engine learned them for free. It may be empty.
	Fresh []record.Item
	// Walked is what a walk of [Batch.Otherwise] met at the moment at which the batch did not apply; nil where that was not
	// asked for or the engine did not look. It belongs to the caller. No guards are held on it: the transaction is over, and
	// another one that relies on it checks it.
	Walked *Walked
	Cause  error // what the database said; may be nil
}

// Error describes the conflict.
func (c *Conflict) Error() string {
	switch {
	case len(c.Fresh) > 0:
		return fmt.Sprintf("conflict on %s", c.Fresh[0].Key)
	case c.Cause != nil:
		return fmt.Sprintf("conflict: %v", c.Cause)
	}
	return "conflict"
}

// Unwrap returns the cause.
func (c *Conflict) Unwrap() error { return c.Cause }

var (
	// ErrBusy is wrapped when the database could not take the transaction now (locked, loading, too many connections,
	// not connected); nothing was written and trying again later may succeed.
	ErrBusy = errors.New("database cannot be used now")
	// ErrUnknown is wrapped when the connection was lost after a commit was sent: it may have been applied or not.
	ErrUnknown = errors.New("outcome of the commit is unknown")
	// ErrNotFormatted is returned on opening a database that holds no volume, where the engine can tell without reading
	// records (an SQLite file that does not exist).
	ErrNotFormatted = errors.New("database is not formatted")
)

// Options are for opening an engine. The zero value is usable.
type Options struct {
	Create   bool // make what the database needs to hold a volume (file, tables, initial counters); for format and load
	ReadOnly bool // never write, not even missing tables or columns
	Retries  int  // how often a lost connection is tried again by the client library; 0: its default, less: never

	// Logger is told what is dangerous about a database that is to be written to, once, when it is opened. nil: nobody.
	Logger *slog.Logger
}
