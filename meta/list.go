package meta

import (
	"context"
	"errors"
	"strings"

	"juicefs/meta/engine"
	"juicefs/meta/record"
)

// ListObjects returns a page of the objects below q.Dir in byte order of their keys. It costs what the page holds, not
// what the directories hold. ENOENT or ENOTDIR if q.Dir is not a directory.
func (fs *FS) ListObjects(ctx context.Context, c *Caller, q ListQuery) (*ListPage, error) {
	var page *ListPage
	err := fs.view(ctx, "list", func(tx *Tx) error {
		l := &lister{tx: tx, c: c, q: q, page: &ListPage{}}
		page = l.page
		if err := l.run(); err != nil {
			return err
		}
		fs.routes.note(tx)
		return nil
	})
	if err != nil {
		return nil, wrap("list", q.Dir, err)
	}
	return page, nil
}

// lister makes one page. A directory counts in the order as its name and a slash, which is not where its name stands among
// the names: names that go on with a byte below the slash come between. So directories wait on a stack until those have
// passed.
type lister struct {
	tx    *Tx
	c     *Caller
	q     ListQuery
	page  *ListPage
	stack []record.Ino // directories that are being listed, against links that lead back
	ahead *ahead       // a page that nobody has asked for yet; nil: none
}

// errPageFull ends the descent.
var errPageFull = errors.New("page is full")

func (l *lister) run() error {
	base := l.q.Prefix[:strings.LastIndexByte(l.q.Prefix, '/')+1]
	if base != "" && (l.q.Hide != nil && l.q.Hide(strings.SplitN(base, "/", 2)[0]) || !cleanKey(base)) {
		_, _, err := l.tx.directory(l.c, l.q.Dir, walkOptions{follow: true})
		return err
	}
	o, err := l.readAhead(l.q.Dir+"/"+base, base)
	if err != nil {
		return err
	}
	dir, a, err := l.tx.directory(l.c, l.q.Dir+"/"+base, o)
	switch {
	case base != "" && isMissing(err):
		_, _, err = l.tx.directory(l.c, l.q.Dir, walkOptions{follow: true})
		return err
	case err != nil:
		return err
	}
	if err := l.tx.access(l.c, a, mayRead|mayExec); err != nil {
		return err
	}
	if base != "" && base == l.q.Prefix {
		if err := l.dirObject(base, dir, a); err != nil {
			return ignoreFull(err)
		}
	}
	return ignoreFull(l.list(dir, base, 0))
}

func ignoreFull(err error) error {
	if err == errPageFull { //nolint:errorlint // never wrapped
		return nil
	}
	return err
}

// cleanKey reports whether a prefix that ends in a slash names one directory and no other spelling of it.
func cleanKey(base string) bool {
	for _, n := range strings.Split(strings.TrimSuffix(base, "/"), "/") {
		if n == "" || n == "." || n == ".." || len(n) > record.MaxName || strings.ContainsRune(n, 0) {
			return false
		}
	}
	return true
}

// emit adds an item, or ends the page when it is full.
func (l *lister) emit(it Listed) error {
	if len(l.page.Items) == l.q.Limit {
		l.page.More = true
		l.page.Next = l.page.Items[len(l.page.Items)-1].Key
		return errPageFull
	}
	l.page.Items = append(l.page.Items, it)
	return nil
}

// list emits all keys of a directory; base is its key, empty or ending in a slash.
func (l *lister) list(dir record.Ino, base string, links int) error {
	for _, d := range l.stack {
		if d == dir {
			return nil
		}
	}
	l.stack = append(l.stack, dir)
	defer func() { l.stack = l.stack[:len(l.stack)-1] }()

	names := newNames(l, dir, base)
	if names == nil {
		return nil
	}
	var waiting []engine.Listed
	for {
		next, err := names.next()
		if err != nil {
			return err
		}
		for len(waiting) > 0 {
			w := waiting[len(waiting)-1]
			if next != nil && w.Name+"/" > sortKey(next) {
				break
			}
			waiting = waiting[:len(waiting)-1]
			if err := l.subdir(w, base, links); err != nil {
				return err
			}
		}
		switch {
		case next == nil:
			return nil
		case next.Entry.Type == record.TypeDirectory:
			waiting = append(waiting, *next)
		case base+next.Name > l.q.After:
			if err := l.emitFile(*next, base); err != nil {
				return err
			}
		}
	}
}

// sortKey is where an entry stands among the keys.
func sortKey(e *engine.Listed) string {
	if e.Entry.Type == record.TypeDirectory {
		return e.Name + "/"
	}
	return e.Name
}

func (l *lister) emitFile(e engine.Listed, base string) error {
	item, err := listed(e)
	if err != nil || item == nil {
		return err
	}
	item.Key = base + e.Name
	return l.emit(*item)
}

// subdir emits a directory: as a prefix, or as what is in it.
func (l *lister) subdir(e engine.Listed, base string, links int) error {
	key := base + e.Name + "/"
	if l.q.After >= key && !strings.HasPrefix(l.q.After, key) {
		return nil
	}
	if l.q.Delimiter {
		if l.q.After >= key { // the marker is this prefix or within it
			return nil
		}
		return l.emit(Listed{Key: key, Prefix: true})
	}
	if e.Attr == nil {
		return nil
	}
	a, err := record.DecodeAttr(e.Attr)
	if err != nil {
		return err
	}
	if l.tx.access(l.c, a, mayRead|mayExec) != nil {
		return nil // as if it were not there
	}
	if err := l.dirObject(key, e.Entry.Ino, a); err != nil {
		return err
	}
	return l.list(e.Entry.Ino, key, links)
}

// dirObject emits a directory's own key if it is an object.
func (l *lister) dirObject(key string, dir record.Ino, a *record.Attr) error {
	if a.Atime.Sec != 0 || l.q.HideDirs || key <= l.q.After {
		return nil
	}
	it := Listed{Key: key, Ino: dir, Attr: *a}
	if l.q.Xattr != "" {
		var err error
		if it.Xattr, err = l.tx.Get(record.XattrKey(dir, l.q.Xattr), engine.Loose); err != nil {
			return err
		}
	}
	return l.emit(it)
}

// names yields the entries of one directory that the query may want, in byte order of names.
type names struct {
	l      *lister
	dir    record.Ino
	base   string
	prefix string // only names that start with it
	after  string // the engine's position
	early  []engine.Listed
	page   []engine.Listed
	end    bool
}

// maxFetch is how many entries are read at once at most: a page of 1,000 and the one that says that there are more.
const maxFetch = 1001

// newNames positions on the first entry that a key after the marker can have. nil: the marker is behind the directory.
func newNames(l *lister, dir record.Ino, base string) *names {
	n := &names{l: l, dir: dir, base: base}
	if rest, ok := strings.CutPrefix(l.q.Prefix, base); ok {
		n.prefix = rest // no slash in it: base is as deep as the prefix goes, or deeper
	}
	switch mark, inside := strings.CutPrefix(l.q.After, base); {
	case inside:
		n.after, _, _ = strings.Cut(mark, "/")
	case l.q.After > base:
		return nil
	}
	return n
}

// next returns the next entry; nil at the end.
func (n *names) next() (*engine.Listed, error) {
	for {
		if len(n.early) > 0 {
			e := n.early[0]
			n.early = n.early[1:]
			return &e, nil
		}
		if len(n.page) == 0 {
			if n.end {
				return nil, nil
			}
			if err := n.fetch(); err != nil {
				return nil, err
			}
			continue
		}
		e := n.page[0]
		n.page = n.page[1:]
		if n.prefix != "" && !strings.HasPrefix(e.Name, n.prefix) {
			if e.Name > n.prefix {
				n.page, n.end = nil, true
			}
			continue
		}
		if n.hidden(e.Name) {
			continue
		}
		if e.Entry.Type == record.TypeSymlink {
			if !n.l.link(&e, n.base) {
				continue
			}
		}
		return &e, nil
	}
}

func (n *names) hidden(name string) bool {
	return n.base == "" && n.l.q.Hide != nil && n.l.q.Hide(name)
}

// fetch reads more entries; the first time also those that stand before the marker but whose keys may come after it.
func (n *names) fetch() error {
	if n.page == nil && !n.end {
		if err := n.fetchEarly(); err != nil {
			return err
		}
		n.after = n.start()
	}
	page, want, err := n.read(n.after)
	if err != nil {
		return err
	}
	n.page = page
	if n.page == nil {
		n.page = []engine.Listed{}
	}
	if n.end = len(page) < want; len(page) > 0 {
		n.after = page[len(page)-1].Name
	}
	return nil
}

// before is a position from which the next name is the first that is not less than name. No stored name ends in NUL.
func before(name string) string {
	last := len(name) - 1
	if name[last] == 0 {
		return name[:last]
	}
	return name[:last] + string([]byte{name[last] - 1}) + strings.Repeat("\xff", record.MaxName+1)
}

// fetchEarly looks up those of earlyNames that are directories.
func (n *names) fetchEarly() error {
	var reads []engine.ReadOp
	for _, name := range n.earlyNames() {
		reads = append(reads, engine.ReadOp{Key: record.EntryKey(n.dir, name)})
	}
	if len(reads) == 0 {
		return nil
	}
	if err := n.l.tx.Load(reads...); err != nil {
		return err
	}
	for _, r := range reads {
		ent, ok, err := n.l.tx.Entry(n.dir, r.Key.Name, engine.Loose)
		if err != nil {
			return err
		}
		e := engine.Listed{Name: r.Key.Name, Entry: ent}
		if !ok || ent.Type == record.TypeSymlink && !n.l.link(&e, n.base) || e.Entry.Type != record.TypeDirectory {
			continue
		}
		if e.Attr == nil {
			if e.Attr, err = n.l.tx.Get(record.AttrKey(e.Entry.Ino), engine.Loose); err != nil {
				return err
			}
		}
		n.early = append(n.early, e)
	}
	return nil
}

// link makes an entry that is a symbolic link stand for what it leads to; false if that is nothing in the volume.
func (l *lister) link(e *engine.Listed, base string) bool {
	r, err := l.tx.walk(l.c, l.q.Dir+"/"+base+e.Name, walkOptions{follow: true})
	if err != nil || !r.found || r.attr == nil {
		return false
	}
	e.Entry, e.Attr, e.Xattr = r.ent, r.attr.Encode(), nil
	if l.q.Xattr != "" && r.attr.Type != record.TypeDirectory {
		e.Xattr, err = l.tx.Get(record.XattrKey(r.ent.Ino, l.q.Xattr), engine.Loose)
	}
	return err == nil
}
