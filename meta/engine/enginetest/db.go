package enginetest

import (
	"bytes"
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"juicefs/meta/engine"
	"juicefs/meta/record"
)

// db is an engine under test, with calls that fail the test.
type db struct {
	tb testing.TB
	e  engine.Engine
}

func newDB(tb testing.TB, open Open) *db {
	tb.Helper()
	e := open(tb)
	tb.Cleanup(func() {
		if err := e.Close(); err != nil {
			tb.Errorf("close: %v", err)
		}
	})
	return &db{tb, e}
}

// try commits writes and checks in a transaction of their own.
func (d *db) try(checks []engine.Check, ws ...engine.Write) error {
	tx := d.e.Begin(engine.Update)
	defer tx.Discard()
	return tx.Commit(d.tb.Context(), &engine.Batch{Checks: checks, Writes: ws})
}

// commit is try that must succeed.
func (d *db) commit(ws ...engine.Write) {
	d.tb.Helper()
	if err := d.try(nil, ws...); err != nil {
		d.tb.Fatalf("commit: %v", err)
	}
}

// fetch reads records in a view.
func (d *db) fetch(keys ...record.Key) []record.Item {
	d.tb.Helper()
	tx := d.e.Begin(engine.View)
	defer tx.Discard()
	reads := make([]engine.ReadOp, len(keys))
	for i, k := range keys {
		reads[i].Key = k
	}
	items, err := tx.Fetch(d.tb.Context(), reads)
	if err != nil {
		d.tb.Fatalf("fetch %v: %v", keys, err)
	}
	if len(items) != len(keys) {
		d.tb.Fatalf("fetch of %d records returned %d", len(keys), len(items))
	}
	for i := range items {
		if items[i].Key != keys[i] {
			d.tb.Fatalf("fetch: item %d is %s, want %s", i, items[i].Key, keys[i])
		}
	}
	return items
}

func (d *db) get(k record.Key) []byte {
	d.tb.Helper()
	return d.fetch(k)[0].Value
}

// want demands a value; nil: absent.
func (d *db) want(k record.Key, value []byte) {
	d.tb.Helper()
	if got := d.get(k); !same(got, value) {
		d.tb.Errorf("%s = %x, want %x", k, got, value)
	}
}

func (d *db) wantInt(k record.Key, want int64) {
	d.tb.Helper()
	if got := d.int(k); got != want {
		d.tb.Errorf("%s = %d, want %d", k, got, want)
	}
}

func (d *db) int(k record.Key) int64 {
	d.tb.Helper()
	v, err := record.DecodeInt64(k.Kind, d.get(k))
	if err != nil {
		d.tb.Fatalf("%s: %v", k, err)
	}
	return v
}

func (d *db) page(r engine.Range, limit int) []record.Item {
	d.tb.Helper()
	tx := d.e.Begin(engine.View)
	defer tx.Discard()
	items, err := tx.Page(d.tb.Context(), r, limit)
	if err != nil {
		d.tb.Fatalf("page %+v: %v", r, err)
	}
	return items
}

func (d *db) scan(r engine.Range) map[record.Key][]byte {
	d.tb.Helper()
	all := map[record.Key][]byte{}
	for it, err := range d.e.Scan(d.tb.Context(), r) {
		if err != nil {
			d.tb.Fatalf("scan %+v: %v", r, err)
		}
		all[it.Key] = it.Value
	}
	return all
}

// diff returns how two answers of an engine differ, empty and absent slices taken for the same; "" if they do not. They are
// often of a thousand entries and nearly always equal, and what makes a difference readable took longer to say so than the
// engines took to answer.
func diff(want, got any) string {
	if alike(reflect.ValueOf(want), reflect.ValueOf(got)) {
		return ""
	}
	return cmp.Diff(want, got, cmpopts.EquateEmpty())
}

// alike reports whether values are surely the same but for empty and absent slices.
func alike(a, b reflect.Value) bool {
	if a.IsValid() != b.IsValid() || !a.IsValid() || a.Type() != b.Type() {
		return false
	}
	switch a.Kind() {
	case reflect.Pointer:
		return a.Pointer() == b.Pointer() || !a.IsNil() && !b.IsNil() && alike(a.Elem(), b.Elem())
	case reflect.Struct:
		for i := range a.NumField() {
			if !alike(a.Field(i), b.Field(i)) {
				return false
			}
		}
		return true
	case reflect.Slice:
		if a.Type().Elem().Kind() == reflect.Uint8 {
			return bytes.Equal(a.Bytes(), b.Bytes())
		}
		for i := range min(a.Len(), b.Len()) {
			if !alike(a.Index(i), b.Index(i)) {
				return false
			}
		}
		return a.Len() == b.Len()
	}
	return a.Comparable() && a.Equal(b)
}

// same compares values, telling absent from empty.
func same(a, b []byte) bool { return bytes.Equal(a, b) && (a == nil) == (b == nil) }

func isConflict(err error) bool {
	var c *engine.Conflict
	return errors.As(err, &c)
}

// wantConflict demands a conflict whose fresh values, if it has any, are true.
func (d *db) wantConflict(err error) {
	d.tb.Helper()
	var c *engine.Conflict
	if !errors.As(err, &c) {
		d.tb.Errorf("got %v, want a conflict", err)
		return
	}
	for _, it := range c.Fresh {
		if now := d.get(it.Key); !same(now, it.Value) {
			d.tb.Errorf("conflict says %s = %x, it is %x", it.Key, it.Value, now)
		}
	}
}

// again repeats an attempt while it conflicts or the database is busy.
func again(attempt func() error) (conflicts int, err error) {
	for deadline := time.Now().Add(time.Minute); ; conflicts++ {
		err := attempt()
		if !isConflict(err) && !errors.Is(err, engine.ErrBusy) || time.Now().After(deadline) {
			return conflicts, err
		}
	}
}

func put(k record.Key, v []byte) engine.Write {
	return engine.Write{Op: engine.Put, Key: k, Value: v}
}

func insert(k record.Key, v []byte) engine.Write {
	return engine.Write{Op: engine.Insert, Key: k, Value: v}
}

func del(k record.Key) engine.Write { return engine.Write{Op: engine.Delete, Key: k} }

func add(k record.Key, deltas ...int64) engine.Write {
	w := engine.Write{Op: engine.Add, Key: k}
	copy(w.Deltas[:], deltas)
	return w
}

func clearAll(kind record.Kind, a uint64) engine.Write {
	return engine.Write{Op: engine.Clear, Key: record.Key{Kind: kind, A: a}}
}

func appendTo(k record.Key, ss ...record.Slice) engine.Write {
	return engine.Write{Op: engine.Append, Key: k, Value: record.EncodeSlices(ss...)}
}

func touch(ino record.Ino, t record.Time) engine.Write {
	return engine.Write{Op: engine.Touch, Key: record.AttrKey(ino), Time: t}
}

func nlink(ino record.Ino, by int64) engine.Write {
	return engine.Write{Op: engine.Nlink, Key: record.AttrKey(ino), Deltas: [3]int64{by}}
}

// againBusy repeats an attempt while the database is busy.
func againBusy(attempt func() error) (tries int, err error) {
	for deadline := time.Now().Add(time.Minute); ; tries++ {
		if err := attempt(); !errors.Is(err, engine.ErrBusy) || time.Now().After(deadline) {
			return tries, err
		}
	}
}
