package redisdb

import (
	"context"
	"sync"
	"time"

	"juicefs/meta/engine"
	"juicefs/meta/record"
)

// spacer gathers commits to one directory into bursts with pauses between them.
type spacer struct {
	mu    sync.Mutex
	gap   time.Duration
	burst map[uint64]time.Time // directory → start of its last burst
}

// maxBursts is how many directories are remembered before those whose pause is over are forgotten.
const maxBursts = 1024

// share is which part of a gap a burst takes.
const share = 8

// Space makes commits that change the entries of one directory come in bursts, at most one in each gap; 0, the default, lets
// each go at once. It is for volumes that other programs write to: they watch the whole directory over several turnarounds,
// so a client of ours that never pauses there starves them. 8 ms leaves them undisturbed, and lets a burst be of many commits.
func (e *Engine) Space(gap time.Duration) {
	e.space.mu.Lock()
	defer e.space.mu.Unlock()
	e.space.gap, e.space.burst = gap, map[uint64]time.Time{}
}

// wait holds a batch back until a burst of its directories begins or goes on.
func (s *spacer) wait(ctx context.Context, ws []engine.Write) error {
	for {
		d := s.pause(ws, time.Now())
		if d <= 0 {
			return nil
		}
		t := time.NewTimer(d)
		select {
		case <-ctx.Done():
			t.Stop()
			return ctx.Err()
		case <-t.C:
		}
	}
}

// pause returns how long a batch has to wait. If it need not, it starts a burst or is part of one.
func (s *spacer) pause(ws []engine.Write, now time.Time) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gap <= 0 {
		return 0
	}
	var longest time.Duration
	for i := range ws {
		if ws[i].Key.Kind == record.KindEntry {
			since := now.Sub(s.burst[ws[i].Key.A])
			if since >= s.gap/share && since < s.gap {
				longest = max(longest, s.gap-since)
			}
		}
	}
	if longest > 0 {
		return longest
	}
	for i := range ws {
		if dir := ws[i].Key.A; ws[i].Key.Kind == record.KindEntry && now.Sub(s.burst[dir]) >= s.gap {
			s.burst[dir] = now
		}
	}
	if len(s.burst) > maxBursts {
		for dir, start := range s.burst {
			if now.Sub(start) >= s.gap {
				delete(s.burst, dir)
			}
		}
	}
	return 0
}
