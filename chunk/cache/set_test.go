package cache

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"juicefs/chunk"
	"juicefs/pkg/buf"
)

func openSet(t testing.TB, dirs []string, o Options) *Set {
	t.Helper()
	o.UUID = volume
	o.FreeRatio = -1
	s, err := OpenSet(dirs, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// A set in other order, or with a folder more, finds what it has written, but for what the new folder has a better claim to.
func TestSetKeepsPlaces(t *testing.T) {
	const blocks = 300
	a, b, c := filepath.Join(t.TempDir(), "a"), filepath.Join(t.TempDir(), "b"), filepath.Join(t.TempDir(), "c")
	s := openSet(t, []string{a, b}, Options{})
	for i := range blocks {
		page := buf.NewPage(content(i, 100))
		s.Write(chunk.Block{ID: uint64(i/3 + 1), Index: uint32(i % 3), Length: 100}, page)
		page.Release()
		if i%100 == 99 {
			s.Flush()
		}
	}
	for i, one := range s.caches {
		if n := one.Stats().Blocks; n < blocks/4 {
			t.Errorf("folder %d has %d of %d blocks", i, n, blocks)
		}
	}
	if st := s.Stats(); st.Blocks != blocks || st.Writes != blocks || st.WriteBytes != blocks*100 {
		t.Errorf("stats are %+v", st)
	}
	found := func(s *Set) int {
		n := 0
		for i := range blocks {
			p := make([]byte, 100)
			if s.Read(chunk.Block{ID: uint64(i/3 + 1), Index: uint32(i % 3), Length: 100}, p, 0) {
				if !bytes.Equal(p, content(i, 100)) {
					t.Fatalf("block %d has other content", i)
				}
				n++
			}
		}
		return n
	}
	if n := found(openSet(t, []string{b, a}, Options{})); n != blocks {
		t.Errorf("in other order %d of %d are found", n, blocks)
	}
	if n := found(openSet(t, []string{b, c, a}, Options{})); n < blocks/2 || n == blocks {
		t.Errorf("with another folder %d of %d are found, want about two thirds", n, blocks)
	}
	x := chunk.Block{ID: 1, Length: 100}
	s.Remove(x)
	if s.Has(x) {
		t.Error("a removed block is there")
	}
}

func TestSetSharesItsSize(t *testing.T) {
	s := openSet(t, []string{t.TempDir(), t.TempDir()}, Options{Size: 8 << 20, Items: 11})
	for _, c := range s.caches {
		if c.size != 4<<20 || c.items != 5 || c.o.Queue != defaultQueue/2 {
			t.Errorf("a folder has %d bytes, %d items, a queue of %d", c.size, c.items, c.o.Queue)
		}
	}
	if s := openSet(t, []string{t.TempDir()}, Options{}); s.caches[0].o.Size != defaultSize {
		t.Errorf("one folder has %d bytes", s.caches[0].o.Size)
	}
}

func TestSetNeedsAllItsFolders(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenSet([]string{t.TempDir(), file}, Options{UUID: volume}); err == nil {
		t.Error("a file is a folder")
	}
	if _, err := OpenSet(nil, Options{UUID: volume}); !errors.Is(err, fs.ErrInvalid) {
		t.Errorf("no folder: %v", err)
	}
}

// counter counts measurements.
type counter struct{ reads, writes atomic.Int64 }

func (c *counter) CacheRead(time.Duration)  { c.reads.Add(1) }
func (c *counter) CacheWrite(time.Duration) { c.writes.Add(1) }

func TestHitsAndWritesAreMeasured(t *testing.T) {
	var m counter
	c := open(t, Options{Meter: &m})
	b := chunk.Block{ID: 1, Length: 5}
	if _, ok := read(c, b, 0, 5); ok {
		t.Fatal("a block that was not written")
	}
	put(t, c, b, []byte("hello"))
	c.Flush()
	for range 2 {
		if _, ok := read(c, b, 1, 3); !ok {
			t.Fatal("the block is not there")
		}
	}
	if s := c.Stats(); m.reads.Load() != 2 || s.Hits != 2 || m.writes.Load() != 1 || s.Writes != 1 || s.WriteBytes != 5 {
		t.Errorf("%d reads and %d writes, stats %+v", m.reads.Load(), m.writes.Load(), s)
	}
}
