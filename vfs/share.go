package vfs

import (
	"context"

	"golang.org/x/sync/semaphore"
)

// share is a part of the pool. Blocks of large uploads take theirs from it while they are being filled, which takes as
// long as a client likes: so slow uploads wait for each other, and never do all others wait for them. Blocks that are
// complete do not count: they are gone as soon as they are stored.
type share struct {
	limit int64
	sem   *semaphore.Weighted
}

func newShare(limit int64) *share {
	limit = max(limit, 1)
	return &share{limit: limit, sem: semaphore.NewWeighted(limit)}
}

// take waits for n bytes, or for all there are, and returns how many it took.
func (s *share) take(ctx context.Context, n int64) (int64, error) {
	n = min(n, s.limit)
	return n, s.sem.Acquire(ctx, n)
}

func (s *share) giveBack(n int64) { s.sem.Release(n) }
