package vfs

import (
	"time"

	"juicefs/meta/record"
)

// Info describes a file, directory or link. It belongs to the caller.
type Info struct {
	Path   string
	Ino    record.Ino
	Type   record.Type
	Mode   uint16 // permission bits
	UID    uint32
	GID    uint32
	Size   int64 // bytes; directories 4096
	Atime  time.Time
	Mtime  time.Time
	Ctime  time.Time
	Nlink  uint32
	Xattrs map[string][]byte // all of them; nil where they were not asked for
}

// IsDir reports whether it is a directory.
func (i *Info) IsDir() bool { return i.Type == record.TypeDirectory }

// IsFile reports whether it is a regular file.
func (i *Info) IsFile() bool { return i.Type == record.TypeFile }

// IsDirObject reports whether it is a directory that was made as an object of its own: its atime is zero seconds.
func (i *Info) IsDirObject() bool { return i.IsDir() && i.Atime.Unix() == 0 }

// Allow decides inside a transaction whether it may go on. old is what is at the path, with Xattrs; nil if nothing is.
// Its error ends the operation and is returned unchanged. It may run several times and must have no effects.
type Allow func(old *Info) error
