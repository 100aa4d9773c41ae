package meta

import (
	"context"
	"math"
	"syscall"

	"juicefs/meta/engine"
	"juicefs/meta/record"
	"juicefs/pkg/fserr"
)

// Modes of Fallocate, as Linux has them. Other bits are ENOTSUP.
const (
	FallocKeepSize  = 1  // the length stays
	FallocPunchHole = 2  // zeros inside the file; only with FallocKeepSize
	FallocZeroRange = 16 // zeros
)

// Truncate sets the length of a file and returns its attribute. A nil caller was asked for permission before, on opening.
// Errors: ENOENT, EACCES, ENOSPC, EDQUOT; EPERM of what is no file, is in the trash, or is immutable or append-only.
func (fs *FS) Truncate(ctx context.Context, c *Caller, ino record.Ino, length uint64) (*record.Attr, error) {
	var a *record.Attr
	err := fs.update(ctx, "truncate", func(tx *Tx) (err error) {
		if a, err = tx.fileToWrite(c, ino); err != nil {
			return err
		}
		if a.Flags&(record.FlagImmutable|record.FlagAppend) != 0 {
			return ePerm
		}
		if length == a.Length {
			return nil
		}
		if err := tx.zeroBetween(ino, min(length, a.Length), max(length, a.Length)); err != nil {
			return err
		}
		return tx.putLength(ino, a, length, tx.now)
	})
	return a, fserr.WrapIno("truncate", uint64(ino), err)
}

// fileToWrite returns the attribute of a regular file whose data is to be changed.
func (tx *Tx) fileToWrite(c *Caller, ino record.Ino) (*record.Attr, error) {
	a, err := tx.Attr(ino, engine.Exact)
	if err != nil {
		return nil, err
	}
	if a.Type != record.TypeFile || a.Parent > record.Trash && c != nil {
		return nil, ePerm
	}
	if c != nil {
		err = tx.access(c, a, mayWrite)
	}
	return a, err
}

// zeroBetween makes what a file has from left to right zeros, where a length passes over it.
//
// Format: one zero record where the change begins, one in each chunk behind that has records, and one in the chunk where
// it ends. juicefs 1.4.1.
func (tx *Tx) zeroBetween(ino record.Ino, left, right uint64) error {
	first, last := left/record.ChunkSize, right/record.ChunkSize
	pos := left % record.ChunkSize
	tx.AppendSlices(ino, uint32(first), hole(pos, min(right-left, record.ChunkSize-pos)))
	if first == last {
		return nil
	}
	r := engine.Range{Kind: record.KindChunk, A: uint64(ino), After: record.ChunkKey(ino, uint32(first)), Below: last}
	const most = 1000
	for {
		items, err := tx.Page(r, most)
		if err != nil {
			return err
		}
		for _, it := range items {
			if it.Key.B < last {
				tx.AppendSlices(ino, uint32(it.Key.B), hole(0, record.ChunkSize))
			}
		}
		if len(items) < most || items[most-1].Key.B >= last {
			break
		}
		r.After = items[most-1].Key
	}
	if n := right % record.ChunkSize; n > 0 {
		tx.AppendSlices(ino, uint32(last), hole(0, n))
	}
	return nil
}

func hole(pos, n uint64) record.Slice { return record.Slice{Pos: uint32(pos), Len: uint32(n)} }

// putLength writes the attribute of a file whose data changed at mtime and whose length may have, with what that means for
// totals, statistics and quotas.
func (tx *Tx) putLength(ino record.Ino, a *record.Attr, length uint64, mtime record.Time) error {
	grown := change{length: int64(length) - int64(a.Length), space: record.Align(length) - record.Align(a.Length)}
	a.Length, a.Mtime, a.Ctime = length, mtime, tx.now
	tx.PutAttr(ino, a)
	if grown == (change{}) {
		return nil
	}
	tx.addTotals(grown)
	tx.addOwner(a.UID, a.GID, grown)
	homes, err := tx.homes(ino, a)
	if err != nil {
		return err
	}
	for dir, links := range homes {
		all := change{length: grown.length * links, space: grown.space * links}
		tx.addDirStat(dir, all)
		if err := tx.addTree(dir, all); err != nil {
			return err
		}
	}
	return nil
}

// homes returns the directories that have entries of an inode, and how many. That these do not change is guarded by the
// inode's attribute, which each new or lost link changes.
func (tx *Tx) homes(ino record.Ino, a *record.Attr) (map[record.Ino]int64, error) {
	switch {
	case a.Nlink == 0:
		return nil, nil
	case a.Parent > 0:
		return map[record.Ino]int64{a.Parent: 1}, nil
	}
	all := map[record.Ino]int64{}
	r := engine.Range{Kind: record.KindParent, A: uint64(ino)}
	const most = 1000
	for {
		items, err := tx.Page(r, most)
		if err != nil {
			return nil, err
		}
		for _, it := range items {
			n, err := record.DecodeInt64(it.Key.Kind, it.Value)
			if err != nil {
				return nil, err
			}
			if n > 0 {
				all[record.Ino(it.Key.B)] = n
			}
		}
		if len(items) < most {
			return all, nil
		}
		r.After = items[most-1].Key
	}
}

// Fallocate does what mode says to size bytes from off of a file, and returns the file's attribute. Errors: ENOENT, EACCES,
// ENOSPC, EDQUOT, EFBIG, EINVAL (size 0); ENOTSUP of an unknown mode; EPIPE of a FIFO; EPERM of another non-file, in the trash,
// of an immutable file, and of zeroing an append-only file.
func (fs *FS) Fallocate(ctx context.Context, c *Caller, ino record.Ino, mode uint32, off, size uint64) (*record.Attr, error) {
	var a *record.Attr
	err := fs.update(ctx, "fallocate", func(tx *Tx) (err error) {
		a, err = tx.fallocate(c, ino, mode, off, size)
		return err
	})
	return a, fserr.WrapIno("fallocate", uint64(ino), err)
}

func (tx *Tx) fallocate(c *Caller, ino record.Ino, mode uint32, off, size uint64) (*record.Attr, error) {
	zero := mode&(FallocPunchHole|FallocZeroRange) != 0
	switch {
	case mode&^(FallocKeepSize|FallocPunchHole|FallocZeroRange) != 0, mode&FallocPunchHole != 0 && mode != FallocPunchHole|FallocKeepSize:
		return nil, eNotSup
	case size == 0:
		return nil, eInval
	case off > math.MaxInt64-size || size > math.MaxInt64:
		return nil, eFBig
	}
	a, err := tx.Attr(ino, engine.Exact)
	if err != nil {
		return nil, err
	}
	if a.Type == record.TypeFIFO {
		return nil, syscall.EPIPE
	}
	if a, err = tx.fileToWrite(c, ino); err != nil {
		return nil, err
	}
	if a.Flags&record.FlagImmutable != 0 || a.Flags&record.FlagAppend != 0 && zero {
		return nil, ePerm
	}
	if zero {
		tx.zeroRange(ino, off, min(off+size, a.Length))
	}
	length := a.Length
	if mode&FallocKeepSize == 0 {
		length = max(length, off+size)
	}
	return a, tx.putLength(ino, a, length, tx.now)
}

// zeroRange appends zero records from off to end, one a chunk.
func (tx *Tx) zeroRange(ino record.Ino, off, end uint64) {
	for off < end {
		pos := off % record.ChunkSize
		n := min(end-off, record.ChunkSize-pos)
		tx.AppendSlices(ino, uint32(off/record.ChunkSize), hole(pos, n))
		off += n
	}
}
