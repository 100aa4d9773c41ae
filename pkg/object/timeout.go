package object

import (
	"context"
	"io"
	"time"
)

// WithTimeout ends requests that take longer: get bounds Get with its body, Stat and List, put bounds Put and Delete. 0:
// not bounded. What was ended has an error that is context.DeadlineExceeded.
func WithTimeout(b Bucket, get, put time.Duration) Bucket {
	if get <= 0 && put <= 0 {
		return b
	}
	return &timed{Bucket: b, get: get, put: put}
}

type timed struct {
	Bucket
	get, put time.Duration
}

// Unwrap returns what is below.
func (t *timed) Unwrap() Bucket { return t.Bucket }

func within(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	if d <= 0 {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, d)
}

// Get implements Bucket.
func (t *timed) Get(ctx context.Context, key string, off, n int64) (io.ReadCloser, error) {
	ctx, cancel := within(ctx, t.get)
	r, err := t.Bucket.Get(ctx, key, off, n)
	if err != nil {
		cancel()
		return nil, err
	}
	return &timedReader{ReadCloser: r, cancel: cancel}, nil
}

type timedReader struct {
	io.ReadCloser
	cancel context.CancelFunc
}

// Close implements io.Closer.
func (r *timedReader) Close() error {
	err := r.ReadCloser.Close()
	r.cancel()
	return err
}

// Put implements Bucket.
func (t *timed) Put(ctx context.Context, key string, body Body) error {
	ctx, cancel := within(ctx, t.put)
	defer cancel()
	return t.Bucket.Put(ctx, key, body)
}

// Delete implements Bucket.
func (t *timed) Delete(ctx context.Context, key string) error {
	ctx, cancel := within(ctx, t.put)
	defer cancel()
	return t.Bucket.Delete(ctx, key)
}

// Stat implements Bucket.
func (t *timed) Stat(ctx context.Context, key string) (Info, error) {
	ctx, cancel := within(ctx, t.get)
	defer cancel()
	return t.Bucket.Stat(ctx, key)
}

// List implements Bucket.
func (t *timed) List(ctx context.Context, prefix, after string, limit int) ([]Info, error) {
	ctx, cancel := within(ctx, t.get)
	defer cancel()
	return t.Bucket.List(ctx, prefix, after, limit)
}

// As bounds reads into memory as well.
func (t *timed) As(target any) bool {
	return ranges(target, t.Bucket, func(r RangeReader) rangeFunc {
		return func(ctx context.Context, key string, p []byte, off int64) (int, error) {
			ctx, cancel := within(ctx, t.get)
			defer cancel()
			return r.ReadRange(ctx, key, p, off)
		}
	})
}
