package redisdb

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"

	"juicefs/meta/engine"
	"juicefs/meta/record"
)

// Engine is an engine over one database of a Redis server. It is safe for concurrent use.
type Engine struct {
	source     source
	prefix     string // in front of every key; empty but in a cluster
	plain      bool   // scripts are refused: WATCH instead
	ordered    bool   // the server compares strings as bytes, so scripts may sort names
	retries    int
	config     *config
	index      *index
	plans      sync.Pool // of *plan
	space      spacer
	gathered   atomic.Int64 // records of whole kinds that the last Gather found
	gatherMost int64        // how many are asked for at once

	closing sync.Once
	closed  error // of Close
}

var (
	_ engine.Engine = (*Engine)(nil)
	_ engine.Spacer = (*Engine)(nil)
)

// defaultRetries is how often a lost connection is tried again where nothing else is said. The original's default.
const defaultRetries = 10

// quiet keeps the library from printing to standard error. All it has to say comes as errors too.
var quiet sync.Once

// Open connects to the database that a URL names; see parseURL for its forms. The password is part of the URL: passwords from
// the environment are put there beforehand. Errors, which never contain it: [engine.ErrBusy] is wrapped when the server cannot
// be reached or is not ready.
func Open(ctx context.Context, metaURL string, o engine.Options) (*Engine, error) {
	quiet.Do(logging.Disable)
	c, err := parseURL(metaURL)
	if err != nil {
		return nil, fmt.Errorf("open redis: %w", err)
	}
	e := &Engine{config: c, retries: o.Retries, gatherMost: maxGathered}
	if e.retries == 0 {
		e.retries = defaultRetries
	}
	if err := e.connect(ctx); err != nil {
		return nil, fmt.Errorf("open redis: %w", err)
	}
	if err := e.prepare(ctx, o); err != nil {
		_ = e.Close() // the first error is the one to tell
		return nil, fmt.Errorf("open redis: %w", err)
	}
	return e, nil
}

// connect finds out whether the server is part of a cluster, waiting until it answers.
func (e *Engine) connect(ctx context.Context) error {
	if e.config.mode == alone {
		asking := *e.config
		asking.db = 0 // others cannot be selected in a cluster
		e.source = asking.open(tuning{protocol: 2})
		var found bool
		err := e.again(ctx, func(c *redis.Client) (err error) {
			found, err = isCluster(ctx, c)
			return err
		})
		_ = e.source.Close() // it has answered
		if err != nil {
			return err
		}
		if found {
			if e.config.network != "tcp" {
				return errors.New("a cluster cannot be used through a unix socket")
			}
			e.config.mode = cluster
		}
	}
	if e.config.mode == cluster {
		e.prefix = clusterPrefix(e.config.db)
	}
	e.source = e.config.open(tuning{protocol: 2})
	e.index = newIndex(e)
	return nil
}

// prepare sees what the server can do, and loads the scripts.
func (e *Engine) prepare(ctx context.Context, o engine.Options) error {
	if err := e.inspect(ctx, o); err != nil {
		return err
	}
	if err := e.again(ctx, func(c *redis.Client) error { return e.probe(ctx, c) }); err != nil {
		return err
	}
	if o.ReadOnly {
		return nil
	}
	// A server that throws keys away when its memory is full damages volumes. Many do not let clients change that, and a
	// volume works all the same, so it is tried like the original tries it.
	return e.again(ctx, func(c *redis.Client) error {
		err := c.ConfigSet(ctx, "maxmemory-policy", "noeviction").Err()
		var refused redis.Error
		if errors.As(err, &refused) {
			return nil
		}
		return err
	})
}

// again makes a call that may be made twice until it works, fails for good, or was tried often enough.
func (e *Engine) again(ctx context.Context, call func(*redis.Client) error) error {
	wait := max(e.config.minBackoff, time.Millisecond)
	for tries := 0; ; tries++ {
		c, err := e.source.master(ctx)
		if err == nil {
			err = call(c)
		}
		if err == nil || judge(err) == final || ctx.Err() != nil || tries >= e.retries {
			return readErr(ctx, "ask the server", err)
		}
		e.heed(ctx, err)
		t := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			t.Stop()
			return ctx.Err()
		case <-t.C:
		}
		wait = min(2*wait, max(e.config.maxBackoff, wait), time.Second)
	}
}

// heed looks for the volume's server again if an error says that it moved.
func (e *Engine) heed(ctx context.Context, err error) {
	var answered redis.Error
	if errors.As(err, &answered) && isMoved(answered.Error()) {
		e.source.moved(ctx)
	}
}

// Info describes the engine. Totals are added to in each commit: that costs nothing where one script runs at a time.
func (e *Engine) Info() engine.Info { return engine.Info{Name: "redis", Remote: true} }

// Begin starts a transaction.
func (e *Engine) Begin(mode engine.Mode) engine.Tx {
	t := &tx{e: e, mode: mode}
	if e.plain {
		return t
	}
	return scripted{t}
}

// Incr adds to a counter and returns the new value. delta 0 only reads.
func (e *Engine) Incr(ctx context.Context, counter string, delta int64) (int64, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	k := record.CounterKey(counter)
	a := e.args()
	a.key(k)
	if delta == 0 {
		r, err := e.one(ctx, "GET", a)
		if err != nil {
			return 0, readErr(ctx, "read "+k.String(), err)
		}
		b, err := r.bulk()
		if err != nil {
			return 0, readErr(ctx, "read "+k.String(), err)
		}
		n, err := numberOr(k, b, 0)
		return n + offset(k), err
	}
	a.int(delta)
	c, err := e.source.master(ctx)
	if err != nil {
		return 0, writeErr(ctx, "add to "+k.String(), err)
	}
	n, err := c.Do(ctx, a.values("INCRBY")...).Int64()
	if err != nil {
		e.heed(ctx, err)
		return 0, writeErr(ctx, "add to "+k.String(), err)
	}
	return n + offset(k), nil
}

// Close ends all connections. Calls under way fail. More than one Close is like one.
func (e *Engine) Close() error {
	e.closing.Do(func() { e.closed = errors.Join(e.index.close(), e.source.Close()) })
	return e.closed
}
