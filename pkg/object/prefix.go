package object

import (
	"context"
	"io"
	"os"
	"time"
)

// WithPrefix puts prefix in front of every key; keys of other objects of b are not seen. A volume's prefix is its name
// and a "/". Format: juicefs 1.4.1, plain concatenation.
func WithPrefix(b Bucket, prefix string) Bucket {
	if prefix == "" {
		return b
	}
	return &prefixed{Bucket: b, prefix: prefix}
}

// prefixed has no Unwrap: what is below has other keys.
type prefixed struct {
	Bucket
	prefix string
}

// String is the address with the prefix.
func (p *prefixed) String() string { return p.Bucket.String() + p.prefix }

// Limits are those below, with shorter keys.
func (p *prefixed) Limits() Limits {
	l := p.Bucket.Limits()
	if l.MaxKey > 0 {
		l.MaxKey -= len(p.prefix)
	}
	return l
}

// Get implements Bucket.
func (p *prefixed) Get(ctx context.Context, key string, off, n int64) (io.ReadCloser, error) {
	if key == "" {
		return nil, noKey("get")
	}
	return p.Bucket.Get(ctx, p.prefix+key, off, n)
}

// Put implements Bucket.
func (p *prefixed) Put(ctx context.Context, key string, body Body) error {
	if key == "" {
		return noKey("put")
	}
	return p.Bucket.Put(ctx, p.prefix+key, body)
}

// Delete implements Bucket.
func (p *prefixed) Delete(ctx context.Context, key string) error {
	if key == "" {
		return noKey("delete")
	}
	return p.Bucket.Delete(ctx, p.prefix+key)
}

// Stat implements Bucket.
func (p *prefixed) Stat(ctx context.Context, key string) (Info, error) {
	if key == "" {
		return Info{}, noKey("stat")
	}
	info, err := p.Bucket.Stat(ctx, p.prefix+key)
	info.Key = key
	return info, err
}

// List implements Bucket.
func (p *prefixed) List(ctx context.Context, prefix, after string, limit int) ([]Info, error) {
	if after != "" {
		after = p.prefix + after
	}
	infos, err := p.Bucket.List(ctx, p.prefix+prefix, after, limit)
	for i := range infos {
		infos[i].Key = infos[i].Key[len(p.prefix):]
	}
	return infos, err
}

// As offers abilities for keys without the prefix.
func (p *prefixed) As(target any) bool {
	switch t := target.(type) {
	case *RangeReader:
		if r, ok := As[RangeReader](p.Bucket); ok {
			*t = rangeFunc(func(ctx context.Context, key string, b []byte, off int64) (int, error) {
				return r.ReadRange(ctx, p.prefix+key, b, off)
			})
			return true
		}
		return false
	case *FileOpener:
		if o, ok := As[FileOpener](p.Bucket); ok {
			*t = openFunc(func(ctx context.Context, key string) (*os.File, error) { return o.OpenFile(ctx, p.prefix+key) })
			return true
		}
		return false
	case *Sweeper:
		if s, ok := As[Sweeper](p.Bucket); ok {
			*t = sweepFunc(func(ctx context.Context, prefix string, before time.Time) (int, error) {
				return s.Sweep(ctx, p.prefix+prefix, before)
			})
			return true
		}
		return false
	}
	return keyless(target, p.Bucket)
}
