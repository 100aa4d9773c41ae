package record

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Ino is an inode number. Zero is no inode.
type Ino uint64

// Inode numbers with a meaning of their own (juicefs 1.4.1).
const (
	// Root is the inode of the volume's root directory.
	Root Ino = 1
	// Trash is the inode of the trash root; the hour directories in it are Trash+1, Trash+2 and so on.
	Trash Ino = 0x7FFFFFFF10000000
)

// InTrash reports whether the inode is the trash root or one of its hour directories.
func (i Ino) InTrash() bool { return i >= Trash }

// Sizes and limits of the format (juicefs 1.4.1).
const (
	// ChunkSize is the size in bytes of the window of a file that a chunk covers; it is fixed.
	ChunkSize = 64 << 20
	// MaxName is the longest name of an entry, in bytes.
	MaxName = 255
	// MaxSymlink is the longest target of a symbolic link, in bytes.
	MaxSymlink = 4096
	// InodeBatch and SliceBatch are the numbers of ids that a client takes from a counter at once.
	InodeBatch = 1024
	SliceBatch = 4096
)

// Kind says what a record is. The zero Kind is not valid.
type Kind uint8

// The kinds of records.
const (
	KindSetting Kind = iota + 1
	KindCounter
	KindAttr
	KindEntry
	KindParent
	KindChunk
	KindSliceRef
	KindSymlink
	KindXattr
	KindDirStat
	KindQuota
	KindACL
	KindSession
	KindSustained
	KindFlock
	KindPlock
	KindDelFile
	KindDelSlices
	KindDetached
	KindLog
	kindEnd
)

var kindNames = [...]string{"invalid", "setting", "counter", "attr", "entry", "parent", "chunk", "sliceref", "symlink",
	"xattr", "dirstat", "quota", "acl", "session", "sustained", "flock", "plock", "delfile", "delslices", "detached", "log"}

// Valid reports whether k is one of the kinds above.
func (k Kind) Valid() bool { return k > 0 && k < kindEnd }

// String returns the kind's name.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return fmt.Sprintf("kind(%d)", uint8(k))
}

// Kinds returns every kind, in order.
func Kinds() []Kind {
	all := make([]Kind, 0, kindEnd-1)
	for k := Kind(1); k < kindEnd; k++ {
		all = append(all, k)
	}
	return all
}

// Key names one record. Keys are comparable and may be used in maps.
type Key struct {
	Kind Kind
	A, B uint64 // inode, directory, chunk index, session, slice id: by kind, see the package comment
	Name string // of an entry, extended attribute or counter; raw bytes
}

// String returns the key for people, in logs and errors.
func (k Key) String() string {
	switch k.Kind {
	case KindSetting:
		return "setting"
	case KindCounter:
		return "counter " + k.Name
	case KindEntry, KindXattr:
		return fmt.Sprintf("%s %d %q", k.Kind, k.A, k.Name)
	case KindParent, KindChunk, KindSliceRef, KindQuota, KindSustained, KindDelFile, KindDelSlices:
		return fmt.Sprintf("%s %d/%d", k.Kind, k.A, k.B)
	}
	return fmt.Sprintf("%s %d", k.Kind, k.A)
}

// Item is a record: its key and canonical value. A nil Value means that there is no such record; an empty Value that
// is not nil is a record without bytes (an extended attribute may be empty).
type Item struct {
	Key   Key
	Value []byte
}

// SettingKey is the key of the volume's setting.
func SettingKey() Key { return Key{Kind: KindSetting} }

// CounterKey is the key of a counter by its logical name (see the Counter constants).
func CounterKey(name string) Key { return Key{Kind: KindCounter, Name: name} }

// AttrKey is the key of an inode's attribute.
func AttrKey(ino Ino) Key { return Key{Kind: KindAttr, A: uint64(ino)} }

// EntryKey is the key of the entry name in the directory dir.
func EntryKey(dir Ino, name string) Key { return Key{Kind: KindEntry, A: uint64(dir), Name: name} }

// ParentKey is the key of the number of links that the directory parent holds to an inode with several links.
func ParentKey(ino, parent Ino) Key { return Key{Kind: KindParent, A: uint64(ino), B: uint64(parent)} }

// ChunkKey is the key of the slice list of chunk index of a file.
func ChunkKey(ino Ino, index uint32) Key {
	return Key{Kind: KindChunk, A: uint64(ino), B: uint64(index)}
}

// SliceRefKey is the key of the reference count of a slice. Some engines know slices by id alone; the size is
// informative for those.
func SliceRefKey(id uint64, size uint32) Key { return Key{Kind: KindSliceRef, A: id, B: uint64(size)} }

// SymlinkKey is the key of a symbolic link's target.
func SymlinkKey(ino Ino) Key { return Key{Kind: KindSymlink, A: uint64(ino)} }

// XattrKey is the key of an extended attribute.
func XattrKey(ino Ino, name string) Key { return Key{Kind: KindXattr, A: uint64(ino), Name: name} }

// DirStatKey is the key of a directory's statistics.
func DirStatKey(dir Ino) Key { return Key{Kind: KindDirStat, A: uint64(dir)} }

// QuotaKey is the key of a quota: t says whether key is an inode, a user or a group.
func QuotaKey(t QuotaType, key uint64) Key { return Key{Kind: KindQuota, A: uint64(t), B: key} }

// ACLKey is the key of an access control rule.
func ACLKey(id uint32) Key { return Key{Kind: KindACL, A: uint64(id)} }

// SessionKey is the key of a client session.
func SessionKey(sid uint64) Key { return Key{Kind: KindSession, A: sid} }

// SustainedKey is the key that says that a session has an unlinked inode open.
func SustainedKey(sid uint64, ino Ino) Key { return Key{Kind: KindSustained, A: sid, B: uint64(ino)} }

// FlockKey is the key of the BSD locks of an inode.
func FlockKey(ino Ino) Key { return Key{Kind: KindFlock, A: uint64(ino)} }

// PlockKey is the key of the POSIX range locks of an inode.
func PlockKey(ino Ino) Key { return Key{Kind: KindPlock, A: uint64(ino)} }

// DelFileKey is the key of a deleted file whose data is still to be removed.
func DelFileKey(ino Ino, length uint64) Key { return Key{Kind: KindDelFile, A: uint64(ino), B: length} }

// DelSlicesKey is the key of slices that a compaction at the given time (unix seconds) replaced by slice id.
func DelSlicesKey(id uint64, at int64) Key { return Key{Kind: KindDelSlices, A: id, B: uint64(at)} }

// DetachedKey is the key of a directory clone in progress.
func DetachedKey(ino Ino) Key { return Key{Kind: KindDetached, A: uint64(ino)} }

// Counters by their logical names (juicefs 1.4.1). Engines map them to the names and offsets they store.
const (
	CounterInode   = "nextInode"   // next inode number that no client has taken
	CounterSlice   = "nextChunk"   // next slice id that no client has taken (the name is historic)
	CounterSession = "nextSession" // newest session id
	CounterTrash   = "nextTrash"   // newest trash hour directory, relative to Trash
	CounterSpace   = "usedSpace"   // bytes in use, 4 KiB aligned a file
	CounterInodes  = "totalInodes" // inodes in use
	CounterACL     = "aclMaxId"    // newest ACL id

	// Times (unix seconds) of the last run of a job that one client does for all.
	CounterLastSessions  = "lastCleanupSessions"
	CounterLastFiles     = "lastCleanupFiles"
	CounterNextSlices    = "nextCleanupSlices"
	CounterLastTrash     = "lastCleanupTrash"
	CounterLastChangelog = "lastCleanupChangelog"
)

// ErrCorrupt is wrapped by every decoder's error: the bytes cannot be a value of that kind.
var ErrCorrupt = errors.New("corrupt record")

func corrupt(kind Kind, format string, args ...any) error {
	return fmt.Errorf("%w: %s: %s", ErrCorrupt, kind, fmt.Sprintf(format, args...))
}

// EncodeInt64 returns the canonical value of counters, parent counts, slice references and times.
func EncodeInt64(v int64) []byte { return binary.BigEndian.AppendUint64(nil, uint64(v)) }

// DecodeInt64 is the inverse of [EncodeInt64]. An absent value (nil) is 0.
func DecodeInt64(k Kind, b []byte) (int64, error) {
	if b == nil {
		return 0, nil
	}
	if len(b) != 8 {
		return 0, corrupt(k, "%d bytes instead of 8", len(b))
	}
	return int64(binary.BigEndian.Uint64(b)), nil
}
