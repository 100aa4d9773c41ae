package chunk

import (
	"bytes"
	"math/rand/v2"
	"sync"
	"time"

	"juicefs/pkg/buf"
)

// memoryCache keeps blocks in memory within a limit of bytes. When it is full the older of two random blocks goes: nearly
// as good as the oldest, and a hit changes nothing but a number. A nil *memoryCache keeps nothing. All methods may be
// called from several goroutines at once.
type memoryCache struct {
	limit int64
	meter Meter

	mu     sync.Mutex
	blocks map[Block]*cached
	order  []*cached // in no order: for random picks
	clock  int64
	sums   CacheStats
}

type cached struct {
	block Block
	page  *buf.Page // a reference of the cache
	cost  int64     // bytes of memory
	used  int64     // clock of the last hit
	at    int       // index in order
}

func newMemoryCache(limit int64, meter Meter) *memoryCache {
	return &memoryCache{limit: limit, meter: meter, blocks: make(map[Block]*cached)}
}

// get returns a block with a reference for the caller, or nil.
func (m *memoryCache) get(b Block) *buf.Page {
	if m == nil {
		return nil
	}
	start := time.Now()
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.blocks[b]
	if c == nil {
		m.sums.Misses++
		m.sums.MissBytes += int64(b.Length)
		return nil
	}
	m.clock++
	c.used = m.clock
	m.sums.Hits++
	m.sums.HitBytes += int64(b.Length)
	m.meter.CacheRead(time.Since(start))
	return c.page.Retain()
}

// has reports whether a block is there, without counting as a use of it.
func (m *memoryCache) has(b Block) bool {
	if m == nil {
		return false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.blocks[b] != nil
}

// put keeps a block whose content is page, with a reference of its own, and takes its memory out of the pool's account.
func (m *memoryCache) put(b Block, page *buf.Page) {
	if m == nil {
		return
	}
	start := time.Now()
	memory, length := int64(page.Memory()), int64(b.Length)
	switch {
	case min(memory, 2*length) > m.limit:
		return
	case memory > 2*length:
		// A small block in a large page would cost the whole page.
		page = buf.NewPage(bytes.Clone(page.Bytes()))
	default:
		page.Retain()
		page.Uncharge()
	}
	c := &cached{block: b, page: page, cost: int64(page.Memory())}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.blocks[b] != nil {
		page.Release()
		return
	}
	m.clock++
	c.used = m.clock
	m.sums.Writes++
	m.sums.WriteBytes += int64(b.Length)
	m.sums.Bytes += c.cost
	for m.sums.Bytes > m.limit && len(m.order) > 0 {
		m.sums.Evicts++
		m.remove(m.victim())
	}
	c.at = len(m.order)
	m.order = append(m.order, c)
	m.blocks[b] = c
	m.meter.CacheWrite(time.Since(start))
}

// victim is the older of two random blocks. The caller holds mu.
func (m *memoryCache) victim() *cached {
	a, b := m.order[rand.IntN(len(m.order))], m.order[rand.IntN(len(m.order))]
	if a.used < b.used {
		return a
	}
	return b
}

// remove lets a block go. The caller holds mu.
func (m *memoryCache) remove(c *cached) {
	last := len(m.order) - 1
	m.order[c.at] = m.order[last]
	m.order[c.at].at = c.at
	m.order[last] = nil
	m.order = m.order[:last]
	delete(m.blocks, c.block)
	m.sums.Bytes -= c.cost
	c.page.Release()
}

// drop lets a block go if it is there.
func (m *memoryCache) drop(b Block) {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if c := m.blocks[b]; c != nil {
		m.remove(c)
	}
}

// clear lets all blocks go.
func (m *memoryCache) clear() {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for len(m.order) > 0 {
		m.remove(m.order[len(m.order)-1])
	}
}

func (m *memoryCache) stats() CacheStats {
	if m == nil {
		return CacheStats{}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.sums
	s.Blocks = int64(len(m.order))
	return s
}
