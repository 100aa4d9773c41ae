package redisdb

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strconv"

	"juicefs/meta/record"
)

// askWord adds what a write asks that is not a plain command.
func (l *looker) askWord(i int, watch *args, from int) {
	w := &l.p.writes.args
	first := len(l.commands)
	switch string(w.at(from)) {
	case ".touch", ".nlink":
		watch.copy(w, from+1, from+2)
		l.command("GET", w, from+1, from+2)
	case ".lock":
		watch.copy(w, from+1, from+2)
		l.command("HKEYS", w, from+1, from+2)
	case ".stat":
		l.exists(watch, statNames()[1], string(w.at(from+1)))
	case ".quota":
		letters := string(w.at(from + 1))
		l.exists(watch, letters+"Quota", string(w.at(from+2)))
		l.exists(watch, letters+"QuotaUsedInodes", string(w.at(from+2)))
	case ".drop":
		a := l.e.args()
		a.name("c" + string(w.at(from+1)) + "_*")
		l.commands = append(l.commands, command{"KEYS", a})
	default:
		return
	}
	l.needs[i] = first
}

// exists asks for a field. Its hash is watched, though others change other fields of it all the time: a record that is removed
// between the question and the addition would be there again, with the addition alone in it.
func (l *looker) exists(watch *args, name, field string) {
	watch.name(name)
	a := l.e.args()
	a.name(name)
	a.str(field)
	l.commands = append(l.commands, command{"HEXISTS", a})
}

// resolver turns writes into plain commands. It remembers what earlier writes of the batch made of what later ones look at.
type resolver struct {
	l      *looker
	out    []command
	attrs  map[string][]byte // strings that were written; nil: removed
	fields map[string]bool   // fields that were written or removed, by hash and field
	locks  map[string][]string
}

// resolve returns the plain commands that the writes come to.
func (l *looker) resolve(replies []reply) ([]command, error) {
	r := &resolver{l: l, attrs: map[string][]byte{}, fields: map[string]bool{}, locks: map[string][]string{}}
	w := &l.p.writes.args
	for i := range l.p.writes.starts {
		from, to := l.p.writes.step(i)
		need, asked := l.needs[i]
		if !asked {
			r.note(w, from, to)
			r.command(string(w.at(from))).copy(w, from+1, to)
			continue
		}
		if err := r.word(w, from, to, replies[need:]); err != nil {
			return nil, fmt.Errorf("commit: %w", err)
		}
	}
	return r.out, nil
}

func (r *resolver) command(name string) *args {
	a := r.l.e.args()
	r.out = append(r.out, command{name, a})
	return a
}

// note remembers what a plain command does, as far as words look at it.
func (r *resolver) note(w *args, from, to int) {
	key := string(w.at(from + 1))
	switch string(w.at(from)) {
	case "SET":
		r.attrs[key] = bytes.Clone(w.at(from + 2))
	case "DEL":
		for i := from + 1; i < to; i++ {
			r.attrs[string(w.at(i))] = nil
		}
	case "HSET":
		for i := from + 2; i < to; i += 2 {
			r.fields[key+"\x00"+string(w.at(i))] = true
		}
	case "HDEL":
		for i := from + 2; i < to; i++ {
			r.fields[key+"\x00"+string(w.at(i))] = false
		}
	}
}

// word does a write that is not a plain command.
func (r *resolver) word(w *args, from, to int, replies []reply) error {
	switch string(w.at(from)) {
	case ".touch", ".nlink":
		return r.patch(w, from, replies[0])
	case ".stat":
		there, err := r.there(statNames()[1], string(w.at(from+1)), replies[0])
		if err != nil || !there {
			return err
		}
		for i, name := range statNames() {
			if string(w.at(from+2+i)) != "0" {
				r.add(name, w, from+1, from+2+i)
			}
		}
		return nil
	case ".quota":
		return r.quota(w, from, replies)
	case ".lock":
		return r.lock(w, from, to, replies[0])
	}
	keys, err := replies[0].bulks()
	if err != nil {
		return err
	}
	for _, key := range keys {
		r.command("DEL").bytes(key)
	}
	return nil
}

// add adds a delta to a field of a hash.
func (r *resolver) add(name string, w *args, field, delta int) {
	a := r.command("HINCRBY")
	a.name(name)
	a.copy(w, field, field+1)
	a.copy(w, delta, delta+1)
}

// there reports whether a field exists at this point of the batch.
func (r *resolver) there(name, field string, answer reply) (bool, error) {
	if there, ok := r.fields[r.l.e.prefix+name+"\x00"+field]; ok {
		return there, nil
	}
	n, err := answer.int()
	return n == 1, err
}

// patch does a touch or adds to a link count.
func (r *resolver) patch(w *args, from int, answer reply) error {
	const mtime, nlink = 23, 47 // offsets; see record.Attr
	key := string(w.at(from + 1))
	have, ok := r.attrs[key]
	if !ok {
		read, err := answer.bulk()
		if err != nil {
			return err
		}
		have = bytes.Clone(read)
	}
	if len(have) < attrFixed {
		return fmt.Errorf("%w: %s: %d bytes", record.ErrCorrupt, key, len(have))
	}
	at, value := mtime, bytes.Repeat(w.at(from+2), 2)
	if string(w.at(from)) == ".nlink" {
		delta, err := strconv.ParseInt(string(w.at(from+2)), 10, 64)
		if err != nil {
			return err
		}
		at = nlink
		value = binary.BigEndian.AppendUint32(nil, uint32(int64(binary.BigEndian.Uint32(have[nlink:]))+delta))
	} else if !timeOf(have[mtime:]).Before(timeOf(value)) {
		return nil
	}
	copy(have[at:], value)
	r.attrs[key] = have
	a := r.command("SETRANGE")
	a.str(key)
	a.int(int64(at))
	a.bytes(value)
	return nil
}

func timeOf(b []byte) record.Time {
	return record.Time{Sec: int64(binary.BigEndian.Uint64(b)), Nsec: binary.BigEndian.Uint32(b[8:])}
}

// quota adds to a quota.
func (r *resolver) quota(w *args, from int, replies []reply) error {
	letters, field := string(w.at(from+1)), string(w.at(from+2))
	if len(w.at(from+3)) > 0 {
		a := r.command("HSETNX")
		a.name(letters + "Quota")
		a.copy(w, from+2, from+4)
	} else {
		limits, err := r.there(letters+"Quota", field, replies[0])
		if err != nil {
			return err
		}
		used, err := r.there(letters+"QuotaUsedInodes", field, replies[1])
		if err != nil || !limits && !used {
			return err
		}
	}
	r.add(letters+"QuotaUsedSpace", w, from+2, from+4)
	r.add(letters+"QuotaUsedInodes", w, from+2, from+5)
	return nil
}

// lock sets who holds a lock, and which sessions know of it.
func (r *resolver) lock(w *args, from, to int, answer reply) error {
	key := string(w.at(from + 1))
	before, ok := r.locks[key]
	if !ok {
		fields, err := answer.bulks()
		if err != nil {
			return err
		}
		for _, f := range fields {
			before = append(before, string(f))
		}
	}
	if len(before) > 0 {
		r.command("DEL").str(key)
	}
	gone := map[uint64]bool{}
	for _, f := range before {
		if sid, _, ok := parseOwner(f); ok {
			gone[sid] = true
		}
	}
	after := []string{}
	for i := from + 2; i < to; i += 2 {
		field := string(w.at(i))
		after = append(after, field)
		a := r.command("HSET")
		a.str(key)
		a.copy(w, i, i+2)
		sid, _, _ := parseOwner(field)
		delete(gone, sid)
		a = r.command("SADD")
		a.numbered(lockedLetters, sid)
		a.str(key)
	}
	for sid := range gone {
		a := r.command("SREM")
		a.numbered(lockedLetters, sid)
		a.str(key)
	}
	r.locks[key] = after
	return nil
}
