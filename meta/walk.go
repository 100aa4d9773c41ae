package meta

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"juicefs/meta/engine"
	"juicefs/meta/record"
)

// maxLinks is how many symbolic links one resolution follows.
const maxLinks = 40

// trashName is the name under which the root directory shows the trash. It is never stored.
const trashName = ".trash"

// node is an inode on a path.
type node struct {
	ino  record.Ino
	attr record.Attr
	name string // in the node before it; empty for the first
}

// route is how far a path led. dirs are the directories from the root to the one that holds (or would hold) the next
// name. Then one of: found, with ent and attr of the last name; or rest, the names from the first that is absent.
type route struct {
	dirs  []node
	name  string // the last name that was looked up; empty for the root itself
	found bool
	ent   record.Dirent
	attr  *record.Attr // nil: the entry's inode has no attribute (a damaged volume)
	rest  []string     // starts with name when nothing was found
}

// dir is the last directory of the route.
func (r *route) dir() *node { return &r.dirs[len(r.dirs)-1] }

type walkOptions struct {
	follow bool         // a link at the end is followed
	last   engine.Guard // guard of the last inode's attribute
	chunks uint32
	xattrs bool
	sole   bool // fast paths tell which entries are the only ones of their directories
	read   bool // a fast path has read the path with what it leads to
}

// splitPath cuts an absolute path into names. Empty and "." components vanish; ".." is refused, since what it would mean
// is not what the caller checked.
func splitPath(path string) ([]string, error) {
	if !strings.HasPrefix(path, "/") {
		return nil, fmt.Errorf("path %q is not absolute: %w", path, eInval)
	}
	var names []string
	for _, n := range strings.Split(path, "/") {
		switch {
		case n == "" || n == ".":
			continue
		case n == ".." || strings.ContainsRune(n, 0):
			return nil, eInval
		case len(n) > record.MaxName:
			return nil, eTooLong
		}
		names = append(names, n)
	}
	return names, nil
}

// walk follows a path as far as it leads. ENOTDIR: something on the way is not a directory; EACCES: the caller may not
// pass, or a link leads to where none may; ELOOP: too many links.
func (tx *Tx) walk(c *Caller, path string, o walkOptions) (*route, error) {
	names, err := splitPath(path)
	if err != nil {
		return nil, err
	}
	for range maxLinks {
		r, next, err := tx.walkNames(c, names, o)
		if err != nil || next == nil {
			return r, err
		}
		if len(next) > 0 && tx.fs.o.Unlinked != nil && tx.fs.o.Unlinked(next[0]) {
			return nil, eAccess
		}
		names, o.read = next, false
	}
	return nil, eLoop
}

// walkNames walks without following links: at one it returns the names to go on with.
func (tx *Tx) walkNames(c *Caller, names []string, o walkOptions) (r *route, next []string, err error) {
	if !o.read && len(names) > 0 && names[0] != trashName && len(tx.puts) == 0 && !tx.recall(names, o) {
		if err = tx.prefetch(names, o); err != nil {
			return nil, nil, err
		}
	}
	if err = tx.loadDir(record.Root, names); err != nil {
		return nil, nil, err
	}
	root, err := tx.Attr(record.Root, engine.Stable)
	if err != nil {
		return nil, nil, err
	}
	r = &route{dirs: make([]node, 1, max(len(names), 1))}
	r.dirs[0] = node{ino: record.Root, attr: *root}
	if len(names) == 0 {
		r.found, r.ent, r.attr = true, record.Dirent{Type: record.TypeDirectory, Ino: record.Root}, root
		return r, nil, nil
	}
	for i, name := range names {
		last := i == len(names)-1
		if err := tx.step(c, r, names[i:], o); err != nil {
			return nil, nil, err
		}
		if !r.found {
			r.rest = names[i:]
			return r, nil, nil
		}
		if r.ent.Type == record.TypeSymlink && (!last || o.follow) {
			next, err := tx.follow(r, names[:i], names[i+1:])
			return nil, next, err
		}
		if last {
			return r, nil, nil
		}
		if r.ent.Type != record.TypeDirectory || r.attr == nil {
			return nil, nil, eNotDir
		}
		r.dirs = append(r.dirs, node{ino: r.ent.Ino, attr: *r.attr, name: name})
	}
	return r, nil, nil
}

// loadDir reads a directory on the way and what the first of names leads to in it, in one turnaround.
func (tx *Tx) loadDir(dir record.Ino, names []string) error {
	entry := len(names) > 0 && !(dir == record.Root && names[0] == trashName)
	if tx.knows(record.AttrKey(dir), engine.Stable) && (!entry || tx.knows(record.EntryKey(dir, names[0]), engine.Exact)) {
		return nil
	}
	reads := []engine.ReadOp{{Key: record.AttrKey(dir), Guard: engine.Stable}}
	if entry {
		reads = append(reads, engine.ReadOp{Key: record.EntryKey(dir, names[0]), Guard: engine.Exact})
	}
	return tx.Load(reads...)
}

// step looks up the first of names in the last directory of r.
func (tx *Tx) step(c *Caller, r *route, names []string, o walkOptions) error {
	d, name, last := r.dir(), names[0], len(names) == 1
	if err := tx.access(c, &d.attr, mayExec); err != nil {
		return err
	}
	r.name, r.found, r.attr = name, false, nil
	if d.ino == record.Root && name == trashName {
		r.ent, r.found = record.Dirent{Type: record.TypeDirectory, Ino: record.Trash}, true
	} else {
		var err error
		if r.ent, r.found, err = tx.Entry(d.ino, name, engine.Exact); err != nil || !r.found {
			return err
		}
	}
	if !last && r.ent.Type == record.TypeDirectory {
		if err := tx.loadDir(r.ent.Ino, names[1:]); err != nil {
			return err
		}
	}
	guard := engine.Stable
	if last && r.ent.Type != record.TypeDirectory || last && o.last == engine.Exact {
		guard = o.last
	}
	var err error
	r.attr, err = tx.child(d.ino, name, r.ent, guard)
	return err
}

// errTorn says that an entry and its inode were read, and something happened between.
var errTorn = errors.New("an entry changed while it was read")

// child returns the attribute of the inode that a name in dir leads to; nil if it has none, in a damaged volume. Engines
// without snapshots may read the entry, and the inode after it was moved or removed. What does not fit together is therefore
// looked at once more: if the name leads elsewhere by now, all is to be read again.
func (tx *Tx) child(dir record.Ino, name string, ent record.Dirent, g engine.Guard) (*record.Attr, error) {
	a, err := tx.attrOrNil(ent.Ino, g)
	fits := a != nil && a.Parent <= record.Trash && (ent.Type != record.TypeDirectory || a.Parent == dir)
	if err != nil || fits || dir.InTrash() || ent.Ino == record.Trash {
		return a, err
	}
	k := record.EntryKey(dir, name)
	now, err := tx.etx.Fetch(tx.ctx, []engine.ReadOp{{Key: k}})
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(now[0].Value, ent.Encode()) {
		return nil, &engine.Conflict{Cause: errTorn, Fresh: now}
	}
	return a, nil
}

// follow returns the names of the path that a link stands for: those before it, its target, those behind it.
func (tx *Tx) follow(r *route, before, after []string) ([]string, error) {
	b, err := tx.Get(record.SymlinkKey(r.ent.Ino), engine.Loose)
	if err != nil {
		return nil, err
	}
	target := string(b)
	names := []string{} // never nil: that would mean that there is nothing to follow
	switch {
	case target == "":
		return nil, eNoEnt
	case strings.Contains(target, "://"):
		return nil, eNotSup
	case strings.HasPrefix(target, "/"):
		inside, ok := strings.CutPrefix(target, strings.TrimSuffix("/"+strings.Trim(tx.fs.o.MountPoint, "/"), "/")+"/")
		if !ok {
			return nil, eNoEnt // leads out of the volume
		}
		target = inside
	default:
		names = append(names, before...)
	}
	for _, n := range strings.Split(target, "/") {
		switch n {
		case "", ".":
		case "..":
			names = names[:max(len(names)-1, 0)]
		default:
			names = append(names, n)
		}
	}
	return append(names, after...), nil
}

// prefetch reads what the walk of names will ask for through the engine's fast path, if it has one. The trash is not for it:
// that its directory is in the root is not stored, and the plain steps know it.
func (tx *Tx) prefetch(names []string, o walkOptions) error {
	w, ok := tx.etx.(engine.Walker)
	if !ok {
		return nil
	}
	from := record.Root
	if !o.sole {
		from, names = tx.passed(names)
	}
	met, err := w.Walk(tx.ctx, engine.WalkQuery{From: from, Names: names, Last: o.last, Chunks: o.chunks, Xattrs: o.xattrs, Sole: o.sole})
	if err != nil {
		return err
	}
	tx.noteWalk(met, len(names), o.last)
	for _, it := range met.Chunks {
		tx.note(it, o.last)
	}
	if o.xattrs && len(met.Attrs) == len(names) && len(met.Attrs) > 0 {
		tx.noteXattrs(record.Ino(met.Attrs[len(names)-1].Key.A), met.Xattrs)
	}
	return nil
}

// passed follows names from the root through directories that another walk of this transaction has met, and that are guarded. It
// returns the last of them and the names to go on with, one at least.
func (tx *Tx) passed(names []string) (record.Ino, []string) {
	dir := record.Root
	if tx.read.empty() {
		return dir, names
	}
	for len(names) > 1 {
		e, _ := tx.read.get(record.EntryKey(dir, names[0]))
		d, err := record.DecodeDirent(e.value)
		if e.guard != engine.Exact || err != nil || d.Type != record.TypeDirectory {
			break
		}
		if a, _ := tx.read.get(record.AttrKey(d.Ino)); a.guard < engine.Stable || a.value == nil {
			break
		}
		dir, names = d.Ino, names[1:]
	}
	return dir, names
}

// noteWalk keeps what was met on a path of so many names.
func (tx *Tx) noteWalk(met *engine.Walked, names int, last engine.Guard) {
	tx.note(met.From, engine.Stable)
	for i, e := range met.Entries {
		tx.note(e, engine.Exact)
		if i < len(met.Attrs) {
			g := engine.Stable
			if i == names-1 {
				g = last
			}
			tx.note(met.Attrs[i], g)
		}
		if i < len(met.Sole) {
			keep(&tx.sole, e.Key, met.Sole[i])
		}
	}
}

// climb calls each with a directory and then with those above it, up to the root or, without it, an hour of the trash, until
// it returns false. They are guarded, so that none moves away meanwhile. ENOENT: one of them is gone.
func (tx *Tx) climb(dir record.Ino, each func(record.Ino) bool) error {
	var passed []record.Ino
	for at := dir; at != 0 && !at.InTrash(); {
		if slices.Contains(passed, at) {
			return tx.knot(passed)
		}
		passed = append(passed, at)
		if !each(at) || at == record.Root {
			return nil
		}
		a, err := tx.Attr(at, engine.Stable)
		if err != nil {
			return err
		}
		at = a.Parent
	}
	return nil
}

// knot says what it means that directories lead to each other: they were read one by one while others moved them, or the
// volume is damaged. Reading them anew, all at once, tells.
func (tx *Tx) knot(dirs []record.Ino) error {
	reads := make([]engine.ReadOp, len(dirs))
	for i, ino := range dirs {
		reads[i] = engine.ReadOp{Key: record.AttrKey(ino)}
	}
	now, err := tx.etx.Fetch(tx.ctx, reads)
	if err != nil {
		return err
	}
	for _, it := range now {
		if have, _ := tx.read.get(it.Key); !record.Alike(it.Value, have.value) {
			return &engine.Conflict{Cause: errTorn, Fresh: []record.Item{it}}
		}
	}
	return fmt.Errorf("directories %v are above each other: %w", dirs, eIO)
}
