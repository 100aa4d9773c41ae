package meta

import (
	"context"
	"maps"
	"slices"

	"juicefs/meta/engine"
	"juicefs/meta/record"
	"juicefs/pkg/fserr"
)

// SetXattrs sets and removes extended attributes of what is at path; removing an absent one is fine. Errors: ENOENT, EACCES,
// EPERM (in the trash), that of allow.
func (fs *FS) SetXattrs(ctx context.Context, c *Caller, path string, set map[string][]byte, remove []string, allow func(*Object) error) (*Object, error) {
	var obj *Object
	err := fs.update(ctx, "setxattr", func(tx *Tx) error {
		r, err := tx.walk(c, path, walkOptions{follow: true, last: engine.Stable, xattrs: true})
		if err != nil {
			return err
		}
		if !r.found || r.attr == nil {
			return eNoEnt
		}
		if r.attr.Parent > record.Trash {
			return ePerm
		}
		if err = tx.access(c, r.attr, mayWrite); err != nil {
			return err
		}
		obj = &Object{Path: path, Parent: r.dir().ino, Name: r.name, Ino: r.ent.Ino, Attr: *r.attr}
		if obj.Xattrs, err = tx.Xattrs(r.ent.Ino); err != nil {
			return err
		}
		if allow != nil {
			if err := allow(obj); err != nil {
				return err
			}
		}
		obj.Xattrs = maps.Clone(obj.Xattrs)
		for _, name := range slices.Sorted(slices.Values(remove)) {
			if _, ok := obj.Xattrs[name]; ok {
				tx.Delete(record.XattrKey(r.ent.Ino, name))
				delete(obj.Xattrs, name)
			}
		}
		tx.putXattrs(r.ent.Ino, set)
		maps.Copy(obj.Xattrs, set)
		return nil
	})
	return obj, wrap("setxattr", path, err)
}

// Flags of SetXattr.
const (
	XattrCreate  = 1 // EEXIST if there is one
	XattrReplace = 2 // ENODATA if there is none
)

// Names under which ListXattr shows access control lists, which are not stored as attributes.
const (
	xattrAccessACL  = "system.posix_acl_access"
	xattrDefaultACL = "system.posix_acl_default"
)

// SetXattr sets an extended attribute of an inode. Errors: ENOENT, EACCES, EPERM (in the trash), EINVAL, ENAMETOOLONG; those of
// flags.
func (fs *FS) SetXattr(ctx context.Context, c *Caller, ino record.Ino, name string, value []byte, flags uint32) error {
	err := fs.update(ctx, "setxattr", func(tx *Tx) error {
		if flags > XattrReplace {
			return eInval
		}
		have, err := tx.xattrToWrite(c, ino, name)
		switch {
		case err != nil:
			return err
		case flags == XattrCreate && have != nil:
			return eExist
		case flags == XattrReplace && have == nil:
			return eNoData
		}
		tx.putXattrs(ino, map[string][]byte{name: value})
		return nil
	})
	return fserr.WrapIno("setxattr", uint64(ino), err)
}

// RemoveXattr removes an extended attribute; ENODATA if there is none, and the errors of SetXattr.
func (fs *FS) RemoveXattr(ctx context.Context, c *Caller, ino record.Ino, name string) error {
	err := fs.update(ctx, "removexattr", func(tx *Tx) error {
		have, err := tx.xattrToWrite(c, ino, name)
		if err != nil {
			return err
		}
		if have == nil {
			return eNoData
		}
		tx.Delete(record.XattrKey(ino, name))
		return nil
	})
	return fserr.WrapIno("removexattr", uint64(ino), err)
}

// xattrToWrite checks that an extended attribute may be changed and returns what it is; nil: there is none.
func (tx *Tx) xattrToWrite(c *Caller, ino record.Ino, name string) ([]byte, error) {
	switch {
	case name == "":
		return nil, eInval
	case len(name) > record.MaxName:
		return nil, eTooLong
	}
	k := record.XattrKey(ino, name)
	if err := tx.Load(engine.ReadOp{Key: record.AttrKey(ino), Guard: engine.Stable}, engine.ReadOp{Key: k, Guard: engine.Exact}); err != nil {
		return nil, err
	}
	a, err := tx.Attr(ino, engine.Stable)
	switch {
	case err != nil:
		return nil, err
	case ino.InTrash(), a.Parent > record.Trash:
		return nil, ePerm
	case a.Nlink == 0: // its attributes went with the last link
		return nil, eNoEnt
	}
	if err := tx.access(c, a, mayWrite); err != nil {
		return nil, err
	}
	return tx.Get(k, engine.Exact)
}

// GetXattr returns an extended attribute of an inode; ENODATA if there is none, ENOENT, EACCES.
func (fs *FS) GetXattr(ctx context.Context, c *Caller, ino record.Ino, name string) ([]byte, error) {
	var value []byte
	err := fs.view(ctx, "getxattr", func(tx *Tx) error {
		k := record.XattrKey(ino, name)
		if err := tx.Load(engine.ReadOp{Key: record.AttrKey(ino)}, engine.ReadOp{Key: k}); err != nil {
			return err
		}
		a, err := tx.Attr(ino, engine.Loose)
		if err != nil {
			return err
		}
		if err = tx.access(c, a, mayRead); err != nil {
			return err
		}
		if value, err = tx.Get(k, engine.Loose); err == nil && value == nil {
			err = eNoData
		}
		return err
	})
	return value, fserr.WrapIno("getxattr", uint64(ino), err)
}

// ListXattr returns the names of an inode's extended attributes, sorted, with those that stand for access control lists.
func (fs *FS) ListXattr(ctx context.Context, ino record.Ino) ([]string, error) {
	var names []string
	err := fs.view(ctx, "listxattr", func(tx *Tx) error {
		a, err := tx.Attr(ino, engine.Loose)
		if err != nil {
			return err
		}
		all, err := tx.Xattrs(ino)
		if err != nil {
			return err
		}
		names = slices.Collect(maps.Keys(all))
		if a.AccessACL != 0 {
			names = append(names, xattrAccessACL)
		}
		if a.DefaultACL != 0 {
			names = append(names, xattrDefaultACL)
		}
		slices.Sort(names)
		return nil
	})
	return names, fserr.WrapIno("listxattr", uint64(ino), err)
}
