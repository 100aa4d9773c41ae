package cache

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"juicefs/chunk"
)

func (c *Cache) stagingFolder() string { return filepath.Join(c.root, "rawstaging") }

// walkStaged calls f for every block that waits to be uploaded.
func (c *Cache) walkStaged(ctx context.Context, f func(path string, b chunk.Block) error) error {
	root := c.stagingFolder()
	return filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			if path == root && os.IsNotExist(err) {
				return nil
			}
			return err
		}
		if err = ctx.Err(); err != nil || !d.Type().IsRegular() {
			return err
		}
		key := filepath.ToSlash(strings.TrimPrefix(path, root+string(filepath.Separator)))
		b, _, err := chunk.ParseKey(key)
		if err != nil {
			return nil // not a block
		}
		return f(path, b)
	})
}

func (c *Cache) countStaged(ctx context.Context) int {
	n := 0
	if err := c.walkStaged(ctx, func(string, chunk.Block) error { n++; return nil }); err != nil && ctx.Err() == nil {
		c.log.Warn("count blocks that wait for their upload", "error", err)
	}
	return n
}

// Staged hands over the blocks that the original accepted with its write-back mode and has not uploaded: data that is
// nowhere else. put stores the content of a block, which it must not keep; when it has, the block is removed here. The
// number of blocks that were stored comes back. Staged stops at the first error of put; a block that is damaged stays, is
// logged, and does not stop it.
//
// Format: a file as in raw, perhaps with a footer that names a storage tier, which is left out. juicefs 1.4.1;
// testdata/staging-tier1-checksum.bin.
func (c *Cache) Staged(ctx context.Context, put func(ctx context.Context, b chunk.Block, content []byte) error) (int, error) {
	n := 0
	err := c.walkStaged(ctx, func(path string, b chunk.Block) error {
		content, err := readStaged(path, b)
		if err != nil {
			c.log.Error("block that waits for its upload cannot be read", "file", path, "error", err)
			return nil
		}
		if err := put(ctx, b, content); err != nil {
			return err
		}
		n++
		return os.Remove(path)
	})
	if err != nil {
		return n, fmt.Errorf("blocks in %s: %w", c.stagingFolder(), err)
	}
	return n, nil
}

func readStaged(path string, b chunk.Block) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // only read
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	content := make([]byte, b.Length)
	return content, readBlock(f, info.Size(), len(content), content, 0, Extend, func(n int) []byte { return make([]byte, n) })
}
