package meta

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"juicefs/meta/record"
)

// byteOf is one byte of a chunk: which slice it is of, and where in it. The zero byteOf is a zero.
type byteOf struct {
	id  uint64
	off uint32
}

// lineOf is the plain reference of Visible: what each byte of a chunk of n bytes is.
func lineOf(records []record.Slice, n int) []byteOf {
	line := make([]byteOf, n)
	for _, s := range records {
		for i := range s.Len {
			b := byteOf{s.ID, s.Off + i}
			if s.ID == 0 {
				b = byteOf{}
			}
			line[s.Pos+i] = b
		}
	}
	return line
}

// TestVisibleVectors holds Visible against what juicefs 1.4.1 makes of chunks.
func TestVisibleVectors(t *testing.T) {
	type slice struct {
		ID                  uint64
		Pos, Size, Off, Len uint32
	}
	var vectors []struct {
		What     string
		Hex      string `json:"concatenated_hex"`
		Decoded  []slice
		Resolved []slice
	}
	b, err := os.ReadFile("testdata/slices.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &vectors); err != nil {
		t.Fatal(err)
	}
	resolved := 0
	for _, v := range vectors {
		raw, err := hex.DecodeString(v.Hex)
		if err != nil {
			t.Fatal(err)
		}
		records, err := record.DecodeSlices(raw)
		if err != nil {
			t.Errorf("%s: %v", v.What, err)
		}
		if v.Resolved == nil {
			continue
		}
		resolved++
		got := []slice{}
		for _, s := range Visible(records) {
			got = append(got, slice{ID: s.ID, Pos: s.Pos, Off: s.Off, Len: s.Len})
		}
		if d := cmp.Diff(got, v.Resolved); d != "" {
			t.Errorf("%s (-got +want):\n%s", v.What, d)
		}
	}
	if resolved < 3 {
		t.Errorf("only %d vectors say what is visible", resolved)
	}
}

// recordsFrom makes records within 256 bytes of what a fuzzer supplies, four bytes each. Slices are 300 bytes long.
func recordsFrom(data []byte) []record.Slice {
	var records []record.Slice
	for id := uint64(1); len(data) >= 4 && id < 40; data, id = data[4:], id+1 {
		s := record.Slice{Pos: uint32(data[0]), ID: id, Size: 300, Off: uint32(data[2]) % 45}
		s.Len = min(uint32(data[1]), 256-s.Pos)
		if data[3]%4 == 0 {
			s.ID, s.Size, s.Off = 0, 0, uint32(data[2])
		}
		records = append(records, s)
	}
	return records
}

func FuzzVisible(f *testing.F) {
	f.Add([]byte{0, 200, 0, 1, 100, 100, 5, 1, 50, 50, 0, 1, 20, 10, 0, 0})
	f.Add([]byte{255, 255, 0, 1, 0, 0, 0, 1, 0, 255, 0, 0, 10, 1, 9, 1})
	f.Fuzz(func(t *testing.T, data []byte) {
		records := recordsFrom(data)
		pieces := Visible(records)
		want := lineOf(records, 256)
		at := uint32(0)
		for _, p := range pieces {
			if p.Pos != at || p.Len == 0 {
				t.Fatalf("piece %+v at %d of %+v", p, at, pieces)
			}
			at += p.Len
		}
		if got := lineOf(pieces, 256); !cmp.Equal(got, want, cmp.AllowUnexported(byteOf{})) {
			t.Fatalf("records %+v are seen as %+v", records, pieces)
		}
		for _, b := range want[at:] {
			if b != (byteOf{}) {
				t.Fatalf("the pieces of %+v end at %d", records, at)
			}
		}
	})
}

// FuzzLayout puts ranges of files one after the other, as composing and copying do, and reads them again.
func FuzzLayout(f *testing.F) {
	f.Add([]byte{0, 200, 0, 1, 100, 100, 5, 1}, []byte{10, 90, 0, 255, 200, 3}, uint16(3))
	f.Add([]byte{}, []byte{1, 1}, uint16(record.ChunkSize%65536))
	f.Fuzz(func(t *testing.T, data, ranges []byte, start uint16) {
		records := recordsFrom(data)
		line := lineOf(records, 1024)
		chunks := map[uint32][]record.Slice{0: records}
		// Near the end of a chunk, so that pieces are cut there.
		y := &layout{start: record.ChunkSize - uint64(start)%1024, chunks: map[uint32][]record.Slice{}}
		want := []byteOf{}
		for ; len(ranges) >= 2 && len(want) < 2000; ranges = ranges[2:] {
			off, n := uint64(ranges[0]), uint64(ranges[1])
			y.addFile(chunks, off, n)
			want = append(want, line[off:off+n]...)
		}
		if y.length != uint64(len(want)) {
			t.Fatalf("length %d, want %d", y.length, len(want))
		}
		got := make([]byteOf, 0, len(want))
		for i := range y.length {
			got = append(got, byteAt(y.chunks, y.start+i))
		}
		if d := cmp.Diff(got, want, cmp.AllowUnexported(byteOf{})); d != "" {
			t.Fatalf("laid out as %+v (-got +want):\n%s", y.chunks, d)
		}
	})
}

// byteAt is what a file has at a position, found without Visible.
func byteAt(chunks map[uint32][]record.Slice, at uint64) byteOf {
	var b byteOf
	pos := uint32(at % record.ChunkSize)
	for _, s := range chunks[uint32(at/record.ChunkSize)] {
		switch {
		case pos < s.Pos || pos >= s.Pos+s.Len:
		case s.ID == 0:
			b = byteOf{}
		default:
			b = byteOf{s.ID, s.Off + pos - s.Pos}
		}
	}
	return b
}
