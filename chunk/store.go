package chunk

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"juicefs/pkg/buf"
	"juicefs/pkg/object"
)

// defaultMemoryCache is the memory cache of a store that is not local, in bytes.
const defaultMemoryCache = 64 << 20

// Store keeps slices. Use New; all methods but Close may be called from several goroutines at once.
type Store struct {
	bucket object.Bucket
	ranges object.RangeReader // nil if the bucket has none
	files  object.FileOpener  // nil unless the store is local
	codec  codec              // nil: blocks are stored as they are
	pool   *buf.Pool
	memory *memoryCache // nil: none
	cache  Cache        // nil: none
	log    *slog.Logger
	meter  Meter

	blockSize   int
	readAhead   int
	maxDeletes  int
	hashPrefix  bool
	partialOnly bool // blocks of full size do not go to the cache when they are read
	keepLarge   bool // blocks of full size go to the cache when they are written
	local       bool // blocks are plain files of this machine: they are read in place
	partial     bool // a range of a block costs less than all of it

	uploads, downloads, deletes, prefetches *semaphore.Weighted

	flights flights
	scratch sync.Pool // of *[]byte: stored forms of blocks under way

	closing    context.CancelFunc
	background func() context.Context // for work that no caller waits for: ends with the store
	tasks      sync.WaitGroup         // such work
}

// New opens a store on b, which is the whole stack of decorators: what is put is what package object then encrypts,
// prefixes and so on. Nothing is read or written. Close ends it.
func New(b object.Bucket, o Options) (*Store, error) {
	o, err := o.normalize()
	if err != nil {
		return nil, err
	}
	c, err := newCodec(o.Compression)
	if err != nil {
		return nil, err
	}
	s := &Store{
		bucket: b, codec: c, pool: o.Pool, log: o.Log, meter: o.Meter,
		blockSize: o.BlockSize, readAhead: o.ReadAhead, maxDeletes: o.MaxDeletes, hashPrefix: o.HashPrefix,
		uploads: semaphore.NewWeighted(int64(o.MaxUploads)), downloads: semaphore.NewWeighted(int64(o.MaxDownloads)),
		deletes: semaphore.NewWeighted(int64(o.MaxDeletes)), prefetches: semaphore.NewWeighted(maxPrefetches),
	}
	var readsRanges bool
	s.ranges, readsRanges = object.As[object.RangeReader](b)
	limits := b.Limits()
	s.partial = c == nil && !limits.WholeGets
	s.local = s.partial && limits.Local && readsRanges
	if o.MemoryCache == 0 && !s.local {
		o.MemoryCache = defaultMemoryCache
	}
	if o.MemoryCache > 0 {
		s.memory = newMemoryCache(o.MemoryCache, o.Meter)
	}
	if s.local {
		s.files, _ = object.As[object.FileOpener](b)
	} else {
		s.cache, s.keepLarge, s.partialOnly = o.Cache, o.CacheLargeWrites, o.CachePartialOnly
	}
	ctx, cancel := context.WithCancel(context.Background()) // of work between New and Close that no caller waits for
	s.closing, s.background = cancel, func() context.Context { return ctx }
	return s, nil
}

// BlockSize returns the bytes of a block.
func (s *Store) BlockSize() int { return s.blockSize }

// Key returns the key of a block in the store's bucket.
func (s *Store) Key(b Block) string { return b.Key(s.hashPrefix) }

// Remove deletes the blocks of a slice, here and in the caches. Absent ones: nil. It goes on after an error and returns
// all of them.
func (s *Store) Remove(ctx context.Context, r Ref) error {
	n := r.Blocks(s.blockSize)
	if n == 1 {
		return s.removeBlock(ctx, r.Block(0, s.blockSize))
	}
	errs := make([]error, n)
	var g errgroup.Group
	g.SetLimit(s.maxDeletes)
	for i := range n {
		g.Go(func() error {
			errs[i] = s.removeBlock(ctx, r.Block(i, s.blockSize))
			return nil
		})
	}
	_ = g.Wait() // errors are in errs
	return errors.Join(errs...)
}

func (s *Store) removeBlock(ctx context.Context, b Block) error {
	if err := s.deletes.Acquire(ctx, 1); err != nil {
		return fmt.Errorf("delete %s: %w", s.Key(b), err)
	}
	defer s.deletes.Release(1)
	s.memory.drop(b)
	if s.cache != nil {
		s.cache.Remove(b)
	}
	return s.bucket.Delete(ctx, s.Key(b))
}

// Close ends background work, waits for it, and closes the cache, whose error it returns. Nothing may be called any more.
func (s *Store) Close() error {
	s.closing()
	s.tasks.Wait()
	s.memory.clear()
	if s.cache != nil {
		return s.cache.Close()
	}
	return nil
}

// CacheStats are sums since the store was opened.
type CacheStats struct {
	Hits, HitBytes     int64 // reads that a cache answered
	Misses, MissBytes  int64 // and those it could not
	Writes, WriteBytes int64 // blocks that came
	Drops, Evicts      int64 // blocks that were not taken, and that went for others
	Bytes, Blocks      int64 // what is there now
}

// CacheStats returns the sums of the caches; all zero without any. A block that is in memory and on disk counts twice.
func (s *Store) CacheStats() CacheStats {
	m := s.memory.stats()
	if s.cache == nil {
		return m
	}
	m.Misses, m.MissBytes = 0, 0 // the cache was asked then
	return m.Plus(s.cache.Stats())
}

// Plus returns the sums of both.
func (s CacheStats) Plus(t CacheStats) CacheStats {
	return CacheStats{
		Hits: s.Hits + t.Hits, HitBytes: s.HitBytes + t.HitBytes, Misses: s.Misses + t.Misses, MissBytes: s.MissBytes + t.MissBytes,
		Writes: s.Writes + t.Writes, WriteBytes: s.WriteBytes + t.WriteBytes, Drops: s.Drops + t.Drops, Evicts: s.Evicts + t.Evicts,
		Bytes: s.Bytes + t.Bytes, Blocks: s.Blocks + t.Blocks,
	}
}

// buffer returns memory for the stored form of a block, with nothing in it.
func (s *Store) buffer() *[]byte {
	if b, ok := s.scratch.Get().(*[]byte); ok {
		*b = (*b)[:0]
		return b
	}
	return new([]byte)
}
