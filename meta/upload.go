package meta

import (
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"

	"juicefs/meta/engine"
	"juicefs/meta/record"
)

// upload is the directory whose files are put together.
type upload struct {
	*route
	files map[string]*part
}

type part struct {
	ent    record.Dirent
	attr   *record.Attr
	chunks map[uint32][]record.Slice // of parts that are used
}

// lookChunks is how many chunks of each part are read with the upload's directory: parts of 5 MiB to half a GiB are wholly there.
const lookChunks = 8

// openUpload reads the upload's directory and all its files: in one turnaround where the engine can do that, else in three,
// however many there are.
func (tx *Tx) openUpload(c *Caller, s *ComposeSpec) (*upload, error) {
	names, err := tx.lookInto(s.Remove, inside{xattrs: true, chunks: lookChunks, last: engine.Exact, own: true})
	if err != nil {
		return nil, err
	}
	r, err := tx.walk(c, s.Remove, walkOptions{last: engine.Exact, xattrs: s.Plan != nil, read: names != nil})
	if isMissing(err) {
		return nil, fmt.Errorf("%w: %w", ErrUploadGone, err)
	}
	if err != nil {
		return nil, err
	}
	switch {
	case !r.found || r.attr == nil:
		return nil, fmt.Errorf("%w: %w", ErrUploadGone, eNoEnt)
	case r.attr.Type != record.TypeDirectory:
		return nil, fmt.Errorf("%w: %w", ErrUploadGone, eNotDir)
	case r.name == "", r.ent.Ino.InTrash():
		return nil, ePerm
	}
	u := &upload{route: r, files: map[string]*part{}}
	for name, ent := range names {
		u.files[name] = &part{ent: ent}
	}
	if names == nil {
		if err = tx.loadUpload(s, u); err != nil {
			return nil, err
		}
	}
	for name, f := range u.files {
		if f.attr, err = tx.Attr(f.ent.Ino, engine.Exact); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return u, nil
}

// loadUpload reads the files of an upload in two turnarounds.
func (tx *Tx) loadUpload(s *ComposeSpec, u *upload) error {
	const most = 20000
	items, err := tx.Page(engine.Range{Kind: record.KindEntry, A: uint64(u.ent.Ino)}, most)
	if err != nil {
		return err
	}
	reads := make([]engine.ReadOp, 0, (3+len(s.PartXattrs))*len(items))
	for _, it := range items {
		ent, err := record.DecodeDirent(it.Value)
		if err != nil {
			return err
		}
		u.files[it.Key.Name] = &part{ent: ent}
		reads = append(reads, engine.ReadOp{Key: it.Key, Guard: engine.Exact}, engine.ReadOp{Key: record.AttrKey(ent.Ino), Guard: engine.Exact},
			engine.ReadOp{Key: record.ChunkKey(ent.Ino, 0), Guard: engine.Exact}) // most parts have no other
		for _, name := range s.PartXattrs {
			reads = append(reads, engine.ReadOp{Key: record.XattrKey(ent.Ino, name), Guard: engine.Exact})
		}
	}
	for _, p := range s.Parts {
		if f := u.files[path.Base(p.Path)]; f != nil && p.ETag != "" {
			reads = append(reads, engine.ReadOp{Key: record.XattrKey(f.ent.Ino, s.ETagName), Guard: engine.Exact})
		}
	}
	return tx.Load(reads...)
}

// xattr returns one extended attribute, guarded Exact if it is there; nil if it is not.
func (tx *Tx) xattr(ino record.Ino, name string) ([]byte, error) {
	if all, ok := tx.xattrs[ino]; ok {
		return all[name], nil
	}
	return tx.Get(record.XattrKey(ino, name), engine.Exact)
}

// planned asks s.Plan, if there is one, what is to become of an upload.
func (tx *Tx) planned(s *ComposeSpec, u *upload) (*ComposeSpec, error) {
	if s.Plan == nil {
		return s, nil
	}
	xattrs, err := tx.Xattrs(u.ent.Ino)
	if err != nil {
		return nil, err
	}
	dir := &Object{Path: s.Remove, Parent: u.dir().ino, Name: u.name, Ino: u.ent.Ino, Attr: *u.attr, Xattrs: xattrs}
	var files []*Object
	for _, name := range slices.Sorted(maps.Keys(u.files)) {
		f := u.files[name]
		o := &Object{Path: s.Remove + "/" + name, Parent: u.ent.Ino, Name: name, Ino: f.ent.Ino, Attr: *f.attr, Xattrs: map[string][]byte{}}
		for _, x := range s.PartXattrs {
			var b []byte
			if b, err = tx.xattr(f.ent.Ino, x); err != nil {
				return nil, err
			}
			if b != nil {
				o.Xattrs[x] = b
			}
		}
		files = append(files, o)
	}
	planned := *s
	spec, parts, err := s.Plan(dir, files)
	if err != nil {
		return nil, err
	}
	if spec.Path == "" {
		return nil, errors.New("a plan without a path")
	}
	planned.ObjectSpec, planned.Parts = *spec, parts
	return &planned, nil
}

// closeUpload removes the upload's directory and its files for real. Parts whose data moved lose only their records.
func (tx *Tx) closeUpload(s *ComposeSpec, u *upload) error {
	dir := &node{ino: u.ent.Ino, attr: *u.attr, name: u.name}
	for _, name := range slices.Sorted(maps.Keys(u.files)) {
		f := u.files[name]
		if f.chunks == nil {
			if f.ent.Type == record.TypeDirectory {
				return fmt.Errorf("%s/%s: %w", s.Remove, name, eNotEmpty)
			}
			if err := tx.remove(unlink{dir: dir, name: name, ent: f.ent, attr: f.attr, forReal: true}); err != nil {
				return err
			}
			continue
		}
		for i := range f.chunks {
			tx.Delete(record.ChunkKey(f.ent.Ino, i))
		}
		one := &route{dirs: []node{*dir}, name: name, found: true, ent: f.ent, attr: f.attr}
		if err := tx.removeEmptied(one); err != nil {
			return err
		}
	}
	return tx.remove(unlink{dir: u.dir(), name: u.name, ent: u.ent, attr: u.attr, forReal: true})
}
