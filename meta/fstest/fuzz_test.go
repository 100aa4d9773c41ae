package fstest

import (
	"strings"
	"testing"

	"juicefs/meta"
	"juicefs/meta/engine"
	"juicefs/meta/kvdb/mem"
)

// FuzzList makes a tree of the lines of a text and compares listings of it, in pages, with sorting all keys.
func FuzzList(f *testing.F) {
	f.Add("a/x\na-b\na.txt\na/\na0\nb/c/d", "", "a", uint8(2), true, false)
	f.Add("a/1\na/2/x\na/2/y\nc/\nc/d", "a/", "a/1", uint8(1), false, true)
	f.Add("\xff/\x01\n\xff-\n\xff\xff", "\xff", "", uint8(3), true, true)
	f.Add("0", "\x00/", "0", uint8(5), false, true)
	f.Add("0\n(1/x", "", "", uint8(1), true, false)
	f.Fuzz(func(t *testing.T, text, prefix, after string, limit uint8, delimiter, hideDirs bool) {
		eng, err := mem.Open(t.Context(), engine.Options{Create: true})
		if err != nil {
			t.Fatal(err)
		}
		v := newVolumeOn(t, eng)
		tree := newTree()
		for i, key := range strings.Split(text, "\n") {
			if i < 30 && listable(key) {
				tree.plant(v, key)
			}
		}
		v.compareList(tree, meta.ListQuery{Dir: "/", Prefix: prefix, After: after, Delimiter: delimiter, HideDirs: hideDirs, Limit: 1 + int(limit)%8})
	})
}

// listable reports whether a text can be the key of an object.
func listable(key string) bool {
	if len(key) > 600 || strings.ContainsRune(key, 0) || key == ".trash" || strings.HasPrefix(key, ".trash/") {
		return false
	}
	for _, n := range strings.Split(strings.TrimSuffix(key, "/"), "/") {
		if n == "" || n == "." || n == ".." || len(n) > 255 {
			return false
		}
	}
	return true
}
