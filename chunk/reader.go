package chunk

import (
	"context"
	"iter"

	"juicefs/pkg/buf"
)

const (
	// maxPage is the most bytes of a page that Pages yields.
	maxPage = 1 << 20
	// maxPrefetches is the number of blocks that Prefetch loads at once.
	maxPrefetches = 8
)

// span is a part of one block.
type span struct {
	block  Block
	off, n int // bytes in the block
}

// whole reports whether the span is all of its block.
func (sp span) whole() bool { return sp.n == int(sp.block.Length) }

// cursor goes through n bytes of a slice from off, span by span.
type cursor struct {
	r         Ref
	blockSize int
	off, n    uint32
}

// next returns the span at the cursor and moves behind it; ok is false at the end.
func (c *cursor) next() (sp span, ok bool) {
	if c.n == 0 {
		return span{}, false
	}
	b := c.r.Block(int(c.off)/c.blockSize, c.blockSize)
	off := int(c.off) % c.blockSize
	sp = span{block: b, off: off, n: min(int(c.n), int(b.Length)-off)}
	c.off, c.n = c.off+uint32(sp.n), c.n-uint32(sp.n)
	return sp, true
}

func checkRange(r Ref, off, n int64) error {
	if r.ID == 0 || off+n > int64(r.Size) {
		return errSliceRange(r, off, n)
	}
	return nil
}

// ReadAt fills p with the bytes of a slice from off. It returns len(p) or an error, as Pages does.
func (s *Store) ReadAt(ctx context.Context, r Ref, p []byte, off uint32) (int, error) {
	if err := checkRange(r, int64(off), int64(len(p))); err != nil {
		return 0, err
	}
	done := 0
	c := cursor{r, s.blockSize, off, uint32(len(p))}
	for sp, ok := c.next(); ok; sp, ok = c.next() {
		if err := s.readSpan(ctx, sp, p[done:done+sp.n]); err != nil {
			return done, err
		}
		done += sp.n
	}
	return done, nil
}

// readSpan fills p with a span, by the cheapest way there is.
func (s *Store) readSpan(ctx context.Context, sp span, p []byte) error {
	if s.local {
		return s.readStored(ctx, sp, p)
	}
	page := s.cached(sp)
	if page == nil {
		if s.parts(sp) && !s.flights.has(sp.block) {
			return s.readPart(ctx, sp, p)
		}
		var err error
		if page, err = s.fetch(ctx, sp, nil); err != nil {
			return err
		}
	}
	copy(p, page.Bytes())
	page.Release()
	return nil
}

// Pages streams n bytes of a slice from off, in order, as pages of at most 1 MiB that the caller releases; neither their
// content nor their length may be changed, since others may have the same. Blocks ahead of the one being consumed are fetched while the pool has room. After an error (the page is nil) the
// stream ends. A range outside the slice is an error (fs.ErrInvalid); missing blocks are fs.ErrNotExist, damaged ones
// ErrCorrupt.
func (s *Store) Pages(ctx context.Context, r Ref, off, n uint32) iter.Seq2[*buf.Page, error] {
	return func(yield func(*buf.Page, error) bool) {
		if err := checkRange(r, int64(off), int64(n)); err != nil {
			yield(nil, err)
			return
		}
		if s.local {
			s.localPages(ctx, r, off, n, yield)
			return
		}
		c := cursor{r, s.blockSize, off, n}
		if sp, ok := c.next(); ok && c.n == 0 {
			s.onePage(ctx, sp, yield)
			return
		}
		q := newAhead(ctx, s, cursor{r, s.blockSize, off, n})
		defer q.close()
		for {
			page, err := q.next(ctx)
			switch {
			case err != nil:
				yield(nil, err)
				return
			case page == nil, !yieldParts(page, yield):
				return
			}
		}
	}
}

// onePage is a stream of a single span.
func (s *Store) onePage(ctx context.Context, sp span, yield func(*buf.Page, error) bool) {
	page := s.cached(sp)
	if page == nil {
		var err error
		if page, err = s.fetch(ctx, sp, nil); err != nil {
			yield(nil, err)
			return
		}
	}
	yieldParts(page, yield)
}

// localPages reads from files as it goes: the system reads ahead.
func (s *Store) localPages(ctx context.Context, r Ref, off, n uint32, yield func(*buf.Page, error) bool) {
	c := cursor{r, s.blockSize, off, n}
	for sp, ok := c.next(); ok; sp, ok = c.next() {
		for sp.n > 0 {
			part := span{sp.block, sp.off, min(sp.n, maxPage)}
			page, err := s.pool.Get(ctx, part.n)
			if err == nil {
				if err = s.readStored(ctx, part, page.Bytes()); err != nil {
					page.Release()
				}
			}
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(page, nil) {
				return
			}
			sp.off, sp.n = sp.off+part.n, sp.n-part.n
		}
	}
}

// yieldParts yields page, which it takes over, in parts of at most maxPage.
func yieldParts(page *buf.Page, yield func(*buf.Page, error) bool) bool {
	if page.Len() <= maxPage {
		return yield(page, nil)
	}
	defer page.Release()
	for off := 0; off < page.Len(); off += maxPage {
		if !yield(page.Slice(off, min(maxPage, page.Len()-off)), nil) {
			return false
		}
	}
	return true
}
