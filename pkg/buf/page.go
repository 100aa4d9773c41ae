package buf

import "sync/atomic"

// Page is a piece of memory with a count of references. It is made by a Pool, by NewPage or by Slice, with one reference;
// Retain adds one, Release drops one, and after the last the memory belongs to somebody else. The count may be changed
// from several goroutines at once; the content and the length are for one goroutine at a time, or for many that read.
type Page struct {
	data []byte
	root *Page // the page whose memory this one shows; nil on a page with memory of its own
	off  int   // where data begins in that memory

	pool    *Pool // nil on pages of NewPage
	class   int
	mem     []byte
	charged atomic.Bool // counts in the pool
	refs    atomic.Int32
	trace   trace
}

// NewPage makes a page of b that belongs to no pool. b must not be used otherwise until the last Release.
func NewPage(b []byte) *Page {
	p := &Page{data: b, mem: b, class: -1}
	p.refs.Store(1)
	return p
}

// Bytes returns the content: good as long as the caller holds a reference. Its capacity ends with the page.
func (p *Page) Bytes() []byte {
	p.check()
	return p.data[:len(p.data):len(p.data)]
}

// Len returns the length of the content in bytes.
func (p *Page) Len() int { return len(p.data) }

// Cap returns the length that Truncate may give the page: for a page of a pool it may be more than was asked for.
func (p *Page) Cap() int { return cap(p.data) }

// Memory returns the bytes of memory that a reference to the page keeps, however little of it the page shows.
func (p *Page) Memory() int { return len(p.owner().mem) }

// Truncate sets the length of the content, up to Cap. Pages made by Slice are not affected.
func (p *Page) Truncate(n int) {
	p.check()
	p.data = p.data[:n]
}

// Retain adds a reference and returns p.
func (p *Page) Retain() *Page {
	p.check()
	p.refs.Add(1)
	return p
}

// Release drops a reference; with the last one the memory goes back to the pool. One more panics.
func (p *Page) Release() {
	p.check()
	switch n := p.refs.Add(-1); {
	case n > 0:
		return
	case n < 0:
		panic("buf: page released twice")
	}
	if root := p.root; root != nil {
		p.root, p.data = nil, nil
		if recycle && root.pool != nil {
			root.pool.views.Put(p)
		}
		root.Release()
		return
	}
	p.free()
}

func (p *Page) free() {
	pool := p.pool
	if pool == nil {
		p.poison()
		p.data, p.mem = nil, nil
		return
	}
	size := int64(len(p.mem))
	charged := p.charged.Swap(false)
	pool.traces.gave(p)
	p.poison()
	p.data = nil
	if p.class >= 0 && recycle {
		pool.free[p.class].Put(p)
	} else {
		p.mem = nil
	}
	if charged {
		pool.giveBack(size)
	}
}

// Slice returns a page that shows n bytes of p from off, with a reference of its own that keeps the memory of p.
func (p *Page) Slice(off, n int) *Page {
	p.check()
	root := p.owner()
	root.refs.Add(1)
	var v *Page
	if root.pool != nil {
		v, _ = root.pool.views.Get().(*Page)
	}
	if v == nil {
		v = new(Page)
	}
	v.root, v.off, v.data = root, p.off+off, p.data[off:off+n:off+n]
	v.refs.Store(1)
	return v
}

// Uncharge ends the page's share of its pool's limit while its memory lives on until the last Release. It is for a
// holder that keeps pages for long within a bound of its own, such as a cache. It returns the bytes of memory that the
// holder now answers for, 0 if somebody else uncharged the page before.
func (p *Page) Uncharge() int64 {
	p.check()
	root := p.owner()
	if !root.charged.Swap(false) {
		return 0
	}
	size := int64(len(root.mem))
	root.pool.giveBack(size)
	return size
}

// Join makes p show the content of next as well, and releases next, if the memory of next follows that of p directly; it
// reports whether it did. Nobody else may use either page meanwhile.
func (p *Page) Join(next *Page) bool {
	p.check()
	owner, end := p.owner(), p.off+len(p.data)
	if owner != next.owner() || end != next.off {
		return false
	}
	p.data = owner.mem[p.off : end+next.Len() : end+next.Len()]
	next.Release()
	return true
}

func (p *Page) owner() *Page {
	if p.root != nil {
		return p.root
	}
	return p
}
