package redisdb

import (
	"fmt"
	"strconv"
	"strings"

	"juicefs/meta/record"
)

// form is how a kind of record is stored.
type form uint8

const (
	unstored    form = iota
	stringForm       // a string
	hashForm         // a field of a hash
	listForm         // a list of slice records
	setForm          // a member of a set
	scoreForm        // a member of a sorted set, the value is its score
	lockForm         // a whole hash, and a member of a set for each session in it
	sessionForm      // a member of a sorted set and a field of a hash
	statForm         // a field in each of three hashes
	quotaForm        // the same
)

func formOf(k record.Kind) form {
	switch k {
	case record.KindSetting, record.KindCounter, record.KindAttr, record.KindSymlink:
		return stringForm
	case record.KindEntry, record.KindParent, record.KindXattr, record.KindSliceRef, record.KindACL, record.KindDelSlices:
		return hashForm
	case record.KindChunk:
		return listForm
	case record.KindSustained:
		return setForm
	case record.KindDelFile, record.KindDetached:
		return scoreForm
	case record.KindFlock, record.KindPlock:
		return lockForm
	case record.KindSession:
		return sessionForm
	case record.KindDirStat:
		return statForm
	case record.KindQuota:
		return quotaForm
	}
	return unstored
}

// Names of keys that a volume has one of. Format: juicefs 1.4.1.
const (
	settingName      = "setting"
	sliceRefName     = "sliceRef"
	aclName          = "acl"
	delSlicesName    = "delSlices"
	delFilesName     = "delfiles"
	detachedName     = "detachedNodes"
	expiryName       = "allSessions"
	infoName         = "sessionInfos"
	logName          = "txnLog"
	lastLogName      = "txnLastLog"
	sustainedLetters = "session"
	lockedLetters    = "locked"
)

// statNames are the hashes of directory statistics in the order of record.DirStat. The record exists if it has a field in
// statNames[1].
func statNames() [3]string { return [3]string{"dirDataLength", "dirUsedSpace", "dirUsedInodes"} }

// quotaNames are the hashes of a type of quota: limits, used space, used inodes. The record exists if it has a field in the
// first or the last.
func quotaNames(t record.QuotaType) [3]string {
	letters := [...]string{"dir", "user", "group"}[min(t, 2)]
	return [3]string{letters + "Quota", letters + "QuotaUsedSpace", letters + "QuotaUsedInodes"}
}

// letters are in front of the inode in the keys of kinds that have keys of their own.
func letters(k record.Kind) string {
	switch k {
	case record.KindAttr:
		return "i"
	case record.KindEntry:
		return "d"
	case record.KindParent:
		return "p"
	case record.KindChunk:
		return "c"
	case record.KindSymlink:
		return "s"
	case record.KindXattr:
		return "x"
	case record.KindSustained:
		return sustainedLetters
	case record.KindFlock:
		return "lockf"
	case record.KindPlock:
		return "lockp"
	}
	return ""
}

// counterName returns the key of a counter, and by how much the stored number is lower.
func counterName(counter string) (name string, lower int64) {
	switch counter {
	case record.CounterInode:
		return "nextinode", 1
	case record.CounterSlice:
		return "nextchunk", 1
	case record.CounterSession:
		return "nextsession", 0
	}
	return counter, 0
}

// counters are all that a volume may have.
func counters() []string {
	return []string{record.CounterInode, record.CounterSlice, record.CounterSession, record.CounterTrash, record.CounterSpace,
		record.CounterInodes, record.CounterACL, record.CounterLastSessions, record.CounterLastFiles, record.CounterNextSlices,
		record.CounterLastTrash, record.CounterLastChangelog}
}

// key adds the key that holds a record of one of the first six forms, or of a lock.
func (a *args) key(k record.Key) {
	switch k.Kind {
	case record.KindSetting:
		a.name(settingName)
	case record.KindCounter:
		name, _ := counterName(k.Name)
		a.name(name)
	case record.KindSliceRef:
		a.name(sliceRefName)
	case record.KindACL:
		a.name(aclName)
	case record.KindDelSlices:
		a.name(delSlicesName)
	case record.KindDelFile:
		a.name(delFilesName)
	case record.KindDetached:
		a.name(detachedName)
	case record.KindChunk:
		a.buf = append(a.buf, a.prefix...)
		a.buf = append(a.buf, 'c')
		a.buf = strconv.AppendUint(a.buf, k.A, 10)
		a.buf = append(a.buf, '_')
		a.uint(k.B)
	default:
		a.numbered(letters(k.Kind), k.A)
	}
}

// field adds the field or member of a record within its key.
func (a *args) field(k record.Key) {
	switch k.Kind {
	case record.KindEntry, record.KindXattr:
		a.str(k.Name)
	case record.KindParent, record.KindSustained:
		a.uint(k.B)
	case record.KindSliceRef:
		a.buf = append(a.buf, 'k')
		a.pair(k.A, '_', k.B)
	case record.KindDelSlices:
		a.pair(k.A, '_', k.B)
	case record.KindDelFile:
		a.pair(k.A, ':', k.B)
	case record.KindQuota:
		a.uint(k.B)
	default: // ACL, DirStat, Session, Detached
		a.uint(k.A)
	}
}

// pair adds two numbers with a sign between.
func (a *args) pair(x uint64, sign byte, y uint64) {
	a.buf = strconv.AppendUint(a.buf, x, 10)
	a.buf = append(a.buf, sign)
	a.uint(y)
}

// parsePair is the inverse of pair; false if s is none.
func parsePair(s, sign string) (x, y uint64, ok bool) {
	left, right, ok := strings.Cut(s, sign)
	if !ok {
		return 0, 0, false
	}
	x, okX := parseUint(left)
	y, okY := parseUint(right)
	return x, y, okX && okY
}

// parseUint reads a number as keys have it: decimal digits and no leading zero.
func parseUint(s string) (uint64, bool) {
	if s == "" || s[0] == '0' && s != "0" || s[0] == '+' {
		return 0, false
	}
	n, err := strconv.ParseUint(s, 10, 64)
	return n, err == nil
}

// parseField returns the key of the record in a field or member of a key of its kind; false for what is no record.
func parseField(kind record.Kind, a uint64, field string) (record.Key, bool) {
	k := record.Key{Kind: kind, A: a}
	ok := true
	switch kind {
	case record.KindEntry, record.KindXattr:
		k.Name = field
	case record.KindParent, record.KindSustained, record.KindQuota:
		k.B, ok = parseUint(field)
	case record.KindSliceRef:
		if field, ok = strings.CutPrefix(field, "k"); ok {
			k.A, k.B, ok = parsePair(field, "_")
		}
	case record.KindDelSlices:
		k.A, k.B, ok = parsePair(field, "_")
	case record.KindDelFile:
		k.A, k.B, ok = parsePair(field, ":")
	default:
		k.A, ok = parseUint(field)
	}
	return k, ok
}

// parseKey returns the first parts of the record's key that a key without prefix holds; false for a key of another kind.
func parseKey(kind record.Kind, key string) (record.Key, bool) {
	rest, ok := strings.CutPrefix(key, letters(kind))
	if !ok {
		return record.Key{}, false
	}
	k := record.Key{Kind: kind}
	if kind == record.KindChunk {
		k.A, k.B, ok = parsePair(rest, "_")
		return k, ok && k.B < 1<<32
	}
	k.A, ok = parseUint(rest)
	return k, ok
}

// owner is the field of a lock's holder. Format: juicefs 1.4.1; the owner is 16 digits.
func owner(sid, owner uint64) string { return fmt.Sprintf("%d_%016X", sid, owner) }

// parseOwner is the inverse of owner.
func parseOwner(field string) (sid, owner uint64, ok bool) {
	left, right, ok := strings.Cut(field, "_")
	if !ok {
		return 0, 0, false
	}
	sid, ok = parseUint(left)
	owner, err := strconv.ParseUint(right, 16, 64)
	return sid, owner, ok && err == nil
}
