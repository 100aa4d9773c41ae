package chunk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
)

// WriteTo writes n bytes of a slice from off to w and returns how many it wrote. On a local store w is given the files
// themselves (as *io.LimitedReader of *os.File), so that a network connection has the kernel move the bytes; otherwise it
// is Pages. Errors are those of Pages and of w; ctx is looked at between blocks.
func (s *Store) WriteTo(ctx context.Context, w io.Writer, r Ref, off, n uint32) (int64, error) {
	var done int64
	if s.files == nil {
		for page, err := range s.Pages(ctx, r, off, n) {
			if err != nil {
				return done, err
			}
			m, err := w.Write(page.Bytes())
			page.Release()
			done += int64(m)
			if err != nil {
				return done, err
			}
		}
		return done, nil
	}
	if err := checkRange(r, int64(off), int64(n)); err != nil {
		return 0, err
	}
	c := cursor{r, s.blockSize, off, n}
	for sp, ok := c.next(); ok; sp, ok = c.next() {
		m, err := s.copyFile(ctx, w, sp)
		done += m
		if err != nil {
			return done, err
		}
	}
	return done, nil
}

func (s *Store) copyFile(ctx context.Context, w io.Writer, sp span) (int64, error) {
	key := s.Key(sp.block)
	f, err := s.files.OpenFile(ctx, key)
	if err != nil {
		return 0, err
	}
	defer func() { _ = f.Close() }() // only read
	n, err := copyRange(w, f, int64(sp.off), int64(sp.n))
	if errors.Is(err, io.EOF) {
		err = s.corrupt(key, fmt.Errorf("%d bytes from %d are only %d", sp.n, sp.off, n))
	}
	return n, err
}

func copyRange(w io.Writer, f *os.File, off, n int64) (int64, error) {
	if _, err := f.Seek(off, io.SeekStart); err != nil {
		return 0, err
	}
	return io.CopyN(w, f, n)
}
