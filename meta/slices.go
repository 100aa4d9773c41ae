package meta

import (
	"context"
	"maps"
	"math"
	"slices"

	"juicefs/meta/engine"
	"juicefs/meta/record"
	"juicefs/pkg/fserr"
)

// Write adds a slice of new data, stored already, to chunk index of a file and returns the file's attribute. s.Pos is where
// in the chunk; the slice must end in it. mtime is when the data was written; zero: now. It works on files in the trash and
// on open files without a name: permission was asked on opening. Errors: ENOENT, EPERM (no regular file), EINVAL, ENOSPC,
// EDQUOT, EROFS. After engine.ErrUnknown the slice may be part of the file or not, and its blocks must be kept.
func (fs *FS) Write(ctx context.Context, ino record.Ino, index uint32, s record.Slice, mtime record.Time) (*record.Attr, error) {
	var a *record.Attr
	err := fs.update(ctx, "write", func(tx *Tx) (err error) {
		if s.Len == 0 || uint64(s.Pos)+uint64(s.Len) > record.ChunkSize || s.ID != 0 && uint64(s.Off)+uint64(s.Len) > uint64(s.Size) {
			return eInval
		}
		if a, err = tx.fileToWrite(nil, ino); err != nil {
			return err
		}
		tx.AppendSlices(ino, index, s)
		if s.ID != 0 {
			tx.Insert(record.SliceRefKey(s.ID, s.Size), record.EncodeInt64(1))
		}
		at := mtime
		if at == (record.Time{}) {
			at = tx.now
		}
		end := uint64(index)*record.ChunkSize + uint64(s.Pos) + uint64(s.Len)
		return tx.putLength(ino, a, max(a.Length, end), at)
	})
	if err == nil {
		fs.noteAdded(ctx, ino, index, 1)
	}
	return a, fserr.WrapIno("write", uint64(ino), err)
}

// Range is a part of a file.
type Range struct {
	Ino record.Ino
	Off uint64
}

// CopyRange makes size bytes of a file from dst.Off on refer to those of another, or the same, file from src.Off on. No
// data moves. The range is cut at the end of the source; copied says how much was left of it. attr is that of the
// destination. A nil caller was asked for permission before. Errors: ENOENT, EACCES, ENOSPC, EDQUOT, EFBIG; EPERM of what is
// no file and of an immutable or append-only destination; EINVAL of ranges of one file that overlap.
func (fs *FS) CopyRange(ctx context.Context, c *Caller, src, dst Range, size uint64) (copied uint64, attr *record.Attr, err error) {
	var added map[uint32][]record.Slice
	err = fs.update(ctx, "copyrange", func(tx *Tx) (err error) {
		added = map[uint32][]record.Slice{}
		copied, attr, err = tx.copyRange(c, src, dst, size, added)
		return err
	})
	if err == nil {
		for index, ss := range added {
			fs.noteAdded(ctx, dst.Ino, index, len(ss))
		}
	}
	return copied, attr, fserr.WrapIno("copyrange", uint64(dst.Ino), err)
}

// copyRange is CopyRange in a transaction; the records that it adds are put into added.
func (tx *Tx) copyRange(c *Caller, src, dst Range, size uint64, added map[uint32][]record.Slice) (uint64, *record.Attr, error) {
	if err := tx.Load(engine.ReadOp{Key: record.AttrKey(src.Ino), Guard: engine.Exact}, engine.ReadOp{Key: record.AttrKey(dst.Ino), Guard: engine.Exact}); err != nil {
		return 0, nil, err
	}
	from, err := tx.Attr(src.Ino, engine.Exact)
	if err != nil {
		return 0, nil, err
	}
	if from.Type != record.TypeFile {
		return 0, nil, ePerm
	}
	if c != nil {
		if err = tx.access(c, from, mayRead); err != nil {
			return 0, nil, err
		}
	}
	to, err := tx.fileToWrite(c, dst.Ino)
	if err != nil {
		return 0, nil, err
	}
	if to.Flags&(record.FlagImmutable|record.FlagAppend) != 0 {
		return 0, nil, ePerm
	}
	size = min(size, from.Length-min(src.Off, from.Length))
	switch {
	case size == 0:
		return 0, to, nil
	case dst.Off > math.MaxInt64-size:
		return 0, nil, eFBig
	case src.Ino == dst.Ino && src.Off < dst.Off+size && dst.Off < src.Off+size:
		return 0, nil, eInval
	}
	y := &layout{start: dst.Off, chunks: added}
	if err := tx.layOut(y, src.Ino, src.Off, size); err != nil {
		return 0, nil, err
	}
	refs := map[record.SliceID]int64{}
	for _, index := range slices.Sorted(maps.Keys(y.chunks)) {
		tx.AppendSlices(dst.Ino, index, y.chunks[index]...)
		count(refs, y.chunks[index], 1)
	}
	if _, err := tx.settleRefs(refs); err != nil {
		return 0, nil, err
	}
	return size, to, tx.putLength(dst.Ino, to, max(to.Length, dst.Off+size), tx.now)
}
