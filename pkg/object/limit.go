package object

import (
	"context"
	"io"

	"juicefs/pkg/rate"
)

// WithRate lets content pass no faster than up and down allow, in bytes. A nil limiter does not limit; with two of them b
// itself is returned. Limiters may be shared by several buckets and changed at any time.
func WithRate(b Bucket, up, down *rate.Limiter) Bucket {
	if up == nil && down == nil {
		return b
	}
	return &limited{Bucket: b, up: up, down: down}
}

// limited has no Unwrap: files that are opened below would pass without a limit.
type limited struct {
	Bucket
	up, down *rate.Limiter
}

// Put implements Bucket: it waits for all of the body before it begins.
func (l *limited) Put(ctx context.Context, key string, body Body) error {
	if err := l.up.Wait(ctx, body.Size); err != nil {
		return err
	}
	return l.Bucket.Put(ctx, key, body)
}

// Get implements Bucket: each Read waits for what it brought.
func (l *limited) Get(ctx context.Context, key string, off, n int64) (io.ReadCloser, error) {
	r, err := l.Bucket.Get(ctx, key, off, n)
	if err != nil || l.down == nil {
		return r, err
	}
	return &limitedReader{ReadCloser: r, ctx: ctx, down: l.down}, nil
}

// limitedReader ends with the ctx of its Get, which io.Reader cannot be given otherwise.
type limitedReader struct {
	io.ReadCloser
	ctx  context.Context
	down *rate.Limiter
}

// Read implements io.Reader.
func (r *limitedReader) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	if e := r.down.Wait(r.ctx, int64(n)); e != nil {
		return n, e
	}
	return n, err
}

// As limits reads into memory as well, and opens files only when downloads are not limited.
func (l *limited) As(target any) bool {
	if ranges(target, l.Bucket, func(r RangeReader) rangeFunc {
		return func(ctx context.Context, key string, p []byte, off int64) (int, error) {
			if err := l.down.Wait(ctx, int64(len(p))); err != nil {
				return 0, err
			}
			return r.ReadRange(ctx, key, p, off)
		}
	}) {
		return true
	}
	return l.down == nil && forward[FileOpener](target, l.Bucket) || forward[Sweeper](target, l.Bucket) || keyless(target, l.Bucket)
}
