package meta

import (
	"context"

	"juicefs/meta/engine"
	"juicefs/meta/record"
	"juicefs/pkg/fserr"
)

// Unlink removes the name of something that is no directory. Errors: ENOENT, ENOTDIR, EACCES; EPERM for a directory, the
// trash, and against the immutable and append-only flags.
func (fs *FS) Unlink(ctx context.Context, c *Caller, dir record.Ino, name string) error {
	err := fs.update(ctx, "unlink", func(tx *Tx) error {
		d, ent, a, err := tx.held(dir, name)
		if err != nil {
			return err
		}
		if ent.Type == record.TypeDirectory {
			return ePerm
		}
		if err := tx.mayTakeFrom(c, d, a); err != nil {
			return err
		}
		return tx.remove(unlink{dir: d, name: name, ent: ent, attr: a})
	})
	return fserr.WrapIno("unlink", uint64(dir), err)
}

// RmdirAt removes an empty directory by its name in another one. Errors: ENOENT, ENOTDIR, ENOTEMPTY (also for ".."),
// EACCES; EINVAL for "."; EPERM for the trash and its hours, and as Unlink.
func (fs *FS) RmdirAt(ctx context.Context, c *Caller, dir record.Ino, name string) error {
	err := fs.update(ctx, "rmdir", func(tx *Tx) error {
		switch name {
		case ".":
			return eInval
		case "..":
			return eNotEmpty
		}
		d, ent, a, err := tx.held(dir, name)
		if err != nil {
			return err
		}
		if ent.Type != record.TypeDirectory {
			return eNotDir
		}
		return tx.rmdir(c, d, name, ent, a)
	})
	return fserr.WrapIno("rmdir", uint64(dir), err)
}

// rmdir removes a directory that must be empty.
func (tx *Tx) rmdir(c *Caller, d *node, name string, ent record.Dirent, a *record.Attr) error {
	if ent.Ino.InTrash() {
		return ePerm
	}
	if err := tx.mayTakeFrom(c, d, a); err != nil {
		return err
	}
	items, err := tx.Page(engine.Range{Kind: record.KindEntry, A: uint64(ent.Ino)}, 1)
	if err != nil {
		return err
	}
	if len(items) > 0 {
		return eNotEmpty
	}
	return tx.remove(unlink{dir: d, name: name, ent: ent, attr: a})
}

// held returns a directory and what a name in it leads to, for changing both. The attribute is nil if the inode has none.
func (tx *Tx) held(dir record.Ino, name string) (d *node, ent record.Dirent, a *record.Attr, err error) {
	switch {
	case name == "." || name == "..":
		return nil, ent, nil, ePerm // directories; what may be done with them is asked before
	case dir == record.Root && name == trashName:
		return nil, ent, nil, ePerm
	case len(name) > record.MaxName:
		return nil, ent, nil, eTooLong
	}
	if err = tx.Load(engine.ReadOp{Key: record.AttrKey(dir), Guard: engine.Stable}, engine.ReadOp{Key: record.EntryKey(dir, name), Guard: engine.Exact}); err != nil {
		return nil, ent, nil, err
	}
	if d, err = tx.dirNode(dir); err != nil {
		return nil, ent, nil, err
	}
	ent, found, err := tx.Entry(dir, name, engine.Exact)
	if err == nil && !found {
		err = eNoEnt
	}
	if err != nil {
		return nil, ent, nil, err
	}
	a, err = tx.child(dir, name, ent, engine.Exact)
	return d, ent, a, err
}

// ReadDirAt is ReadDir of a directory by its inode.
func (fs *FS) ReadDirAt(ctx context.Context, c *Caller, dir record.Ino, after string, limit int, xattr string) ([]Listed, error) {
	var out []Listed
	err := fs.view(ctx, "readdir", func(tx *Tx) error {
		d, err := tx.dirNode(dir)
		if err != nil {
			return err
		}
		out, err = tx.readDir(c, dir, &d.attr, after, limit, xattr)
		return err
	})
	return out, fserr.WrapIno("readdir", uint64(dir), err)
}
