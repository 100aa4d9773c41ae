package meta

import (
	"strings"

	"juicefs/meta/engine"
	"juicefs/meta/record"
)

// ahead is a page that was read together with the path of its directory, before anybody asked for it.
type ahead struct {
	dir   record.Ino
	after string
	limit int
	page  []engine.Listed
}

// readAhead reads the path p of the directory that is listed, whose key is base, through the engine's fast path, and with it the
// page and the names that listing it asks for first. It returns how to go on from there.
func (l *lister) readAhead(p, base string) (walkOptions, error) {
	o := walkOptions{follow: true}
	e, ok := l.tx.etx.(engine.PathLister)
	if !ok {
		return o, nil
	}
	path, err := splitPath(p)
	n := newNames(l, 0, base)
	if err != nil || n == nil || len(path) > 0 && path[0] == trashName {
		return o, nil //nolint:nilerr // the walk says so
	}
	q := engine.ListQuery{
		WalkQuery: engine.WalkQuery{From: record.Root, Names: path, Last: engine.Stable},
		After:     n.start(), Limit: n.want(), Xattr: l.q.Xattr, Also: n.earlyNames(), Likely: l.tx.fs.routes.lead(path),
	}
	met, err := e.ListPath(l.tx.ctx, q)
	if err != nil || met == nil {
		return o, err
	}
	o.read = true
	l.tx.memory = &memory{path: path}
	l.tx.noteWalk(&met.Walked, len(path), engine.Stable)
	for _, it := range met.Also {
		l.tx.note(it, engine.Loose)
	}
	if met.Page != nil {
		l.ahead = &ahead{met.Directory(record.Root, len(path)), q.After, q.Limit, met.Page}
	}
	return o, nil
}

// read reads a page, or takes the one that was read ahead. limit is how many entries it has unless there are no more.
func (n *names) read(after string) (page []engine.Listed, limit int, err error) {
	if a := n.l.ahead; a != nil && a.dir == n.dir && a.after == after {
		n.l.ahead = nil
		return a.page, a.limit, nil
	}
	limit = n.want()
	page, err = n.l.tx.listDir(n.dir, after, limit, n.l.q.Xattr)
	return page, limit, err
}

// want is how many entries may still be needed: those that fit the page, and one that says that there are more.
func (n *names) want() int { return min(n.l.q.Limit-len(n.l.page.Items)+1, maxFetch) }

// start is the position before the first entry that is wanted.
func (n *names) start() string {
	if n.prefix > n.after {
		return before(n.prefix)
	}
	return n.after
}

// earlyNames are names up to the marker, and only proper prefixes of it, that keys behind it may start with: a directory "a" has
// keys after a marker "a-b".
func (n *names) earlyNames() []string {
	var early []string
	for i := 1; i <= len(n.after); i++ {
		name := n.after[:i]
		if i < len(n.after) && n.after[i] >= '/' || !strings.HasPrefix(name, n.prefix) || n.hidden(name) {
			continue
		}
		early = append(early, name)
	}
	return early
}
