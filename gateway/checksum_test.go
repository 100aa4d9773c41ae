package gateway

import (
	"testing"
	"time"

	"juicefs/meta/record"
	"juicefs/pkg/checksum"
	"juicefs/vfs"
)

func sumFor(t *testing.T, a checksum.Algorithm, text string) checksum.Sum {
	t.Helper()
	s, err := checksum.Parse(a, text)
	must(t, err)
	return s
}

// A checksum is not shown for other data than it was made of, as when a mount has changed the file.
func TestSumIsThatOfTheData(t *testing.T) {
	t.Parallel()
	at := time.Unix(1764097000, 5)
	sum := sumFor(t, checksum.CRC32C, "wdBDMA==-2")
	attr := encodeSum(sum, 1024, at)
	same(t, "attribute", string(attr), "CRC32C wdBDMA==-2 1024 1764097000.000000005")
	file := func(size int64, mtime time.Time, attr string) *vfs.Info {
		return &vfs.Info{Type: record.TypeFile, Size: size, Mtime: mtime, Xattrs: map[string][]byte{attrSum: []byte(attr)}}
	}
	if got := sumOf(file(1024, at, string(attr))); !got.Equal(sum) {
		t.Errorf("got %v", got)
	}
	dir := file(4096, at.Add(time.Hour), "CRC32 AAAAAA== 0 1764097000.000000005")
	dir.Type = record.TypeDirectory
	same(t, "of a directory", sumOf(dir).String(), "AAAAAA==")
	for name, i := range map[string]*vfs.Info{
		"longer":        file(1025, at, string(attr)),
		"changed later": file(1024, at.Add(1), string(attr)),
		"none":          {Type: record.TypeFile},
		"no fields":     file(1024, at, "CRC32C wdBDMA==-2 1024"),
		"no algorithm":  file(1024, at, "MD5 wdBDMA== 1024 1764097000.000000005"),
		"no sum":        file(1024, at, "CRC32C wdBDMA= 1024 1764097000.000000005"),
	} {
		if got := sumOf(i); !got.IsZero() {
			t.Errorf("%s: got %v", name, got)
		}
	}
	same(t, "attribute of no sum", len(encodeSum(checksum.Sum{}, 0, at)), 0)
}

// FuzzSumAttribute: what a mount may write is no sum, or one that is written the same way again.
func FuzzSumAttribute(f *testing.F) {
	f.Add([]byte("CRC32C wdBDMA==-2 1024 1764097000.000000005"))
	f.Add([]byte("SHA256 LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ= 1024 1764097000.000000005"))
	f.Fuzz(func(t *testing.T, attr []byte) {
		i := &vfs.Info{Type: record.TypeFile, Size: 1024, Mtime: time.Unix(1764097000, 5)}
		s := decodeSum(attr, i)
		if s.IsZero() {
			return
		}
		if again := decodeSum(encodeSum(s, i.Size, i.Mtime), i); !again.Equal(s) {
			t.Errorf("%q is %v, then %v", attr, s, again)
		}
	})
}
