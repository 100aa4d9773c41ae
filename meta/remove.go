package meta

import (
	"context"
	"errors"
	"path"
	"slices"
	"strings"
	"syscall"

	"juicefs/meta/engine"
	"juicefs/meta/record"
)

// removeBatch is how many objects of one directory go in one transaction, so that others get their turn; removeWrites is
// the most writes that one of them takes, for engines that limit those of a transaction.
const (
	removeBatch  = 1000
	removeWrites = 12
	usualWrites  = 5 // of a file without links, attributes or trash
)

// removals is how many objects go in one transaction of the engine.
func (fs *FS) removals() int {
	if most := fs.eng.Info().MaxWrites; most > 0 {
		return min(removeBatch, max(most/removeWrites, 1))
	}
	return removeBatch
}

// RemoveObjects removes objects, those of one directory together. The first result has the length and order of rs: nil,
// or why that one stayed (ENOENT when it was absent). The second is of the whole: when it is not nil the first is nil, and
// some may be gone.
func (fs *FS) RemoveObjects(ctx context.Context, c *Caller, rs []Removal) ([]error, error) {
	errs := make([]error, len(rs))
	for _, group := range byDirectory(rs) {
		for len(group) > 0 {
			n := min(len(group), fs.removals())
			if err := fs.removeGroup(ctx, c, rs, group[:n], errs); err != nil {
				return nil, wrap("remove", rs[group[0]].Path, err)
			}
			group = group[n:]
		}
	}
	for i, err := range errs {
		errs[i] = wrap("remove", rs[i].Path, err)
	}
	return errs, nil
}

// byDirectory groups the indexes of removals by directory and top, deepest directories first, so that emptied ones can go.
func byDirectory(rs []Removal) [][]int {
	type home struct{ dir, top string }
	groups := map[home][]int{}
	var order []home
	for i, r := range rs {
		h := home{path.Dir(r.Path), r.Top}
		if groups[h] == nil {
			order = append(order, h)
		}
		groups[h] = append(groups[h], i)
	}
	slices.SortStableFunc(order, func(a, b home) int { return strings.Count(b.dir, "/") - strings.Count(a.dir, "/") })
	out := make([][]int, len(order))
	for i, h := range order {
		out[i] = groups[h]
	}
	return out
}

// removeGroup removes objects of one directory in one transaction.
func (fs *FS) removeGroup(ctx context.Context, c *Caller, rs []Removal, group []int, errs []error) error {
	first := rs[group[0]]
	return fs.update(ctx, "remove", func(tx *Tx) error {
		for _, i := range group {
			errs[i] = nil
		}
		read, err := tx.lookAtGroup(rs, group)
		if err != nil {
			return err
		}
		r, err := tx.walk(c, first.Path, walkOptions{last: engine.Exact, sole: first.Top != "", xattrs: first.Allow != nil, read: read})
		if isMissing(err) || err == nil && len(r.rest) > 1 {
			for _, i := range group {
				errs[i] = eNoEnt
			}
			return nil
		}
		if code, ok := err.(syscall.Errno); ok { //nolint:errorlint // plans return bare codes, engines never do
			for _, i := range group {
				errs[i] = code
			}
			return nil
		}
		if err != nil {
			return err
		}
		if r.name == "" {
			return ePerm // the root
		}
		return tx.removeFrom(c, r, rs, group, errs)
	})
}

// lookAtGroup reads all that the removal of several objects of one directory needs, where the engine can do that at once.
func (tx *Tx) lookAtGroup(rs []Removal, group []int) (bool, error) {
	if len(group) == 1 {
		return false, nil // a walk reads all of it
	}
	q := inside{names: make([]string, len(group)), last: engine.Stable, sole: rs[group[0]].Top != ""}
	for n, i := range group {
		q.names[n] = path.Base(rs[i].Path)
		q.xattrs = q.xattrs || rs[i].Allow != nil
	}
	names, err := tx.lookInto(path.Dir(rs[group[0]].Path), q)
	return names != nil, err
}

func isMissing(err error) bool { return errors.Is(err, eNoEnt) || errors.Is(err, eNotDir) }

// removeFrom removes objects of the directory that r leads to, then the directories that this emptied.
func (tx *Tx) removeFrom(c *Caller, r *route, rs []Removal, group []int, errs []error) error {
	d := r.dir()
	var reads []engine.ReadOp
	for _, i := range group {
		reads = append(reads, engine.ReadOp{Key: record.EntryKey(d.ino, path.Base(rs[i].Path)), Guard: engine.Exact})
	}
	if err := tx.Load(reads...); err != nil {
		return err
	}
	ents := make([]record.Dirent, len(group))
	reads = reads[:0]
	for n, i := range group {
		ent, ok, err := tx.Entry(d.ino, path.Base(rs[i].Path), engine.Exact)
		if err != nil {
			return err
		}
		if !ok {
			errs[i] = eNoEnt
			continue
		}
		ents[n] = ent
		reads = append(reads, engine.ReadOp{Key: record.AttrKey(ent.Ino), Guard: engine.Exact})
	}
	if err := tx.Load(reads...); err != nil {
		return err
	}
	removed := make(map[string]bool, len(group))
	from := len(tx.batch.Writes)
	tx.reserve(usualWrites * len(group))
	for n, i := range group {
		name := path.Base(rs[i].Path)
		if errs[i] != nil || removed[name] {
			continue
		}
		gone, err := tx.removeObject(c, d, name, ents[n], &rs[i])
		var need *needs
		if errors.As(err, &need) {
			return err
		}
		if errs[i] = err; gone {
			removed[name] = true
		}
	}
	tx.group(from)
	if top := rs[group[0]].Top; top != "" && len(removed) > 0 {
		return tx.prune(c, r, top, removed)
	}
	return nil
}

// removeObject removes one object; gone says that its entry went.
func (tx *Tx) removeObject(c *Caller, d *node, name string, ent record.Dirent, rm *Removal) (gone bool, err error) {
	if (ent.Type == record.TypeDirectory) != rm.Dir {
		return false, eNoEnt
	}
	a, err := tx.Attr(ent.Ino, engine.Exact)
	if err != nil && !errors.Is(err, eNoEnt) {
		return false, err
	}
	if err := tx.mayTakeFrom(c, d, a); err != nil {
		return false, err
	}
	if rm.Allow != nil && a != nil {
		xs, err := tx.Xattrs(ent.Ino)
		if err != nil {
			return false, err
		}
		if err := rm.Allow(&Object{Path: rm.Path, Parent: d.ino, Name: name, Ino: ent.Ino, Attr: *a, Xattrs: xs}); err != nil {
			return false, err
		}
	}
	if rm.Dir && a != nil {
		if gone, err := tx.unmarkDir(ent.Ino, a); gone || err != nil {
			return false, err
		}
	}
	return true, tx.remove(unlink{dir: d, name: name, ent: ent, attr: a})
}

// unmarkDir makes a directory object that has entries an ordinary directory; true if that was all there is to do. An
// ordinary directory with entries is no object: ENOENT.
func (tx *Tx) unmarkDir(ino record.Ino, a *record.Attr) (bool, error) {
	items, err := tx.Page(engine.Range{Kind: record.KindEntry, A: uint64(ino)}, 1)
	if err != nil || len(items) == 0 {
		return false, err
	}
	if a.Atime.Sec != 0 {
		return false, eNoEnt
	}
	a.Atime, a.Ctime = tx.now, tx.now
	tx.PutAttr(ino, a)
	tx.Clear(record.KindXattr, uint64(ino))
	return true, nil
}

// depth is how many directories below the root a clean path is.
func depth(path string) int {
	return len(strings.FieldsFunc(path, func(c rune) bool { return c == '/' }))
}

// prune removes the directories below top that lost their last entry, from the deepest up, until one is an object of its
// own or has other entries.
func (tx *Tx) prune(c *Caller, r *route, top string, removed map[string]bool) error {
	for i := len(r.dirs) - 1; i > depth(top); i-- {
		d, parent := &r.dirs[i], &r.dirs[i-1]
		if d.attr.Atime.Sec == 0 || d.ino.InTrash() {
			return nil
		}
		if empty, err := tx.holdsOnly(d.ino, removed); err != nil || !empty {
			return err
		}
		if tx.mayTakeFrom(c, parent, &d.attr) != nil {
			return nil // it stays, which is not an error of the removal
		}
		a, err := tx.Attr(d.ino, engine.Exact)
		if err != nil {
			return err
		}
		ent := record.Dirent{Type: record.TypeDirectory, Ino: d.ino}
		if err := tx.remove(unlink{dir: parent, name: d.name, ent: ent, attr: a}); err != nil {
			return err
		}
		removed = map[string]bool{d.name: true}
	}
	return nil
}

// holdsOnly reports whether a directory has no entries but some that it has.
func (tx *Tx) holdsOnly(dir record.Ino, names map[string]bool) (bool, error) {
	if n, ok := tx.counts[dir]; ok {
		return n == int64(len(names)), nil
	}
	for name := range names {
		if sole, ok := tx.sole[record.EntryKey(dir, name)]; ok && len(names) == 1 {
			return sole, nil
		}
	}
	items, err := tx.Page(engine.Range{Kind: record.KindEntry, A: uint64(dir)}, len(names)+1)
	if err != nil {
		return false, err
	}
	return !slices.ContainsFunc(items, func(it record.Item) bool { return !names[it.Key.Name] }), nil
}

// Rmdir removes an empty directory. Errors: ENOENT, ENOTDIR, ENOTEMPTY, EPERM, EACCES.
func (fs *FS) Rmdir(ctx context.Context, c *Caller, p string) error {
	err := fs.update(ctx, "rmdir", func(tx *Tx) error {
		r, err := tx.walk(c, p, walkOptions{last: engine.Exact})
		if err != nil {
			return err
		}
		switch {
		case !r.found:
			return eNoEnt
		case r.name == "":
			return ePerm
		case r.ent.Type != record.TypeDirectory:
			return eNotDir
		}
		return tx.rmdir(c, r.dir(), r.name, r.ent, r.attr)
	})
	return wrap("rmdir", p, err)
}

// RemoveTree removes a file, or a directory with all below it, from the bottom up in many transactions. An absent path is
// fine. With skipTrash everything goes for real. What others add meanwhile to a directory is removed too.
func (fs *FS) RemoveTree(ctx context.Context, c *Caller, p string, skipTrash bool) error {
	return wrap("remove", p, fs.removeTree(ctx, c, p, skipTrash))
}

func (fs *FS) removeTree(ctx context.Context, c *Caller, p string, skipTrash bool) error {
	var top entry
	var below []entry
	err := fs.update(ctx, "removetree", func(tx *Tx) error {
		top, below = entry{}, nil
		r, err := tx.walk(c, p, walkOptions{last: engine.Exact})
		if isMissing(err) || err == nil && !r.found {
			return nil
		}
		if err != nil {
			return err
		}
		if r.name == "" || r.ent.Ino == record.Trash {
			return ePerm
		}
		gone := false
		if below, gone, err = tx.removeSome(c, r.dir(), r.name, r.ent, r.attr, skipTrash); !gone {
			top = entry{Place{r.dir().ino, r.name}, r.ent.Ino}
		}
		return err
	})
	if err != nil || top.ino == 0 {
		return err
	}
	// From here on by inode: the path may lead through what is being removed.
	if err := fs.removeAll(ctx, c, below, skipTrash); err != nil {
		return err
	}
	return fs.removeEntry(ctx, c, top, skipTrash)
}

// entry is a name and what it led to.
type entry struct {
	Place
	ino record.Ino
}

func (fs *FS) removeAll(ctx context.Context, c *Caller, es []entry, skipTrash bool) error {
	for _, e := range es {
		if err := fs.removeEntry(ctx, c, e, skipTrash); err != nil {
			return err
		}
	}
	return nil
}

// removeEntry removes an entry with all below it, unless the name leads to something else by now.
func (fs *FS) removeEntry(ctx context.Context, c *Caller, e entry, skipTrash bool) error {
	for {
		gone := true
		var below []entry
		err := fs.update(ctx, "removetree", func(tx *Tx) error {
			gone, below = true, nil
			d, ent, a, err := tx.held(e.Dir, e.Name)
			if isMissing(err) || err == nil && ent.Ino != e.ino {
				return nil
			}
			if err != nil {
				return err
			}
			below, gone, err = tx.removeSome(c, d, e.Name, ent, a, skipTrash)
			return err
		})
		if err != nil || gone {
			return err
		}
		if err := fs.removeAll(ctx, c, below, skipTrash); err != nil {
			return err
		}
	}
}

// removeSome removes an entry that is no directory or an empty one; of a directory that is not it removes a batch of files
// and returns its sub-directories.
func (tx *Tx) removeSome(c *Caller, d *node, name string, ent record.Dirent, a *record.Attr, skipTrash bool) (below []entry, gone bool, err error) {
	if ent.Type == record.TypeDirectory && a != nil {
		page, err := tx.listDir(ent.Ino, "", removeBatch, "")
		if err != nil {
			return nil, false, err
		}
		if len(page) > 0 {
			below, err = tx.removeFiles(c, &node{ino: ent.Ino, attr: *a, name: name}, page, skipTrash)
			return below, false, err
		}
	}
	if err := tx.mayTakeFrom(c, d, a); err != nil {
		return nil, false, err
	}
	return nil, true, tx.remove(unlink{dir: d, name: name, ent: ent, attr: a, forReal: skipTrash})
}

// removeFiles removes what is no directory of a page of a directory and returns what is.
func (tx *Tx) removeFiles(c *Caller, d *node, page []engine.Listed, skipTrash bool) (below []entry, err error) {
	var reads []engine.ReadOp
	for _, l := range page {
		if l.Entry.Type != record.TypeDirectory {
			reads = append(reads, engine.ReadOp{Key: record.EntryKey(d.ino, l.Name), Guard: engine.Exact}, engine.ReadOp{Key: record.AttrKey(l.Entry.Ino), Guard: engine.Exact})
		}
	}
	if err := tx.Load(reads...); err != nil {
		return nil, err
	}
	for _, l := range page {
		if l.Entry.Type == record.TypeDirectory {
			below = append(below, entry{Place{d.ino, l.Name}, l.Entry.Ino})
			continue
		}
		ent, ok, err := tx.Entry(d.ino, l.Name, engine.Exact)
		if err != nil {
			return nil, err
		}
		if !ok { // gone since the page was read
			continue
		}
		a, err := tx.attrOrNil(ent.Ino, engine.Exact)
		if err != nil {
			return nil, err
		}
		if err := tx.mayTakeFrom(c, d, a); err != nil {
			return nil, err
		}
		if err := tx.remove(unlink{dir: d, name: l.Name, ent: ent, attr: a, forReal: skipTrash}); err != nil {
			return nil, err
		}
	}
	return below, nil
}
