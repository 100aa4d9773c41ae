package cache

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"juicefs/chunk"
)

func TestEviction(t *testing.T) {
	now := &clock{t: time.Unix(1e9, 0)}
	c := open(t, Options{Size: 20 * (1000 + overhead), Now: now.now})
	for i := range 60 {
		put(t, c, chunk.Block{ID: uint64(i + 1), Length: 1000}, content(i, 1000))
		now.move(time.Second)
	}
	eventually(t, "the cache is within its size", func() bool { c.clean(); return !c.over() })
	s := c.Stats()
	if s.Evicts < 40 || s.Blocks > 20 || s.Blocks < 15 {
		t.Errorf("got %+v", s)
	}
	files := 0
	_ = filepath.WalkDir(c.root+"/raw", func(_ string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			files++
		}
		return err
	})
	if int64(files) != s.Blocks {
		t.Errorf("%d files of %d blocks", files, s.Blocks)
	}
	young := 0
	for i := 30; i < 60; i++ {
		if c.Has(chunk.Block{ID: uint64(i + 1), Length: 1000}) {
			young++
		}
	}
	if int64(young) < s.Blocks/2 {
		t.Errorf("of %d blocks %d are young", s.Blocks, young)
	}
}

// The index gives up its blocks in order of their last use, whatever is used, added and removed meanwhile.
func TestOldestGoFirst(t *testing.T) {
	var x index
	block := func(i int) chunk.Block { return chunk.Block{ID: uint64(i + 1), Length: uint32(1000 + i%3)} }
	const n = 200
	for i := range n {
		x.add(block(i), int64(i/2), 0) // two of each second
	}
	var got []chunk.Block
	take := func(k int) {
		t.Helper()
		for range k {
			b, ok := x.takeOldest()
			if !ok {
				t.Fatal("there is none left")
			}
			got = append(got, b)
		}
	}
	take(10)
	x.use(block(12), 1000)
	x.remove(block(13))
	take(60)
	x.add(block(n), 500, 0)
	take(n - 10 - 60 - 2)
	last := got[len(got)-1]
	take(2)
	if b, ok := x.takeOldest(); ok {
		t.Errorf("%v is left", b)
	}
	var want []chunk.Block
	for i := 0; i < n; i += 2 {
		a, b := block(i), block(i+1)
		if b.Length > a.Length {
			a, b = b, a
		}
		for _, c := range []chunk.Block{a, b} {
			if c != block(12) && c != block(13) {
				want = append(want, c)
			}
		}
	}
	if last != want[len(want)-1] {
		t.Errorf("the last of the old ones is %v", last)
	}
	want = append(want, block(n), block(12))
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if items, bytes := x.size(); items != 0 || bytes != 0 {
		t.Errorf("%d items of %d bytes are left", items, bytes)
	}
}

func TestEvictionOfTheOldest(t *testing.T) {
	now := &clock{t: time.Unix(1e9, 0)}
	c := open(t, Options{Size: 10 * (1000 + overhead), Eviction: Oldest, Now: now.now})
	for i := range 30 {
		put(t, c, chunk.Block{ID: uint64(i + 1), Length: 1000}, content(i, 1000))
		now.move(time.Second)
		read(c, chunk.Block{ID: 1, Length: 1000}, 0, 10) // one is used all the time
	}
	c.clean()
	if s := c.Stats(); s.Evicts < 20 || s.Blocks > 10 {
		t.Errorf("got %+v", s)
	}
	for _, id := range []uint64{1, 27, 28, 29, 30} {
		if !c.Has(chunk.Block{ID: id, Length: 1000}) {
			t.Errorf("block %d is gone", id)
		}
	}
	if c.Has(chunk.Block{ID: 2, Length: 1000}) {
		t.Error("an old block is there")
	}
}

func TestItemLimit(t *testing.T) {
	c := open(t, Options{Items: 10})
	for i := range 30 {
		put(t, c, chunk.Block{ID: uint64(i + 1), Length: 10}, content(i, 10))
	}
	eventually(t, "few items", func() bool { c.clean(); return c.Stats().Blocks <= 10 })
}

func TestWithoutEvictionNothingComesWhenFull(t *testing.T) {
	c := open(t, Options{Size: 10 * (1000 + overhead), Eviction: Keep})
	for i := range 30 {
		put(t, c, chunk.Block{ID: uint64(i + 1), Length: 1000}, content(i, 1000))
		c.clean()
	}
	if s := c.Stats(); s.Blocks < 10 || s.Blocks > 11 || s.Drops < 19 || s.Evicts != 0 {
		t.Errorf("got %+v", s)
	}
	if !c.Has(chunk.Block{ID: 1, Length: 1000}) {
		t.Error("the first block went")
	}
	c.Remove(chunk.Block{ID: 1, Length: 1000})
	c.Remove(chunk.Block{ID: 2, Length: 1000})
	c.clean()
	put(t, c, chunk.Block{ID: 99, Length: 1000}, content(1, 1000))
	if !c.Has(chunk.Block{ID: 99, Length: 1000}) {
		t.Error("there is room but nothing comes")
	}
}

func TestExpiry(t *testing.T) {
	now := &clock{t: time.Now()}
	c := open(t, Options{Expire: time.Minute, Eviction: Keep, Now: now.now})
	a, b := chunk.Block{ID: 1, Length: 10}, chunk.Block{ID: 2, Length: 10}
	put(t, c, a, content(1, 10))
	put(t, c, b, content(2, 10))
	now.move(50 * time.Second)
	if _, ok := read(c, b, 0, 10); !ok {
		t.Error("not there")
	}
	now.move(20 * time.Second)
	c.clean()
	if c.Has(a) || !c.Has(b) {
		t.Errorf("after 70 s: %v %v", c.Has(a), c.Has(b))
	}
}

func TestFileSystemIsNotFilled(t *testing.T) {
	dir := t.TempDir()
	if _, ok := usageOf(dir); !ok {
		t.Skip("the free space of file systems is not known here")
	}
	c := open(t, Options{Dir: dir, FreeRatio: 1}) // all of it shall be free
	c.clean()
	put(t, c, chunk.Block{ID: 1, Length: 10}, content(1, 10))
	c.clean()
	if s := c.Stats(); s.Blocks != 0 {
		t.Errorf("got %+v", s)
	}
}

func TestUnmountedFolder(t *testing.T) {
	c := open(t, Options{})
	if err := os.Remove(c.lockFile()); err != nil {
		t.Fatal(err)
	}
	c.clean()
	put(t, c, chunk.Block{ID: 1, Length: 10}, content(1, 10))
	if s := c.Stats(); s.Blocks != 0 || s.Drops != 1 {
		t.Errorf("got %+v", s)
	}
	if err := os.WriteFile(c.lockFile(), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	c.clean()
	put(t, c, chunk.Block{ID: 1, Length: 10}, content(1, 10))
	if s := c.Stats(); s.Blocks != 1 {
		t.Errorf("got %+v", s)
	}
}

func TestIndex(t *testing.T) {
	var x index
	for i := range 10 {
		x.add(chunk.Block{ID: uint64(i), Length: 100}, int64(i), i%2)
	}
	x.add(chunk.Block{ID: 3, Length: 100}, 50, 0)
	if items, bytes := x.size(); items != 10 || bytes != 10*(100+overhead) {
		t.Errorf("got %d items of %d bytes", items, bytes)
	}
	var ids []uint64
	for _, b := range x.takeExpired(4) {
		ids = append(ids, b.ID)
	}
	slices.Sort(ids)
	if !slices.Equal(ids, []uint64{0, 1, 2}) {
		t.Errorf("expired are %v", ids)
	}
	if got := len(x.takeUnseen(1)); got != 3 {
		t.Errorf("%d were not seen", got)
	}
	for {
		if _, ok := x.takeOld(); !ok {
			break
		}
	}
	if items, bytes := x.size(); items != 0 || bytes != 0 {
		t.Errorf("got %d items of %d bytes", items, bytes)
	}
}
