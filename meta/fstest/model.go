package fstest

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"syscall"
	"time"

	"juicefs/meta"
	"juicefs/meta/record"
)

// model is a file system in plain maps, to compare with. Its operations answer as the file system must, for a caller that is
// root.
type model struct {
	root  *mnode
	hours map[string]map[string]*mnode // the trash: hour → entries; nil: there is none
	now   func() time.Time
	loose map[*mnode]bool // without a name and open
}

// mnode is an inode of the model.
type mnode struct {
	ino      record.Ino
	typ      record.Type
	content  []piece // of a regular file
	target   string  // of a symbolic link
	xattrs   map[string]string
	children map[string]*mnode // of a directory
	up       *mnode            // the directory that a directory is in; nil: the root, or in the trash
	object   bool              // of a directory: it is an object of its own
	trashed  bool              // of a directory
	links    int               // of all but directories
	linked   bool              // it has, or once had, several links
	bin      bool              // its only name is, or last was, in the trash
	open     int
	mtime    record.Time
}

func (n *mnode) isDir() bool { return n.typ == record.TypeDirectory }

func (n *mnode) length() uint64 { return lengthOf(n.content) }

func lengthOf(ps []piece) (n uint64) {
	for _, p := range ps {
		n += p.n
	}
	return n
}

func newModel(trash bool, now func() time.Time) *model {
	m := &model{now: now, loose: map[*mnode]bool{}}
	m.root = m.node(record.TypeDirectory)
	m.root.ino = record.Root
	if trash {
		m.hours = map[string]map[string]*mnode{}
	}
	return m
}

func (m *model) node(typ record.Type) *mnode {
	n := &mnode{typ: typ, xattrs: map[string]string{}, mtime: record.TimeOf(m.now())}
	if typ == record.TypeDirectory {
		n.children = map[string]*mnode{}
	}
	return n
}

func (m *model) touch(d *mnode) { d.mtime = record.TimeOf(m.now()) }

// attach makes a name lead to a node.
func (m *model) attach(d *mnode, name string, n *mnode) {
	d.children[name] = n
	m.touch(d)
	if n.isDir() {
		n.up, n.trashed = d, false
	} else {
		n.links++
	}
}

// trail is where a path led.
type trail struct {
	dirs  []*mnode
	name  string
	found *mnode
	rest  []string
}

func (t *trail) dir() *mnode { return t.dirs[len(t.dirs)-1] }

// walk follows a path.
func (m *model) walk(p string, follow bool) (*trail, error) {
	names := strings.FieldsFunc(p, func(r rune) bool { return r == '/' })
	for range 40 {
		t, next, err := m.walkNames(names, follow)
		if err != nil || next == nil {
			return t, err
		}
		names = next
	}
	return nil, syscall.ELOOP
}

func (m *model) walkNames(names []string, follow bool) (*trail, []string, error) {
	t := &trail{dirs: []*mnode{m.root}}
	if len(names) == 0 {
		t.found = m.root
	}
	for i, name := range names {
		last := i == len(names)-1
		n := t.dir().children[name]
		t.name, t.found = name, n
		switch {
		case n == nil:
			t.rest = names[i:]
			return t, nil, nil
		case n.typ == record.TypeSymlink && (!last || follow):
			return nil, m.redirect(n.target, names[:i], names[i+1:]), nil
		case last:
		case !n.isDir():
			return nil, nil, syscall.ENOTDIR
		default:
			t.dirs = append(t.dirs, n)
		}
	}
	return t, nil, nil
}

func (m *model) redirect(target string, before, after []string) []string {
	next := slices.Clone(before)
	for _, n := range strings.Split(target, "/") {
		if n == ".." {
			next = next[:max(len(next)-1, 0)]
		} else {
			next = append(next, n)
		}
	}
	if next = append(next, after...); next == nil {
		next = []string{}
	}
	return next
}

// drop removes an entry; forReal bypasses the trash. Directories are empty.
func (m *model) drop(d *mnode, name string, forReal bool) {
	n := d.children[name]
	delete(d.children, name)
	m.touch(d)
	if m.hours != nil && !forReal {
		hour := inner(m.hours, m.now().UTC().Format("2006-01-02-15"))
		entry := fmt.Sprintf("%d-%d-%s", d.ino, n.ino, name)
		if _, taken := hour[entry]; !taken || n.links < 2 {
			hour[entry] = n
			n.up, n.trashed, n.bin = nil, n.isDir(), !n.linked
			return
		}
	}
	m.unlink(n)
}

// unlink takes a link for real.
func (m *model) unlink(n *mnode) {
	if n.isDir() {
		n.trashed = true
		return
	}
	if n.links--; n.links == 0 && n.open > 0 && n.typ == record.TypeFile {
		m.loose[n] = true
	}
}

// place makes an object with missing parents; what is there gives way. made are the new nodes, parents first: they still
// want their inode numbers.
func (m *model) place(s *meta.ObjectSpec) (made []*mnode, err error) {
	t, err := m.walk(s.Path, false)
	if err != nil {
		return nil, err
	}
	depth := len(strings.FieldsFunc(s.Top, func(r rune) bool { return r == '/' }))
	switch {
	case t.name == "":
		return nil, syscall.EEXIST
	case len(t.rest) > 1 && len(t.dirs)-1 < depth:
		return nil, meta.ErrTopMissing
	case len(t.rest) > 1 && !s.Parents:
		return nil, syscall.ENOENT
	case t.found != nil && t.found.isDir() && !s.Dir:
		return nil, syscall.EISDIR
	case t.found != nil && s.Dir && (s.Plain || !t.found.isDir()):
		return nil, syscall.EEXIST
	}
	if t.found != nil && s.Dir {
		t.found.object = true
		t.found.xattrs = textOf(s.Xattrs)
		if s.Mtime != (record.Time{}) {
			t.found.mtime = s.Mtime
		}
		return nil, nil
	}
	home, name := t.dir(), t.name
	if len(t.rest) > 0 {
		for _, p := range t.rest[:len(t.rest)-1] {
			d := m.node(record.TypeDirectory)
			m.attach(home, p, d)
			home, made = d, append(made, d)
		}
		name = t.rest[len(t.rest)-1]
	}
	if t.found != nil {
		m.drop(home, name, false)
	}
	n := m.node(record.TypeFile)
	if s.Dir {
		n = m.node(record.TypeDirectory)
		n.object = !s.Plain
	}
	n.xattrs = textOf(s.Xattrs)
	if n.content = contentOf(s.Length, s.Chunks); s.Mtime != (record.Time{}) {
		n.mtime = s.Mtime
	}
	m.attach(home, name, n)
	return append(made, n), nil
}

func textOf(xs map[string][]byte) map[string]string {
	out := map[string]string{}
	for k, v := range xs {
		out[k] = string(v)
	}
	return out
}

// removeMany is RemoveObjects.
func (m *model) removeMany(rs []meta.Removal) []error {
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
	errs := make([]error, len(rs))
	for _, h := range order {
		m.removeGroup(rs, groups[h], errs)
	}
	return errs
}

func (m *model) removeGroup(rs []meta.Removal, group []int, errs []error) {
	t, err := m.walk(rs[group[0]].Path, false)
	if err != nil || len(t.rest) > 1 {
		if err != syscall.ELOOP { //nolint:errorlint // the model's own
			err = syscall.ENOENT
		}
		for _, i := range group {
			errs[i] = err
		}
		return
	}
	d := t.dir()
	gone := map[string]bool{}
	for _, i := range group {
		name := path.Base(rs[i].Path)
		n := d.children[name]
		switch {
		case gone[name]:
		case n == nil, n.isDir() != rs[i].Dir:
			errs[i] = syscall.ENOENT
		case n.isDir() && len(n.children) > 0 && !n.object:
			errs[i] = syscall.ENOENT
		case n.isDir() && len(n.children) > 0:
			n.object, n.xattrs = false, map[string]string{}
		default:
			m.drop(d, name, false)
			gone[name] = true
		}
	}
	if top := rs[group[0]].Top; top != "" && len(gone) > 0 {
		m.prune(t.dirs, len(strings.FieldsFunc(top, func(r rune) bool { return r == '/' })))
	}
}

func (m *model) prune(dirs []*mnode, depth int) {
	for i := len(dirs) - 1; i > depth; i-- {
		d, up := dirs[i], dirs[i-1]
		if d.object || len(d.children) > 0 {
			return
		}
		m.drop(up, nameOf(up, d), false)
	}
}

// nameOf returns the name of a directory in another.
func nameOf(up, d *mnode) string {
	for name, n := range up.children {
		if n == d {
			return name
		}
	}
	return ""
}

// removeTree is RemoveTree.
func (m *model) removeTree(p string, skipTrash bool) error {
	t, err := m.walk(p, false)
	switch {
	case err == syscall.ENOTDIR, err == nil && t.found == nil: //nolint:errorlint // the model's own
		return nil
	case err != nil:
		return err
	case t.name == "":
		return syscall.EPERM
	}
	m.empty(t.found, skipTrash)
	m.drop(t.dir(), t.name, skipTrash)
	return nil
}

func (m *model) empty(d *mnode, skipTrash bool) {
	for _, name := range slices.Sorted(maps.Keys(d.children)) {
		m.empty(d.children[name], skipTrash)
		m.drop(d, name, skipTrash)
	}
}

// below reports whether a directory is, or is somewhere below, another.
func below(d, top *mnode) bool {
	for ; d != nil; d = d.up {
		if d == top {
			return true
		}
	}
	return false
}

// rename is Rename.
func (m *model) rename(sd *mnode, sn string, dd *mnode, dn string, flags uint32) error {
	src, dst := sd.children[sn], dd.children[dn]
	switch {
	case src == nil:
		return syscall.ENOENT
	case sd == dd && sn == dn:
		return nil
	case dd.trashed:
		return syscall.ENOENT
	case src.isDir() && sd != dd && below(dd, src):
		return syscall.EPERM
	case dst == nil && flags&meta.RenameExchange != 0:
		return syscall.ENOENT
	case dst != nil && flags&meta.RenameNoReplace != 0:
		return syscall.EEXIST
	case dst == src:
		return nil
	case flags&meta.RenameExchange != 0:
		if dst.isDir() && sd != dd && below(sd, dst) {
			return syscall.EPERM
		}
		sd.children[sn], dd.children[dn] = dst, src
		if src.isDir() {
			src.up = dd
		}
		if dst.isDir() {
			dst.up = sd
		}
		m.touch(sd)
		m.touch(dd)
		return nil
	}
	if dst != nil {
		switch {
		case !dst.isDir() && src.isDir():
			return syscall.ENOTDIR
		case dst.isDir() && !src.isDir():
			return syscall.EISDIR
		case dst.isDir() && len(dst.children) > 0:
			return syscall.ENOTEMPTY
		}
		m.drop(dd, dn, false)
	}
	delete(sd.children, sn)
	m.touch(sd)
	m.attach(dd, dn, src)
	if !src.isDir() {
		src.links--
	}
	return nil
}

// link is Link.
func (m *model) link(n, d *mnode, name string) error {
	switch {
	case d.trashed:
		return syscall.ENOENT
	case n.isDir(), n.bin:
		return syscall.EPERM
	case n.links == 0:
		return syscall.ENOENT
	case d.children[name] != nil:
		return syscall.EEXIST
	}
	n.linked = true
	m.attach(d, name, n)
	return nil
}

// rmdir is RmdirAt.
func (m *model) rmdir(d *mnode, name string) error {
	switch n := d.children[name]; {
	case n == nil:
		return syscall.ENOENT
	case !n.isDir():
		return syscall.ENOTDIR
	case len(n.children) > 0:
		return syscall.ENOTEMPTY
	}
	m.drop(d, name, false)
	return nil
}

// remove is Unlink.
func (m *model) remove(d *mnode, name string) error {
	switch n := d.children[name]; {
	case n == nil:
		return syscall.ENOENT
	case n.isDir():
		return syscall.EPERM
	}
	m.drop(d, name, false)
	return nil
}

// expire empties the hours of the trash that are older than it keeps them.
func (m *model) expire(days int) {
	edge := m.now().Add(-time.Duration(24*days+2) * time.Hour)
	for hour, names := range m.hours {
		if at, err := time.Parse("2006-01-02-15", hour); err == nil && at.Before(edge) {
			for _, n := range names {
				m.unlink(n)
			}
			delete(m.hours, hour)
		}
	}
}

// overlay puts pieces over the content of a file from off on.
func overlay(have []piece, off uint64, ps []piece) []piece {
	n := lengthOf(ps)
	out := padded(cutPieces(have, off), off)
	for _, p := range ps {
		out = appendPiece(out, p)
	}
	for _, p := range tailPieces(have, off+n) {
		out = appendPiece(out, p)
	}
	return out
}

// padded makes content at least n bytes long.
func padded(ps []piece, n uint64) []piece {
	if have := lengthOf(ps); have < n {
		ps = appendPiece(slices.Clone(ps), piece{n: n - have})
	}
	return ps
}

// tailPieces is content from off on.
func tailPieces(ps []piece, off uint64) []piece {
	var out []piece
	for _, p := range ps {
		skip := min(off, p.n)
		off -= skip
		if p.id != 0 {
			p.off += skip
		}
		p.n -= skip
		out = appendPiece(out, p)
	}
	return out
}
