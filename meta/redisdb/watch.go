package redisdb

import (
	"context"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"

	"juicefs/meta/engine"
	"juicefs/meta/record"
)

// maxTries is how often a commit is made again that failed although what it relied on still holds: something else about a key
// that it watched changed.
const maxTries = 100

// commitWatched commits where scripts are refused: it watches the keys, compares, and writes in a transaction. That takes two
// turnarounds, and more where others write to the same keys.
func (e *Engine) commitWatched(ctx context.Context, p *plan) error {
	c, err := e.source.master(ctx)
	if err != nil {
		return writeErr(ctx, "commit", err)
	}
	conn := c.Conn()
	defer func() { _ = conn.Close() }() // gives it back
	for range maxTries {
		if err := ctx.Err(); err != nil {
			return err
		}
		err := e.tryWatched(ctx, conn, p)
		if !errors.Is(err, redis.TxFailedErr) {
			return err
		}
	}
	return fmt.Errorf("commit: %w: keys change too often", engine.ErrBusy)
}

// tryWatched makes one attempt. redis.TxFailedErr: a watched key was changed, nothing was written.
func (e *Engine) tryWatched(ctx context.Context, conn *redis.Conn, p *plan) error {
	l := &looker{e: e, p: p}
	if err := l.plan(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	replies, err := e.pipeline(ctx, conn, l.commands)
	if err != nil {
		return e.unwatch(ctx, conn, readErr(ctx, "commit", err))
	}
	if err = l.judge(replies); err != nil {
		return e.unwatch(ctx, conn, err)
	}
	writes, err := l.resolve(replies)
	if err != nil || len(writes) == 0 {
		return e.unwatch(ctx, conn, err)
	}
	tx := conn.TxPipeline()
	for _, w := range writes {
		_ = tx.Process(ctx, redis.NewCmd(ctx, w.values(w.name)...)) // only queued
	}
	_, err = tx.Exec(ctx)
	if err == nil || errors.Is(err, redis.TxFailedErr) {
		return err
	}
	e.heed(ctx, err)
	var answered redis.Error
	if errors.As(err, &answered) && !isBusy(answered.Error()) {
		// One command of the transaction failed, the others were done.
		return fmt.Errorf("commit: some writes failed: %w: %w", err, engine.ErrUnknown)
	}
	return writeErr(ctx, "commit", err)
}

// unwatch ends an attempt that writes nothing.
func (e *Engine) unwatch(ctx context.Context, conn *redis.Conn, err error) error {
	if failed := conn.Process(ctx, redis.NewStatusCmd(ctx, "UNWATCH")); failed != nil && err == nil {
		return readErr(ctx, "commit", failed)
	}
	return err
}

// looker does what lua/commit.lua does, with what the server answered before.
type looker struct {
	e        *Engine
	p        *plan
	commands []command   // WATCH, then what checks ask, then what words ask
	asked    []int       // the first command of each check, and of the first that is of none
	needs    map[int]int // write → the first command that it asks for
}

// plan works out what to watch and to ask.
func (l *looker) plan() error {
	watch := l.e.args()
	l.commands = append(l.commands, command{"WATCH", watch})
	l.needs = map[int]int{}
	for i := range l.p.checks.starts {
		from, to := l.p.checks.step(i)
		l.asked = append(l.asked, len(l.commands))
		if err := l.ask(watch, from, to); err != nil {
			return err
		}
	}
	l.asked = append(l.asked, len(l.commands))
	for i := range l.p.writes.starts {
		from, _ := l.p.writes.step(i)
		l.askWord(i, watch, from)
	}
	if watch.len() == 0 {
		l.commands[0] = command{"PING", watch}
	}
	return nil
}

// command adds a question about some arguments of a list.
func (l *looker) command(name string, of *args, from, to int) {
	a := l.e.args()
	a.copy(of, from, to)
	l.commands = append(l.commands, command{name, a})
}

// ask adds the question of a check. Its arguments are those that lua/commit.lua describes.
func (l *looker) ask(watch *args, from, to int) error {
	c := &l.p.checks.args
	op := string(c.at(from))
	if op != "N" {
		watch.copy(c, from+1, from+2)
	}
	switch op {
	case "e", "n", "f":
		l.command("HGET", c, from+1, from+3)
	case "E", "A":
		l.command("GET", c, from+1, from+2)
	case "N":
		watch.copy(c, from+2, to)
		l.command("EXISTS", c, from+2, to)
	case "X":
		l.command("EXISTS", c, from+1, from+2)
	case "L":
		l.command("LRANGE", c, from+1, from+2)
		l.commands[len(l.commands)-1].str("0")
		l.commands[len(l.commands)-1].str("-1")
	case "z", "y":
		l.command("ZSCORE", c, from+1, from+3)
	case "m", "w":
		l.command("SISMEMBER", c, from+1, from+3)
	case "H":
		l.command("HGETALL", c, from+1, from+2)
	case "Z":
		l.command("HLEN", c, from+1, from+2)
		for f := from + 3; f < to; f += most {
			l.command("HMGET", c, from+1, from+2)
			l.commands[len(l.commands)-1].copy(c, f, min(f+most, to))
		}
	default:
		return fmt.Errorf("check %s: %w", op, errUnsupported)
	}
	return nil
}

// judge compares; the first check that fails is a conflict.
func (l *looker) judge(replies []reply) error {
	for i := range l.p.checks.starts {
		from, to := l.p.checks.step(i)
		ok, known, now, err := l.holds(replies[l.asked[i]:l.asked[i+1]], from, to)
		if err != nil {
			return fmt.Errorf("commit: %w", err)
		}
		if ok {
			continue
		}
		k := l.p.about[i]
		if !known || k.Kind == 0 {
			return &engine.Conflict{Cause: errors.New("something else was changed")}
		}
		it := record.Item{Key: k}
		if it.Value, err = canonical(k, now); err != nil {
			return fmt.Errorf("commit: %w", err)
		}
		return &engine.Conflict{Fresh: []record.Item{it}}
	}
	return nil
}

// holds reports whether a check holds, and what there is instead if that is known.
func (l *looker) holds(replies []reply, from, to int) (ok, known bool, now []byte, err error) {
	c := &l.p.checks.args
	r := replies[0]
	arg := func(i int) string { return string(c.at(from + i)) }
	var n int64
	switch op := arg(0); op {
	case "N":
		n, err = r.int()
		return n == 0, false, nil, err
	case "X":
		n, err = r.int()
		return n > 0, false, nil, err
	case "m", "w":
		n, err = r.int()
		return (n == 1) == (op == "m"), false, nil, err
	case "H":
		var pairs [][]byte
		pairs, err = r.bulks()
		return sameHash(pairs, c, from+3, to), false, nil, err
	case "Z":
		ok, err = holdsOnly(replies)
		return ok, false, nil, err
	case "L":
		var v [][]byte
		if v, err = joined.decode(&r); err == nil {
			now = v[0]
		}
	default:
		now, err = r.bulk()
	}
	if err != nil {
		return false, false, nil, err
	}
	switch arg(0) {
	case "e", "z":
		ok = now != nil && string(now) == arg(3)
	case "E", "L":
		ok = now != nil && string(now) == arg(2)
	case "n", "y":
		ok = now == nil
	case "f":
		if now == nil {
			now = []byte(arg(4))
		}
		return string(now) == arg(3), false, nil, nil
	case "A":
		ok = len(now) >= attrFixed && string(now[:attrStable]) == arg(2) && string(now[attrFixed:]) == arg(3)
	}
	return ok, true, now, nil
}

// sameHash reports whether a hash has exactly the fields and values in a list of arguments.
func sameHash(pairs [][]byte, c *args, from, to int) bool {
	if len(pairs) != to-from {
		return false
	}
	have := map[string]string{}
	for ; len(pairs) > 1; pairs = pairs[2:] {
		have[string(pairs[0])] = string(pairs[1])
	}
	for i := from; i < to; i += 2 {
		v, ok := have[string(c.at(i))]
		if !ok || v != string(c.at(i+1)) {
			return false
		}
	}
	return true
}

// holdsOnly reports whether a hash, whose size is the first answer, has only the fields that the other answers found.
func holdsOnly(replies []reply) (bool, error) {
	left, err := replies[0].int()
	if err != nil {
		return false, err
	}
	for i := range replies[1:] {
		values, err := replies[i+1].bulks()
		if err != nil {
			return false, err
		}
		for _, v := range values {
			if v != nil {
				left--
			}
		}
	}
	return left == 0, nil
}
