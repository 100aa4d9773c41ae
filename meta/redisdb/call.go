package redisdb

import (
	"context"

	"github.com/redis/go-redis/v9"
)

// args returns an empty list of arguments.
func (e *Engine) args() *args { return &args{prefix: e.prefix} }

// one sends a command that reads and returns its answer.
func (e *Engine) one(ctx context.Context, command string, a *args) (reply, error) {
	c, err := e.source.master(ctx)
	if err != nil {
		return reply{}, err
	}
	return e.raw(ctx, c, redis.NewRawCmd(ctx, a.values(command)...))
}

// raw sends a command through a client and returns its answer, or the error that the server answered with.
func (e *Engine) raw(ctx context.Context, c *redis.Client, cmd *redis.RawCmd) (reply, error) {
	if err := c.Process(ctx, cmd); err != nil {
		return reply{}, err
	}
	r := reply{cmd.Val()}
	if err := r.failed(); err != nil {
		e.heed(ctx, err)
		return reply{}, err
	}
	return r, nil
}

// command is one of several that are sent at once.
type command struct {
	name string
	*args
}

// many sends commands that read at once and returns their answers, whose errors are those of the whole.
func (e *Engine) many(ctx context.Context, commands []command) ([]reply, error) {
	if len(commands) == 1 {
		r, err := e.one(ctx, commands[0].name, commands[0].args)
		return []reply{r}, err
	}
	c, err := e.source.master(ctx)
	if err != nil {
		return nil, err
	}
	return e.pipeline(ctx, c, commands)
}

func (e *Engine) pipeline(ctx context.Context, c redis.Cmdable, commands []command) ([]reply, error) {
	p := c.Pipeline()
	cmds := make([]*redis.RawCmd, len(commands))
	for i, cmd := range commands {
		cmds[i] = redis.NewRawCmd(ctx, cmd.values(cmd.name)...)
		_ = p.Process(ctx, cmds[i]) // only queued
	}
	if _, err := p.Exec(ctx); err != nil {
		return nil, err
	}
	replies := make([]reply, len(cmds))
	for i, cmd := range cmds {
		replies[i] = reply{cmd.Val()}
		if err := replies[i].failed(); err != nil {
			e.heed(ctx, err)
			return nil, err
		}
	}
	return replies, nil
}
