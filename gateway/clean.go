package gateway

import (
	"context"
	"errors"
	"syscall"
	"time"

	"juicefs/vfs"
)

// every runs f in intervals until ctx ends. The first time is one interval after the start, so that a gateway that is started
// often does not do it each time.
func (l *Layer) every(ctx context.Context, interval time.Duration, what string, f func(context.Context) error) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := f(ctx); err != nil && ctx.Err() == nil {
			l.log.Warn("a regular task failed", "task", what, "error", err)
		}
	}
}

// clean removes uploads and temporary files that have not changed for CleanAge, for good.
func (l *Layer) clean(ctx context.Context) error {
	dirs := []string{"/" + sysName}
	err := l.eachEntry(ctx, "/"+sysName, "", func(_ string, i *vfs.Info) error {
		dirs = append(dirs, i.Path)
		return nil
	})
	if err = ignoreMissing(err); err != nil {
		return err
	}
	var errs []error
	for _, dir := range dirs {
		for _, kind := range []string{"/tmp", "/uploads"} {
			errs = append(errs, l.cleanDir(ctx, dir+kind, true))
		}
	}
	return errors.Join(errs...)
}

// cleanDir removes old entries of a directory of ids and, at its top, of slots.
func (l *Layer) cleanDir(ctx context.Context, dir string, top bool) error {
	limit := l.o.Now().Add(-l.o.CleanAge)
	err := l.eachEntry(ctx, dir, "", func(name string, i *vfs.Info) error {
		switch {
		case top && isSlot(name) && i.IsDir():
			if err := l.cleanDir(ctx, i.Path, false); err != nil || i.Mtime.After(limit) {
				return err
			}
			if err := l.v.RemoveDir(ctx, i.Path); err != nil && !errors.Is(err, syscall.ENOTEMPTY) {
				return ignoreMissing(err)
			}
			return nil
		case !validUploadID(name):
			l.log.Warn("unknown name among uploads and temporary files is kept", "path", i.Path)
			return nil
		case i.Mtime.After(limit):
			return nil
		}
		return l.v.RemoveAll(ctx, i.Path, true)
	})
	if errors.Is(err, syscall.ENOENT) || errors.Is(err, syscall.ENOTDIR) {
		return nil
	}
	return err
}
