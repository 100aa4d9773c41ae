package meta

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"

	"juicefs/meta/engine"
	"juicefs/meta/record"
	"juicefs/pkg/fserr"
)

// ACLType says which of an inode's two access control lists is meant.
type ACLType uint8

// The types of access control lists.
const (
	ACLAccess  ACLType = iota + 1 // who may do what
	ACLDefault                    // of a directory: what new entries inherit
)

// ACLAbsent says that a permission is not part of a rule.
const ACLAbsent = 0xFFFF

// ACL is an access control list: permissions of three bits each. Format: juicefs 1.4.1; testdata/misc-values.json.
type ACL struct {
	Owner, Group, Mask, Other uint16 // ACLAbsent: not part of the list
	Users, Groups             []ACLEntry
}

// ACLEntry is the permission of a user or a group by number.
type ACLEntry struct {
	ID   uint32
	Perm uint16
}

// SetACL sets a list of an inode. An empty or nil rule removes it; an access list that says no more than a mode does
// becomes the mode. Errors: ENOENT; ENOTSUP if the volume has no lists; EPERM unless by the owner or root, and in the
// trash; EACCES for a default list of something that is no directory.
func (fs *FS) SetACL(ctx context.Context, c *Caller, ino record.Ino, t ACLType, rule *ACL) error {
	err := fs.update(ctx, "setacl", func(tx *Tx) error {
		if !fs.Setting().EnableACL {
			return eNotSup
		}
		a, err := tx.Attr(ino, engine.Exact)
		if err != nil {
			return err
		}
		switch {
		case ino.InTrash(), a.Parent > record.Trash, c.UID != 0 && c.UID != a.UID:
			return ePerm
		case t == ACLDefault && a.Type != record.TypeDirectory:
			if rule.empty() {
				return nil
			}
			return eAccess
		}
		if t == ACLDefault {
			err = tx.setDefaultACL(a, rule)
		} else {
			err = tx.setAccessACL(c, a, rule)
		}
		if err != nil {
			return err
		}
		a.Ctime = tx.now
		tx.PutAttr(ino, a)
		return nil
	})
	return fserr.WrapIno("setacl", uint64(ino), err)
}

func (tx *Tx) setDefaultACL(a *record.Attr, rule *ACL) (err error) {
	if a.DefaultACL = 0; !rule.empty() {
		a.DefaultACL, err = tx.aclID(rule.withMask())
	}
	return err
}

func (tx *Tx) setAccessACL(c *Caller, a *record.Attr, rule *ACL) (err error) {
	a.AccessACL = 0
	if rule.empty() {
		return nil
	}
	bits := rule.Group
	if !rule.minimal() {
		rule = rule.withMask()
		bits = rule.Mask
		if a.AccessACL, err = tx.aclID(rule); err != nil {
			return err
		}
	}
	a.Mode = a.Mode&0o7000 | (rule.Owner&7)<<6 | (bits&7)<<3 | rule.Other&7
	if c.UID != 0 && !c.in(a.GID) {
		a.Mode &^= 0o2000
	}
	return nil
}

// GetACL returns a list of an inode; ENODATA if it has none, ENOENT, ENOTSUP as SetACL.
func (fs *FS) GetACL(ctx context.Context, ino record.Ino, t ACLType) (*ACL, error) {
	var rule *ACL
	err := fs.view(ctx, "getacl", func(tx *Tx) error {
		if !fs.Setting().EnableACL {
			return eNotSup
		}
		a, err := tx.Attr(ino, engine.Loose)
		if err != nil {
			return err
		}
		id := a.AccessACL
		if t == ACLDefault {
			id = a.DefaultACL
		}
		if id == 0 {
			return eNoData
		}
		rule, err = tx.acl(id)
		return err
	})
	return rule, fserr.WrapIno("getacl", uint64(ino), err)
}

// empty reports whether a rule says nothing at all.
func (r *ACL) empty() bool {
	return r == nil || r.minimal() && r.Owner&r.Group&r.Other == ACLAbsent
}

// withMask returns the rule with a mask: if it has none the one that takes nothing away.
func (r *ACL) withMask() *ACL {
	if r.Mask != ACLAbsent || r.minimal() {
		return r
	}
	full := *r
	full.Mask = r.Group
	for _, e := range slices.Concat(r.Users, r.Groups) {
		full.Mask |= e.Perm
	}
	return &full
}

// acl returns a rule; rules never change once they exist.
func (tx *Tx) acl(id uint32) (*ACL, error) {
	if b, ok := tx.fs.acls.rule(id); ok {
		return decodeACL(b)
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
		tx.fs.acls.add(id, b)
	}
	return r, err
}

func decodeACL(b []byte) (*ACL, error) {
	be := binary.BigEndian
	corrupt := fmt.Errorf("%w: rule of access of %d bytes", record.ErrCorrupt, len(b))
	if len(b) < 8 {
		return nil, corrupt
	}
	r := &ACL{Owner: be.Uint16(b), Group: be.Uint16(b[2:]), Mask: be.Uint16(b[4:]), Other: be.Uint16(b[6:])}
	b = b[8:]
	for _, list := range []*[]ACLEntry{&r.Users, &r.Groups} {
		if len(b) < 4 {
			return nil, corrupt
		}
		n := int(be.Uint32(b))
		b = b[4:]
		if n > len(b)/6 {
			return nil, corrupt
		}
		for ; n > 0; n-- {
			*list = append(*list, ACLEntry{be.Uint32(b), be.Uint16(b[4:])})
			b = b[6:]
		}
	}
	if len(b) > 0 {
		return nil, corrupt
	}
	return r, nil
}

func (r *ACL) encode() []byte {
	be := binary.BigEndian
	var b []byte
	for _, p := range []uint16{r.Owner, r.Group, r.Mask, r.Other} {
		b = be.AppendUint16(b, p)
	}
	for _, list := range [][]ACLEntry{r.Users, r.Groups} {
		b = be.AppendUint32(b, uint32(len(list)))
		for _, e := range list {
			b = be.AppendUint16(be.AppendUint32(b, e.ID), e.Perm)
		}
	}
	return b
}

// minimal reports whether the rule says no more than a mode does.
func (r *ACL) minimal() bool {
	return len(r.Users) == 0 && len(r.Groups) == 0 && r.Mask == ACLAbsent
}

// allows reports whether the rule grants a caller all of want. Of the groups that a caller is in, one that grants it all
// is enough; if none does, "other" is not asked.
func (r *ACL) allows(c *Caller, a *record.Attr, want uint16) bool {
	has := func(perm uint16) bool { return perm&want == want }
	if c.UID == a.UID {
		return has(r.Owner)
	}
	mask := uint16(7)
	if r.Mask != ACLAbsent {
		mask = r.Mask
	}
	for _, u := range r.Users {
		if u.ID == c.UID {
			return has(u.Perm & mask)
		}
	}
	member := c.in(a.GID)
	if member && has(r.Group&mask) {
		return true
	}
	for _, g := range r.Groups {
		if !c.in(g.ID) {
			continue
		}
		if member = true; has(g.Perm & mask) {
			return true
		}
	}
	return !member && has(r.Other)
}

// inheritACL gives a new inode the ACLs that the default ACL of its directory demands, and returns the mode that follows.
func (tx *Tx) inheritACL(a *record.Attr, id uint32, mode uint16) (uint16, error) {
	rule, err := tx.acl(id)
	if err != nil {
		return 0, err
	}
	if a.Type == record.TypeDirectory {
		a.DefaultACL = id
	}
	if rule.minimal() {
		return mode & (0o7000 | rule.Owner<<6 | rule.Group<<3 | rule.Other), nil
	}
	access := *rule
	access.Owner &= mode >> 6 & 7
	access.Mask &= mode >> 3 & 7
	access.Other &= mode & 7
	if a.AccessACL, err = tx.aclID(&access); err != nil {
		return 0, err
	}
	return mode&0o7000 | access.Owner<<6 | access.Mask<<3 | access.Other, nil
}

// aclID returns the id of a rule, new or known.
func (tx *Tx) aclID(r *ACL) (uint32, error) {
	b := r.encode()
	if id, ok := tx.fs.acls.id(b); ok {
		return id, nil
	}
	ctx := tx.ctx
	return 0, &needs{func(fs *FS) error {
		n, err := fs.eng.Incr(ctx, record.CounterACL, 1)
		if err != nil {
			return err
		}
		return fs.update(ctx, "acl", func(tx *Tx) error {
			tx.Insert(record.ACLKey(uint32(n)), b)
			tx.After(func() { fs.acls.add(uint32(n), b) })
			return nil
		})
	}}
}
