package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestParseSize(t *testing.T) {
	tests := []struct {
		text string
		unit byte
		want int64
		err  string
	}{
		{"300", 'M', 300 << 20, ""},
		{"300M", 'B', 300 << 20, ""},
		{"1.5G", 'M', 3 << 29, ""},
		{"4m", 'K', 4 << 20, ""},
		{"0", 'G', 0, ""},
		{"10B", 'M', 10, ""},
		{"1Z", 'M', 0, `Invalid value "1Z" for "cache-size": invalid unit`},
		{"1b", 'M', 0, `Invalid value "1b" for "cache-size": invalid unit`},
		{"1MiB", 'M', 0, `Invalid value "1MiB" for "cache-size": invalid number`},
		{"1MB", 'M', 0, `Invalid value "1MB" for "cache-size": invalid number`},
		{"", 'M', 0, `Invalid value "" for "cache-size": invalid number`},
		{"-1", 'M', 0, `Invalid value "-1" for "cache-size": out of range`},
		{"9E", 'M', 0, `Invalid value "9E" for "cache-size": out of range`},
		{"1e3", 'M', 0, `Invalid value "1e3" for "cache-size": invalid number`},
	}
	for _, tt := range tests {
		got, err := parseSize("cache-size", tt.text, tt.unit)
		if text := errorText(err); got != tt.want || text != tt.err {
			t.Errorf("parseSize(%q, %c) = %d, %q, want %d, %q", tt.text, tt.unit, got, text, tt.want, tt.err)
		}
	}
}

func TestParseDuration(t *testing.T) {
	tests := []struct {
		text string
		want time.Duration
		bad  bool
	}{
		{"12", 12 * time.Second, false},
		{"0.5", 500 * time.Millisecond, false},
		{"100ms", 100 * time.Millisecond, false},
		{"1h30m", 90 * time.Minute, false},
		{"2d", 48 * time.Hour, false},
		{"1d12h", 36 * time.Hour, false},
		{"xd", 0, true},
		{"5 minutes", 0, true},
		{"", 0, false},
	}
	for _, tt := range tests {
		got, err := parseDuration("x", tt.text)
		if got != tt.want || (err != nil) != tt.bad {
			t.Errorf("parseDuration(%q) = %v, %v, want %v", tt.text, got, err, tt.want)
		}
	}
}

func TestParseUmask(t *testing.T) {
	if got, err := parseUmask("027"); got != 0o27 || err != nil {
		t.Errorf("parseUmask(027) = %o, %v", got, err)
	}
	for _, bad := range []string{"999", "1000", "-1", "", "rw"} {
		if _, err := parseUmask(bad); err == nil {
			t.Errorf("parseUmask(%q) succeeded", bad)
		}
	}
}

func TestParseLabels(t *testing.T) {
	got, err := parseLabels("k1:v1;k2:v:2")
	if diff := cmp.Diff(map[string]string{"k1": "v1", "k2": "v:2"}, got); diff != "" || err != nil {
		t.Errorf("labels: %v\n%s", err, diff)
	}
	if _, err := parseLabels("k1=v1"); err == nil {
		t.Error("k1=v1 was accepted")
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestCacheDirs(t *testing.T) {
	root := t.TempDir()
	for _, name := range []string{"d1", "d2", "e"} {
		if err := os.Mkdir(filepath.Join(root, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	d1, d2 := filepath.Join(root, "d1"), filepath.Join(root, "d2")
	tests := []struct {
		text string
		want []string
		bad  bool
	}{
		{"memory", nil, false},
		{"/a", []string{"/a"}, false},
		{"/a:/b/", []string{"/a", "/b"}, false},
		{"/a,/b", []string{"/a", "/b"}, false},
		{"/a,/b:/c", []string{"/a,/b", "/c"}, false},
		{"/a::/a:", []string{"/a"}, false},
		{root + "/d*", []string{d1, d2}, false},
		{root + "/d?:/a", []string{d1, d2, "/a"}, false},
		{root + "/x*", nil, true},
		{"/a:memory", nil, true},
		{"", nil, true},
		{":", nil, true},
	}
	for _, tt := range tests {
		got, err := cacheDirs(tt.text)
		if diff := cmp.Diff(tt.want, got); diff != "" || (err != nil) != tt.bad {
			t.Errorf("%q: %v (-want +got):\n%s", tt.text, err, diff)
		}
	}
}
