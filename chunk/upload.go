package chunk

import (
	"context"
	"fmt"
	"io/fs"
	"time"

	"golang.org/x/sync/errgroup"

	"juicefs/pkg/buf"
	"juicefs/pkg/object"
)

// abortTime bounds the removal of what a writer stored that came to nothing.
const abortTime = time.Minute

// upload is a block on its way: the pages that hold its content, in order.
type upload struct {
	block  Block // known when it is complete
	length int   // bytes in pages
	pages  []*buf.Page
	body   object.Memory

	// Memory of the slices above, enough for blocks whose pages join.
	pageMemory [2]*buf.Page
	bodyMemory [2][]byte
}

// add takes over p.
func (u *upload) add(p *buf.Page) {
	u.length += p.Len()
	if n := len(u.pages); n > 0 && u.pages[n-1].Join(p) {
		return
	}
	if u.pages == nil {
		u.pages = u.pageMemory[:0]
	}
	u.pages = append(u.pages, p)
}

func (u *upload) release() {
	for i, p := range u.pages {
		p.Release()
		u.pages[i] = nil
	}
	u.pages = nil
}

// run stores the block and releases its pages, whatever comes of it. The caller has an upload slot.
func (u *upload) run(ctx context.Context, s *Store) error {
	defer u.release()
	s.meter.Uploading(1)
	defer s.meter.Uploading(-1)
	u.body = u.bodyMemory[:0]
	for _, p := range u.pages {
		u.body = append(u.body, p.Bytes())
	}
	key := s.Key(u.block)
	if s.codec != nil {
		return u.putEncoded(ctx, s, key)
	}
	if err := s.bucket.Put(ctx, key, object.Body{ReaderAt: &u.body, Size: int64(u.length)}); err != nil {
		return err
	}
	u.keep(s)
	return nil
}

// putEncoded stores the block in the form of the codec. The pages are let go before the transfer, so that a block costs
// its memory once while it is under way.
func (u *upload) putEncoded(ctx context.Context, s *Store, key string) error {
	stored := s.buffer()
	defer s.scratch.Put(stored)
	plain, err := u.body.Body().Bytes(nil)
	if err != nil {
		return err
	}
	if *stored, err = s.codec.encode(grow(*stored, s.codec.bound(len(plain))), plain); err != nil {
		return fmt.Errorf("put %s: %w", key, err)
	}
	u.keep(s)
	u.release()
	if err := s.bucket.Put(ctx, key, object.Bytes(*stored)); err != nil {
		s.memory.drop(u.block)
		if s.cache != nil {
			s.cache.Remove(u.block)
		}
		return err
	}
	return nil
}

// keep lets the caches have a block that is smaller than others: the kind that is read soon after it was written.
func (u *upload) keep(s *Store) {
	if len(u.pages) != 1 {
		return // in pieces, which does not happen to pages of Writer.Page
	}
	small := u.length < s.blockSize
	if small {
		s.memory.put(u.block, u.pages[0])
	}
	if s.cache != nil && (small || s.keepLarge) {
		s.cache.Write(u.block, u.pages[0])
	}
}

// PutBlock stores one block whose whole content is given, which is for blocks that another program left to upload.
func (s *Store) PutBlock(ctx context.Context, b Block, content []byte) error {
	if int(b.Length) != len(content) {
		return fmt.Errorf("put %s: %d bytes: %w", s.Key(b), len(content), fs.ErrInvalid)
	}
	if err := s.uploads.Acquire(ctx, 1); err != nil {
		return fmt.Errorf("put %s: %w", s.Key(b), err)
	}
	defer s.uploads.Release(1)
	u := upload{block: b}
	u.add(buf.NewPage(content))
	return u.run(ctx, s)
}

// undo removes the first n blocks of a slice that came to nothing, of which length bytes were appended. What cannot be
// removed is left to gc, which finds blocks that no metadata names.
func (s *Store) undo(id uint64, n int, length int64) {
	if n == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), abortTime) // the caller's may have ended: that may be why
	defer cancel()
	var g errgroup.Group
	g.SetLimit(s.maxDeletes)
	for i := range n {
		b := Ref{ID: id, Size: uint32(length)}.Block(i, s.blockSize)
		g.Go(func() error {
			if err := s.removeBlock(ctx, b); err != nil {
				s.log.Debug("block of a failed upload is left", "key", s.Key(b), "error", err)
			}
			return nil
		})
	}
	_ = g.Wait() // errors were logged
}
