package meta

import (
	"juicefs/meta/record"
)

// Caller is on whose behalf an operation runs. The zero Caller is root without a umask.
type Caller struct {
	UID   uint32
	GIDs  []uint32 // the first is the primary group; empty means group 0
	Umask uint16   // bits taken from the mode of what is made
}

// Object is a path that was resolved, with what was asked for. It belongs to the caller.
type Object struct {
	Path   string // as asked for
	Parent record.Ino
	Name   string // in Parent, after following links
	Ino    record.Ino
	Attr   record.Attr
	Xattrs map[string][]byte         // all of them, when wanted
	Chunks map[uint32][]record.Slice // those that exist, when wanted
	Target string                    // of a symbolic link that was not followed
}

// Want says what Resolve returns besides the attribute. The zero Want asks for nothing more and follows links.
type Want struct {
	Xattrs   bool
	Chunks   uint32 // chunks 0 up to this many of a regular file, as far as its length reaches
	NoFollow bool   // return a link that is the last component itself
}

// ObjectSpec describes an object that is to appear at a path in one transaction, whatever was there before.
type ObjectSpec struct {
	Path   string                    // absolute, clean, not "/"
	Length uint64                    // bytes
	Chunks map[uint32][]record.Slice // of new slices that no other chunk refers to
	Xattrs map[string][]byte         // all of the object's; those of a replaced object are gone
	Mode   uint16                    // permission bits before the umask
	Mtime  record.Time               // zero: now
	// Dir makes a directory object: a directory whose atime is zero. An existing directory becomes one and keeps its
	// entries; Length and Chunks must be empty.
	Dir bool
	// Plain, with Dir, makes an ordinary directory instead, with an atime of now; an existing one is EEXIST.
	Plain bool
	// Parents makes missing directories in the same transaction, with mode 0777 before the umask. Without it a missing
	// directory is ENOENT.
	Parents bool
	// Top is the highest directory that Parents does not make, nor those above it: if it is missing the error is
	// ErrTopMissing. Empty: all are made.
	Top string
	// Allow, when set, runs inside the transaction with the object that is there (nil: none), attribute and extended
	// attributes filled; its error ends the operation and is returned as it is. It may run several times and must have no
	// effects.
	Allow func(old *Object) error
	// From, when set, is a file that this process parked its data in: its chunks are taken over in front of Chunks and the file
	// is removed in the same transaction. Length includes it.
	From string
	// Source, when its Ino is not 0, is the version of the file that CopyObject copies. Another one is ErrSourceChanged: what was
	// decided by the first, such as Xattrs, does not fit it.
	Source FileVersion
}

// FileVersion tells a file from the one that its name had before or will have.
type FileVersion struct {
	Ino   record.Ino
	Mtime record.Time
}

// Part is one source of a compose.
type Part struct {
	Path string
	ETag string // when not empty: the part's extended attribute ETagName must have this value, else ErrPartChanged
}

// ComposeSpec describes a file made of other files' data, which is moved, not copied.
type ComposeSpec struct {
	ObjectSpec        // Length and Chunks are derived from the parts
	Parts      []Part // in order
	ETagName   string // name of the extended attribute that Part.ETag is compared with
	Remove     string // a directory that is removed with all that is in it, bypassing the trash (the upload's own)
	// Plan, when set, says what the object is made of, in place of the fields above but Remove: it runs inside the transaction
	// with the directory as it is found, attribute and extended attributes filled, and with what is in it, in order of names,
	// each with its attribute and those of PartXattrs that it has. Its error ends the operation and is returned as it is. It may
	// run several times and must have no effects.
	Plan       func(dir *Object, files []*Object) (*ObjectSpec, []Part, error)
	PartXattrs []string
}

// Removal names one object to remove.
type Removal struct {
	Path string // absolute, clean
	// Dir: the object is a directory object: it stops being one, and the directory is removed if it is empty. A regular
	// file at Path is then left alone, as is a directory when Dir is false; both count as absent.
	Dir bool
	// Top is the directory below which emptied parents are removed too (not Top itself), up to one that is a directory
	// object. Empty: parents stay.
	Top string
	// Allow as in ObjectSpec.
	Allow func(old *Object) error
}

// ListQuery asks for a page of the objects below a directory, in byte order of their keys. A key is the path relative to
// Dir without a leading slash; that of a directory object ends in a slash.
type ListQuery struct {
	Dir       string // absolute; must exist
	Prefix    string // only keys that start with it
	After     string // only keys and prefixes greater than it
	Delimiter bool   // group keys by the first slash after Prefix into prefixes
	Limit     int    // most keys and prefixes together; positive
	Xattr     string // extended attribute wanted of each object; empty: none
	// Hide, when set, leaves out an entry of Dir itself, with all below it.
	Hide func(name string) bool
	// HideDirs leaves out directory objects.
	HideDirs bool
}

// Listed is one key or prefix of a page.
type Listed struct {
	Key    string
	Prefix bool // a group of keys; the rest is zero then
	Ino    record.Ino
	Attr   record.Attr
	Xattr  []byte
}

// ListPage is what ListObjects found. More says that there is at least one more; the next page starts after Next.
type ListPage struct {
	Items []Listed
	More  bool
	Next  string
}
