//go:build unix

package file

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"syscall"
)

// The system calls of the hot paths are made directly: an os.File costs five allocations, a finalizer, and a call to
// register it for polling that files refuse. Package os is the plain form, in sys_other.go.

// retry repeats a system call that a signal interrupted.
func retry(call func() error) error {
	for {
		if err := call(); err != syscall.EINTR { //nolint:errorlint // a bare code
			return err
		}
	}
}

func open(path string, flags int, mode uint32) (int, error) {
	for {
		fd, err := syscall.Open(path, flags|syscall.O_CLOEXEC, mode)
		if err != syscall.EINTR {
			return fd, err
		}
	}
}

// tempFile is a file being written.
type tempFile int

var _ io.WriteCloser = (*tempFile)(nil)

func createFile(path string) (*tempFile, error) {
	fd, err := open(path, syscall.O_WRONLY|syscall.O_CREAT|syscall.O_EXCL, 0o666)
	if err != nil {
		return nil, &fs.PathError{Op: "create", Path: path, Err: err}
	}
	f := tempFile(fd)
	return &f, nil
}

// Write implements io.Writer.
func (f *tempFile) Write(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		m, err := syscall.Write(int(*f), p[n:])
		if m > 0 {
			n += m
		}
		switch {
		case err == syscall.EINTR:
		case err != nil:
			return n, err
		case m == 0:
			return n, io.ErrShortWrite
		}
	}
	return n, nil
}

// Close implements io.Closer. An interrupted close is done: the descriptor may be somebody else's already.
func (f *tempFile) Close() error {
	if err := syscall.Close(int(*f)); err != nil && !errors.Is(err, syscall.EINTR) {
		return err
	}
	return nil
}

func rename(from, to string) error {
	if err := retry(func() error { return syscall.Rename(from, to) }); err != nil {
		return &fs.PathError{Op: "rename to", Path: to, Err: err}
	}
	return nil
}

// unlink removes a file; a folder is EISDIR, whatever the system calls it.
func unlink(path string) error {
	err := retry(func() error { return syscall.Unlink(path) })
	if err == syscall.EPERM { //nolint:errorlint // a bare code
		var st syscall.Stat_t
		if syscall.Lstat(path, &st) == nil && st.Mode&syscall.S_IFMT == syscall.S_IFDIR {
			return syscall.EISDIR
		}
	}
	return err
}

// removeFolder removes an empty folder; one that is not empty is left, without an error.
func removeFolder(path string) error {
	err := retry(func() error { return syscall.Rmdir(path) })
	if errors.Is(err, syscall.ENOTEMPTY) || errors.Is(err, syscall.EEXIST) {
		return nil
	}
	return err
}

// ReadRange implements object.RangeReader with one open, as many reads as needed (mostly one), and one close.
func (b *Bucket) ReadRange(ctx context.Context, key string, p []byte, off int64) (int, error) {
	path, err := b.path(key)
	if err == nil {
		err = ctx.Err()
	}
	if err == nil && isFolder(key) {
		err = syscall.EISDIR
	}
	var fd int
	if err == nil {
		fd, err = open(path, syscall.O_RDONLY, 0)
	}
	if err != nil {
		return 0, fmt.Errorf("read %s: %w", key, absent(err))
	}
	n, err := readAt(fd, p, off)
	_ = syscall.Close(fd) // it was only read
	if err != nil {
		return n, fmt.Errorf("read %s: %w", key, absent(err))
	}
	return n, nil
}

func readAt(fd int, p []byte, off int64) (int, error) {
	n := 0
	for n < len(p) {
		m, err := syscall.Pread(fd, p[n:], off+int64(n))
		if m > 0 {
			n += m
		}
		switch {
		case err == syscall.EINTR:
		case err != nil:
			return n, err
		case m == 0:
			return n, nil
		}
	}
	return n, nil
}
