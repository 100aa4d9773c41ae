// Package rate limits how fast something flows: a token bucket whose users wait with a context. Read Limiter.
package rate

import (
	"context"
	"sync"
	"time"
)

// Limiter lets rate units a second pass on average and burst at once. A nil *Limiter and one with rate 0 let everything
// pass. All methods may be called from several goroutines at once.
type Limiter struct {
	now func() time.Time

	mu    sync.Mutex
	rate  float64 // units a second, 0: no limit
	burst float64 // units that may be saved up
	saved float64 // units that may pass now; negative: promised already
	at    time.Time
}

// New makes a limiter of perSecond units with a full burst. perSecond 0 or less: no limit.
func New(perSecond, burst int64) *Limiter { return newAt(perSecond, burst, time.Now) }

func newAt(perSecond, burst int64, now func() time.Time) *Limiter {
	l := &Limiter{now: now, at: now()}
	l.Set(perSecond, burst)
	l.saved = l.burst
	return l
}

// Set changes the rate and the burst for what comes now.
func (l *Limiter) Set(perSecond, burst int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.refill()
	l.rate, l.burst = float64(max(perSecond, 0)), float64(max(burst, 1))
	l.saved = min(l.saved, l.burst)
}

// refill saves what came in since the last time. The caller holds mu.
func (l *Limiter) refill() {
	now := l.now()
	l.saved = min(l.saved+now.Sub(l.at).Seconds()*l.rate, l.burst)
	l.at = now
}

// Wait returns when n units may pass. More than the burst is fine: it is a debt that those who come later wait for as
// well. When ctx ends first its error comes back and the units are not counted.
func (l *Limiter) Wait(ctx context.Context, n int64) error {
	delay := l.reserve(n)
	if delay <= 0 {
		return nil
	}
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		l.mu.Lock()
		l.saved += float64(n)
		l.mu.Unlock()
		return ctx.Err()
	}
}

// reserve counts n units and returns how long to wait before they may pass.
func (l *Limiter) reserve(n int64) time.Duration {
	if l == nil || n <= 0 {
		return 0
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.rate == 0 {
		return 0
	}
	l.refill()
	l.saved -= float64(n)
	if l.saved >= 0 {
		return 0
	}
	return time.Duration(-l.saved / l.rate * float64(time.Second))
}
