package meta

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"juicefs/meta/engine"
	"juicefs/meta/record"
)

// deleteFiles removes all data of deleted files: of many small ones in one transaction, which takes their chunks, their
// records and the references to their slices, then the blocks of slices without any left, then the records of those. Whatever
// is left when the process ends is named by a record of a file or of a slice without references. If the transaction fails each
// file is tried by itself, so that one that is damaged holds no other up.
func (fs *FS) deleteFiles(ctx context.Context, files []goneFile) error {
	if len(files) > 1 || chunkCount(files[0].length) <= deleteChunks {
		dead, err := fs.dropFiles(ctx, files)
		if err == nil {
			return fs.deleteSlices(ctx, dead)
		}
		if ctx.Err() != nil {
			return err
		}
	}
	var errs []error
	for _, f := range files {
		if err := fs.deleteFile(ctx, f.ino, f.length); err != nil {
			errs = append(errs, fmt.Errorf("inode %d: %w", f.ino, err))
		}
	}
	return errors.Join(errs...)
}

// errTooMuch says that the data of files is more than one transaction should remove.
var errTooMuch = errors.New("too many chunks for one transaction")

// dropFiles removes the records of files, of their chunks and of references to slices, and returns the slices without any left.
func (fs *FS) dropFiles(ctx context.Context, files []goneFile) (dead []record.SliceID, err error) {
	err = fs.update(ctx, "delfiles", func(tx *Tx) (err error) {
		var chunks []record.Key
		if chunks, err = tx.chunksOf(files); err != nil {
			return err
		}
		var all, ss []record.Slice
		for _, k := range chunks {
			if ss, err = tx.Slices(record.Ino(k.A), uint32(k.B), engine.Exact); err != nil {
				return err
			}
			all = append(all, ss...)
			tx.Delete(k)
		}
		for _, f := range files {
			tx.Delete(record.DelFileKey(f.ino, f.length))
		}
		if dead, err = tx.deref(all); err != nil {
			return err
		}
		if most := fs.eng.Info().MaxWrites; most > 0 && len(tx.batch.Writes) > most {
			return errTooMuch
		}
		return nil
	})
	return dead, err
}

// chunksOf reads the chunks of files and returns their keys.
func (tx *Tx) chunksOf(files []goneFile) ([]record.Key, error) {
	ranges := make([]engine.Range, len(files))
	for i, f := range files {
		ranges[i] = chunkRange(f.ino, f.length)
	}
	var items []record.Item
	if d, ok := tx.etx.(engine.DataReader); ok {
		var err error
		if items, err = d.Data(tx.ctx, ranges); err != nil {
			return nil, err
		}
		for _, it := range items {
			tx.note(it, engine.Exact)
		}
	}
	if items == nil {
		const most = 1000
		for _, r := range ranges {
			page, err := tx.Page(r, most)
			if err != nil {
				return nil, err
			}
			if len(page) == most {
				return nil, errTooMuch
			}
			items = append(items, page...)
		}
	}
	var keys []record.Key
	var reads []engine.ReadOp
	for _, it := range items {
		if it.Key.Kind == record.KindChunk && it.Value != nil {
			keys = append(keys, it.Key)
			reads = append(reads, engine.ReadOp{Key: it.Key, Guard: engine.Exact})
		}
	}
	return keys, tx.Load(reads...)
}

// chunkRange is where the chunks of a file of the given length are. What an engine finds behind the length is included.
func chunkRange(ino record.Ino, length uint64) engine.Range {
	return engine.Range{Kind: record.KindChunk, A: uint64(ino), Below: max((length+record.ChunkSize-1)/record.ChunkSize, 1)}
}

// deleteFile removes all data of a deleted file, chunk by chunk. Its record goes with the last chunk: from then on the slices' own records tell
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

// chunkIndexes returns which chunks a file of the given length has.
func (fs *FS) chunkIndexes(ctx context.Context, ino record.Ino, length uint64) ([]uint32, error) {
	const most = 1000
	var all []uint32
	r := chunkRange(ino, length)
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
	errs := fs.deleteBlocks(ctx, dead)
	gone := make([]record.SliceID, 0, len(dead))
	for i, id := range dead {
		if errs[i] != nil {
			errs[i] = fmt.Errorf("slice %d: %w", id.ID, errs[i])
			continue
		}
		gone = append(gone, id)
	}
	most := 1000
	if limit := fs.eng.Info().MaxWrites; limit > 0 {
		most = min(most, limit)
	}
	for len(gone) > 0 {
		n := min(len(gone), most)
		if err := fs.dropSliceRefs(ctx, gone[:n]); err != nil {
			errs = append(errs, fmt.Errorf("%d slices from %d: %w", n, gone[0].ID, err))
		}
		gone = gone[n:]
	}
	return errors.Join(errs...)
}

// slowDelete is what the removal of a slice's blocks takes on a store that is worth waiting for in parallel.
const slowDelete = time.Millisecond

// deleteBlocks removes the blocks of slices and returns what failed, in their order. One goroutine does it if the store is
// quick, and more only wait for one that is not, up to the option.
func (fs *FS) deleteBlocks(ctx context.Context, dead []record.SliceID) []error {
	errs := make([]error, len(dead))
	var next, workers atomic.Int64
	var wg sync.WaitGroup
	var work func()
	work = func() {
		for {
			i := int(next.Add(1)) - 1
			if i >= len(dead) {
				return
			}
			begin := time.Now()
			errs[i] = fs.o.DeleteSlice(ctx, dead[i])
			if time.Since(begin) > slowDelete && i+1 < len(dead) && workers.Add(1) < int64(fs.o.Deletes) {
				wg.Go(work)
			}
		}
	}
	work()
	wg.Wait()
	return errs
}

// dropSliceRefs removes the records of slices whose blocks are gone. They mostly count nothing: only if that turns out to be
// wrong of one are they read.
func (fs *FS) dropSliceRefs(ctx context.Context, ids []record.SliceID) error {
	guessed := false
	return fs.update(ctx, "delslices", func(tx *Tx) error {
		if !guessed {
			guessed = true
			for _, id := range ids {
				k := record.SliceRefKey(id.ID, id.Size)
				tx.Check(engine.Check{Kind: engine.Same, Key: k, Want: record.EncodeInt64(0)})
				tx.Delete(k)
			}
			return nil
		}
		reads := make([]engine.ReadOp, len(ids))
		for i, id := range ids {
			reads[i] = engine.ReadOp{Key: record.SliceRefKey(id.ID, id.Size), Guard: engine.Exact}
		}
		if err := tx.Load(reads...); err != nil {
			return err
		}
		for _, r := range reads {
			b, err := tx.Get(r.Key, engine.Exact)
			if err != nil {
				return err
			}
			if b == nil {
				continue
			}
			refs, err := record.DecodeInt64(r.Key.Kind, b)
			if err != nil {
				return err
			}
			if refs <= 0 {
				tx.Delete(r.Key)
			}
		}
		return nil
	})
}
