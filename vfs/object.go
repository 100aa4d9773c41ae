package vfs

import (
	"context"
	"time"

	"juicefs/meta"
	"juicefs/meta/record"
)

// Stat describes what is at path, following links, with all extended attributes: one read transaction.
func (v *Volume) Stat(ctx context.Context, path string) (*Info, error) {
	return v.stat(ctx, path, meta.Want{Xattrs: true})
}

// Lstat is Stat that does not follow a link at the end of the path.
func (v *Volume) Lstat(ctx context.Context, path string) (*Info, error) {
	return v.stat(ctx, path, meta.Want{Xattrs: true, NoFollow: true})
}

func (v *Volume) stat(ctx context.Context, path string, w meta.Want) (*Info, error) {
	defer v.timed(time.Now())
	o, err := v.fs.Resolve(ctx, &v.caller, path, w)
	if err != nil {
		return nil, err
	}
	return infoOf(o), nil
}

// Commit says what appears where.
type Commit struct {
	Path    string
	Xattrs  map[string][]byte
	Mode    uint16    // before the umask; 0 means 0666
	Mtime   time.Time // zero: now
	Parents bool      // make missing directories, mode 0777 before the umask
	// Top is the highest directory that Parents does not make, nor those above it: missing it is ErrTopMissing.
	Top   string
	Allow Allow
	// Source is the version of what Copy and CopyRange copy, as Stat has shown it; any other is ErrSourceChanged. nil: whichever
	// is there.
	Source *Info
}

// spec is the transaction that a Commit asks for.
func (c *Commit) spec() *meta.ObjectSpec {
	mode := c.Mode
	if mode == 0 {
		mode = 0o666
	}
	s := &meta.ObjectSpec{Path: c.Path, Xattrs: c.Xattrs, Mode: mode, Mtime: record.TimeOf(c.Mtime), Parents: c.Parents, Top: c.Top,
		Allow: c.Allow.onObject()}
	if c.Source != nil {
		s.Source = meta.FileVersion{Ino: c.Source.Ino, Mtime: record.TimeOf(c.Source.Mtime)}
	}
	return s
}

// MakeDir makes a directory. With dirObject it becomes (or, if there is a directory already, is made) a directory object
// with the given attributes; otherwise an existing one is EEXIST.
func (v *Volume) MakeDir(ctx context.Context, c Commit, dirObject bool) (*Info, error) {
	defer v.timed(time.Now())
	if c.Mode == 0 {
		c.Mode = 0o777
	}
	s := c.spec()
	s.Dir, s.Plain = true, !dirObject
	o, err := v.fs.CommitObject(ctx, &v.caller, s)
	if err != nil {
		return nil, err
	}
	return infoOf(o), nil
}

// SetXattrs sets and removes extended attributes of what is at path. The result describes it afterwards.
func (v *Volume) SetXattrs(ctx context.Context, path string, set map[string][]byte, remove []string, allow Allow) (*Info, error) {
	defer v.timed(time.Now())
	o, err := v.fs.SetXattrs(ctx, &v.caller, path, set, remove, allow.onObject())
	if err != nil {
		return nil, err
	}
	return infoOf(o), nil
}

// SetMode sets the permission bits of an inode, such as one that ReadDir has found. Errors: ENOENT; EPERM for what is neither
// the volume's caller's nor the caller root.
func (v *Volume) SetMode(ctx context.Context, ino record.Ino, mode uint16) error {
	defer v.timed(time.Now())
	_, err := v.fs.SetAttr(ctx, &v.caller, ino, meta.Changes{Mode: &mode})
	return err
}

// onObject turns an Allow into what meta calls.
func (a Allow) onObject() func(*meta.Object) error {
	if a == nil {
		return nil
	}
	return func(old *meta.Object) error {
		if old == nil {
			return a(nil)
		}
		return a(infoOf(old))
	}
}

func infoOf(o *meta.Object) *Info {
	i := infoOfAttr(o.Path, o.Ino, &o.Attr)
	i.Xattrs = o.Xattrs
	return &i
}

func infoOfAttr(path string, ino record.Ino, a *record.Attr) Info {
	return Info{Path: path, Ino: ino, Type: a.Type, Mode: a.Mode, UID: a.UID, GID: a.GID, Size: int64(a.Length),
		Atime: a.Atime.Time(), Mtime: a.Mtime.Time(), Ctime: a.Ctime.Time(), Nlink: a.Nlink}
}

// timed measures an operation that began at start.
func (v *Volume) timed(start time.Time) { v.meter.VolumeOp(time.Since(start)) }
