package fstest

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"juicefs/meta/engine"
	"juicefs/meta/record"
)

// faults returns what does not fit together in a volume that nobody wrote to while its records were read, one line a finding.
// lax leaves out totals, statistics and usage, which other programs keep up to date later or not exactly.
func (c *state) faults(lax bool) []string {
	c.entriesLead()
	c.linksCount()
	c.parentsFit()
	c.reachable()
	c.dataBelongs()
	c.refsCount()
	c.trashShape()
	c.idsAhead()
	if !lax {
		c.statsFit()
		c.totalsFit()
		c.quotasFit()
	}
	slices.Sort(c.found)
	return c.found
}

// state is all records of a volume.
type state struct {
	setting   *record.Setting
	attrs     map[record.Ino]*record.Attr
	entries   map[record.Ino]map[string]record.Dirent
	parents   map[record.Ino]map[record.Ino]int64
	chunks    map[record.Ino]map[uint32][]record.Slice
	refs      map[uint64]int64
	symlinks  map[record.Ino]string
	xattrs    map[record.Ino]map[string]string
	stats     map[record.Ino]record.DirStat
	quotas    map[record.QuotaType]map[uint64]record.Quota
	acls      map[uint32]bool
	sessions  map[uint64]bool
	sustained map[record.Ino]uint64
	delFiles  map[record.Ino]uint64
	delayed   map[uint64][]record.SliceID
	counters  map[string]int64
	links     map[record.Ino]map[record.Ino]int64 // inode → directory → number of entries
	found     []string
}

func (c *state) fault(format string, args ...any) {
	c.found = append(c.found, fmt.Sprintf(format, args...))
}

// readState reads all records.
func readState(ctx context.Context, eng engine.Engine) (*state, error) {
	c := &state{attrs: map[record.Ino]*record.Attr{}, entries: map[record.Ino]map[string]record.Dirent{},
		parents: map[record.Ino]map[record.Ino]int64{}, chunks: map[record.Ino]map[uint32][]record.Slice{}, refs: map[uint64]int64{},
		symlinks: map[record.Ino]string{}, xattrs: map[record.Ino]map[string]string{}, stats: map[record.Ino]record.DirStat{},
		quotas: map[record.QuotaType]map[uint64]record.Quota{}, acls: map[uint32]bool{}, sessions: map[uint64]bool{},
		sustained: map[record.Ino]uint64{}, delFiles: map[record.Ino]uint64{}, delayed: map[uint64][]record.SliceID{},
		counters: map[string]int64{}, links: map[record.Ino]map[record.Ino]int64{}}
	for _, kind := range record.Kinds() {
		if kind == record.KindLog {
			continue
		}
		for it, err := range eng.Scan(ctx, engine.Range{Kind: kind, All: true}) {
			if err != nil {
				return nil, fmt.Errorf("scan %s: %w", kind, err)
			}
			if err := c.take(it); err != nil {
				return nil, fmt.Errorf("%s: %w", it.Key, err)
			}
		}
	}
	if c.setting == nil {
		return nil, fmt.Errorf("the volume has no setting")
	}
	for dir, names := range c.entries {
		for _, e := range names {
			inner(c.links, e.Ino)[dir]++
		}
	}
	return c, nil
}

// inner returns the map at a key, made when it is missing.
func inner[K, L comparable, V any](m map[K]map[L]V, k K) map[L]V {
	if m[k] == nil {
		m[k] = map[L]V{}
	}
	return m[k]
}

// take keeps a record.
func (c *state) take(it record.Item) (err error) {
	k, ino := it.Key, record.Ino(it.Key.A)
	var n int64
	switch k.Kind {
	case record.KindCounter, record.KindParent, record.KindSliceRef:
		if n, err = record.DecodeInt64(k.Kind, it.Value); err != nil {
			return err
		}
	}
	switch k.Kind {
	case record.KindSetting:
		c.setting, err = record.DecodeSetting(it.Value)
	case record.KindCounter:
		c.counters[k.Name] = n
	case record.KindAttr:
		c.attrs[ino], err = record.DecodeAttr(it.Value)
	case record.KindEntry:
		inner(c.entries, ino)[k.Name], err = record.DecodeDirent(it.Value)
	case record.KindParent:
		inner(c.parents, ino)[record.Ino(k.B)] = n
	case record.KindChunk:
		inner(c.chunks, ino)[uint32(k.B)], err = record.DecodeSlices(it.Value)
	case record.KindSliceRef:
		c.refs[k.A] = n
	case record.KindSymlink:
		c.symlinks[ino] = string(it.Value)
	case record.KindXattr:
		inner(c.xattrs, ino)[k.Name] = string(it.Value)
	case record.KindDirStat:
		c.stats[ino], err = record.DecodeDirStat(it.Value)
	case record.KindQuota:
		inner(c.quotas, record.QuotaType(k.A))[k.B], err = record.DecodeQuota(it.Value)
	case record.KindACL:
		c.acls[uint32(k.A)] = true
	case record.KindSession:
		c.sessions[k.A] = true
	case record.KindSustained:
		c.sustained[record.Ino(k.B)] = k.A
	case record.KindDelFile:
		c.delFiles[ino] = k.B
	case record.KindDelSlices:
		c.delayed[k.A], err = record.DecodeSliceIDs(it.Value)
	case record.KindFlock:
		var fl []record.Flock
		fl, err = record.DecodeFlocks(it.Value)
		for _, f := range fl {
			c.sessionLives(k, f.Session)
		}
	case record.KindPlock:
		var pl []record.Plock
		pl, err = record.DecodePlocks(it.Value)
		for _, p := range pl {
			c.sessionLives(k, p.Session)
		}
	}
	return err
}

// sessionLives holds that a lock is of a session; sessions come before locks in the order of kinds.
func (c *state) sessionLives(k record.Key, sid uint64) {
	if sid != 0 && !c.sessions[sid] {
		c.fault("%s is of session %d, which does not exist", k, sid)
	}
}

// entriesLead holds that every entry is in a directory and leads to an inode of its type.
func (c *state) entriesLead() {
	for dir, names := range c.entries {
		if d := c.attrs[dir]; d == nil || d.Type != record.TypeDirectory {
			c.fault("inode %d has %d entries and is no directory", dir, len(names))
		}
		for name, e := range names {
			switch a := c.attrs[e.Ino]; {
			case a == nil:
				c.fault("entry %d/%q leads to inode %d, which does not exist", dir, name, e.Ino)
			case a.Type != e.Type:
				c.fault("entry %d/%q says %s, inode %d is %s", dir, name, e.Type, e.Ino, a.Type)
			}
		}
	}
}

// linksCount holds that link counts are right.
func (c *state) linksCount() {
	for ino, a := range c.attrs {
		links := sum(c.links[ino])
		if a.Type != record.TypeDirectory {
			if int64(a.Nlink) != links {
				c.fault("inode %d has nlink %d and %d entries", ino, a.Nlink, links)
			}
			if sid, ok := c.sustained[ino]; a.Nlink == 0 && (!ok || !c.sessions[sid]) {
				c.fault("inode %d has no link and no session sustains it", ino)
			}
			continue
		}
		want := int64(1)
		if ino == record.Root || ino == record.Trash {
			want = 0
		}
		if links != want {
			c.fault("directory %d has %d entries that lead to it", ino, links)
		}
		subs := int64(0)
		for _, e := range c.entries[ino] {
			if e.Type == record.TypeDirectory {
				subs++
			}
		}
		if ino.InTrash() {
			subs = 0 // Format: the trash and its hours always have 2. juicefs 1.4.1
		}
		if int64(a.Nlink) != 2+subs {
			c.fault("directory %d has nlink %d and %d sub-directories", ino, a.Nlink, subs)
		}
		if a.Length != 4096 {
			c.fault("directory %d has length %d", ino, a.Length)
		}
	}
	for ino, sid := range c.sustained {
		if a := c.attrs[ino]; a == nil || a.Nlink != 0 {
			c.fault("session %d sustains inode %d, which has links or does not exist", sid, ino)
		}
	}
}

func sum[K comparable](m map[K]int64) (n int64) {
	for _, v := range m {
		n += v
	}
	return n
}

// parentsFit holds that inodes know the directories that they are in.
func (c *state) parentsFit() {
	for ino, a := range c.attrs {
		known := maps.Clone(c.parents[ino])
		maps.DeleteFunc(known, func(_ record.Ino, n int64) bool { return n == 0 })
		switch {
		case ino == record.Root || ino == record.Trash:
			if a.Parent != record.Root {
				c.fault("root inode %d has parent %d", ino, a.Parent)
			}
		case a.Parent > 0:
			if len(known) > 0 {
				c.fault("inode %d has parent %d and parent records %v", ino, a.Parent, known)
			}
			if a.Nlink > 0 && c.links[ino][a.Parent] != sum(c.links[ino]) {
				c.fault("inode %d has parent %d and entries in %v", ino, a.Parent, c.links[ino])
			}
		case a.Type == record.TypeDirectory:
			c.fault("directory %d has no parent", ino)
		case !maps.Equal(known, c.links[ino]):
			c.fault("inode %d has parent records %v and entries in %v", ino, known, c.links[ino])
		}
	}
	for ino, ps := range c.parents {
		if c.attrs[ino] == nil {
			c.fault("inode %d does not exist and has parent records %v", ino, ps)
		}
	}
}

// reachable holds that every inode with links can be reached from the root or the trash.
func (c *state) reachable() {
	seen := map[record.Ino]bool{}
	var visit func(dir record.Ino)
	visit = func(dir record.Ino) {
		if seen[dir] {
			return
		}
		seen[dir] = true
		for _, e := range c.entries[dir] {
			if e.Type == record.TypeDirectory {
				visit(e.Ino)
			} else {
				seen[e.Ino] = true
			}
		}
	}
	visit(record.Root)
	visit(record.Trash)
	for ino, a := range c.attrs {
		if !seen[ino] && a.Nlink > 0 && ino != record.Trash {
			c.fault("inode %d cannot be reached", ino)
		}
	}
}
