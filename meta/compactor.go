package meta

import (
	"context"
	"maps"
	"sync"
	"time"

	"juicefs/meta/record"
)

// When a chunk is compacted in the background. The numbers of records are those of juicefs 1.4.1, which compacts whatever
// was read with five records; parts of uploads have 5 MiB at least, and copying those makes no read cheaper.
const (
	compactRead   = 5       // a chunk of so many records that was read, if they are small
	compactSmall  = 1 << 20 // bytes of a small record, on average
	compactAlways = 350     // a chunk of more records
	compactEvery  = 100     // a chunk to which this client has added so many records
	compactWait   = 2500    // who adds so many waits for it

	compactQueue = 1000        // chunks that wait; others come again when they are read again
	compactAgain = time.Minute // after an attempt the chunk is left alone for so long, whatever came of it
	compactKnown = 10000       // chunks that are remembered
)

// compactor compacts chunks of many records in the background. Chunks are named by those who read and write them.
type compactor struct {
	fs    *FS
	queue chan chunkName

	mu    sync.Mutex
	store func(context.Context, *Compaction) error // nil: nothing is compacted
	slots chan struct{}
	tried map[chunkName]attempt
	added map[chunkName]int // records that this client added since
}

// attempt is the last compaction of a chunk.
type attempt struct {
	stage stage
	ended time.Time
}

type stage uint8

const (
	over stage = iota
	waiting
	running
)

type chunkName struct {
	ino   record.Ino
	index uint32
}

func (c *compactor) init(fs *FS) {
	c.fs, c.queue = fs, make(chan chunkName, compactQueue)
	c.tried, c.added = map[chunkName]attempt{}, map[chunkName]int{}
}

// CompactWith has chunks of many small records compacted in the background, at most atOnce at a time, from the session's
// start to its end. store is as for Compact. It is called once at most.
func (fs *FS) CompactWith(atOnce int, store func(context.Context, *Compaction) error) {
	c := &fs.compacts
	c.mu.Lock()
	defer c.mu.Unlock()
	c.store, c.slots = store, make(chan struct{}, max(atOnce, 1))
}

// NoteRead says that a chunk was found to have these records. It does not wait.
func (fs *FS) NoteRead(ino record.Ino, index uint32, records []record.Slice) {
	if len(records) >= compactRead && isFragmented(records) {
		fs.compacts.want(chunkName{ino, index})
	}
}

// isFragmented reports whether a chunk is better compacted, of five records at least.
func isFragmented(records []record.Slice) bool {
	var bytes uint64
	for _, s := range records {
		bytes += uint64(s.Len)
	}
	return len(records) > compactAlways || bytes < uint64(len(records))*compactSmall
}

// noteAdded says that n records were added to a chunk. It waits for a compaction if they are far too many.
func (fs *FS) noteAdded(ctx context.Context, ino record.Ino, index uint32, n int) {
	c, name := &fs.compacts, chunkName{ino, index}
	c.mu.Lock()
	if len(c.added) >= compactKnown {
		clear(c.added) // it begins at zero again: chunks are looked at later than they might be
	}
	before := c.added[name]
	now := before + n
	c.added[name] = now
	c.mu.Unlock()
	switch {
	case now >= compactWait && c.take(name, running):
		c.compact(ctx, name)
	case before/compactEvery != now/compactEvery:
		c.want(name)
	}
}

// take reports whether the caller may bring the compaction of a chunk to the next stage, and must go on with it then.
func (c *compactor) take(name chunkName, to stage) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	last, known := c.tried[name]
	switch {
	case c.store == nil || c.fs.o.ReadOnly:
		return false
	case last.stage >= to:
		return false
	case known && last.stage == over && c.fs.o.Now().Sub(last.ended) < compactAgain && c.added[name] < compactEvery:
		return false
	case !known && len(c.tried) >= compactKnown:
		maps.DeleteFunc(c.tried, func(_ chunkName, a attempt) bool { return a.stage == over })
	}
	c.tried[name] = attempt{stage: to}
	if to == running {
		delete(c.added, name) // what is added from here on counts for the next time
	}
	return true
}

// want queues a chunk, unless that was done a moment ago.
func (c *compactor) want(name chunkName) {
	if !c.take(name, waiting) {
		return
	}
	select {
	case c.queue <- name:
	default: // it comes again
		c.mu.Lock()
		delete(c.tried, name)
		c.mu.Unlock()
	}
}

// end notes that an attempt is over, and queues another if much was added meanwhile.
func (c *compactor) end(name chunkName) {
	c.mu.Lock()
	c.tried[name] = attempt{ended: c.fs.o.Now()}
	again := c.added[name] >= compactEvery
	c.mu.Unlock()
	if again {
		c.want(name)
	}
}

// run compacts what is queued until ctx ends.
func (c *compactor) run(ctx context.Context) {
	var tasks sync.WaitGroup
	defer tasks.Wait()
	for {
		var name chunkName
		select {
		case <-ctx.Done():
			return
		case name = <-c.queue:
		}
		c.mu.Lock()
		slots := c.slots
		c.mu.Unlock()
		select {
		case <-ctx.Done():
			return
		case slots <- struct{}{}:
		}
		if !c.take(name, running) { // somebody could not wait
			<-slots
			continue
		}
		tasks.Go(func() {
			defer func() { <-slots }()
			c.compact(ctx, name)
		})
	}
}

func (c *compactor) compact(ctx context.Context, name chunkName) {
	defer c.end(name)
	c.mu.Lock()
	store := c.store
	c.mu.Unlock()
	done, err := c.fs.Compact(ctx, name.ino, name.index, store)
	if err != nil && ctx.Err() == nil {
		c.fs.log.Warn("compact a chunk of many records; reading it works all the same", "inode", uint64(name.ino), "chunk", name.index, "error", err)
		return
	}
	c.fs.log.Debug("compact a chunk", "inode", uint64(name.ino), "chunk", name.index, "done", done)
}
