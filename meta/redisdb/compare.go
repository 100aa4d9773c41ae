package redisdb

import (
	"encoding/binary"
	"fmt"

	"juicefs/meta/engine"
	"juicefs/meta/record"
)

// begin starts a check.
func (p *plan) begin(op string, about record.Key) *args {
	p.about = append(p.about, about)
	return p.checks.begin(op)
}

// part starts a check of the field or member that a record is.
func (p *plan) part(op string, k record.Key) *args {
	p.about = append(p.about, k)
	return p.checks.part(op, k)
}

// named starts a check of a piece of a record. Where it fails nothing could be told of the record.
func (p *plan) named(op, name string, k record.Key) *args {
	p.about = append(p.about, record.Key{})
	return p.checks.named(op, name, k)
}

// check plans a comparison with the state before the batch.
func (p *plan) check(c *engine.Check) error {
	k := c.Key
	switch {
	case c.Kind == engine.Empty:
		return nil // the last of all
	case c.Kind == engine.Alike:
		if k.Kind != record.KindAttr {
			return fmt.Errorf("compare %s: %w", k, errUnsupported)
		}
		if len(c.Want) < attrFixed {
			return &engine.Conflict{Cause: fmt.Errorf("nothing is like %s of %d bytes", k, len(c.Want))}
		}
		a := p.begin("A", k)
		a.key(k)
		a.bytes(c.Want[:attrStable])
		a.bytes(c.Want[attrFixed:])
	case c.Want == nil:
		if err := p.isAbsent(k); err != nil {
			return err
		}
	default:
		if err := p.same(k, c.Want); err != nil {
			return err
		}
	}
	p.know(k, c.Want != nil)
	return nil
}

// Sizes within an attribute; see record.Attr and record.Alike.
const (
	attrStable = 11 // bytes of flags, type, mode and owner
	attrFixed  = 63 // where the parent starts
)

// same plans the comparison of a record with a value.
func (p *plan) same(k record.Key, want []byte) error {
	switch formOf(k.Kind) {
	case stringForm:
		a := p.begin("E", k)
		a.key(k)
		return a.value(k, want)
	case hashForm:
		return p.part("e", k).value(k, want)
	case listForm:
		a := p.begin("L", k)
		a.key(k)
		a.bytes(want)
	case setForm:
		p.part("m", k)
	case scoreForm:
		return p.part("z", k).value(k, want)
	case lockForm:
		return p.sameLock(k, want)
	case sessionForm:
		return p.sameSession(k, want)
	case statForm:
		return p.sameStat(k, want)
	case quotaForm:
		return p.sameQuota(k, want)
	default:
		return fmt.Errorf("compare %s: %w", k, errUnsupported)
	}
	return nil
}

func (p *plan) sameLock(k record.Key, want []byte) error {
	hs, err := holders(k, want)
	if err != nil {
		return err
	}
	a := p.begin("H", record.Key{})
	a.key(k)
	a.int(int64(len(hs)))
	for _, h := range hs {
		a.str(h.field)
		a.bytes(h.value)
	}
	return nil
}

func (p *plan) sameSession(k record.Key, want []byte) error {
	s, err := record.DecodeSession(want)
	if err != nil {
		return err
	}
	p.named("z", expiryName, k).int(s.Expire)
	p.named("f", infoName, k).bytes(s.Info)
	p.checks.str("") // no description is an empty one
	return nil
}

func (p *plan) sameStat(k record.Key, want []byte) error {
	d, err := record.DecodeDirStat(want)
	if err != nil {
		return err
	}
	names := statNames()
	for i, n := range [3]int64{d.Length, d.Space, d.Inodes} {
		if i == 1 { // this one says that the record exists
			p.named("e", names[i], k).int(n)
			continue
		}
		p.named("f", names[i], k).int(n)
		p.checks.str("0")
	}
	return nil
}

func (p *plan) sameQuota(k record.Key, want []byte) error {
	q, err := record.DecodeQuota(want)
	if err != nil {
		return err
	}
	names := quotaNames(record.QuotaType(k.A))
	p.named("f", names[0], k).bytes(limitsOf(q))
	p.checks.str(noLimits)
	for i, n := range [2]int64{q.UsedSpace, q.UsedInodes} {
		p.named("f", names[i+1], k).int(n)
		p.checks.str("0")
	}
	return nil
}

// limitsOf returns the stored limits of a quota.
func limitsOf(q record.Quota) []byte {
	be := binary.BigEndian
	return be.AppendUint64(be.AppendUint64(nil, uint64(q.MaxSpace)), uint64(q.MaxInodes))
}

// isAbsent plans the check that there is no such record.
func (p *plan) isAbsent(k record.Key) error {
	switch formOf(k.Kind) {
	case stringForm, listForm, lockForm:
		p.absent = append(p.absent, k)
	case hashForm:
		p.part("n", k)
	case setForm:
		p.part("w", k)
	case scoreForm:
		p.part("y", k)
	case sessionForm:
		p.named("y", expiryName, k)
	case statForm:
		p.named("n", statNames()[1], k)
	case quotaForm:
		names := quotaNames(record.QuotaType(k.A))
		for _, i := range []int{0, 2} {
			p.named("n", names[i], k)
		}
	default:
		return fmt.Errorf("compare %s: %w", k, errUnsupported)
	}
	return nil
}

// most is how many arguments the script passes on in one call; Lua's stack holds some thousand.
const most = 1000

// flushAbsent turns the keys that must not exist into checks.
func (p *plan) flushAbsent() {
	for left := p.absent; len(left) > 0; {
		n := min(len(left), most)
		a := p.begin("N", record.Key{})
		a.int(int64(n))
		for _, k := range left[:n] {
			a.key(k)
		}
		left = left[n:]
	}
}

// empty plans the check that a directory has no entries once the batch is done.
func (p *plan) empty(dir record.Key, ws []engine.Write) error {
	left := map[string]bool{} // names that the batch touches: are they there afterwards?
	cleared := false
	for i := range ws {
		w := &ws[i]
		if w.Key.Kind != record.KindEntry || w.Key.A != dir.A {
			continue
		}
		switch w.Op {
		case engine.Clear:
			left, cleared = map[string]bool{}, true
		default:
			left[w.Key.Name] = w.Op != engine.Delete
		}
	}
	for name, there := range left {
		if there {
			return &engine.Conflict{Cause: fmt.Errorf("directory %d will have %q", dir.A, name)}
		}
	}
	if cleared {
		return nil
	}
	a := p.begin("Z", record.Key{})
	a.numbered(letters(record.KindEntry), dir.A)
	a.int(int64(len(left)))
	for name := range left {
		a.str(name)
	}
	return nil
}
