package enginetest

import (
	"encoding/binary"

	"juicefs/meta/record"
)

// dirAttr is the attribute of a directory.
func dirAttr(parent record.Ino) *record.Attr {
	t := record.Time{Sec: 1700000000, Nsec: 123456789}
	return &record.Attr{Type: record.TypeDirectory, Mode: 0o755, UID: 1000, GID: 1001, Atime: t, Mtime: t, Ctime: t,
		Nlink: 2, Length: 4096, Parent: parent}
}

// fileAttr is the attribute of a regular file.
func fileAttr(parent record.Ino, length uint64) *record.Attr {
	a := dirAttr(parent)
	a.Type, a.Mode, a.Nlink, a.Length = record.TypeFile, 0o644, 1, length
	return a
}

func dirent(ino record.Ino) []byte {
	return record.Dirent{Type: record.TypeFile, Ino: ino}.Encode()
}

func slice(id uint64) record.Slice {
	return record.Slice{Pos: 7, ID: id, Size: 1000, Off: 10, Len: 900}
}

// hugeIno is an inode with all bytes in use.
const hugeIno = record.Ino(0x0102030405060708)

// samples are records of every kind but Parent, whose records some engines derive from entries: at least two a kind, with
// values that look for traps (empty, negative, high bits, bytes that are no text).
func samples() []record.Item {
	i64 := record.EncodeInt64
	full := &record.Attr{Flags: 0xff, Type: record.TypeCharDev, Mode: 0xfff, UID: 1<<32 - 1, GID: 1 << 31,
		Atime: record.Time{Sec: 0, Nsec: 999999999}, Mtime: record.Time{Sec: 4102444800, Nsec: 1}, Ctime: record.Time{Sec: 1, Nsec: 1000},
		Nlink: 3, Length: 1<<63 - 1, Rdev: 0xfffffffe, Parent: record.Trash + 5, AccessACL: 1, DefaultACL: 2, Tier: 3}
	tier := *fileAttr(0, 0)
	tier.Tier = 1
	acl := *dirAttr(1)
	acl.DefaultACL = 9
	early := *fileAttr(1, 5)
	early.Atime = record.Time{Sec: -5, Nsec: 400}
	return []record.Item{
		{Key: record.SettingKey(), Value: []byte("{\n\"Name\": \"\\u0026 ü\"\n}")},
		{Key: record.CounterKey(record.CounterSpace), Value: i64(-4096)},
		{Key: record.CounterKey(record.CounterSession), Value: i64(1 << 40)},
		{Key: record.CounterKey(record.CounterLastFiles), Value: i64(1795440605)},
		{Key: record.CounterKey(record.CounterNextSlices), Value: i64(1795440606)},
		{Key: record.AttrKey(2), Value: fileAttr(1, 5).Encode()},
		{Key: record.AttrKey(hugeIno), Value: full.Encode()},
		{Key: record.AttrKey(record.Trash), Value: acl.Encode()},
		{Key: record.AttrKey(3), Value: tier.Encode()},
		{Key: record.AttrKey(4), Value: early.Encode()},
		{Key: record.EntryKey(1, "plain"), Value: dirent(2)},
		{Key: record.EntryKey(1, "\x01\xff\xfe 'x' \"y\" \\"), Value: record.Dirent{Type: record.TypeSocket, Ino: hugeIno}.Encode()},
		{Key: record.EntryKey(record.Trash, "2026-11-23-13"), Value: record.Dirent{Type: record.TypeDirectory, Ino: record.Trash + 1}.Encode()},
		{Key: record.ChunkKey(2, 0), Value: record.EncodeSlices(slice(1), record.Slice{}, slice(0x00ff00ff00ff00ff))},
		{Key: record.ChunkKey(2, 700), Value: record.EncodeSlices(slice(2))},
		{Key: record.ChunkKey(hugeIno, 1), Value: record.EncodeSlices(slice(3))},
		{Key: record.SliceRefKey(12, 1), Value: i64(2)},
		{Key: record.SliceRefKey(1<<40, 1<<26), Value: i64(0)},
		{Key: record.SliceRefKey(13, 7), Value: i64(-1)},
		{Key: record.SymlinkKey(5), Value: []byte("../a.txt\xff")},
		{Key: record.SymlinkKey(hugeIno), Value: []byte("/x")},
		{Key: record.XattrKey(2, "user.k1"), Value: []byte("v1\x00\xff")},
		{Key: record.XattrKey(2, "s3-ä"), Value: []byte{}},
		{Key: record.XattrKey(hugeIno, "user.k1"), Value: []byte("other")},
		{Key: record.DirStatKey(1), Value: record.DirStat{Length: 1, Space: -4096, Inodes: 3}.Encode()},
		{Key: record.DirStatKey(hugeIno), Value: record.DirStat{}.Encode()},
		{Key: record.QuotaKey(record.QuotaDir, 3), Value: record.Quota{MaxSpace: 1 << 30, MaxInodes: 100, UsedSpace: 12288, UsedInodes: 3}.Encode()},
		{Key: record.QuotaKey(record.QuotaUser, 1000), Value: record.Quota{MaxSpace: -1, MaxInodes: -1, UsedSpace: 5, UsedInodes: -2}.Encode()},
		{Key: record.QuotaKey(record.QuotaUser, 1<<32-1), Value: record.Quota{}.Encode()},
		{Key: record.QuotaKey(record.QuotaGroup, 1000), Value: record.Quota{MaxSpace: 7}.Encode()},
		{Key: record.ACLKey(1), Value: aclRule(6, 4, 7, 4, []uint32{1000}, []uint32{2000, 1<<32 - 1})},
		{Key: record.ACLKey(2), Value: aclRule(7, 0xFFFF, 0xFFFF, 5, nil, nil)},
		{Key: record.SessionKey(1), Value: record.Session{Expire: 1795440615, Info: []byte(`{"Version":"1.4.1"}`)}.Encode()},
		{Key: record.SessionKey(1 << 33), Value: record.Session{Expire: 5}.Encode()},
		{Key: record.SustainedKey(1, 24), Value: []byte{1}},
		{Key: record.SustainedKey(1, hugeIno), Value: []byte{1}},
		{Key: record.SustainedKey(2, 24), Value: []byte{1}},
		{Key: record.FlockKey(6), Value: record.EncodeFlocks([]record.Flock{{Session: 1, Owner: 1 << 63, Type: 'W'}, {Session: 1, Owner: 5, Type: 'R'}})},
		{Key: record.FlockKey(7), Value: record.EncodeFlocks([]record.Flock{{Session: 9, Owner: 1, Type: 'R'}})},
		{Key: record.PlockKey(9), Value: record.EncodePlocks([]record.Plock{{Session: 2, Owner: 1<<64 - 1, Records: make([]byte, 48)}, {Session: 1, Owner: 3, Records: make([]byte, 24)}})},
		{Key: record.PlockKey(hugeIno), Value: record.EncodePlocks([]record.Plock{{Session: 1, Owner: 1, Records: make([]byte, 24)}})},
		{Key: record.DelFileKey(25, 5), Value: i64(1795440611)},
		{Key: record.DelFileKey(hugeIno, 1<<40), Value: i64(1)},
		{Key: record.DelSlicesKey(19, 1795440595), Value: record.EncodeSliceIDs(record.SliceID{ID: 16, Size: 1000}, record.SliceID{ID: 1 << 50, Size: 1})},
		{Key: record.DelSlicesKey(20, 1795440595), Value: record.EncodeSliceIDs(record.SliceID{ID: 17, Size: 1000})},
		{Key: record.DetachedKey(19), Value: i64(1795440595)},
		{Key: record.DetachedKey(hugeIno), Value: i64(2)},
	}
}

// aclRule encodes an access control rule. Format: juicefs 1.4.1, misc-values.json.
func aclRule(owner, group, mask, other uint16, users, groups []uint32) []byte {
	be := binary.BigEndian
	var b []byte
	for _, v := range []uint16{owner, group, mask, other} {
		b = be.AppendUint16(b, v)
	}
	for _, ids := range [][]uint32{users, groups} {
		b = be.AppendUint32(b, uint32(len(ids)))
		for _, id := range ids {
			b = be.AppendUint16(be.AppendUint32(b, id), 5)
		}
	}
	return b
}
