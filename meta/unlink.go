package meta

import (
	"context"
	"fmt"
	"time"

	"juicefs/meta/engine"
	"juicefs/meta/record"
)

// hourDir is the trash directory of an hour, as it was last seen.
type hourDir struct {
	name string
	ino  record.Ino
	attr []byte
}

// hourName is the name of the trash directory for what is removed at t. Format: juicefs 1.4.1, hours in UTC.
func hourName(t time.Time) string { return t.UTC().Format("2006-01-02-15") }

// trashDir returns the trash directory of this hour, or a *needs error that makes it.
func (tx *Tx) trashDir() (record.Ino, error) {
	name := hourName(tx.now.Time())
	tx.fs.hourMu.Lock()
	defer tx.fs.hourMu.Unlock()
	if hour := tx.fs.hour; hour.name == name {
		if !tx.hour { // somebody may have emptied the trash by hand
			tx.hour = true
			tx.Check(engine.Check{Kind: engine.Alike, Key: record.AttrKey(hour.ino), Want: hour.attr})
		}
		return hour.ino, nil
	}
	ctx := tx.ctx
	return 0, &needs{func(fs *FS) error {
		if err := fs.makeHour(ctx, name); err != nil {
			return fmt.Errorf("make trash directory %s: %w", name, err)
		}
		return nil
	}}
}

// makeHour finds or makes the trash directory of an hour. Its inode comes from a counter of its own.
func (fs *FS) makeHour(ctx context.Context, name string) error {
	hour := hourDir{name: name}
	err := fs.update(ctx, "trashdir", func(tx *Tx) error {
		ent, ok, err := tx.Entry(record.Trash, name, engine.Exact)
		if err != nil {
			return err
		}
		if ok {
			hour.ino = ent.Ino
			if hour.attr, err = tx.Get(record.AttrKey(ent.Ino), engine.Exact); err != nil || hour.attr != nil {
				return err
			}
		} else {
			n, err := tx.int64(record.CounterKey(record.CounterTrash), engine.Exact)
			if err != nil {
				return err
			}
			hour.ino = record.Trash + record.Ino(n+1)
			tx.Put(record.CounterKey(record.CounterTrash), record.EncodeInt64(n+1))
		}
		a := &record.Attr{Type: record.TypeDirectory, Mode: 0o555, Nlink: 2, Length: 4096, Parent: record.Trash,
			Atime: tx.now, Mtime: tx.now, Ctime: tx.now}
		hour.attr = a.Encode()
		tx.PutAttr(hour.ino, a)
		tx.PutEntry(record.Trash, name, record.Dirent{Type: record.TypeDirectory, Ino: hour.ino}, !ok)
		if fs.Setting().DirStats {
			tx.Put(record.DirStatKey(hour.ino), record.DirStat{}.Encode())
		}
		tx.addOwner(0, 0, weight(a))
		tx.addTotals(weight(a))
		tx.unlimited = true // a full volume must be able to remove
		tx.proof = record.EntryKey(record.Trash, name)
		return nil
	})
	if err != nil {
		return err
	}
	fs.setHour(hour)
	return nil
}

// setHour remembers the trash directory of this hour; the zero hourDir forgets it.
func (fs *FS) setHour(h hourDir) {
	fs.hourMu.Lock()
	defer fs.hourMu.Unlock()
	fs.hour = h
}

// trashEntry is the name of a removed entry in the trash, cut to what a name may be long.
func trashEntry(dir, ino record.Ino, name string) string {
	s := fmt.Sprintf("%d-%d-%s", dir, ino, name)
	return s[:min(len(s), record.MaxName)]
}

// unlink describes the removal of one entry.
type unlink struct {
	dir     *node
	name    string
	ent     record.Dirent
	attr    *record.Attr // nil: the inode has no attribute; only the entry goes
	forReal bool         // bypass the trash
	replace bool         // another inode takes the name at once: the entry is not removed and no times change
}

// remove takes an entry away and does what becomes of its inode: it moves to the trash, loses a link, or goes. A directory
// must be known to be empty; that it still is at commit is checked.
func (tx *Tx) remove(u unlink) error {
	if !u.replace {
		tx.Delete(record.EntryKey(u.dir.ino, u.name))
		nlink := int64(0)
		if u.ent.Type == record.TypeDirectory {
			nlink = -1
		}
		tx.touch(u.dir.ino, &u.dir.attr, nlink)
	}
	if u.attr == nil {
		return nil
	}
	if u.ent.Type == record.TypeDirectory {
		tx.Check(engine.Check{Kind: engine.Empty, Key: record.EntryKey(u.ent.Ino, "")})
		tx.dropDirRecords(u.ent.Ino)
	}
	w := weight(u.attr)
	tx.addDirStat(u.dir.ino, w.neg())
	if err := tx.addTree(u.dir.ino, w.neg()); err != nil {
		return err
	}
	trashed, err := tx.moveToTrash(u)
	if err != nil || trashed {
		return err
	}
	return tx.dropLink(u.dir.ino, u.ent.Ino, u.attr)
}

// moveToTrash moves a removed entry there; false if it does not belong there.
func (tx *Tx) moveToTrash(u unlink) (bool, error) {
	if tx.fs.Setting().TrashDays <= 0 || u.forReal || u.dir.ino.InTrash() || u.attr.Flags&record.FlagSkipTrash != 0 {
		return false, nil
	}
	hour, err := tx.trashDir()
	if err != nil {
		return false, err
	}
	name := trashEntry(u.dir.ino, u.ent.Ino, u.name)
	if u.attr.Nlink > 1 && u.attr.Type != record.TypeDirectory {
		_, taken, err := tx.Entry(hour, name, engine.Exact)
		if err != nil {
			return false, err
		}
		if taken { // the same link was removed, restored and removed again within the hour
			return false, nil
		}
	}
	a := *u.attr
	a.Ctime = tx.now
	if a.Parent > 0 {
		a.Parent = hour
	} else {
		tx.Add(record.ParentKey(u.ent.Ino, hour), 1)
		tx.Add(record.ParentKey(u.ent.Ino, u.dir.ino), -1)
	}
	tx.PutAttr(u.ent.Ino, &a)
	tx.PutEntry(hour, name, u.ent, false)
	tx.addDirStat(hour, weight(u.attr))
	return true, nil
}

// dropLink takes one link from an inode for real; without links left it goes.
func (tx *Tx) dropLink(dir, ino record.Ino, attr *record.Attr) error {
	a := *attr
	a.Ctime = tx.now
	if a.Type != record.TypeDirectory && a.Nlink > 1 {
		a.Nlink--
		tx.PutAttr(ino, &a)
		if a.Parent == 0 {
			tx.Add(record.ParentKey(ino, dir), -1)
		}
		return nil
	}
	tx.Clear(record.KindXattr, uint64(ino))
	if a.Parent == 0 {
		tx.Clear(record.KindParent, uint64(ino))
	}
	if a.Type == record.TypeFile {
		if sid := tx.fs.sid.Load(); sid != 0 && tx.fs.open.has(ino) {
			a.Nlink = 0
			tx.PutAttr(ino, &a)
			tx.Put(record.SustainedKey(sid, ino), []byte{1})
			tx.After(func() {
				if !tx.fs.open.sustain(ino) {
					tx.fs.gone.release(ino)
				}
			})
			return nil
		}
		tx.Put(record.DelFileKey(ino, a.Length), record.EncodeInt64(tx.now.Sec))
		tx.After(func() { tx.fs.gone.add(ino, a.Length) })
	}
	if a.Type == record.TypeSymlink {
		tx.Delete(record.SymlinkKey(ino))
	}
	tx.Delete(record.AttrKey(ino))
	w := weight(attr).neg()
	w.length = 0
	tx.addOwner(a.UID, a.GID, w)
	tx.addTotals(w)
	return nil
}

// dropDirRecords removes what is kept of a directory besides its inode.
func (tx *Tx) dropDirRecords(dir record.Ino) {
	if tx.fs.Setting().DirStats {
		tx.Delete(record.DirStatKey(dir))
		delete(tx.adds, record.DirStatKey(dir))
	}
	if _, ok := tx.fs.quotas.Load().dirs[dir]; ok {
		tx.Delete(record.QuotaKey(record.QuotaDir, uint64(dir)))
	}
}
