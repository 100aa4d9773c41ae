package meta

import (
	"context"

	"juicefs/meta/engine"
	"juicefs/meta/record"
	"juicefs/pkg/fserr"
)

// Flags of Rename.
const (
	RenameNoReplace = 1  // EEXIST if there is something
	RenameExchange  = 2  // both names stay and lead to each other's inode
	RenameWhiteout  = 4  // ENOTSUP
	RenameRestore   = 32 // out of the trash; the new directory may be in the trash itself
)

// Place is a name in a directory.
type Place struct {
	Dir  record.Ino
	Name string
}

// Rename makes what is at src be at dst, in place of what is there, which goes as Unlink and RmdirAt let it. It returns the
// inode that moved. Errors: ENOENT, EACCES, EEXIST, EDQUOT, ENOTDIR, EISDIR and ENOTEMPTY (of what is at dst), EINVAL (flags,
// name), ENOTSUP; EPERM for a directory that would move into itself, and as Unlink and Create.
func (fs *FS) Rename(ctx context.Context, c *Caller, src, dst Place, flags uint32) (record.Ino, *record.Attr, error) {
	var m *move
	err := fs.update(ctx, "rename", func(tx *Tx) (err error) {
		m, err = tx.rename(c, src, dst, flags)
		return err
	})
	if err != nil {
		return 0, nil, fserr.WrapIno("rename", uint64(src.Dir), err)
	}
	return m.src.ent.Ino, m.src.attr, nil
}

// move is a rename under way.
type move struct {
	src, dst holding
	flags    uint32
}

// holding is a place and what is there.
type holding struct {
	dir  *node
	name string
	ent  record.Dirent
	attr *record.Attr // nil: nothing is there
}

func (h *holding) isDir() bool { return h.attr != nil && h.ent.Type == record.TypeDirectory }

func (tx *Tx) rename(c *Caller, src, dst Place, flags uint32) (*move, error) {
	if err := checkRename(dst.Name, flags); err != nil {
		return nil, err
	}
	m, err := tx.openMove(src, dst, flags)
	if err != nil {
		return nil, err
	}
	if src == dst {
		return m, nil
	}
	if err := tx.mayMove(c, m); err != nil {
		return nil, err
	}
	switch {
	case m.dst.attr != nil && m.dst.ent.Ino == m.src.ent.Ino:
		return m, nil // another name of the same file
	case flags&RenameExchange != 0:
		return m, tx.exchange(m)
	}
	return m, tx.move(m)
}

func checkRename(name string, flags uint32) error {
	switch {
	case flags&RenameWhiteout != 0:
		return eNotSup
	case flags&^(RenameNoReplace|RenameExchange|RenameRestore) != 0, flags&RenameExchange != 0 && flags != RenameExchange:
		return eInval
	}
	return checkNewName(name)
}

// openMove reads both directories and what is in them, in two turnarounds.
func (tx *Tx) openMove(src, dst Place, flags uint32) (*move, error) {
	if err := tx.Load(
		engine.ReadOp{Key: record.AttrKey(src.Dir), Guard: engine.Stable}, engine.ReadOp{Key: record.EntryKey(src.Dir, src.Name), Guard: engine.Exact},
		engine.ReadOp{Key: record.AttrKey(dst.Dir), Guard: engine.Stable}, engine.ReadOp{Key: record.EntryKey(dst.Dir, dst.Name), Guard: engine.Exact},
	); err != nil {
		return nil, err
	}
	old, found, err := tx.Entry(dst.Dir, dst.Name, engine.Exact)
	if err != nil {
		return nil, err
	}
	ent, ok, err := tx.Entry(src.Dir, src.Name, engine.Exact)
	if err != nil {
		return nil, err
	}
	if ok && found {
		if err = tx.Load(engine.ReadOp{Key: record.AttrKey(ent.Ino), Guard: engine.Exact}, engine.ReadOp{Key: record.AttrKey(old.Ino), Guard: engine.Exact}); err != nil {
			return nil, err
		}
	}
	m := &move{src: holding{name: src.Name}, dst: holding{name: dst.Name}, flags: flags}
	if m.src.dir, m.src.ent, m.src.attr, err = tx.held(src.Dir, src.Name); err != nil {
		return nil, err
	}
	if m.src.attr == nil {
		return nil, eNoEnt
	}
	if m.dst.dir, err = tx.dirNode(dst.Dir); err != nil || !found {
		return m, err
	}
	m.dst.ent = old
	if m.dst.attr, err = tx.child(dst.Dir, dst.Name, old, engine.Exact); err == nil && m.dst.attr == nil {
		err = eIO
	}
	return m, err
}

// mayMove checks everything that can be against a rename.
func (tx *Tx) mayMove(c *Caller, m *move) error {
	src, dst := &m.src, &m.dst
	if err := tx.mayTakeFrom(c, src.dir, src.attr); err != nil {
		return err
	}
	if err := tx.mayMoveInto(c, m); err != nil {
		return err
	}
	if err := tx.noLoop(src, dst); err != nil {
		return err
	}
	switch {
	case dst.attr == nil:
		if m.flags&RenameExchange != 0 {
			return eNoEnt
		}
		return nil
	case m.flags&RenameNoReplace != 0:
		return eExist
	case dst.ent.Ino == src.ent.Ino:
		return nil
	}
	if err := tx.mayTakeFrom(c, dst.dir, dst.attr); err != nil {
		return err
	}
	if m.flags&RenameExchange != 0 {
		return tx.noLoop(dst, src)
	}
	return tx.mayReplace(src, dst)
}

// mayMoveInto is mayAddTo of the new directory, which for a restore may be in the trash.
func (tx *Tx) mayMoveInto(c *Caller, m *move) error {
	d := m.dst.dir
	if m.flags&RenameRestore != 0 && d.attr.Parent > record.Trash {
		return tx.mayAlterDir(c, d)
	}
	return tx.mayAddTo(c, d, m.dst.name)
}

// mayReplace checks that what is at the new name can give way.
func (tx *Tx) mayReplace(src, dst *holding) error {
	switch {
	case !dst.isDir() && !src.isDir():
		return nil
	case !dst.isDir():
		return eNotDir
	case !src.isDir():
		return eIsDir
	}
	items, err := tx.Page(engine.Range{Kind: record.KindEntry, A: uint64(dst.ent.Ino)}, 1)
	if err == nil && len(items) > 0 {
		err = eNotEmpty
	}
	return err
}

// noLoop checks that a directory does not move into itself or something below it; EPERM. The directories above the new
// place are guarded, so that two renames at once cannot make a loop either.
func (tx *Tx) noLoop(what, into *holding) error {
	if !what.isDir() || what.dir.ino == into.dir.ino {
		return nil
	}
	inside := false
	err := tx.climb(into.dir.ino, func(at record.Ino) bool {
		inside = at == what.ent.Ino
		return !inside
	})
	if inside {
		return ePerm
	}
	return err
}

// move makes the old name vanish and the new one lead to the inode.
func (tx *Tx) move(m *move) error {
	src, dst := &m.src, &m.dst
	var from, to int64 // sub-directories gained
	if dst.attr != nil {
		if err := tx.remove(unlink{dir: dst.dir, name: dst.name, ent: dst.ent, attr: dst.attr, replace: true}); err != nil {
			return err
		}
		if dst.isDir() {
			to--
		}
	}
	if src.isDir() {
		from, to = from-1, to+1
	}
	tx.Delete(record.EntryKey(src.dir.ino, src.name))
	tx.PutEntry(dst.dir.ino, dst.name, src.ent, dst.attr == nil)
	tx.touchBoth(src.dir, dst.dir, from, to)
	if err := tx.rehome(src, src.dir, dst.dir); err != nil {
		return err
	}
	return tx.moveTree(src.dir.ino, dst.dir.ino, src, nil)
}

// exchange makes both names lead to what the other one led to.
func (tx *Tx) exchange(m *move) error {
	src, dst := &m.src, &m.dst
	tx.PutEntry(src.dir.ino, src.name, dst.ent, false)
	tx.PutEntry(dst.dir.ino, dst.name, src.ent, false)
	gain := int64(0) // sub-directories that src.dir gains
	if dst.isDir() {
		gain++
	}
	if src.isDir() {
		gain--
	}
	tx.touchBoth(src.dir, dst.dir, gain, -gain)
	if err := tx.rehome(src, src.dir, dst.dir); err != nil {
		return err
	}
	if err := tx.rehome(dst, dst.dir, src.dir); err != nil {
		return err
	}
	return tx.moveTree(src.dir.ino, dst.dir.ino, src, dst)
}

func (tx *Tx) touchBoth(src, dst *node, from, to int64) {
	if src.ino == dst.ino {
		tx.touch(src.ino, &src.attr, from+to)
		return
	}
	tx.touch(src.ino, &src.attr, from)
	tx.touch(dst.ino, &dst.attr, to)
}

// rehome writes an inode whose entry moved, and what that means for both directories themselves.
func (tx *Tx) rehome(h *holding, from, to *node) error {
	h.attr.Ctime = tx.now
	if from.ino == to.ino {
		tx.PutAttr(h.ent.Ino, h.attr)
		return nil
	}
	if h.attr.Parent > 0 {
		h.attr.Parent = to.ino
	} else {
		tx.Add(record.ParentKey(h.ent.Ino, from.ino), -1)
		tx.Add(record.ParentKey(h.ent.Ino, to.ino), 1)
	}
	tx.PutAttr(h.ent.Ino, h.attr)
	w := weight(h.attr)
	tx.addDirStat(from.ino, w.neg())
	tx.addDirStat(to.ino, w)
	if h.isDir() && from.ino.InTrash() && tx.fs.Setting().DirStats {
		// It lost its statistics on its way into the trash, and may have been given entries there by a restore.
		sum, err := tx.countDir(h.ent.Ino)
		if err != nil {
			return err
		}
		tx.Put(record.DirStatKey(h.ent.Ino), sum.Encode())
	}
	return nil
}

// moveTree moves what gone, with all below it, counts for from the quotas above one directory to those above another, and
// what back counts for the other way.
func (tx *Tx) moveTree(from, to record.Ino, gone, back *holding) error {
	out, in, err := tx.quotaBorder(from, to)
	if err != nil || len(out)+len(in) == 0 {
		return err
	}
	w, err := tx.treeWeight(gone)
	if err == nil && back != nil {
		var less change
		less, err = tx.treeWeight(back)
		w.space, w.inodes = w.space-less.space, w.inodes-less.inodes
	}
	if err != nil {
		return err
	}
	tx.addQuotas(out, w.neg())
	tx.addQuotas(in, w)
	return nil
}

// treeWeight is what an inode with all below it counts for.
func (tx *Tx) treeWeight(h *holding) (change, error) {
	w := weight(h.attr)
	if !h.isDir() {
		return w, nil
	}
	below, err := tx.countTree(h.ent.Ino)
	w.space, w.inodes = w.space+below.space, w.inodes+below.inodes
	return w, err
}
