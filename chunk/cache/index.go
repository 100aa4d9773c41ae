package cache

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"sync"

	"juicefs/chunk"
)

// overhead is what a block counts beside its content, in bytes. juicefs 1.4.1.
const overhead = 4096

// index knows which blocks are in the folder. The zero value is usable; all methods may be called from several goroutines
// at once.
type index struct {
	mu     sync.Mutex
	at     map[chunk.Block]int // in blocks
	blocks []known             // in no order: for random picks
	bytes  int64               // with overhead
	oldest []known             // as they were some time ago, the oldest last: what takeOldest goes by
}

// known is a block in the folder.
type known struct {
	block chunk.Block
	used  int64 // second of the last use
	round int   // of the scan that saw it last, or that it was added in
}

func cost(b chunk.Block) int64 { return int64(b.Length) + overhead }

// add adds a block or notes that it was used or seen.
func (x *index) add(b chunk.Block, used int64, round int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if i, ok := x.at[b]; ok {
		k := &x.blocks[i]
		k.used, k.round = max(k.used, used), max(k.round, round)
		return
	}
	if x.at == nil {
		x.at = make(map[chunk.Block]int)
	}
	x.at[b] = len(x.blocks)
	x.blocks = append(x.blocks, known{b, used, round})
	x.bytes += cost(b)
}

// use reports whether a block is there and notes that it is used at second now.
func (x *index) use(b chunk.Block, now int64) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	i, ok := x.at[b]
	if ok {
		x.blocks[i].used = max(x.blocks[i].used, now)
	}
	return ok
}

// has reports whether a block is there.
func (x *index) has(b chunk.Block) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	_, ok := x.at[b]
	return ok
}

// remove forgets a block and reports whether it was there.
func (x *index) remove(b chunk.Block) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	i, ok := x.at[b]
	if ok {
		x.removeAt(i)
	}
	return ok
}

// removeAt forgets the block at i. The caller holds mu.
func (x *index) removeAt(i int) {
	b, last := x.blocks[i].block, len(x.blocks)-1
	x.blocks[i] = x.blocks[last]
	x.at[x.blocks[i].block] = i
	x.blocks = x.blocks[:last]
	delete(x.at, b)
	x.bytes -= cost(b)
}

// size returns the number of blocks and their bytes with overhead.
func (x *index) size() (items, bytes int64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	return int64(len(x.blocks)), x.bytes
}

// takeOld forgets one of two random blocks, the one that was used longer ago, and returns it; ok is false without any.
func (x *index) takeOld() (b chunk.Block, ok bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	n := len(x.blocks)
	if n == 0 {
		return chunk.Block{}, false
	}
	i, j := rand.IntN(n), rand.IntN(n)
	if x.blocks[j].used < x.blocks[i].used {
		i = j
	}
	b = x.blocks[i].block
	x.removeAt(i)
	return b, true
}

// takeOldest forgets the block that was used longest ago, the largest of several, and returns it; ok is false without any.
// Blocks are put in order now and then, an eighth of them at a time; those that were used since are passed over.
func (x *index) takeOldest() (b chunk.Block, ok bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for len(x.blocks) > 0 {
		if len(x.oldest) == 0 {
			x.order()
		}
		k := x.oldest[len(x.oldest)-1]
		x.oldest = x.oldest[:len(x.oldest)-1]
		if i, there := x.at[k.block]; there && x.blocks[i].used == k.used {
			x.removeAt(i)
			return k.block, true
		}
	}
	return chunk.Block{}, false
}

// order finds the oldest blocks. The caller holds mu.
func (x *index) order() {
	all := slices.Clone(x.blocks)
	slices.SortFunc(all, func(a, b known) int {
		return cmp.Or(cmp.Compare(a.used, b.used), cmp.Compare(b.block.Length, a.block.Length))
	})
	x.oldest = slices.Clone(all[:(len(all)+7)/8])
	slices.Reverse(x.oldest)
}

// takeExpired forgets the blocks that were not used since second since and returns them.
func (x *index) takeExpired(since int64) []chunk.Block {
	return x.takeIf(func(k known) bool { return k.used < since })
}

// takeUnseen forgets the blocks that scan number round did not find.
func (x *index) takeUnseen(round int) []chunk.Block {
	return x.takeIf(func(k known) bool { return k.round < round })
}

func (x *index) takeIf(match func(known) bool) []chunk.Block {
	x.mu.Lock()
	defer x.mu.Unlock()
	var out []chunk.Block
	for i := 0; i < len(x.blocks); {
		if match(x.blocks[i]) {
			out = append(out, x.blocks[i].block)
			x.removeAt(i)
		} else {
			i++
		}
	}
	return out
}
