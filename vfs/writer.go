package vfs

import (
	"context"
	"errors"
	"io"
	"sync"
	"syscall"
	"time"

	"juicefs/chunk"
	"juicefs/meta/record"
	"juicefs/pkg/buf"
	"juicefs/pkg/fserr"
)

// pageSize is how much is read at once from the source of an object.
const pageSize = 1 << 20

// CreateOptions are for CreateObject. The zero value is usable.
type CreateOptions struct {
	Size int64 // expected bytes, 0 or less: unknown; only a hint
	// Park returns a fresh path for a temporary file that takes over what is stored when the upload lasts longer than 20
	// minutes, since either program's gc deletes blocks that nothing references after an hour. nil: never parked.
	Park func() string
	// Sound is asked by Commit before anything appears; its error comes back unchanged and ends the writer. nil: the data is
	// right in any case.
	Sound func() error
}

// Writer takes the data of an object that is to appear. Its methods are for one goroutine. It ends with Commit or Cancel.
//
// Data goes into one slice a chunk. The slice that is being filled uploads its blocks in the background; the one before
// may still be finishing its last blocks, those before that are stored.
type Writer struct {
	v   *Volume
	ctx context.Context // of the upload: ends with the request that made the writer
	o   CreateOptions

	probe [1]byte // looks for the end of a source that gave all it promised

	page   *buf.Page // of Write: being filled
	filled int       // bytes of page

	// mu is for what the parking timer shares with the writer.
	mu     sync.Mutex
	length uint64                    // bytes in slices; only the writer changes it
	cur    *slice                    // being filled
	prev   *slice                    // complete, perhaps not yet stored
	stored map[uint32][]record.Slice // by chunk; not in an entry yet
	parked string                    // path of the entry that has everything before stored
	share  int64                     // what the block being filled has of Volume.filling
	timer  *time.Timer               // parks; nil before the first block is complete
	err    error                     // ends the writer
	over   bool                      // committed or cancelled
}

// slice is a slice on its way.
type slice struct {
	w     *chunk.Writer
	id    uint64
	index uint32 // chunk
	pos   uint32 // in the chunk
}

// CreateObject returns a writer of a new object's data. Nothing is in the file system before Commit. ctx is that of the
// upload: when it ends, so do writes and uploads.
func (v *Volume) CreateObject(ctx context.Context, o CreateOptions) *Writer {
	w := &Writer{v: v, ctx: ctx, o: o}
	if v.ReadOnly() {
		w.err = &fserr.Error{Op: "create", Err: syscall.EROFS}
	}
	return w
}

// errDone is what a writer says that was committed or cancelled.
var errDone = errors.New("writer was closed")

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

// Commit makes the data appear at c.Path in one transaction, replacing a file that is there (EISDIR: a directory is
// there; ENOTDIR: a parent is a file). The writer is done, whatever the result; on error what was stored is removed.
func (w *Writer) Commit(ctx context.Context, c Commit) (*Info, error) {
	defer w.v.timed(time.Now())
	if w.o.Sound != nil {
		if err := w.o.Sound(); err != nil {
			w.Cancel() //nolint:contextcheck // removing what was stored must go on when ctx has ended
			return nil, err
		}
	}
	if err := w.flushPage(); err != nil { //nolint:contextcheck // removing what was stored must go on when ctx has ended
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.err != nil:
		return nil, w.err
	case w.over:
		return nil, errDone
	}
	if err := w.sealAll(ctx); err != nil {
		return nil, w.fail(fserr.Wrap("store", c.Path, err)) //nolint:contextcheck // removing what was stored must go on when ctx has ended
	}
	s := c.spec()
	s.Length, s.Chunks, s.From = w.length, w.stored, w.parked
	o, err := w.v.fs.CommitObject(ctx, &w.v.caller, s)
	if err != nil {
		return nil, w.failCommit(ctx, err)
	}
	w.end()
	w.stored, w.parked = nil, ""
	return infoOf(o), nil
}

// failCommit is fail after a transaction: where that may have been applied, data stays for gc to judge.
func (w *Writer) failCommit(ctx context.Context, err error) error {
	if errors.Is(err, ErrUnknown) || ctx.Err() != nil {
		w.stored, w.parked = nil, ""
	}
	return w.fail(err) //nolint:contextcheck // removing what was stored must go on when ctx has ended
}

// Cancel removes what was stored. After Commit it does nothing.
func (w *Writer) Cancel() {
	w.dropPage()
	w.abort(errDone)
}

func (w *Writer) abort(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.over {
		_ = w.fail(err)
	}
}

// fail ends the writer with an error and removes what it stored. The caller holds mu.
func (w *Writer) fail(err error) error {
	w.err = err
	w.end()
	for _, s := range []*slice{w.prev, w.cur} {
		if s != nil {
			s.w.Abort()
		}
	}
	stored, parked := w.stored, w.parked
	w.prev, w.cur, w.stored, w.parked = nil, nil, nil, ""
	if len(stored) > 0 || parked != "" {
		w.v.discard(w.ctx, stored, parked)
	}
	return err
}

// end marks the writer as done. The caller holds mu.
func (w *Writer) end() {
	w.over = true
	w.dropShare()
	if w.timer != nil {
		w.timer.Stop()
	}
}

// dropPage gives back the page that Write fills.
func (w *Writer) dropPage() {
	if w.page != nil {
		w.page.Release()
		w.page = nil
	}
}

// discard removes data that will not become an object. What fails here is left to gc.
func (v *Volume) discard(ctx context.Context, stored map[uint32][]record.Slice, parked string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTime)
	defer cancel()
	for _, ss := range stored {
		for _, s := range ss {
			if err := v.store.Remove(ctx, chunk.Ref{ID: s.ID, Size: s.Size}); err != nil {
				v.log.Debug("remove data of a failed upload", "slice", s.ID, "error", err)
			}
		}
	}
	if parked != "" {
		if err := v.fs.RemoveTree(ctx, &v.caller, parked, true); err != nil {
			v.log.Debug("remove parked data of a failed upload", "path", parked, "error", err)
		}
	}
}
