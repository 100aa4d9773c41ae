package vfs

import (
	"context"
	"errors"
	"sync"
	"syscall"
	"time"

	"juicefs/chunk"
	"juicefs/meta/record"
	"juicefs/pkg/buf"
	"juicefs/pkg/fserr"
)

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
