package meta

import (
	"slices"
	"time"

	"juicefs/meta/record"
)

// What a caller may be asked to be allowed.
const (
	mayRead  = 4
	mayWrite = 2
	mayExec  = 1
)

// access checks a caller's permission on an inode; EACCES. Root may do everything.
func (tx *Tx) access(c *Caller, a *record.Attr, want uint16) error {
	if c.UID == 0 {
		return nil
	}
	granted := a.Mode & 7
	switch {
	case a.AccessACL != 0 && a.Mode&0o070 != 0:
		rule, err := tx.acl(a.AccessACL)
		if err != nil {
			return err
		}
		if !rule.allows(c, a, want) {
			return eAccess
		}
		return nil
	case c.UID == a.UID:
		granted = a.Mode >> 6 & 7
	case c.in(a.GID):
		granted = a.Mode >> 3 & 7
	}
	if granted&want != want {
		return eAccess
	}
	return nil
}

// gid is the caller's primary group.
func (c *Caller) gid() uint32 {
	if len(c.GIDs) == 0 {
		return 0
	}
	return c.GIDs[0]
}

// in reports whether the caller is in a group.
func (c *Caller) in(gid uint32) bool {
	return slices.Contains(c.GIDs, gid) || len(c.GIDs) == 0 && gid == 0
}

// mayAlterDir checks that entries of a directory may be made or removed.
func (tx *Tx) mayAlterDir(c *Caller, d *node) error {
	if d.attr.Type != record.TypeDirectory {
		return eNotDir
	}
	if err := tx.access(c, &d.attr, mayWrite|mayExec); err != nil {
		return err
	}
	if d.attr.Flags&record.FlagImmutable != 0 {
		return ePerm
	}
	return nil
}

// mayAddTo checks that an entry may be made in a directory: not in the trash.
func (tx *Tx) mayAddTo(c *Caller, d *node, name string) error {
	switch {
	case d.ino.InTrash(), d.ino == record.Root && name == trashName:
		return ePerm
	case d.attr.Parent > record.Trash:
		return eNoEnt
	}
	return tx.mayAlterDir(c, d)
}

// mayTakeFrom checks that an entry may be removed from a directory.
func (tx *Tx) mayTakeFrom(c *Caller, d *node, child *record.Attr) error {
	if d.ino.InTrash() && c.UID != 0 {
		return ePerm
	}
	if err := tx.mayAlterDir(c, d); err != nil {
		return err
	}
	if d.attr.Flags&record.FlagAppend != 0 {
		return ePerm
	}
	if child == nil {
		return nil
	}
	if child.Flags&(record.FlagImmutable|record.FlagAppend) != 0 {
		return ePerm
	}
	if d.attr.Mode&0o1000 != 0 && c.UID != 0 && c.UID != d.attr.UID && c.UID != child.UID {
		return eAccess
	}
	return nil
}

// sub is the time from b to a.
func sub(a, b record.Time) time.Duration { return a.Time().Sub(b.Time()) }
