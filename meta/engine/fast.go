package engine

import (
	"context"
	"time"

	"juicefs/meta/record"
)

// Walker is a fast path, found by type assertion on a [Tx]: a whole path in one turnaround.
type Walker interface {
	// Walk follows names from the directory q.From and returns what it met. It stops where an entry is absent, where an
	// entry is not a directory although names remain, or after the last name. Guards hold as with Fetch: each entry
	// Exact, each directory passed or reached Stable, and the last inode's attribute q.Last.
	Walk(ctx context.Context, q WalkQuery) (*Walked, error)
}

// WalkQuery asks for a path and for records of its last inode.
type WalkQuery struct {
	From  record.Ino
	Names []string // at least one
	Last  Guard    // guard of the last inode's attribute
	// Wanted records of the last inode, when the whole path exists:
	Chunks uint32 // of a regular file: chunks 0 up to this many, as far as the length reaches
	Xattrs bool   // all extended attributes, whatever the inode is
	// Sole asks, for each name that was found, whether its directory holds no other entry. The answer is a hint of the
	// moment of the Walk; a batch that relies on it carries an Empty check.
	Sole bool
}

// Walked is what a Walk met.
type Walked struct {
	From    record.Item   // the attribute of q.From
	Entries []record.Item // one for each name looked up; the last may be absent (nil Value)
	Attrs   []record.Item // the attribute of each entry that was found; Value nil if the inode has none
	Chunks  []record.Item // of the last inode, those that exist
	Xattrs  []record.Item // of the last inode
	Sole    []bool        // with q.Sole: one for each entry that was found
}

// Looker is a fast path, found by type assertion on a [Tx]: a path, and what is in the directory that it leads to, in one
// turnaround.
type Looker interface {
	// Look follows a path as Walk does and, if it leads to a directory, reads what is in that. Guards hold as with Walk for
	// the path; of what is in the directory everything that was asked for is guarded Exact, absent or not. nil: the engine
	// would rather not, as it is too much at once; the caller reads in steps.
	Look(ctx context.Context, q LookQuery) (*Looked, error)
}

// LookQuery asks for a directory and what is in it.
type LookQuery struct {
	WalkQuery          // the path to the directory; no names: From itself. Chunks means nothing
	Inside    []string // names in the directory; nil: all there are
	// Wanted records of the inodes in it:
	InsideXattrs bool   // all extended attributes
	InsideChunks uint32 // of regular files: chunks 0 up to this many, as far as the length reaches
}

// Looked is what a Look met.
type Looked struct {
	Walked
	Count  int64    // how many entries the directory holds; a hint of the moment, as Walked.Sole
	Inside []Inside // in the order of the names; all: in an order of the engine's own. nil: the path leads to no directory
}

// Inside is a name in a directory.
type Inside struct {
	Entry  record.Item   // absent: a nil Value, and nothing else is set
	Attr   record.Item   // Value nil if the inode has none
	Xattrs []record.Item // those that exist
	Chunks []record.Item // absent ones have a nil Value
}

// DataReader is a fast path, found by type assertion on a [Tx]: what the data of many files is made of, in one turnaround.
type DataReader interface {
	// Data returns the chunks of files, each a range of KindChunk with Below as for Page, and the reference counts of all slices
	// that these name, each once, with a nil Value where there is no record. All are guarded Exact. They come in an order of the
	// engine's own. nil: the engine would rather not; the caller reads in steps.
	Data(ctx context.Context, files []Range) ([]record.Item, error)
}

// Lister is a fast path, found by type assertion on a [Tx]: a page of a directory with attributes in one turnaround.
type Lister interface {
	// ListDir returns at most limit entries of dir whose names are greater than after, in byte order of names.
	ListDir(ctx context.Context, dir record.Ino, after string, limit int, xattr string) ([]Listed, error)
}

// PathLister is a fast path, found by type assertion on a [Tx]: a path, and a page of the directory that it leads to, in one
// turnaround.
type PathLister interface {
	// ListPath follows a path as Walk does and, if it leads to a directory that has an attribute, reads a page of that as ListDir
	// does. Guards hold as with Walk. nil: the engine would rather not, and the caller reads in steps.
	ListPath(ctx context.Context, q ListQuery) (*ListedPath, error)
}

// ListQuery asks for a page of a directory by its path.
type ListQuery struct {
	WalkQuery          // the path; no names: From itself. Chunks, Xattrs and Sole mean nothing
	After     string   // only entries whose names are greater
	Limit     int      // most entries; positive
	Xattr     string   // extended attribute wanted of each entry; empty: none
	Also      []string // names in the directory whose entries are wanted besides
	// Likely is the directory that the path led to when the caller last knew; 0: it does not know. Engines that keep names of
	// directories may read their page together with the path then. It makes no difference to what is returned.
	Likely record.Ino
}

// ListedPath is what a ListPath met.
type ListedPath struct {
	Walked
	Page []Listed      // nil: the path leads to no directory, or the engine would rather list it by itself
	Also []record.Item // with a page: the entries of the names wanted besides, in their order; absent ones have a nil Value
}

// Directory returns the directory that a walk of names from a directory led to; 0 if it led to none, or to one without an attribute.
func (w *Walked) Directory(from record.Ino, names int) record.Ino {
	if names == 0 {
		if w.From.Value == nil {
			return 0
		}
		return from
	}
	if len(w.Attrs) < names || w.Attrs[names-1].Value == nil {
		return 0
	}
	if ent, err := record.DecodeDirent(w.Entries[names-1].Value); err != nil || ent.Type != record.TypeDirectory {
		return 0
	}
	return record.Ino(w.Attrs[names-1].Key.A)
}

// Gatherer is a fast path, found by type assertion on an [Engine]: what a client looks at all the time, in one turnaround.
type Gatherer interface {
	// Gather returns those of keys that exist, and all records of kinds that a volume has few of: Quota and Session. They
	// come in an order of the engine's own and not as of one moment.
	Gather(ctx context.Context, keys []record.Key, kinds []record.Kind) ([]record.Item, error)
}

// Listed is an entry of a ListDir.
type Listed struct {
	Name  string
	Entry record.Dirent
	Attr  []byte // encoded; nil if the inode has none
	Xattr []byte // the wanted attribute; nil if it has none
}

// Spacer is an ability of engines on which a client of another program that needs several turnarounds for a change loses
// against one that needs a single one.
type Spacer interface {
	// Space makes commits to one directory come in bursts, at most one in each gap; 0: each goes at once. It may be called
	// while commits run.
	Space(gap time.Duration)
}
