package vfs

import (
	"context"
	"iter"
	"sync"

	"juicefs/pkg/buf"
)

// readAhead yields what pages yields, while a goroutine takes the next ones: across slices, where the store's own reading
// ahead ends. What waits to be consumed is at most a window. It begins with one page, doubles with each page consumed, up
// to most bytes, and shrinks to one page again while more than half of the pool is in use: a stream then holds
// next to nothing that others wait for.
func readAhead(ctx context.Context, pages func(context.Context) iter.Seq2[*buf.Page, error], pool *buf.Pool, most int64) iter.Seq2[*buf.Page, error] {
	return func(yield func(*buf.Page, error) bool) {
		inner, cancel := context.WithCancel(ctx)
		q := &pageQueue{most: most, window: 1, pool: pool}
		q.changed.L = &q.mu
		var task sync.WaitGroup
		task.Go(func() { q.fill(pages(inner)) })
		unwatch := context.AfterFunc(inner, q.close)
		defer func() {
			unwatch()
			cancel()
			q.close()
			task.Wait()
			q.drop()
		}()
		for {
			page, err, ok := q.take()
			if !ok {
				if err = ctx.Err(); err != nil {
					yield(nil, err)
				}
				return
			}
			if !yield(page, err) || err != nil {
				return
			}
		}
	}
}

// pageQueue is between the goroutine that reads and the stream.
type pageQueue struct {
	pool *buf.Pool
	most int64

	mu      sync.Mutex
	changed sync.Cond
	items   []queued
	bytes   int64 // in items
	window  int64 // of bytes
	closed  bool  // by the consumer
	ended   bool  // by the producer
}

type queued struct {
	page *buf.Page
	err  error
}

// fill is the producer.
func (q *pageQueue) fill(pages iter.Seq2[*buf.Page, error]) {
	for page, err := range pages {
		if !q.put(queued{page, err}) {
			if page != nil {
				page.Release()
			}
			break
		}
	}
	q.mu.Lock()
	q.ended = true
	q.mu.Unlock()
	q.changed.Broadcast()
}

// put adds a page and waits until there is room for the next one. It reports false if nobody wants the page.
func (q *pageQueue) put(item queued) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return false
	}
	q.items = append(q.items, item)
	if item.page != nil {
		q.bytes += int64(item.page.Len())
	}
	q.changed.Broadcast()
	for q.bytes >= q.limit() && !q.closed {
		q.changed.Wait()
	}
	return true
}

// limit is how many bytes may wait. The caller holds mu.
func (q *pageQueue) limit() int64 {
	if q.pool.Used() > q.pool.Limit()/2 {
		return 1
	}
	return q.window
}

// take is the consumer's side; ok is false when there is nothing more.
func (q *pageQueue) take() (page *buf.Page, err error, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.items) == 0 && !q.ended && !q.closed {
		q.changed.Wait()
	}
	if q.closed || len(q.items) == 0 {
		return nil, nil, false
	}
	item := q.items[0]
	q.items[0] = queued{}
	q.items = q.items[1:]
	if item.page != nil {
		q.bytes -= int64(item.page.Len())
		q.window = min(max(2*q.window, 2*int64(item.page.Len())), q.most)
	}
	q.changed.Broadcast()
	return item.page, item.err, true
}

// close tells the producer to end.
func (q *pageQueue) close() {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	q.changed.Broadcast()
}

// drop releases what nobody took.
func (q *pageQueue) drop() {
	for _, item := range q.items {
		if item.page != nil {
			item.page.Release()
		}
	}
	q.items = nil
}
