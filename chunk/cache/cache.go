package cache

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"juicefs/chunk"
	"juicefs/pkg/buf"
)

// Cache is a folder of blocks. Use Open; all methods but Close may be called from several goroutines at once, and other
// processes may use the same folder.
type Cache struct {
	o    Options
	root string // of the volume, without "/" at the end
	log  *slog.Logger

	index   index
	scanned atomic.Bool // the index is complete: what is not in it is not there
	full    atomic.Bool // nothing may be added now

	size, items int64 // limits, after a look at the file system; items 0: none

	scratch sync.Pool // of *[]byte

	mu      sync.Mutex
	pending map[chunk.Block]*buf.Page // waiting to be written; the queue has the references
	queued  int64                     // bytes of pending
	closed  bool
	changed sync.Cond // pending has become less

	queue  chan chunk.Block
	cancel context.CancelFunc
	tasks  sync.WaitGroup

	sums sums
}

var _ chunk.Cache = (*Cache)(nil)

// sums count since the start.
type sums struct{ hits, hitBytes, misses, missBytes, writes, writeBytes, drops, evicts atomic.Int64 }

// queueLength is the number of blocks that may wait to be written, whatever their size.
const queueLength = 4096

// Open opens the cache in a folder, making what is missing, and begins to scan it in the background. Until that is done
// blocks are looked for in the folder itself.
func Open(o Options) (*Cache, error) {
	o, err := o.normalize()
	if err != nil {
		return nil, err
	}
	c := &Cache{
		o: o, root: filepath.Join(o.Dir, o.UUID), log: o.Log, size: o.Size, items: o.Items,
		pending: make(map[chunk.Block]*buf.Page), queue: make(chan chunk.Block, queueLength),
	}
	c.changed.L = &c.mu
	if err := c.prepare(); err != nil {
		return nil, fmt.Errorf("cache in %s: %w", c.root, err)
	}
	ctx, cancel := context.WithCancel(context.Background()) // of work between Open and Close that no caller waits for
	c.cancel = cancel
	c.tasks.Go(c.write)
	c.tasks.Go(func() { c.scanAgain(ctx) })
	c.tasks.Go(func() { c.keepHouse(ctx) })
	return c, nil
}

// prepare makes the folders and the lock file, and fits the limits to the file system.
func (c *Cache) prepare() error {
	if err := os.MkdirAll(filepath.Join(c.root, "raw"), c.o.folderMode()); err != nil {
		return err
	}
	f, err := os.OpenFile(c.lockFile(), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	switch {
	case err == nil:
		_, err = f.WriteString(uuid.NewString())
		if err = errors.Join(err, f.Close()); err != nil {
			return err
		}
	case !errors.Is(err, fs.ErrExist):
		return err
	}
	if u, ok := usageOf(c.root); ok {
		c.size = min(c.size, int64((1-c.o.FreeRatio)*float64(u.bytes)))
		if most := int64((1 - c.o.FreeRatio) * float64(u.inodes)); most > 0 && (c.items == 0 || c.items > most) {
			c.items = most
		}
	}
	return nil
}

func (c *Cache) lockFile() string { return filepath.Join(c.root, ".lock") }

func (c *Cache) path(b chunk.Block) string { return c.root + "/raw/" + b.Key(c.o.HashPrefix) }

func (c *Cache) now() int64 { return c.o.Now().Unix() }

// Has reports whether a block seems to be there.
func (c *Cache) Has(b chunk.Block) bool {
	if c.pendingPage(b, false) != nil || c.index.has(b) {
		return true
	}
	if c.scanned.Load() {
		return false
	}
	_, err := os.Lstat(c.path(b))
	return err == nil
}

// Read fills p with the bytes of a block from off and reports whether it could. A block that turns out to be damaged is
// removed.
func (c *Cache) Read(b chunk.Block, p []byte, off int) bool {
	start := time.Now()
	ok := c.read(b, p, off)
	if ok {
		c.o.Meter.CacheRead(time.Since(start))
		c.sums.hits.Add(1)
		c.sums.hitBytes.Add(int64(len(p)))
	} else {
		c.sums.misses.Add(1)
		c.sums.missBytes.Add(int64(len(p)))
	}
	return ok
}

func (c *Cache) read(b chunk.Block, p []byte, off int) bool {
	if page := c.pendingPage(b, true); page != nil {
		copy(p, page.Bytes()[off:])
		page.Release()
		return true
	}
	known := c.index.use(b, c.now())
	if !known && c.scanned.Load() {
		return false
	}
	f, err := os.Open(c.path(b))
	if err == nil {
		err = c.readFile(f, b, p, off)
		_ = f.Close() // only read
	}
	switch {
	case err == nil:
		if !known {
			c.index.add(b, c.now(), 0)
		}
		return true
	case errors.Is(err, fs.ErrNotExist):
		c.index.remove(b)
		return false
	case errors.Is(err, errDamaged):
		c.log.Warn("damaged block is removed from the cache", "key", b.Key(c.o.HashPrefix), "error", err)
		c.Remove(b)
		return false
	}
	c.log.Warn("read from the cache", "key", b.Key(c.o.HashPrefix), "error", err)
	return false
}

func (c *Cache) readFile(f *os.File, b chunk.Block, p []byte, off int) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	s, ok := c.scratch.Get().(*[]byte)
	if !ok {
		s = new([]byte)
	}
	defer c.scratch.Put(s)
	return readBlock(f, info.Size(), int(b.Length), p, off, c.o.Verify, func(n int) []byte {
		if cap(*s) < n {
			*s = make([]byte, n)
		}
		return (*s)[:n]
	})
}

// pendingPage returns the page of a block that waits to be written, with a reference if retain is set.
func (c *Cache) pendingPage(b chunk.Block, retain bool) *buf.Page {
	c.mu.Lock()
	defer c.mu.Unlock()
	page := c.pending[b]
	if page != nil && retain {
		page.Retain()
	}
	return page
}

// Remove forgets a block and removes its file.
func (c *Cache) Remove(b chunk.Block) {
	c.mu.Lock()
	c.dropPending(b)
	c.mu.Unlock()
	if c.index.remove(b) || !c.scanned.Load() {
		c.removeFile(b)
	}
}

// dropPending lets go of a block that waits to be written. The caller holds mu.
func (c *Cache) dropPending(b chunk.Block) {
	if page := c.pending[b]; page != nil {
		delete(c.pending, b)
		c.queued -= int64(page.Memory())
		page.Release()
		c.changed.Broadcast()
	}
}

// Flush waits until the blocks that were taken so far are in files.
func (c *Cache) Flush() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.pending) > 0 {
		c.changed.Wait()
	}
}

func (c *Cache) removeFile(b chunk.Block) {
	if err := os.Remove(c.path(b)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		c.log.Debug("remove from the cache", "key", b.Key(c.o.HashPrefix), "error", err)
	}
}

// Stats returns sums since the cache was opened.
func (c *Cache) Stats() chunk.CacheStats {
	items, bytes := c.index.size()
	return chunk.CacheStats{
		Hits: c.sums.hits.Load(), HitBytes: c.sums.hitBytes.Load(), Misses: c.sums.misses.Load(), MissBytes: c.sums.missBytes.Load(),
		Writes: c.sums.writes.Load(), WriteBytes: c.sums.writeBytes.Load(),
		Drops: c.sums.drops.Load(), Evicts: c.sums.evicts.Load(), Bytes: bytes, Blocks: items,
	}
}

// Close writes what waits and ends background work. It never fails; the error is for io.Closer.
func (c *Cache) Close() error {
	c.mu.Lock()
	closed := c.closed
	c.closed = true
	c.mu.Unlock()
	if closed {
		return nil
	}
	close(c.queue)
	c.cancel()
	c.tasks.Wait()
	return nil
}

// keepHouse makes room, every second, until ctx ends.
func (c *Cache) keepHouse(ctx context.Context) {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			c.clean()
		}
	}
}
