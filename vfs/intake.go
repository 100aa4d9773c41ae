package vfs

import (
	"context"
	"io"

	"juicefs/chunk"
	"juicefs/meta/record"
	"juicefs/pkg/buf"
)

// pageSize is how much is read at once from the source of an object.
const pageSize = 1 << 20

// Watcher is a source for ReadFrom that wants to see its data as it lies in memory on its way to the store.
type Watcher interface {
	// Watch is given what was read, in order, and none of it twice. It takes over p, whose content must not be changed.
	Watch(p *buf.Page)
}

// ReadFrom stores r to its end; the error of r comes back unchanged. At most once.
func (w *Writer) ReadFrom(r io.Reader) (int64, error) {
	watcher, _ := r.(Watcher)
	var total int64
	carried := 0 // bytes that the probe found
	for {
		page, err := w.newPage(w.nextPage(total))
		if err != nil {
			return total, err
		}
		n := copy(page.Bytes(), w.probe[:carried])
		m, readErr := fill(r, page.Bytes()[n:])
		n, carried = n+m, 0
		if watcher != nil && n > 0 {
			watcher.Watch(page.Slice(0, n))
		}
		if err := w.appendPage(page, n); err != nil {
			return total, err
		}
		total += int64(n)
		if readErr == nil && total == w.o.Size {
			carried, readErr = fill(r, w.probe[:])
			if carried > 0 {
				readErr = nil
			}
		}
		switch {
		case readErr == io.EOF: //nolint:errorlint // readers return it bare
			return total, nil
		case readErr != nil:
			w.abort(readErr)
			return total, readErr
		}
	}
}

// fill reads until p is full or r ends; EOF only when r ended before.
func fill(r io.Reader, p []byte) (int, error) {
	n := 0
	for n < len(p) {
		m, err := r.Read(p[n:])
		n += m
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// nextPage is how large the next page should be after n bytes.
func (w *Writer) nextPage(n int64) int {
	if left := w.o.Size - n; left > 0 {
		return int(min(left, pageSize))
	}
	return pageSize
}

// Write implements io.Writer; it does not keep p.
func (w *Writer) Write(p []byte) (int, error) {
	total := 0
	for len(p) > 0 {
		if w.page == nil {
			page, err := w.newPage(w.nextPage(int64(w.length)))
			if err != nil {
				return total, err
			}
			w.page, w.filled = page, 0
		}
		n := copy(w.page.Bytes()[w.filled:], p)
		w.filled, total, p = w.filled+n, total+n, p[n:]
		if w.filled == w.page.Len() {
			if err := w.flushPage(); err != nil {
				return total, err
			}
		}
	}
	return total, nil
}

// flushPage hands over the page that Write fills.
func (w *Writer) flushPage() error {
	page := w.page
	w.page = nil
	if page == nil {
		return nil
	}
	return w.appendPage(page, w.filled)
}

// newPage returns a page of at most n bytes that fits the slice at hand.
func (w *Writer) newPage(n int) (*buf.Page, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.ready(); err != nil {
		return nil, err
	}
	if err := w.takeShare(); err != nil {
		return nil, w.fail(err)
	}
	n = min(n, int(record.ChunkSize-w.length%record.ChunkSize))
	page, err := w.cur.w.Page(w.ctx, n)
	if err != nil {
		return nil, w.fail(err)
	}
	return page, nil
}

// appendPage adds the first n bytes of page, which it takes over.
func (w *Writer) appendPage(page *buf.Page, n int) error {
	if n == 0 {
		page.Release()
		return nil
	}
	page.Truncate(n)
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.ready(); err != nil { // parking may have ended the slice
		page.Release()
		return err
	}
	if err := w.cur.w.Append(w.ctx, page); err != nil {
		return w.fail(err)
	}
	w.length += uint64(n)
	if w.cur.w.Size()%w.v.blockSize() == 0 {
		w.dropShare()
	}
	w.v.meter.VolumeWritten(n)
	w.armTimer()
	if w.length%record.ChunkSize == 0 {
		return w.finishSlice()
	}
	return nil
}

// takeShare waits at the beginning of a block for its part of the memory. Small uploads need not: they are soon over. The
// caller holds mu.
func (w *Writer) takeShare() (err error) {
	size := w.v.blockSize()
	if w.share > 0 || w.o.Size > 0 && w.o.Size <= pageSize || w.cur.w.Size()%size != 0 {
		return nil
	}
	if left := w.o.Size - int64(w.length); left > 0 {
		size = min(size, left)
	}
	if w.share, err = w.v.filling.take(w.ctx, size); err != nil {
		w.share = 0
	}
	return err
}

// dropShare gives back what takeShare took. The caller holds mu.
func (w *Writer) dropShare() {
	if w.share > 0 {
		w.v.filling.giveBack(w.share)
		w.share = 0
	}
}

// ready sees to it that there is a slice for the next byte. The caller holds mu.
func (w *Writer) ready() error {
	switch {
	case w.err != nil:
		return w.err
	case w.over:
		return errDone
	case w.cur != nil:
		return nil
	}
	id, err := w.v.fs.NewSlice(w.ctx)
	if err != nil {
		return w.fail(err)
	}
	pos := uint32(w.length % record.ChunkSize)
	size := int64(0)
	if left := w.o.Size - int64(w.length); left > 0 {
		size = min(left, record.ChunkSize-int64(pos))
	}
	w.cur = &slice{w: w.v.store.NewWriter(id, chunk.WriteOptions{Size: size}), id: id, index: uint32(w.length / record.ChunkSize), pos: pos}
	return nil
}

// finishSlice ends the slice that is being filled. Its last blocks go on being uploaded while the next slice fills. The
// caller holds mu.
func (w *Writer) finishSlice() error {
	if err := w.seal(w.ctx, w.prev); err != nil {
		return w.fail(err)
	}
	w.prev, w.cur = w.cur, nil
	return nil
}

// seal waits until a slice is stored. The caller holds mu.
func (w *Writer) seal(ctx context.Context, s *slice) error {
	if s == nil {
		return nil
	}
	ref, err := s.w.Seal(ctx)
	if err != nil || ref.Size == 0 {
		return err
	}
	if w.stored == nil {
		w.stored = make(map[uint32][]record.Slice, 1)
	}
	w.stored[s.index] = append(w.stored[s.index], record.Slice{Pos: s.pos, ID: s.id, Size: ref.Size, Len: ref.Size})
	return nil
}

// sealAll waits until everything is stored. The caller holds mu.
func (w *Writer) sealAll(ctx context.Context) error {
	w.dropShare()
	for _, s := range []**slice{&w.prev, &w.cur} {
		if err := w.seal(ctx, *s); err != nil {
			return err
		}
		*s = nil
	}
	return nil
}
