package kvdb

import (
	"encoding/binary"

	"juicefs/meta/record"
)

// Format: juicefs 1.4.1, testdata/tkv-keyspace. An inode is 8 bytes little-endian; numbers are big-endian otherwise.

func inode(prefix string, ino uint64) []byte {
	return binary.LittleEndian.AppendUint64([]byte(prefix), ino)
}

func number(b []byte, n uint64) []byte { return binary.BigEndian.AppendUint64(b, n) }

// keyOf returns where a record is stored. A session has a second key, see infoKey.
func keyOf(k record.Key) []byte {
	switch k.Kind {
	case record.KindEntry, record.KindXattr:
		return append(groupOf(k.Kind, k.A), k.Name...)
	case record.KindParent:
		return binary.LittleEndian.AppendUint64(groupOf(k.Kind, k.A), k.B)
	case record.KindChunk:
		return binary.BigEndian.AppendUint32(groupOf(k.Kind, k.A), uint32(k.B))
	case record.KindSliceRef:
		return binary.BigEndian.AppendUint32(groupOf(k.Kind, k.A), uint32(k.B))
	case record.KindSustained:
		return binary.LittleEndian.AppendUint64(groupOf(k.Kind, k.A), k.B)
	case record.KindDelFile:
		return number(groupOf(k.Kind, k.A), k.B)
	case record.KindDelSlices:
		return number(number([]byte("L"), k.B), k.A)
	case record.KindQuota:
		if record.QuotaType(k.A) == record.QuotaDir {
			return binary.LittleEndian.AppendUint64(groupOf(k.Kind, k.A), k.B)
		}
		return number(groupOf(k.Kind, k.A), k.B)
	case record.KindCounter:
		return append([]byte("C"), k.Name...)
	}
	return groupOf(k.Kind, k.A)
}

// groupOf returns the prefix of all keys of a kind with the same A; for kinds with one record an A, its key.
func groupOf(kind record.Kind, a uint64) []byte {
	switch kind {
	case record.KindAttr:
		return append(inode("A", a), 'I')
	case record.KindEntry:
		return append(inode("A", a), 'D')
	case record.KindParent:
		return append(inode("A", a), 'P')
	case record.KindChunk:
		return append(inode("A", a), 'C')
	case record.KindSymlink:
		return append(inode("A", a), 'S')
	case record.KindXattr:
		return append(inode("A", a), 'X')
	case record.KindSliceRef:
		return number([]byte("K"), a)
	case record.KindDirStat:
		return inode("U", a)
	case record.KindQuota:
		switch record.QuotaType(a) {
		case record.QuotaUser:
			return []byte("QU")
		case record.QuotaGroup:
			return []byte("QG")
		}
		return []byte("QD")
	case record.KindACL:
		return binary.BigEndian.AppendUint32([]byte("R"), uint32(a))
	case record.KindSession:
		return number([]byte("SE"), a)
	case record.KindSustained:
		return number([]byte("SS"), a)
	case record.KindFlock:
		return inode("F", a)
	case record.KindPlock:
		return inode("P", a)
	case record.KindDelFile:
		return inode("D", a)
	case record.KindDetached:
		return inode("N", a)
	case record.KindLog:
		return number([]byte("XLOG"), a)
	}
	return kindPrefix(kind)
}

// kindPrefix returns the prefix of all keys of a kind. Other kinds may share it: parseKey tells.
func kindPrefix(kind record.Kind) []byte {
	switch kind {
	case record.KindSetting:
		return []byte("setting")
	case record.KindCounter:
		return []byte("C")
	case record.KindAttr, record.KindEntry, record.KindParent, record.KindChunk, record.KindSymlink, record.KindXattr:
		return []byte("A")
	case record.KindSliceRef:
		return []byte("K")
	case record.KindDirStat:
		return []byte("U")
	case record.KindQuota:
		return []byte("Q")
	case record.KindACL:
		return []byte("R")
	case record.KindSession:
		return []byte("SE")
	case record.KindSustained:
		return []byte("SS")
	case record.KindFlock:
		return []byte("F")
	case record.KindPlock:
		return []byte("P")
	case record.KindDelFile:
		return []byte("D")
	case record.KindDelSlices:
		return []byte("L")
	case record.KindDetached:
		return []byte("N")
	case record.KindLog:
		return []byte("XLOG")
	}
	return nil
}

// infoKey returns where the description of a session is.
func infoKey(sid uint64) []byte { return number([]byte("SI"), sid) }

// prefixEnd returns the first key behind all keys with a prefix. Prefixes never are all 0xff here.
func prefixEnd(prefix []byte) []byte {
	end := append([]byte(nil), prefix...)
	for i := len(end) - 1; i >= 0; i-- {
		if end[i] < 0xff {
			end[i]++
			return end[:i+1]
		}
	}
	return nil
}

// parseKey is the inverse of keyOf; false for a key that is none of ours, such as a session's description, a legacy
// heartbeat, or a token.
func parseKey(b []byte) (record.Key, bool) {
	if len(b) == 0 {
		return record.Key{}, false
	}
	be, le := binary.BigEndian, binary.LittleEndian
	rest := b[1:]
	switch b[0] {
	case 's':
		return record.SettingKey(), string(b) == "setting"
	case 'C':
		return record.CounterKey(string(rest)), len(rest) > 0
	case 'A':
		return parseInodeKey(rest)
	case 'D':
		if len(rest) == 16 {
			return record.DelFileKey(record.Ino(le.Uint64(rest)), be.Uint64(rest[8:])), true
		}
	case 'K':
		if len(rest) == 12 {
			return record.SliceRefKey(be.Uint64(rest), be.Uint32(rest[8:])), true
		}
	case 'L':
		if len(rest) == 16 {
			return record.DelSlicesKey(be.Uint64(rest[8:]), int64(be.Uint64(rest))), true
		}
	case 'R':
		if len(rest) == 4 {
			return record.ACLKey(be.Uint32(rest)), true
		}
	case 'F', 'P', 'U', 'N':
		kind := map[byte]record.Kind{'F': record.KindFlock, 'P': record.KindPlock, 'U': record.KindDirStat, 'N': record.KindDetached}[b[0]]
		if len(rest) == 8 {
			return record.Key{Kind: kind, A: le.Uint64(rest)}, true
		}
	case 'Q':
		return parseQuotaKey(rest)
	case 'S':
		switch {
		case len(rest) == 9 && rest[0] == 'E':
			return record.SessionKey(be.Uint64(rest[1:])), true
		case len(rest) == 17 && rest[0] == 'S':
			return record.SustainedKey(be.Uint64(rest[1:]), record.Ino(le.Uint64(rest[9:]))), true
		}
	case 'X':
		if len(rest) == 11 && string(rest[:3]) == "LOG" {
			return record.Key{Kind: record.KindLog, A: be.Uint64(rest[3:])}, true
		}
	}
	return record.Key{}, false
}

func parseInodeKey(rest []byte) (record.Key, bool) {
	if len(rest) < 9 {
		return record.Key{}, false
	}
	a, rest := record.Ino(binary.LittleEndian.Uint64(rest)), rest[8:]
	letter, rest := rest[0], rest[1:]
	switch letter {
	case 'I':
		return record.AttrKey(a), len(rest) == 0
	case 'S':
		return record.SymlinkKey(a), len(rest) == 0
	case 'D':
		return record.EntryKey(a, string(rest)), len(rest) > 0
	case 'X':
		return record.XattrKey(a, string(rest)), len(rest) > 0
	case 'C':
		if len(rest) == 4 {
			return record.ChunkKey(a, binary.BigEndian.Uint32(rest)), true
		}
	case 'P':
		if len(rest) == 8 {
			return record.ParentKey(a, record.Ino(binary.LittleEndian.Uint64(rest))), true
		}
	}
	return record.Key{}, false
}

func parseQuotaKey(rest []byte) (record.Key, bool) {
	if len(rest) != 9 {
		return record.Key{}, false
	}
	switch rest[0] {
	case 'D':
		return record.QuotaKey(record.QuotaDir, binary.LittleEndian.Uint64(rest[1:])), true
	case 'U':
		return record.QuotaKey(record.QuotaUser, binary.BigEndian.Uint64(rest[1:])), true
	case 'G':
		return record.QuotaKey(record.QuotaGroup, binary.BigEndian.Uint64(rest[1:])), true
	}
	return record.Key{}, false
}
