package cache

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"juicefs/chunk"
	"juicefs/pkg/buf"
)

// Write offers a block whose whole content is page; the caller keeps its reference. It is written in the background and
// can be read at once. When the cache is full or too many blocks wait it is not taken.
func (c *Cache) Write(b chunk.Block, page *buf.Page) {
	if c.index.has(b) {
		return
	}
	if c.full.Load() || !c.enqueue(b, page) {
		c.sums.drops.Add(1)
	}
}

// enqueue reports false if the block was not taken although it is new.
func (c *Cache) enqueue(b chunk.Block, page *buf.Page) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.pending[b] != nil {
		return true
	}
	memory := int64(page.Memory())
	if c.closed || c.queued+memory > c.o.Queue {
		return false
	}
	select {
	case c.queue <- b:
	default:
		return false
	}
	page.Retain()
	page.Uncharge() // it counts in Queue now: uploads must not wait for this disk
	c.pending[b] = page
	c.queued += memory
	return true
}

// write writes blocks from the queue until that is closed and empty.
func (c *Cache) write() {
	for b := range c.queue {
		page := c.pendingPage(b, true)
		if page == nil {
			continue // removed since
		}
		start := time.Now()
		err := c.writeFile(b, page.Bytes())
		took := time.Since(start)
		page.Release()
		c.mu.Lock()
		removed := c.pending[b] == nil
		if err == nil && !removed { // before it stops waiting: who waits for that finds it done
			c.index.add(b, c.now(), 0)
			c.sums.writes.Add(1)
			c.sums.writeBytes.Add(int64(b.Length))
			c.o.Meter.CacheWrite(took)
		}
		c.dropPending(b)
		c.mu.Unlock()
		switch {
		case err != nil:
			c.sums.drops.Add(1)
			c.log.Warn("write to the cache", "key", b.Key(c.o.HashPrefix), "error", err)
		case removed:
			c.removeFile(b)
		}
		if c.over() {
			c.clean()
		}
	}
}

// writeFile writes a block beside its place and renames it.
func (c *Cache) writeFile(b chunk.Block, content []byte) error {
	path := c.path(b)
	f, temp, err := c.createTemp(path)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err == nil && c.o.Verify != None {
		_, err = f.Write(trailer(make([]byte, 0, groups(len(content))*sumSize), content))
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Rename(temp, path)
	}
	if err != nil {
		_ = os.Remove(temp) // the next scan does otherwise
	}
	return err
}

func (c *Cache) createTemp(path string) (*os.File, string, error) {
	for try := 0; ; try++ {
		temp := fmt.Sprintf("%s.%d.tmp", path, rand.Uint32())
		f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, c.o.Mode)
		if err == nil || try == 3 {
			return f, temp, err
		}
		if errors.Is(err, fs.ErrNotExist) {
			if err = os.MkdirAll(filepath.Dir(path), c.o.folderMode()); err != nil {
				return nil, "", err
			}
		} else if !errors.Is(err, fs.ErrExist) {
			return nil, "", err
		}
	}
}
