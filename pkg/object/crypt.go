package object

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"
)

// Cipher seals content; crypt.Envelope is one. Its methods may be called from several goroutines at once.
type Cipher interface {
	// Seal appends the sealed form of plain to dst.
	Seal(dst, plain []byte) ([]byte, error)
	// Open appends the content of sealed to dst; dst may be sealed[:0], which destroys sealed. What was damaged or sealed
	// with another key is an error.
	Open(dst, sealed []byte) ([]byte, error)
}

// ErrDamaged is wrapped by errors about an object whose content cannot be what was put.
var ErrDamaged = errors.New("object is damaged")

func damaged(key string, err error) error { return fmt.Errorf("open %s: %w: %w", key, ErrDamaged, err) }

// WithCrypt seals every object as a whole. Sizes in Info are those of the sealed form, a Get of a range reads everything.
// A nil cipher gives b itself.
func WithCrypt(b Bucket, c Cipher) Bucket {
	if c == nil {
		return b
	}
	return &crypted{Bucket: b, cipher: c}
}

// crypted has no Unwrap: what is below has other content.
type crypted struct {
	Bucket
	cipher  Cipher
	scratch sync.Pool // of *[]byte: the sealed forms of the requests under way
}

// String is the address with the remark that content is sealed.
func (c *crypted) String() string { return c.Bucket.String() + "(encrypted)" }

// Limits says that ranges are not cheaper, and that no file has the content.
func (c *crypted) Limits() Limits {
	l := c.Bucket.Limits()
	l.WholeGets, l.Local = true, false
	return l
}

func (c *crypted) buffer() *[]byte {
	if b, ok := c.scratch.Get().(*[]byte); ok {
		return b
	}
	return new([]byte)
}

// Put implements Bucket.
func (c *crypted) Put(ctx context.Context, key string, body Body) error {
	sealed := c.buffer()
	defer c.scratch.Put(sealed)
	content, err := body.Bytes(nil)
	if err != nil {
		return fmt.Errorf("put %s: %w", key, err)
	}
	if *sealed, err = c.cipher.Seal((*sealed)[:0], content); err != nil {
		return fmt.Errorf("seal %s: %w", key, err)
	}
	return c.Bucket.Put(ctx, key, Bytes(*sealed))
}

// load reads the sealed object into b.
func (c *crypted) load(ctx context.Context, key string, b *[]byte) error {
	r, err := c.Bucket.Get(ctx, key, 0, -1)
	if err != nil {
		return err
	}
	into := bytes.NewBuffer((*b)[:0])
	_, err = into.ReadFrom(r)
	*b = into.Bytes()
	if e := r.Close(); err == nil {
		err = e
	}
	return err
}

// Get implements Bucket.
func (c *crypted) Get(ctx context.Context, key string, off, n int64) (io.ReadCloser, error) {
	if off < 0 {
		return nil, fmt.Errorf("get %s from %d: %w", key, off, fs.ErrInvalid)
	}
	b := c.buffer()
	if err := c.load(ctx, key, b); err != nil {
		c.scratch.Put(b)
		return nil, err
	}
	plain, err := c.cipher.Open((*b)[:0], *b)
	if err != nil {
		c.scratch.Put(b)
		return nil, damaged(key, err)
	}
	plain = plain[min(off, int64(len(plain))):]
	if n >= 0 {
		plain = plain[:min(n, int64(len(plain)))]
	}
	r := &cryptedReader{ctx: ctx, from: c, buffer: b}
	r.Reset(plain)
	return r, nil
}

// cryptedReader gives the memory of its content back when it is closed. It ends with the ctx of its Get.
type cryptedReader struct {
	bytes.Reader
	ctx    context.Context // io.Reader has no other way to it
	from   *crypted
	buffer *[]byte // nil once closed
}

// Read implements io.Reader.
func (r *cryptedReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.Reader.Read(p)
}

// Close implements io.Closer.
func (r *cryptedReader) Close() error {
	if r.buffer != nil {
		r.Reset(nil)
		r.from.scratch.Put(r.buffer)
		r.buffer = nil
	}
	return nil
}

// As reads into memory without another copy, and offers what has nothing to do with content.
func (c *crypted) As(target any) bool {
	if t, ok := target.(*RangeReader); ok {
		*t = rangeFunc(c.readRange)
		return true
	}
	return forward[Sweeper](target, c.Bucket) || keyless(target, c.Bucket)
}

func (c *crypted) readRange(ctx context.Context, key string, p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, fmt.Errorf("read %s from %d: %w", key, off, fs.ErrInvalid)
	}
	b := c.buffer()
	defer c.scratch.Put(b)
	if err := c.load(ctx, key, b); err != nil {
		return 0, err
	}
	into := (*b)[:0]
	if off == 0 {
		into = p[:0:len(p)] // if it fits it is where it should be
	}
	plain, err := c.cipher.Open(into, *b)
	if err != nil {
		return 0, damaged(key, err)
	}
	return copy(p, plain[min(off, int64(len(plain))):]), nil
}
