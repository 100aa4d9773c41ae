// Package mem keeps objects in memory, for tests: a volume on it ends with the process.
package mem

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"time"

	"juicefs/pkg/object"
)

// Bucket is a map of objects. Use New; all methods may be called from several goroutines at once.
type Bucket struct {
	mu      sync.RWMutex
	objects map[string]stored
}

type stored struct {
	data []byte // never changed
	at   time.Time
}

var (
	_ object.Bucket      = (*Bucket)(nil)
	_ object.RangeReader = (*Bucket)(nil)
)

// New makes an empty bucket.
func New() *Bucket { return &Bucket{objects: make(map[string]stored)} }

// String is "mem://".
func (b *Bucket) String() string { return "mem://" }

// Limits has none.
func (b *Bucket) Limits() object.Limits { return object.Limits{} }

func check(ctx context.Context, op, key string) error {
	err := ctx.Err()
	if err == nil && (key == "" || strings.IndexByte(key, 0) >= 0) {
		err = fs.ErrInvalid
	}
	if err != nil {
		return fmt.Errorf("%s %s: %w", op, key, err)
	}
	return nil
}

func (b *Bucket) find(ctx context.Context, op, key string) (stored, error) {
	if err := check(ctx, op, key); err != nil {
		return stored{}, err
	}
	b.mu.RLock()
	defer b.mu.RUnlock()
	s, ok := b.objects[key]
	if !ok {
		return s, fmt.Errorf("%s %s: %w", op, key, fs.ErrNotExist)
	}
	return s, nil
}

// cut returns n bytes of data from off, n < 0: to the end.
func cut(data []byte, off, n int64) []byte {
	data = data[min(off, int64(len(data))):]
	if n >= 0 {
		data = data[:min(n, int64(len(data)))]
	}
	return data
}

// Get implements object.Bucket.
func (b *Bucket) Get(ctx context.Context, key string, off, n int64) (io.ReadCloser, error) {
	if off < 0 {
		return nil, fmt.Errorf("get %s from %d: %w", key, off, fs.ErrInvalid)
	}
	s, err := b.find(ctx, "get", key)
	if err != nil {
		return nil, err
	}
	return &reader{ctx: ctx, Reader: bytes.NewReader(cut(s.data, off, n))}, nil
}

// ReadRange implements object.RangeReader.
func (b *Bucket) ReadRange(ctx context.Context, key string, p []byte, off int64) (int, error) {
	s, err := b.find(ctx, "read", key)
	if err != nil {
		return 0, err
	}
	return copy(p, cut(s.data, off, -1)), nil
}

// Put implements object.Bucket; it keeps a copy.
func (b *Bucket) Put(ctx context.Context, key string, body object.Body) error {
	if err := check(ctx, "put", key); err != nil {
		return err
	}
	var data bytes.Buffer
	data.Grow(int(body.Size))
	if _, err := body.WriteTo(&data); err != nil {
		return fmt.Errorf("put %s: %w", key, err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.objects[key] = stored{data: data.Bytes(), at: time.Now()}
	return nil
}

// Delete implements object.Bucket.
func (b *Bucket) Delete(ctx context.Context, key string) error {
	if err := check(ctx, "delete", key); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.objects, key)
	return nil
}

// Stat implements object.Bucket.
func (b *Bucket) Stat(ctx context.Context, key string) (object.Info, error) {
	s, err := b.find(ctx, "stat", key)
	if err != nil {
		return object.Info{}, err
	}
	return object.Info{Key: key, Size: int64(len(s.data)), ModTime: s.at}, nil
}

// List implements object.Bucket.
func (b *Bucket) List(ctx context.Context, prefix, after string, limit int) ([]object.Info, error) {
	err := ctx.Err()
	if err == nil && limit < 1 {
		err = fs.ErrInvalid
	}
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", prefix, err)
	}
	var found []object.Info
	b.mu.RLock()
	for key, s := range b.objects {
		if key > after && strings.HasPrefix(key, prefix) {
			found = append(found, object.Info{Key: key, Size: int64(len(s.data)), ModTime: s.at})
		}
	}
	b.mu.RUnlock()
	slices.SortFunc(found, func(a, b object.Info) int { return strings.Compare(a.Key, b.Key) })
	return found[:min(limit, len(found))], nil
}

// reader ends with the ctx of its Get, which io.Reader cannot be given otherwise.
type reader struct {
	*bytes.Reader
	ctx context.Context
}

// Read implements io.Reader.
func (r *reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.Reader.Read(p)
}

// WriteTo implements io.WriterTo.
func (r *reader) WriteTo(w io.Writer) (int64, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.Reader.WriteTo(w)
}

// Close implements io.Closer.
func (r *reader) Close() error { return nil }
