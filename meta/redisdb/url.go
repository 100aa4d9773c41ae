package redisdb

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// mode is how servers are arranged.
type mode uint8

const (
	alone mode = iota
	sentinel
	cluster
)

// config is a parsed URL. It holds passwords: it must not be logged, and says nothing when it is.
type config struct {
	mode     mode
	network  string   // "tcp" or "unix"
	addrs    []string // of servers; of sentinels
	master   string   // what sentinels call the master
	db       int      // in a cluster: the number in front of all keys
	user     string
	password string

	sentinelUser, sentinelPassword string

	tls *tlsConfig // nil: plain connections

	dialTimeout, readTimeout, writeTimeout, poolTimeout time.Duration
	idleTime, lifetime                                  time.Duration
	minBackoff, maxBackoff                              time.Duration
	poolSize, minIdle, maxIdle, maxActive               int
	poolFIFO                                            bool
	clientName                                          string
}

// String hides everything.
func (*config) String() string { return "redis configuration" }

// LogValue hides everything.
func (c *config) LogValue() slog.Value { return slog.StringValue(c.String()) }

// parseURL reads the address of a volume. Errors never contain the password, nor anything near it.
//
//	redis[s]://[user:password@]host[:6379]/db              one server
//	unix://[user:password@]/socket/path?db=N               the same
//	redis[s]://[user:password@]MASTER,host,...[:26379]/db  sentinels: a comma comes before the first colon
//	redis[s]://[user:password@]host:port,host:port,.../N   a cluster
//
// Format: juicefs 1.4.1.
func parseURL(raw string) (*config, error) {
	scheme, rest, ok := strings.Cut(raw, "://")
	if !ok {
		scheme, rest = "redis", raw
	}
	c := &config{network: "tcp", dialTimeout: 5 * time.Second, readTimeout: 30 * time.Second, writeTimeout: 5 * time.Second,
		minBackoff: 20 * time.Millisecond, maxBackoff: 10 * time.Second}
	switch scheme {
	case "redis":
	case "rediss":
		c.tls = &tlsConfig{}
	case "unix":
		c.network = "unix"
	default:
		return nil, fmt.Errorf("scheme %s is not of Redis", scheme)
	}
	rest, query, _ := strings.Cut(rest, "?")
	if at := strings.LastIndexByte(rest, '@'); at >= 0 {
		user, password, _ := strings.Cut(rest[:at], ":")
		c.user, c.password = unescape(user), unescape(password)
		rest = rest[at+1:]
	}
	err := c.parseAddress(rest)
	if err == nil {
		err = c.parseOptions(query)
	}
	if err != nil && c.user == "" && c.password == "" && strings.Contains(query, "@") { // what the error shows is part of a password, perhaps
		err = errors.New("the address cannot be read; a question mark in a password must be written %3F")
	}
	if err != nil {
		return nil, err
	}
	return c, nil
}

// unescape undoes escapes; text that is none is taken as it is.
func unescape(s string) string {
	if plain, err := url.PathUnescape(s); err == nil {
		return plain
	}
	return s
}

// parseAddress reads hosts and the number of the database.
func (c *config) parseAddress(s string) error {
	if c.network == "unix" {
		if !strings.HasPrefix(s, "/") {
			return errors.New("the address of a unix socket is its absolute path")
		}
		c.addrs = []string{unescape(s)}
		return nil
	}
	hosts, path, _ := strings.Cut(s, "/")
	if path = strings.Trim(path, "/"); path != "" {
		db, err := strconv.Atoi(path)
		if err != nil || db < 0 {
			return fmt.Errorf("%q is not the number of a database", path)
		}
		c.db = db
	}
	comma, colon := strings.IndexByte(hosts, ','), strings.IndexByte(hosts, ':')
	switch {
	case comma < 0:
		c.addrs = []string{withPort(hosts, "6379", "localhost")}
	case colon < 0 || comma < colon:
		c.mode = sentinel
		c.master = hosts[:comma]
		port := "26379"
		list := strings.Split(hosts[comma+1:], ",")
		if _, p, err := net.SplitHostPort(list[len(list)-1]); err == nil { // the last one's port is for all without
			port = p
		}
		for _, h := range list {
			c.addrs = append(c.addrs, withPort(h, port, ""))
		}
	default:
		c.mode = cluster
		for _, h := range strings.Split(hosts, ",") {
			c.addrs = append(c.addrs, withPort(h, "6379", ""))
		}
	}
	for _, a := range c.addrs {
		if strings.HasPrefix(a, ":") {
			return errors.New("address without a host")
		}
	}
	if c.mode == sentinel && c.master == "" {
		return errors.New("address of sentinels without the name of the master")
	}
	return nil
}

// withPort completes an address.
func withPort(host, port, anyHost string) string {
	if h, p, err := net.SplitHostPort(host); err == nil {
		host = h
		if p != "" {
			port = p
		}
	}
	host = strings.Trim(host, "[]")
	if host == "" {
		host = anyHost
	}
	if host == "" {
		return ":" + port
	}
	return net.JoinHostPort(host, port)
}

// parseOptions reads what follows the question mark.
func (c *config) parseOptions(query string) error {
	values, err := url.ParseQuery(query)
	if err != nil {
		return errors.New("options of the address cannot be read") // the error would show their text
	}
	for name, all := range values {
		set, ok := c.options()[strings.ReplaceAll(name, "-", "_")]
		if !ok {
			return fmt.Errorf("unknown option %s", name)
		}
		value := all[len(all)-1]
		if err := set(value); err != nil {
			return fmt.Errorf("option %s: %w", name, err)
		}
	}
	return c.tls.load()
}

// options returns what each option does. Dashes and underscores are the same.
func (c *config) options() map[string]func(string) error {
	m := map[string]func(string) error{
		"min_retry_backoff": duration(&c.minBackoff), "max_retry_backoff": duration(&c.maxBackoff),
		"dial_timeout": duration(&c.dialTimeout), "read_timeout": duration(&c.readTimeout), "write_timeout": duration(&c.writeTimeout),
		"pool_timeout": duration(&c.poolTimeout), "conn_max_idle_time": duration(&c.idleTime), "idle_timeout": duration(&c.idleTime),
		"conn_max_lifetime": duration(&c.lifetime), "max_conn_age": duration(&c.lifetime),
		"db": number(&c.db), "pool_size": number(&c.poolSize), "min_idle_conns": number(&c.minIdle), "max_idle_conns": number(&c.maxIdle),
		"max_active_conns": number(&c.maxActive), "pool_fifo": boolean(&c.poolFIFO), "client_name": text(&c.clientName),
		"sentinel_username": text(&c.sentinelUser), "sentinel_password": text(&c.sentinelPassword),
	}
	// What the original has and does not concern this client: its cache, where it reads, and how its library tries again.
	for _, name := range []string{"client_cache", "client_cache_size", "client_cache_expire", "client_cache_preload", "route_read",
		"max_retries", "max_redirects", "protocol", "read_only", "route_by_latency", "route_randomly"} {
		m[name] = func(string) error { return nil }
	}
	t := c.tls
	if t == nil {
		t = &tlsConfig{} // options of TLS are allowed and without effect on plain connections
	}
	m["insecure_skip_verify"], m["skip_verify"] = boolean(&t.skipVerify), boolean(&t.skipVerify)
	m["tls_cert_file"], m["tls_key_file"] = text(&t.certFile), text(&t.keyFile)
	m["tls_ca_cert_file"], m["tls_server_name"] = text(&t.caFile), text(&t.serverName)
	return m
}

func text(p *string) func(string) error {
	return func(s string) error {
		*p = s
		return nil
	}
}

// duration takes Go's notation, or seconds. Nothing and less means none.
func duration(p *time.Duration) func(string) error {
	return func(s string) error {
		if n, err := strconv.Atoi(s); err == nil {
			*p = time.Duration(n) * time.Second
		} else if *p, err = time.ParseDuration(s); err != nil {
			return fmt.Errorf("%q is not a duration", s)
		}
		if *p <= 0 {
			*p = -1
		}
		return nil
	}
}

func number(p *int) func(string) error {
	return func(s string) (err error) {
		if *p, err = strconv.Atoi(s); err != nil {
			return fmt.Errorf("%q is not a number", s)
		}
		return nil
	}
}

// boolean takes the words of the original; an option without a value is true.
func boolean(p *bool) func(string) error {
	return func(s string) error {
		switch strings.ToLower(s) {
		case "", "1", "t", "true", "yes", "on":
			*p = true
		case "0", "f", "false", "no", "off":
			*p = false
		default:
			return fmt.Errorf("%q is neither true nor false", s)
		}
		return nil
	}
}
