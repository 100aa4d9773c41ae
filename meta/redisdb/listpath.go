package redisdb

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sort"

	"github.com/redis/go-redis/v9"

	"juicefs/meta/engine"
	"juicefs/meta/record"
)

// ListPath walks and lists by one script. Where the names of the directory are in memory, so that no script sorts them, the path
// and what belongs to the page's inodes are asked for at once if the caller knows the directory.
func (t scripted) ListPath(ctx context.Context, q engine.ListQuery) (*engine.ListedPath, error) {
	if err := t.start(ctx); err != nil {
		return nil, err
	}
	if q.Limit <= 0 {
		return nil, fmt.Errorf("list %d entries: %w", q.Limit, errUnsupported)
	}
	q.Chunks, q.Xattrs, q.Sole = 0, false, false
	l, err := t.e.index.listPath(ctx, q)
	if err == nil && l == nil {
		l, err = t.e.listPath(ctx, q)
	}
	if err != nil {
		return nil, readErr(ctx, "list", err)
	}
	if l != nil && t.mode == engine.Update {
		t.guardWalk(q.WalkQuery, &l.Walked)
	}
	return l, nil
}

// listPath lets the server walk and list. A directory that is too large for that is listed by its names in memory.
func (e *Engine) listPath(ctx context.Context, q engine.ListQuery) (*engine.ListedPath, error) {
	a := e.args()
	a.str(e.prefix)
	a.uint(uint64(q.From))
	a.str(q.Xattr)
	a.str(q.After)
	a.int(int64(q.Limit))
	if e.ordered {
		a.int(smallDir)
	} else {
		a.int(-1) // none is small enough
	}
	a.int(int64(len(q.Names)))
	for _, n := range q.Names {
		a.str(n)
	}
	for _, n := range q.Also {
		a.str(n)
	}
	c, err := e.source.master(ctx)
	if err != nil {
		return nil, err
	}
	r, err := listPathScript.read(ctx, e, c, a)
	if err != nil {
		return nil, err
	}
	n, err := r.array()
	if err != nil || n < 0 {
		return nil, err
	}
	l := &engine.ListedPath{}
	if err = readPathAlone(&r, q.WalkQuery, &l.Walked); err != nil || n == 1 {
		return l, err
	}
	lq := listing{dir: l.Directory(q.From, len(q.Names)), after: q.After, limit: q.Limit, attrs: true, xattr: q.Xattr}
	large, err := e.readPage(&r, lq, l)
	if err != nil {
		return nil, err
	}
	also, err := r.bulks()
	if err != nil || len(also) != len(q.Also) || lq.dir == 0 {
		return nil, errors.Join(err, errReply)
	}
	for i, name := range q.Also {
		l.Also = append(l.Also, record.Item{Key: record.EntryKey(lq.dir, name), Value: also[i]})
	}
	if large {
		l.Page, err = e.index.list(ctx, lq)
	}
	return l, err
}

// readPathAlone reads what a walk met that is a part of an answer.
func readPathAlone(r *reply, q engine.WalkQuery, w *engine.Walked) error {
	left, err := r.array()
	if err != nil {
		return err
	}
	met, err := readWalked(r, left, q)
	if err == nil {
		*w = *met
	}
	return err
}

// readPage reads the page that is a part of an answer; large: there is none, as the directory is too large.
func (e *Engine) readPage(r *reply, q listing, l *engine.ListedPath) (large bool, err error) {
	if r.isInt() {
		_, err = r.int()
		return true, err
	}
	n, err := r.array()
	if err != nil || n < 0 {
		return false, err
	}
	l.Page, err = q.read(r, n)
	return false, err
}

// listPath reads a path, and a page of the directory where it probably ends from the names in memory; nil: they are not there.
func (x *index) listPath(ctx context.Context, q engine.ListQuery) (*engine.ListedPath, error) {
	n := x.kept(q.Likely)
	if n == nil {
		return nil, nil
	}
	l := &engine.ListedPath{}
	lq := listing{dir: q.Likely, after: q.After, limit: q.Limit, attrs: true, xattr: q.Xattr}
	page := n.page(lq)
	err := x.track.do(ctx, func(c *redis.Client) error {
		commands := []command{walkScript.command(x.e), listScript.command(x.e)}
		walkArgs(commands[0].args, q.WalkQuery)
		fillArgs(commands[1].args, lq, page)
		replies, err := x.e.pipeline(ctx, c, commands)
		if err != nil {
			return err
		}
		if replies[0].isNil() { // it gave up
			l = nil
			return nil
		}
		if err = readPathAlone(&replies[0], q.WalkQuery, &l.Walked); err != nil {
			return err
		}
		return lq.readInodes(&replies[1], page)
	})
	switch {
	case err != nil && isNoScript(err.Error()):
		return nil, nil // whoever reads next brings it
	case err != nil || l == nil:
		return nil, err
	}
	if l.Directory(q.From, len(q.Names)) != q.Likely || !x.track.holds(q.Likely, n.stamp) {
		return l, nil // the path is true, the page is not, or not of this directory
	}
	if l.Page = page; page == nil {
		l.Page = []engine.Listed{}
	}
	for _, name := range q.Also {
		l.Also = append(l.Also, n.item(q.Likely, name))
	}
	return l, nil
}

// item returns the entry of a name.
func (n *names) item(dir record.Ino, name string) record.Item {
	it := record.Item{Key: record.EntryKey(dir, name)}
	want := []byte(name)
	i := sort.Search(len(n.ends), func(i int) bool { return bytes.Compare(n.name(i), want) >= 0 })
	if i < len(n.ends) && bytes.Equal(n.name(i), want) {
		it.Value = record.Dirent{Type: record.Type(n.types[i]), Ino: record.Ino(n.inos[i])}.Encode()
	}
	return it
}
