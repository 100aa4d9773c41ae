package buf

import (
	"context"
	"math/bits"
	"sync"
)

const (
	minShift  = 12 // the smallest class is 4 KiB
	maxShift  = 24 // the largest is 16 MiB
	perDouble = 4  // classes between two powers of two
	classes   = (maxShift-minShift)*perDouble + 1
)

// Pool is a bounded source of pages. Freed memory is kept for the next page of the same size class until the garbage
// collector wants it, so an idle pool costs nothing. Use NewPool; all methods may be called from several goroutines at
// once.
type Pool struct {
	limit int64
	free  [classes]sync.Pool // of *Page with its memory
	views sync.Pool          // of *Page without memory

	mu      sync.Mutex
	used    int64
	waiting queue
	traces  traces
}

// NewPool makes a pool whose pages hold at most limit bytes together. A limit below one byte lets one page out at a time.
func NewPool(limit int64) *Pool { return &Pool{limit: max(limit, 1)} }

// Get returns a page of n bytes with arbitrary content and one reference, waiting in order of arrival until the pool has
// room. A page that is larger than the whole pool gets its turn when nothing else is out. The only error is that of ctx.
func (p *Pool) Get(ctx context.Context, n int) (*Page, error) {
	class, size := classOf(n)
	if err := p.acquire(ctx, int64(size)); err != nil {
		return nil, err
	}
	return p.take(class, size, n), nil
}

// TryGet is Get that returns nil instead of waiting, also when others wait already.
func (p *Pool) TryGet(n int) *Page {
	class, size := classOf(n)
	p.mu.Lock()
	ok := p.waiting.empty() && p.fits(int64(size))
	if ok {
		p.used += int64(size)
	}
	p.mu.Unlock()
	if !ok {
		return nil
	}
	return p.take(class, size, n)
}

// Overdraw is Get that never waits: the limit is exceeded if need be and later pages wait until it is met again. It is
// for the rare holder of pages that cannot let go of them before it has one more.
func (p *Pool) Overdraw(n int) *Page {
	class, size := classOf(n)
	p.mu.Lock()
	p.used += int64(size)
	p.mu.Unlock()
	return p.take(class, size, n)
}

// Used returns the bytes that pages hold now, rounded up to size classes. 0 means that every page was released.
func (p *Pool) Used() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.used
}

// Limit returns the bytes that pages may hold together.
func (p *Pool) Limit() int64 { return p.limit }

// Waiting returns the number of calls of Get that wait now.
func (p *Pool) Waiting() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.waiting.n
}

func (p *Pool) fits(n int64) bool { return p.used == 0 || p.used+n <= p.limit }

func (p *Pool) acquire(ctx context.Context, n int64) error {
	p.mu.Lock()
	if p.waiting.empty() && p.fits(n) {
		p.used += n
		p.mu.Unlock()
		return nil
	}
	if err := ctx.Err(); err != nil {
		p.mu.Unlock()
		return err
	}
	w := &waiter{n: n, ready: make(chan struct{})}
	p.waiting.push(w)
	p.mu.Unlock()
	select {
	case <-w.ready:
		return nil
	case <-ctx.Done():
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if w.granted {
		p.used -= n
	} else {
		p.waiting.remove(w)
	}
	p.wake() // the one that left may have been in front of smaller ones
	return ctx.Err()
}

func (p *Pool) giveBack(n int64) {
	p.mu.Lock()
	p.used -= n
	p.wake()
	p.mu.Unlock()
}

// wake grants what fits, in order. The caller holds mu.
func (p *Pool) wake() {
	for w := p.waiting.front; w != nil && p.fits(w.n); w = p.waiting.front {
		p.waiting.remove(w)
		p.used += w.n
		w.granted = true
		close(w.ready)
	}
}

func (p *Pool) take(class, size, n int) *Page {
	var page *Page
	if class >= 0 {
		page, _ = p.free[class].Get().(*Page)
	}
	if page == nil {
		page = &Page{pool: p, class: class, mem: make([]byte, size)}
	}
	page.data = page.mem[:n]
	page.charged.Store(true)
	page.refs.Store(1)
	p.traces.took(page)
	return page
}

// classOf returns the size class for n bytes and its size; pages above the largest class have class -1 and exactly n.
func classOf(n int) (class, size int) {
	if n <= 1<<minShift {
		return 0, 1 << minShift
	}
	if n > 1<<maxShift {
		return -1, n
	}
	shift := bits.Len(uint(n-1)) - 1 // 2^shift < n <= 2^(shift+1)
	step := 1 << shift / perDouble
	steps := (n - 1<<shift + step - 1) / step
	return (shift-minShift)*perDouble + steps, 1<<shift + steps*step
}

// waiter is one call of Get in the queue.
type waiter struct {
	n          int64
	ready      chan struct{} // closed when granted
	granted    bool
	prev, next *waiter
}

// queue is a list of waiters in order of arrival.
type queue struct {
	front, back *waiter
	n           int
}

func (q *queue) empty() bool { return q.front == nil }

func (q *queue) push(w *waiter) {
	w.prev = q.back
	if q.back == nil {
		q.front = w
	} else {
		q.back.next = w
	}
	q.back = w
	q.n++
}

func (q *queue) remove(w *waiter) {
	if w.prev == nil {
		q.front = w.next
	} else {
		w.prev.next = w.next
	}
	if w.next == nil {
		q.back = w.prev
	} else {
		w.next.prev = w.prev
	}
	w.prev, w.next = nil, nil
	q.n--
}
