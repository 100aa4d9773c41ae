package meta

import (
	"context"
	"fmt"
	"maps"

	"juicefs/meta/engine"
	"juicefs/meta/record"
)

// quotaTable is what is known of limits: read at every heartbeat, never changed in place.
type quotaTable struct {
	dirs   map[record.Ino]record.Quota
	users  map[uint32]record.Quota
	groups map[uint32]record.Quota
}

// loadQuotas reads all quotas.
func (fs *FS) loadQuotas(ctx context.Context) error {
	t := &quotaTable{dirs: map[record.Ino]record.Quota{}, users: map[uint32]record.Quota{}, groups: map[uint32]record.Quota{}}
	for it, err := range fs.eng.Scan(ctx, engine.Range{Kind: record.KindQuota, All: true}) {
		if err != nil {
			return err
		}
		q, err := record.DecodeQuota(it.Value)
		if err != nil {
			return err
		}
		switch record.QuotaType(it.Key.A) {
		case record.QuotaDir:
			t.dirs[record.Ino(it.Key.B)] = q
		case record.QuotaUser:
			t.users[uint32(it.Key.B)] = q
		case record.QuotaGroup:
			t.groups[uint32(it.Key.B)] = q
		}
	}
	fs.quotas.Store(t)
	return nil
}

// change is by how much something grows: bytes of files, aligned space, inodes.
type change struct{ length, space, inodes int64 }

func (c change) neg() change { return change{-c.length, -c.space, -c.inodes} }

// weight is what an inode counts for in its directory.
func weight(a *record.Attr) change {
	w := change{space: a.Space(), inodes: 1}
	if a.Type == record.TypeFile {
		w.length = int64(a.Length)
	}
	return w
}

// addTotals adds to the volume's totals; ENOSPC if that would pass a limit. Shrinking always works.
func (tx *Tx) addTotals(c change) error {
	s := tx.fs.Setting()
	for _, t := range []struct {
		name  string
		by    int64
		limit uint64
	}{{record.CounterSpace, c.space, s.Capacity}, {record.CounterInodes, c.inodes, s.Inodes}} {
		if t.by == 0 {
			continue
		}
		if t.by > 0 && t.limit > 0 {
			used, err := tx.int64(record.CounterKey(t.name), engine.Loose)
			if err != nil {
				return err
			}
			if used+tx.added(record.CounterKey(t.name))+t.by > int64(t.limit) {
				return eNoSpc
			}
		}
		tx.Add(record.CounterKey(t.name), t.by)
	}
	return nil
}

// added is what this Tx has added to a record so far.
func (tx *Tx) added(k record.Key) int64 {
	if i, ok := tx.adds[k]; ok {
		return tx.batch.Writes[i].Deltas[0]
	}
	return 0
}

// addDirStat adds to the statistics of a directory whose direct children changed.
func (tx *Tx) addDirStat(dir record.Ino, c change) {
	if !tx.fs.Setting().DirStats || dir == record.Trash || c == (change{}) {
		return
	}
	k := record.DirStatKey(dir)
	if i, ok := tx.puts[k]; ok && tx.batch.Writes[i].Op != engine.Delete {
		// A directory of this very transaction.
		if d, err := record.DecodeDirStat(tx.batch.Writes[i].Value); err == nil {
			tx.batch.Writes[i].Value = record.DirStat{Length: d.Length + c.length, Space: d.Space + c.space, Inodes: d.Inodes + c.inodes}.Encode()
		}
		return
	}
	tx.Add(k, c.length, c.space, c.inodes)
}

// addTree adds to the quotas of a directory and all above it; EDQUOT if a growth would pass a limit.
func (tx *Tx) addTree(dir record.Ino, c change) error {
	above, err := tx.quotasAbove(dir)
	if err != nil {
		return err
	}
	return tx.addQuotas(above, c)
}

// addQuotas adds to quotas of directories.
func (tx *Tx) addQuotas(keys []record.Key, c change) error {
	for _, k := range keys {
		if c.space > 0 || c.inodes > 0 {
			if err := tx.checkQuota(k, tx.fs.quotas.Load().dirs[record.Ino(k.B)], c); err != nil {
				return err
			}
		}
		tx.Add(k, c.space, c.inodes)
	}
	return nil
}

// quotasAbove returns the keys of the quotas of a directory and all above it, from the bottom up. A directory that is cut
// off from the root has none above it.
func (tx *Tx) quotasAbove(dir record.Ino) ([]record.Key, error) {
	dirs := tx.fs.quotas.Load().dirs
	if len(dirs) == 0 {
		return nil, nil
	}
	var keys []record.Key
	for range 1 << 16 { // a bound against a loop in a damaged volume
		if dir == 0 || dir.InTrash() {
			break
		}
		if _, ok := dirs[dir]; ok {
			keys = append(keys, record.QuotaKey(record.QuotaDir, uint64(dir)))
		}
		if dir == record.Root {
			break
		}
		a, err := tx.attrOrNil(dir, engine.Loose)
		if err != nil {
			return nil, err
		}
		if a == nil {
			break
		}
		dir = a.Parent
	}
	return keys, nil
}

// quotaBorder returns the quotas that something leaves and those that it enters when it moves between directories.
func (tx *Tx) quotaBorder(from, to record.Ino) (out, in []record.Key, err error) {
	if out, err = tx.quotasAbove(from); err != nil {
		return nil, nil, err
	}
	if in, err = tx.quotasAbove(to); err != nil {
		return nil, nil, err
	}
	for len(out) > 0 && len(in) > 0 && out[len(out)-1] == in[len(in)-1] { // common from the top down
		out, in = out[:len(out)-1], in[:len(in)-1]
	}
	return out, in, nil
}

// checkQuota compares with the usage on record, as the limits may have been reached by others meanwhile.
func (tx *Tx) checkQuota(k record.Key, known record.Quota, c change) error {
	q := known
	if known.MaxSpace > 0 || known.MaxInodes > 0 {
		b, err := tx.Get(k, engine.Loose)
		if err != nil || b == nil {
			return err
		}
		if q, err = record.DecodeQuota(b); err != nil {
			return err
		}
	}
	var mine [3]int64
	if i, ok := tx.adds[k]; ok {
		mine = tx.batch.Writes[i].Deltas
	}
	if q.MaxSpace > 0 && c.space > 0 && q.UsedSpace+mine[0]+c.space > q.MaxSpace ||
		q.MaxInodes > 0 && c.inodes > 0 && q.UsedInodes+mine[1]+c.inodes > q.MaxInodes {
		return eDquot
	}
	return nil
}

// addOwner adds to what a user and a group own; EDQUOT as above. Only volumes that keep such usage.
func (tx *Tx) addOwner(uid, gid uint32, c change) error {
	if !tx.fs.Setting().UserGroupQuota {
		return nil
	}
	t := tx.fs.quotas.Load()
	for _, o := range []struct {
		key   record.Key
		known record.Quota
	}{{record.QuotaKey(record.QuotaUser, uint64(uid)), t.users[uid]}, {record.QuotaKey(record.QuotaGroup, uint64(gid)), t.groups[gid]}} {
		if c.space > 0 || c.inodes > 0 {
			if err := tx.checkQuota(o.key, o.known, c); err != nil {
				return err
			}
		}
		tx.Add(o.key, c.space, c.inodes)
	}
	return nil
}

// grow accounts for an inode, or more of one, that appears in a directory.
func (tx *Tx) grow(dir record.Ino, a *record.Attr, c change) error {
	if err := tx.addTotals(c); err != nil {
		return err
	}
	if err := tx.addOwner(a.UID, a.GID, c); err != nil {
		return err
	}
	tx.addDirStat(dir, c)
	return tx.addTree(dir, c)
}

// fixRootStat makes the statistics of the root directory, the one directory that is made without: they are counted.
func (fs *FS) fixRootStat(ctx context.Context) error {
	if !fs.Setting().DirStats {
		return nil
	}
	return fs.update(ctx, "dirstat", func(tx *Tx) error {
		k := record.DirStatKey(record.Root)
		b, err := tx.Get(k, engine.Exact)
		if err != nil || b != nil {
			return err
		}
		sum, err := tx.countDir(record.Root)
		if err != nil {
			return err
		}
		tx.Put(k, sum.Encode())
		return nil
	})
}

// countDir sums the direct children of a directory.
func (tx *Tx) countDir(dir record.Ino) (record.DirStat, error) {
	var sum record.DirStat
	err := tx.eachChild(dir, func(_ engine.Listed, w change) error {
		sum.Length, sum.Space, sum.Inodes = sum.Length+w.length, sum.Space+w.space, sum.Inodes+w.inodes
		return nil
	})
	return sum, err
}

// countTree sums all that is below a directory.
func (tx *Tx) countTree(dir record.Ino) (change, error) {
	var sum change
	var below []record.Ino
	err := tx.eachChild(dir, func(l engine.Listed, w change) error {
		sum.space, sum.inodes = sum.space+w.space, sum.inodes+w.inodes
		if l.Entry.Type == record.TypeDirectory {
			below = append(below, l.Entry.Ino)
		}
		return nil
	})
	for _, sub := range below {
		if err != nil {
			break
		}
		var w change
		w, err = tx.countTree(sub)
		sum.space, sum.inodes = sum.space+w.space, sum.inodes+w.inodes
	}
	return sum, err
}

// eachChild calls f with each entry of a directory and what it counts for. Own writes are not seen.
func (tx *Tx) eachChild(dir record.Ino, f func(engine.Listed, change) error) error {
	const most = 1000
	after := ""
	for {
		page, err := tx.listDir(dir, after, most, "")
		if err != nil {
			return err
		}
		for _, l := range page {
			w := change{space: 4096, inodes: 1}
			if l.Attr != nil {
				a, err := record.DecodeAttr(l.Attr)
				if err != nil {
					return fmt.Errorf("inode %d: %w", l.Entry.Ino, err)
				}
				w = weight(a)
			}
			if err := f(l, w); err != nil {
				return err
			}
		}
		if len(page) < most {
			return nil
		}
		after = page[len(page)-1].Name
	}
}

// quotaDirs returns the directories that have a quota.
func (fs *FS) quotaDirs() []record.Ino {
	t := fs.quotas.Load()
	dirs := make([]record.Ino, 0, len(t.dirs))
	for d := range maps.Keys(t.dirs) {
		dirs = append(dirs, d)
	}
	return dirs
}
