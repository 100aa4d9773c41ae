package object

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"time"
)

// What decorators need to offer abilities of what is below them in their own form.

type rangeFunc func(ctx context.Context, key string, p []byte, off int64) (int, error)

// ReadRange implements RangeReader.
func (f rangeFunc) ReadRange(ctx context.Context, key string, p []byte, off int64) (int, error) {
	return f(ctx, key, p, off)
}

type openFunc func(ctx context.Context, key string) (*os.File, error)

// OpenFile implements FileOpener.
func (f openFunc) OpenFile(ctx context.Context, key string) (*os.File, error) { return f(ctx, key) }

type sweepFunc func(ctx context.Context, prefix string, before time.Time) (int, error)

// Sweep implements Sweeper.
func (f sweepFunc) Sweep(ctx context.Context, prefix string, before time.Time) (int, error) {
	return f(ctx, prefix, before)
}

type createFunc func(ctx context.Context) error

// Create implements Creator.
func (f createFunc) Create(ctx context.Context) error { return f(ctx) }

// keyless fills target with an ability of b that has nothing to do with keys or content.
func keyless(target any, b Bucket) bool {
	return forward[Creator](target, b) || forward[Pinger](target, b) || forward[Judge](target, b)
}

func forward[T any](target any, b Bucket) bool {
	t, ok := target.(*T)
	if !ok {
		return false
	}
	*t, ok = As[T](b)
	return ok
}

// ranges fills target, if it is a *RangeReader, with the form that wrap gives to the one of b.
func ranges(target any, b Bucket, wrap func(RangeReader) rangeFunc) bool {
	t, ok := target.(*RangeReader)
	if !ok {
		return false
	}
	r, ok := As[RangeReader](b)
	if ok {
		*t = wrap(r)
	}
	return ok
}

func noKey(op string) error { return fmt.Errorf("%s without a key: %w", op, fs.ErrInvalid) }
