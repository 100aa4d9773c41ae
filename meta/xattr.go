package meta

import (
	"context"
	"maps"
	"slices"

	"juicefs/meta/engine"
	"juicefs/meta/record"
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
		if err := tx.access(c, r.attr, mayWrite); err != nil {
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
