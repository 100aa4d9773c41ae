package meta

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"juicefs/meta/engine"
	"juicefs/meta/record"
)

// deleter removes the data of deleted files in the background. A record in the database names each, so what is left when
// the process ends is found by any client later.
type deleter struct {
	fs *FS

	mu      sync.Mutex
	waiting []goneFile               // by due time
	pending map[record.Ino]time.Time // in waiting or under way → due
	busy    map[record.Ino]bool      // data is being removed
	ended   []record.Ino             // sustained inodes that were closed
	signal  chan struct{}
}

type goneFile struct {
	ino    record.Ino
	length uint64
	due    time.Time
}

func (d *deleter) init(fs *FS) {
	d.fs = fs
	d.pending, d.busy = map[record.Ino]time.Time{}, map[record.Ino]bool{}
	d.signal = make(chan struct{}, 1)
}

// add queues a file whose deleted-file record was written.
func (d *deleter) add(ino record.Ino, length uint64) {
	d.mu.Lock()
	due := d.fs.o.Now().Add(d.fs.o.DeleteDelay)
	if _, ok := d.pending[ino]; !ok {
		d.pending[ino] = due
		d.waiting = append(d.waiting, goneFile{ino, length, due})
	}
	d.mu.Unlock()
	d.wake()
}

// release queues a sustained inode that nobody here has open any more.
func (d *deleter) release(ino record.Ino) {
	d.mu.Lock()
	d.ended = append(d.ended, ino)
	d.mu.Unlock()
	d.wake()
}

func (d *deleter) wake() {
	select {
	case d.signal <- struct{}{}:
	default:
	}
}

// started reports whether a file's data is being, or was just, removed.
func (d *deleter) started(ino record.Ino) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.busy[ino]
}

// run removes until ctx ends.
func (d *deleter) run(ctx context.Context) {
	slots := make(chan struct{}, max(d.fs.o.Deletes, 1))
	var running sync.WaitGroup
	defer running.Wait()
	t := time.NewTimer(time.Hour)
	defer t.Stop()
	for {
		d.endAll(ctx)
		next := d.start(ctx, slots, &running)
		t.Reset(next)
		select {
		case <-ctx.Done():
			return
		case <-d.signal:
		case <-t.C:
		}
	}
}

// endAll turns closed sustained inodes into deleted files.
func (d *deleter) endAll(ctx context.Context) {
	d.mu.Lock()
	ended := d.ended
	d.ended = nil
	d.mu.Unlock()
	for _, ino := range ended {
		if err := d.fs.endSustained(ctx, d.fs.sid.Load(), ino); err != nil {
			d.fs.log.Warn("remove sustained inode; left to the end of the session", "inode", uint64(ino), "err", err)
		}
	}
}

// start begins the removal of what is due and not open, and returns when to look again.
func (d *deleter) start(ctx context.Context, slots chan struct{}, running *sync.WaitGroup) time.Duration {
	const idle = time.Minute
	if d.fs.o.Deletes < 0 || d.fs.o.DeleteSlice == nil {
		return idle
	}
	for {
		f, wait, ok := d.pick()
		if !ok {
			return min(wait, idle)
		}
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			return idle
		}
		running.Add(1)
		go func() {
			defer running.Done()
			defer func() { <-slots }()
			if err := d.fs.deleteFile(ctx, f.ino, f.length); err != nil && ctx.Err() == nil {
				d.fs.log.Warn("remove data of a deleted file; it will be tried again", "inode", uint64(f.ino), "err", err)
			}
			d.mu.Lock()
			delete(d.pending, f.ino)
			delete(d.busy, f.ino)
			d.mu.Unlock()
		}()
	}
}

// pick takes the first file that is due and not open. Lock order: open files, then the deleter.
func (d *deleter) pick() (f goneFile, wait time.Duration, ok bool) {
	d.fs.open.mu.Lock()
	defer d.fs.open.mu.Unlock()
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.fs.o.Now()
	wait = time.Hour
	for i, f := range d.waiting {
		if left := f.due.Sub(now); left > 0 {
			wait = min(wait, left)
			break
		}
		if d.fs.open.files[f.ino] != nil {
			continue
		}
		if i == 0 { // nearly always, and thousands may wait
			d.waiting = d.waiting[1:]
		} else {
			d.waiting = slices.Delete(d.waiting, i, i+1)
		}
		d.busy[f.ino] = true
		return f, 0, true
	}
	return goneFile{}, wait, false
}

// deleteFile removes all data of a deleted file. Its record goes with the last chunk: from then on the slices' own records tell
// what is left to do.
func (fs *FS) deleteFile(ctx context.Context, ino record.Ino, length uint64) error {
	indexes, err := fs.chunkIndexes(ctx, ino, length)
	if err != nil {
		return err
	}
	file := record.DelFileKey(ino, length)
	for n, index := range indexes {
		var also []record.Key
		if n == len(indexes)-1 {
			also = []record.Key{file}
		}
		if err := fs.deleteChunk(ctx, ino, index, also...); err != nil {
			return fmt.Errorf("chunk %d: %w", index, err)
		}
	}
	if len(indexes) > 0 {
		return nil
	}
	return fs.update(ctx, "delfile", func(tx *Tx) error {
		tx.Delete(file)
		return nil
	})
}

// chunkIndexes returns which chunks a file of the given length has. What an engine finds behind the length is included.
func (fs *FS) chunkIndexes(ctx context.Context, ino record.Ino, length uint64) ([]uint32, error) {
	const most = 1000
	var all []uint32
	r := engine.Range{Kind: record.KindChunk, A: uint64(ino), Below: max((length+record.ChunkSize-1)/record.ChunkSize, 1)}
	for {
		var items []record.Item
		err := fs.view(ctx, "chunks", func(tx *Tx) (err error) {
			items, err = tx.Page(r, most)
			return err
		})
		if err != nil {
			return nil, err
		}
		for _, it := range items {
			all = append(all, uint32(it.Key.B))
		}
		if len(items) < most {
			return all, nil
		}
		r.After = items[len(items)-1].Key
	}
}

// deleteChunk removes a chunk and the slices that nothing else refers to, and other records with the chunk.
func (fs *FS) deleteChunk(ctx context.Context, ino record.Ino, index uint32, also ...record.Key) error {
	var dead []record.SliceID
	err := fs.update(ctx, "delchunk", func(tx *Tx) error {
		ss, err := tx.Slices(ino, index, engine.Exact)
		if err != nil {
			return err
		}
		tx.Delete(record.ChunkKey(ino, index))
		for _, k := range also {
			tx.Delete(k)
		}
		dead, err = tx.deref(ss)
		return err
	})
	if err != nil {
		return err
	}
	return fs.deleteSlices(ctx, dead)
}

// deref takes one reference for each record that refers to a slice, and returns the slices without any left: their blocks
// are to be removed once the transaction is committed, then their reference records.
func (tx *Tx) deref(ss []record.Slice) ([]record.SliceID, error) {
	counts := map[record.SliceID]int64{}
	var order []record.SliceID
	var reads []engine.ReadOp
	for _, s := range ss {
		if s.ID == 0 {
			continue
		}
		id := record.SliceID{ID: s.ID, Size: s.Size}
		if counts[id] == 0 {
			order = append(order, id)
			reads = append(reads, engine.ReadOp{Key: record.SliceRefKey(s.ID, s.Size), Guard: engine.Exact})
		}
		counts[id]++
	}
	if err := tx.Load(reads...); err != nil {
		return nil, err
	}
	var dead []record.SliceID
	for _, id := range order {
		k := record.SliceRefKey(id.ID, id.Size)
		b, err := tx.Get(k, engine.Exact)
		if err != nil {
			return nil, err
		}
		refs := int64(1)
		if b != nil {
			if refs, err = record.DecodeInt64(k.Kind, b); err != nil {
				return nil, err
			}
		}
		refs -= counts[id]
		tx.Put(k, record.EncodeInt64(refs))
		if refs <= 0 {
			dead = append(dead, id)
		}
	}
	return dead, nil
}

// deleteSlices removes the blocks of slices without references, then their records. What fails is left to the hourly job.
func (fs *FS) deleteSlices(ctx context.Context, dead []record.SliceID) error {
	if fs.o.DeleteSlice == nil || fs.o.Deletes < 0 {
		return nil
	}
	var errs []error
	for _, id := range dead {
		if err := fs.o.DeleteSlice(ctx, id); err != nil {
			errs = append(errs, fmt.Errorf("slice %d: %w", id.ID, err))
			continue
		}
		if err := fs.dropSliceRef(ctx, id); err != nil {
			errs = append(errs, fmt.Errorf("slice %d: %w", id.ID, err))
		}
	}
	return errors.Join(errs...)
}

// dropSliceRef removes the record of a slice whose blocks are gone. It mostly counts nothing: only if that turns out to be wrong
// is it read.
func (fs *FS) dropSliceRef(ctx context.Context, id record.SliceID) error {
	k := record.SliceRefKey(id.ID, id.Size)
	guessed := false
	return fs.update(ctx, "delslice", func(tx *Tx) error {
		if !guessed {
			guessed = true
			tx.Check(engine.Check{Kind: engine.Same, Key: k, Want: record.EncodeInt64(0)})
			tx.Delete(k)
			return nil
		}
		b, err := tx.Get(k, engine.Exact)
		if err != nil || b == nil {
			return err
		}
		if refs, err := record.DecodeInt64(k.Kind, b); err != nil || refs > 0 {
			return err
		}
		tx.Delete(k)
		return nil
	})
}
