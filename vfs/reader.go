package vfs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"slices"
	"sync"
	"syscall"
	"time"

	"juicefs/chunk"
	"juicefs/meta"
	"juicefs/meta/record"
	"juicefs/pkg/buf"
	"juicefs/pkg/fserr"
)

// Reader reads one version of an object: the inode that the path led to when it was opened. Its methods may be called
// from several goroutines at once.
type Reader struct {
	v       *Volume
	info    *Info
	release func()
	once    sync.Once // of release

	mu     sync.Mutex
	chunks map[uint32][]record.Slice // what is visible of those looked at: without gaps, as far as the object reaches
}

// OpenObject opens a regular file for reading (EISDIR for a directory): one read transaction for path, attribute,
// extended attributes and the slices of the first chunks. No data is read before the first Read. The reader sees this
// version to its end, even if the path is replaced or removed meanwhile. ctx is for opening only.
func (v *Volume) OpenObject(ctx context.Context, path string) (*Reader, error) {
	defer v.timed(time.Now())
	for {
		o, err := v.fs.Resolve(ctx, &v.caller, path, meta.Want{Xattrs: true, Chunks: firstChunks})
		if err != nil {
			return nil, err
		}
		switch o.Attr.Type {
		case record.TypeFile:
		case record.TypeDirectory:
			return nil, &fserr.Error{Op: "open", Path: path, Err: syscall.EISDIR}
		default:
			return nil, &fserr.Error{Op: "open", Path: path, Err: syscall.EINVAL}
		}
		release, ok := v.fs.OpenInode(o.Ino)
		if !ok { // this process removed it a moment ago, and perhaps put something in its place
			continue
		}
		r := &Reader{v: v, info: infoOf(o), release: release, chunks: make(map[uint32][]record.Slice, 1)}
		for i := range min(firstChunks, uint32(max(chunksOf(r.info.Size), 1))) {
			r.chunks[i] = r.clip(i, o.Chunks[i])
			v.fs.NoteRead(o.Ino, i, o.Chunks[i])
		}
		return r, nil
	}
}

// firstChunks is of how many chunks the slices are read on opening: 4 GiB. Those that follow are read when their turn comes.
const firstChunks = 64

// chunksOf is how many chunks a file has.
func chunksOf(size int64) int64 { return (size + record.ChunkSize - 1) / record.ChunkSize }

// Info describes the object as it was opened.
func (r *Reader) Info() *Info { return r.info }

// Close releases the reader; streams must be closed before.
func (r *Reader) Close() error {
	r.once.Do(r.release)
	return nil
}

// clip lays the records of a chunk over each other, cuts them at the object's end and fills up with zeros to there.
func (r *Reader) clip(index uint32, records []record.Slice) []record.Slice {
	want := uint32(min(r.info.Size-int64(index)*record.ChunkSize, record.ChunkSize))
	pieces := meta.Visible(records)
	at := uint32(0)
	for i := range pieces {
		p := &pieces[i]
		if p.Pos >= want {
			return pieces[:i]
		}
		p.Len = min(p.Len, want-p.Pos)
		at = p.Pos + p.Len
	}
	if at < want {
		pieces = append(pieces, record.Slice{Pos: at, Len: want - at})
	}
	return pieces
}

// chunk returns what is visible of a chunk.
func (r *Reader) chunk(ctx context.Context, index uint32) ([]record.Slice, error) {
	r.mu.Lock()
	pieces, ok := r.chunks[index]
	r.mu.Unlock()
	if ok {
		return pieces, nil
	}
	pieces, err := r.readChunk(ctx, index)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.chunks[index] = pieces
	return pieces, nil
}

// readChunk reads the records of a chunk as they are now.
func (r *Reader) readChunk(ctx context.Context, index uint32) ([]record.Slice, error) {
	records, err := r.v.fs.ReadChunk(ctx, r.info.Ino, index)
	if err != nil {
		return nil, err
	}
	r.v.fs.NoteRead(r.info.Ino, index, records)
	pieces := r.clip(index, records)
	if !slices.ContainsFunc(pieces, isHole) {
		return pieces, nil
	}
	// A file that another client removed has no records either, and what looks like a hole is not one. Clients remove the
	// inode before its records, so if it is still there now, the records were its own.
	if _, err = r.v.fs.GetAttr(ctx, r.info.Ino); errors.Is(err, fs.ErrNotExist) {
		return nil, errGone
	}
	return pieces, err
}

func isHole(s record.Slice) bool { return s.ID == 0 }

// renew reads the records of a chunk again after a block of the pieces stale was missing: another client may have
// compacted the chunk, which moves the same bytes elsewhere. It fails if nothing changed, or if more than that changed.
func (r *Reader) renew(ctx context.Context, index uint32, stale []record.Slice, missing error) error {
	r.mu.Lock()
	known := r.chunks[index]
	r.mu.Unlock()
	if !slices.Equal(known, stale) {
		return nil // somebody else was here
	}
	fresh, err := r.readChunk(ctx, index)
	if err != nil {
		return err
	}
	if slices.Equal(fresh, stale) {
		return missing
	}
	if !covers(fresh, stale) {
		return errGone
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.chunks[index] = fresh
	return nil
}

// covers reports whether there is data in fresh wherever there was in stale. Compaction may turn holes into data (of
// zeros) but never the other way.
func covers(fresh, stale []record.Slice) bool {
	i := 0
	for _, s := range stale {
		if isHole(s) {
			continue
		}
		for at := s.Pos; at < s.Pos+s.Len; {
			for i < len(fresh) && fresh[i].Pos+fresh[i].Len <= at {
				i++
			}
			if i == len(fresh) || isHole(fresh[i]) {
				return false
			}
			at = fresh[i].Pos + fresh[i].Len
		}
	}
	return true
}

// find returns the piece that position pos of a chunk is in.
func find(pieces []record.Slice, pos uint32) record.Slice {
	i, _ := slices.BinarySearchFunc(pieces, pos, func(s record.Slice, pos uint32) int {
		if s.Pos+s.Len <= pos {
			return -1
		}
		return 1
	})
	return pieces[i]
}

// locate returns the pieces of the chunk that holds offset off, and what of them begins there, at most n bytes.
func (r *Reader) locate(ctx context.Context, off, n int64) (index uint32, pieces []record.Slice, part record.Slice, err error) {
	index = uint32(off / record.ChunkSize)
	pieces, err = r.chunk(ctx, index)
	if err != nil {
		return 0, nil, part, err
	}
	pos := uint32(off % record.ChunkSize)
	part = find(pieces, pos)
	skip := pos - part.Pos
	part.Pos, part.Off, part.Len = pos, part.Off+skip, part.Len-skip
	part.Len = uint32(min(int64(part.Len), n))
	return index, pieces, part, nil
}

// pages yields the bytes from off to end in order; the consumer releases the pages, which it must not change. After an
// error (the page is nil) the sequence ends.
func (r *Reader) pages(ctx context.Context, off, end int64) iter.Seq2[*buf.Page, error] {
	return func(yield func(*buf.Page, error) bool) {
		for off < end {
			index, pieces, part, err := r.locate(ctx, off, end-off)
			if err != nil {
				yield(nil, r.fail(off, err))
				return
			}
			from := off
			for page, err := range r.v.piecePages(ctx, part) {
				if err == nil {
					off += int64(page.Len())
					if !yield(page, nil) {
						return
					}
					continue
				}
				if errors.Is(err, fs.ErrNotExist) {
					err = r.renew(ctx, index, pieces, err)
				}
				if err != nil {
					yield(nil, r.fail(off, err))
					return
				}
				from = -1 // with other pieces now
			}
			if from >= 0 && off != from+int64(part.Len) {
				yield(nil, r.fail(off, fmt.Errorf("%d bytes instead of %d: %w", off-from, part.Len, io.ErrUnexpectedEOF)))
				return
			}
		}
	}
}

// piecePages yields one piece of a chunk; the pages must not be changed.
func (v *Volume) piecePages(ctx context.Context, part record.Slice) iter.Seq2[*buf.Page, error] {
	switch {
	case isHole(part):
	case v.local:
		return v.localPages(ctx, part)
	default:
		return v.store.Pages(ctx, chunk.Ref{ID: part.ID, Size: part.Size}, part.Off, part.Len)
	}
	return func(yield func(*buf.Page, error) bool) {
		zeros := v.zeros
		for left := int(part.Len); left > 0; {
			n := min(left, zeros.Len())
			if !yield(zeros.Slice(0, n), nil) {
				return
			}
			left -= n
		}
	}
}

// smallPage is how much of a local block is read at once when memory is short. A client that reads slowly keeps a page from
// others. 64 MiB in steps of 1 MiB cost 7 ms of CPU, of 128 KiB 11 ms.
const smallPage = 128 << 10

// localPages yields a piece of a local block, in small pages when a quarter of the pool is in use.
func (v *Volume) localPages(ctx context.Context, part record.Slice) iter.Seq2[*buf.Page, error] {
	return func(yield func(*buf.Page, error) bool) {
		for part.Len > 0 {
			n := min(part.Len, pageSize)
			if v.pool.Used() > v.pool.Limit()/4 {
				n = min(n, smallPage)
			}
			page, err := v.pool.Get(ctx, int(n))
			if err == nil {
				if _, err = v.store.ReadAt(ctx, chunk.Ref{ID: part.ID, Size: part.Size}, page.Bytes(), part.Off); err != nil {
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
			part.Off, part.Len = part.Off+n, part.Len-n
		}
	}
}

// readAt fills p with the bytes from off, which are all within the object.
func (r *Reader) readAt(ctx context.Context, p []byte, off int64) error {
	for len(p) > 0 {
		index, pieces, part, err := r.locate(ctx, off, int64(len(p)))
		if err != nil {
			return r.fail(off, err)
		}
		n := int(part.Len)
		if isHole(part) {
			clear(p[:n])
		} else if _, err = r.v.store.ReadAt(ctx, chunk.Ref{ID: part.ID, Size: part.Size}, p[:n], part.Off); err != nil {
			if errors.Is(err, fs.ErrNotExist) {
				err = r.renew(ctx, index, pieces, err)
			}
			if err != nil {
				return r.fail(off, err)
			}
			continue
		}
		p, off = p[n:], off+int64(n)
	}
	return nil
}

// fail says where reading failed. A missing block must not look like a missing object.
func (r *Reader) fail(off int64, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("data is missing at offset %d: %s: %w", off, err.Error(), syscall.EIO)
	} else {
		err = fmt.Errorf("at offset %d: %w", off, err)
	}
	return &fserr.Error{Op: "read", Path: r.info.Path, Ino: uint64(r.info.Ino), Err: err}
}
