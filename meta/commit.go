package meta

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"juicefs/meta/engine"
	"juicefs/meta/record"
	"juicefs/pkg/fserr"
)

// newNode returns the attribute that an inode made by c in directory d has.
func (tx *Tx) newNode(c *Caller, d *node, t record.Type, mode uint16) (record.Attr, error) {
	a := record.Attr{Type: t, UID: c.UID, GID: c.gid(), Nlink: 1, Parent: d.ino, Tier: d.attr.Tier,
		Flags: d.attr.Flags & record.FlagSkipTrash, Atime: tx.now, Mtime: tx.now, Ctime: tx.now}
	if t == record.TypeDirectory {
		a.Nlink, a.Length = 2, 4096
	}
	if d.attr.DefaultACL != 0 && t != record.TypeSymlink {
		var err error
		if mode, err = tx.inheritACL(&a, d.attr.DefaultACL, mode); err != nil {
			return a, err
		}
	} else if t != record.TypeSymlink {
		mode &^= c.Umask
	}
	if d.attr.Mode&0o2000 != 0 {
		a.GID = d.attr.GID
		switch {
		case t == record.TypeDirectory:
			mode |= 0o2000
		case mode&0o2010 == 0o2010 && c.UID != 0 && !c.in(a.GID):
			mode &^= 0o2000
		}
	}
	a.Mode = mode & 0o7777
	return a, nil
}

// insertNode writes a new inode that appears in directory d, with what belongs to a directory.
func (tx *Tx) insertNode(d *node, ino record.Ino, a *record.Attr) error {
	tx.Insert(record.AttrKey(ino), a.Encode())
	if a.Type == record.TypeDirectory && tx.fs.Setting().DirStats {
		tx.Put(record.DirStatKey(ino), record.DirStat{}.Encode())
	}
	return tx.grow(d.ino, a, weight(a))
}

// CommitObject makes an object appear at s.Path in one transaction, with missing directories if s.Parents, in place of
// what was there. Errors: ENOENT (a parent is missing), ENOTDIR (a parent is a file), EISDIR (a directory is there and
// s.Dir is not set), EEXIST (a file is there and s.Dir is set), EINVAL, EACCES, EPERM, EROFS, ENOSPC, EDQUOT, that of s.Allow.
// After engine.ErrUnknown the object may be there or not, and its blocks must be kept.
func (fs *FS) CommitObject(ctx context.Context, c *Caller, s *ObjectSpec) (*Object, error) {
	if s.Dir && (s.Length > 0 || len(s.Chunks) > 0 || s.From != "") {
		return nil, wrap("put", s.Path, eInval)
	}
	var obj *Object
	err := fs.updateRemembered(ctx, "commit", func(tx *Tx) error { //nolint:contextcheck // a transaction carries its context
		t, err := tx.target(c, s)
		if err != nil {
			return err
		}
		obj, err = tx.placeObject(c, s, t)
		return err
	})
	if err != nil {
		return nil, wrap("put", s.Path, err) // an attempt that came to nothing may have left an object
	}
	return obj, nil
}

// wrap adds the operation and path, once.
func wrap(op, path string, err error) error {
	if err == nil {
		return nil
	}
	if _, ok := err.(*fserr.Error); ok { //nolint:errorlint // only the outermost matters
		return err
	}
	return &fserr.Error{Op: op, Path: path, Err: err}
}

// target is where an object is to appear.
type target struct {
	*route
	made []node // directories that are missing, from the top, to be made
	old  *Object
}

// home is the directory that holds the object.
func (t *target) home() *node {
	if len(t.made) > 0 {
		return &t.made[len(t.made)-1]
	}
	return t.dir()
}

// target resolves the path of an object that is to appear and asks s.Allow.
func (tx *Tx) target(c *Caller, s *ObjectSpec) (*target, error) {
	r, err := tx.walk(c, s.Path, walkOptions{last: engine.Exact, xattrs: s.Allow != nil})
	if err != nil {
		return nil, err
	}
	if r.name == "" {
		return nil, eExist // the root
	}
	t := &target{route: r}
	if r.found {
		if t.old, err = tx.oldObject(s, r); err != nil {
			return nil, err
		}
	}
	switch {
	case len(r.rest) > 1 && len(r.dirs)-1 < depth(s.Top):
		return nil, ErrTopMissing
	case len(r.rest) > 1 && !s.Parents:
		return nil, eNoEnt
	case r.found && r.ent.Type == record.TypeDirectory && !s.Dir:
		return nil, eIsDir
	case r.found && s.Dir && (s.Plain || r.ent.Type != record.TypeDirectory):
		return nil, eExist
	}
	name := r.name
	if len(r.rest) > 0 {
		name = r.rest[0]
	}
	if err := tx.mayAddTo(c, r.dir(), name); err != nil {
		return nil, err
	}
	if r.found && r.ent.Type != record.TypeDirectory {
		if err := tx.mayTakeFrom(c, r.dir(), r.attr); err != nil {
			return nil, err
		}
	}
	if s.Allow != nil {
		if err := s.Allow(t.old); err != nil {
			return nil, err
		}
	}
	return t, tx.planParents(c, t)
}

// oldObject describes what is at the target for s.Allow.
func (tx *Tx) oldObject(s *ObjectSpec, r *route) (*Object, error) {
	o := &Object{Path: s.Path, Parent: r.dir().ino, Name: r.name, Ino: r.ent.Ino}
	if r.attr == nil {
		return o, nil
	}
	o.Attr = *r.attr
	if s.Allow == nil {
		return o, nil
	}
	var err error
	o.Xattrs, err = tx.Xattrs(r.ent.Ino)
	return o, err
}

// planParents gives the missing directories their inodes; nothing is written yet.
func (tx *Tx) planParents(c *Caller, t *target) error {
	for i := 0; i < len(t.rest)-1; i++ {
		a, err := tx.newNode(c, t.home(), record.TypeDirectory, 0o777)
		if err != nil {
			return err
		}
		ino, err := tx.newInode()
		if err != nil {
			return err
		}
		t.made = append(t.made, node{ino: ino, attr: a, name: t.rest[i]})
	}
	return nil
}

// makeParents writes the missing directories.
func (tx *Tx) makeParents(t *target) error {
	d := t.dir()
	for i := range t.made {
		m := &t.made[i]
		if err := tx.insertNode(d, m.ino, &m.attr); err != nil {
			return err
		}
		tx.PutEntry(d.ino, m.name, record.Dirent{Type: record.TypeDirectory, Ino: m.ino}, true)
		tx.touch(d.ino, &d.attr, 1)
		d = m
	}
	return nil
}

// placeObject writes a new inode with its data and makes the name lead to it.
func (tx *Tx) placeObject(c *Caller, s *ObjectSpec, t *target) (*Object, error) {
	if s.Dir && t.found {
		return tx.markDir(s, t)
	}
	if err := tx.makeParents(t); err != nil {
		return nil, err
	}
	home := t.home()
	typ := record.TypeFile
	if s.Dir {
		typ = record.TypeDirectory
	}
	a, err := tx.newNode(c, home, typ, s.Mode)
	if err != nil {
		return nil, err
	}
	ino, err := tx.newInode()
	if err != nil {
		return nil, err
	}
	if s.Mtime != (record.Time{}) {
		a.Mtime = s.Mtime
	}
	switch {
	case !s.Dir:
		a.Length = s.Length
	case !s.Plain:
		a.Atime = record.Time{}
	}
	name := t.name
	if len(t.rest) > 0 {
		name = t.rest[len(t.rest)-1]
	}
	if t.found {
		if err := tx.remove(unlink{dir: home, name: name, ent: t.ent, attr: t.attr, replace: true}); err != nil {
			return nil, err
		}
	}
	if err := tx.insertNode(home, ino, &a); err != nil {
		return nil, err
	}
	if err := tx.placeData(c, ino, s); err != nil {
		return nil, err
	}
	tx.putXattrs(ino, s.Xattrs)
	tx.PutEntry(home.ino, name, record.Dirent{Type: typ, Ino: ino}, !t.found)
	nlink := int64(0)
	if s.Dir {
		nlink = 1
	}
	tx.touch(home.ino, &home.attr, nlink)
	tx.proof = record.AttrKey(ino)
	return &Object{Path: s.Path, Parent: home.ino, Name: name, Ino: ino, Attr: a, Xattrs: s.Xattrs, Chunks: s.Chunks}, nil
}

// placeData writes the slices of a new file. They are new: each has one reference.
func (tx *Tx) placeData(c *Caller, ino record.Ino, s *ObjectSpec) error {
	chunks := s.Chunks
	if s.From != "" {
		var err error
		if chunks, err = tx.takeOver(c, s); err != nil {
			return err
		}
	}
	for _, index := range slices.Sorted(maps.Keys(chunks)) {
		tx.Insert(record.ChunkKey(ino, index), record.EncodeSlices(chunks[index]...))
	}
	for _, index := range slices.Sorted(maps.Keys(s.Chunks)) {
		for _, sl := range s.Chunks[index] {
			if sl.ID != 0 {
				tx.Insert(record.SliceRefKey(sl.ID, sl.Size), record.EncodeInt64(1))
			}
		}
	}
	return nil
}

// takeOver moves the slices of the file s.From in front of s.Chunks and removes that file.
func (tx *Tx) takeOver(c *Caller, s *ObjectSpec) (map[uint32][]record.Slice, error) {
	r, err := tx.walk(c, s.From, walkOptions{last: engine.Exact})
	if err != nil {
		return nil, err
	}
	if !r.found || r.attr == nil || r.attr.Type != record.TypeFile || r.attr.Nlink > 1 {
		return nil, fmt.Errorf("parked data %s is gone: %w", s.From, eIO)
	}
	all := map[uint32][]record.Slice{}
	for index := uint64(0); index*record.ChunkSize < r.attr.Length; index++ {
		ss, err := tx.Slices(r.ent.Ino, uint32(index), engine.Exact)
		if err != nil {
			return nil, err
		}
		if len(ss) > 0 {
			all[uint32(index)] = ss
			tx.Delete(record.ChunkKey(r.ent.Ino, uint32(index)))
		}
	}
	for index, ss := range s.Chunks {
		all[index] = append(slices.Clone(all[index]), ss...)
	}
	return all, tx.removeEmptied(r)
}

// removeEmptied removes a file whose data was moved elsewhere.
func (tx *Tx) removeEmptied(r *route) error {
	d := r.dir()
	tx.Delete(record.EntryKey(d.ino, r.name))
	tx.touch(d.ino, &d.attr, 0)
	w := weight(r.attr).neg()
	tx.addDirStat(d.ino, w)
	if err := tx.addTree(d.ino, w); err != nil {
		return err
	}
	tx.Clear(record.KindXattr, uint64(r.ent.Ino))
	if r.attr.Parent == 0 {
		tx.Clear(record.KindParent, uint64(r.ent.Ino))
	}
	tx.Delete(record.AttrKey(r.ent.Ino))
	tx.addOwner(r.attr.UID, r.attr.GID, w)
	tx.addTotals(w)
	return nil
}

// markDir makes an existing directory a directory object: its atime becomes zero.
func (tx *Tx) markDir(s *ObjectSpec, t *target) (*Object, error) {
	if t.attr == nil {
		return nil, eIO
	}
	a := *t.attr
	a.Atime = record.Time{}
	if s.Mtime != (record.Time{}) {
		a.Mtime = s.Mtime
	}
	a.Ctime = tx.now
	tx.PutAttr(t.ent.Ino, &a)
	tx.Clear(record.KindXattr, uint64(t.ent.Ino))
	tx.putXattrs(t.ent.Ino, s.Xattrs)
	return &Object{Path: s.Path, Parent: t.dir().ino, Name: t.name, Ino: t.ent.Ino, Attr: a, Xattrs: s.Xattrs}, nil
}

func (tx *Tx) putXattrs(ino record.Ino, xs map[string][]byte) {
	for _, name := range slices.Sorted(maps.Keys(xs)) {
		v := xs[name]
		if v == nil {
			v = []byte{}
		}
		tx.Put(record.XattrKey(ino, name), v)
	}
}
