package chunk

import (
	"context"
	"errors"
	"fmt"
	"io"

	"juicefs/pkg/buf"
	"juicefs/pkg/object"
)

// cached returns a page of the span if its block is in memory, with a reference for the caller, else nil.
func (s *Store) cached(sp span) *buf.Page {
	page := s.memory.get(sp.block)
	if page == nil {
		return nil
	}
	return cut(page, sp)
}

// cut returns the part of a block, which it takes over, that is the span.
func cut(block *buf.Page, sp span) *buf.Page {
	if sp.whole() {
		return block
	}
	defer block.Release()
	return block.Slice(sp.off, sp.n)
}

// parts reports whether the span is better had without the rest of its block. Where a cache may keep the block, that is so
// for a quarter of it at most: who reads on then finds it there.
func (s *Store) parts(sp span) bool {
	if sp.whole() {
		return false
	}
	if s.cache != nil && s.cache.Has(sp.block) {
		return true
	}
	caches := s.memory != nil || s.cache != nil
	return s.partial && (!caches || sp.n <= int(sp.block.Length)/4)
}

// roomOf is the memory that fetching the span takes: of the block where parts of it are not had.
func (s *Store) roomOf(sp span) int {
	if s.parts(sp) {
		return sp.n
	}
	return int(sp.block.Length)
}

// fetch returns a page of exactly the span from the bucket, or from another caller who is fetching the block, with a
// reference for the caller. room is memory of roomOf(sp) bytes, which fetch takes over; nil if fetch may wait for the pool:
// then the caller must hold no pages.
func (s *Store) fetch(ctx context.Context, sp span, room *buf.Page) (*buf.Page, error) {
	part := s.parts(sp)
	if room != nil {
		part = room.Len() < int(sp.block.Length) // as it was when room was made
	}
	if part {
		if s.flights.has(sp.block) {
			release(room) // who waits for another must not hold what that one may need
			if page, ok, err := s.flights.join(ctx, sp.block); ok {
				if err != nil {
					return nil, err
				}
				return cut(page, sp), nil
			}
			room = s.pool.Overdraw(sp.n)
		}
		return s.fetchPart(ctx, sp, room)
	}
	page, err := s.load(ctx, sp.block, room)
	if err != nil {
		return nil, err
	}
	return cut(page, sp), nil
}

func release(p *buf.Page) {
	if p != nil {
		p.Release()
	}
}

// fetchPart gets the bytes of the span only.
func (s *Store) fetchPart(ctx context.Context, sp span, room *buf.Page) (*buf.Page, error) {
	if room == nil {
		var err error
		if room, err = s.pool.Get(ctx, sp.n); err != nil {
			return nil, err
		}
	}
	if err := s.readPart(ctx, sp, room.Bytes()); err != nil {
		room.Release()
		return nil, err
	}
	return room, nil
}

// readPart fills p with a span from the cache or the bucket.
func (s *Store) readPart(ctx context.Context, sp span, p []byte) error {
	if s.cache != nil && s.cache.Read(sp.block, p, sp.off) {
		return nil
	}
	if s.partial {
		return s.download(ctx, sp, p)
	}
	page, err := s.load(ctx, sp.block, s.pool.Overdraw(int(sp.block.Length))) // the cache has let it go meanwhile
	if err != nil {
		return err
	}
	copy(p, page.Bytes()[sp.off:])
	page.Release()
	return nil
}

// load returns a whole block, got once for all who want it now, and puts it into the cache. room is as for fetch.
func (s *Store) load(ctx context.Context, b Block, room *buf.Page) (*buf.Page, error) {
	waited := room != nil
	for {
		own := s.flights.begin(b)
		if own != nil {
			page, err := s.get(ctx, b, room)
			s.flights.land(ctx, b, own, page, err)
			return page, err
		}
		release(room)
		room = nil
		if page, ok, err := s.flights.join(ctx, b); ok {
			return page, err
		}
		if waited { // the caller holds pages: it must not wait for more
			room = s.pool.Overdraw(int(b.Length))
		}
	}
}

// get gets a whole block.
func (s *Store) get(ctx context.Context, b Block, room *buf.Page) (*buf.Page, error) {
	if room == nil {
		var err error
		if room, err = s.pool.Get(ctx, int(b.Length)); err != nil {
			return nil, err
		}
	}
	hit := s.cache != nil && s.cache.Read(b, room.Bytes(), 0)
	if !hit {
		if err := s.download(ctx, span{b, 0, int(b.Length)}, room.Bytes()); err != nil {
			room.Release()
			return nil, err
		}
	}
	s.memory.put(b, room)
	if s.cache != nil && !hit && !(s.partialOnly && int(b.Length) == s.blockSize) {
		s.cache.Write(b, room)
	}
	return room, nil
}

// download is readStored with a slot.
func (s *Store) download(ctx context.Context, sp span, p []byte) error {
	if err := s.downloads.Acquire(ctx, 1); err != nil {
		return fmt.Errorf("wait to get %s: %w", s.Key(sp.block), err)
	}
	defer s.downloads.Release(1)
	return s.readStored(ctx, sp, p)
}

// readStored fills p with a span of a block in the bucket. Blocks in the form of a codec are read as a whole only.
func (s *Store) readStored(ctx context.Context, sp span, p []byte) error {
	key := s.Key(sp.block)
	if s.codec != nil {
		return s.readEncoded(ctx, key, p)
	}
	n, err := s.readInto(ctx, key, p, int64(sp.off), sp.whole())
	if err != nil {
		return s.mark(key, err)
	}
	if n != len(p) {
		return s.corrupt(key, fmt.Errorf("%d bytes from %d are only %d", len(p), sp.off, n))
	}
	return nil
}

func (s *Store) readEncoded(ctx context.Context, key string, p []byte) error {
	stored := s.buffer()
	defer s.scratch.Put(stored)
	bound := s.codec.bound(len(p))
	*stored = grow(*stored, bound)
	n, err := s.readInto(ctx, key, (*stored)[:bound], 0, true)
	if err != nil {
		return s.mark(key, err)
	}
	if err := s.codec.decode(p, (*stored)[:n]); err != nil {
		return s.corrupt(key, err)
	}
	return nil
}

// readInto reads up to len(p) bytes of an object from off; whole says that they are all of it.
func (s *Store) readInto(ctx context.Context, key string, p []byte, off int64, whole bool) (int, error) {
	if s.ranges != nil {
		return s.ranges.ReadRange(ctx, key, p, off)
	}
	want := int64(len(p))
	if whole {
		want = -1 // a plain request
	}
	r, err := s.bucket.Get(ctx, key, off, want)
	if err != nil {
		return 0, err
	}
	n := 0
	for n < len(p) && err == nil {
		var m int
		m, err = r.Read(p[n:])
		n += m
	}
	if errors.Is(err, io.EOF) || n == len(p) {
		err = nil // the caller judges lengths
	}
	_ = r.Close() // all that was wanted is here, or there is an error already
	return n, err
}

// mark gives errors about damage their form.
func (s *Store) mark(key string, err error) error {
	if errors.Is(err, object.ErrDamaged) {
		return s.corrupt(key, err)
	}
	return err
}

func (s *Store) corrupt(key string, err error) error {
	return &CorruptError{Bucket: s.bucket.String(), Key: key, Err: err}
}
