package redisdb

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"

	"juicefs/meta/engine"
	"juicefs/meta/record"
)

// smallDir is how many entries a directory has at most whose pages a script sorts. It takes the server about a millisecond
// for each thousand, during which it does nothing else; above, the index in memory is cheaper.
const smallDir = 2048

// listing is a question for a page of a directory.
type listing struct {
	dir   record.Ino
	after string
	limit int
	attrs bool
	xattr string
}

// ListDir reads a page of a directory: in one turnaround if it is small or its names are in memory. It takes no guards.
func (t *tx) ListDir(ctx context.Context, dir record.Ino, after string, limit int, xattr string) ([]engine.Listed, error) {
	if err := t.start(ctx); err != nil {
		return nil, err
	}
	if limit <= 0 {
		return nil, fmt.Errorf("list %d entries: %w", limit, errUnsupported)
	}
	ls, err := t.e.list(ctx, listing{dir: dir, after: after, limit: limit, attrs: true, xattr: xattr})
	return ls, readErr(ctx, "list", err)
}

func (e *Engine) list(ctx context.Context, q listing) ([]engine.Listed, error) {
	if !e.plain && e.ordered && !e.index.has(q.dir) {
		ls, ok, err := e.listScript(ctx, q)
		if err != nil || ok {
			return ls, err
		}
	}
	return e.index.list(ctx, q)
}

// listScript lets the server cut the page; false if it did not, because the directory is large or numbers are.
func (e *Engine) listScript(ctx context.Context, q listing) ([]engine.Listed, bool, error) {
	a := e.args()
	a.str(e.prefix)
	a.str(flag(q.attrs))
	a.str(q.xattr)
	a.uint(uint64(q.dir))
	a.str(q.after)
	a.int(int64(q.limit))
	a.int(smallDir)
	c, err := e.source.master(ctx)
	if err != nil {
		return nil, false, err
	}
	r, err := listScript.read(ctx, e, c, a)
	if err != nil || r.isInt() {
		return nil, false, err
	}
	n, err := r.array()
	if err != nil || n < 0 {
		return nil, false, err
	}
	ls, err := q.read(&r, n)
	return ls, err == nil, err
}

// read takes the script's answer apart.
func (q *listing) read(r *reply, n int) ([]engine.Listed, error) {
	each := 2
	if q.attrs {
		each++
	}
	if q.xattr != "" {
		each++
	}
	ls := make([]engine.Listed, n/each) // never nil
	for i := range ls {
		name, err := r.bulk()
		if err != nil {
			return nil, err
		}
		ls[i].Name = string(name)
		entry, err := r.bulk()
		if err != nil {
			return nil, err
		}
		if ls[i].Entry, err = record.DecodeDirent(entry); err != nil {
			return nil, err
		}
		if err := q.readInode(r, &ls[i]); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(ls, func(a, b engine.Listed) int { return strings.Compare(a.Name, b.Name) })
	return ls, nil
}

// readInode reads what is wanted of an entry's inode.
func (q *listing) readInode(r *reply, l *engine.Listed) (err error) {
	if q.attrs {
		if l.Attr, err = r.bulk(); err != nil {
			return err
		}
	}
	if q.xattr != "" {
		l.Xattr, err = r.bulk()
	}
	return err
}

// fill reads what is wanted of the inodes of entries, through a client, in one turnaround.
func (e *Engine) fill(ctx context.Context, c *redis.Client, q listing, ls []engine.Listed) error {
	if e.plain {
		return e.fillPlain(ctx, c, q, ls)
	}
	a := e.args()
	fillArgs(a, q, ls)
	r, err := listScript.read(ctx, e, c, a)
	if err != nil {
		return err
	}
	return q.readInodes(&r, ls)
}

// fillArgs adds the arguments that ask for what is wanted of the inodes of entries.
func fillArgs(a *args, q listing, ls []engine.Listed) {
	a.str(a.prefix)
	a.str(flag(q.attrs))
	a.str(q.xattr)
	a.str("")
	for i := range ls {
		a.uint(uint64(ls[i].Entry.Ino))
	}
}

// readInodes takes the answer to that apart.
func (q *listing) readInodes(r *reply, ls []engine.Listed) error {
	if _, err := r.array(); err != nil {
		return err
	}
	for i := range ls {
		if err := q.readInode(r, &ls[i]); err != nil {
			return err
		}
	}
	return nil
}

// maxMoves is how often an entry is looked up again whose inode was gone.
const maxMoves = 10

// follow looks up again entries whose inodes are gone: they were replaced, or removed, after they had been read.
func (e *Engine) follow(ctx context.Context, c *redis.Client, q listing, ls []engine.Listed) error {
	for range maxMoves {
		var lost []int
		var keys []record.Key
		for i := range ls {
			if q.attrs && ls[i].Attr == nil {
				lost = append(lost, i)
				keys = append(keys, record.EntryKey(q.dir, ls[i].Name))
			}
		}
		if len(lost) == 0 {
			return nil
		}
		items, err := e.get(ctx, keys...)
		if err != nil {
			return err
		}
		var moved []int
		var again []engine.Listed
		for n, it := range items {
			if it.Value == nil {
				continue // removed: it stays without an attribute, as it would if it came a moment later
			}
			ent, err := record.DecodeDirent(it.Value)
			if err != nil {
				return err
			}
			if ent != ls[lost[n]].Entry {
				moved = append(moved, lost[n])
				again = append(again, engine.Listed{Name: it.Key.Name, Entry: ent})
			}
		}
		if len(moved) == 0 {
			return nil
		}
		if err := e.fill(ctx, c, q, again); err != nil {
			return err
		}
		for n, i := range moved {
			ls[i] = again[n]
		}
	}
	return nil
}

// fillPlain is fill without a script.
func (e *Engine) fillPlain(ctx context.Context, c *redis.Client, q listing, ls []engine.Listed) error {
	commands := []command{{"PING", e.args()}} // so that there is an answer to wait for, also without entries
	if q.attrs && len(ls) > 0 {
		a := e.args()
		for i := range ls {
			a.key(record.AttrKey(ls[i].Entry.Ino))
		}
		commands = append(commands, command{"MGET", a})
	}
	for i := 0; i < len(ls) && q.xattr != ""; i++ {
		a := e.args()
		a.key(record.XattrKey(ls[i].Entry.Ino, q.xattr))
		a.str(q.xattr)
		commands = append(commands, command{"HGET", a})
	}
	replies, err := e.pipeline(ctx, c, commands)
	if err != nil {
		return err
	}
	replies = replies[1:]
	if q.attrs && len(ls) > 0 {
		if n, bad := replies[0].array(); bad != nil || n != len(ls) {
			return errors.Join(bad, errReply)
		}
		for i := range ls {
			if ls[i].Attr, err = replies[0].bulk(); err != nil {
				return err
			}
		}
		replies = replies[1:]
	}
	for i := range replies {
		if ls[i].Xattr, err = replies[i].bulk(); err != nil {
			return err
		}
	}
	return nil
}
