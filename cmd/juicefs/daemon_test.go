package main

import (
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDetachedArgs(t *testing.T) {
	abs := func(path string) string {
		full, err := filepath.Abs(path)
		if err != nil {
			t.Fatal(err)
		}
		return full
	}
	o := &serviceOptions{bucket: "blobs", cache: cacheOptions{dirText: "cache:b", dirs: []string{"cache", "b"}}}
	got, err := detachedArgs([]string{"gateway", "-d", "redis://:pw@h", "--bucket", "blobs", "--cache-dir=cache:b", ":9000", "--domain="}, "redis://:pw@h", "redis://:@h", o)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"gateway", "-d", "redis://:@h", "--bucket", abs("blobs"), "--cache-dir=" + abs("cache") + ":" + abs("b"), ":9000", "--domain="}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("arguments (-want +got):\n%s", diff)
	}
	o.cache = cacheOptions{dirText: inMemory}
	if got, err = detachedArgs([]string{"--cache-dir", "memory"}, "", "", o); err != nil || got[1] != "memory" {
		t.Errorf("memory became %v, %v", got, err)
	}
}
