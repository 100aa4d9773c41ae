package meta

import (
	"context"
	"fmt"
	"sync"

	"juicefs/meta/engine"
	"juicefs/meta/record"
)

// ids hands out numbers from batches that are taken from a counter. Numbers of a batch that are left at the end are lost,
// which the format allows.
type ids struct {
	eng     engine.Engine
	counter string
	batch   int64
	first   uint64 // smaller numbers are never handed out

	mu       sync.Mutex
	from, to uint64 // numbers in hand: [from, to)
	refill   sync.Mutex
}

// try returns a number if one is in hand.
func (i *ids) try() (uint64, bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.from >= i.to {
		return 0, false
	}
	i.from++
	return i.from - 1, true
}

// next returns a number, taking a batch first if none is in hand.
func (i *ids) next(ctx context.Context) (uint64, error) {
	for {
		if id, ok := i.try(); ok {
			return id, nil
		}
		if err := i.fill(ctx); err != nil {
			return 0, err
		}
	}
}

// fill takes a batch unless another goroutine just did.
func (i *ids) fill(ctx context.Context) error {
	i.refill.Lock()
	defer i.refill.Unlock()
	i.mu.Lock()
	have := i.from < i.to
	i.mu.Unlock()
	if have {
		return nil
	}
	top, err := i.eng.Incr(ctx, i.counter, i.batch)
	if err != nil {
		return fmt.Errorf("take %s: %w", i.counter, err)
	}
	if top < i.batch {
		return fmt.Errorf("take %s: counter is %d: %w", i.counter, top, record.ErrCorrupt)
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.from, i.to = max(uint64(top-i.batch), i.first), uint64(top)
	return nil
}

// newInode returns a fresh inode number, or a *needs error that takes more.
func (tx *Tx) newInode() (record.Ino, error) {
	m := tx.memory
	if m != nil && len(m.spare) > 0 {
		ino := m.spare[0]
		m.spare = m.spare[1:]
		return ino, nil
	}
	id, ok := tx.fs.inodes.try()
	if !ok {
		ctx := tx.ctx
		return 0, &needs{func(fs *FS) error { return fs.inodes.fill(ctx) }}
	}
	if m != nil {
		m.taken = append(m.taken, record.Ino(id))
	}
	return record.Ino(id), nil
}
