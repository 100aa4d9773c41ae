package vfs

import (
	"context"
	"time"
)

// Copy makes c.Path refer to the data of the regular file src; no data moves. c.Xattrs are all of the copy's.
func (v *Volume) Copy(ctx context.Context, src string, c Commit) (*Info, error) {
	return v.CopyRange(ctx, src, 0, -1, c)
}

// CopyRange is Copy of n bytes of src from off; n < 0: to the end.
func (v *Volume) CopyRange(ctx context.Context, src string, off, n int64, c Commit) (*Info, error) {
	defer v.timed(time.Now())
	o, err := v.fs.CopyObject(ctx, &v.caller, src, off, n, c.spec())
	if err != nil {
		return nil, err
	}
	return infoOf(o), nil
}
