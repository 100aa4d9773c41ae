package meta

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"juicefs/meta/engine"
	"juicefs/meta/record"
)

// flushPeriod is how often gathered totals are added.
const flushPeriod = time.Second

// hotTotals gathers what transactions add to the volume's totals, where the engine asks for it
// ([engine.Info.HotCounters]): one transaction a second then adds all of it. Other clients see the totals that much later,
// and what a client that is killed has gathered is lost, as with the original; `fsck` and quota checks count again.
type hotTotals struct {
	mu  sync.Mutex
	sum change // of committed transactions; not flushed
	// moving is locked while what was gathered goes into the totals, and read-locked by who wants to know both: else it would
	// be in neither, or in both. moves counts how often that was.
	moving sync.RWMutex
	moves  atomic.Int64
}

func (h *hotTotals) add(c change) {
	if c == (change{}) {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.sum.space, h.sum.inodes = h.sum.space+c.space, h.sum.inodes+c.inodes
}

// pending is what was not flushed yet.
func (h *hotTotals) pending() change {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.sum
}

// flushTotals adds what was gathered to the totals. It keeps what could not be added; what was added perhaps, whose outcome
// is unknown, is dropped: totals are advisory.
func (fs *FS) flushTotals(ctx context.Context) error {
	h := &fs.hot
	h.moving.Lock()
	defer h.moving.Unlock()
	defer h.moves.Add(1)
	c := h.pending()
	if c == (change{}) {
		return nil
	}
	err := fs.update(ctx, "totals", func(tx *Tx) error {
		tx.unlimited = true
		tx.Add(record.CounterKey(record.CounterSpace), c.space)
		tx.Add(record.CounterKey(record.CounterInodes), c.inodes)
		return nil
	})
	if err == nil || errors.Is(err, engine.ErrUnknown) {
		h.add(change{space: -c.space, inodes: -c.inodes})
	}
	return err
}

// errMoved is the cause of a conflict with the move of gathered totals.
var errMoved = errors.New("totals were moved meanwhile")

// totalsFull reports whether what a transaction adds to totals that are gathered would pass the volume's limits.
func (tx *Tx) totalsFull() (bool, error) {
	s, c := tx.fs.Setting(), tx.totals
	if (c.space <= 0 || s.Capacity == 0) && (c.inodes <= 0 || s.Inodes == 0) {
		return false, nil
	}
	h := &tx.fs.hot
	h.moving.RLock()
	defer h.moving.RUnlock()
	if h.moves.Load() != tx.moves { // the totals may be read as they were before that
		return false, &engine.Conflict{Cause: errMoved}
	}
	space, inodes := record.CounterKey(record.CounterSpace), record.CounterKey(record.CounterInodes)
	if err := tx.Load(engine.ReadOp{Key: space}, engine.ReadOp{Key: inodes}); err != nil {
		return false, err
	}
	more := h.pending()
	for _, t := range []struct {
		key               record.Key
		add, gathered, to int64
	}{{space, c.space, more.space, int64(s.Capacity)}, {inodes, c.inodes, more.inodes, int64(s.Inodes)}} {
		used, err := tx.int64(t.key, engine.Loose)
		if err != nil {
			return false, err
		}
		if t.add > 0 && t.to > 0 && used+t.gathered+t.add > t.to {
			return true, nil
		}
	}
	return false, nil
}
