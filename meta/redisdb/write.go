package redisdb

import (
	"encoding/binary"
	"fmt"

	"juicefs/meta/engine"
	"juicefs/meta/record"
)

// write plans one write of a batch, with the check that it needs.
func (p *plan) write(w *engine.Write) error {
	k := w.Key
	switch w.Op {
	case engine.Put:
		return p.put(k, w.Value)
	case engine.Insert:
		if err := p.need(k, false); err != nil {
			return err
		}
		return p.put(k, w.Value)
	case engine.Delete:
		p.know(k, false)
		return p.remove(k)
	case engine.Clear:
		return p.clear(k)
	case engine.Append:
		return p.append(k, w.Value)
	case engine.Add:
		return p.addTo(k, w.Deltas)
	case engine.Touch, engine.Nlink:
		return p.patch(w)
	}
	return fmt.Errorf("write %d of %s: %w", w.Op, k, errUnsupported)
}

// need makes sure that a record exists, or does not, when the batch has come this far.
func (p *plan) need(k record.Key, there bool) error {
	known, ok := p.known[k]
	if !ok && p.cleared[group{k.Kind, k.A}] {
		known, ok = false, true
	}
	switch {
	case ok && known != there:
		return &engine.Conflict{Cause: fmt.Errorf("%s: the batch itself decided that", k)}
	case ok:
		return nil
	case there:
		p.begin("X", record.Key{}).key(k)
	default:
		if err := p.isAbsent(k); err != nil {
			return err
		}
	}
	p.know(k, there)
	return nil
}

// put plans the writing of a value; nil removes the record.
func (p *plan) put(k record.Key, value []byte) error {
	if value == nil {
		p.know(k, false)
		return p.remove(k)
	}
	there, ok := p.known[k]
	gone := ok && !there
	p.know(k, true)
	switch formOf(k.Kind) {
	case stringForm:
		a := p.writes.begin("SET")
		a.key(k)
		return a.value(k, value)
	case hashForm:
		return p.putField(k, value, gone)
	case listForm:
		if !gone {
			p.writes.begin("DEL").key(k)
		}
		p.know(k, false)
		return p.append(k, value)
	case setForm:
		p.writes.part("SADD", k)
	case scoreForm:
		a := p.member("ZADD", k)
		if err := a.value(k, value); err != nil {
			return err
		}
		a.field(k)
	case lockForm:
		return p.putLock(k, value)
	case sessionForm:
		return p.putSession(k, value)
	case statForm:
		return p.putStat(k, value)
	case quotaForm:
		return p.putQuota(k, value)
	default:
		return fmt.Errorf("put %s: %w", k, errUnsupported)
	}
	return nil
}

// putField writes a field of a hash. One reference to a slice is said by the absence of its field.
func (p *plan) putField(k record.Key, value []byte, gone bool) error {
	if k.Kind == record.KindSliceRef {
		n, err := record.DecodeInt64(k.Kind, value)
		if err != nil {
			return err
		}
		if n == 1 {
			p.know(k, false)
			if gone {
				return nil
			}
			return p.remove(k)
		}
	}
	a := p.member("HSET", k)
	a.field(k)
	return a.value(k, value)
}

func (p *plan) putLock(k record.Key, value []byte) error {
	hs, err := holders(k, value)
	if err != nil {
		return err
	}
	p.know(k, len(hs) > 0)
	a := p.writes.begin(".lock")
	a.key(k)
	for _, h := range hs {
		a.str(h.field)
		a.bytes(h.value)
	}
	return nil
}

func (p *plan) putSession(k record.Key, value []byte) error {
	s, err := record.DecodeSession(value)
	if err != nil {
		return err
	}
	a := p.writes.begin("ZADD")
	a.name(expiryName)
	a.int(s.Expire)
	a.field(k)
	if len(s.Info) == 0 {
		p.writes.named("HDEL", infoName, k)
		return nil
	}
	p.writes.named("HSET", infoName, k).bytes(s.Info)
	return nil
}

func (p *plan) putStat(k record.Key, value []byte) error {
	d, err := record.DecodeDirStat(value)
	if err != nil {
		return err
	}
	names := statNames()
	for i, n := range [3]int64{d.Length, d.Space, d.Inodes} {
		p.writes.named("HSET", names[i], k).int(n)
	}
	return nil
}

// putQuota writes all three hashes: old clients find quotas by the first, new ones by the last.
func (p *plan) putQuota(k record.Key, value []byte) error {
	q, err := record.DecodeQuota(value)
	if err != nil {
		return err
	}
	names := quotaNames(record.QuotaType(k.A))
	p.writes.named("HSET", names[0], k).bytes(limitsOf(q))
	for i, n := range [2]int64{q.UsedSpace, q.UsedInodes} {
		p.writes.named("HSET", names[i+1], k).int(n)
	}
	return nil
}

// remove plans the removal of a record.
func (p *plan) remove(k record.Key) error {
	switch formOf(k.Kind) {
	case stringForm, listForm:
		a, _ := p.join("DEL", group{})
		a.key(k)
	case hashForm:
		p.member("HDEL", k).field(k)
	case setForm:
		p.writes.part("SREM", k)
	case scoreForm:
		p.member("ZREM", k).field(k)
	case lockForm:
		p.writes.begin(".lock").key(k)
	case sessionForm:
		p.writes.named("ZREM", expiryName, k)
		p.writes.named("HDEL", infoName, k)
	case statForm:
		for _, name := range statNames() {
			p.writes.named("HDEL", name, k)
		}
	case quotaForm:
		for _, name := range quotaNames(record.QuotaType(k.A)) {
			p.writes.named("HDEL", name, k)
		}
	default:
		return fmt.Errorf("remove %s: %w", k, errUnsupported)
	}
	return nil
}

// clear plans the removal of all records of a group.
func (p *plan) clear(k record.Key) error {
	g := group{k.Kind, k.A}
	switch k.Kind {
	case record.KindXattr, record.KindParent, record.KindEntry:
		a, _ := p.join("DEL", group{})
		a.numbered(letters(k.Kind), k.A)
	case record.KindChunk:
		p.writes.begin(".drop").uint(k.A)
	default:
		return fmt.Errorf("clear %s: %w", k.Kind, errUnsupported)
	}
	if p.cleared == nil {
		p.cleared = map[group]bool{}
	}
	p.cleared[g] = true
	for _, other := range p.members(g) {
		if p.known[other] && k.Kind == record.KindChunk {
			p.writes.begin("DEL").key(other) // of this very batch: no look at the server finds it
		}
		p.known[other] = false
	}
	return nil
}

// append plans the appending of slice records, each an element of its own.
func (p *plan) append(k record.Key, value []byte) error {
	if k.Kind != record.KindChunk {
		return fmt.Errorf("append to %s: %w", k, errUnsupported)
	}
	if len(value)%record.SliceSize != 0 {
		return fmt.Errorf("%w: %s: %d bytes", record.ErrCorrupt, k, len(value))
	}
	for len(value) > 0 {
		a := p.writes.begin("RPUSH")
		a.key(k)
		for n := 0; n < most && len(value) > 0; n++ {
			a.bytes(value[:record.SliceSize])
			value = value[record.SliceSize:]
		}
		p.know(k, true)
	}
	return nil
}

// addTo plans an addition.
func (p *plan) addTo(k record.Key, d [3]int64) error {
	switch k.Kind {
	case record.KindCounter:
		a := p.writes.begin("INCRBY")
		a.key(k)
		a.int(d[0])
	case record.KindParent, record.KindSliceRef:
		p.writes.part("HINCRBY", k).int(d[0])
	case record.KindDirStat:
		a := p.writes.begin(".stat")
		a.field(k)
		for _, n := range d {
			a.int(n)
		}
		return nil // it makes no record
	case record.KindQuota:
		a := p.writes.begin(".quota")
		a.str([...]string{"dir", "user", "group"}[min(k.A, 2)])
		a.field(k)
		if record.QuotaType(k.A) == record.QuotaDir {
			a.str("")
		} else {
			a.str(noLimits)
		}
		a.int(d[0])
		a.int(d[1])
		if record.QuotaType(k.A) == record.QuotaDir {
			return nil // it makes no record
		}
	default:
		return fmt.Errorf("add to %s: %w", k, errUnsupported)
	}
	p.know(k, true)
	return nil
}

// patch plans a change within an attribute.
func (p *plan) patch(w *engine.Write) error {
	if w.Key.Kind != record.KindAttr {
		return fmt.Errorf("change within %s: %w", w.Key, errUnsupported)
	}
	if err := p.need(w.Key, true); err != nil {
		return err
	}
	if w.Op == engine.Nlink {
		a := p.writes.begin(".nlink")
		a.key(w.Key)
		a.int(w.Deltas[0])
		return nil
	}
	a := p.writes.begin(".touch")
	a.key(w.Key)
	a.buf = binary.BigEndian.AppendUint64(a.buf, uint64(w.Time.Sec))
	a.buf = binary.BigEndian.AppendUint32(a.buf, w.Time.Nsec)
	a.end()
	return nil
}
