package record

import (
	"encoding/binary"
	"fmt"
	"time"
)

// Type is the type of an inode, as stored. Zero is not a type.
type Type uint8

// The types of inodes (juicefs 1.4.1).
const (
	TypeFile Type = iota + 1
	TypeDirectory
	TypeSymlink
	TypeFIFO
	TypeBlockDev
	TypeCharDev
	TypeSocket
)

var typeNames = [...]string{"unknown", "regular", "directory", "symlink", "fifo", "blockdev", "chardev", "socket"}

// String returns the name that dumps use.
func (t Type) String() string {
	if int(t) < len(typeNames) {
		return typeNames[t]
	}
	return fmt.Sprintf("type(%d)", uint8(t))
}

// Inode flags (juicefs 1.4.1; unknown bits are kept).
const (
	FlagImmutable uint8 = 0x01
	FlagAppend    uint8 = 0x02
	FlagSkipTrash uint8 = 0x20
)

// Time is a moment as records keep it: seconds since 1970 UTC and nanoseconds within the second.
type Time struct {
	Sec  int64
	Nsec uint32
}

// TimeOf converts; the zero time.Time becomes the zero Time.
func TimeOf(t time.Time) Time {
	if t.IsZero() {
		return Time{}
	}
	return Time{Sec: t.Unix(), Nsec: uint32(t.Nanosecond())}
}

// Time converts back, in UTC.
func (t Time) Time() time.Time { return time.Unix(t.Sec, int64(t.Nsec)).UTC() }

// Before reports whether t is earlier than u.
func (t Time) Before(u Time) bool { return t.Sec < u.Sec || t.Sec == u.Sec && t.Nsec < u.Nsec }

// Attr is the attribute of an inode.
type Attr struct {
	Flags      uint8
	Type       Type
	Mode       uint16 // permission bits and setuid, setgid, sticky: 12 bits
	UID, GID   uint32
	Atime      Time
	Mtime      Time
	Ctime      Time
	Nlink      uint32
	Length     uint64 // bytes; directories 4096, symbolic links the length of the target
	Rdev       uint32
	Parent     Ino    // 0: the inode has, or once had, several links; see KindParent
	AccessACL  uint32 // 0: none
	DefaultACL uint32 // 0: none
	Tier       uint8  // storage tier 0..3
}

// Sizes of an encoded attribute: 63 bytes of fields, the parent, then what is not zero, then one byte of padding.
const (
	attrFixed  = 63
	attrPlain  = attrFixed + 8 + 1
	attrStable = 11 // bytes 0..10: flags, type, mode, owner, group
)

// Encode returns the canonical bytes: 72, or 8 more with an ACL, or 1 more with a tier.
//
// Format: a trailing zero byte always follows; a tier byte goes before it. juicefs 1.4.1; testdata/attr.json.
func (a *Attr) Encode() []byte { return a.Append(make([]byte, 0, attrPlain+9)) }

// Append is Encode into a buffer.
func (a *Attr) Append(b []byte) []byte {
	be := binary.BigEndian
	b = append(b, a.Flags)
	b = be.AppendUint16(b, uint16(a.Type)<<12|a.Mode&0xFFF)
	b = be.AppendUint32(b, a.UID)
	b = be.AppendUint32(b, a.GID)
	for _, t := range [...]Time{a.Atime, a.Mtime, a.Ctime} {
		b = be.AppendUint64(b, uint64(t.Sec))
		b = be.AppendUint32(b, t.Nsec)
	}
	b = be.AppendUint32(b, a.Nlink)
	b = be.AppendUint64(b, a.Length)
	b = be.AppendUint32(b, a.Rdev)
	b = be.AppendUint64(b, uint64(a.Parent))
	if a.AccessACL != 0 || a.DefaultACL != 0 {
		b = be.AppendUint32(b, a.AccessACL)
		b = be.AppendUint32(b, a.DefaultACL)
	}
	if a.Tier != 0 {
		b = append(b, a.Tier)
	}
	return append(b, 0)
}

// DecodeAttr reads what this and older versions wrote: records of 63 or 64 bytes have no parent, and the padding byte
// may be missing.
func DecodeAttr(b []byte) (*Attr, error) {
	if len(b) < attrFixed {
		return nil, corrupt(KindAttr, "%d bytes", len(b))
	}
	be := binary.BigEndian
	tm := be.Uint16(b[1:])
	a := &Attr{
		Flags: b[0], Type: Type(tm >> 12), Mode: tm & 0xFFF, UID: be.Uint32(b[3:]), GID: be.Uint32(b[7:]),
		Atime: attrTime(b[11:]), Mtime: attrTime(b[23:]), Ctime: attrTime(b[35:]),
		Nlink: be.Uint32(b[47:]), Length: be.Uint64(b[51:]), Rdev: be.Uint32(b[59:]),
	}
	rest := b[attrFixed:]
	if len(rest) >= 8 {
		a.Parent = Ino(be.Uint64(rest))
		rest = rest[8:]
	}
	if len(rest) >= 8 {
		a.AccessACL, a.DefaultACL = be.Uint32(rest), be.Uint32(rest[4:])
		rest = rest[8:]
	}
	if len(rest) >= 1 {
		a.Tier = rest[0]
	}
	return a, nil
}

func attrTime(b []byte) Time {
	return Time{Sec: int64(binary.BigEndian.Uint64(b)), Nsec: binary.BigEndian.Uint32(b[8:])}
}

// Alike reports whether two encoded attributes are of the same inode in the same role: same flags, type, mode, owner
// and group, and the same parent, ACLs and tier. Times, link count and length do not matter. This is what creating
// something in a directory needs of the directory.
func Alike(a, b []byte) bool {
	if len(a) < attrFixed || len(b) < attrFixed {
		return false
	}
	return string(a[:attrStable]) == string(b[:attrStable]) && string(a[attrFixed:]) == string(b[attrFixed:])
}

// Align returns n rounded up to 4 KiB, at least 4 KiB: what an inode of n bytes counts for in space totals.
func Align(n uint64) int64 {
	if n == 0 {
		return 4096
	}
	return int64((n + 4095) &^ 4095)
}

// Space is what the inode counts for in used space, statistics and quotas: a regular file its aligned length, all else 4 KiB.
func (a *Attr) Space() int64 {
	if a.Type == TypeFile {
		return Align(a.Length)
	}
	return 4096
}
