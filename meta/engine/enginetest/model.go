package enginetest

import (
	"encoding/binary"
	"maps"
	"math/rand/v2"
	"testing"

	"juicefs/meta/engine"
	"juicefs/meta/record"
)

// model is the plainest database there is: what every engine must agree with, one transaction at a time.
type model map[record.Key][]byte

// universe is the set of keys that random batches use. Parents are left out, since engines may derive them.
func universe() []record.Key {
	keys := []record.Key{record.SettingKey(), record.CounterKey(record.CounterSpace), record.CounterKey(record.CounterLastTrash)}
	for i := record.Ino(1); i <= 3; i++ {
		keys = append(keys, record.AttrKey(i), record.DirStatKey(i), record.SymlinkKey(i), record.SliceRefKey(uint64(i), 10),
			record.QuotaKey(record.QuotaDir, uint64(i)), record.QuotaKey(record.QuotaUser, uint64(i)), record.QuotaKey(record.QuotaGroup, uint64(i)),
			record.DelFileKey(i, 10), record.SustainedKey(1, i), record.SessionKey(uint64(i)), record.DetachedKey(i), record.DelSlicesKey(uint64(i), 5))
		for _, n := range []string{"a", "a\xff", "b"} {
			keys = append(keys, record.EntryKey(i, n), record.XattrKey(i, n[:1]+"x"))
		}
		for c := range uint32(3) {
			keys = append(keys, record.ChunkKey(i, c*256))
		}
	}
	return keys
}

func randomValue(r *rand.Rand, k record.Key) []byte {
	n := r.Int64N(5)
	switch k.Kind {
	case record.KindSetting:
		return []byte(`{"n":` + string(rune('0'+n)) + `}`)
	case record.KindCounter, record.KindDelFile, record.KindDetached, record.KindSliceRef:
		return record.EncodeInt64(n)
	case record.KindAttr:
		a := dirAttr(record.Ino(r.IntN(2)))
		a.Mtime.Sec += n
		a.Nlink, a.Tier = uint32(5+n), uint8(r.IntN(2))
		return a.Encode()
	case record.KindEntry:
		return dirent(record.Ino(n))
	case record.KindChunk:
		return record.EncodeSlices(slice(uint64(n)))
	case record.KindDirStat:
		return record.DirStat{Length: n, Space: -n, Inodes: 1}.Encode()
	case record.KindQuota:
		return record.Quota{MaxSpace: n, UsedInodes: n}.Encode()
	case record.KindSession:
		return record.Session{Expire: n, Info: []byte("{}")[:2*r.IntN(2)]}.Encode()
	case record.KindSustained:
		return []byte{1}
	case record.KindDelSlices:
		return record.EncodeSliceIDs(record.SliceID{ID: uint64(n), Size: 1})
	}
	return binary.BigEndian.AppendUint16(nil, uint16(n+'0'))
}

func randomWrite(r *rand.Rand, k record.Key) engine.Write {
	ops := []engine.Op{engine.Put, engine.Put, engine.Insert, engine.Delete}
	switch k.Kind {
	case record.KindChunk:
		ops = append(ops, engine.Append, engine.Append, engine.Clear)
	case record.KindXattr, record.KindEntry:
		ops = append(ops, engine.Clear)
	case record.KindAttr:
		ops = append(ops, engine.Touch, engine.Nlink, engine.Touch, engine.Nlink)
	case record.KindCounter, record.KindDirStat, record.KindQuota:
		ops = append(ops, engine.Add, engine.Add, engine.Add)
	}
	w := engine.Write{Op: ops[r.IntN(len(ops))], Key: k}
	switch w.Op {
	case engine.Put, engine.Insert, engine.Append:
		w.Value = randomValue(r, k)
	case engine.Clear:
		w.Key = record.Key{Kind: k.Kind, A: k.A}
	case engine.Add:
		w.Deltas = [3]int64{r.Int64N(7) - 3, r.Int64N(7) - 3, 0}
		if k.Kind == record.KindDirStat {
			w.Deltas[2] = r.Int64N(3)
		}
	case engine.Nlink:
		w.Deltas[0] = r.Int64N(3) - 1
	case engine.Touch:
		w.Time = record.Time{Sec: 1700000000 + r.Int64N(6), Nsec: uint32(r.IntN(1e9))}
	}
	return w
}

// commit applies a batch; false: conflict.
func (m model) commit(checks []engine.Check, ws []engine.Write) (model, bool) {
	for _, c := range checks {
		switch {
		case c.Kind == engine.Same && !same(m[c.Key], c.Want), c.Kind == engine.Alike && !record.Alike(m[c.Key], c.Want):
			return m, false
		}
	}
	next := maps.Clone(m)
	for _, w := range ws {
		if !next.apply(w) {
			return m, false
		}
	}
	for _, c := range checks {
		if c.Kind != engine.Empty {
			continue
		}
		for k := range next {
			if k.Kind == record.KindEntry && k.A == c.Key.A {
				return m, false
			}
		}
	}
	return next, true
}

func (m model) apply(w engine.Write) bool {
	now, there := m[w.Key]
	switch w.Op {
	case engine.Insert:
		if there {
			return false
		}
		m[w.Key] = w.Value
	case engine.Put:
		m[w.Key] = w.Value
	case engine.Delete:
		delete(m, w.Key)
	case engine.Clear:
		maps.DeleteFunc(m, func(k record.Key, _ []byte) bool { return k.Kind == w.Key.Kind && k.A == w.Key.A })
	case engine.Append:
		m[w.Key] = append(nonNil(now), w.Value...)
	case engine.Add:
		m.add(w)
	case engine.Touch, engine.Nlink:
		if !there {
			return false
		}
		a, err := record.DecodeAttr(now)
		if err != nil {
			return false
		}
		if w.Op == engine.Nlink {
			a.Nlink = uint32(int64(a.Nlink) + w.Deltas[0])
		} else if a.Mtime.Before(w.Time) {
			a.Mtime, a.Ctime = w.Time, w.Time
		}
		m[w.Key] = a.Encode()
	}
	return true
}

func (m model) add(w engine.Write) {
	now, there := m[w.Key]
	d := w.Deltas
	switch w.Key.Kind {
	case record.KindCounter:
		v, _ := record.DecodeInt64(w.Key.Kind, now)
		m[w.Key] = record.EncodeInt64(v + d[0])
	case record.KindDirStat:
		if there {
			s, _ := record.DecodeDirStat(now)
			m[w.Key] = record.DirStat{Length: s.Length + d[0], Space: s.Space + d[1], Inodes: s.Inodes + d[2]}.Encode()
		}
	case record.KindQuota:
		q := record.Quota{MaxSpace: -1, MaxInodes: -1}
		if there {
			q, _ = record.DecodeQuota(now)
		} else if w.Key.A == uint64(record.QuotaDir) {
			return
		}
		q.UsedSpace, q.UsedInodes = q.UsedSpace+d[0], q.UsedInodes+d[1]
		m[w.Key] = q.Encode()
	}
}

// looksLike compares a value of an engine with the model's: a counter or reference count that is not stored may be
// reported as what it counts as.
func looksLike(k record.Key, got, want []byte) bool {
	if same(got, want) {
		return true
	}
	var absent []byte
	switch k.Kind {
	case record.KindCounter:
		absent = record.EncodeInt64(0)
	case record.KindSliceRef:
		absent = record.EncodeInt64(1)
	default:
		return false
	}
	return got == nil && same(want, absent) || want == nil && same(got, absent)
}

func testModel(t *testing.T, d *db) {
	r := random(t)
	keys := universe()
	m := model{}
	for step := range 400 {
		var ws []engine.Write
		for range 1 + r.IntN(6) {
			k := keys[r.IntN(len(keys))]
			w := randomWrite(r, k)
			if (k.Kind == record.KindSliceRef || k.Kind == record.KindCounter) && w.Op == engine.Insert {
				w.Op = engine.Put // whether one reference, or an initial value, is stored is the engine's affair
			}
			ws = append(ws, w)
		}
		var checks []engine.Check
		for range r.IntN(3) {
			checks = append(checks, randomCheck(r, m, keys))
		}
		next, ok := m.commit(checks, ws)
		err := d.try(checks, ws...)
		if ok != (err == nil) || !ok && !isConflict(err) {
			t.Fatalf("step %d: checks %+v, writes %+v: got %v, the model says ok=%v", step, checks, ws, err, ok)
		}
		m = next
		for _, it := range d.fetch(keys...) {
			if !looksLike(it.Key, it.Value, m[it.Key]) {
				t.Fatalf("step %d: writes %+v (ok=%v): %s = %x, want %x", step, ws, ok, it.Key, it.Value, m[it.Key])
			}
		}
	}
	for k, v := range d.dump() {
		if !looksLike(k, v, m[k]) && k.Kind != record.KindCounter && k.Kind != record.KindParent {
			t.Errorf("scan: %s = %x, want %x", k, v, m[k])
		}
	}
}

// randomCheck returns a check that holds more often than not.
func randomCheck(r *rand.Rand, m model, keys []record.Key) engine.Check {
	for {
		k := keys[r.IntN(len(keys))]
		c := engine.Check{Kind: engine.Same, Key: k, Want: m[k]}
		switch k.Kind {
		case record.KindCounter, record.KindSliceRef:
			continue
		case record.KindEntry:
			if r.IntN(2) == 0 {
				return engine.Check{Kind: engine.Empty, Key: k}
			}
		case record.KindAttr:
			if r.IntN(2) == 0 {
				c.Kind = engine.Alike
			}
		}
		if c.Kind == engine.Alike && c.Want == nil || r.IntN(8) == 0 {
			c.Want = randomValue(r, k)
		}
		return c
	}
}
