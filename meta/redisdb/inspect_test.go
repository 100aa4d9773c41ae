package redisdb

import "testing"

func TestParseServer(t *testing.T) {
	for _, c := range []struct {
		text string
		want server
		old  bool
	}{
		{"# Server\r\nredis_version:7.0.15\r\nredis_mode:standalone\r\n# Persistence\r\naof_enabled:0\r\naof_rewrite_in_progress:0\r\n", server{"7.0.15", true}, false},
		{"redis_version:3.2.12\r\naof_enabled:1\r\n", server{"3.2.12", false}, true},
		{"redis_version:4.0.0\r\n", server{"4.0.0", false}, false},
		{"redis_version:10.0\n", server{"10.0", false}, false},
		{"redis_version:unstable\r\n", server{"unstable", false}, false},
		{"", server{}, false},
	} {
		if got := parseServer(c.text); got != c.want || got.old() != c.old {
			t.Errorf("%q: got %+v, too old: %v; want %+v, %v", c.text, got, got.old(), c.want, c.old)
		}
	}
}
