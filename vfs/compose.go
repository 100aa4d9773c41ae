package vfs

import (
	"context"
	"time"

	"juicefs/meta"
)

// Plan says what an object is made of, with the upload as it was found: its directory, with all extended attributes, and what is in
// it in order of names, with those that were asked for. paths are the parts in order. Its error ends the operation and is returned
// as it is. It runs inside the transaction, maybe several times, and must have no effects.
type Plan func(dir *Info, files []*Info) (c Commit, paths []string, err error)

// Compose moves the data of files of the directory dir into a new object, as plan says, and removes dir with all in it,
// bypassing the trash, in one transaction where limits allow. xattrs are what plan wants to know of the files.
func (v *Volume) Compose(ctx context.Context, dir string, xattrs []string, plan Plan) (*Info, error) {
	defer v.timed(time.Now())
	o, err := v.fs.ComposeObject(ctx, &v.caller, &meta.ComposeSpec{Remove: dir, PartXattrs: xattrs,
		Plan: func(d *meta.Object, files []*meta.Object) (*meta.ObjectSpec, []meta.Part, error) {
			infos := make([]*Info, len(files))
			for i, f := range files {
				infos[i] = infoOf(f)
			}
			c, paths, err := plan(infoOf(d), infos)
			if err != nil {
				return nil, nil, err
			}
			parts := make([]meta.Part, len(paths))
			for i, p := range paths {
				parts[i].Path = p
			}
			return c.spec(), parts, nil
		}})
	if err != nil {
		return nil, err
	}
	return infoOf(o), nil
}
