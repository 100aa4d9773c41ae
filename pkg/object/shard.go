package object

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"os"
	"slices"
	"strings"
	"time"
)

// ShardAddresses returns the addresses of n buckets: pattern with the numbers from 0 in the place of its %d. Format: the
// bucket of volumes with shards, juicefs 1.4.1.
func ShardAddresses(pattern string, n int) ([]string, error) {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf(pattern, i)
		if strings.Contains(out[i], "%!") || i > 0 && out[i] == out[0] {
			return nil, fmt.Errorf("bucket %q of a volume with shards needs one %%d", pattern)
		}
	}
	return out, nil
}

// Shard spreads objects over buckets by their keys. One bucket is returned as it is. The order of the buckets is part of
// the format: the key, with a volume's prefix, is hashed with FNV-1a in 32 bits and taken modulo their number. juicefs
// 1.4.1; shard_selection in the vectors.
func Shard(buckets ...Bucket) Bucket {
	if len(buckets) == 1 {
		return buckets[0]
	}
	return &sharded{buckets: buckets}
}

type sharded struct{ buckets []Bucket }

func (s *sharded) of(key string) Bucket { return s.buckets[shardOf(key, len(s.buckets))] }

func shardOf(key string, n int) int {
	h := fnv.New32a()
	_, _ = io.WriteString(h, key) // never fails
	return int(h.Sum32() % uint32(n))
}

// String is the address of the first shard with the number of them.
func (s *sharded) String() string { return fmt.Sprintf("shard%d://%s", len(s.buckets), s.buckets[0]) }

// Limits are those of the first shard.
func (s *sharded) Limits() Limits { return s.buckets[0].Limits() }

// Get implements Bucket.
func (s *sharded) Get(ctx context.Context, key string, off, n int64) (io.ReadCloser, error) {
	return s.of(key).Get(ctx, key, off, n)
}

// Put implements Bucket.
func (s *sharded) Put(ctx context.Context, key string, body Body) error {
	return s.of(key).Put(ctx, key, body)
}

// Delete implements Bucket.
func (s *sharded) Delete(ctx context.Context, key string) error { return s.of(key).Delete(ctx, key) }

// Stat implements Bucket.
func (s *sharded) Stat(ctx context.Context, key string) (Info, error) {
	return s.of(key).Stat(ctx, key)
}

// List implements Bucket: a page of each shard, merged.
func (s *sharded) List(ctx context.Context, prefix, after string, limit int) ([]Info, error) {
	var all []Info
	for _, b := range s.buckets {
		page, err := b.List(ctx, prefix, after, limit)
		if err != nil {
			return nil, err
		}
		all = append(all, page...)
	}
	slices.SortFunc(all, func(a, b Info) int { return strings.Compare(a.Key, b.Key) })
	return all[:min(limit, len(all))], nil
}

// As offers abilities that all shards have.
func (s *sharded) As(target any) bool {
	switch t := target.(type) {
	case *RangeReader:
		readers, ok := asAll[RangeReader](s.buckets)
		if ok {
			*t = rangeFunc(func(ctx context.Context, key string, p []byte, off int64) (int, error) {
				return readers[shardOf(key, len(readers))].ReadRange(ctx, key, p, off)
			})
		}
		return ok
	case *FileOpener:
		openers, ok := asAll[FileOpener](s.buckets)
		if ok {
			*t = openFunc(func(ctx context.Context, key string) (*os.File, error) {
				return openers[shardOf(key, len(openers))].OpenFile(ctx, key)
			})
		}
		return ok
	case *Sweeper:
		sweepers, ok := asAll[Sweeper](s.buckets)
		if ok {
			*t = sweepFunc(func(ctx context.Context, prefix string, before time.Time) (int, error) {
				var all int
				var errs []error
				for _, w := range sweepers {
					n, err := w.Sweep(ctx, prefix, before)
					all += n
					errs = append(errs, err)
				}
				return all, errors.Join(errs...)
			})
		}
		return ok
	case *Creator:
		creators, ok := asAll[Creator](s.buckets)
		if ok {
			*t = createFunc(func(ctx context.Context) error {
				var errs []error
				for _, c := range creators {
					errs = append(errs, c.Create(ctx))
				}
				return errors.Join(errs...)
			})
		}
		return ok
	}
	return keyless(target, s.buckets[0])
}

func asAll[T any](buckets []Bucket) ([]T, bool) {
	all := make([]T, len(buckets))
	for i, b := range buckets {
		var ok bool
		if all[i], ok = As[T](b); !ok {
			return nil, false
		}
	}
	return all, true
}
