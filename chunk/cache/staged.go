package cache

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"juicefs/chunk"
)

// Staging is where the original keeps blocks that it accepted with its write-back mode and has not uploaded: data that is
// nowhere else. It is part of a cache's folder, but does not need one that is open. Dir and UUID must be set; all methods
// may be called from several goroutines at once.
//
// Format: a file as in raw, perhaps with a footer that names a storage tier, which is left out. juicefs 1.4.1;
// testdata/staging-tier1-checksum.bin.
type Staging struct {
	Dir  string       // as in Options
	UUID string       // of the volume
	Log  *slog.Logger // of blocks that cannot be read; nil: none
}

// Folder is where the blocks are. It need not exist.
func (s Staging) Folder() string { return filepath.Join(s.Dir, s.UUID, "rawstaging") }

// Size returns the number of blocks and the bytes of their files.
func (s Staging) Size(ctx context.Context) (blocks int, bytes int64, err error) {
	err = s.walk(ctx, func(path string, _ chunk.Block) error {
		info, e := os.Lstat(path)
		if errors.Is(e, fs.ErrNotExist) {
			return nil // the original has just uploaded it
		}
		if e == nil {
			blocks++
			bytes += info.Size()
		}
		return e
	})
	return blocks, bytes, err
}

// Upload hands over every block, atOnce at a time. put stores its content, which it must not keep; when it has, the block
// is removed here. The number of blocks that were stored comes back. Upload ends at the first error of put; a block that
// is damaged stays, is logged, and does not end it.
func (s Staging) Upload(ctx context.Context, atOnce int, put func(ctx context.Context, b chunk.Block, content []byte) error) (int, error) {
	var n atomic.Int64
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(max(atOnce, 1))
	err := s.walk(ctx, func(path string, b chunk.Block) error {
		g.Go(func() error {
			stored, err := s.upload(ctx, path, b, put)
			if stored {
				n.Add(1)
			}
			return err
		})
		return nil
	})
	if e := g.Wait(); e != nil {
		err = e // the walk ends with the context of a failure, and says no more
	}
	if err != nil {
		err = fmt.Errorf("blocks in %s: %w", s.Folder(), err)
	}
	return int(n.Load()), err
}

func (s Staging) upload(ctx context.Context, path string, b chunk.Block, put func(context.Context, chunk.Block, []byte) error) (stored bool, err error) {
	content, err := readStaged(path, b)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		if s.Log != nil {
			s.Log.Error("block that waits for its upload cannot be read", "file", path, "error", err)
		}
		return false, nil
	}
	if err := put(ctx, b, content); err != nil {
		return false, err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return true, err
	}
	return true, nil
}

// walk calls f for every block that waits to be uploaded.
func (s Staging) walk(ctx context.Context, f func(path string, b chunk.Block) error) error {
	root := s.Folder()
	return filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // there is none, or it has just been removed
		}
		if err != nil {
			return err
		}
		if err = ctx.Err(); err != nil || !d.Type().IsRegular() {
			return err
		}
		key := filepath.ToSlash(strings.TrimPrefix(path, root+string(filepath.Separator)))
		b, _, err := chunk.ParseKey(key)
		if err != nil {
			return nil //nolint:nilerr // not a block
		}
		return f(path, b)
	})
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
