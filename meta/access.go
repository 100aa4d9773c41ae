package meta

import (
	"encoding/binary"
	"slices"
	"time"

	"juicefs/meta/engine"
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

// aclAbsent says that a permission is not part of a rule.
const aclAbsent = 0xFFFF

// aclRule is an access control list. Format: juicefs 1.4.1; testdata/misc-values.json.
type aclRule struct {
	owner, group, mask, other uint16
	users, groups             []aclEntry
}

type aclEntry struct {
	id   uint32
	perm uint16
}

// acl returns a rule; rules never change once they exist.
func (tx *Tx) acl(id uint32) (*aclRule, error) {
	if b, ok := tx.fs.acls.Load(id); ok {
		return decodeACL(b.([]byte))
	}
	b, err := tx.Get(record.ACLKey(id), engine.Loose)
	if err != nil {
		return nil, err
	}
	if b == nil {
		return nil, eIO
	}
	r, err := decodeACL(b)
	if err == nil {
		tx.fs.acls.Store(id, b)
	}
	return r, err
}

func decodeACL(b []byte) (*aclRule, error) {
	be := binary.BigEndian
	if len(b) < 12 {
		return nil, record.ErrCorrupt
	}
	r := &aclRule{owner: be.Uint16(b), group: be.Uint16(b[2:]), mask: be.Uint16(b[4:]), other: be.Uint16(b[6:])}
	b = b[8:]
	for _, list := range []*[]aclEntry{&r.users, &r.groups} {
		if len(b) < 4 {
			return nil, record.ErrCorrupt
		}
		n := int(be.Uint32(b))
		b = b[4:]
		if n > len(b)/6 {
			return nil, record.ErrCorrupt
		}
		for ; n > 0; n-- {
			*list = append(*list, aclEntry{be.Uint32(b), be.Uint16(b[4:])})
			b = b[6:]
		}
	}
	return r, nil
}

func (r *aclRule) encode() []byte {
	be := binary.BigEndian
	var b []byte
	for _, p := range []uint16{r.owner, r.group, r.mask, r.other} {
		b = be.AppendUint16(b, p)
	}
	for _, list := range [][]aclEntry{r.users, r.groups} {
		b = be.AppendUint32(b, uint32(len(list)))
		for _, e := range list {
			b = be.AppendUint16(be.AppendUint32(b, e.id), e.perm)
		}
	}
	return b
}

// minimal reports whether the rule says no more than a mode does.
func (r *aclRule) minimal() bool {
	return len(r.users) == 0 && len(r.groups) == 0 && r.mask == aclAbsent
}

// allows reports whether the rule grants a caller all of want. Of the groups that a caller is in, one that grants it all
// is enough; if none does, "other" is not asked.
func (r *aclRule) allows(c *Caller, a *record.Attr, want uint16) bool {
	has := func(perm uint16) bool { return perm&want == want }
	if c.UID == a.UID {
		return has(r.owner)
	}
	mask := uint16(7)
	if r.mask != aclAbsent {
		mask = r.mask
	}
	for _, u := range r.users {
		if u.id == c.UID {
			return has(u.perm & mask)
		}
	}
	member := c.in(a.GID)
	if member && has(r.group&mask) {
		return true
	}
	for _, g := range r.groups {
		if !c.in(g.id) {
			continue
		}
		if member = true; has(g.perm & mask) {
			return true
		}
	}
	return !member && has(r.other)
}

// sub is the time from b to a.
func sub(a, b record.Time) time.Duration { return a.Time().Sub(b.Time()) }
