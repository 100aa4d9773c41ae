package proc

import (
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func TestCodeSpans(t *testing.T) {
	const maps = `00400000-01c00000 r-xp 00000000 fe:00 131 /opt/juicefs
01c00000-03000000 r--p 01800000 fe:00 131 /opt/juicefs
03000000-03400000 rw-p 02c00000 fe:00 131 /opt/juicefs
7f0000000000-7f0000001000 r-xp 00000000 fe:00 999 /lib/libc.so.6
7f0000002000-7f0000003000 r-xs 00000000 fe:00 131 /opt/juicefs
7ffc00000000-7ffc00021000 rw-p 00000000 00:00 0 [stack]
`
	got, err := codeSpans(maps, "/opt/juicefs")
	if err != nil {
		t.Fatal(err)
	}
	want := []span{{0x400000, 0x1c00000}}
	if !slices.Equal(got, want) {
		t.Errorf("got %x, want %x: only the program's code", got, want)
	}
}

// TestReturnStartMemory runs code that was dropped.
func TestReturnStartMemory(t *testing.T) {
	before := fileRSS(t)
	if err := ReturnStartMemory(); err != nil {
		t.Fatal(err)
	}
	after := fileRSS(t)
	if after > before {
		t.Errorf("%d KiB of files resident after, %d before", after, before)
	}
}

func fileRSS(t *testing.T) int {
	t.Helper()
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "RssFile:" {
			n, err := strconv.Atoi(f[1])
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	t.Fatal("no RssFile in /proc/self/status")
	return 0
}
