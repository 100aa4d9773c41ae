package vfs

import (
	"context"
	"time"

	"juicefs/chunk"
	"juicefs/meta"
	"juicefs/meta/record"
)

// Compact puts one slice in place of the many that a chunk may have. done is false if there was nothing to gain, or if the
// chunk changed meanwhile. It takes a block of memory from the pool, and where blocks are read as a whole another one
// while it has the first: no more than half as many may run at once as the pool has blocks.
func (v *Volume) Compact(ctx context.Context, ino record.Ino, index uint32) (done bool, err error) {
	defer v.timed(time.Now())
	return v.fs.Compact(ctx, ino, index, v.storeCompacted)
}

// storeCompacted stores the new slice of a compaction: what its pieces show, one after the other.
func (v *Volume) storeCompacted(ctx context.Context, c *meta.Compaction) error {
	w := v.store.NewWriter(c.ID, chunk.WriteOptions{Size: int64(c.Size)})
	for _, piece := range c.Pieces {
		if err := v.appendPiece(ctx, w, piece); err != nil {
			w.Abort() //nolint:contextcheck // removing what was stored must go on when ctx has ended
			return err
		}
	}
	_, err := w.Seal(ctx)
	if err == nil {
		v.meter.Compacted(int(c.Size))
	}
	return err
}

// appendPiece reads a piece right into the pages of the new slice.
func (v *Volume) appendPiece(ctx context.Context, w *chunk.Writer, piece record.Slice) error {
	for piece.Len > 0 {
		page, err := w.Page(ctx, int(min(piece.Len, pageSize)))
		if err != nil {
			return err
		}
		n := page.Len()
		if isHole(piece) {
			clear(page.Bytes())
		} else if _, err = v.store.ReadAt(ctx, chunk.Ref{ID: piece.ID, Size: piece.Size}, page.Bytes(), piece.Off); err != nil {
			page.Release()
			return err
		}
		if err := w.Append(ctx, page); err != nil {
			return err
		}
		piece.Off, piece.Len = piece.Off+uint32(n), piece.Len-uint32(n)
	}
	return nil
}
