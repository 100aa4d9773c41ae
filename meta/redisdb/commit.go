package redisdb

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"juicefs/meta/engine"
	"juicefs/meta/record"
)

// values returns the plan as the script takes it, behind what is in head: how many checks, the prefix, the path, the checks,
// and the writes, each behind the number of its arguments.
func (p *plan) values(head ...any) []any {
	room := p.checks.len() + p.writes.len() + len(p.writes.starts) + 3
	if p.otherwise != nil {
		room += 2 + len(p.otherwise.Names)
	}
	texts := make([]string, 0, room)
	texts = append(texts, strconv.Itoa(len(p.checks.starts)), p.checks.prefix)
	if q := p.otherwise; q == nil || len(q.Names) == 0 {
		texts = append(texts, "0")
	} else {
		texts = append(texts, strconv.Itoa(len(q.Names)), strconv.FormatUint(uint64(q.From), 10), flag(q.Xattrs))
		texts = append(texts, q.Names...)
	}
	texts = p.checks.texts(texts, string(p.checks.buf), 0, p.checks.len())
	all := string(p.writes.buf)
	for i := range p.writes.starts {
		from, to := p.writes.step(i)
		texts = append(texts, strconv.Itoa(to-from))
		texts = p.writes.texts(texts, all, from, to)
	}
	out := make([]any, 0, len(head)+len(texts))
	out = append(out, head...)
	for i := range texts {
		out = append(out, &texts[i])
	}
	return out
}

// commitScript commits in one turnaround.
func (e *Engine) commitScript(ctx context.Context, p *plan) error {
	c, err := e.source.master(ctx)
	if err != nil {
		return writeErr(ctx, "commit", err)
	}
	v, err := commitScript.write(ctx, e, c, p.values)
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
	met, err := p.walked(answer)
	if err != nil {
		return fmt.Errorf("commit: %w", err) // checks come before writes, so nothing was written
	}
	k := p.about[n]
	if known, _ := answer[1].(int64); known == 0 || k.Kind == 0 {
		return &engine.Conflict{Walked: met, Cause: errors.New("something else was changed")}
	}
	it := record.Item{Key: k}
	if len(answer) > 2 && answer[2] != nil {
		text, ok := answer[2].(string)
		if !ok {
			return &engine.Conflict{Walked: met, Cause: fmt.Errorf("%s was changed", k)}
		}
		if it.Value, err = canonical(k, []byte(text)); err != nil {
			return fmt.Errorf("commit: %w", err)
		}
	}
	return &engine.Conflict{Fresh: []record.Item{it}, Walked: met}
}

// walked returns what the script met on the path that was wanted if a check fails; nil if none was, or it gave up.
func (p *plan) walked(answer []any) (*engine.Walked, error) {
	if p.otherwise == nil || len(answer) < 4 {
		return nil, nil
	}
	met, ok := answer[3].([]any)
	if !ok {
		return nil, nil
	}
	left := parsed(met)
	return readWalked(&left, len(met), *p.otherwise)
}
