package fstest

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"juicefs/meta"
	"juicefs/meta/record"
)

var compactTests = []test{
	{"a chunk that was written often is compacted", testCompactWritten},
	{"a chunk of far too many records is compacted before the write returns", testCompactWaits},
	{"a chunk that was read is compacted if its records are small", testCompactRead},
	{"a chunk that could not be compacted is left alone for a while", testCompactAgain},
}

// compactions notes what is compacted.
type compactions struct {
	mu   sync.Mutex
	fail error
	inos []record.Ino
}

func (c *compactions) store(_ context.Context, p *meta.Compaction) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.inos = append(c.inos, p.Ino)
	return c.fail
}

// of counts the compactions of a file that were begun.
func (c *compactions) of(ino record.Ino) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := 0
	for _, i := range c.inos {
		if i == ino {
			n++
		}
	}
	return n
}

// pieces makes a file of n records of size bytes in its first chunk.
func (v *volume) pieces(path string, n int, size uint32) record.Ino {
	v.Helper()
	f := v.put(path, 0)
	for i := range n {
		v.write(f.Ino, 0, uint32(i)*size, v.slice(size))
	}
	return f.Ino
}

// records returns those of a file's first chunk.
func (v *volume) records(ino record.Ino) []record.Slice {
	v.Helper()
	ss, err := v.fs.ReadChunk(v.Context(), ino, 0)
	v.ok(err)
	return ss
}

// until polls until cond holds.
func (v *volume) until(what string, cond func() bool) {
	v.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); !cond(); <-tick.C {
		if time.Now().After(end) {
			v.Fatalf("not in time: %s", what)
		}
	}
}

func testCompactWritten(t *testing.T, open Open) {
	v := newVolume(t, open)
	var c compactions
	v.fs.CompactWith(2, c.store)
	ino := v.pieces("/f", 99, 10)
	other := v.pieces("/g", 100, 10)
	v.until("the other chunk is compacted", func() bool { return len(v.records(other)) == 1 })
	if n := len(v.records(ino)); n != 99 || c.of(ino) != 0 {
		t.Errorf("a chunk of 99 writes has %d records", n)
	}
	for range 2 { // the second time at once, within the minute that it would be left alone if it were only read
		for range 100 {
			v.write(other, 0, 5, v.slice(10))
		}
		v.until("the chunk is compacted again", func() bool { return len(v.records(other)) == 1 })
	}
	v.check()
}

func testCompactWaits(t *testing.T, open Open) {
	v := newVolume(t, open)
	src, dst := v.pieces("/src", 100, 10), v.put("/dst", 0).Ino
	var c compactions
	// A client that has no session does nothing in the background.
	o := v.setup.options
	fs, err := meta.Open(t.Context(), v.eng, o)
	v.ok(err)
	fs.CompactWith(1, c.store)
	for i := range 25 {
		if n := len(v.records(dst)); n != 100*i {
			t.Fatalf("%d records after %d times 100", n, i)
		}
		_, _, err = fs.CopyRange(t.Context(), nil, meta.Range{Ino: src}, meta.Range{Ino: dst}, 1000)
		v.ok(err)
	}
	if n := len(v.records(dst)); n != 1501 || c.of(dst) != 1 { // 1000 have become one
		t.Errorf("%d records, %d compactions", n, c.of(dst))
	}
	v.check()
}

func testCompactRead(t *testing.T, open Open) {
	v := newVolume(t, open)
	large, few, small := v.pieces("/large", 5, mib), v.pieces("/few", 4, 10), v.pieces("/small", 5, 10)
	many := v.pieces("/many", 351, 180_000) // 63 MB
	var c compactions
	v.fs.CompactWith(1, c.store)
	for _, ino := range []record.Ino{large, few, small, many} { // one after the other
		v.fs.NoteRead(ino, 0, v.records(ino))
	}
	v.until("all is compacted", func() bool { return len(v.records(small)) == 1 && len(v.records(many)) == 1 })
	if a, b := c.of(large), c.of(few); a != 0 || b != 0 {
		t.Errorf("%d compactions of large records, %d of few", a, b)
	}
	v.check()
}

func testCompactAgain(t *testing.T, open Open) {
	v := newVolume(t, open)
	bad, end := v.pieces("/bad", 5, 10), [2]record.Ino{v.pieces("/end1", 5, 10), v.pieces("/end2", 5, 10)}
	c := compactions{fail: errors.New("the store is full")}
	v.fs.CompactWith(1, c.store)
	note := func(ino record.Ino) { v.fs.NoteRead(ino, 0, v.records(ino)) }
	note(bad)
	v.until("the first attempt", func() bool { return c.of(bad) == 1 })
	note(bad)
	note(end[0])
	v.until("the attempt at another chunk", func() bool { return c.of(end[0]) == 1 })
	if n := c.of(bad); n != 1 {
		t.Errorf("%d attempts", n)
	}
	v.clock.tick(2 * time.Minute)
	note(bad)
	note(end[1])
	v.until("the attempt at another chunk", func() bool { return c.of(end[1]) == 1 })
	if n := c.of(bad); n != 2 {
		t.Errorf("%d attempts after a while", n)
	}
	if n := len(v.records(bad)); n != 5 {
		t.Errorf("%d records", n)
	}
}
