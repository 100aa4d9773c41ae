package object

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"time"
)

// Swap is a bucket in whose place another one can be put while it is used, such as the same one with other credentials.
// Requests that are under way end with the bucket that they began with. Use NewSwap; all methods may be called from several
// goroutines at once.
type Swap struct{ now atomic.Pointer[Bucket] }

var _ Bucket = (*Swap)(nil)

// NewSwap returns a bucket that is b until Set puts another in its place.
func NewSwap(b Bucket) *Swap {
	s := &Swap{}
	s.now.Store(&b)
	return s
}

// Set puts b in place. What users of a bucket have asked about once must stay true, so b must have the limits of the bucket
// before it; else the error is errors.ErrUnsupported and nothing changes.
func (s *Swap) Set(b Bucket) error {
	if was, is := s.bucket().Limits(), b.Limits(); was != is {
		return fmt.Errorf("%s in place of %s, which is of another kind: %w", b, s, errors.ErrUnsupported)
	}
	s.now.Store(&b)
	return nil
}

// It has no Unwrap: who looked through it would keep the old bucket.
func (s *Swap) bucket() Bucket { return *s.now.Load() }

// Get implements Bucket.
func (s *Swap) Get(ctx context.Context, key string, off, n int64) (io.ReadCloser, error) {
	return s.bucket().Get(ctx, key, off, n)
}

// Put implements Bucket.
func (s *Swap) Put(ctx context.Context, key string, body Body) error {
	return s.bucket().Put(ctx, key, body)
}

// Delete implements Bucket.
func (s *Swap) Delete(ctx context.Context, key string) error { return s.bucket().Delete(ctx, key) }

// Stat implements Bucket.
func (s *Swap) Stat(ctx context.Context, key string) (Info, error) { return s.bucket().Stat(ctx, key) }

// List implements Bucket.
func (s *Swap) List(ctx context.Context, prefix, after string, limit int) ([]Info, error) {
	return s.bucket().List(ctx, prefix, after, limit)
}

// Limits implements Bucket.
func (s *Swap) Limits() Limits { return s.bucket().Limits() }

// String implements Bucket.
func (s *Swap) String() string { return s.bucket().String() }

// As offers the abilities that the bucket has now. A bucket that comes later and lacks one answers errors.ErrUnsupported.
func (s *Swap) As(target any) bool {
	switch t := target.(type) {
	case *RangeReader:
		return offer(s, t, RangeReader(rangeFunc(func(ctx context.Context, key string, p []byte, off int64) (int, error) {
			r, err := ability[RangeReader](s)
			if err != nil {
				return 0, err
			}
			return r.ReadRange(ctx, key, p, off)
		})))
	case *FileOpener:
		return offer(s, t, FileOpener(openFunc(func(ctx context.Context, key string) (*os.File, error) {
			o, err := ability[FileOpener](s)
			if err != nil {
				return nil, err
			}
			return o.OpenFile(ctx, key)
		})))
	case *Sweeper:
		return offer(s, t, Sweeper(sweepFunc(func(ctx context.Context, prefix string, before time.Time) (int, error) {
			w, err := ability[Sweeper](s)
			if err != nil {
				return 0, err
			}
			return w.Sweep(ctx, prefix, before)
		})))
	case *Judge:
		return offer(s, t, Judge(judgeFunc(func(err error) bool {
			j, e := ability[Judge](s)
			return e == nil && j.Final(err)
		})))
	}
	return keyless(target, s.bucket())
}

type judgeFunc func(err error) bool

// Final implements Judge.
func (f judgeFunc) Final(err error) bool { return f(err) }

// offer fills target with form if the bucket has the ability.
func offer[T any](s *Swap, target *T, form T) bool {
	_, ok := As[T](s.bucket())
	if ok {
		*target = form
	}
	return ok
}

func ability[T any](s *Swap) (T, error) {
	t, ok := As[T](s.bucket())
	if !ok {
		return t, fmt.Errorf("%s: %w", s, errors.ErrUnsupported)
	}
	return t, nil
}
