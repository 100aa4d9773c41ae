package meta

import (
	"context"
	"strings"
	"syscall"

	"juicefs/meta/engine"
	"juicefs/meta/record"
	"juicefs/pkg/fserr"
)

// Lookup returns the inode that a name in a directory leads to; "." is the directory and ".." the one above it. If the
// inode has no attribute (a damaged volume) only the type is set. Errors: ENOENT, ENOTDIR, EACCES, ENAMETOOLONG.
func (fs *FS) Lookup(ctx context.Context, c *Caller, dir record.Ino, name string) (record.Ino, *record.Attr, error) {
	var ino record.Ino
	var a *record.Attr
	err := fs.view(ctx, "lookup", func(tx *Tx) error {
		d, err := tx.dirNode(dir)
		if err != nil {
			return err
		}
		if err = tx.access(c, &d.attr, mayExec); err != nil {
			return err
		}
		ino, a, err = tx.lookup(d, name)
		return err
	})
	return ino, a, fserr.WrapIno("lookup", uint64(dir), err)
}

func (tx *Tx) lookup(d *node, name string) (record.Ino, *record.Attr, error) {
	if len(name) > record.MaxName {
		return 0, nil, eTooLong
	}
	ent := record.Dirent{Type: record.TypeDirectory}
	switch {
	case name == ".":
		ent.Ino = d.ino
	case name == "..":
		ent.Ino = d.attr.Parent
	case d.ino == record.Root && name == trashName:
		ent.Ino = record.Trash
	default:
		found := false
		var err error
		if ent, found, err = tx.Entry(d.ino, name, engine.Loose); err != nil {
			return 0, nil, err
		}
		if !found {
			return 0, nil, eNoEnt
		}
	}
	var a *record.Attr
	var err error
	if name == "." || name == ".." {
		a, err = tx.attrOrNil(ent.Ino, engine.Loose)
	} else {
		a, err = tx.child(d.ino, name, ent, engine.Loose)
	}
	if err != nil {
		return 0, nil, err
	}
	if a == nil {
		a = &record.Attr{Type: ent.Type}
	}
	return ent.Ino, a, nil
}

// dirNode returns a directory that entries are looked up, made or removed in. Errors: ENOENT, ENOTDIR.
func (tx *Tx) dirNode(dir record.Ino) (*node, error) {
	a, err := tx.Attr(dir, engine.Stable)
	if err != nil {
		return nil, err
	}
	if a.Type != record.TypeDirectory {
		return nil, eNotDir
	}
	return &node{ino: dir, attr: *a}, nil
}

// attrOrNil is Attr that returns nil for an inode without an attribute.
func (tx *Tx) attrOrNil(ino record.Ino, g engine.Guard) (*record.Attr, error) {
	a, err := tx.Attr(ino, g)
	if err == eNoEnt { //nolint:errorlint // Attr returns the bare code
		return nil, nil
	}
	return a, err
}

// GetAttr returns an inode's attribute; ENOENT if there is no such inode.
func (fs *FS) GetAttr(ctx context.Context, ino record.Ino) (*record.Attr, error) {
	var a *record.Attr
	err := fs.view(ctx, "getattr", func(tx *Tx) (err error) {
		a, err = tx.Attr(ino, engine.Loose)
		return err
	})
	return a, fserr.WrapIno("getattr", uint64(ino), err)
}

// newName is what a name in a directory is to lead to.
type newName struct {
	op     string
	typ    record.Type
	mode   uint16 // before the umask
	rdev   uint32
	target string // of a symbolic link
	reuse  bool   // a regular file that is there already will do
}

// Create makes a regular file. Without excl a regular file that is there already is returned as it is. Errors of this and
// the following: EEXIST, with the inode and attribute that are there; ENOENT (also in the trash), ENOTDIR, EACCES, EPERM,
// EINVAL, ENAMETOOLONG, EROFS, ENOSPC, EDQUOT.
func (fs *FS) Create(ctx context.Context, c *Caller, dir record.Ino, name string, mode uint16, excl bool) (record.Ino, *record.Attr, error) {
	return fs.makeNode(ctx, c, dir, name, newName{op: "create", typ: record.TypeFile, mode: mode, reuse: !excl})
}

// Mkdir makes a directory.
func (fs *FS) Mkdir(ctx context.Context, c *Caller, dir record.Ino, name string, mode uint16) (record.Ino, *record.Attr, error) {
	return fs.makeNode(ctx, c, dir, name, newName{op: "mkdir", typ: record.TypeDirectory, mode: mode})
}

// Mknod makes an inode of any type but a directory or symbolic link; rdev is of devices, in Linux's encoding.
func (fs *FS) Mknod(ctx context.Context, c *Caller, dir record.Ino, name string, typ record.Type, mode uint16, rdev uint32) (record.Ino, *record.Attr, error) {
	if typ < record.TypeFile || typ > record.TypeSocket || typ == record.TypeDirectory || typ == record.TypeSymlink {
		return 0, nil, fserr.WrapIno("mknod", uint64(dir), eInval)
	}
	return fs.makeNode(ctx, c, dir, name, newName{op: "mknod", typ: typ, mode: mode, rdev: rdev})
}

// Symlink makes a symbolic link. Besides the errors of Create, a target that is empty or has a NUL is EINVAL and one of
// more than 4096 bytes ENAMETOOLONG.
func (fs *FS) Symlink(ctx context.Context, c *Caller, dir record.Ino, name, target string) (record.Ino, *record.Attr, error) {
	err := error(nil)
	switch {
	case target == "" || strings.ContainsRune(target, 0):
		err = eInval
	case len(target) > record.MaxSymlink:
		err = eTooLong
	}
	if err != nil {
		return 0, nil, fserr.WrapIno("symlink", uint64(dir), err)
	}
	return fs.makeNode(ctx, c, dir, name, newName{op: "symlink", typ: record.TypeSymlink, mode: 0o777, target: target})
}

// checkNewName says whether an entry may have a name. EEXIST: the name always exists.
func checkNewName(name string) error {
	switch {
	case name == "." || name == "..":
		return eExist
	case name == "" || strings.ContainsAny(name, "/\x00"):
		return eInval
	case len(name) > record.MaxName:
		return eTooLong
	}
	return nil
}

func (fs *FS) makeNode(ctx context.Context, c *Caller, dir record.Ino, name string, n newName) (record.Ino, *record.Attr, error) {
	var ino record.Ino
	var a *record.Attr
	err := fs.update(ctx, n.op, func(tx *Tx) (err error) {
		ino, a, err = tx.makeNode(c, dir, name, n)
		return err
	})
	return ino, a, fserr.WrapIno(n.op, uint64(dir), err)
}

func (tx *Tx) makeNode(c *Caller, dir record.Ino, name string, n newName) (record.Ino, *record.Attr, error) {
	if err := checkNewName(name); err != nil {
		return 0, nil, err
	}
	if err := tx.Load(engine.ReadOp{Key: record.AttrKey(dir), Guard: engine.Stable}, engine.ReadOp{Key: record.EntryKey(dir, name), Guard: engine.Exact}); err != nil {
		return 0, nil, err
	}
	d, err := tx.dirNode(dir)
	if err != nil {
		return 0, nil, err
	}
	ent, found, err := tx.Entry(dir, name, engine.Exact)
	if err != nil {
		return 0, nil, err
	}
	if found {
		return tx.existing(c, d, name, ent, n)
	}
	if err = tx.mayAddTo(c, d, name); err != nil {
		return 0, nil, err
	}
	a, err := tx.newNode(c, d, n.typ, n.mode)
	if err != nil {
		return 0, nil, err
	}
	ino, err := tx.newInode()
	if err != nil {
		return 0, nil, err
	}
	a.Rdev = n.rdev
	nlink := int64(0)
	switch n.typ {
	case record.TypeDirectory:
		nlink = 1
	case record.TypeSymlink:
		a.Length = uint64(len(n.target))
		tx.Insert(record.SymlinkKey(ino), []byte(n.target))
	}
	if err := tx.insertNode(d, ino, &a); err != nil {
		return 0, nil, err
	}
	tx.PutEntry(dir, name, record.Dirent{Type: n.typ, Ino: ino}, true)
	tx.touch(dir, &d.attr, nlink)
	tx.proof = record.AttrKey(ino)
	return ino, &a, nil
}

// existing is the answer when the name is taken.
func (tx *Tx) existing(c *Caller, d *node, name string, ent record.Dirent, n newName) (record.Ino, *record.Attr, error) {
	if err := tx.access(c, &d.attr, mayExec); err != nil {
		return 0, nil, err
	}
	a, err := tx.child(d.ino, name, ent, engine.Loose)
	switch {
	case err != nil:
		return 0, nil, err
	case a == nil:
		a = &record.Attr{Type: ent.Type}
	case n.reuse && ent.Type == record.TypeFile:
		return ent.Ino, a, nil
	}
	return ent.Ino, a, eExist
}

// Readlink returns the target of a symbolic link; EINVAL of something else, ENOENT.
func (fs *FS) Readlink(ctx context.Context, ino record.Ino) (string, error) {
	var target string
	err := fs.view(ctx, "readlink", func(tx *Tx) error {
		if err := tx.Load(engine.ReadOp{Key: record.AttrKey(ino)}, engine.ReadOp{Key: record.SymlinkKey(ino)}); err != nil {
			return err
		}
		a, err := tx.Attr(ino, engine.Loose)
		if err != nil {
			return err
		}
		if a.Type != record.TypeSymlink {
			return eInval
		}
		b, err := tx.Get(record.SymlinkKey(ino), engine.Loose)
		if err == nil && b == nil {
			err = eIO
		}
		target = string(b)
		return err
	})
	return target, fserr.WrapIno("readlink", uint64(ino), err)
}

// OpenFile checks that a caller may open an inode with flags (those of package syscall; only the access mode, O_APPEND and
// O_TRUNC count) and keeps its data as OpenInode does. O_TRUNC empties it. release must be called once if err is nil.
// Errors: ENOENT, EACCES, EISDIR, EROFS; EPERM for writing in the trash and against the immutable and append-only flags.
func (fs *FS) OpenFile(ctx context.Context, c *Caller, ino record.Ino, flags int) (a *record.Attr, release func(), err error) {
	write := flags&syscall.O_ACCMODE != syscall.O_RDONLY || flags&syscall.O_TRUNC != 0
	if write && fs.o.ReadOnly {
		return nil, nil, fserr.WrapIno("open", uint64(ino), eRofs)
	}
	release, ok := fs.OpenInode(ino)
	if !ok {
		return nil, nil, fserr.WrapIno("open", uint64(ino), eNoEnt)
	}
	err = fs.view(ctx, "open", func(tx *Tx) (err error) {
		a, err = tx.Attr(ino, engine.Loose)
		if err != nil {
			return err
		}
		return tx.mayOpen(c, a, flags, write)
	})
	if err == nil && flags&syscall.O_TRUNC != 0 && a.Type == record.TypeFile {
		a, err = fs.Truncate(ctx, c, ino, 0)
	}
	if err != nil {
		release()
		return nil, nil, fserr.WrapIno("open", uint64(ino), err)
	}
	return a, release, nil
}

func (tx *Tx) mayOpen(c *Caller, a *record.Attr, flags int, write bool) error {
	want := uint16(mayRead)
	switch flags & syscall.O_ACCMODE {
	case syscall.O_WRONLY:
		want = mayWrite
	case syscall.O_RDWR:
		want = mayRead | mayWrite
	}
	if write {
		want |= mayWrite
	}
	if err := tx.access(c, a, want); err != nil {
		return err
	}
	switch {
	case !write:
		return nil
	case a.Type == record.TypeDirectory:
		return eIsDir
	case a.Parent > record.Trash, a.Flags&record.FlagImmutable != 0,
		a.Flags&record.FlagAppend != 0 && (flags&syscall.O_APPEND == 0 || flags&syscall.O_TRUNC != 0):
		return ePerm
	}
	return nil
}
