package cache

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"os"

	"juicefs/chunk"
	"juicefs/pkg/buf"
)

// Set is a cache in several folders, of disks of their own as a rule. Each block has its place in one of them, by the
// identities of the folders: it keeps it when they are named in another order, and most blocks do when one comes or goes.
// The original spreads blocks by another rule, so what it has cached is found only where both agree. Use OpenSet.
type Set struct {
	caches []*Cache
	seeds  []uint64 // what the place of a block depends on
}

var _ chunk.Cache = (*Set)(nil)

// OpenSet opens a cache in every folder of dirs, each with its share of the sizes in o, whose Dir is not used. One folder
// that cannot be had is an error.
func OpenSet(dirs []string, o Options) (*Set, error) {
	if len(dirs) == 0 {
		return nil, fmt.Errorf("cache without a folder: %w", fs.ErrInvalid)
	}
	n := int64(len(dirs))
	o.Size, o.Items, o.Queue = share(o.Size, defaultSize, n), share(o.Items, 0, n), share(o.Queue, defaultQueue, n)
	s := &Set{}
	for _, dir := range dirs {
		o.Dir = dir
		c, err := Open(o)
		if err != nil {
			return nil, errors.Join(err, s.Close())
		}
		s.caches = append(s.caches, c)
		seed, err := c.identity()
		if err != nil {
			return nil, errors.Join(err, s.Close())
		}
		s.seeds = append(s.seeds, seed)
	}
	return s, nil
}

// share is one of n parts of total, or of what 0 means.
func share(total, zero, n int64) int64 {
	if total == 0 {
		total = zero
	}
	if total == 0 {
		return 0
	}
	return max(total/n, 1)
}

// identity is a number of the folder's lock file.
func (c *Cache) identity() (uint64, error) {
	text, err := os.ReadFile(c.lockFile())
	if err != nil {
		return 0, fmt.Errorf("identity of a cache's folder: %w", err)
	}
	h := fnv.New64a()
	_, _ = h.Write(text) // never fails
	return h.Sum64(), nil
}

// of returns the cache that has the place of a block: the one in which it scores highest.
func (s *Set) of(b chunk.Block) *Cache {
	if len(s.caches) == 1 {
		return s.caches[0]
	}
	var name [20]byte
	binary.BigEndian.PutUint64(name[8:], b.ID)
	binary.BigEndian.PutUint32(name[16:], b.Index)
	best, most := 0, uint64(0)
	for i, seed := range s.seeds {
		binary.BigEndian.PutUint64(name[:], seed)
		h := fnv.New64a()
		_, _ = h.Write(name[:]) // never fails
		if score := mix(h.Sum64()); i == 0 || score > most {
			best, most = i, score
		}
	}
	return s.caches[best]
}

// mix spreads what differs in the low bits over all of them: FNV leaves the high ones, which decide, nearly as they were.
func mix(x uint64) uint64 {
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	return x
}

// Has implements chunk.Cache.
func (s *Set) Has(b chunk.Block) bool { return s.of(b).Has(b) }

// Read implements chunk.Cache.
func (s *Set) Read(b chunk.Block, p []byte, off int) bool { return s.of(b).Read(b, p, off) }

// Write implements chunk.Cache.
func (s *Set) Write(b chunk.Block, page *buf.Page) { s.of(b).Write(b, page) }

// Remove implements chunk.Cache.
func (s *Set) Remove(b chunk.Block) { s.of(b).Remove(b) }

// Flush waits until the blocks that were taken so far are in files.
func (s *Set) Flush() {
	for _, c := range s.caches {
		c.Flush()
	}
}

// Stats returns the sums of all folders.
func (s *Set) Stats() chunk.CacheStats {
	var sum chunk.CacheStats
	for _, c := range s.caches {
		sum = sum.Plus(c.Stats())
	}
	return sum
}

// Close closes the caches of all folders.
func (s *Set) Close() error {
	var errs []error
	for _, c := range s.caches {
		errs = append(errs, c.Close())
	}
	return errors.Join(errs...)
}
