package redisdb

import (
	"context"
	"errors"
	"fmt"

	"juicefs/meta/engine"
	"juicefs/meta/record"
)

// arguments returns the plan as the script takes it.
func (p *plan) arguments() *args {
	a := &args{
		buf:  make([]byte, 0, len(p.checks.buf)+len(p.writes.buf)+4*len(p.writes.starts)+16),
		ends: make([]int, 0, p.checks.len()+p.writes.len()+len(p.writes.starts)+2),
	}
	a.int(int64(len(p.checks.starts)))
	a.str(p.checks.prefix)
	a.copy(&p.checks.args, 0, p.checks.len())
	for i := range p.writes.starts {
		from, to := p.writes.step(i)
		a.int(int64(to - from))
		a.copy(&p.writes.args, from, to)
	}
	return a
}

// commitScript commits in one turnaround.
func (e *Engine) commitScript(ctx context.Context, p *plan) error {
	c, err := e.source.master(ctx)
	if err != nil {
		return writeErr(ctx, "commit", err)
	}
	v, err := commitScript.write(ctx, e, c, p.arguments())
	if err != nil {
		e.heed(ctx, err)
		return writeErr(ctx, "commit", err)
	}
	if n, ok := v.(int64); ok && n == 1 {
		return nil
	}
	return p.refused(v)
}

// refused says what a script's answer that is not 1 means.
func (p *plan) refused(v any) error {
	answer, ok := v.([]any)
	if !ok || len(answer) < 2 {
		return fmt.Errorf("commit: %w: %v: %w", errReply, v, engine.ErrUnknown)
	}
	n, ok := answer[0].(int64)
	switch {
	case !ok || n >= int64(len(p.about)):
		return fmt.Errorf("commit: %w: %v: %w", errReply, v, engine.ErrUnknown)
	case n < 0:
		var why any
		if len(answer) > 2 {
			why = answer[2]
		}
		return fmt.Errorf("commit: some writes failed: %v: %w", why, engine.ErrUnknown)
	}
	k := p.about[n]
	if known, _ := answer[1].(int64); known == 0 || k.Kind == 0 {
		return &engine.Conflict{Cause: errors.New("something else was changed")}
	}
	it := record.Item{Key: k}
	if len(answer) > 2 && answer[2] != nil {
		text, ok := answer[2].(string)
		if !ok {
			return &engine.Conflict{Cause: fmt.Errorf("%s was changed", k)}
		}
		var err error
		if it.Value, err = canonical(k, []byte(text)); err != nil {
			return fmt.Errorf("commit: %w", err)
		}
	}
	return &engine.Conflict{Fresh: []record.Item{it}}
}
