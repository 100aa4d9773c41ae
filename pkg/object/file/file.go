package file

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"juicefs/pkg/object"
)

// Bucket is a folder. All methods may be called from several goroutines at once; other processes may use the same folder.
type Bucket struct {
	root string // absolute, with a "/" at the end
}

var (
	_ object.Bucket      = (*Bucket)(nil)
	_ object.Creator     = (*Bucket)(nil)
	_ object.RangeReader = (*Bucket)(nil)
	_ object.FileOpener  = (*Bucket)(nil)
	_ object.Sweeper     = (*Bucket)(nil)
	_ object.Judge       = (*Bucket)(nil)
)

// Open names the folder root; a relative one is taken from the working directory now. A "file://" in front is allowed.
// Nothing is read or made before the first use.
func Open(root string) (*Bucket, error) {
	root = strings.TrimPrefix(root, "file://")
	if root == "" {
		return nil, errors.New("file storage needs a folder")
	}
	abs, err := filepath.Abs(root)
	if err != nil {
		return nil, fmt.Errorf("file storage %s: %w", root, err)
	}
	return &Bucket{root: strings.TrimSuffix(abs, "/") + "/"}, nil
}

// String is the address: file:///path/.
func (b *Bucket) String() string { return "file://" + b.root }

// Limits says that objects are files here.
func (b *Bucket) Limits() object.Limits { return object.Limits{Local: true} }

// Create makes the folder and those above it.
func (b *Bucket) Create(context.Context) error { return os.MkdirAll(b.root, 0o777) }

// Final says which errors will come again: those about the request, the rights or the space, not those of the device.
func (b *Bucket) Final(err error) bool {
	for _, code := range [...]syscall.Errno{
		syscall.ENOENT, syscall.ENOTDIR, syscall.EISDIR, syscall.EACCES, syscall.EPERM, syscall.EROFS, syscall.EINVAL,
		syscall.ENAMETOOLONG, syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG, syscall.ELOOP,
	} {
		if errors.Is(err, code) {
			return true
		}
	}
	return errors.Is(err, fs.ErrInvalid) || errors.Is(err, fs.ErrNotExist)
}

// path returns the file of key. Keys that would leave the folder, or name the same file as another key, are refused.
func (b *Bucket) path(key string) (string, error) {
	if !validKey(key) {
		return "", fmt.Errorf("key %q: %w", key, fs.ErrInvalid)
	}
	return b.root + key, nil
}

func validKey(key string) bool {
	if key == "" || key[0] == '/' || strings.IndexByte(key, 0) >= 0 {
		return false
	}
	begin := 0
	for i := 0; i <= len(key); i++ {
		if i < len(key) && key[i] != '/' {
			continue
		}
		switch part := key[begin:i]; part {
		case "":
			if i < len(key) {
				return false // "a//b"; "a/" is a folder
			}
		case ".", "..":
			return false
		default:
			if i == len(key) && isTemp(part) {
				return false
			}
		}
		begin = i + 1
	}
	return true
}

func isFolder(key string) bool { return key[len(key)-1] == '/' }

// absent turns the errors that mean "no such object" into ENOENT; a folder is not an object, nor is anything below a file.
func absent(err error) error {
	if errors.Is(err, syscall.ENOTDIR) || errors.Is(err, syscall.EISDIR) {
		return syscall.ENOENT
	}
	return err
}

// Stat implements object.Bucket.
func (b *Bucket) Stat(ctx context.Context, key string) (object.Info, error) {
	path, err := b.path(key)
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return object.Info{}, fmt.Errorf("stat %s: %w", key, err)
	}
	info, err := os.Stat(path)
	if err == nil && info.IsDir() != isFolder(key) {
		err = syscall.ENOENT
	}
	if err != nil {
		return object.Info{}, fmt.Errorf("stat %s: %w", key, absent(err))
	}
	return infoOf(key, info), nil
}

func infoOf(key string, info fs.FileInfo) object.Info {
	out := object.Info{Key: key, Size: info.Size(), ModTime: info.ModTime()}
	if info.IsDir() {
		out.Size = 0
	}
	return out
}

// OpenFile implements object.FileOpener.
func (b *Bucket) OpenFile(ctx context.Context, key string) (*os.File, error) {
	path, err := b.path(key)
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", key, err)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", key, absent(err))
	}
	return f, nil
}

// Get implements object.Bucket. A folder has no bytes.
func (b *Bucket) Get(ctx context.Context, key string, off, n int64) (io.ReadCloser, error) {
	if off < 0 {
		return nil, fmt.Errorf("get %s from %d: %w", key, off, fs.ErrInvalid)
	}
	f, err := b.OpenFile(ctx, key)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	switch {
	case err != nil:
	case info.IsDir() != isFolder(key):
		err = syscall.ENOENT
	case info.IsDir():
		n = 0
	case off > 0:
		_, err = f.Seek(off, io.SeekStart)
	}
	if err != nil {
		_ = f.Close() // it was only read
		return nil, fmt.Errorf("get %s: %w", key, absent(err))
	}
	if n < 0 || n > info.Size() {
		n = info.Size()
	}
	return &reader{ctx: ctx, file: f, left: n}, nil
}

// reader is an open range. It keeps the ctx of its Get because io.Reader has no other way to it.
type reader struct {
	ctx  context.Context
	file *os.File
	left int64
}

// Read implements io.Reader.
func (r *reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	if r.left <= 0 {
		return 0, io.EOF
	}
	n, err := r.file.Read(p[:min(int64(len(p)), r.left)])
	r.left -= int64(n)
	return n, err
}

// Close implements io.Closer.
func (r *reader) Close() error { return r.file.Close() }
