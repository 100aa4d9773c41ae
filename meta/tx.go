package meta

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"juicefs/meta/engine"
	"juicefs/meta/record"
)

// Tx is one attempt at an operation: a cache of what was read and a buffer of what is to be written. Reads see the
// writes of the same Tx. Reading something that was not loaded is correct and costs a turnaround. It is used by one
// goroutine.
type Tx struct {
	fs    *FS
	ctx   context.Context //nolint:containedctx // a Tx lives for one call
	etx   engine.Tx
	now   record.Time
	read  loadedSet
	batch engine.Batch
	puts  map[record.Key]int // index in batch.Writes of the last Put, Insert or Delete of a key
	adds  map[record.Key]int // index in batch.Writes of the Add of a key
	moved map[record.Ino]touched
	after []func()
	// What fast paths read besides records.
	sole   map[record.Key]bool
	xattrs map[record.Ino]map[string][]byte
	counts map[record.Ino]int64 // entries of directories, at some moment
	// proof is a record that exists only if this transaction was committed; it settles a lost answer.
	proof record.Key
	// hour says that the trash directory of this hour is used, which was not read but remembered.
	hour bool
	// totals is what is added to the volume's totals, where that is gathered.
	totals change
	// unlimited says that the volume's size and quotas do not count.
	unlimited bool
	// moves is how often gathered totals had been moved into the volume's before the transaction began.
	moves int64
	// memory is for the first walk; nil: the database is asked.
	memory *memory
	// sent says that the commit went to the database.
	sent bool
}

// remembers reports whether the transaction stands on what was remembered.
func (tx *Tx) remembers() bool { return tx.memory != nil && tx.memory.used }

// touched is what touch wrote to a directory's attribute.
type touched struct {
	nlink int64
	due   bool
}

func (fs *FS) begin(ctx context.Context, mode engine.Mode) *Tx {
	tx := &Tx{fs: fs, ctx: ctx, moves: fs.hot.moves.Load(), etx: fs.eng.Begin(mode), now: record.TimeOf(fs.o.Now())}
	if mode == engine.Update {
		tx.batch.Writes = make([]engine.Write, 0, 16) // an object takes 11 and more
	}
	return tx
}

// Load reads what is not here yet, in one turnaround. A stronger guard on something that is here becomes a check.
func (tx *Tx) Load(reads ...engine.ReadOp) error {
	var want []engine.ReadOp
	asked := make(map[record.Key]bool, len(reads))
	for _, r := range reads {
		have, ok := tx.read.get(r.Key)
		switch {
		case !ok && !asked[r.Key]:
			asked[r.Key] = true
			want = append(want, r)
		case ok && r.Guard > have.guard:
			tx.raise(r.Key, have, r.Guard)
		}
	}
	if len(want) == 0 {
		return nil
	}
	items, err := tx.etx.Fetch(tx.ctx, want)
	if err != nil {
		return err
	}
	for i, it := range items {
		tx.read.set(it.Key, loaded{it.Value, want[i].Guard})
	}
	return nil
}

// knows reports whether a record was read, under a guard that is as strong.
func (tx *Tx) knows(k record.Key, g engine.Guard) bool {
	have, ok := tx.read.get(k)
	return ok && have.guard >= g
}

// raise strengthens the guard of a value that was read with a weaker one.
func (tx *Tx) raise(k record.Key, have loaded, g engine.Guard) {
	c := engine.Check{Kind: engine.Same, Key: k, Want: have.value}
	if g == engine.Stable && have.value != nil {
		c.Kind = engine.Alike
	}
	tx.batch.Checks = append(tx.batch.Checks, c)
	tx.read.set(k, loaded{have.value, g})
}

// note keeps a value that a fast path read under the given guard.
func (tx *Tx) note(it record.Item, g engine.Guard) {
	if have, ok := tx.read.get(it.Key); !ok || have.guard < g {
		tx.read.set(it.Key, loaded{it.Value, g})
	}
}

// Get returns the value of a record as this Tx sees it; nil: absent. The bytes must not be changed.
func (tx *Tx) Get(k record.Key, g engine.Guard) ([]byte, error) {
	if i, ok := tx.puts[k]; ok {
		w := &tx.batch.Writes[i]
		if w.Op == engine.Delete {
			return nil, nil
		}
		return w.Value, nil
	}
	if !tx.knows(k, g) {
		if err := tx.Load(engine.ReadOp{Key: k, Guard: g}); err != nil {
			return nil, err
		}
	}
	have, _ := tx.read.get(k)
	return have.value, nil
}

// Attr returns a copy of an inode's attribute; ENOENT if there is none.
func (tx *Tx) Attr(ino record.Ino, g engine.Guard) (*record.Attr, error) {
	b, err := tx.Get(record.AttrKey(ino), g)
	if err != nil {
		return nil, err
	}
	if b == nil {
		return nil, eNoEnt
	}
	a, err := record.DecodeAttr(b)
	if err != nil {
		return nil, fmt.Errorf("inode %d: %w", ino, err)
	}
	if m, ok := tx.moved[ino]; ok {
		m.apply(a, tx.now)
	}
	return a, nil
}

func (m touched) apply(a *record.Attr, now record.Time) {
	a.Nlink = uint32(int64(a.Nlink) + m.nlink)
	if m.due {
		a.Mtime, a.Ctime = now, now
	}
}

// Entry returns what a name in a directory leads to; false if nothing does.
func (tx *Tx) Entry(dir record.Ino, name string, g engine.Guard) (record.Dirent, bool, error) {
	b, err := tx.Get(record.EntryKey(dir, name), g)
	if err != nil || b == nil {
		return record.Dirent{}, false, err
	}
	d, err := record.DecodeDirent(b)
	if err != nil {
		return record.Dirent{}, false, fmt.Errorf("entry %d %q: %w", dir, name, err)
	}
	return d, true, nil
}

// Slices returns the records of a chunk, oldest first.
func (tx *Tx) Slices(ino record.Ino, index uint32, g engine.Guard) ([]record.Slice, error) {
	b, err := tx.Get(record.ChunkKey(ino, index), g)
	if err != nil {
		return nil, err
	}
	ss, err := record.DecodeSlices(b)
	if err != nil {
		return nil, fmt.Errorf("inode %d chunk %d: %w", ino, index, err)
	}
	return ss, nil
}

func (tx *Tx) int64(k record.Key, g engine.Guard) (int64, error) {
	b, err := tx.Get(k, g)
	if err != nil {
		return 0, err
	}
	return record.DecodeInt64(k.Kind, b)
}

// Page reads records in order; own writes are not seen.
func (tx *Tx) Page(r engine.Range, limit int) ([]record.Item, error) {
	return tx.etx.Page(tx.ctx, r, limit)
}

// Xattrs returns all extended attributes of an inode; own writes are not seen.
func (tx *Tx) Xattrs(ino record.Ino) (map[string][]byte, error) {
	if all, ok := tx.xattrs[ino]; ok {
		return all, nil
	}
	const most = 1000
	all := map[string][]byte{}
	r := engine.Range{Kind: record.KindXattr, A: uint64(ino)}
	for {
		items, err := tx.Page(r, most)
		if err != nil {
			return nil, err
		}
		for _, it := range items {
			all[it.Key.Name] = it.Value
		}
		if len(items) < most {
			return all, nil
		}
		r.After = items[len(items)-1].Key
	}
}

// put records a write that sets or removes a value.
func (tx *Tx) put(op engine.Op, k record.Key, value []byte) {
	keep(&tx.puts, k, len(tx.batch.Writes))
	tx.batch.Writes = append(tx.batch.Writes, engine.Write{Op: op, Key: k, Value: value})
}

// reserve makes room for many writes that are about to be put.
func (tx *Tx) reserve(n int) {
	const many = 64
	if n < many {
		return
	}
	tx.batch.Writes = slices.Grow(tx.batch.Writes, n)
	if tx.puts == nil {
		tx.puts = make(map[record.Key]int, n)
	}
}

// Put sets a record.
func (tx *Tx) Put(k record.Key, value []byte) { tx.put(engine.Put, k, value) }

// Insert sets a record that must not exist.
func (tx *Tx) Insert(k record.Key, value []byte) { tx.put(engine.Insert, k, value) }

// Delete removes a record.
func (tx *Tx) Delete(k record.Key) { tx.put(engine.Delete, k, nil) }

// Clear removes all records of a kind that belong to one inode.
func (tx *Tx) Clear(kind record.Kind, a uint64) {
	tx.batch.Writes = append(tx.batch.Writes, engine.Write{Op: engine.Clear, Key: record.Key{Kind: kind, A: a}})
}

// PutAttr sets an inode's attribute.
func (tx *Tx) PutAttr(ino record.Ino, a *record.Attr) {
	delete(tx.moved, ino)
	tx.Put(record.AttrKey(ino), a.Encode())
}

// PutEntry makes a name lead to an inode; fresh says that the name was seen to be absent.
func (tx *Tx) PutEntry(dir record.Ino, name string, d record.Dirent, fresh bool) {
	op := engine.Put
	if fresh {
		op = engine.Insert
	}
	tx.put(op, record.EntryKey(dir, name), d.Encode())
}

// AppendSlices appends to a chunk.
func (tx *Tx) AppendSlices(ino record.Ino, index uint32, ss ...record.Slice) {
	tx.batch.Writes = append(tx.batch.Writes, engine.Write{Op: engine.Append, Key: record.ChunkKey(ino, index), Value: record.EncodeSlices(ss...)})
}

// Add adds to a record that only ever grows and shrinks; several additions to one record become one.
func (tx *Tx) Add(k record.Key, deltas ...int64) {
	i, ok := tx.adds[k]
	if !ok {
		i = len(tx.batch.Writes)
		keep(&tx.adds, k, i)
		tx.batch.Writes = append(tx.batch.Writes, engine.Write{Op: engine.Add, Key: k})
	}
	for n, d := range deltas {
		tx.batch.Writes[i].Deltas[n] += d
	}
}

// Check demands something at commit.
func (tx *Tx) Check(c engine.Check) { tx.batch.Checks = append(tx.batch.Checks, c) }

// After runs f once the transaction is committed, before the operation returns.
func (tx *Tx) After(f func()) { tx.after = append(tx.after, f) }

// touch says that the entries of a directory changed: its times move forward, and its link count by nlink (sub-directories
// gained or lost). Times are left alone for a while after the last change unless sub-directories changed.
func (tx *Tx) touch(dir record.Ino, a *record.Attr, nlink int64) {
	if dir.InTrash() {
		return
	}
	age := sub(tx.now, a.Mtime)
	// A remembered time that lies ahead may have been set back since.
	due := nlink != 0 || age >= tx.fs.o.SkipDirMtime || age < 0 && tx.remembers()
	if i, ok := tx.puts[record.AttrKey(dir)]; ok && tx.batch.Writes[i].Op != engine.Delete {
		own, err := record.DecodeAttr(tx.batch.Writes[i].Value)
		if err != nil {
			return // cannot be: we encoded it
		}
		touched{nlink, due}.apply(own, tx.now)
		tx.batch.Writes[i].Value = own.Encode()
		return
	}
	have := tx.moved[dir]
	keep(&tx.moved, dir, touched{have.nlink + nlink, have.due || due})
	k := record.AttrKey(dir)
	if nlink != 0 {
		tx.batch.Writes = append(tx.batch.Writes, engine.Write{Op: engine.Nlink, Key: k, Deltas: [3]int64{nlink}})
	}
	if due && !have.due { // once is enough: a removal of a thousand names asks as often
		tx.batch.Writes = append(tx.batch.Writes, engine.Write{Op: engine.Touch, Key: k, Time: tx.now})
	}
}

// group puts the writes from the given one on in an order in which engines can do many at once: what makes and changes records
// by kind, then removals of groups, then removals by kind. Only for writes that say the same in that order, as those that remove
// entries with their inodes do: none of them makes a record that another has removed.
func (tx *Tx) group(from int) {
	if len(tx.batch.Writes)-from < 2*groupedWrites {
		return
	}
	rank := func(w *engine.Write) int {
		switch w.Op {
		case engine.Delete:
			return 2
		case engine.Clear:
			return 1
		}
		return 0
	}
	ws := tx.batch.Writes[from:]
	slices.SortStableFunc(ws, func(a, b engine.Write) int {
		return cmp.Or(cmp.Compare(rank(&a), rank(&b)), cmp.Compare(a.Key.Kind, b.Key.Kind))
	})
	for i := range ws {
		switch k := ws[i].Key; ws[i].Op {
		case engine.Put, engine.Insert, engine.Delete:
			tx.puts[k] = from + i // the last of a key is the last still
		case engine.Add:
			if _, ok := tx.adds[k]; ok {
				tx.adds[k] = from + i
			}
		}
	}
}

// groupedWrites is about what the removal of an object writes.
const groupedWrites = 8

// commit ends the transaction. Without writes there is nothing to agree on.
func (tx *Tx) commit() error {
	if len(tx.batch.Writes) == 0 {
		tx.etx.Discard()
		if tx.remembers() {
			return &engine.Conflict{Cause: errUnproven}
		}
		return nil
	}
	if err := tx.checkLimits(); err != nil {
		tx.etx.Discard()
		return err
	}
	tx.batch.Writes = slices.DeleteFunc(tx.batch.Writes, func(w engine.Write) bool {
		return w.Op == engine.Add && w.Deltas == [3]int64{}
	})
	tx.sent = true
	return tx.etx.Commit(tx.ctx, &tx.batch)
}

// errUnproven is of a transaction that stands on memory and has nothing to commit, so nothing would check what it did.
var errUnproven = errors.New("remembered, and not checked")
