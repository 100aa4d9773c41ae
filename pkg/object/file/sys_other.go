//go:build !unix

package file

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
)

// tempFile is a file being written.
type tempFile struct{ *os.File }

func createFile(path string) (*tempFile, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return nil, err
	}
	return &tempFile{f}, nil
}

func rename(from, to string) error { return os.Rename(from, to) }

// unlink removes a file; a folder is EISDIR.
func unlink(path string) error {
	if info, err := os.Lstat(path); err == nil && info.IsDir() {
		return syscall.EISDIR
	}
	return os.Remove(path)
}

// removeFolder removes an empty folder; one that is not empty is left, without an error.
func removeFolder(path string) error {
	err := os.Remove(path)
	if entries, e := os.ReadDir(path); err != nil && e == nil && len(entries) > 0 {
		return nil
	}
	return err
}

// ReadRange implements object.RangeReader.
func (b *Bucket) ReadRange(ctx context.Context, key string, p []byte, off int64) (int, error) {
	f, err := b.OpenFile(ctx, key)
	if err != nil {
		return 0, err
	}
	n, err := f.ReadAt(p, off)
	_ = f.Close() // it was only read
	if err != nil && !errors.Is(err, io.EOF) {
		return n, fmt.Errorf("read %s: %w", key, absent(err))
	}
	return n, nil
}
