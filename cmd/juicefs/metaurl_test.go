package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAddPassword(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte("from file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, url string
		env       map[string]string
		want      string
	}{
		{"no password anywhere", "redis://host/1", nil, "redis://host/1"},
		{"the one in the URL stays", "redis://:a@host/1", map[string]string{"META_PASSWORD": "b"}, "redis://:a@host/1"},
		{"a place for it", "mysql://u:@(host)/db", map[string]string{"META_PASSWORD": "b"}, "mysql://u:b@(host)/db"},
		{"a user without one", "postgres://u@host/db", map[string]string{"META_PASSWORD": "b"}, "postgres://u:b@host/db"},
		{"no user", "redis://host/1", map[string]string{"META_PASSWORD": "b"}, "redis://:b@host/1"},
		{"Redis has a variable of its own", "redis://host/1", map[string]string{"META_PASSWORD": "b", "REDIS_PASSWORD": "r"}, "redis://:r@host/1"},
		{"signs are escaped", "redis://host/1", map[string]string{"META_PASSWORD": "a@b/c"}, "redis://:a%40b%2Fc@host/1"},
		{"the file is last", "redis://host/1", map[string]string{"META_PASSWORD_FILE": file}, "redis://:from%20file@host/1"},
		{"sentinels have one of their own", "redis://m,h1,h2/1", map[string]string{"SENTINEL_PASSWORD": "a&b", "REDIS_PASSWORD": "r"}, "redis://:r@m,h1,h2/1?sentinel_password=a%26b"},
		{"that of the URL stays", "redis://m,h1/1?db=2&sentinel-password=x", map[string]string{"SENTINEL_PASSWORD": "y"}, "redis://m,h1/1?db=2&sentinel-password=x"},
		{"others ask no sentinels", "mysql://u:a@(host)/db", map[string]string{"SENTINEL_PASSWORD": "y"}, "mysql://u:a@(host)/db"},
		{"files have none", "sqlite3://a.db", map[string]string{"META_PASSWORD": "b"}, "sqlite3://a.db"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := &program{getenv: func(name string) string { return tt.env[name] }}
			if got, err := p.addPassword(tt.url); got != tt.want || err != nil {
				t.Errorf("got %s, %v, want %s", got, err, tt.want)
			}
		})
	}
}

func TestShowable(t *testing.T) {
	got := showable([]string{"juicefs", "format", "--secret-key", "abcdef", "--session-token=xy", "redis://:pw@host", "redis://:password@host", "a?b", "v", "u:pass@host/1", "redis://m,h/1?sentinel_password=secret"})
	want := []string{"juicefs", "format", "--secret-key", "****", "--session-token=**", "redis://:**@host", "redis://:****@host", "a?b", "v", "u:****@host/1", "redis://m,h/1?sentinel_password=****"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("process title (-want +got):\n%s", diff)
	}
}
