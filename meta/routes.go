package meta

import (
	"bytes"
	"container/list"
	"context"
	"errors"
	"slices"
	"sync"

	"juicefs/meta/engine"
	"juicefs/meta/record"
)

// rememberedNames is how many names are remembered where nothing else is said: about 5 MiB of them.
const rememberedNames = 1 << 14

// rememberable is how many names are remembered on an engine.
func rememberable(i engine.Info, wanted int) int {
	switch {
	case wanted < 0, wanted == 0 && !i.Remote:
		return 0
	case wanted == 0:
		return rememberedNames
	}
	return wanted
}

// routes remembers what names led to, up to a number of names, those forgotten first that were not asked about for longest.
// It may be wrong at any time: others change the volume. Whoever uses it has the database check it ([Tx.believe]). It is safe
// for concurrent use.
type routes struct {
	most int // names; 0: none

	mu    sync.Mutex
	root  []byte // the root's attribute; nil: not known
	doubt uint8  // of the root, see place
	known map[step]*list.Element
	order list.List // of *place, the one used last in front
}

// step is a name in a directory.
type step struct {
	dir  record.Ino
	name string
}

// place is what a name led to.
type place struct {
	step
	typ       record.Type
	ino       record.Ino
	ent, attr []byte // as stored; never changed in place
	// doubt says how often names in this directory that were not remembered were there all the same: one more for each that was,
	// one less for each that was not, from 0 to 3.
	doubt uint8
}

// sure is the most doubt with which a name that is not remembered is taken for absent. Where keys are replaced that others put, a
// commit that fails costs more to compute than a walk, and saves nothing.
const sure, mostDoubt = 1, 3

// doubtOf is the doubt about names in a directory; nil is the root.
func (m *routes) doubtOf(home *place) *uint8 {
	if home == nil {
		return &m.doubt
	}
	return &home.doubt
}

func (m *routes) init(most int) { m.most, m.known = most, map[step]*list.Element{} }

// recall returns what a walk of names from the root would meet if nothing had changed. The last name may be unknown: then it
// is taken for absent, unless that was often wrong there. nil: it is better to ask.
func (m *routes) recall(names []string) *engine.Walked {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.root == nil {
		return nil
	}
	w := &engine.Walked{From: record.Item{Key: record.AttrKey(record.Root), Value: m.root},
		Entries: make([]record.Item, 0, len(names)), Attrs: make([]record.Item, 0, len(names))}
	dir := record.Root
	var home *place
	for i, name := range names {
		last := i == len(names)-1
		e := m.known[step{dir, name}]
		switch {
		case e == nil && (!last || *m.doubtOf(home) > sure):
			return nil
		case e == nil:
			w.Entries = append(w.Entries, record.Item{Key: record.EntryKey(dir, name)})
			return w
		}
		m.order.MoveToFront(e)
		p := e.Value.(*place) //nolint:errcheck,forcetypeassert // it holds nothing else
		w.Entries = append(w.Entries, record.Item{Key: record.EntryKey(dir, name), Value: p.ent})
		w.Attrs = append(w.Attrs, record.Item{Key: record.AttrKey(p.ino), Value: p.attr})
		if !last && p.typ != record.TypeDirectory {
			return nil
		}
		dir, home = p.ino, p
	}
	return w
}

// lead returns the directory that names lead to as far as is remembered; 0: it is not.
func (m *routes) lead(names []string) record.Ino {
	m.mu.Lock()
	defer m.mu.Unlock()
	dir := record.Root
	for _, name := range names {
		e := m.known[step{dir, name}]
		if e == nil {
			return 0
		}
		m.order.MoveToFront(e)
		p := e.Value.(*place) //nolint:errcheck,forcetypeassert // it holds nothing else
		if p.typ != record.TypeDirectory {
			return 0
		}
		dir = p.ino
	}
	return dir
}

// keep remembers what a name led to. The bytes stay the caller's.
func (m *routes) keep(at step, d record.Dirent, ent, attr []byte) *place {
	p := &place{step: at, typ: d.Type, ino: d.Ino}
	e := m.known[at]
	if e != nil {
		m.order.MoveToFront(e)
		old := e.Value.(*place) //nolint:errcheck,forcetypeassert // it holds nothing else
		if bytes.Equal(old.ent, ent) && bytes.Equal(old.attr, attr) {
			return old
		}
		if old.ino == p.ino {
			p.doubt = old.doubt
		}
	}
	p.ent, p.attr = bytes.Clone(ent), bytes.Clone(attr)
	if e != nil {
		e.Value = p
		return p
	}
	m.known[at] = m.order.PushFront(p)
	for len(m.known) > m.most {
		oldest := m.order.Back()
		delete(m.known, m.order.Remove(oldest).(*place).step) //nolint:errcheck,forcetypeassert // as above
	}
	return p
}

// learn counts whether a name in a directory was there that was not remembered.
func (m *routes) learn(home *place, there bool) {
	switch d := m.doubtOf(home); {
	case there && *d < mostDoubt:
		*d++
	case !there && *d > 0:
		*d--
	}
}

// forget drops a name.
func (m *routes) forget(at step) {
	if e := m.known[at]; e != nil {
		m.order.Remove(e)
		delete(m.known, at)
	}
}

// note learns from a transaction that was committed, or from a view: what it wrote under a name is forgotten, and what is on
// the path that it walked is remembered as it left it.
func (m *routes) note(tx *Tx) {
	if m.most == 0 {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range tx.batch.Writes {
		if k := &tx.batch.Writes[i].Key; k.Kind == record.KindEntry {
			m.forget(step{record.Ino(k.A), k.Name})
		}
	}
	if tx.memory == nil {
		return
	}
	dir := record.Root
	if a := tx.left(record.AttrKey(dir)); a != nil && !bytes.Equal(a, m.root) {
		m.root = bytes.Clone(a)
	}
	var home *place
	for i, name := range tx.memory.path {
		k := record.EntryKey(dir, name)
		if was, ok := tx.read.get(k); ok && i == len(tx.memory.path)-1 && len(tx.batch.Writes) > 0 && !(tx.memory.used && was.value != nil) {
			m.learn(home, was.value != nil)
		}
		ent := tx.left(k)
		d, err := record.DecodeDirent(ent)
		if ent == nil || err != nil {
			return // the plan had an end there
		}
		attr := tx.left(record.AttrKey(d.Ino))
		if attr == nil {
			return
		}
		home = m.keep(step{dir, name}, d, ent, attr)
		if d.Type != record.TypeDirectory {
			return
		}
		dir = d.Ino
	}
}

// left returns a record as a transaction that was committed left it, as far as that read or wrote it; nil: absent or not known.
func (tx *Tx) left(k record.Key) []byte {
	have, _ := tx.read.get(k)
	value := have.value
	if i, ok := tx.puts[k]; ok {
		for i = min(i, len(tx.batch.Writes)-1); i >= 0; i-- { // the commit left some out: it stands there or before
			w := &tx.batch.Writes[i]
			if w.Key == k && (w.Op == engine.Put || w.Op == engine.Insert || w.Op == engine.Delete) {
				value = w.Value // nil of a Delete
				break
			}
		}
	}
	if m, ok := tx.moved[record.Ino(k.A)]; ok && m.due && k.Kind == record.KindAttr && value != nil {
		if a, err := record.DecodeAttr(value); err == nil {
			m.apply(a, tx.now)
			value = a.Encode()
		}
	}
	return value
}

// memory is what a transaction knows of its first walk before it asks the database.
type memory struct {
	guess bool           // what is remembered may be believed
	met   *engine.Walked // what is there, as far as a conflict told
	// used says that the plan stands on memory: that it worked is proven by the commit, that it failed by nothing.
	used bool
	path []string // of the first walk
	// Inode numbers that an attempt took which certainly came to nothing, and those that this one took.
	spare, taken []record.Ino
}

// updateRemembered is update of a plan whose first walk is the one that matters. At first that walk is answered from memory
// where it can be, and the commit checks all of it. If that was wrong, for whatever reason, the plan is run again on fresh reads
// at once; only what that comes to is the answer.
func (fs *FS) updateRemembered(ctx context.Context, op string, plan func(*Tx) error) error {
	if fs.routes.most == 0 {
		return fs.update(ctx, op, plan)
	}
	guess := true
	return fs.change(ctx, op, func() (*Tx, error) {
		tx := fs.begin(ctx, engine.Update)
		tx.memory = &memory{guess: guess}
		err := fs.attempt(ctx, tx, plan)
		if err == nil || !tx.memory.used || !tx.misled(err) {
			return tx, err
		}
		guess = false
		again := fs.begin(ctx, engine.Update)
		again.memory = &memory{spare: tx.memory.taken}
		var c *engine.Conflict
		if errors.As(err, &c) {
			again.memory.met = c.Walked
		}
		return again, fs.attempt(ctx, again, plan)
	})
}

// misled reports whether an attempt that stood on memory failed in a way in which it need not have failed without.
func (tx *Tx) misled(err error) bool {
	var c *engine.Conflict
	switch {
	case errors.As(err, &c):
		return true
	case errors.Is(err, engine.ErrBusy), tx.ctx.Err() != nil:
		return false
	}
	// Also what the plan needs done first, such as a directory in the trash, may be needed only by what is not there any more.
	return !tx.sent // what the database said of the commit is true
}

// recall answers the first walk of a transaction without asking the database, if it can.
func (tx *Tx) recall(names []string, o walkOptions) bool {
	m := tx.memory
	if m == nil || m.path != nil {
		return false
	}
	m.path = names
	if m.met != nil {
		tx.believe(m.met, names, o)
		return true
	}
	if !m.guess {
		return false
	}
	w := tx.fs.routes.recall(names)
	if w == nil || o.xattrs && len(w.Attrs) == len(names) { // extended attributes are not remembered
		return false
	}
	m.used = true
	tx.batch.Otherwise = &engine.WalkQuery{From: record.Root, Names: names, Last: o.last, Xattrs: o.xattrs}
	tx.believe(w, names, o)
	return true
}

// believe takes what a walk is said to have met for read, and has the commit check it: as a walk's guards would, entries
// exactly and directories as far as it matters.
func (tx *Tx) believe(w *engine.Walked, names []string, o walkOptions) {
	tx.batch.Checks = slices.Grow(tx.batch.Checks, 1+2*len(names))
	take := func(it record.Item, g engine.Guard) {
		if g == engine.Loose {
			tx.note(it, g)
			return
		}
		tx.raise(it.Key, loaded{value: it.Value}, g)
	}
	take(w.From, engine.Stable)
	for i, e := range w.Entries {
		take(e, engine.Exact)
		if i < len(w.Attrs) {
			g := engine.Stable
			if i == len(names)-1 {
				g = o.last
			}
			take(w.Attrs[i], g)
		}
	}
	if n := len(names); o.xattrs && len(w.Attrs) == n {
		tx.noteXattrs(record.Ino(w.Attrs[n-1].Key.A), w.Xattrs)
	}
}
