package meta

import (
	"context"
	"errors"
	"slices"
	"time"

	"juicefs/meta/engine"
	"juicefs/meta/record"
	"juicefs/pkg/fserr"
)

// Limits of compaction (juicefs 1.4.1).
const (
	compactMost = 1000    // records merged at once
	worthSize   = 1 << 20 // a first record that large may be left as it is
	worthShare  = 5       // if it is at least that part of all
)

// dropTime bounds the removal of what a compaction stored for nothing.
const dropTime = 10 * time.Second

// Compaction is the plan to put one new slice in place of several records of a chunk. Whoever carries it out stores Size
// bytes as slice ID: the data of Pieces, one after the other.
type Compaction struct {
	Ino    record.Ino
	Index  uint32
	ID     uint64
	Pos    uint32         // where in the chunk the new slice goes
	Size   uint32         // 0: all is zeros, nothing is to be stored
	Pieces []record.Slice // visible pieces without gaps; holes have ID 0

	origin []record.Slice // the first records of the chunk as they were
	skip   int            // how many of them stay
}

// PlanCompact returns how a chunk is best compacted; nil if there is nothing to gain.
func (fs *FS) PlanCompact(ctx context.Context, ino record.Ino, index uint32) (*Compaction, error) {
	ss, err := fs.ReadChunk(ctx, ino, index)
	if err != nil {
		return nil, fserr.WrapIno("compact", uint64(ino), err)
	}
	c := &Compaction{Ino: ino, Index: index, origin: ss[:min(len(ss), compactMost)]}
	for c.skip < len(c.origin) && worthKeeping(c.origin[c.skip:]) {
		c.skip++
	}
	if len(c.origin)-c.skip < 2 {
		return nil, nil
	}
	c.Pos, c.Size, c.Pieces = stripped(c.origin[c.skip:])
	if c.ID, err = fs.NewSlice(ctx); err != nil {
		return nil, fserr.WrapIno("compact", uint64(ino), err)
	}
	return c, nil
}

// stripped returns what is visible of records without the holes before and behind it, where it begins and its size.
func stripped(ss []record.Slice) (pos, size uint32, pieces []record.Slice) {
	pieces = Visible(ss)
	for len(pieces) > 0 && pieces[0].ID == 0 {
		pieces = pieces[1:]
	}
	for len(pieces) > 0 && pieces[len(pieces)-1].ID == 0 {
		pieces = pieces[:len(pieces)-1]
	}
	if len(pieces) == 0 {
		return 0, 0, nil
	}
	last := pieces[len(pieces)-1]
	pos = pieces[0].Pos
	return pos, last.Pos + last.Len - pos, pieces
}

// worthKeeping reports whether the first of records is large and untouched, so that copying its data gains little.
func worthKeeping(ss []record.Slice) bool {
	first := ss[0]
	_, size, pieces := stripped(ss)
	return first.ID != 0 && first.Len >= worthSize && uint64(first.Len)*worthShare >= uint64(size) &&
		len(pieces) > 0 && pieces[0] == first && !slices.Contains(ss[1:], first)
}

// CommitCompact puts the new slice in place. With a trash the old ones are kept for as long, else those that nothing refers
// to any more are deleted. EINVAL: the records have changed; the new slice is of no use then.
func (fs *FS) CommitCompact(ctx context.Context, c *Compaction) error {
	var dead []record.SliceID
	err := fs.update(ctx, "compact", func(tx *Tx) error {
		dead = nil
		k := record.ChunkKey(c.Ino, c.Index)
		now, err := tx.Slices(c.Ino, c.Index, engine.Exact)
		if err != nil {
			return err
		}
		if len(now) < len(c.origin) || !slices.Equal(now[:len(c.origin)], c.origin) {
			return eInval
		}
		next := slices.Clone(now[:c.skip])
		if c.Size > 0 {
			next = append(next, record.Slice{Pos: c.Pos, ID: c.ID, Size: c.Size, Len: c.Size})
			tx.Insert(record.SliceRefKey(c.ID, c.Size), record.EncodeInt64(1))
			tx.proof = record.SliceRefKey(c.ID, c.Size)
		}
		next = append(next, now[len(c.origin):]...)
		if len(next) == 0 {
			tx.Delete(k)
		} else {
			tx.Put(k, record.EncodeSlices(next...))
		}
		dead, err = tx.retire(c)
		return err
	})
	if err != nil {
		return fserr.WrapIno("compact", uint64(c.Ino), err)
	}
	if err := fs.deleteSlices(ctx, dead); err != nil {
		fs.log.Warn("delete compacted slices; the hourly job will", "inode", uint64(c.Ino), "error", err)
	}
	return nil
}

// retire gives up the slices that a compaction replaces: for later with a trash, else at once.
func (tx *Tx) retire(c *Compaction) ([]record.SliceID, error) {
	old := slices.DeleteFunc(slices.Clone(c.origin[c.skip:]), func(s record.Slice) bool { return s.ID == 0 })
	if tx.fs.Setting().TrashDays <= 0 {
		return tx.deref(old)
	}
	if len(old) > 0 {
		ids := make([]record.SliceID, len(old))
		for i, s := range old {
			ids[i] = record.SliceID{ID: s.ID, Size: s.Size}
		}
		tx.Put(record.DelSlicesKey(c.ID, tx.now.Sec), record.EncodeSliceIDs(ids...))
	}
	return nil, nil
}

// Compact compacts a chunk; store puts the data of the new slice in the object store. done is false if there was nothing to
// do or the chunk changed meanwhile.
func (fs *FS) Compact(ctx context.Context, ino record.Ino, index uint32, store func(context.Context, *Compaction) error) (done bool, err error) {
	c, err := fs.PlanCompact(ctx, ino, index)
	if err != nil || c == nil {
		return false, err
	}
	if c.Size > 0 {
		if err := store(ctx, c); err != nil {
			return false, errors.Join(fserr.WrapIno("compact", uint64(ino), err), fs.dropCompact(ctx, c))
		}
	}
	switch err := fs.CommitCompact(ctx, c); {
	case err == nil:
		return true, nil
	case errors.Is(err, eInval):
		return false, fs.dropCompact(ctx, c)
	case errors.Is(err, engine.ErrUnknown): // it may be in use
		return false, err
	default:
		return false, errors.Join(err, fs.dropCompact(ctx, c))
	}
}

// dropCompact marks the new slice of a compaction that came to nothing as unused, and deletes what was stored of it.
func (fs *FS) dropCompact(ctx context.Context, c *Compaction) error {
	if c.Size == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), dropTime) // what ended ctx may be why it came to nothing
	defer cancel()
	err := fs.update(ctx, "dropslice", func(tx *Tx) error {
		tx.Put(record.SliceRefKey(c.ID, c.Size), record.EncodeInt64(0))
		return nil
	})
	if err == nil {
		err = fs.deleteSlices(ctx, []record.SliceID{{ID: c.ID, Size: c.Size}})
	}
	return err
}
