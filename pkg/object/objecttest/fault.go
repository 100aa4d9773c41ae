package objecttest

import (
	"context"
	"errors"
	"io"
	"os"
	"sync/atomic"
	"time"

	"juicefs/pkg/object"
)

// Call is one call of a bucket's method, or one Read of what a Get returned.
type Call struct {
	Op  string // "get", "read", "put", "delete", "stat", "list"
	Key string // the prefix of a "list"
}

// WithFaults asks before every call and fails with the error that fault returns, if it is not nil. fault may wait, and
// may be called from several goroutines at once. A put that fails has stored nothing; for one that did, see WithLostAnswers.
func WithFaults(b object.Bucket, fault func(ctx context.Context, c Call) error) object.Bucket {
	return &faulty{Bucket: b, before: fault}
}

// WithLostAnswers asks after every put and delete that was done and fails with the error that fault returns: the caller
// cannot know that it was done.
func WithLostAnswers(b object.Bucket, fault func(ctx context.Context, c Call) error) object.Bucket {
	return &faulty{Bucket: b, after: fault}
}

// WithDelay makes every call take d longer, as a distant store does. Reads of a body take no longer.
func WithDelay(b object.Bucket, d time.Duration) object.Bucket {
	return WithFaults(b, func(ctx context.Context, c Call) error {
		if c.Op == "read" {
			return nil
		}
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	})
}

// Counts are numbers of calls.
type Counts struct{ Get, Put, Delete, Stat, List atomic.Int64 }

// WithCounts counts every call.
func WithCounts(b object.Bucket, n *Counts) object.Bucket {
	counters := map[string]*atomic.Int64{"get": &n.Get, "put": &n.Put, "delete": &n.Delete, "stat": &n.Stat, "list": &n.List}
	return WithFaults(b, func(_ context.Context, c Call) error {
		if counter := counters[c.Op]; counter != nil {
			counter.Add(1)
		}
		return nil
	})
}

// faulty has no Unwrap: what is below would not fail.
type faulty struct {
	object.Bucket
	before, after func(context.Context, Call) error
}

var _ object.Bucket = (*faulty)(nil)

func (f *faulty) check(ctx context.Context, op, key string) error {
	if f.before == nil {
		return nil
	}
	return f.before(ctx, Call{op, key})
}

func (f *faulty) done(ctx context.Context, op, key string) error {
	if f.after == nil {
		return nil
	}
	return f.after(ctx, Call{op, key})
}

// Get implements object.Bucket.
func (f *faulty) Get(ctx context.Context, key string, off, n int64) (io.ReadCloser, error) {
	if err := f.check(ctx, "get", key); err != nil {
		return nil, err
	}
	r, err := f.Bucket.Get(ctx, key, off, n)
	if err != nil {
		return nil, err
	}
	return &faultyReader{ReadCloser: r, f: f, ctx: ctx, key: key}, nil
}

type faultyReader struct {
	io.ReadCloser
	f   *faulty
	ctx context.Context // io.Reader has no other way to it
	key string
}

// Read implements io.Reader. Reads are short, so that a fault can come in the middle.
func (r *faultyReader) Read(p []byte) (int, error) {
	if err := r.f.check(r.ctx, "read", r.key); err != nil {
		return 0, err
	}
	return r.ReadCloser.Read(p[:min(len(p), 64<<10)])
}

// Put implements object.Bucket.
func (f *faulty) Put(ctx context.Context, key string, body object.Body) error {
	if err := f.check(ctx, "put", key); err != nil {
		return err
	}
	return errors.Join(f.Bucket.Put(ctx, key, body), f.done(ctx, "put", key))
}

// Delete implements object.Bucket.
func (f *faulty) Delete(ctx context.Context, key string) error {
	if err := f.check(ctx, "delete", key); err != nil {
		return err
	}
	return errors.Join(f.Bucket.Delete(ctx, key), f.done(ctx, "delete", key))
}

// Stat implements object.Bucket.
func (f *faulty) Stat(ctx context.Context, key string) (object.Info, error) {
	if err := f.check(ctx, "stat", key); err != nil {
		return object.Info{}, err
	}
	return f.Bucket.Stat(ctx, key)
}

// List implements object.Bucket.
func (f *faulty) List(ctx context.Context, prefix, after string, limit int) ([]object.Info, error) {
	if err := f.check(ctx, "list", prefix); err != nil {
		return nil, err
	}
	return f.Bucket.List(ctx, prefix, after, limit)
}

// As lets reads into memory and opened files fail as a Get does.
func (f *faulty) As(target any) bool {
	switch t := target.(type) {
	case *object.RangeReader:
		r, ok := object.As[object.RangeReader](f.Bucket)
		if ok {
			*t = faultyRanges{r, f}
		}
		return ok
	case *object.FileOpener:
		o, ok := object.As[object.FileOpener](f.Bucket)
		if ok {
			*t = faultyFiles{o, f}
		}
		return ok
	case *object.Creator:
		c, ok := object.As[object.Creator](f.Bucket)
		*t = c
		return ok
	}
	return false
}

type faultyRanges struct {
	object.RangeReader
	f *faulty
}

// ReadRange implements object.RangeReader.
func (r faultyRanges) ReadRange(ctx context.Context, key string, p []byte, off int64) (int, error) {
	if err := r.f.check(ctx, "get", key); err != nil {
		return 0, err
	}
	return r.RangeReader.ReadRange(ctx, key, p, off)
}

type faultyFiles struct {
	object.FileOpener
	f *faulty
}

// OpenFile implements object.FileOpener.
func (o faultyFiles) OpenFile(ctx context.Context, key string) (*os.File, error) {
	if err := o.f.check(ctx, "get", key); err != nil {
		return nil, err
	}
	return o.FileOpener.OpenFile(ctx, key)
}
