package meta

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"path"
	"slices"

	"juicefs/meta/engine"
	"juicefs/meta/record"
)

// layout collects the slices of a file that is put together from pieces of others, or of a part of one.
type layout struct {
	start  uint64 // where in the file the first piece goes
	length uint64 // of the pieces so far
	chunks map[uint32][]record.Slice
}

// add puts a piece at the end, cut where a chunk ends.
func (y *layout) add(s record.Slice) {
	for s.Len > 0 {
		at := y.start + y.length
		pos := uint32(at % record.ChunkSize)
		n := min(s.Len, record.ChunkSize-pos)
		piece := s
		piece.Pos, piece.Len = pos, n
		if s.ID == 0 {
			piece = record.Slice{Pos: pos, Len: n}
		}
		index := uint32(at / record.ChunkSize)
		y.chunks[index] = append(y.chunks[index], piece)
		y.length += uint64(n)
		s.Off, s.Len = s.Off+n, s.Len-n
	}
}

// addFile puts length bytes from off of a file at the end: what a reader would see of it.
func (y *layout) addFile(chunks map[uint32][]record.Slice, off, length uint64) {
	for length > 0 {
		index, pos := uint32(off/record.ChunkSize), uint32(off%record.ChunkSize)
		n := uint32(min(length, uint64(record.ChunkSize-pos)))
		for _, s := range window(Visible(chunks[index]), pos, n) {
			y.add(s)
		}
		off, length = off+uint64(n), length-uint64(n)
	}
}

// window cuts n bytes from pos out of the visible pieces of a chunk; what no piece covers is a hole.
func window(pieces []record.Slice, pos, n uint32) []record.Slice {
	var out []record.Slice
	end := pos + n
	for _, s := range pieces {
		from, to := max(s.Pos, pos), min(s.Pos+s.Len, end)
		if from >= to {
			continue
		}
		out = append(out, record.Slice{Pos: from, ID: s.ID, Size: s.Size, Off: s.Off + from - s.Pos, Len: to - from})
		pos = to
	}
	if pos < end {
		out = append(out, record.Slice{Pos: pos, Len: end - pos})
	}
	return out
}

// count adds how often each slice is referred to.
func count(refs map[record.SliceID]int64, ss []record.Slice, by int64) {
	for _, s := range ss {
		if s.ID != 0 {
			refs[record.SliceID{ID: s.ID, Size: s.Size}] += by
		}
	}
}

// ComposeObject makes an object of the data of other files, which are removed, with s.Remove and all in it, in the same
// transaction. Data moves by reference. Errors as CommitObject; that of s.Plan; ErrPartChanged; of s.Remove ErrUploadGone with
// ENOENT or ENOTDIR, ENOTEMPTY (a directory is in it), EPERM (the root or the trash) and EINVAL (the object would be in it).
func (fs *FS) ComposeObject(ctx context.Context, c *Caller, s *ComposeSpec) (*Object, error) {
	var obj *Object
	var dead []record.SliceID
	err := fs.update(ctx, "compose", func(tx *Tx) error {
		dead = nil
		up, err := tx.openUpload(c, s)
		if err != nil {
			return err
		}
		p, err := tx.planned(s, up)
		if err != nil {
			return err
		}
		t, err := tx.target(c, &p.ObjectSpec)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(t.dirs, func(d node) bool { return d.ino == up.ent.Ino }) {
			return eInval // it would go with its own parts
		}
		y, refs, err := tx.gather(p, up)
		if err != nil {
			return err
		}
		if err = tx.closeUpload(p, up); err != nil { // before the object, so that the parts make room for it
			return err
		}
		spec := p.ObjectSpec
		spec.Length, spec.Chunks = y.length, nil
		if obj, err = tx.placeObject(c, &spec, t); err != nil {
			return err
		}
		for _, index := range slices.Sorted(maps.Keys(y.chunks)) {
			tx.Insert(record.ChunkKey(obj.Ino, index), record.EncodeSlices(y.chunks[index]...))
		}
		obj.Chunks = y.chunks
		dead, err = tx.settleRefs(refs)
		return err
	})
	if err == nil && len(dead) > 0 {
		fs.background(func(ctx context.Context) error { return fs.deleteSlices(ctx, dead) })
	}
	fs.notePlaced(obj, err)
	return obj, wrap("compose", cmp.Or(s.Path, s.Remove), err)
}

// gather lays the parts one after the other and counts how references change.
func (tx *Tx) gather(s *ComposeSpec, u *upload) (*layout, map[record.SliceID]int64, error) {
	var reads []engine.ReadOp
	used := map[string]bool{}
	for _, p := range s.Parts {
		name := path.Base(p.Path)
		f := u.files[name]
		if f == nil || f.attr.Type != record.TypeFile || f.attr.Nlink > 1 || path.Dir(p.Path) != s.Remove || used[name] {
			return nil, nil, fmt.Errorf("%s: %w", p.Path, ErrPartChanged)
		}
		used[name] = true
		if p.ETag != "" {
			b, err := tx.xattr(f.ent.Ino, s.ETagName)
			if err != nil {
				return nil, nil, err
			}
			if string(b) != p.ETag {
				return nil, nil, fmt.Errorf("%s: %w", p.Path, ErrPartChanged)
			}
		}
		for i := range chunkCount(f.attr.Length) {
			reads = append(reads, engine.ReadOp{Key: record.ChunkKey(f.ent.Ino, i), Guard: engine.Exact})
		}
	}
	if err := tx.Load(reads...); err != nil {
		return nil, nil, err
	}
	y := &layout{chunks: map[uint32][]record.Slice{}}
	refs := map[record.SliceID]int64{}
	for _, p := range s.Parts {
		f := u.files[path.Base(p.Path)]
		f.chunks = map[uint32][]record.Slice{}
		for i := range chunkCount(f.attr.Length) {
			ss, err := tx.Slices(f.ent.Ino, i, engine.Exact)
			if err != nil {
				return nil, nil, err
			}
			if len(ss) > 0 {
				f.chunks[i] = ss
				count(refs, ss, -1)
			}
		}
		y.addFile(f.chunks, 0, f.attr.Length)
	}
	for _, ss := range y.chunks {
		count(refs, ss, 1)
	}
	return y, refs, nil
}

func chunkCount(length uint64) uint32 {
	return uint32((length + record.ChunkSize - 1) / record.ChunkSize)
}

// settleRefs writes how reference counts changed, and returns the slices without any left.
func (tx *Tx) settleRefs(refs map[record.SliceID]int64) ([]record.SliceID, error) {
	var gone []record.Slice
	ids := slices.SortedFunc(maps.Keys(refs), func(a, b record.SliceID) int { return int(int64(a.ID) - int64(b.ID)) })
	for _, id := range ids {
		switch by := refs[id]; {
		case by > 0:
			tx.Add(record.SliceRefKey(id.ID, id.Size), by)
		case by < 0:
			for range -by {
				gone = append(gone, record.Slice{ID: id.ID, Size: id.Size})
			}
		}
	}
	return tx.deref(gone)
}

// CopyObject makes the object s refer to n bytes of the file src from off (n < 0: to its end; both are cut at the end).
// No data moves. s.Length and s.Chunks are derived. Errors as CommitObject; ENOENT or EISDIR of src.
func (fs *FS) CopyObject(ctx context.Context, c *Caller, src string, off, n int64, s *ObjectSpec) (*Object, error) {
	if off < 0 {
		return nil, wrap("copy", src, eInval)
	}
	var obj *Object
	err := fs.updateRemembered(ctx, "copy", func(tx *Tx) error { //nolint:contextcheck // a transaction carries its context
		// The target first: it may be remembered, the source with its data is not. What is wrong with the source counts first.
		t, bad := tx.target(c, s)
		y, err := tx.copied(c, src, off, n, s)
		if err == nil {
			err = bad
		}
		if err != nil {
			return err
		}
		spec := *s
		spec.Length, spec.Chunks = y.length, nil
		if obj, err = tx.placeObject(c, &spec, t); err != nil {
			return err
		}
		refs := map[record.SliceID]int64{}
		for _, index := range slices.Sorted(maps.Keys(y.chunks)) {
			tx.Insert(record.ChunkKey(obj.Ino, index), record.EncodeSlices(y.chunks[index]...))
			count(refs, y.chunks[index], 1)
		}
		obj.Chunks = y.chunks
		_, err = tx.settleRefs(refs)
		return err
	})
	if err != nil {
		return nil, wrap("copy", s.Path, err) // an attempt that came to nothing may have left an object
	}
	fs.notePlaced(obj, nil)
	return obj, nil
}

// copied lays out what is to be copied of the file src.
func (tx *Tx) copied(c *Caller, src string, off, n int64, s *ObjectSpec) (*layout, error) {
	r, err := tx.walk(c, src, walkOptions{follow: true, last: engine.Exact, chunks: 1 << 20})
	if err != nil {
		return nil, wrap("copy", src, err)
	}
	if !r.found || r.attr == nil {
		return nil, wrap("copy", src, eNoEnt)
	}
	if r.attr.Type != record.TypeFile {
		return nil, wrap("copy", src, eIsDir)
	}
	if err = tx.access(c, r.attr, mayRead); err != nil {
		return nil, wrap("copy", src, err)
	}
	if s.Source.Ino != 0 && s.Source != (FileVersion{Ino: r.ent.Ino, Mtime: r.attr.Mtime}) {
		return nil, fmt.Errorf("%s: %w", src, ErrSourceChanged)
	}
	return tx.cut(r, uint64(off), n)
}

// notePlaced says what records an object was made of, if it was.
func (fs *FS) notePlaced(o *Object, err error) {
	if err != nil {
		return
	}
	for index, records := range o.Chunks {
		fs.NoteRead(o.Ino, index, records)
	}
}

// cut lays out a range of a file.
func (tx *Tx) cut(r *route, off uint64, n int64) (*layout, error) {
	length := r.attr.Length
	off = min(off, length)
	size := length - off
	if n >= 0 {
		size = min(size, uint64(n))
	}
	y := &layout{chunks: map[uint32][]record.Slice{}}
	return y, tx.layOut(y, r.ent.Ino, off, size)
}

// layOut puts size bytes from off of a file, which it has, at the end of a layout.
func (tx *Tx) layOut(y *layout, ino record.Ino, off, size uint64) error {
	if size == 0 {
		return nil
	}
	first, last := uint32(off/record.ChunkSize), uint32((off+size-1)/record.ChunkSize)
	var reads []engine.ReadOp
	for i := first; i <= last; i++ {
		reads = append(reads, engine.ReadOp{Key: record.ChunkKey(ino, i), Guard: engine.Exact})
	}
	if err := tx.Load(reads...); err != nil {
		return err
	}
	chunks := map[uint32][]record.Slice{}
	for i := first; i <= last; i++ {
		ss, err := tx.Slices(ino, i, engine.Exact)
		if err != nil {
			return err
		}
		chunks[i] = ss
	}
	y.addFile(chunks, off, size)
	return nil
}
