package meta

import (
	"context"

	"juicefs/meta/engine"
	"juicefs/meta/record"
	"juicefs/pkg/fserr"
)

// Changes says what SetAttr changes. Fields that are nil stay as they are. The size is changed by Truncate.
type Changes struct {
	Mode         *uint16 // permission bits, setuid, setgid, sticky
	UID, GID     *uint32
	Flags        *uint8
	Atime, Mtime *record.Time
	// TouchAtime and TouchMtime set a time to now, which needs less permission than another time.
	TouchAtime, TouchMtime bool
}

// SetAttr changes attributes and returns what they are then. Errors: ENOENT; EPERM in the trash and for what only the
// owner or root may do; EACCES for times.
func (fs *FS) SetAttr(ctx context.Context, c *Caller, ino record.Ino, ch Changes) (*record.Attr, error) {
	var a *record.Attr
	err := fs.update(ctx, "setattr", func(tx *Tx) error {
		cur, err := tx.Attr(ino, engine.Exact)
		if err != nil {
			return err
		}
		if ino.InTrash() || cur.Parent > record.Trash {
			return ePerm
		}
		next := *cur
		a = &next
		if err := tx.setAttr(c, cur, a, &ch); err != nil {
			return err
		}
		if *a == *cur {
			return nil
		}
		a.Ctime = tx.now
		tx.PutAttr(ino, a)
		tx.moveOwner(cur, a)
		return nil
	})
	return a, fserr.WrapIno("setattr", uint64(ino), err)
}

// setAttr checks the changes and makes them in a.
func (tx *Tx) setAttr(c *Caller, cur, a *record.Attr, ch *Changes) error {
	if err := mayChange(c, cur, ch); err != nil {
		return err
	}
	mode := cur.Mode
	if ch.Mode != nil {
		mode = *ch.Mode & 0o7777
		if c.UID != 0 && !c.in(cur.GID) {
			mode &^= 0o2000
		}
	}
	if ch.UID != nil || ch.GID != nil {
		if ch.UID != nil {
			a.UID = *ch.UID
		}
		if ch.GID != nil {
			a.GID = *ch.GID
		}
		if cur.Type != record.TypeDirectory {
			mode = dropSetID(c, mode)
		}
	}
	if err := tx.chmod(a, mode); err != nil {
		return err
	}
	if ch.Flags != nil {
		a.Flags = *ch.Flags
	}
	return tx.setTimes(c, cur, a, ch)
}

// dropSetID takes setuid and setgid from the mode of a file that gets another owner. Root keeps setgid where it does not
// mean execution but mandatory locking.
func dropSetID(c *Caller, mode uint16) uint16 {
	if c.UID == 0 && mode&0o010 == 0 {
		return mode &^ 0o4000
	}
	return mode &^ 0o6000
}

// mayChange checks what only the owner or root may do; EPERM.
func mayChange(c *Caller, cur *record.Attr, ch *Changes) error {
	const byRoot = record.FlagImmutable | record.FlagAppend
	owner := c.UID == cur.UID
	switch {
	case c.UID == 0:
		return nil
	case ch.UID != nil && *ch.UID != cur.UID,
		ch.GID != nil && *ch.GID != cur.GID && !(owner && c.in(*ch.GID)),
		ch.Mode != nil && *ch.Mode&0o7777 != cur.Mode && !owner,
		ch.Flags != nil && *ch.Flags != cur.Flags && !(owner && (*ch.Flags^cur.Flags)&byRoot == 0):
		return ePerm
	}
	return nil
}

// chmod sets the mode, and with an access control list the entries that a mode stands for.
func (tx *Tx) chmod(a *record.Attr, mode uint16) error {
	if mode == a.Mode {
		return nil
	}
	if a.AccessACL != 0 && mode&0o777 != a.Mode&0o777 {
		rule, err := tx.acl(a.AccessACL)
		if err != nil {
			return err
		}
		next := *rule
		next.Owner, next.Mask, next.Other = mode>>6&7, mode>>3&7, mode&7
		if a.AccessACL, err = tx.aclID(&next); err != nil {
			return err
		}
	}
	a.Mode = mode
	return nil
}

// setTimes checks and sets times.
func (tx *Tx) setTimes(c *Caller, cur, a *record.Attr, ch *Changes) error {
	if c.UID != 0 && cur.UID == 0 && (ch.Atime != nil || ch.Mtime != nil) {
		return ePerm
	}
	for _, t := range []struct {
		to  *record.Time
		at  *record.Time
		now bool
	}{{&a.Atime, ch.Atime, ch.TouchAtime}, {&a.Mtime, ch.Mtime, ch.TouchMtime}} {
		if t.at == nil && !t.now {
			continue
		}
		if c.UID != cur.UID {
			if err := tx.access(c, cur, mayWrite); err != nil {
				return err
			}
		}
		*t.to = tx.now
		if !t.now {
			*t.to = *t.at
		}
	}
	return nil
}

// moveOwner moves the usage of an inode to its new owner and group.
func (tx *Tx) moveOwner(from, to *record.Attr) {
	if !tx.fs.Setting().UserGroupQuota {
		return
	}
	w := weight(from)
	for _, o := range []struct {
		t        record.QuotaType
		from, to uint32
	}{{record.QuotaUser, from.UID, to.UID}, {record.QuotaGroup, from.GID, to.GID}} {
		if o.from != o.to {
			tx.Add(record.QuotaKey(o.t, uint64(o.from)), -w.space, -w.inodes)
			tx.Add(record.QuotaKey(o.t, uint64(o.to)), w.space, w.inodes)
		}
	}
}
