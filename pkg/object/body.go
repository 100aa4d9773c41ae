package object

import (
	"errors"
	"fmt"
	"io"
)

// Body is the content of a Put: Size bytes that can be read more than once.
type Body struct {
	ReaderAt io.ReaderAt
	Size     int64
}

// Segmented is an ability of bodies that are in memory: a driver that takes memory spares itself a copy.
type Segmented interface {
	io.ReaderAt
	// Segments returns the content in order. It must not be changed, nor used after Put returned.
	Segments() [][]byte
}

// Memory is a body in memory, in one or more segments. The zero value is empty. It must not be changed during a Put.
type Memory [][]byte

var _ Segmented = (*Memory)(nil)

// Bytes returns a body of the content b, which must not be changed during the Put.
func Bytes(b []byte) Body { return Body{ReaderAt: &Memory{b}, Size: int64(len(b))} }

// Body returns m as a body.
func (m *Memory) Body() Body {
	var size int64
	for _, s := range *m {
		size += int64(len(s))
	}
	return Body{ReaderAt: m, Size: size}
}

// Segments implements Segmented.
func (m *Memory) Segments() [][]byte { return *m }

// ReadAt implements io.ReaderAt.
func (m *Memory) ReadAt(p []byte, off int64) (int, error) {
	n := 0
	for _, s := range *m {
		if off >= int64(len(s)) {
			off -= int64(len(s))
			continue
		}
		n += copy(p[n:], s[off:])
		if n == len(p) {
			return n, nil
		}
		off = 0
	}
	if n == len(p) {
		return n, nil
	}
	return n, io.EOF
}

// Reader returns a reader of the content from its beginning; each has a position of its own.
func (b Body) Reader() *io.SectionReader { return io.NewSectionReader(b.ReaderAt, 0, b.Size) }

// WriteTo implements io.WriterTo: it writes the content from its beginning. A body that is shorter than Size is an error
// (io.ErrUnexpectedEOF).
func (b Body) WriteTo(w io.Writer) (int64, error) {
	var n int64
	if s, ok := b.ReaderAt.(Segmented); ok {
		for _, segment := range s.Segments() {
			m, err := w.Write(segment)
			n += int64(m)
			if err != nil {
				return n, err
			}
		}
	} else {
		var err error
		if n, err = io.Copy(w, b.Reader()); err != nil {
			return n, err
		}
	}
	return n, b.check(n)
}

// Bytes returns the whole content: memory of the body itself if that is one piece, else a copy in dst, which grows as
// needed and may be nil. It must not be changed.
func (b Body) Bytes(dst []byte) ([]byte, error) {
	if s, ok := b.ReaderAt.(Segmented); ok {
		segments := s.Segments()
		if len(segments) == 1 {
			return segments[0], b.check(int64(len(segments[0])))
		}
		dst = dst[:0]
		for _, segment := range segments {
			dst = append(dst, segment...)
		}
		return dst, b.check(int64(len(dst)))
	}
	if int64(cap(dst)) < b.Size {
		dst = make([]byte, b.Size)
	}
	n, err := io.ReadFull(b.Reader(), dst[:b.Size])
	if err != nil {
		return nil, fmt.Errorf("%w: %d of %d bytes: %w", errShortBody, n, b.Size, err)
	}
	return dst[:n], nil
}

// errShortBody is the cause when a body has not the Size it says: the same at every try.
var errShortBody = errors.New("body has the wrong size")

func (b Body) check(n int64) error {
	if n != b.Size {
		return fmt.Errorf("%w: %d of %d bytes: %w", errShortBody, n, b.Size, io.ErrUnexpectedEOF)
	}
	return nil
}
