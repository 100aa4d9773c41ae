package all

import (
	"testing"

	"juicefs/meta/engine"
)

func TestRedactHidesPasswordsOnly(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"redis://h:6379/1", "redis://h:6379/1"},
		{"redis://:pw@h:6379/1", "redis://:****@h:6379/1"},
		{"redis://u:pw@h:6379/1", "redis://u:****@h:6379/1"},
		{"rediss://u:p@w:d@h/1?cert=/c", "rediss://u:****@h/1?cert=/c"},
		{"u:pw@h/1", "u:****@h/1"},
		{"mysql://u:pw@(h:3306)/db", "mysql://u:****@(h:3306)/db"},
		{"mysql://u@(h:3306)/db", "mysql://u@(h:3306)/db"},
		{"mysql://u:@(h:3306)/db", "mysql://u:@(h:3306)/db"},
		{"postgres://u@h/db?password=x&sslmode=disable", "postgres://u@h/db?password=****&sslmode=disable"},
		{"sqlite3:///a:b@c.db?_timeout=1", "sqlite3:///a:b@c.db?_timeout=1"},
		{"sqlite3://x.db?_auth_pass=s", "sqlite3://x.db?_auth_pass=****"},
		{"etcd://u:pw@h1:2379,h2/p", "etcd://u:****@h1:2379,h2/p"},
		{"badger:///d", "badger:///d"},
		{"redis://user:p@ss:w/rd@host/1", "redis://user:****@host/1"},
		{"redis://m,h1,h2/1?db=1&sentinel_password=x", "redis://m,h1,h2/1?db=1&sentinel_password=****"},
		{"redis://m,h1,h2/1?Sentinel-Password=x", "redis://m,h1,h2/1?Sentinel-Password=****"},
	} {
		if got := Redact(c.in); got != c.want {
			t.Errorf("Redact(%q) = %q, want %q", c.in, got, c.want)
		}
	}
}

func TestOpenNamesAnUnknownDriver(t *testing.T) {
	for url, want := range map[string]string{
		"nope://x":     "Invalid meta driver: nope",
		"mysql://u@/d": "Invalid meta driver: mysql",
	} {
		if _, err := Open(t.Context(), url, engine.Options{}); err == nil || err.Error() != want {
			t.Errorf("Open(%q) = %v, want %s", url, err, want)
		}
	}
}

func TestOpenFindsTheMemoryEngine(t *testing.T) {
	e, err := Open(t.Context(), "memkv://x", engine.Options{Create: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	if got := e.Info().Name; got != "memkv" {
		t.Errorf("Info().Name = %q", got)
	}
}
