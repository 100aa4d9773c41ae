package fstest

import (
	"context"
	"fmt"
	"syscall"
	"testing"
	"time"

	"juicefs/meta"
	"juicefs/meta/engine"
	"juicefs/meta/record"
)

// hotEngine asks for totals to be gathered.
type hotEngine struct{ engine.Engine }

// Info is that of the engine, with hot counters.
func (h hotEngine) Info() engine.Info {
	i := h.Engine.Info()
	i.HotCounters = true
	return i
}

var hotTests = []test{
	{"totals are gathered where the engine asks for it", testHotTotals},
	{"gathered totals count against limits", testHotLimits},
	{"removals keep to the writes that the engine takes", func(t *testing.T, open Open) { testMaxWrites(t, open) }},
	{"removals into the trash keep to the writes that the engine takes", func(t *testing.T, open Open) { testMaxWrites(t, open, withTrash) }},
}

// rare has totals written at the end of the session only.
func rare(s *setup) { s.options.FlushTotals = time.Hour }

func testHotTotals(t *testing.T, open Open) {
	v := newVolumeOn(t, hotEngine{open(t)})
	w := v.client(rare)
	before := v.state().counters
	w.put("/d/f", 5000)
	w.put("/d/g", 1)
	w.remove(meta.Removal{Path: "/d/g"})
	after := v.state().counters
	for _, c := range []string{record.CounterSpace, record.CounterInodes} {
		if before[c] != after[c] {
			t.Errorf("%s is %d and was %d", c, after[c], before[c])
		}
	}
	u, err := w.fs.Usage(t.Context())
	v.ok(err)
	if u.UsedInodes != 2 || u.TotalSpace-u.AvailSpace != 4096+8192 {
		t.Errorf("usage %+v", u)
	}
	if u, err = v.fs.Usage(t.Context()); err != nil || u.UsedInodes != 0 {
		t.Errorf("usage of another client %+v, %v", u, err)
	}
	v.put("/e", 4096) // written soon
	v.until("the totals are written", func() bool { return v.state().counters[record.CounterInodes] == before[record.CounterInodes]+1 })
}

func testHotLimits(t *testing.T, open Open) {
	v := newVolumeOn(t, hotEngine{open(t)}, limited(11*4096, 4))
	w := v.client(rare)
	w.put("/a", 4*4096)
	w.put("/b", 5*4096)
	_, err := w.fs.CommitObject(t.Context(), w.root, w.spec("/c", 3*4096))
	v.code(err, syscall.ENOSPC)
	w.put("/c", 4096)
	w.put("/d", 0)
	_, err = w.fs.CommitObject(t.Context(), w.root, w.spec("/e", 0))
	v.code(err, syscall.ENOSPC)
	w.remove(meta.Removal{Path: "/b"})
	w.put("/f", 4*4096)
}

// narrow refuses transactions of more writes than it says it takes.
type narrow struct {
	engine.Engine
	most int
}

// Info is that of the engine, with a limit.
func (n narrow) Info() engine.Info {
	i := n.Engine.Info()
	i.MaxWrites = n.most
	return i
}

// Begin starts a transaction without fast paths.
func (n narrow) Begin(mode engine.Mode) engine.Tx { return narrowTx{n.Engine.Begin(mode), n.most} }

type narrowTx struct {
	engine.Tx
	most int
}

// Commit implements engine.Tx.
func (n narrowTx) Commit(ctx context.Context, b *engine.Batch) error {
	if len(b.Writes) > n.most {
		return fmt.Errorf("%d writes, %d are the most", len(b.Writes), n.most)
	}
	return n.Tx.Commit(ctx, b)
}

func testMaxWrites(t *testing.T, open Open, opts ...option) {
	const most, keys = 60, 50
	v := newVolumeOn(t, narrow{open(t), most}, opts...)
	var rs []meta.Removal
	for i := range keys {
		p := fmt.Sprintf("/d/%d", i)
		s := v.spec(p, 100)
		s.Xattrs = map[string][]byte{"a": []byte("1"), "b": []byte("2")}
		v.commit(s)
		rs = append(rs, meta.Removal{Path: p, Top: "/"})
	}
	errs, err := v.fs.RemoveObjects(t.Context(), v.root, rs)
	v.ok(err)
	for i, e := range errs {
		if e != nil {
			t.Errorf("%s: %v", rs[i].Path, e)
		}
	}
	v.absent("/d")
}
