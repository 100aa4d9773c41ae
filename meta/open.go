package meta

import (
	"context"
	"sync"

	"juicefs/meta/engine"
	"juicefs/meta/record"
)

// openFiles counts what this process has open.
type openFiles struct {
	mu    sync.Mutex
	files map[record.Ino]*openFile
}

type openFile struct {
	count     int
	sustained bool // its last link is gone; the inode goes when the count does
}

func (o *openFiles) init() { o.files = map[record.Ino]*openFile{} }

func (o *openFiles) has(ino record.Ino) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.files[ino] != nil
}

// sustain marks an open inode as without links; false if it was closed meanwhile, so that the caller has to end it.
func (o *openFiles) sustain(ino record.Ino) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	f := o.files[ino]
	if f != nil {
		f.sustained = true
	}
	return f != nil
}

// OpenInode keeps a file's data for a reader of this process: if the last link goes meanwhile the inode is sustained until
// release. ok is false if this process has begun to remove the data already; the caller should resolve its path again.
// release must be called exactly once.
func (fs *FS) OpenInode(ino record.Ino) (release func(), ok bool) {
	fs.open.mu.Lock()
	defer fs.open.mu.Unlock()
	if fs.gone.started(ino) {
		return func() {}, false
	}
	f := fs.open.files[ino]
	if f == nil {
		f = &openFile{}
		fs.open.files[ino] = f
	}
	f.count++
	return func() { fs.closeInode(ino) }, true
}

func (fs *FS) closeInode(ino record.Ino) {
	fs.open.mu.Lock()
	f := fs.open.files[ino]
	f.count--
	last := f.count == 0
	if last {
		delete(fs.open.files, ino)
	}
	fs.open.mu.Unlock()
	if !last {
		return
	}
	if f.sustained {
		fs.gone.release(ino)
	}
	fs.gone.closed(ino)
}

// endSustained removes an inode without links that a session had open.
func (fs *FS) endSustained(ctx context.Context, sid uint64, ino record.Ino) error {
	return fs.update(ctx, "delsustained", func(tx *Tx) error {
		if err := tx.Load(engine.ReadOp{Key: record.AttrKey(ino), Guard: engine.Exact},
			engine.ReadOp{Key: record.SustainedKey(sid, ino), Guard: engine.Exact}); err != nil {
			return err
		}
		tx.Delete(record.SustainedKey(sid, ino))
		a, err := tx.Attr(ino, engine.Exact)
		if err == eNoEnt { //nolint:errorlint // Attr returns the bare code
			return nil
		}
		if err != nil {
			return err
		}
		if a.Nlink > 0 { // it was given a link again by hand; not ours to remove
			return nil
		}
		tx.Put(record.DelFileKey(ino, a.Length), record.EncodeInt64(tx.now.Sec))
		tx.Delete(record.AttrKey(ino))
		tx.Clear(record.KindXattr, uint64(ino))
		w := change{space: -a.Space(), inodes: -1}
		tx.addOwner(a.UID, a.GID, w)
		tx.addTotals(w)
		tx.After(func() { fs.gone.add(ino, a.Length) })
		return nil
	})
}
