package vfs

import (
	"context"
	"time"

	"juicefs/meta"
)

// Removal names one object to remove; see meta.Removal.
type Removal struct {
	Path  string
	Dir   bool   // a directory object
	Top   string // emptied parents below it are removed too
	Allow Allow
}

// Remove removes objects. The result has the length and order of rs; absent objects are ENOENT. The second result is of
// the whole: when it is not nil no element says anything.
func (v *Volume) Remove(ctx context.Context, rs []Removal) ([]error, error) {
	defer v.timed(time.Now())
	list := make([]meta.Removal, len(rs))
	for i, r := range rs {
		list[i] = meta.Removal{Path: r.Path, Dir: r.Dir, Top: r.Top, Allow: r.Allow.onObject()}
	}
	return v.fs.RemoveObjects(ctx, &v.caller, list)
}

// RemoveDir removes an empty directory (ENOTEMPTY).
func (v *Volume) RemoveDir(ctx context.Context, path string) error {
	defer v.timed(time.Now())
	return v.fs.Rmdir(ctx, &v.caller, path)
}

// RemoveAll removes path with all below it; absent is fine. skipTrash deletes for real.
func (v *Volume) RemoveAll(ctx context.Context, path string, skipTrash bool) error {
	defer v.timed(time.Now())
	return v.fs.RemoveTree(ctx, &v.caller, path, skipTrash)
}
