package fserr_test

import (
	"errors"
	"io/fs"
	"syscall"
	"testing"

	"juicefs/pkg/fserr"
)

func TestErrorText(t *testing.T) {
	for _, c := range []struct {
		name string
		err  *fserr.Error
		want string
	}{
		{"path", &fserr.Error{Op: "commit", Path: "/a/b", Err: syscall.EEXIST}, "commit /a/b: file exists"},
		{"inode", &fserr.Error{Op: "truncate", Ino: 7, Err: syscall.EINVAL}, "truncate inode 7: invalid argument"},
		{"path and inode", &fserr.Error{Op: "open", Path: "/a", Ino: 7, Err: syscall.EIO}, "open /a inode 7: input/output error"},
		{"no cause", &fserr.Error{Op: "open", Path: "/a"}, "open /a"},
		{"cause only", &fserr.Error{Err: syscall.EIO}, "input/output error"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := c.err.Error(); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestWrapKeepsTheCloserSubject(t *testing.T) {
	inner := fserr.Wrap("lookup", "/a", syscall.ENOENT)
	if got := fserr.Wrap("open", "/b", inner); got != inner { //nolint:errorlint // the same one
		t.Errorf("got %v, want %v", got, inner)
	}
	if got := fserr.WrapIno("open", 3, inner); got != inner { //nolint:errorlint // the same one
		t.Errorf("got %v, want %v", got, inner)
	}
	bare := &fserr.Error{Op: "plan", Err: syscall.ENOENT}
	if got, want := fserr.Wrap("open", "/b", bare).Error(), "open /b: plan: no such file or directory"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := fserr.Wrap("open", "/b", nil); got != nil {
		t.Errorf("got %v for nil", got)
	}
	if got := fserr.WrapIno("open", 1, nil); got != nil {
		t.Errorf("got %v for nil", got)
	}
	if !errors.Is(inner, fs.ErrNotExist) || !errors.Is(inner, syscall.ENOENT) {
		t.Error("ENOENT is not fs.ErrNotExist after wrapping")
	}
}
