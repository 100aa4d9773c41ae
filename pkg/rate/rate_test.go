package rate

import (
	"context"
	"errors"
	"testing"
	"time"
)

// clock is a time that stands still until it is moved.
type clock struct{ t time.Time }

func (c *clock) now() time.Time { return c.t }

func TestReserve(t *testing.T) {
	c := &clock{t: time.Unix(1000, 0)}
	l := newAt(100, 50, c.now)
	for i, step := range []struct {
		after time.Duration
		n     int64
		want  time.Duration
	}{
		{0, 50, 0},                        // the burst
		{0, 10, 100 * time.Millisecond},   // a debt of 10
		{0, 10, 200 * time.Millisecond},   // and of 20
		{200 * time.Millisecond, 0, 0},    // paid
		{0, 1, 10 * time.Millisecond},     //
		{time.Hour, 50, 0},                // no more than the burst was saved
		{0, 1, 10 * time.Millisecond},     //
		{10 * time.Millisecond, 200, 2e9}, // more than the burst
		{2 * time.Second, -5, 0},          // nothing
		{0, 100, time.Second},             //
	} {
		c.t = c.t.Add(step.after)
		if got := l.reserve(step.n); (got - step.want).Abs() > time.Microsecond {
			t.Errorf("step %d: got %v, want %v", i, got, step.want)
		}
	}
	l.Set(0, 0)
	if got := l.reserve(1 << 40); got != 0 {
		t.Errorf("without a limit: got %v", got)
	}
}

func TestWaitEndsWithItsContext(t *testing.T) {
	l := New(1, 1)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := l.Wait(ctx, 1000); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if err := l.Wait(ctx, 1); err != nil {
		t.Errorf("what was not waited for was counted: %v", err)
	}
	var none *Limiter
	if err := none.Wait(ctx, 1<<40); err != nil {
		t.Errorf("no limiter: %v", err)
	}
}
