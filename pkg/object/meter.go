package object

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"time"
)

// Meter takes what is measured about requests. Its method may be called from several goroutines at once.
type Meter interface {
	// Request notes a request: its method (GET, PUT, DELETE, HEAD, LIST), its time, the bytes of content it moved, and its
	// error. An absent object and a caller that went away are not errors.
	Request(method string, d time.Duration, n int64, err error)
}

// WithMeter reports every request to m, each try as one. A Get is over when it is closed. A nil m gives b itself.
func WithMeter(b Bucket, m Meter) Bucket {
	if m == nil {
		return b
	}
	return &metered{Bucket: b, meter: m}
}

type metered struct {
	Bucket
	meter Meter
}

// Unwrap returns what is below.
func (m *metered) Unwrap() Bucket { return m.Bucket }

func (m *metered) note(method string, start time.Time, n int64, err error) {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, context.Canceled) {
		err = nil
	}
	m.meter.Request(method, time.Since(start), n, err)
}

// Get implements Bucket.
func (m *metered) Get(ctx context.Context, key string, off, n int64) (io.ReadCloser, error) {
	start := time.Now()
	r, err := m.Bucket.Get(ctx, key, off, n)
	if err != nil {
		m.note("GET", start, 0, err)
		return nil, err
	}
	return &meteredReader{ReadCloser: r, m: m, start: start}, nil
}

type meteredReader struct {
	io.ReadCloser
	m     *metered
	start time.Time
	n     int64
	err   error
	done  bool
}

// Read implements io.Reader.
func (r *meteredReader) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	r.n += int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		r.err = err
	}
	return n, err
}

// Close implements io.Closer.
func (r *meteredReader) Close() error {
	if !r.done {
		r.done = true
		r.m.note("GET", r.start, r.n, r.err)
	}
	return r.ReadCloser.Close()
}

// Put implements Bucket.
func (m *metered) Put(ctx context.Context, key string, body Body) error {
	start := time.Now()
	err := m.Bucket.Put(ctx, key, body)
	m.note("PUT", start, body.Size, err)
	return err
}

// Delete implements Bucket.
func (m *metered) Delete(ctx context.Context, key string) error {
	start := time.Now()
	err := m.Bucket.Delete(ctx, key)
	m.note("DELETE", start, 0, err)
	return err
}

// Stat implements Bucket.
func (m *metered) Stat(ctx context.Context, key string) (Info, error) {
	start := time.Now()
	info, err := m.Bucket.Stat(ctx, key)
	m.note("HEAD", start, 0, err)
	return info, err
}

// List implements Bucket.
func (m *metered) List(ctx context.Context, prefix, after string, limit int) ([]Info, error) {
	start := time.Now()
	infos, err := m.Bucket.List(ctx, prefix, after, limit)
	m.note("LIST", start, 0, err)
	return infos, err
}

// As measures reads into memory as well.
func (m *metered) As(target any) bool {
	return ranges(target, m.Bucket, func(r RangeReader) rangeFunc {
		return func(ctx context.Context, key string, p []byte, off int64) (int, error) {
			start := time.Now()
			n, err := r.ReadRange(ctx, key, p, off)
			m.note("GET", start, int64(n), err)
			return n, err
		}
	})
}
