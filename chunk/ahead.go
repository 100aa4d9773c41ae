package chunk

import (
	"context"
	"sync"

	"juicefs/pkg/buf"
)

// ahead fetches the spans of one stream before they are wanted: a few, in order, and only while the pool has room at
// once. It stops at the first that it cannot begin. So when the stream itself has to wait for memory it holds nothing,
// neither pages nor slots.
type ahead struct {
	s      *Store
	left   cursor     // not begun
	under  []*fetched // begun, in order
	run    func(f *fetched, sp span, room *buf.Page)
	cancel context.CancelFunc
	tasks  sync.WaitGroup
}

// fetched is a span that was begun.
type fetched struct {
	done chan struct{}
	page *buf.Page
	err  error
}

func newAhead(ctx context.Context, s *Store, c cursor) *ahead {
	ctx, cancel := context.WithCancel(ctx)
	q := &ahead{s: s, left: c, cancel: cancel}
	q.run = func(f *fetched, sp span, room *buf.Page) {
		f.page, f.err = s.fetch(ctx, sp, room)
		close(f.done)
	}
	return q
}

// next returns the page of the next span, nil at the end, and has others fetched meanwhile.
func (q *ahead) next(ctx context.Context) (*buf.Page, error) {
	if len(q.under) == 0 {
		sp, ok := q.left.next()
		if !ok {
			return nil, nil // the end
		}
		page := q.s.cached(sp)
		switch {
		case page != nil:
			q.fill()
			return page, nil
		case q.left.n == 0 || q.s.readAhead <= 0:
			return q.s.fetch(ctx, sp, nil)
		}
		room, err := q.s.pool.Get(ctx, q.s.roomOf(sp))
		if err != nil {
			return nil, err
		}
		q.start(sp, room)
	}
	f := q.under[0]
	q.under = q.under[1:]
	q.fill()
	<-f.done // ends with the ctx of the stream
	return f.page, f.err
}

// fill begins spans while there is room.
func (q *ahead) fill() {
	for len(q.under) < q.s.readAhead {
		c := q.left
		sp, ok := c.next()
		if !ok {
			return
		}
		if page := q.s.cached(sp); page != nil {
			f := &fetched{done: make(chan struct{}), page: page}
			close(f.done)
			q.under = append(q.under, f)
		} else if room := q.s.pool.TryGet(q.s.roomOf(sp)); room != nil {
			q.start(sp, room)
		} else {
			return
		}
		q.left = c
	}
}

func (q *ahead) start(sp span, room *buf.Page) {
	f := &fetched{done: make(chan struct{})}
	q.under = append(q.under, f)
	q.tasks.Go(func() { q.run(f, sp, room) })
}

// close ends what was begun and releases what nobody took.
func (q *ahead) close() {
	q.cancel()
	q.tasks.Wait()
	for _, f := range q.under {
		release(f.page)
	}
}
