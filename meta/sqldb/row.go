package sqldb

import (
	"database/sql/driver"
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"juicefs/meta/record"
)

// appendKey appends the key columns of a record, in the order of its shape's keys.
func appendKey(args []driver.Value, k record.Key) []driver.Value {
	a, b := int64(k.A), int64(k.B)
	switch k.Kind {
	case record.KindSetting:
		return append(args, "format")
	case record.KindCounter:
		return append(args, k.Name)
	case record.KindEntry:
		return append(args, a, []byte(k.Name)) // a name as text would be another name
	case record.KindXattr:
		return append(args, a, k.Name)
	case record.KindChunk, record.KindSustained, record.KindDelFile, record.KindDelSlices:
		return append(args, a, b)
	case record.KindQuota:
		if shapeOf(k) == shapeOwnerQuota {
			return append(args, a, b)
		}
		return append(args, b)
	}
	return append(args, a)
}

// decodeKey is the inverse of appendKey, for a record with the given values.
func decodeKey(kind record.Kind, cols, values []driver.Value) record.Key {
	k := record.Key{Kind: kind}
	switch kind {
	case record.KindSetting:
		return k
	case record.KindCounter:
		k.Name = string(raw(cols[0]))
		return k
	case record.KindEntry, record.KindXattr:
		k.Name = string(raw(cols[1]))
	case record.KindChunk, record.KindSustained, record.KindDelFile, record.KindDelSlices:
		k.B = uint64(num(cols[1]))
	case record.KindSliceRef:
		k.B = uint64(num(values[0]))
	case record.KindQuota:
		if len(cols) == 1 {
			k.A, k.B = uint64(record.QuotaDir), uint64(num(cols[0]))
			return k
		}
		k.B = uint64(num(cols[1]))
	}
	k.A = uint64(num(cols[0]))
	return k
}

// appendValue appends the value columns of a record, in the order of its shape's values.
func appendValue(args []driver.Value, k record.Key, v []byte) ([]driver.Value, error) {
	switch k.Kind {
	case record.KindSetting, record.KindLog:
		return append(args, string(v)), nil
	case record.KindAttr:
		a, err := record.DecodeAttr(v)
		if err != nil {
			return nil, err
		}
		return appendNode(args, a)
	case record.KindEntry:
		d, err := record.DecodeDirent(v)
		if err != nil {
			return nil, err
		}
		return append(args, int64(d.Type), int64(d.Ino)), nil
	case record.KindSustained:
		return args, nil
	case record.KindSliceRef:
		n, err := record.DecodeInt64(k.Kind, v)
		return append(args, int64(k.B), n), err
	case record.KindCounter, record.KindDelFile, record.KindDetached:
		n, err := record.DecodeInt64(k.Kind, v)
		return append(args, n), err
	case record.KindDirStat:
		d, err := record.DecodeDirStat(v)
		return append(args, d.Length, d.Space, d.Inodes), err
	case record.KindQuota:
		q, err := record.DecodeQuota(v)
		return append(args, q.MaxSpace, q.MaxInodes, q.UsedSpace, q.UsedInodes), err
	case record.KindSession:
		s, err := record.DecodeSession(v)
		if err != nil || len(s.Info) == 0 {
			return append(args, s.Expire, nil), err
		}
		return append(args, s.Expire, s.Info), nil
	case record.KindACL:
		return appendACL(args, v)
	}
	return append(args, v), nil // slices, target, extended attribute
}

// decodeValue is the inverse of appendValue. The bytes of the row are not shared with it, or are the caller's.
func decodeValue(k record.Key, row []driver.Value) ([]byte, error) {
	switch k.Kind {
	case record.KindAttr:
		return decodeNode(row)
	case record.KindEntry:
		return record.Dirent{Type: record.Type(num(row[0])), Ino: record.Ino(num(row[1]))}.Encode(), nil
	case record.KindSustained:
		return []byte{1}, nil
	case record.KindSliceRef:
		return record.EncodeInt64(num(row[1])), nil
	case record.KindCounter, record.KindDelFile, record.KindDetached:
		return record.EncodeInt64(num(row[0])), nil
	case record.KindDirStat:
		return record.DirStat{Length: num(row[0]), Space: num(row[1]), Inodes: num(row[2])}.Encode(), nil
	case record.KindQuota:
		return record.Quota{MaxSpace: num(row[0]), MaxInodes: num(row[1]), UsedSpace: num(row[2]), UsedInodes: num(row[3])}.Encode(), nil
	case record.KindSession:
		return record.Session{Expire: num(row[0]), Info: raw(row[1])}.Encode(), nil
	case record.KindACL:
		return decodeACL(row), nil
	}
	if b := raw(row[0]); b != nil {
		return b, nil
	}
	return []byte{}, nil // the row is there
}

// num reads a number; NULL is 0, as older versions write it.
func num(v driver.Value) int64 {
	switch v := v.(type) {
	case int64:
		return v
	case float64:
		return int64(v)
	}
	return 0
}

// raw reads bytes, whatever the storage class of the cell. The driver copies both out of the database byte by byte.
func raw(v driver.Value) []byte {
	switch v := v.(type) {
	case []byte:
		return v
	case string:
		return []byte(v)
	}
	return nil
}

const microsecond = 1000 // nanoseconds

var errTime = errors.New("time is out of range")

// timeColumns splits a time into microseconds and the rest in nanoseconds.
//
// Format: the rest is 0 to 999, also before 1970. juicefs 1.4.1; testdata/sqlite-rows.
func timeColumns(t record.Time) (micros, rest int64, err error) {
	const most = math.MaxInt64/1_000_000 - 1
	if t.Sec > most || t.Sec < -most {
		return 0, 0, errTime
	}
	return t.Sec*1e6 + int64(t.Nsec/microsecond), int64(t.Nsec % microsecond), nil
}

func timeOf(micros, rest driver.Value) record.Time {
	m, r := num(micros), min(max(num(rest), 0), microsecond-1) // more than there is would spill into the seconds
	sec := m / 1e6
	sub := m % 1e6
	if sub < 0 {
		sec, sub = sec-1, sub+1e6
	}
	return record.Time{Sec: sec, Nsec: uint32(sub*microsecond + r)}
}

// appendNode appends nodeColumns.
func appendNode(args []driver.Value, a *record.Attr) ([]driver.Value, error) {
	var at, rest [3]int64
	for i, t := range [...]record.Time{a.Atime, a.Mtime, a.Ctime} {
		var err error
		if at[i], rest[i], err = timeColumns(t); err != nil {
			return nil, err
		}
	}
	return append(args, int64(a.Type), int64(a.Flags), int64(a.Mode), int64(a.UID), int64(a.GID), at[0], at[1], at[2], rest[0], rest[1], rest[2],
		int64(a.Nlink), int64(a.Length), int64(a.Rdev), int64(a.Parent), int64(a.AccessACL), int64(a.DefaultACL), int64(a.Tier)), nil
}

// decodeNode encodes an attribute from nodeColumns; nil if there is no row, as an outer join says by NULLs.
func decodeNode(r []driver.Value) ([]byte, error) {
	if r[0] == nil {
		return nil, nil
	}
	if t := num(r[0]); t < 0 || t > 15 {
		return nil, fmt.Errorf("%w: type %d", record.ErrCorrupt, t)
	}
	a := record.Attr{
		Type: record.Type(num(r[0])), Flags: uint8(num(r[1])), Mode: uint16(num(r[2])) & 0xFFF, UID: uint32(num(r[3])), GID: uint32(num(r[4])),
		Atime: timeOf(r[5], r[8]), Mtime: timeOf(r[6], r[9]), Ctime: timeOf(r[7], r[10]),
		Nlink: uint32(num(r[11])), Length: uint64(num(r[12])), Rdev: uint32(num(r[13])), Parent: record.Ino(num(r[14])),
		AccessACL: uint32(num(r[15])), DefaultACL: uint32(num(r[16])), Tier: uint8(num(r[17])),
	}
	return a.Encode(), nil
}

// Format of an ACL rule: four permissions of 2 bytes, then twice a count of 4 bytes and as many entries of 6 bytes. The
// columns hold the entries without counts. juicefs 1.4.1; testdata/misc-values.json.
const aclEntry = 6

func appendACL(args []driver.Value, v []byte) ([]driver.Value, error) {
	be := binary.BigEndian
	bad := func() ([]driver.Value, error) {
		return nil, fmt.Errorf("%w: %s: %d bytes", record.ErrCorrupt, record.KindACL, len(v))
	}
	if len(v) < 8 {
		return bad()
	}
	for i := range 4 {
		args = append(args, int64(be.Uint16(v[2*i:])))
	}
	rest := v[8:]
	for range 2 {
		if len(rest) < 4 || uint64(be.Uint32(rest))*aclEntry > uint64(len(rest)-4) {
			return bad()
		}
		n := int(be.Uint32(rest)) * aclEntry
		if n == 0 {
			args = append(args, nil)
		} else {
			args = append(args, rest[4:4+n])
		}
		rest = rest[4+n:]
	}
	if len(rest) > 0 {
		return bad()
	}
	return args, nil
}

func decodeACL(r []driver.Value) []byte {
	be := binary.BigEndian
	var b []byte
	for i := range 4 {
		b = be.AppendUint16(b, uint16(num(r[i])))
	}
	for _, named := range r[4:6] {
		entries := raw(named)
		n := len(entries) / aclEntry
		b = be.AppendUint32(b, uint32(n))
		b = append(b, entries[:n*aclEntry]...)
	}
	return b
}
