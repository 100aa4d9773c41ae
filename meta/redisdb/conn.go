package redisdb

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
	"github.com/redis/go-redis/v9/push"
)

// source gives the client of the server that holds the volume.
type source interface {
	// master returns the client of the server that is the master now.
	master(ctx context.Context) (*redis.Client, error)
	// moved is called when a server said that the volume is elsewhere.
	moved(ctx context.Context)
	// Close ends all connections.
	Close() error
}

// tuning is in what the connections of one source differ from those of another.
type tuning struct {
	protocol  int // 2, or 3 to be told of changes
	poolSize  int // 0: that of the URL, or the library's default
	onConnect func(context.Context, *redis.Conn) error
	push      push.NotificationProcessor // with protocol 3
}

// The library never tries a command again: it cannot know what may be done twice. It dials once; whoever calls tries again.
const (
	neverRetry = -1
	dialOnce   = 1
)

// open returns a source of connections. It does no I/O.
func (c *config) open(t tuning) source {
	switch c.mode {
	case sentinel:
		return &single{redis.NewFailoverClient(c.failoverOptions(t))}
	case cluster:
		return &clustered{client: redis.NewClusterClient(c.clusterOptions(t)), key: clusterPrefix(c.db)}
	}
	return &single{redis.NewClient(c.aloneOptions(t))}
}

// clusterPrefix is in front of every key of a volume in a cluster. Format: juicefs 1.4.1; a hash tag.
func clusterPrefix(db int) string { return fmt.Sprintf("{%d}", db) }

// size returns the bounds of the pool of connections.
func (c *config) size(t tuning) (size, most int) {
	if t.poolSize > 0 {
		return t.poolSize, t.poolSize
	}
	return max(c.poolSize, 0), max(c.maxActive, 0)
}

func (c *config) aloneOptions(t tuning) *redis.Options {
	size, most := c.size(t)
	o := &redis.Options{
		Network: c.network, Addr: c.addrs[0], DB: c.db, Username: c.user, Password: c.password, ClientName: c.clientName,
		Protocol: t.protocol, OnConnect: t.onConnect, PushNotificationProcessor: t.push, MaxRetries: neverRetry, DialerRetries: dialOnce, ContextTimeoutEnabled: true,
		DialTimeout: c.dialTimeout, ReadTimeout: c.readTimeout, WriteTimeout: c.writeTimeout, PoolTimeout: c.poolTimeout,
		ConnMaxIdleTime: c.idleTime, ConnMaxLifetime: c.lifetime, PoolSize: size, MaxActiveConns: most, MinIdleConns: c.minIdle,
		MaxIdleConns: c.maxIdle, PoolFIFO: c.poolFIFO, PipelinePoolSize: -1, DisableIdentity: true, TLSConfig: c.tls.client(),
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	}
	o.Dialer = dialer(c.dialTimeout, o.TLSConfig)
	return o
}

func (c *config) failoverOptions(t tuning) *redis.FailoverOptions {
	size, most := c.size(t)
	o := &redis.FailoverOptions{
		MasterName: c.master, SentinelAddrs: c.addrs, SentinelUsername: c.sentinelUser, SentinelPassword: c.sentinelPassword,
		DB: c.db, Username: c.user, Password: c.password, ClientName: c.clientName,
		Protocol: t.protocol, OnConnect: t.onConnect, PushNotificationProcessor: t.push, MaxRetries: neverRetry, DialerRetries: dialOnce, ContextTimeoutEnabled: true,
		DialTimeout: c.dialTimeout, ReadTimeout: c.readTimeout, WriteTimeout: c.writeTimeout, PoolTimeout: c.poolTimeout,
		ConnMaxIdleTime: c.idleTime, ConnMaxLifetime: c.lifetime, PoolSize: size, MaxActiveConns: most, MinIdleConns: c.minIdle,
		MaxIdleConns: c.maxIdle, PoolFIFO: c.poolFIFO, PipelinePoolSize: -1, DisableIdentity: true, TLSConfig: c.tls.client(),
	}
	o.Dialer = dialer(c.dialTimeout, o.TLSConfig)
	return o
}

func (c *config) clusterOptions(t tuning) *redis.ClusterOptions {
	size, most := c.size(t)
	o := &redis.ClusterOptions{
		Addrs: c.addrs, Username: c.user, Password: c.password, ClientName: c.clientName,
		Protocol: t.protocol, OnConnect: t.onConnect, PushNotificationProcessor: t.push, MaxRetries: neverRetry, DialerRetries: dialOnce, ContextTimeoutEnabled: true,
		DialTimeout: c.dialTimeout, ReadTimeout: c.readTimeout, WriteTimeout: c.writeTimeout, PoolTimeout: c.poolTimeout,
		ConnMaxIdleTime: c.idleTime, ConnMaxLifetime: c.lifetime, PoolSize: size, MaxActiveConns: most, MinIdleConns: c.minIdle,
		MaxIdleConns: c.maxIdle, PoolFIFO: c.poolFIFO, PipelinePoolSize: -1, DisableIdentity: true, TLSConfig: c.tls.client(),
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	}
	o.Dialer = dialer(c.dialTimeout, o.TLSConfig)
	return o
}

// single is one server, or whoever sentinels say is the master.
type single struct{ client *redis.Client }

func (s *single) master(context.Context) (*redis.Client, error) { return s.client, nil }
func (s *single) moved(context.Context)                         {}
func (s *single) Close() error                                  { return s.client.Close() }

// clustered is a cluster. All keys of a volume are on one of its masters, so calls go there directly and not through what the
// library does for keys of many masters.
type clustered struct {
	client *redis.ClusterClient
	key    string
}

func (g *clustered) master(ctx context.Context) (*redis.Client, error) {
	return g.client.MasterForKey(ctx, g.key)
}

func (g *clustered) moved(ctx context.Context) { g.client.ReloadState(ctx) }
func (g *clustered) Close() error              { return g.client.Close() }

// isCluster asks a server that was named alone whether it is part of a cluster.
func isCluster(ctx context.Context, c *redis.Client) (bool, error) {
	info, err := c.ClusterInfo(ctx).Result()
	var refused redis.Error
	switch {
	case errors.As(err, &refused) && !isBusy(refused.Error()) && !isDenied(refused.Error()):
		return false, nil // a server without clusters, or with them switched off
	case err != nil:
		return false, err
	}
	return strings.Contains(info, "cluster_state:"), nil
}
