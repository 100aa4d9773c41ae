package record

import (
	"encoding/binary"
	"slices"
)

// Dirent is the value of a directory entry: 9 bytes, type and inode.
type Dirent struct {
	Type Type
	Ino  Ino
}

// Encode returns the 9 canonical bytes.
func (d Dirent) Encode() []byte {
	return binary.BigEndian.AppendUint64([]byte{byte(d.Type)}, uint64(d.Ino))
}

// DecodeDirent is the inverse of Encode.
func DecodeDirent(b []byte) (Dirent, error) {
	if len(b) != 9 {
		return Dirent{}, corrupt(KindEntry, "%d bytes instead of 9", len(b))
	}
	return Dirent{Type: Type(b[0]), Ino: Ino(binary.BigEndian.Uint64(b[1:]))}, nil
}

// SliceSize is the size in bytes of an encoded Slice.
const SliceSize = 24

// Slice is one record of a chunk: Len bytes at Pos of the chunk come from offset Off of the stored slice ID, which is
// Size bytes long as a whole. ID 0 is a hole: Len zero bytes, the other fields mean nothing.
type Slice struct {
	Pos  uint32
	ID   uint64
	Size uint32
	Off  uint32
	Len  uint32
}

// Append appends the 24 canonical bytes.
func (s Slice) Append(b []byte) []byte {
	be := binary.BigEndian
	b = be.AppendUint32(b, s.Pos)
	b = be.AppendUint64(b, s.ID)
	b = be.AppendUint32(b, s.Size)
	b = be.AppendUint32(b, s.Off)
	return be.AppendUint32(b, s.Len)
}

// EncodeSlices returns the canonical bytes of a chunk: its records one after the other.
func EncodeSlices(ss ...Slice) []byte {
	b := make([]byte, 0, len(ss)*SliceSize)
	for _, s := range ss {
		b = s.Append(b)
	}
	return b
}

// DecodeSlices is the inverse of EncodeSlices.
func DecodeSlices(b []byte) ([]Slice, error) {
	if len(b)%SliceSize != 0 {
		return nil, corrupt(KindChunk, "%d bytes are not a multiple of %d", len(b), SliceSize)
	}
	be := binary.BigEndian
	ss := make([]Slice, 0, len(b)/SliceSize)
	for ; len(b) > 0; b = b[SliceSize:] {
		ss = append(ss, Slice{Pos: be.Uint32(b), ID: be.Uint64(b[4:]), Size: be.Uint32(b[12:]), Off: be.Uint32(b[16:]), Len: be.Uint32(b[20:])})
	}
	return ss, nil
}

// SliceID names a stored slice: its id, and its size, without which its blocks have no names.
type SliceID struct {
	ID   uint64
	Size uint32
}

// EncodeSliceIDs returns the canonical bytes of a delayed-slices record: 12 bytes each.
func EncodeSliceIDs(ids ...SliceID) []byte {
	b := make([]byte, 0, len(ids)*12)
	for _, s := range ids {
		b = binary.BigEndian.AppendUint64(b, s.ID)
		b = binary.BigEndian.AppendUint32(b, s.Size)
	}
	return b
}

// DecodeSliceIDs is the inverse of EncodeSliceIDs.
func DecodeSliceIDs(b []byte) ([]SliceID, error) {
	if len(b)%12 != 0 {
		return nil, corrupt(KindDelSlices, "%d bytes are not a multiple of 12", len(b))
	}
	var ids []SliceID
	for ; len(b) > 0; b = b[12:] {
		ids = append(ids, SliceID{ID: binary.BigEndian.Uint64(b), Size: binary.BigEndian.Uint32(b[8:])})
	}
	return ids, nil
}

// DirStat sums the direct children of a directory: bytes of files, aligned space, number of entries.
type DirStat struct{ Length, Space, Inodes int64 }

// Encode returns the 24 canonical bytes.
func (d DirStat) Encode() []byte { return encodeInts(d.Length, d.Space, d.Inodes) }

// DecodeDirStat is the inverse of Encode.
func DecodeDirStat(b []byte) (DirStat, error) {
	v, err := decodeInts(KindDirStat, b, 3)
	if err != nil {
		return DirStat{}, err
	}
	return DirStat{Length: v[0], Space: v[1], Inodes: v[2]}, nil
}

// QuotaType says what a quota is for.
type QuotaType uint8

// The types of quotas (juicefs 1.4.1).
const (
	QuotaDir QuotaType = iota
	QuotaUser
	QuotaGroup
)

// Quota limits and counts a directory tree, a user or a group. A limit of 0 or less is none.
type Quota struct{ MaxSpace, MaxInodes, UsedSpace, UsedInodes int64 }

// Encode returns the 32 canonical bytes.
func (q Quota) Encode() []byte { return encodeInts(q.MaxSpace, q.MaxInodes, q.UsedSpace, q.UsedInodes) }

// DecodeQuota is the inverse of Encode.
func DecodeQuota(b []byte) (Quota, error) {
	v, err := decodeInts(KindQuota, b, 4)
	if err != nil {
		return Quota{}, err
	}
	return Quota{MaxSpace: v[0], MaxInodes: v[1], UsedSpace: v[2], UsedInodes: v[3]}, nil
}

func encodeInts(vs ...int64) []byte {
	b := make([]byte, 0, 8*len(vs))
	for _, v := range vs {
		b = binary.BigEndian.AppendUint64(b, uint64(v))
	}
	return b
}

func decodeInts(k Kind, b []byte, n int) ([]int64, error) {
	if len(b) != 8*n {
		return nil, corrupt(k, "%d bytes instead of %d", len(b), 8*n)
	}
	vs := make([]int64, n)
	for i := range vs {
		vs[i] = int64(binary.BigEndian.Uint64(b[8*i:]))
	}
	return vs, nil
}

// Session is what a client says of itself: when it counts as gone, and who it is.
type Session struct {
	Expire int64  // unix seconds
	Info   []byte // JSON; nil is read as {}
}

// Encode returns the canonical bytes.
func (s Session) Encode() []byte { return append(encodeInts(s.Expire), s.Info...) }

// DecodeSession is the inverse of Encode; Info is a copy.
func DecodeSession(b []byte) (Session, error) {
	if len(b) < 8 {
		return Session{}, corrupt(KindSession, "%d bytes", len(b))
	}
	return Session{Expire: int64(binary.BigEndian.Uint64(b)), Info: slices.Clone(b[8:])}, nil
}

// Flock is one holder of a BSD lock.
type Flock struct {
	Session uint64
	Owner   uint64
	Type    byte // 'R' or 'W'
}

// EncodeFlocks returns the canonical bytes, 17 each, in order of session and owner; nil when there is none.
func EncodeFlocks(fs []Flock) []byte {
	if len(fs) == 0 {
		return nil
	}
	fs = slices.Clone(fs)
	slices.SortStableFunc(fs, func(a, b Flock) int { return cmpOwner(a.Session, a.Owner, b.Session, b.Owner) })
	var out []byte
	for _, f := range fs {
		out = binary.BigEndian.AppendUint64(out, f.Session)
		out = binary.BigEndian.AppendUint64(out, f.Owner)
		out = append(out, f.Type)
	}
	return out
}

// DecodeFlocks is the inverse of EncodeFlocks.
func DecodeFlocks(b []byte) ([]Flock, error) {
	if len(b)%17 != 0 {
		return nil, corrupt(KindFlock, "%d bytes are not a multiple of 17", len(b))
	}
	var fs []Flock
	for ; len(b) > 0; b = b[17:] {
		fs = append(fs, Flock{Session: binary.BigEndian.Uint64(b), Owner: binary.BigEndian.Uint64(b[8:]), Type: b[16]})
	}
	return fs, nil
}

// Plock is one holder of POSIX range locks; Records are the 24-byte lock records of the format, sorted by start.
type Plock struct {
	Session uint64
	Owner   uint64
	Records []byte
}

// EncodePlocks returns the canonical bytes in order of session and owner; nil when there is none.
func EncodePlocks(ps []Plock) []byte {
	if len(ps) == 0 {
		return nil
	}
	ps = slices.Clone(ps)
	slices.SortStableFunc(ps, func(a, b Plock) int { return cmpOwner(a.Session, a.Owner, b.Session, b.Owner) })
	var out []byte
	for _, p := range ps {
		out = binary.BigEndian.AppendUint64(out, p.Session)
		out = binary.BigEndian.AppendUint64(out, p.Owner)
		out = binary.BigEndian.AppendUint32(out, uint32(len(p.Records)))
		out = append(out, p.Records...)
	}
	return out
}

// DecodePlocks is the inverse of EncodePlocks; Records are copies.
func DecodePlocks(b []byte) ([]Plock, error) {
	var ps []Plock
	for len(b) > 0 {
		if len(b) < 20 {
			return nil, corrupt(KindPlock, "%d bytes left", len(b))
		}
		n := int(binary.BigEndian.Uint32(b[16:]))
		if n%24 != 0 || n > len(b)-20 {
			return nil, corrupt(KindPlock, "lock records of %d bytes", n)
		}
		ps = append(ps, Plock{Session: binary.BigEndian.Uint64(b), Owner: binary.BigEndian.Uint64(b[8:]), Records: slices.Clone(b[20 : 20+n])})
		b = b[20+n:]
	}
	return ps, nil
}

// PlockRange is one range of a file in a Plock: [Start, End], held by a process.
type PlockRange struct {
	Type       uint32 // 0: shared, 1: exclusive
	PID        uint32
	Start, End uint64 // bytes; End is the last of them
}

// Ranges decodes the lock records; what is left over at their end is none.
func (p Plock) Ranges() []PlockRange {
	var out []PlockRange
	for b := p.Records; len(b) >= 24; b = b[24:] {
		out = append(out, PlockRange{
			Type: binary.BigEndian.Uint32(b), PID: binary.BigEndian.Uint32(b[4:]),
			Start: binary.BigEndian.Uint64(b[8:]), End: binary.BigEndian.Uint64(b[16:]),
		})
	}
	return out
}

func cmpOwner(s1, o1, s2, o2 uint64) int {
	switch {
	case s1 != s2 && s1 < s2, s1 == s2 && o1 < o2:
		return -1
	case s1 == s2 && o1 == o2:
		return 0
	}
	return 1
}
