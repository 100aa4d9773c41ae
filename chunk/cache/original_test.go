package cache

import (
	"bytes"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestFilesOfTheOriginal(t *testing.T) {
	for _, f := range []struct {
		name, trailer string
		size          int
		sums, footer  bool
	}{
		{"raw-hello.bin", "61b5ab58", 24, true, false},
		{"raw-rand5k.bin", "1c3da605", 5000, true, false},
		{"staging-tier1-checksum.bin", "61b5ab58", 24, true, true},
		{"staging-nochecksum.bin", "", 24, false, false},
	} {
		text, err := os.ReadFile(filepath.Join("testdata", f.name))
		if err != nil {
			t.Fatal(err)
		}
		l, err := layoutOf(int64(len(text)), f.size)
		if err != nil || l.sums != f.sums || l.footer != f.footer {
			t.Errorf("%s: got %+v, %v", f.name, l, err)
		}
		if got := hex.EncodeToString(trailer(nil, text[:f.size])); f.sums && got != f.trailer {
			t.Errorf("%s: got checksums %s, want %s", f.name, got, f.trailer)
		}
		for _, v := range []Verify{Extend, Shrink, Full, None} {
			testLevels(t, f.name, text, f.size, v, f.sums)
		}
	}
}

// testLevels reads a file at a level, as it is and with a byte changed.
func testLevels(t *testing.T, name string, text []byte, size int, v Verify, sums bool) {
	t.Helper()
	scratch := func(n int) []byte { return make([]byte, n) }
	for _, r := range []struct{ off, n int }{{0, size}, {0, 5}, {size - 5, 5}, {3, size - 6}} {
		p := make([]byte, r.n)
		if err := readBlock(bytes.NewReader(text), int64(len(text)), size, p, r.off, v, scratch); err != nil || !bytes.Equal(p, text[r.off:r.off+r.n]) {
			t.Errorf("%s at %v, %d from %d: %v", name, v, r.n, r.off, err)
		}
		bad := bytes.Clone(text)
		bad[4] ^= 1
		whole := r.n == size
		noticed := sums && (v == Extend || whole && (v == Full || v == Shrink))
		if err := readBlock(bytes.NewReader(bad), int64(len(bad)), size, p, r.off, v, scratch); errors.Is(err, errDamaged) != noticed {
			t.Errorf("%s at %v, damaged, %d from %d: %v, want noticed %v", name, v, r.n, r.off, err, noticed)
		}
	}
}

// The checksums of the vectors whose content is made by a recipe.
func TestChecksumsOfTheOriginal(t *testing.T) {
	var text []byte
	for i := 0; len(text) < 200000; i++ {
		text = append(text, "line 000000 the quick brown fox\n"...)
		line := text[len(text)-len("line 000000 the quick brown fox\n"):]
		for j, n := 10, i; j >= 5; j, n = j-1, n/10 {
			line[j] = byte('0' + n%10)
		}
	}
	if got, want := hex.EncodeToString(trailer(nil, text[:200000])), "7de9e44ceac429ce9bff1e9e182776b0953a096ce6a44d0cf19ef952"; got != want {
		t.Errorf("text: got %s, want %s", got, want)
	}
	if got, want := hex.EncodeToString(trailer(nil, make([]byte, 1<<20))), strings.Repeat("bc43baad", 32); got != want {
		t.Errorf("zeros: got %s, want %s", got, want)
	}
}

func TestShrinkChecksGroupsInside(t *testing.T) {
	data := content(1, 4*group+100)
	text := trailer(bytes.Clone(data), data)
	scratch := func(n int) []byte { return make([]byte, n) }
	for i := range 5 {
		bad := bytes.Clone(text)
		bad[i*group+50] ^= 1
		for _, r := range []struct{ off, n int }{{10, 3 * group}, {group, 2 * group}, {0, 2*group - 1}, {3*group + 1, group + 99}, {3*group + 1, group + 98}} {
			begin, end := (r.off+group-1)/group, (r.off+r.n)/group
			if r.off+r.n == len(data) {
				end = 5
			}
			err := readBlock(bytes.NewReader(bad), int64(len(bad)), len(data), make([]byte, r.n), r.off, Shrink, scratch)
			if want := i >= begin && i < end; errors.Is(err, errDamaged) != want {
				t.Errorf("group %d damaged, %+v: got %v, want noticed %v", i, r, err, want)
			}
		}
	}
}

func TestLayouts(t *testing.T) {
	for _, c := range []struct {
		size, length int
		want         layout
		bad          bool
	}{
		{100, 100, layout{}, false}, {104, 100, layout{sums: true}, false}, {99, 100, layout{}, true}, {124, 100, layout{true, true}, false},
		{118, 100, layout{footer: true}, false}, {group + 1 + 4, group + 1, layout{}, true}, {group + 1 + 8, group + 1, layout{sums: true}, false},
	} {
		got, err := layoutOf(int64(c.size), c.length)
		if got != c.want || (err != nil) != c.bad {
			t.Errorf("%d bytes for a block of %d: got %+v, %v", c.size, c.length, got, err)
		}
	}
}
