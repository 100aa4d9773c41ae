package fstest

import (
	"fmt"
	"maps"
	"strings"
	"time"

	"juicefs/meta/record"
)

// dataBelongs holds that chunks, links, attributes and lists belong to inodes of the right type.
func (c *state) dataBelongs() {
	for ino, chunks := range c.chunks {
		_, deleted := c.delFiles[ino]
		if a := c.attrs[ino]; (a == nil || a.Type != record.TypeFile) && !deleted {
			c.fault("inode %d has %d chunks and is no file", ino, len(chunks))
		}
		for index, ss := range chunks {
			for _, s := range ss {
				c.sliceFits(ino, index, s)
			}
		}
	}
	for ino := range c.delFiles {
		if c.attrs[ino] != nil {
			c.fault("inode %d exists and has a deleted-file record", ino)
		}
	}
	for ino, target := range c.symlinks {
		if a := c.attrs[ino]; a == nil || a.Type != record.TypeSymlink || a.Length != uint64(len(target)) {
			c.fault("inode %d has link target %q and is no such link", ino, target)
		}
	}
	for ino, xs := range c.xattrs {
		if a := c.attrs[ino]; a == nil || a.Nlink == 0 {
			c.fault("inode %d has no links and %d extended attributes", ino, len(xs))
		}
	}
	for ino, a := range c.attrs {
		if _, ok := c.symlinks[ino]; a.Type == record.TypeSymlink && !ok {
			c.fault("symbolic link %d has no target", ino)
		}
		for _, id := range []uint32{a.AccessACL, a.DefaultACL} {
			if id != 0 && !c.acls[id] {
				c.fault("inode %d has ACL %d, which does not exist", ino, id)
			}
		}
	}
}

func (c *state) sliceFits(ino record.Ino, index uint32, s record.Slice) {
	inChunk := uint64(s.Pos)+uint64(s.Len) <= record.ChunkSize
	inSlice := s.ID == 0 || s.Size > 0 && uint64(s.Off)+uint64(s.Len) <= uint64(s.Size)
	if !inChunk || !inSlice || s.Len == 0 {
		c.fault("chunk %d/%d has the impossible slice %+v", ino, index, s)
	}
}

// refsCount holds that reference counts are the numbers of records that refer to a slice.
func (c *state) refsCount() {
	used := map[uint64]int64{}
	for _, chunks := range c.chunks {
		for _, ss := range chunks {
			for _, s := range ss {
				if s.ID != 0 {
					used[s.ID]++
				}
			}
		}
	}
	for _, ids := range c.delayed {
		for _, id := range ids {
			used[id.ID]++
		}
	}
	for id, n := range used {
		have, ok := c.refs[id]
		if !ok {
			have = 1
		}
		if have != n {
			c.fault("slice %d has %d references and %d records refer to it", id, have, n)
		}
	}
	for id, n := range c.refs {
		if used[id] == 0 && n > 0 {
			c.fault("slice %d has %d references and no record refers to it", id, n)
		}
	}
}

// trashShape holds that the trash is hours and what was removed in them.
func (c *state) trashShape() {
	for name, e := range c.entries[record.Trash] {
		if _, err := time.Parse("2006-01-02-15", name); err != nil {
			c.fault("the trash has %q", name)
		}
		a := c.attrs[e.Ino]
		if e.Ino <= record.Trash || a == nil || a.Type != record.TypeDirectory || a.Mode != 0o555 || a.Parent != record.Trash {
			c.fault("hour %s of the trash is inode %d, %+v", name, e.Ino, a)
		}
	}
	for dir, names := range c.entries {
		if dir <= record.Trash {
			continue
		}
		for name, e := range names {
			var from, ino uint64
			if n, err := fmt.Sscanf(name, "%d-%d-", &from, &ino); n != 2 || err != nil || record.Ino(ino) != e.Ino || strings.Count(name, "-") < 2 {
				c.fault("inode %d is in the trash as %q", e.Ino, name)
			}
			if e.Type == record.TypeDirectory && len(c.entries[e.Ino]) > 0 {
				c.fault("directory %d is in the trash and has entries", e.Ino)
			}
		}
	}
}

// idsAhead holds that counters are ahead of all ids in use.
func (c *state) idsAhead() {
	for ino := range c.attrs {
		if !ino.InTrash() && ino != record.Root && int64(ino) >= c.counters[record.CounterInode] {
			c.fault("inode %d is not below the counter, %d", ino, c.counters[record.CounterInode])
		}
		if ino > record.Trash && int64(ino-record.Trash) > c.counters[record.CounterTrash] {
			c.fault("hour %d of the trash is above the counter, %d", ino-record.Trash, c.counters[record.CounterTrash])
		}
	}
	for _, chunks := range c.chunks {
		for _, ss := range chunks {
			for _, s := range ss {
				if s.ID != 0 && int64(s.ID) >= c.counters[record.CounterSlice] {
					c.fault("slice %d is not below the counter, %d", s.ID, c.counters[record.CounterSlice])
				}
			}
		}
	}
}

// usage is what directory statistics, totals and quotas sum up.
type usage struct{ length, space, inodes int64 }

func (u *usage) add(a *record.Attr) {
	if a.Type == record.TypeFile {
		u.length += int64(a.Length)
	}
	u.space += a.Space()
	u.inodes++
}

// statsFit holds that statistics of directories are the sums of their entries.
func (c *state) statsFit() {
	for dir := range c.stats {
		if a := c.attrs[dir]; a == nil || a.Type != record.TypeDirectory || dir == record.Trash || a.Parent > record.Trash {
			c.fault("inode %d has statistics and is no directory outside of the trash", dir)
		}
	}
	if !c.setting.DirStats {
		return
	}
	for dir, a := range c.attrs {
		if a.Type != record.TypeDirectory || dir == record.Trash || a.Parent > record.Trash {
			continue
		}
		var want usage
		for _, e := range c.entries[dir] {
			if child := c.attrs[e.Ino]; child != nil {
				want.add(child)
			}
		}
		have, ok := c.stats[dir]
		if !ok || have != (record.DirStat{Length: want.length, Space: want.space, Inodes: want.inodes}) {
			c.fault("directory %d has statistics %v (%+v) and entries of %+v", dir, ok, have, want)
		}
	}
}

// totalsFit holds that the volume's totals are the sums over its inodes.
func (c *state) totalsFit() {
	var want usage
	for ino, a := range c.attrs {
		if ino != record.Root && ino != record.Trash {
			want.add(a)
		}
	}
	if have := c.counters[record.CounterSpace]; have != want.space {
		c.fault("used space is %d, the inodes have %d", have, want.space)
	}
	if have := c.counters[record.CounterInodes]; have != want.inodes {
		c.fault("the number of inodes is %d, there are %d", have, want.inodes)
	}
}

// quotasFit holds that the usage of quotas is that of their directories, users and groups.
func (c *state) quotasFit() {
	for key, q := range c.quotas[record.QuotaDir] {
		dir := record.Ino(key)
		if a := c.attrs[dir]; a == nil || a.Type != record.TypeDirectory || a.Parent.InTrash() {
			c.fault("inode %d has a directory quota and is no directory", dir)
			continue
		}
		if want := c.below(dir); q.UsedSpace != want.space || q.UsedInodes != want.inodes {
			c.fault("directory %d has quota %+v and holds %+v", dir, q, want)
		}
	}
	if !c.setting.UserGroupQuota {
		return
	}
	users, groups := map[uint64]*usage{}, map[uint64]*usage{}
	for ino, a := range c.attrs {
		if ino == record.Root || ino == record.Trash {
			continue
		}
		for m, id := range map[*map[uint64]*usage]uint64{&users: uint64(a.UID), &groups: uint64(a.GID)} {
			if (*m)[id] == nil {
				(*m)[id] = &usage{}
			}
			(*m)[id].add(a)
		}
	}
	for t, want := range map[record.QuotaType]map[uint64]*usage{record.QuotaUser: users, record.QuotaGroup: groups} {
		keys := maps.Clone(c.quotas[t])
		for id := range want {
			if _, ok := keys[id]; !ok {
				c.fault("owner %d of type %d has %+v and no usage on record", id, t, *want[id])
			}
		}
		for id, q := range keys {
			w := usage{}
			if want[id] != nil {
				w = *want[id]
			}
			if q.UsedSpace != w.space || q.UsedInodes != w.inodes {
				c.fault("owner %d of type %d has usage %+v and owns %+v", id, t, q, w)
			}
		}
	}
}

// below sums up all that is below a directory; an inode with several links below it counts for each.
func (c *state) below(dir record.Ino) usage {
	var u usage
	for _, e := range c.entries[dir] {
		a := c.attrs[e.Ino]
		if a == nil {
			continue
		}
		u.add(a)
		if e.Type == record.TypeDirectory {
			b := c.below(e.Ino)
			u.space, u.inodes = u.space+b.space, u.inodes+b.inodes
		}
	}
	return u
}
