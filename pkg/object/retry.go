package object

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"time"
)

// RetryOptions say how often and when a request is tried again. The zero value is that of a volume with defaults.
type RetryOptions struct {
	// Tries is the number of times a request is made at most; 0: 11, 1: never again. Deletions are tried once: who wants
	// them gone comes again.
	Tries int
	// Delay is the time before try number n (from 2) of a method (GET, PUT, HEAD, LIST). nil: growing to 2.5 s for what is
	// read, to 81 s for PUT. juicefs 1.4.1 has the same steps, but waits a second before the second PUT already.
	Delay func(method string, n int) time.Duration
	// Sleep waits for d or until ctx ends, with its error. nil: a timer.
	Sleep func(ctx context.Context, d time.Duration) error
	// Log gets a line at debug for each failed try. nil: none.
	Log *slog.Logger
}

func (o RetryOptions) normalize() RetryOptions {
	if o.Tries == 0 {
		o.Tries = 11
	}
	if o.Delay == nil {
		o.Delay = retryDelay
	}
	if o.Sleep == nil {
		o.Sleep = sleep
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

func retryDelay(method string, n int) time.Duration {
	n -= 2
	if method == "PUT" {
		return 100*time.Millisecond + time.Duration(n*n)*time.Second
	}
	return time.Millisecond + time.Duration(n)*300*time.Millisecond
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// WithRetry makes failed requests again, unless the driver (Judge) knows better or the caller went away. A Get whose body
// breaks off goes on where it was, so objects must not be replaced while they are read, which blocks never are.
func WithRetry(b Bucket, o RetryOptions) Bucket {
	o = o.normalize()
	if o.Tries <= 1 {
		return b
	}
	r := &retrying{Bucket: b, o: o}
	r.judge, _ = As[Judge](b)
	return r
}

type retrying struct {
	Bucket
	o     RetryOptions
	judge Judge // may be nil
}

// Unwrap returns what is below.
func (r *retrying) Unwrap() Bucket { return r.Bucket }

// final reports whether another try cannot help. A time limit that ended one try is not final; one of the caller is, but
// that is seen by its ctx.
func (r *retrying) final(err error) bool {
	for _, is := range [...]error{fs.ErrNotExist, fs.ErrInvalid, errors.ErrUnsupported, context.Canceled, errShortBody} {
		if errors.Is(err, is) {
			return true
		}
	}
	if r.judge != nil && !errors.Is(err, context.DeadlineExceeded) {
		return r.judge.Final(err)
	}
	return false
}

// again waits until a request may be made for the (tries+1)th time after err and returns nil, or returns what the request
// came to: err, with the error of ctx when that ended.
func (r *retrying) again(ctx context.Context, method, key string, tries int, err error) error {
	if e := ctx.Err(); e != nil && !errors.Is(err, e) {
		return fmt.Errorf("%w: %w", e, err)
	}
	if tries >= r.o.Tries || ctx.Err() != nil || r.final(err) {
		return err
	}
	r.o.Log.DebugContext(ctx, "object request is made again", "method", method, "key", key, "try", tries+1, "error", err)
	if e := r.o.Sleep(ctx, r.o.Delay(method, tries+1)); e != nil {
		return fmt.Errorf("%w: %w", e, err)
	}
	return nil
}

// Put implements Bucket.
func (r *retrying) Put(ctx context.Context, key string, body Body) error {
	for try := 1; ; try++ {
		err := r.Bucket.Put(ctx, key, body)
		if err == nil {
			return nil
		}
		if err = r.again(ctx, "PUT", key, try, err); err != nil {
			return err
		}
	}
}

// Stat implements Bucket.
func (r *retrying) Stat(ctx context.Context, key string) (Info, error) {
	for try := 1; ; try++ {
		info, err := r.Bucket.Stat(ctx, key)
		if err == nil {
			return info, nil
		}
		if err = r.again(ctx, "HEAD", key, try, err); err != nil {
			return info, err
		}
	}
}

// List implements Bucket.
func (r *retrying) List(ctx context.Context, prefix, after string, limit int) ([]Info, error) {
	for try := 1; ; try++ {
		infos, err := r.Bucket.List(ctx, prefix, after, limit)
		if err == nil {
			return infos, nil
		}
		if err = r.again(ctx, "LIST", prefix, try, err); err != nil {
			return infos, err
		}
	}
}

// Get implements Bucket.
func (r *retrying) Get(ctx context.Context, key string, off, n int64) (io.ReadCloser, error) {
	g := &retryingReader{r: r, ctx: ctx, key: key, off: off, n: n}
	if err := g.open(); err != nil {
		return nil, err
	}
	return g, nil
}

// retryingReader opens the rest of its range again when the body breaks off. It needs the ctx of its Get for that.
type retryingReader struct {
	r      *retrying
	ctx    context.Context
	key    string
	off, n int64 // the range that is left
	tries  int
	body   io.ReadCloser
}

func (g *retryingReader) open() error {
	for {
		body, err := g.r.Bucket.Get(g.ctx, g.key, g.off, g.n)
		g.tries++
		if err == nil {
			g.body = body
			return nil
		}
		if err = g.r.again(g.ctx, "GET", g.key, g.tries, err); err != nil {
			return err
		}
	}
}

// Read implements io.Reader.
func (g *retryingReader) Read(p []byte) (int, error) {
	n, err := g.body.Read(p)
	g.off += int64(n)
	if g.n >= 0 {
		g.n = max(g.n-int64(n), 0)
	}
	// What turns out to be damaged at its end has been passed on: there is no rest that could mend it.
	if err == nil || errors.Is(err, io.EOF) || errors.Is(err, ErrDamaged) {
		return n, err
	}
	if err = g.r.again(g.ctx, "GET", g.key, g.tries, err); err != nil {
		return n, err
	}
	_ = g.body.Close() // it failed already
	g.body = noBody{}
	if err := g.open(); err != nil {
		return n, err
	}
	return n, nil
}

// Close implements io.Closer.
func (g *retryingReader) Close() error { return g.body.Close() }

// As makes failed reads into memory again as well.
func (r *retrying) As(target any) bool {
	return ranges(target, r.Bucket, func(rr RangeReader) rangeFunc {
		return func(ctx context.Context, key string, p []byte, off int64) (int, error) {
			for try := 1; ; try++ {
				n, err := rr.ReadRange(ctx, key, p, off)
				if err == nil {
					return n, nil
				}
				if err = r.again(ctx, "GET", key, try, err); err != nil {
					return n, err
				}
			}
		}
	})
}

// noBody stands for a body that could not be opened again.
type noBody struct{}

// Read implements io.Reader.
func (noBody) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// Close implements io.Closer.
func (noBody) Close() error { return nil }
