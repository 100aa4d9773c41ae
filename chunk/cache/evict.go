package cache

import (
	"os"
)

// usage is the state of a file system.
type usage struct {
	bytes, freeBytes   uint64
	inodes, freeInodes uint64 // 0 if it does not count them
}

// Cleaning goes a little below the limits, so that it is not needed again at once. juicefs 1.4.1 has the same targets.
const (
	byteTarget = 0.95
	itemTarget = 0.99
)

// over reports whether the cache is above its own limits.
func (c *Cache) over() bool {
	items, bytes := c.index.size()
	return bytes > c.size || c.items > 0 && items > c.items
}

// clean removes what has expired, and blocks until the limits are met and the file system has enough room again. Where
// nothing may go it sees to it that nothing comes.
func (c *Cache) clean() {
	if _, err := os.Lstat(c.lockFile()); err != nil {
		// The file system that the cache is on was probably unmounted: its mount point must not be filled.
		if !c.full.Swap(true) {
			c.log.Warn("the lock file of the cache is gone: nothing more is cached", "file", c.lockFile())
		}
		return
	}
	c.expire()
	items, bytes := c.index.size()
	wantBytes, wantItems := c.goals(items, bytes)
	if c.o.Eviction == Keep {
		c.full.Store(bytes >= c.size || c.items > 0 && items >= c.items || wantBytes < bytes || wantItems < items)
		return
	}
	for bytes > wantBytes || items > wantItems {
		take := c.index.takeOld
		if c.o.Eviction == Oldest {
			take = c.index.takeOldest
		}
		b, ok := take()
		if !ok {
			break
		}
		c.removeFile(b)
		c.sums.evicts.Add(1)
		items, bytes = c.index.size()
	}
	c.full.Store(c.lacks() > 0 && items == 0)
}

// goals are how many bytes and items may stay.
func (c *Cache) goals(items, bytes int64) (wantBytes, wantItems int64) {
	wantBytes, wantItems = bytes, items
	if bytes > c.size {
		wantBytes = int64(float64(c.size) * byteTarget)
	}
	if c.items > 0 && items > c.items {
		wantItems = int64(float64(c.items) * itemTarget)
	}
	u, ok := usageOf(c.root)
	if !ok {
		return wantBytes, wantItems
	}
	if lack := lack(u.bytes, u.freeBytes, c.o.FreeRatio); lack > 0 {
		wantBytes = min(wantBytes, max(bytes-lack, 0))
	}
	if lack := lack(u.inodes, u.freeInodes, c.o.FreeRatio); lack > 0 {
		wantItems = min(wantItems, max(items-lack, 0))
	}
	return wantBytes, wantItems
}

// lack is how many of all are missing for ratio of them to be free.
func lack(all, free uint64, ratio float64) int64 { return int64(float64(all)*ratio) - int64(free) }

// lacks is how many bytes the file system lacks now.
func (c *Cache) lacks() int64 {
	u, ok := usageOf(c.root)
	if !ok {
		return 0
	}
	return lack(u.bytes, u.freeBytes, c.o.FreeRatio)
}

// expire removes the blocks that were not used for long.
func (c *Cache) expire() {
	if c.o.Expire == 0 {
		return
	}
	for _, b := range c.index.takeExpired(c.now() - int64(c.o.Expire.Seconds())) {
		c.removeFile(b)
		c.sums.evicts.Add(1)
	}
}
