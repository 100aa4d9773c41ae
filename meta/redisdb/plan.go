package redisdb

import (
	"encoding/binary"
	"fmt"

	"juicefs/meta/engine"
	"juicefs/meta/record"
)

// plan is a transaction as the commit script takes it: checks, then writes, each a few arguments. lua/commit.lua says what
// they mean.
type plan struct {
	checks steps
	about  []record.Key // what each check is about; the zero key: nothing that could be told
	writes steps
	absent []record.Key // keys of the server that must not exist, gathered into one check
	// otherwise is the path that is wanted if a check fails.
	otherwise *engine.WalkQuery

	known   map[record.Key]bool // records that exist, or do not, at this point of the batch if the checks hold
	cleared map[group]bool      // groups that the batch cleared
	groups  grouped             // the keys of known by group; nil until a large batch needs them

	last run // the last write
}

// run is a write that others may go with: the same command on the same key of the server, of DEL on any.
type run struct {
	word  string
	of    group // whose key it is
	steps int   // how many writes there were with it
	n     int   // how many went together
}

// together is how many records go in one command.
const together = 500

// join begins a write, or goes on with the last one if that is the same command on the same key. first says that it begins, so
// that the key must be added.
func (p *plan) join(word string, of group) (a *args, first bool) {
	r := &p.last
	if r.word == word && r.of == of && r.steps == len(p.writes.starts) && r.n < together {
		r.n++
		return &p.writes.args, false
	}
	a = p.writes.begin(word)
	*r = run{word, of, len(p.writes.starts), 1}
	return a, true
}

// keyOf names the key of the server that holds a field or member.
func keyOf(k record.Key) group {
	g := group{kind: k.Kind}
	if letters(k.Kind) != "" {
		g.a = k.A
	}
	return g
}

// steps are pieces of a list of arguments.
type steps struct {
	args
	starts []int
}

// begin starts a step.
func (s *steps) begin(word string) *args {
	s.starts = append(s.starts, s.len())
	s.str(word)
	return &s.args
}

// step returns where the arguments of a step are.
func (s *steps) step(i int) (from, to int) {
	if i+1 < len(s.starts) {
		return s.starts[i], s.starts[i+1]
	}
	return s.starts[i], s.len()
}

// group is all records of a kind that belong to one inode.
type group struct {
	kind record.Kind
	a    uint64
}

// plan returns an empty plan, perhaps one that was used before.
func (e *Engine) plan() *plan {
	if p, ok := e.plans.Get().(*plan); ok {
		return p
	}
	p := &plan{known: make(map[record.Key]bool, 32)}
	p.checks.prefix, p.writes.prefix = e.prefix, e.prefix
	return p
}

// largePlan is from how many bytes of arguments on a plan is not kept for another use.
const largePlan = 32 << 10

// recycle keeps a plan for another use, unless it is large. Nothing may refer to it any more.
func (e *Engine) recycle(p *plan) {
	if len(p.checks.buf)+len(p.writes.buf) > largePlan {
		return
	}
	for _, s := range []*steps{&p.checks, &p.writes} {
		s.buf, s.ends, s.starts = s.buf[:0], s.ends[:0], s.starts[:0]
	}
	clear(p.known)
	p.about, p.absent, p.cleared, p.groups = p.about[:0], p.absent[:0], nil, nil
	p.otherwise, p.last = nil, run{}
	e.plans.Put(p)
}

// add plans a transaction: what it has seen, what it checks, what it writes. A *engine.Conflict: the batch is in its own way.
func (p *plan) add(seen []engine.Check, b *engine.Batch) error {
	p.otherwise = b.Otherwise
	for _, list := range [][]engine.Check{seen, b.Checks} {
		for i := range list {
			if err := p.check(&list[i]); err != nil {
				return err
			}
		}
	}
	for i := range b.Writes {
		if err := p.write(&b.Writes[i]); err != nil {
			return err
		}
	}
	p.flushAbsent()
	for i := range b.Checks {
		if b.Checks[i].Kind == engine.Empty {
			if err := p.empty(b.Checks[i].Key, b.Writes); err != nil {
				return err
			}
		}
	}
	return nil
}

// begin starts a check.
func (p *plan) begin(op string, about record.Key) *args {
	p.about = append(p.about, about)
	return p.checks.begin(op)
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

// know remembers whether a record exists at this point of the batch.
func (p *plan) know(k record.Key, there bool) {
	if p.groups != nil {
		if _, old := p.known[k]; !old {
			p.groups.add(k)
		}
	}
	p.known[k] = there
}

// members returns the records of a group of which something is known. A removal of a thousand objects clears a group for
// each, so they are sorted by group then; in a small batch looking through all is cheaper.
func (p *plan) members(g group) []record.Key {
	const small = 32
	if p.groups == nil && len(p.known) > small {
		p.groups = grouped{}
		for k := range p.known {
			p.groups.add(k)
		}
	}
	if p.groups != nil {
		return p.groups[g]
	}
	var found []record.Key
	for k := range p.known {
		if k.Kind == g.kind && k.A == g.a {
			found = append(found, k)
		}
	}
	return found
}

// grouped are records by group, of the kinds whose groups can be cleared.
type grouped map[group][]record.Key

func (s grouped) add(k record.Key) {
	switch k.Kind {
	case record.KindXattr, record.KindParent, record.KindEntry, record.KindChunk:
		g := group{k.Kind, k.A}
		s[g] = append(s[g], k)
	}
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
		a := p.begin("e", k)
		a.key(k)
		a.field(k)
		return a.value(k, want)
	case listForm:
		a := p.begin("L", k)
		a.key(k)
		a.bytes(want)
	case setForm:
		a := p.begin("m", k)
		a.key(k)
		a.field(k)
	case scoreForm:
		a := p.begin("z", k)
		a.key(k)
		a.field(k)
		return a.value(k, want)
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
	a := p.begin("z", record.Key{})
	a.name(expiryName)
	a.field(k)
	a.int(s.Expire)
	p.fieldOr(infoName, k).bytes(s.Info)
	p.checks.str("") // no description is an empty one
	return nil
}

// fieldOr starts the comparison of a field that may be missing. The caller adds the value wanted and what missing counts as.
func (p *plan) fieldOr(name string, k record.Key) *args {
	a := p.begin("f", record.Key{})
	a.name(name)
	a.field(k)
	return a
}

func (p *plan) sameStat(k record.Key, want []byte) error {
	d, err := record.DecodeDirStat(want)
	if err != nil {
		return err
	}
	names := statNames()
	for i, n := range [3]int64{d.Length, d.Space, d.Inodes} {
		if i == 1 { // this one says that the record exists
			a := p.begin("e", record.Key{})
			a.name(names[i])
			a.field(k)
			a.int(n)
			continue
		}
		p.fieldOr(names[i], k).int(n)
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
	p.fieldOr(names[0], k).bytes(limitsOf(q))
	p.checks.str(noLimits)
	for i, n := range [2]int64{q.UsedSpace, q.UsedInodes} {
		p.fieldOr(names[i+1], k).int(n)
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
		a := p.begin("n", k)
		a.key(k)
		a.field(k)
	case setForm:
		a := p.begin("w", k)
		a.key(k)
		a.field(k)
	case scoreForm:
		a := p.begin("y", k)
		a.key(k)
		a.field(k)
	case sessionForm:
		a := p.begin("y", record.Key{})
		a.name(expiryName)
		a.field(k)
	case statForm:
		a := p.begin("n", record.Key{})
		a.name(statNames()[1])
		a.field(k)
	case quotaForm:
		names := quotaNames(record.QuotaType(k.A))
		for _, i := range []int{0, 2} {
			a := p.begin("n", record.Key{})
			a.name(names[i])
			a.field(k)
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
