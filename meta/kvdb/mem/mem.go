// Package mem keeps a volume's metadata in memory, for tests and trials: nothing outlives the process.
//
// The map is a treap whose nodes never change: a commit makes new nodes along the paths it touches and swaps the root.
// A snapshot is therefore just a root, readers take no locks, and writers wait only for each other.
package mem

import (
	"context"
	"fmt"
	"io/fs"
	"sync"
	"sync/atomic"

	"juicefs/meta/engine"
	"juicefs/meta/kvdb"
)

// Store is a kvdb.Store in memory. It is safe for concurrent use.
type Store struct {
	commit sync.Mutex // held while a root is being made
	root   atomic.Pointer[version]
	closed atomic.Bool
}

// version is the state of the map after a commit.
type version struct {
	number uint64
	tree   *node
}

var (
	_ kvdb.Store    = (*Store)(nil)
	_ kvdb.Snapshot = (*snapshot)(nil)
)

// NewStore returns an empty store.
func NewStore() *Store {
	s := &Store{}
	s.root.Store(&version{})
	return s
}

// Open returns an engine over an empty store. It is the engine of memkv://name URLs; two of the same name share nothing.
func Open(ctx context.Context, o engine.Options) (*kvdb.Engine, error) {
	e := kvdb.New(NewStore(), engine.Info{Name: "memkv"})
	if o.Create {
		if err := e.Init(ctx); err != nil {
			return nil, fmt.Errorf("open memkv: %w", err)
		}
	}
	return e, nil
}

// Snapshot returns the state of this moment.
func (s *Store) Snapshot() kvdb.Snapshot { return &snapshot{s: s, v: s.root.Load()} }

// Commit applies the writes if the conditions hold.
func (s *Store) Commit(ctx context.Context, conds []kvdb.Cond, writes []kvdb.Write) error {
	s.commit.Lock()
	defer s.commit.Unlock()
	if err := s.usable(ctx); err != nil {
		return err
	}
	old := s.root.Load()
	for _, c := range conds {
		if !holds(old.tree, c) {
			return kvdb.ErrStale
		}
	}
	next := &version{number: old.number + 1, tree: old.tree}
	for _, w := range writes {
		if w.Data == nil {
			next.tree = next.tree.remove(string(w.Key))
		} else {
			next.tree = next.tree.put(newNode(string(w.Key), w.Data, next.number))
		}
	}
	s.root.Store(next)
	return nil
}

// holds reports whether a condition is true of a tree.
func holds(tree *node, c kvdb.Cond) bool {
	if c.End == nil {
		n := tree.find(string(c.Key))
		return n == nil && c.Version == 0 || n != nil && n.version == c.Version
	}
	return tree.walk(string(c.Key), string(c.End), func(n *node) bool { return n.version <= c.Version })
}

// Close makes later calls fail.
func (s *Store) Close() error {
	s.closed.Store(true)
	return nil
}

func (s *Store) usable(ctx context.Context) error {
	if s.closed.Load() {
		return fmt.Errorf("memkv: %w", fs.ErrClosed)
	}
	return ctx.Err()
}

// snapshot is the store at one moment.
type snapshot struct {
	s *Store
	v *version
}

// Get reads keys.
func (s *snapshot) Get(ctx context.Context, keys [][]byte) ([]kvdb.Value, error) {
	if err := s.s.usable(ctx); err != nil {
		return nil, err
	}
	vs := make([]kvdb.Value, len(keys))
	for i, k := range keys {
		if n := s.v.tree.find(string(k)); n != nil {
			vs[i] = kvdb.Value{Data: n.data, Version: n.version}
		}
	}
	return vs, nil
}

// Range reads keys in order.
func (s *snapshot) Range(ctx context.Context, from, to []byte, limit int) ([]kvdb.Pair, error) {
	if err := s.s.usable(ctx); err != nil {
		return nil, err
	}
	var ps []kvdb.Pair
	s.v.tree.walk(string(from), string(to), func(n *node) bool {
		if len(ps) == limit {
			return false
		}
		ps = append(ps, kvdb.Pair{Key: []byte(n.key), Value: kvdb.Value{Data: n.data, Version: n.version}})
		return true
	})
	return ps, nil
}

// Version is the number of the newest commit in the snapshot.
func (s *snapshot) Version() uint64 { return s.v.number }

// Release does nothing: the garbage collector knows.
func (s *snapshot) Release() {}
