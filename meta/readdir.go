package meta

import (
	"context"

	"juicefs/meta/engine"
	"juicefs/meta/record"
)

// listDir returns a page of a directory: the engine's fast path, or entries first and then their attributes.
func (tx *Tx) listDir(dir record.Ino, after string, limit int, xattr string) ([]engine.Listed, error) {
	if l, ok := tx.etx.(engine.Lister); ok {
		return l.ListDir(tx.ctx, dir, after, limit, xattr)
	}
	r := engine.Range{Kind: record.KindEntry, A: uint64(dir)}
	if after != "" {
		r.After = record.EntryKey(dir, after)
	}
	items, err := tx.Page(r, limit)
	if err != nil {
		return nil, err
	}
	out := make([]engine.Listed, len(items))
	ls := make([]*engine.Listed, len(items))
	for i, it := range items {
		out[i].Name = it.Key.Name
		if out[i].Entry, err = record.DecodeDirent(it.Value); err != nil {
			return nil, err
		}
		ls[i] = &out[i]
	}
	if err := tx.fillListed(ls, xattr); err != nil {
		return nil, err
	}
	return out, tx.relist(dir, out, xattr)
}

// fillListed reads the attributes of entries in one turnaround.
func (tx *Tx) fillListed(ls []*engine.Listed, xattr string) error {
	if len(ls) == 0 {
		return nil
	}
	reads := make([]engine.ReadOp, 0, 2*len(ls))
	for _, l := range ls {
		reads = append(reads, engine.ReadOp{Key: record.AttrKey(l.Entry.Ino)})
		if xattr != "" {
			reads = append(reads, engine.ReadOp{Key: record.XattrKey(l.Entry.Ino, xattr)})
		}
	}
	got, err := tx.etx.Fetch(tx.ctx, reads)
	if err != nil {
		return err
	}
	step := len(reads) / len(ls)
	for i, l := range ls {
		l.Attr = got[i*step].Value
		if step == 2 {
			l.Xattr = got[i*step+1].Value
		}
	}
	return nil
}

// relist reads entries again whose inodes have no attribute: without a snapshot they may have been given another inode
// since. Those that have not, or are gone, stay without.
func (tx *Tx) relist(dir record.Ino, out []engine.Listed, xattr string) error {
	for { // it ends when nothing changed between two reads
		changed, err := tx.redirected(dir, out)
		if err != nil || len(changed) == 0 {
			return err
		}
		if err := tx.fillListed(changed, xattr); err != nil {
			return err
		}
	}
}

// redirected returns those entries without an attribute that lead to another inode by now.
func (tx *Tx) redirected(dir record.Ino, out []engine.Listed) ([]*engine.Listed, error) {
	var lost, changed []*engine.Listed
	var reads []engine.ReadOp
	for i := range out {
		if out[i].Attr == nil {
			lost = append(lost, &out[i])
			reads = append(reads, engine.ReadOp{Key: record.EntryKey(dir, out[i].Name)})
		}
	}
	if len(lost) == 0 {
		return nil, nil
	}
	got, err := tx.etx.Fetch(tx.ctx, reads)
	if err != nil {
		return nil, err
	}
	for i, l := range lost {
		if ent, err := record.DecodeDirent(got[i].Value); err == nil && ent != l.Entry {
			l.Entry = ent
			changed = append(changed, l)
		}
	}
	return changed, nil
}

// ReadDir returns at most limit entries of the directory at p, in byte order of names, after the name after. Entries whose
// inode has no attribute are left out. Listed.Key is the name.
func (fs *FS) ReadDir(ctx context.Context, c *Caller, p, after string, limit int, xattr string) ([]Listed, error) {
	var out []Listed
	err := fs.view(ctx, "readdir", func(tx *Tx) error {
		dir, a, err := tx.directory(c, p, walkOptions{follow: true})
		if err != nil {
			return err
		}
		out, err = tx.readDir(c, dir, a, after, limit, xattr)
		return err
	})
	return out, wrap("readdir", p, err)
}

// readDir reads a page of a directory.
func (tx *Tx) readDir(c *Caller, dir record.Ino, a *record.Attr, after string, limit int, xattr string) ([]Listed, error) {
	if err := tx.access(c, a, mayRead); err != nil {
		return nil, err
	}
	var out []Listed
	for len(out) < limit {
		want := limit - len(out)
		page, err := tx.listDir(dir, after, want, xattr)
		if err != nil {
			return nil, err
		}
		for _, l := range page {
			after = l.Name
			if item, err := listed(l); err != nil {
				return nil, err
			} else if item != nil {
				out = append(out, *item)
			}
		}
		if len(page) < want {
			break
		}
	}
	return out, nil
}

func listed(l engine.Listed) (*Listed, error) {
	if l.Attr == nil {
		return nil, nil
	}
	a, err := record.DecodeAttr(l.Attr)
	if err != nil {
		return nil, err
	}
	return &Listed{Key: l.Name, Ino: l.Entry.Ino, Attr: *a, Xattr: l.Xattr}, nil
}

// directory resolves a path that must be a directory.
func (tx *Tx) directory(c *Caller, p string, o walkOptions) (record.Ino, *record.Attr, error) {
	r, err := tx.walk(c, p, o)
	switch {
	case err != nil:
		return 0, nil, err
	case !r.found || r.attr == nil:
		return 0, nil, eNoEnt
	case r.attr.Type != record.TypeDirectory:
		return 0, nil, eNotDir
	}
	return r.ent.Ino, r.attr, nil
}
