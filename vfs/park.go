package vfs

import (
	"time"

	"juicefs/meta"
)

// armTimer sees to it that what is stored gets an entry before gc could take it. Small objects never need it: they have
// no complete block before their commit. The caller holds mu.
func (w *Writer) armTimer() {
	if w.timer == nil && w.o.Park != nil && int64(w.length) >= w.v.blockSize() {
		w.timer = time.AfterFunc(w.v.parkAfter, w.park)
	}
}

// park gives what is stored so far to a temporary file, together with what was parked before. The slice that is being
// filled is cut here: an upload so slow has other worries than the number of its slices.
func (w *Writer) park() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.over {
		return
	}
	if err := w.sealAll(w.ctx); err != nil {
		_ = w.fail(err) // the next write returns it
		return
	}
	if len(w.stored) > 0 {
		path := w.o.Park()
		_, err := w.v.fs.CommitObject(w.ctx, &w.v.caller, &meta.ObjectSpec{Path: path, Length: w.length, Chunks: w.stored, From: w.parked,
			Mode: 0o600, Parents: true})
		if err != nil {
			_ = w.failCommit(w.ctx, err)
			return
		}
		w.parked, w.stored = path, nil
	}
	w.timer.Reset(w.v.parkAfter)
}
