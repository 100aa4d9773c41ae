package meta

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"juicefs/meta/engine"
	"juicefs/meta/record"
)

// Jobs that one client does for all: how often, and how long after the last run by anybody (juicefs 1.4.1).
const (
	jobPeriod = time.Hour
	jobDiff   = 54 * time.Minute
	jobLimit  = 50 * time.Minute // a job yields after this long
	fileGrace = time.Hour        // deleted files that old are finished by any client
)

// startJobs starts the clean-up jobs.
func (fs *FS) startJobs(ctx context.Context) {
	fs.every(ctx, statPeriod, fs.checkStats)
	fs.every(ctx, jobPeriod, fs.elected(record.CounterLastFiles, jobDiff, fs.cleanFiles))
	fs.every(ctx, jobPeriod, fs.elected(record.CounterNextSlices, jobDiff, fs.cleanSlices))
	fs.every(ctx, jobPeriod, fs.elected(record.CounterLastTrash, jobDiff, func(ctx context.Context) error {
		return errors.Join(fs.cleanTrash(ctx), fs.cleanDelayed(ctx))
	}))
}

// CleanUp does every clean-up job now, whoever did them last.
func (fs *FS) CleanUp(ctx context.Context) error {
	return errors.Join(fs.checkStats(ctx), fs.cleanStale(ctx), fs.cleanFiles(ctx), fs.cleanSlices(ctx), fs.cleanTrash(ctx), fs.cleanDelayed(ctx))
}

// elected makes a job that runs only if no client ran it within diff.
func (fs *FS) elected(counter string, diff time.Duration, job func(context.Context) error) func(context.Context) error {
	return func(ctx context.Context) error {
		ours := false
		err := fs.update(ctx, "elect", func(tx *Tx) error {
			ours = false
			last, err := tx.int64(record.CounterKey(counter), engine.Exact)
			if err != nil {
				return err
			}
			if last > tx.now.Sec-int64(diff/time.Second) {
				return nil
			}
			tx.Put(record.CounterKey(counter), record.EncodeInt64(tx.now.Sec))
			ours = true
			return nil
		})
		if err != nil || !ours {
			return err
		}
		ctx, cancel := context.WithTimeout(ctx, jobLimit)
		defer cancel()
		if err := job(ctx); err != nil {
			return fmt.Errorf("%s: %w", counter, err)
		}
		return nil
	}
}

// cleanFiles finishes deleted files that their client left.
func (fs *FS) cleanFiles(ctx context.Context) error {
	if fs.o.DeleteSlice == nil || fs.o.Deletes < 0 {
		return nil
	}
	before := fs.o.Now().Add(-fileGrace).Unix()
	var files []goneFile
	chunks := uint32(0)
	flush := func() error {
		if len(files) == 0 {
			return nil
		}
		batch := files
		files, chunks = nil, 0
		return fs.deleteFiles(ctx, batch)
	}
	for it, err := range fs.eng.Scan(ctx, engine.Range{Kind: record.KindDelFile, All: true}) {
		if err != nil {
			return err
		}
		at, err := record.DecodeInt64(it.Key.Kind, it.Value)
		if err != nil {
			return err
		}
		f := goneFile{ino: record.Ino(it.Key.A), length: it.Key.B}
		if at >= before || fs.open.has(f.ino) {
			continue
		}
		n := chunkCount(f.length)
		if len(files) == deleteBatch || chunks+n > deleteChunks {
			if err := flush(); err != nil {
				return fmt.Errorf("deleted files: %w", err)
			}
		}
		files, chunks = append(files, f), chunks+n
	}
	return flush()
}

// cleanSlices removes slices that nothing refers to and whose removal failed before.
func (fs *FS) cleanSlices(ctx context.Context) error {
	var dead []record.SliceID
	for it, err := range fs.eng.Scan(ctx, engine.Range{Kind: record.KindSliceRef, All: true}) {
		if err != nil {
			return err
		}
		refs, err := record.DecodeInt64(it.Key.Kind, it.Value)
		if err != nil {
			return err
		}
		if refs > 0 || it.Key.A == 0 {
			continue
		}
		if dead = append(dead, record.SliceID{ID: it.Key.A, Size: uint32(it.Key.B)}); len(dead) == deleteBatch {
			if err := fs.deleteSlices(ctx, dead); err != nil {
				return err
			}
			dead = nil
		}
	}
	return fs.deleteSlices(ctx, dead)
}

// cleanTrash removes what has been in the trash for longer than the volume keeps it.
func (fs *FS) cleanTrash(ctx context.Context) error {
	days := fs.Setting().TrashDays
	// Format: an hour directory goes two hours after its last entry is due. juicefs 1.4.1.
	edge := fs.o.Now().Add(-time.Duration(24*days+2) * time.Hour)
	var hours []record.Item
	for it, err := range fs.eng.Scan(ctx, engine.Range{Kind: record.KindEntry, A: uint64(record.Trash)}) {
		if err != nil {
			return err
		}
		at, err := time.Parse("2006-01-02-15", it.Key.Name)
		if err != nil {
			fs.log.Warn("not an hour in the trash", "name", it.Key.Name)
			continue
		}
		if at.Before(edge) {
			hours = append(hours, it)
		}
	}
	slices.SortFunc(hours, func(a, b record.Item) int { return int(int64(bigEndianIno(a.Value)) - int64(bigEndianIno(b.Value))) })
	for _, h := range hours {
		if err := fs.emptyHour(ctx, h.Key.Name); err != nil {
			return fmt.Errorf("empty trash %s: %w", h.Key.Name, err)
		}
	}
	return nil
}

func bigEndianIno(b []byte) record.Ino {
	d, err := record.DecodeDirent(b)
	if err != nil {
		return 0
	}
	return d.Ino
}

// emptyHour removes an hour directory with all in it.
func (fs *FS) emptyHour(ctx context.Context, name string) error {
	return fs.removeTree(ctx, &Caller{}, "/"+trashName+"/"+name, true)
}

// cleanDelayed drops the slices that compactions replaced once the trash would have dropped them.
func (fs *FS) cleanDelayed(ctx context.Context) error {
	before := fs.o.Now().AddDate(0, 0, -fs.Setting().TrashDays).Unix()
	for it, err := range fs.eng.Scan(ctx, engine.Range{Kind: record.KindDelSlices, All: true}) {
		if err != nil {
			return err
		}
		if int64(it.Key.B) >= before {
			continue
		}
		if err := fs.dropDelayed(ctx, it); err != nil {
			return fmt.Errorf("delayed slices of %d: %w", it.Key.A, err)
		}
	}
	return nil
}

func (fs *FS) dropDelayed(ctx context.Context, it record.Item) error {
	var dead []record.SliceID
	err := fs.update(ctx, "deldelayed", func(tx *Tx) error {
		dead = nil
		b, err := tx.Get(it.Key, engine.Exact)
		if err != nil || b == nil {
			return err
		}
		ids, err := record.DecodeSliceIDs(b)
		if err != nil {
			return err
		}
		var ss []record.Slice
		for _, id := range ids {
			ss = append(ss, record.Slice{ID: id.ID, Size: id.Size})
		}
		tx.Delete(it.Key)
		dead, err = tx.deref(ss)
		return err
	})
	if err != nil {
		return err
	}
	return fs.deleteSlices(ctx, dead)
}
