package redisdb

import (
	"fmt"
	"testing"

	"juicefs/meta/engine"
	"juicefs/meta/record"
)

// TestLargePlansGrowOnce: the buffers of a transaction that removes a thousand objects are made in the size that they need. When
// they grew step by step a third of what a removal allocated was thrown away, and each second one paid for a collection of garbage.
func TestLargePlansGrowOnce(t *testing.T) {
	const objects = 1000
	var seen []engine.Check
	b := &engine.Batch{}
	for i := range objects {
		ino := record.Ino(1000 + i)
		entry, a := record.EntryKey(5, fmt.Sprintf("%06d", i)), &record.Attr{Type: record.TypeFile, Nlink: 1, Length: 4096, Parent: 5}
		seen = append(seen, engine.Check{Kind: engine.Same, Key: entry, Want: record.Dirent{Type: record.TypeFile, Ino: ino}.Encode()},
			engine.Check{Kind: engine.Same, Key: record.AttrKey(ino), Want: a.Encode()})
		b.Writes = append(b.Writes, engine.Write{Op: engine.Delete, Key: entry})
	}
	for i := range objects {
		b.Writes = append(b.Writes, engine.Write{Op: engine.Delete, Key: record.AttrKey(record.Ino(1000 + i))})
	}
	e := &Engine{}
	var p *plan
	n := testing.AllocsPerRun(10, func() {
		p = e.plan()
		if err := p.add(seen, b); err != nil {
			t.Fatal(err)
		}
	})
	// 31, and 38 with the race detector, most of them for maps. Step by step it was 127.
	if most := 48.0; n > most {
		t.Errorf("%v allocations, want at most %v", n, most)
	}
	for name, s := range map[string]*steps{"checks": &p.checks, "writes": &p.writes} {
		if len(s.ends) == 0 || cap(s.buf) > 4*len(s.buf) || cap(s.ends) > 4*len(s.ends) {
			t.Errorf("room for %d bytes and %d arguments of %s, of which there are %d and %d", cap(s.buf), cap(s.ends), name, len(s.buf), len(s.ends))
		}
	}
}
