package vfs

import (
	"context"
	"path"
	"time"

	"juicefs/meta"
)

// List returns a page of objects in byte order of keys; see meta.ListQuery and meta.ListPage.
func (v *Volume) List(ctx context.Context, q meta.ListQuery) (*meta.ListPage, error) {
	defer v.timed(time.Now())
	return v.fs.ListObjects(ctx, &v.caller, q)
}

// ReadDir returns at most limit entries of a directory in byte order of names after the name after, with the one
// extended attribute xattr each if it is not empty (in Info.Xattrs).
func (v *Volume) ReadDir(ctx context.Context, dir, after string, limit int, xattr string) ([]Info, error) {
	defer v.timed(time.Now())
	listed, err := v.fs.ReadDir(ctx, &v.caller, dir, after, limit, xattr)
	if err != nil {
		return nil, err
	}
	infos := make([]Info, len(listed))
	for i := range listed {
		l := &listed[i]
		infos[i] = infoOfAttr(path.Join(dir, l.Key), l.Ino, &l.Attr)
		if l.Xattr != nil {
			infos[i].Xattrs = map[string][]byte{xattr: l.Xattr}
		}
	}
	return infos, nil
}
