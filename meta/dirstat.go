package meta

import (
	"context"
	"errors"
	"sync"
	"time"

	"juicefs/meta/engine"
	"juicefs/meta/record"
)

// Statistics of a directory are changed in the transaction that changes its entries. They may be missing all the same (on
// volumes that kept none for a while) or wrong (clients of the original change them some time later, and lose changes now
// and then), which shows where a number is below zero. Then they are counted again, as the original does.

const (
	statPeriod = time.Minute
	statBatch  = 1000  // directories that are looked at in one turnaround
	statKnown  = 10000 // directories that are remembered as right
)

// statWatch gathers directories whose statistics this client has changed, to be looked at.
type statWatch struct {
	mu    sync.Mutex
	known map[record.Ino]bool // false: to be looked at
	since time.Time           // of the oldest in known
}

// noteStats gathers the directories of a transaction that was committed.
func (fs *FS) noteStats(tx *Tx) {
	w := &fs.stats
	w.mu.Lock()
	defer w.mu.Unlock()
	for k := range tx.adds {
		if k.Kind != record.KindDirStat {
			continue
		}
		if _, ok := w.known[record.Ino(k.A)]; ok {
			continue
		}
		if len(w.known) >= statKnown || w.known == nil {
			w.known, w.since = map[record.Ino]bool{}, fs.o.Now()
		}
		w.known[record.Ino(k.A)] = false
	}
}

// take returns the directories to be looked at. What was right an hour ago is forgotten, and looked at again.
func (w *statWatch) take(now time.Time) []record.Ino {
	w.mu.Lock()
	defer w.mu.Unlock()
	var dirs []record.Ino
	for ino, seen := range w.known {
		if !seen {
			dirs = append(dirs, ino)
			w.known[ino] = true
		}
	}
	if now.Sub(w.since) >= jobPeriod {
		w.known = nil
	}
	return dirs
}

// checkStats looks at the statistics of the directories that this client has changed and counts those again that are
// missing or cannot be. It costs nothing when there are none.
func (fs *FS) checkStats(ctx context.Context) error {
	if !fs.Setting().DirStats {
		return nil
	}
	var errs []error
	dirs := fs.stats.take(fs.o.Now())
	for len(dirs) > 0 {
		n := min(len(dirs), statBatch)
		bad, err := fs.badStats(ctx, dirs[:n])
		if err != nil {
			return errors.Join(append(errs, err)...)
		}
		for _, dir := range bad {
			fs.log.Info("statistics of a directory are counted again", "inode", uint64(dir))
			errs = append(errs, fs.recount(ctx, dir))
		}
		dirs = dirs[n:]
	}
	return errors.Join(errs...)
}

// badStats returns which of dirs have statistics that are missing or cannot be.
func (fs *FS) badStats(ctx context.Context, dirs []record.Ino) ([]record.Ino, error) {
	var bad []record.Ino
	err := fs.view(ctx, "dirstats", func(tx *Tx) error {
		bad = nil
		reads := make([]engine.ReadOp, len(dirs))
		for i, dir := range dirs {
			reads[i].Key = record.DirStatKey(dir)
		}
		if err := tx.Load(reads...); err != nil {
			return err
		}
		for i, r := range reads {
			b, err := tx.Get(r.Key, engine.Loose)
			if err != nil {
				return err
			}
			if !plausible(b) {
				bad = append(bad, dirs[i])
			}
		}
		return nil
	})
	return bad, err
}

// plausible reports whether there are statistics that may be right.
func plausible(b []byte) bool {
	if b == nil {
		return false
	}
	d, err := record.DecodeDirStat(b)
	return err == nil && d.Length >= 0 && d.Space >= 0 && d.Inodes >= 0
}

// impossible is what stands for statistics while they are counted: far below zero, whatever is added meanwhile.
var impossible = record.DirStat{Length: -1 << 60, Space: -1 << 60, Inodes: -1 << 60}

// recount counts the statistics of a directory again. Additions to what is missing have no effect, and nothing keeps a
// directory from changing while it is listed. So statistics that cannot be are put there first: who changes the directory
// while it is counted changes those, and the count begins again.
func (fs *FS) recount(ctx context.Context, dir record.Ino) error {
	k := record.DirStatKey(dir)
	begin := func(tx *Tx) error {
		if err := tx.Load(engine.ReadOp{Key: k, Guard: engine.Exact}, engine.ReadOp{Key: record.AttrKey(dir), Guard: engine.Exact}); err != nil {
			return err
		}
		a, err := tx.Attr(dir, engine.Exact)
		if err != nil {
			return err
		}
		if a.Type != record.TypeDirectory || a.Parent.InTrash() && !dir.InTrash() { // it lost them when it went there
			return eNotDir
		}
		b, err := tx.Get(k, engine.Exact)
		if err != nil || b != nil {
			return err
		}
		tx.Put(k, impossible.Encode())
		return nil
	}
	count := func(tx *Tx) error {
		b, err := tx.Get(k, engine.Exact)
		if err != nil || b == nil || plausible(b) { // gone, or counted by somebody else
			return err
		}
		sum, err := tx.countDir(dir)
		if err != nil {
			return err
		}
		tx.Put(k, sum.Encode())
		return nil
	}
	err := fs.update(ctx, "dirstat", begin)
	if err == nil {
		err = fs.update(ctx, "dirstat", count)
	}
	if isMissing(err) {
		return nil // the directory is gone
	}
	return err
}

// fixRootStat makes the statistics of the root directory, the one directory that is made without.
func (fs *FS) fixRootStat(ctx context.Context) error {
	if !fs.Setting().DirStats {
		return nil
	}
	bad, err := fs.badStats(ctx, []record.Ino{record.Root})
	if err != nil || len(bad) == 0 {
		return err
	}
	return fs.recount(ctx, record.Root)
}
