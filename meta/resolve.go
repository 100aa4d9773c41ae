package meta

import (
	"context"
	"slices"

	"juicefs/meta/engine"
	"juicefs/meta/record"
)

// Resolve looks up a path with all that w asks for, as of one moment where the engine can do that. Errors: ENOENT, ENOTDIR,
// EACCES, ELOOP.
func (fs *FS) Resolve(ctx context.Context, c *Caller, path string, w Want) (*Object, error) {
	var obj *Object
	err := fs.view(ctx, "resolve", func(tx *Tx) error {
		r, err := tx.walk(c, path, walkOptions{follow: !w.NoFollow, chunks: w.Chunks, xattrs: w.Xattrs})
		if err != nil {
			return err
		}
		if !r.found || r.attr == nil {
			return eNoEnt
		}
		obj = &Object{Path: path, Parent: r.dir().ino, Name: r.name, Ino: r.ent.Ino, Attr: *r.attr}
		if w.Xattrs {
			if obj.Xattrs, err = tx.Xattrs(r.ent.Ino); err != nil {
				return err
			}
		}
		switch {
		case r.attr.Type == record.TypeFile && w.Chunks > 0:
			obj.Chunks, err = tx.chunks(r.ent.Ino, r.attr.Length, w.Chunks)
		case r.attr.Type == record.TypeSymlink:
			var b []byte
			b, err = tx.Get(record.SymlinkKey(r.ent.Ino), engine.Loose)
			obj.Target = string(b)
		}
		return err
	})
	if err != nil {
		return nil, wrap("resolve", path, err)
	}
	return obj, nil
}

// chunks returns the records of the first chunks of a file, at most n.
func (tx *Tx) chunks(ino record.Ino, length uint64, n uint32) (map[uint32][]record.Slice, error) {
	n = uint32(min(uint64(n), (length+record.ChunkSize-1)/record.ChunkSize))
	reads := make([]engine.ReadOp, n)
	for i := range reads {
		reads[i] = engine.ReadOp{Key: record.ChunkKey(ino, uint32(i))}
	}
	if err := tx.Load(reads...); err != nil {
		return nil, err
	}
	all := make(map[uint32][]record.Slice, n)
	for i := range n {
		ss, err := tx.Slices(ino, i, engine.Loose)
		if err != nil {
			return nil, err
		}
		if len(ss) > 0 {
			all[i] = ss
		}
	}
	return all, nil
}

// ReadChunk returns the records of a chunk, oldest first, as they are now.
func (fs *FS) ReadChunk(ctx context.Context, ino record.Ino, index uint32) ([]record.Slice, error) {
	var ss []record.Slice
	err := fs.view(ctx, "read", func(tx *Tx) (err error) {
		ss, err = tx.Slices(ino, index, engine.Loose)
		return err
	})
	return ss, err
}

// Visible lays the records of a chunk, oldest first, over each other: what a reader sees, ordered by Pos, without gaps or
// overlaps from 0 to the end of the last piece. Holes have ID 0. Behind the last piece all is zero.
//
// Format: juicefs 1.4.1; testdata/slices.json.
func Visible(records []record.Slice) []record.Slice {
	var out []record.Slice // ordered, no overlaps, gaps allowed
	for _, s := range records {
		if s.Len > 0 {
			out = overlay(out, s)
		}
	}
	return fillHoles(out)
}

// overlay puts one record over what is there, cutting the pieces it covers in part.
func overlay(have []record.Slice, s record.Slice) []record.Slice {
	from, to := uint64(s.Pos), uint64(s.Pos)+uint64(s.Len)
	if len(have) == 0 || uint64(have[len(have)-1].Pos)+uint64(have[len(have)-1].Len) <= from {
		return append(have, s) // the usual case: records in order
	}
	out := make([]record.Slice, 0, len(have)+2)
	placed := false
	for _, h := range have {
		start, end := uint64(h.Pos), uint64(h.Pos)+uint64(h.Len)
		if start < from {
			left := h
			left.Len = uint32(min(end, from) - start)
			out = append(out, left)
		}
		if end > to {
			if !placed {
				out, placed = append(out, s), true
			}
			cut := max(start, to) - start
			h.Pos, h.Off, h.Len = h.Pos+uint32(cut), h.Off+uint32(cut), h.Len-uint32(cut)
			out = append(out, h)
		}
	}
	if !placed {
		out = append(out, s)
		slices.SortFunc(out, func(a, b record.Slice) int { return int(int64(a.Pos) - int64(b.Pos)) })
	}
	return out
}

// fillHoles puts holes where nothing was written, and makes neighbouring holes one.
func fillHoles(have []record.Slice) []record.Slice {
	out := make([]record.Slice, 0, len(have)+1)
	var pos uint32
	for _, s := range have {
		if s.Pos > pos {
			out = appendVisible(out, record.Slice{Pos: pos, Len: s.Pos - pos})
		}
		out = appendVisible(out, s)
		pos = s.Pos + s.Len
	}
	return out
}

func appendVisible(out []record.Slice, s record.Slice) []record.Slice {
	if s.ID != 0 {
		return append(out, s)
	}
	if last := len(out) - 1; last >= 0 && out[last].ID == 0 {
		out[last].Len += s.Len
		return out
	}
	return append(out, record.Slice{Pos: s.Pos, Len: s.Len})
}
