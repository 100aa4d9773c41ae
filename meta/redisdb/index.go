package redisdb

import (
	"bytes"
	"context"
	"slices"
	"sort"
	"sync"

	"github.com/redis/go-redis/v9"

	"juicefs/meta/engine"
	"juicefs/meta/record"
)

// indexBytes bounds the memory of all names that are kept.
const indexBytes = 256 << 20

// scanStep is how many entries the server is asked for at once: enough to spare turnarounds, few enough that it is not held up.
const scanStep = 10000

// index keeps the sorted names of large directories, as long as the server has not told of a change.
type index struct {
	e     *Engine
	track *tracker

	mu    sync.Mutex
	dirs  map[record.Ino]*names
	clock uint64 // of uses
	bytes int
	most  int
}

// names are the entries of a directory in order of names, in one piece of memory. They do not change.
type names struct {
	text  []byte
	ends  []uint32
	types []uint8
	inos  []uint64
	stamp uint64 // of the tracker, before the names were read
	used  uint64
}

func newIndex(e *Engine) *index {
	return &index{e: e, track: newTracker(e), dirs: map[record.Ino]*names{}, most: indexBytes}
}

// close ends the connection that tells of changes.
func (x *index) close() error { return x.track.close() }

// has reports whether the names of a directory are kept, true or not.
func (x *index) has(dir record.Ino) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.dirs[dir] != nil
}

// kept returns the names of a directory if nobody told of a change yet.
func (x *index) kept(dir record.Ino) *names {
	x.mu.Lock()
	defer x.mu.Unlock()
	n := x.dirs[dir]
	if n == nil || !x.track.holds(dir, n.stamp) {
		return nil
	}
	x.clock++
	n.used = x.clock
	return n
}

// keep stores the names of a directory and makes room.
func (x *index) keep(dir record.Ino, n *names) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.drop(dir)
	if n.stamp == 0 || n.size() > x.most {
		return
	}
	x.clock++
	n.used = x.clock
	x.dirs[dir] = n
	for x.bytes += n.size(); x.bytes > x.most; {
		oldest := dir
		for d, other := range x.dirs {
			if other.used < x.dirs[oldest].used {
				oldest = d
			}
		}
		x.drop(oldest)
	}
}

// forget drops the names of a directory.
func (x *index) forget(dir record.Ino) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.drop(dir)
}

func (x *index) drop(dir record.Ino) {
	if n := x.dirs[dir]; n != nil {
		x.bytes -= n.size()
		delete(x.dirs, dir)
	}
}

// list reads a page. Names that are in memory serve if no change was told of by the time that the page has been read through
// the connection that tells; so whatever was acknowledged before the question is in the answer. Else they are read anew.
func (x *index) list(ctx context.Context, q listing) ([]engine.Listed, error) {
	if n := x.kept(q.dir); n != nil {
		ls := n.page(q)
		err := x.track.do(ctx, func(c *redis.Client) error { return x.e.fill(ctx, c, q, ls) })
		if err != nil || x.track.holds(q.dir, n.stamp) {
			return ls, err
		}
	}
	n, err := x.read(ctx, q.dir)
	if err != nil {
		return nil, err
	}
	if len(n.ends) > smallDir {
		x.keep(q.dir, n)
	} else {
		x.forget(q.dir)
	}
	ls := n.page(q)
	if !q.attrs && q.xattr == "" || len(ls) == 0 {
		return ls, nil
	}
	c, err := x.e.source.master(ctx)
	if err != nil {
		return nil, err
	}
	if err := x.e.fill(ctx, c, q, ls); err != nil {
		return nil, err
	}
	return ls, x.e.follow(ctx, c, q, ls)
}

// read reads all entries of a directory.
func (x *index) read(ctx context.Context, dir record.Ino) (*names, error) {
	b := &builder{}
	stamp, next, err := x.track.watch(ctx, dir, inPairs(b.add))
	if err != nil {
		return nil, err
	}
	if next != "" {
		key := func(a *args) { a.numbered(letters(record.KindEntry), uint64(dir)) }
		if err := x.e.scanPairs(ctx, "HSCAN", next, key, b.add); err != nil {
			return nil, err
		}
	}
	n := b.names()
	n.stamp = stamp
	return n, nil
}

type entry struct {
	name []byte // within the server's answer
	ent  record.Dirent
}

// builder collects entries in any order, some of them twice.
type builder struct{ entries []entry }

func (b *builder) add(name, value []byte) error {
	ent, err := record.DecodeDirent(value)
	if err != nil {
		return err
	}
	b.entries = append(b.entries, entry{name, ent})
	return nil
}

// names sorts what was collected. What came twice was moved within the hash or changed meanwhile; either one was true.
func (b *builder) names() *names {
	es := b.entries
	slices.SortFunc(es, func(a, b entry) int { return bytes.Compare(a.name, b.name) })
	n := &names{ends: make([]uint32, 0, len(es)), types: make([]uint8, 0, len(es)), inos: make([]uint64, 0, len(es))}
	size := 0
	for i := range es {
		size += len(es[i].name)
	}
	n.text = make([]byte, 0, size)
	for i := range es {
		if i+1 < len(es) && bytes.Equal(es[i+1].name, es[i].name) {
			continue
		}
		n.text = append(n.text, es[i].name...)
		n.ends = append(n.ends, uint32(len(n.text)))
		n.types = append(n.types, uint8(es[i].ent.Type))
		n.inos = append(n.inos, uint64(es[i].ent.Ino))
	}
	return n
}

func (n *names) size() int { return cap(n.text) + 4*cap(n.ends) + cap(n.types) + 8*cap(n.inos) }

func (n *names) name(i int) []byte {
	from := uint32(0)
	if i > 0 {
		from = n.ends[i-1]
	}
	return n.text[from:n.ends[i]]
}

// page returns the entries of a page, without what belongs to their inodes.
func (n *names) page(q listing) []engine.Listed {
	after := []byte(q.after)
	from := sort.Search(len(n.ends), func(i int) bool { return bytes.Compare(n.name(i), after) > 0 })
	ls := make([]engine.Listed, min(q.limit, len(n.ends)-from))
	for i := range ls {
		ls[i] = engine.Listed{Name: string(n.name(from + i)), Entry: record.Dirent{Type: record.Type(n.types[from+i]), Ino: record.Ino(n.inos[from+i])}}
	}
	return ls
}
