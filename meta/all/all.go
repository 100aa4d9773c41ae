// Package all opens any metadata engine by the URL of its database.
package all

import (
	"context"
	"fmt"
	"strings"

	"juicefs/meta/engine"
	"juicefs/meta/kvdb/mem"
	"juicefs/meta/redisdb"
	"juicefs/meta/sqldb"
)

// Open opens the database that a URL names. A URL without a scheme is of Redis. Errors: [engine.ErrNotFormatted] is
// wrapped where the engine can tell; a scheme that is not known is an "Invalid meta driver", as in juicefs 1.4.1.
func Open(ctx context.Context, metaURL string, o engine.Options) (engine.Engine, error) {
	scheme, _, ok := strings.Cut(metaURL, "://")
	if !ok {
		scheme = "redis"
	}
	var e engine.Engine
	var err error
	switch scheme {
	case "memkv":
		e, err = mem.Open(ctx, o)
	case "redis", "rediss", "unix":
		e, err = redisdb.Open(ctx, metaURL, o)
	case "sqlite3":
		e, err = sqldb.Open(ctx, metaURL, o)
	default:
		return nil, fmt.Errorf("Invalid meta driver: %s", scheme) //nolint:staticcheck // the original's words
	}
	if err != nil {
		return nil, err
	}
	return e, nil
}
