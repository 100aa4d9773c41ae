package file

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"juicefs/pkg/object"
)

// List implements object.Bucket. Folders and temporary files are not objects; links are followed. Folders that cannot
// hold a wanted key are not read.
func (b *Bucket) List(ctx context.Context, prefix, after string, limit int) ([]object.Info, error) {
	if limit < 1 {
		return nil, fmt.Errorf("list %s with limit %d: %w", prefix, limit, fs.ErrInvalid)
	}
	l := lister{root: b.root, prefix: prefix, after: after, limit: limit}
	start := prefix[:strings.LastIndexByte(prefix, '/')+1]
	if start != "" && !validKey(start) {
		return nil, nil // no key is like that
	}
	if err := l.folder(ctx, start); err != nil {
		return nil, fmt.Errorf("list %s: %w", prefix, err)
	}
	return l.found, nil
}

type lister struct {
	root, prefix, after string
	limit               int
	found               []object.Info
}

// folder lists what is below key, which is "" or ends in "/".
func (l *lister) folder(ctx context.Context, key string) error {
	entries, err := readFolder(ctx, l.root+key)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if len(l.found) == l.limit {
			return nil
		}
		k := key + e.key
		if !strings.HasPrefix(k, l.prefix) && !(e.folder && strings.HasPrefix(l.prefix, k)) {
			continue
		}
		if e.folder {
			if k < l.after && !strings.HasPrefix(l.after, k) {
				continue // all of it is before
			}
			if err := l.folder(ctx, k); err != nil {
				return err
			}
			continue
		}
		if k <= l.after || isTemp(e.key) {
			continue
		}
		info, err := os.Stat(l.root + k)
		if errors.Is(err, fs.ErrNotExist) {
			continue // removed since
		}
		if err != nil {
			return err
		}
		l.found = append(l.found, infoOf(k, info))
	}
	return nil
}

// entry is a name in a folder, as the part of a key that it is: a folder has a "/" at the end, which also gives the
// order of the keys below it among its neighbours.
type entry struct {
	key    string
	folder bool
}

// readFolder returns the files and folders in path in the order of their keys. One that is missing is empty.
func readFolder(ctx context.Context, path string) ([]entry, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		if errors.Is(absent(err), fs.ErrNotExist) {
			return nil, nil
		}
		return nil, err
	}
	defer func() { _ = f.Close() }() // only read
	all, err := f.ReadDir(-1)
	if err != nil {
		if errors.Is(absent(err), fs.ErrNotExist) {
			return nil, nil
		}
		return nil, err
	}
	entries := make([]entry, 0, len(all))
	for _, e := range all {
		kind := e.Type()
		if kind&fs.ModeSymlink != 0 {
			info, err := os.Stat(path + e.Name())
			if err != nil {
				continue // a link to nowhere is not an object
			}
			kind = info.Mode().Type()
		}
		switch {
		case kind.IsRegular():
			entries = append(entries, entry{key: e.Name()})
		case kind.IsDir():
			entries = append(entries, entry{key: e.Name() + "/", folder: true})
		}
	}
	slices.SortFunc(entries, func(a, b entry) int { return strings.Compare(a.key, b.key) })
	return entries, nil
}

// Sweep implements object.Sweeper: temporary files and empty folders go, by the time of their last change. The folder
// that prefix names goes as well when it ends in "/" and nothing is left in it; the bucket's own stays.
func (b *Bucket) Sweep(ctx context.Context, prefix string, before time.Time) (int, error) {
	start := prefix[:strings.LastIndexByte(prefix, '/')+1]
	if start != "" && !validKey(start) {
		return 0, nil
	}
	s := sweeper{root: b.root, prefix: prefix, before: before}
	if err := s.folder(ctx, start); err != nil {
		return s.removed, fmt.Errorf("sweep %s: %w", prefix, err)
	}
	return s.removed, nil
}

type sweeper struct {
	root, prefix string
	before       time.Time
	removed      int
}

func (s *sweeper) folder(ctx context.Context, key string) error {
	info, err := os.Stat(s.root + key)
	if errors.Is(absent(err), fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	entries, err := readFolder(ctx, s.root+key)
	if err != nil {
		return err
	}
	for _, e := range entries {
		k := key + e.key
		if !strings.HasPrefix(k, s.prefix) && !(e.folder && strings.HasPrefix(s.prefix, k)) {
			continue
		}
		if e.folder {
			if err := s.folder(ctx, k); err != nil {
				return err
			}
			continue
		}
		if !isTemp(e.key) {
			continue
		}
		if old, err := os.Lstat(s.root + k); err != nil || !old.ModTime().Before(s.before) {
			continue
		}
		if unlink(s.root+k) == nil {
			s.removed++
		}
	}
	// The time from before the files went counts, else a folder would always look fresh.
	if key != "" && strings.HasPrefix(key, s.prefix) && info.ModTime().Before(s.before) {
		if os.Remove(strings.TrimSuffix(s.root+key, "/")) == nil {
			s.removed++
		}
	}
	return nil
}
