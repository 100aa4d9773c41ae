package vfs

import (
	"context"
	"io"
	"iter"

	"juicefs/pkg/buf"
)

// directRead is the most bytes that a stream reads into the memory of its caller instead of through pages.
const directRead = 128 << 10

// Range returns a stream of n bytes from off (n < 0: to the end); ranges beyond the end are cut. ctx ends the stream.
// A stream also implements io.WriterTo. Short or damaged data is an error, never a short stream. A stream is for one
// goroutine.
func (r *Reader) Range(ctx context.Context, off, n int64) io.ReadCloser {
	size := r.info.Size
	off = min(max(off, 0), size)
	end := size
	if n >= 0 && n < size-off {
		end = off + n
	}
	return &stream{r: r, ctx: ctx, off: off, end: end}
}

// stream is what is left to read of a range.
type stream struct {
	r   *Reader
	ctx context.Context // given to Range: the stream's whole life
	off int64           // of the next byte to deliver
	end int64
	err error // ends the stream

	page *buf.Page // being delivered; nil: none
	used int       // bytes of page that were delivered
	next func() (*buf.Page, error, bool)
	stop func()
}

var _ io.WriterTo = (*stream)(nil)

// Read implements io.Reader.
func (s *stream) Read(p []byte) (int, error) {
	switch {
	case s.err != nil:
		return 0, s.err
	case s.off == s.end:
		return 0, io.EOF
	case len(p) == 0:
		return 0, nil
	case s.next == nil && s.end-s.off <= min(int64(len(p)), directRead):
		return s.readDirect(p)
	}
	if s.page == nil {
		if err := s.turn(); err != nil {
			return 0, err
		}
	}
	n := copy(p, s.page.Bytes()[s.used:])
	s.used += n
	s.delivered(n)
	if s.used == s.page.Len() {
		s.dropPage()
	}
	if s.off == s.end {
		s.endPages()
	}
	return n, nil
}

// readDirect delivers all that is left, which fits p.
func (s *stream) readDirect(p []byte) (int, error) {
	n := int(s.end - s.off)
	if err := s.r.readAt(s.ctx, p[:n], s.off); err != nil {
		s.err = err
		return 0, err
	}
	s.delivered(n)
	return n, nil
}

// turn takes the next page; an error ends the stream.
func (s *stream) turn() error {
	if s.next == nil {
		s.next, s.stop = iter.Pull2(s.pages())
	}
	page, err, ok := s.next()
	if err == nil && !ok { // pages always delivers the whole range or an error
		err = s.r.fail(s.off, io.ErrUnexpectedEOF)
	}
	if err != nil {
		s.err = err
		s.endPages()
		return err
	}
	s.page, s.used = page, 0
	return nil
}

// endPages ends reading as soon as nothing more is wanted, without waiting for Close.
func (s *stream) endPages() {
	if s.stop != nil {
		s.stop()
		s.stop, s.next = nil, nil
	}
}

// pages yields what is left; it reads ahead where that pays.
func (s *stream) pages() iter.Seq2[*buf.Page, error] {
	r, off, end := s.r, s.off, s.end
	if r.v.readAhead <= 0 || end-off <= r.v.blockSize() {
		return r.pages(s.ctx, off, end)
	}
	pages := func(ctx context.Context) iter.Seq2[*buf.Page, error] { return r.pages(ctx, off, end) }
	return readAhead(s.ctx, pages, r.v.pool, r.v.readAhead)
}

// WriteTo implements io.WriterTo: it writes the rest of the stream.
func (s *stream) WriteTo(w io.Writer) (int64, error) {
	if s.err != nil {
		return 0, s.err
	}
	start := s.off
	for s.next != nil && s.off < s.end { // begun with Read: go on with its pages
		if s.page == nil {
			if err := s.turn(); err != nil {
				return s.off - start, err
			}
		}
		if err := s.writePage(w, s.page, s.used); err != nil {
			return s.off - start, err
		}
		s.dropPage()
	}
	if s.off == s.end {
		s.endPages()
		return s.off - start, nil
	}
	for page, err := range s.pages() {
		if err != nil {
			s.err = err
			return s.off - start, err
		}
		err = s.writePage(w, page, 0)
		page.Release()
		if err != nil {
			return s.off - start, err
		}
	}
	return s.off - start, nil
}

func (s *stream) writePage(w io.Writer, page *buf.Page, from int) error {
	n, err := w.Write(page.Bytes()[from:])
	s.delivered(n)
	if err == nil && n < page.Len()-from {
		err = io.ErrShortWrite
	}
	s.err = err
	return err
}

func (s *stream) delivered(n int) {
	s.off += int64(n)
	s.r.v.meter.VolumeRead(n)
}

func (s *stream) dropPage() {
	if s.page != nil {
		s.page.Release()
		s.page = nil
	}
}

// Close ends the stream.
func (s *stream) Close() error {
	s.dropPage()
	s.endPages()
	if s.err == nil {
		s.err = io.ErrClosedPipe
	}
	return nil
}
