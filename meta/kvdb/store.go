package kvdb

import (
	"context"
	"errors"
)

// ErrStale is returned by [Store.Commit] when a condition did not hold. Nothing was written.
var ErrStale = errors.New("condition of the commit does not hold")

// Store is a map of byte strings in byte order. All methods may be called from several goroutines at once. Byte slices
// that go in or come out are not changed by either side afterwards.
type Store interface {
	// Snapshot returns a view of one moment, which is fixed at its first read at the latest. It does no I/O.
	Snapshot() Snapshot
	// Commit applies all writes, or none if a condition does not hold at that moment (ErrStale). Errors are otherwise
	// those that [engine.Tx.Commit] names. No key is written twice.
	Commit(ctx context.Context, conds []Cond, writes []Write) error
	// Close ends the store. Calls under way and later ones fail.
	Close() error
}

// Snapshot reads from a store as of one moment. It is used by one goroutine at a time.
type Snapshot interface {
	// Get reads many keys in one turnaround; the result has the order of keys.
	Get(ctx context.Context, keys [][]byte) ([]Value, error)
	// Range reads the first keys of [from, to), at most limit, in order, in one turnaround.
	Range(ctx context.Context, from, to []byte, limit int) ([]Pair, error)
	// Version is the newest version that the snapshot shows; valid after a read.
	Version() uint64
	// Release gives the snapshot up.
	Release()
}

// Value is what a key holds. Version grows with every commit that writes the key; 0: the key is absent.
type Value struct {
	Data    []byte
	Version uint64
}

// Pair is a key and what it holds.
type Pair struct {
	Key []byte
	Value
}

// Cond is a condition of a commit. Without End: the version of Key is Version. With End: no key in [Key, End) has a
// version above Version.
type Cond struct {
	Key, End []byte
	Version  uint64
}

// Write sets a key, or removes it when Data is nil.
type Write struct {
	Key, Data []byte
}
