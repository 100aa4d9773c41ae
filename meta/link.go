package meta

import (
	"context"

	"juicefs/meta/engine"
	"juicefs/meta/record"
	"juicefs/pkg/fserr"
)

// Link makes another name for an inode. Errors: ENOENT, EEXIST; EPERM for a directory, an immutable or append-only inode
// and what is in the trash; those of Create for the name.
func (fs *FS) Link(ctx context.Context, c *Caller, ino, dir record.Ino, name string) (*record.Attr, error) {
	var a *record.Attr
	err := fs.update(ctx, "link", func(tx *Tx) (err error) {
		a, err = tx.link(c, ino, dir, name)
		return err
	})
	return a, fserr.WrapIno("link", uint64(ino), err)
}

func (tx *Tx) link(c *Caller, ino, dir record.Ino, name string) (*record.Attr, error) {
	if err := checkNewName(name); err != nil {
		return nil, err
	}
	if err := tx.Load(engine.ReadOp{Key: record.AttrKey(dir), Guard: engine.Stable}, engine.ReadOp{Key: record.AttrKey(ino), Guard: engine.Exact},
		engine.ReadOp{Key: record.EntryKey(dir, name), Guard: engine.Exact}); err != nil {
		return nil, err
	}
	d, err := tx.dirNode(dir)
	if err != nil {
		return nil, err
	}
	if err = tx.mayAddTo(c, d, name); err != nil {
		return nil, err
	}
	a, err := tx.Attr(ino, engine.Exact)
	if err != nil {
		return nil, err
	}
	switch {
	case a.Type == record.TypeDirectory, a.Parent > record.Trash, a.Flags&(record.FlagImmutable|record.FlagAppend) != 0:
		return nil, ePerm
	case a.Nlink == 0: // open, without a name
		return nil, eNoEnt
	}
	if _, found, err := tx.Entry(dir, name, engine.Exact); err != nil {
		return nil, err
	} else if found {
		return nil, eExist
	}
	w := weight(a)
	if a.Parent > 0 {
		tx.Add(record.ParentKey(ino, a.Parent), 1)
		a.Parent = 0 // and stays so
	}
	tx.Add(record.ParentKey(ino, dir), 1)
	a.Nlink++
	a.Ctime = tx.now
	tx.PutAttr(ino, a)
	tx.PutEntry(dir, name, record.Dirent{Type: a.Type, Ino: ino}, true)
	tx.touch(dir, &d.attr, 0)
	tx.addDirStat(dir, w)
	return a, tx.addTree(dir, w)
}
