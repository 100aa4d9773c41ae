package meta

import (
	"cmp"
	"context"
	"fmt"

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
	t := newQuotaTable()
	for it, err := range fs.eng.Scan(ctx, engine.Range{Kind: record.KindQuota, All: true}) {
		if err != nil {
			return err
		}
		if err := t.add(it); err != nil {
			return err
		}
	}
	fs.quotas.Store(t)
	return nil
}

func newQuotaTable() *quotaTable {
	return &quotaTable{dirs: map[record.Ino]record.Quota{}, users: map[uint32]record.Quota{}, groups: map[uint32]record.Quota{}}
}

// add puts a record into a table that nobody uses yet.
func (t *quotaTable) add(it record.Item) error {
	q, err := record.DecodeQuota(it.Value)
	if err != nil {
		return fmt.Errorf("%s: %w", it.Key, err)
	}
	switch record.QuotaType(it.Key.A) {
	case record.QuotaDir:
		t.dirs[record.Ino(it.Key.B)] = q
	case record.QuotaUser:
		t.users[uint32(it.Key.B)] = q
	case record.QuotaGroup:
		t.groups[uint32(it.Key.B)] = q
	}
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

// addTotals adds to the volume's totals.
func (tx *Tx) addTotals(c change) {
	if tx.fs.gathers {
		tx.totals.space, tx.totals.inodes = tx.totals.space+c.space, tx.totals.inodes+c.inodes
		return
	}
	tx.Add(record.CounterKey(record.CounterSpace), c.space)
	tx.Add(record.CounterKey(record.CounterInodes), c.inodes)
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

// addTree adds to the quotas of a directory and all above it.
func (tx *Tx) addTree(dir record.Ino, c change) error {
	above, err := tx.quotasAbove(dir)
	tx.addQuotas(above, c)
	return err
}

func (tx *Tx) addQuotas(keys []record.Key, c change) {
	for _, k := range keys {
		tx.Add(k, c.space, c.inodes)
	}
}

// quotasAbove returns the keys of the quotas of a directory and all above it, from the bottom up. A directory that is cut
// off from the root has none above it.
func (tx *Tx) quotasAbove(dir record.Ino) ([]record.Key, error) {
	dirs := tx.fs.quotas.Load().dirs
	if len(dirs) == 0 {
		return nil, nil
	}
	var keys []record.Key
	err := tx.climb(dir, func(at record.Ino) bool {
		if _, ok := dirs[at]; ok {
			keys = append(keys, record.QuotaKey(record.QuotaDir, uint64(at)))
		}
		return true
	})
	if err != nil && err != eNoEnt { //nolint:errorlint // climb returns the bare code
		return nil, err
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

// addOwner adds to what a user and a group own. Only volumes that keep such usage.
func (tx *Tx) addOwner(uid, gid uint32, c change) {
	if tx.fs.Setting().UserGroupQuota {
		tx.addQuotas([]record.Key{record.QuotaKey(record.QuotaUser, uint64(uid)), record.QuotaKey(record.QuotaGroup, uint64(gid))}, c)
	}
}

// grow accounts for an inode, or more of one, that appears in a directory.
func (tx *Tx) grow(dir record.Ino, a *record.Attr, c change) error {
	tx.addTotals(c)
	tx.addOwner(a.UID, a.GID, c)
	tx.addDirStat(dir, c)
	return tx.addTree(dir, c)
}

// limit returns the most that a record of usage may say, in the order of its deltas; 0 or less: no limit.
func (tx *Tx) limit(k record.Key) [2]int64 {
	s, t := tx.fs.Setting(), tx.fs.quotas.Load()
	switch {
	case k == record.CounterKey(record.CounterSpace):
		return [2]int64{int64(s.Capacity)}
	case k == record.CounterKey(record.CounterInodes):
		return [2]int64{int64(s.Inodes)}
	case k.Kind != record.KindQuota:
		return [2]int64{}
	}
	var q record.Quota
	switch record.QuotaType(k.A) {
	case record.QuotaDir:
		q = t.dirs[record.Ino(k.B)]
	case record.QuotaUser:
		q = t.users[uint32(k.B)]
	case record.QuotaGroup:
		q = t.groups[uint32(k.B)]
	}
	return [2]int64{q.MaxSpace, q.MaxInodes}
}

// checkLimits holds what the whole transaction adds against the limits: ENOSPC of the volume, EDQUOT of a quota. What it
// frees counts, and what does not grow is not asked about. Usage is read now, as others may have come close to a limit.
func (tx *Tx) checkLimits() error {
	if tx.unlimited {
		return nil
	}
	if full, err := tx.totalsFull(); err != nil || full {
		return cmp.Or(err, error(eNoSpc))
	}
	var reads []engine.ReadOp
	for k, i := range tx.adds {
		d, most := tx.batch.Writes[i].Deltas, tx.limit(k)
		if d[0] > 0 && most[0] > 0 || d[1] > 0 && most[1] > 0 {
			reads = append(reads, engine.ReadOp{Key: k})
		}
	}
	if err := tx.Load(reads...); err != nil {
		return err
	}
	full := error(nil)
	for _, r := range reads {
		over, err := tx.over(r.Key, tx.batch.Writes[tx.adds[r.Key]].Deltas)
		switch {
		case err != nil:
			return err
		case over && r.Key.Kind == record.KindCounter:
			return eNoSpc
		case over:
			full = eDquot
		}
	}
	return full
}

// over reports whether usage would pass its limit.
func (tx *Tx) over(k record.Key, d [3]int64) (bool, error) {
	b, err := tx.Get(k, engine.Loose)
	if err != nil {
		return false, err
	}
	most := tx.limit(k)
	var used [2]int64
	switch {
	case k.Kind == record.KindCounter:
		used[0], err = record.DecodeInt64(k.Kind, b)
	case b != nil:
		var q record.Quota
		q, err = record.DecodeQuota(b)
		used, most = [2]int64{q.UsedSpace, q.UsedInodes}, [2]int64{q.MaxSpace, q.MaxInodes}
	}
	for i := range most {
		if most[i] > 0 && d[i] > 0 && used[i]+d[i] > most[i] {
			return true, err
		}
	}
	return false, err
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
