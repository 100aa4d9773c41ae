package redisdb

import (
	"slices"

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

// member begins a write to the key of the server that holds a record, or goes on with one.
func (p *plan) member(word string, k record.Key) *args {
	a, first := p.join(word, keyOf(k))
	if first {
		a.key(k)
	}
	return a
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

// part begins a step about the field or member that a record is.
func (s *steps) part(word string, k record.Key) *args {
	a := s.begin(word)
	a.key(k)
	a.field(k)
	return a
}

// named begins a step about the field or member of a record in a key that holds a piece of each record of the kind.
func (s *steps) named(word, name string, k record.Key) *args {
	a := s.begin(word)
	a.name(name)
	a.field(k)
	return a
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
	p.reserve(len(seen)+len(b.Checks), len(b.Writes))
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

// reserve makes room for a large transaction, as much as the removal of a thousand objects takes.
func (p *plan) reserve(checks, writes int) {
	const many = 128 // checks and writes
	if checks+writes < many {
		return
	}
	p.checks.reserve(checks, 56*checks, 4*checks)
	p.writes.reserve(writes/together+16, 16*writes, 2*writes)
	p.about = slices.Grow(p.about, checks)
	if len(p.known) == 0 {
		p.known = make(map[record.Key]bool, checks+writes)
	}
}

// reserve makes room for steps with so many bytes and arguments in all.
func (s *steps) reserve(steps, bytes, arguments int) {
	s.starts = slices.Grow(s.starts, steps)
	s.buf = slices.Grow(s.buf, bytes)
	s.ends = slices.Grow(s.ends, arguments)
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
