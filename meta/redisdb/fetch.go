package redisdb

import (
	"context"
	"fmt"

	"juicefs/meta/engine"
	"juicefs/meta/record"
)

// fetcher works out which commands read some records, and where in their answers each record is.
type fetcher struct {
	e        *Engine
	commands []command
	shapes   []shape
	groups   map[hash]int // command of a hash
	strings  int          // command of all strings; -1: none
	reads    []read
}

// shape is what a command answers with.
type shape uint8

const (
	array   shape = iota // MGET and HMGET
	bulk                 // ZSCORE, SISMEMBER
	joined               // LRANGE: the elements are one value
	flatMap              // HGETALL: the answer as it is
)

// hash names a hash among those that one pipeline reads.
type hash struct {
	kind record.Kind
	a    uint64 // inode; type of quota
	part int    // which of the hashes of a record
}

// read says where a record is: up to three places in answers.
type read struct {
	key record.Key
	at  [3]place
}

type place struct{ command, element int }

func newFetcher(e *Engine, n int) *fetcher {
	return &fetcher{e: e, strings: -1, reads: make([]read, 0, n)}
}

// command adds a command.
func (f *fetcher) command(name string, s shape) *args {
	a := f.e.args()
	f.commands = append(f.commands, command{name, a})
	f.shapes = append(f.shapes, s)
	return a
}

// alone adds a command that reads one place of a record.
func (f *fetcher) alone(r *read, part int, name string, s shape) *args {
	r.at[part] = place{len(f.commands), 0}
	return f.command(name, s)
}

// hashed adds a field to the command that reads its hash.
func (f *fetcher) hashed(r *read, part int, h hash, name string) *args {
	n, ok := f.groups[h]
	if !ok {
		if f.groups == nil {
			f.groups = make(map[hash]int, 4)
		}
		n = len(f.commands)
		f.groups[h] = n
		a := f.command("HMGET", array)
		if name != "" {
			a.name(name)
		} else {
			a.key(r.key)
		}
	}
	a := f.commands[n].args
	r.at[part] = place{n, a.len() - 1}
	return a
}

// add plans the reading of a record.
func (f *fetcher) add(k record.Key) error {
	r := read{key: k}
	switch formOf(k.Kind) {
	case stringForm:
		if f.strings < 0 {
			f.strings = len(f.commands)
			f.command("MGET", array)
		}
		a := f.commands[f.strings].args
		r.at[0] = place{f.strings, a.len()}
		a.key(k)
	case hashForm:
		h := hash{kind: k.Kind}
		if letters(k.Kind) != "" {
			h.a = k.A
		}
		f.hashed(&r, 0, h, "").field(k)
	case listForm:
		a := f.alone(&r, 0, "LRANGE", joined)
		a.key(k)
		a.str("0")
		a.str("-1")
	case setForm:
		a := f.alone(&r, 0, "SISMEMBER", bulk)
		a.key(k)
		a.field(k)
	case scoreForm:
		a := f.alone(&r, 0, "ZSCORE", bulk)
		a.key(k)
		a.field(k)
	case lockForm:
		f.alone(&r, 0, "HGETALL", flatMap).key(k)
	case sessionForm:
		a := f.alone(&r, 0, "ZSCORE", bulk)
		a.name(expiryName)
		a.field(k)
		f.hashed(&r, 1, hash{kind: k.Kind}, infoName).field(k)
	case statForm:
		for i, name := range statNames() {
			f.hashed(&r, i, hash{kind: k.Kind, part: i}, name).field(k)
		}
	case quotaForm:
		for i, name := range quotaNames(record.QuotaType(k.A)) {
			f.hashed(&r, i, hash{kind: k.Kind, a: k.A, part: i}, name).field(k)
		}
	default:
		return fmt.Errorf("fetch %s: %w", k, errUnsupported)
	}
	f.reads = append(f.reads, r)
	return nil
}

// run reads everything in one turnaround and calls each for every record, in the order of add. Values belong to the caller.
func (f *fetcher) run(ctx context.Context, each func(i int, k record.Key, value []byte) error) error {
	if len(f.commands) == 0 {
		return nil
	}
	replies, err := f.e.many(ctx, f.commands)
	if err != nil {
		return err
	}
	return f.decode(replies, each)
}

// decode takes the answers apart.
func (f *fetcher) decode(replies []reply, each func(i int, k record.Key, value []byte) error) error {
	answers := make([][][]byte, len(replies))
	for i := range replies {
		var err error
		if answers[i], err = f.shapes[i].decode(&replies[i]); err != nil {
			return err
		}
		if f.shapes[i] == array && len(answers[i]) < f.want(i) {
			return fmt.Errorf("%w: %d values", errReply, len(answers[i]))
		}
	}
	for i := range f.reads {
		v, err := f.reads[i].value(answers)
		if err != nil {
			return err
		}
		if err := each(i, f.reads[i].key, v); err != nil {
			return err
		}
	}
	return nil
}

// want is how many values a command of the array shape answers with.
func (f *fetcher) want(i int) int {
	if i == f.strings {
		return f.commands[i].len()
	}
	return f.commands[i].len() - 1 // the key of the hash
}

func (s shape) decode(r *reply) ([][]byte, error) {
	switch s {
	case bulk:
		v, err := r.bulk()
		return [][]byte{v}, err
	case joined:
		parts, err := r.bulks()
		if err != nil || len(parts) == 0 {
			return [][]byte{nil}, err
		}
		if len(parts) == 1 {
			return parts, nil
		}
		var all []byte
		for _, p := range parts {
			all = append(all, p...)
		}
		return [][]byte{all}, nil
	}
	return r.bulks()
}

// value puts a record together from answers.
func (r *read) value(answers [][][]byte) ([]byte, error) {
	part := func(i int) []byte { return answers[r.at[i].command][r.at[i].element] }
	switch formOf(r.key.Kind) {
	case setForm:
		if string(part(0)) != "1" {
			return nil, nil
		}
		return []byte{1}, nil
	case lockForm:
		return lockValue(r.key, answers[r.at[0].command])
	case sessionForm:
		return sessionValue(r.key, part(0), part(1))
	case statForm:
		return statValue(r.key, [3][]byte{part(0), part(1), part(2)})
	case quotaForm:
		return quotaValue(r.key, [3][]byte{part(0), part(1), part(2)})
	}
	return canonical(r.key, part(0))
}

// Fetch reads records.
func (t *tx) Fetch(ctx context.Context, reads []engine.ReadOp) ([]record.Item, error) {
	if err := t.start(ctx); err != nil {
		return nil, err
	}
	f := newFetcher(t.e, len(reads))
	for _, r := range reads {
		if err := f.add(r.Key); err != nil {
			return nil, err
		}
	}
	items := make([]record.Item, len(reads))
	missing := false
	err := f.run(ctx, func(i int, k record.Key, v []byte) error {
		items[i] = record.Item{Key: k, Value: v}
		missing = missing || v == nil && belongs(k.Kind)
		return nil
	})
	if err == nil && missing {
		err = t.recheck(ctx)
	}
	if err != nil {
		return nil, readErr(ctx, "fetch", err)
	}
	for i, it := range items {
		t.guard(it.Key, reads[i].Guard, it.Value)
	}
	return items, nil
}

// belongs reports whether a kind of record is there as long as something else leads to it.
func belongs(k record.Kind) bool {
	return k == record.KindAttr || k == record.KindChunk || k == record.KindSymlink
}
