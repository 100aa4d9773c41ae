package cache

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"juicefs/chunk"
)

// restAge is how old temporary files and empty folders must be before a scan removes them. juicefs 1.4.1.
const restAge = time.Minute

// scanAgain scans now and then again in intervals, until ctx ends.
func (c *Cache) scanAgain(ctx context.Context) {
	for round := 1; ; round++ {
		c.scan(ctx, round)
		if c.o.ScanInterval < 0 {
			return
		}
		timer := time.NewTimer(c.o.ScanInterval)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
	}
}

// scan makes the index agree with the folder.
func (c *Cache) scan(ctx context.Context, round int) {
	start := c.o.Now()
	raw := filepath.Join(c.root, "raw")
	_, err := c.scanFolder(ctx, raw, func(path string, info fs.FileInfo) {
		key := filepath.ToSlash(strings.TrimPrefix(path, raw+string(filepath.Separator)))
		b, hashed, err := chunk.ParseKey(key)
		if err != nil || hashed != c.o.HashPrefix && b.Key(c.o.HashPrefix) != key {
			return // not a block of this volume's form
		}
		c.index.add(b, max(accessed(info), info.ModTime().Unix()), round)
	})
	if err != nil {
		if ctx.Err() == nil {
			c.log.Warn("scan of the cache", "error", err)
		}
		return // an incomplete index is not the whole truth
	}
	if round > 1 {
		for _, b := range c.index.takeUnseen(round) {
			// One that was added while the scan went on, or before and unseen for some other reason.
			if info, err := os.Lstat(c.path(b)); err == nil {
				c.index.add(b, max(accessed(info), info.ModTime().Unix()), round)
			}
		}
	}
	c.scanned.Store(true)
	items, bytes := c.index.size()
	c.log.Debug("cache was scanned", "blocks", items, "bytes", bytes, "took", c.o.Now().Sub(start))
}

// scanFolder calls file for every file below path that is not a temporary one, and removes old remains. It returns the
// number of entries that are left in path.
func (c *Cache) scanFolder(ctx context.Context, path string, file func(path string, info fs.FileInfo)) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		return 0, err
	}
	left, old := len(entries), c.o.Now().Add(-restAge)
	for _, e := range entries {
		full := filepath.Join(path, e.Name())
		info, err := e.Info()
		if err != nil {
			continue // it is gone
		}
		switch {
		case e.IsDir():
			n, err := c.scanFolder(ctx, full, file)
			if err != nil {
				return 0, err
			}
			if n == 0 && info.ModTime().Before(old) && os.Remove(full) == nil {
				left--
			}
		case strings.HasSuffix(e.Name(), ".tmp"):
			if info.ModTime().Before(old) && os.Remove(full) == nil {
				left--
			}
		case info.Mode().IsRegular():
			file(full, info)
		}
	}
	return left, nil
}
