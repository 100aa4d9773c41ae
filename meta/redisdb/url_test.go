package redisdb

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestParseURL(t *testing.T) {
	for _, c := range []struct {
		url  string
		want config
	}{
		{"localhost", config{addrs: []string{"localhost:6379"}}},
		{"redis://h/3", config{addrs: []string{"h:6379"}, db: 3}},
		{"redis://h:7000", config{addrs: []string{"h:7000"}}},
		{"redis://:7000/1", config{addrs: []string{"localhost:7000"}, db: 1}},
		{"redis://[::1]:7000/1", config{addrs: []string{"[::1]:7000"}, db: 1}},
		{"redis://:pw@h/1", config{addrs: []string{"h:6379"}, password: "pw", db: 1}},
		{"redis://u:p%40w%2F@h/1", config{addrs: []string{"h:6379"}, user: "u", password: "p@w/", db: 1}},
		{"redis://u:p@w:100%@h/1", config{addrs: []string{"h:6379"}, user: "u", password: "p@w:100%", db: 1}},
		{"redis://h/1?db=5", config{addrs: []string{"h:6379"}, db: 5}},
		{"unix:///run/redis.sock?db=2", config{network: "unix", addrs: []string{"/run/redis.sock"}, db: 2}},
		{"unix://u:pw@/run/redis.sock", config{network: "unix", addrs: []string{"/run/redis.sock"}, user: "u", password: "pw"}},
		{"redis://boss,a,b/2", config{mode: sentinel, master: "boss", addrs: []string{"a:26379", "b:26379"}, db: 2}},
		{"redis://:pw@boss,a,b:5000/2", config{mode: sentinel, master: "boss", addrs: []string{"a:5000", "b:5000"}, db: 2, password: "pw"}},
		{"redis://boss,a?sentinel-password=s", config{mode: sentinel, master: "boss", addrs: []string{"a:26379"}, sentinelPassword: "s"}},
		{"redis://boss,a/2?sentinel-password=s@x", config{mode: sentinel, master: "boss", addrs: []string{"a:26379"}, db: 2, sentinelPassword: "s@x"}},
		{"redis://a:1,b:2,c:3/7", config{mode: cluster, addrs: []string{"a:1", "b:2", "c:3"}, db: 7}},
		{"redis://a:1,b", config{mode: cluster, addrs: []string{"a:1", "b:6379"}}},
		{"redis://h?read-timeout=3s&write_timeout=2&max-retry-backoff=0&pool_size=7&client-cache=true&client-cache-size=5&route-read=replica",
			config{addrs: []string{"h:6379"}, readTimeout: 3 * time.Second, writeTimeout: 2 * time.Second, maxBackoff: -1, poolSize: 7}},
	} {
		got, err := parseURL(c.url)
		if err != nil {
			t.Errorf("%s: %v", c.url, err)
			continue
		}
		defaults, err := parseURL("h")
		if err != nil {
			t.Fatal(err)
		}
		if c.want.network == "" {
			c.want.network = "tcp"
		}
		for _, d := range []struct{ want, unset *time.Duration }{
			{&c.want.dialTimeout, &defaults.dialTimeout}, {&c.want.readTimeout, &defaults.readTimeout}, {&c.want.writeTimeout, &defaults.writeTimeout},
			{&c.want.minBackoff, &defaults.minBackoff}, {&c.want.maxBackoff, &defaults.maxBackoff},
		} {
			if *d.want == 0 {
				*d.want = *d.unset
			}
		}
		if d := cmp.Diff(&c.want, got, cmp.AllowUnexported(config{})); d != "" {
			t.Errorf("%s (-want +got):\n%s", c.url, d)
		}
	}
}

func TestParseURLRefuses(t *testing.T) {
	for _, url := range []string{
		"mysql://:secret@h/1", "redis://:secret@h/x", "redis://:secret@h/-1", "redis://:secret@h?nonsense=1", "redis://:secret@h?read-timeout=soon",
		"redis://:secret@h?pool_size=many", "redis://:secret@h?client-cache=%zz", "redis://:secret@,h/1", "redis://:secret@a:1,/1",
		"unix://:secret@run/s", "rediss://:secret@h?tls-cert-file=/none", "rediss://:secret@h?tls-ca-cert-file=/none", "redis://:secret@h?pool_fifo=perhaps", "redis://:no?secret@h/1", "redis://:secret?no@h/1", "redis://:no/secret?no@h/1",
	} {
		c, err := parseURL(url)
		if err == nil {
			t.Errorf("%s: no error", url)
			continue
		}
		if strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: the password is in %q", url, err)
		}
		if c != nil {
			t.Errorf("%s: %v", url, c)
		}
	}
}

func TestConfigHidesPasswords(t *testing.T) {
	c, err := parseURL("redis://u:secret@h/1?sentinel-password=secret")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{fmt.Sprint(c), fmt.Sprintf("%+v", c), c.LogValue().String()} {
		if strings.Contains(s, "secret") {
			t.Errorf("the password is in %q", s)
		}
	}
}

func TestTLSOptions(t *testing.T) {
	c, err := parseURL("rediss://h/1?insecure-skip-verify=true&tls-server-name=other")
	if err != nil {
		t.Fatal(err)
	}
	got := c.tls.client()
	if got == nil || !got.InsecureSkipVerify || got.ServerName != "other" {
		t.Errorf("TLS: %+v", got)
	}
	if c, err = parseURL("redis://h/1?insecure-skip-verify=true"); err != nil || c.tls.client() != nil {
		t.Errorf("a plain connection has TLS: %v, %v", c.tls, err)
	}
}
