package chunk

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"syscall"

	"juicefs/pkg/buf"
)

// Writer writes one slice. It is for one goroutine at a time.
type Writer struct {
	s    *Store
	id   uint64
	size int64 // expected bytes, 0 or less: unknown

	length  int64   // bytes appended
	started int     // blocks whose upload was begun
	block   *upload // being filled
	first   upload  // memory of the first block: most slices have one
	err     error   // ends the writer
	over    bool    // sealed or aborted

	room   *buf.Page // memory of the block being filled, for Page; nil: none
	off    int       // what of it was handed out
	handed *buf.Page // the last page handed out of it, only to be compared
	given  int       // its length then

	background uploads
}

// NewWriter begins the slice id. Nothing is stored before the first block is complete or Seal is called. Seal or Abort
// must be called in the end.
func (s *Store) NewWriter(id uint64, o WriteOptions) *Writer {
	w := &Writer{s: s, id: id, size: o.Size}
	w.block = &w.first
	return w
}

// Size returns the bytes appended so far.
func (w *Writer) Size() int64 { return w.length }

// Page returns a page for the next Append, of at most n bytes (n is at least 1): it ends with the block. It waits for
// memory only at the beginning of a block, so that a pool of any size serves any number of writers. The caller fills it,
// truncates it to what it has, and gives it to Append, or releases it; one page may be out at a time.
func (w *Writer) Page(ctx context.Context, n int) (*buf.Page, error) {
	if err := w.check(); err != nil {
		return nil, err
	}
	n = min(max(n, 1), w.s.blockSize-w.block.length)
	if left := MaxSlice - w.length; int64(n) > left {
		n = int(left)
	}
	if n == 0 {
		return nil, w.fail(w.tooLarge())
	}
	if w.room == nil {
		if err := w.makeRoom(ctx, n); err != nil {
			return nil, err
		}
	}
	n = min(n, w.room.Len()-w.off)
	var page *buf.Page
	if w.off == 0 && n == w.room.Len() {
		page, w.room, w.handed = w.room, nil, nil // all of it: the room itself
		return page, nil
	}
	page = w.room.Slice(w.off, n)
	w.off += n
	w.handed, w.given = page, n
	w.dropRoom(w.off == w.room.Len())
	return page, nil
}

// makeRoom takes memory for the rest of the block, or of the slice if that is known to end before. In the middle of a
// block, which happens when more comes than was expected, it must not wait: others may wait for what this block holds.
func (w *Writer) makeRoom(ctx context.Context, n int) error {
	want := w.s.blockSize - w.block.length
	if left := w.size - w.length; left > 0 {
		want = int(min(int64(want), left))
	}
	if w.block.length == 0 {
		room, err := w.s.pool.Get(ctx, want)
		if err != nil {
			return w.fail(fmt.Errorf("memory for slice %d: %w", w.id, err))
		}
		w.room = room
	} else if w.room = w.s.pool.TryGet(n); w.room == nil {
		w.room = w.s.pool.Overdraw(n)
	}
	w.off = 0
	return nil
}

func (w *Writer) dropRoom(drop bool) {
	if drop && w.room != nil {
		w.room.Release()
		w.room, w.handed = nil, nil
	}
}

// Append adds the content of p to the slice and takes over p, also on an error. Pages of any length and from any pool are
// taken, and none is copied. As soon as a block is complete it is uploaded in the background; Append waits while MaxUploads
// blocks are on their way. The uploads end with the ctx of the Append that began the first of them. More than MaxSlice
// bytes are an error (syscall.EFBIG). After any error the writer is good for Abort only.
func (w *Writer) Append(ctx context.Context, p *buf.Page) error {
	defer func() {
		if p != nil {
			p.Release()
		}
	}()
	if err := w.check(); err != nil {
		return err
	}
	if p == w.handed {
		w.off -= w.given - p.Len() // what was not filled can be handed out again
		w.handed = nil
	}
	n := p.Len()
	if w.length+int64(n) > MaxSlice {
		return w.fail(w.tooLarge())
	}
	w.length += int64(n)
	for off := 0; off < n; {
		take := min(n-off, w.s.blockSize-w.block.length)
		if take == n {
			w.block.add(p)
			p = nil
		} else {
			w.block.add(p.Slice(off, take))
		}
		off += take
		if w.block.length == w.s.blockSize {
			if err := w.upload(ctx); err != nil {
				return w.fail(err)
			}
		}
	}
	return nil
}

// upload begins the upload of a complete block in the background.
func (w *Writer) upload(ctx context.Context) error {
	w.dropRoom(true)
	if err := w.background.err(); err != nil {
		return err
	}
	u := w.block
	if err := w.s.uploads.Acquire(ctx, 1); err != nil {
		return fmt.Errorf("wait for an upload of slice %d: %w", w.id, err)
	}
	u.block = Block{ID: w.id, Index: uint32(w.started), Length: uint32(u.length)}
	w.started++
	w.block = new(upload)
	w.background.start(ctx, w.s, u)
	return nil
}

// Seal uploads what is left, waits until all blocks are stored, and returns the name of the slice. On an error what was
// stored is removed again. A slice of no bytes stores nothing and has Size 0.
func (w *Writer) Seal(ctx context.Context) (Ref, error) {
	if err := w.check(); err != nil {
		return Ref{}, err
	}
	w.dropRoom(true)
	err := w.background.err()
	if err == nil && w.block.length > 0 {
		err = w.uploadLast(ctx)
	}
	if e := w.background.wait(ctx); err == nil {
		err = e
	}
	if err != nil {
		w.err = err
		w.Abort() //nolint:contextcheck // cleans up after ctx
		return Ref{}, err
	}
	w.over = true
	return Ref{ID: w.id, Size: uint32(w.length)}, nil
}

// uploadLast stores the last block, here and now: the caller waits for it anyway.
func (w *Writer) uploadLast(ctx context.Context) error {
	if err := w.s.uploads.Acquire(ctx, 1); err != nil {
		return fmt.Errorf("wait for an upload of slice %d: %w", w.id, err)
	}
	defer w.s.uploads.Release(1)
	u := w.block
	u.block = Block{ID: w.id, Index: uint32(w.started), Length: uint32(u.length)}
	w.started++
	return u.run(ctx, w.s)
}

// Abort ends the uploads and deletes what was stored. After Seal or another Abort it does nothing.
func (w *Writer) Abort() {
	if w.over {
		return
	}
	w.over = true
	w.dropRoom(true)
	w.block.release()
	w.background.stop()
	w.s.undo(w.id, w.started, w.length)
}

var errOver = errors.New("slice was sealed or aborted")

func (w *Writer) check() error {
	if w.err != nil {
		return w.err
	}
	if w.over {
		return errOver
	}
	return nil
}

func (w *Writer) fail(err error) error {
	w.err = err
	return err
}

func (w *Writer) tooLarge() error {
	return fmt.Errorf("slice %d: more than %d bytes: %w", w.id, MaxSlice, syscall.EFBIG)
}

// uploads are those of one writer in the background.
type uploads struct {
	run    func(*Store, *upload) // holds the ctx of all of them; nil before the first
	cancel context.CancelFunc
	tasks  sync.WaitGroup

	mu     sync.Mutex
	failed error // of the first that failed
}

// start uploads u in a goroutine and then gives back the slot that the caller took.
func (b *uploads) start(ctx context.Context, s *Store, u *upload) {
	if b.run == nil {
		all, cancel := context.WithCancel(ctx)
		b.cancel = cancel
		b.run = func(s *Store, u *upload) {
			if err := u.run(all, s); err != nil {
				b.fail(err)
				cancel() // the others would be removed anyway
			}
		}
	}
	b.tasks.Go(func() {
		defer s.uploads.Release(1)
		b.run(s, u)
	})
}

func (b *uploads) fail(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.failed == nil {
		b.failed = err
	}
}

func (b *uploads) err() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.failed
}

// wait returns when all uploads are done, or gave up because one failed or ctx ended.
func (b *uploads) wait(ctx context.Context) error {
	if b.run == nil {
		return nil
	}
	defer context.AfterFunc(ctx, b.cancel)()
	b.tasks.Wait()
	return b.err()
}

// stop ends all uploads and waits for them.
func (b *uploads) stop() {
	if b.run != nil {
		b.cancel()
		b.tasks.Wait()
	}
}
