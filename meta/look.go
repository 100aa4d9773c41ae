package meta

import (
	"juicefs/meta/engine"
	"juicefs/meta/record"
)

// inside is what is wanted of a directory; see engine.LookQuery.
type inside struct {
	names  []string // nil: all
	xattrs bool
	chunks uint32
	last   engine.Guard // of the directory's attribute
	sole   bool
	own    bool // the directory's own extended attributes
}

// lookInto reads a path and what is in the directory that it leads to through the engine's fast path, so that the plain steps that
// follow find it here. It returns the directory's names, of all that were asked for; nil: the steps must read by themselves.
func (tx *Tx) lookInto(dir string, q inside) (map[string]record.Dirent, error) {
	l, ok := tx.etx.(engine.Looker)
	if !ok || len(tx.puts) > 0 {
		return nil, nil
	}
	path, err := splitPath(dir)
	if err != nil || len(path) > 0 && path[0] == trashName {
		return nil, nil //nolint:nilerr // the steps say so, of each path
	}
	met, err := l.Look(tx.ctx, engine.LookQuery{
		WalkQuery: engine.WalkQuery{From: record.Root, Names: path, Last: q.last, Sole: q.sole, Xattrs: q.own},
		Inside:    q.names, InsideXattrs: q.xattrs, InsideChunks: q.chunks,
	})
	if err != nil || met == nil {
		return nil, err
	}
	tx.noteWalk(&met.Walked, len(path), q.last)
	if n := len(met.Entries); n > 0 && met.Entries[n-1].Value == nil {
		return map[string]record.Dirent{}, nil
	}
	if met.Inside == nil {
		return nil, nil // it leads elsewhere, or over a link: the steps find out
	}
	ino := record.Root
	if n := len(path); n > 0 {
		ino = record.Ino(met.Attrs[n-1].Key.A)
	} else if q.last > engine.Stable {
		tx.note(met.From, q.last)
	}
	keep(&tx.counts, ino, met.Count)
	if q.own {
		tx.noteXattrs(ino, met.Xattrs)
	}
	return tx.noteInside(met.Inside, q.xattrs)
}

// noteInside keeps what a look has met in a directory.
func (tx *Tx) noteInside(all []engine.Inside, xattrs bool) (map[string]record.Dirent, error) {
	names := make(map[string]record.Dirent, len(all))
	tx.read.reserve(2 * len(all)) // entry and attribute
	for i := range all {
		in := &all[i]
		tx.note(in.Entry, engine.Exact)
		if in.Entry.Value == nil {
			continue
		}
		ent, err := record.DecodeDirent(in.Entry.Value)
		if err != nil {
			return nil, err
		}
		names[in.Entry.Key.Name] = ent
		tx.note(in.Attr, engine.Exact)
		for _, it := range in.Chunks {
			tx.note(it, engine.Exact)
		}
		if xattrs {
			tx.noteXattrs(ent.Ino, in.Xattrs)
			for _, it := range in.Xattrs {
				tx.note(it, engine.Exact)
			}
		}
	}
	return names, nil
}

// noteXattrs keeps all extended attributes of an inode.
func (tx *Tx) noteXattrs(ino record.Ino, items []record.Item) {
	all := make(map[string][]byte, len(items))
	for _, it := range items {
		all[it.Key.Name] = it.Value
	}
	keep(&tx.xattrs, ino, all)
}
