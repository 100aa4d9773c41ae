package redisdb

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	"juicefs/meta/engine"
)

// oldestServer is the major version from which on servers have all that a volume needs. Format: juicefs 1.4.1.
const oldestServer = 4

// inspect refuses a server that is too old, and warns of one that forgets what it has acknowledged when it ends.
func (e *Engine) inspect(ctx context.Context, o engine.Options) error {
	var text string
	err := e.again(ctx, func(c *redis.Client) error {
		var err error
		text, err = c.Info(ctx).Result()
		var answered redis.Error
		if errors.As(err, &answered) && judge(err) == final {
			return c.Ping(ctx).Err() // it does not tell everybody what it is
		}
		return err
	})
	if err != nil {
		return err
	}
	s := parseServer(text)
	if s.old() {
		return fmt.Errorf("the server is of version %s, which is too old: volumes need %d.0", s.version, oldestServer)
	}
	if s.forgets && !o.ReadOnly && o.Logger != nil {
		o.Logger.Warn("AOF is not enabled: what was acknowledged may be lost when the server of the metadata ends (its option appendonly)")
	}
	return nil
}

// server is what a server says of itself.
type server struct {
	version string // empty: it does not say
	forgets bool   // it keeps no log of what it has acknowledged
}

// parseServer reads the answer to INFO.
func parseServer(text string) (s server) {
	for line := range strings.Lines(text) {
		switch name, value, _ := strings.Cut(strings.TrimSpace(line), ":"); name {
		case "redis_version":
			s.version = value
		case "aof_enabled":
			s.forgets = value == "0"
		}
	}
	return s
}

// old reports whether a server is known to be too old.
func (s server) old() bool {
	major, _, _ := strings.Cut(s.version, ".")
	n, err := strconv.Atoi(major)
	return err == nil && n < oldestServer
}
