package chunk

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// index is the part of testdata/index.json that is about keys and codecs; the original's program made it and the files.
type index struct {
	Objects []struct {
		File        string `json:"file"`
		Key         string `json:"object_key"`
		Volume      string `json:"volume"`
		Plain       string `json:"plain_name"`
		PlainSHA256 string `json:"plain_sha256"`
		PlainSize   int    `json:"plain_size"`
		Compression string `json:"compression"`
		Encryption  string `json:"encrypt_algo"`
	} `json:"objects"`
	Keys []struct {
		ID     uint64 `json:"slice_id"`
		Index  uint32 `json:"block_index"`
		Length uint32 `json:"block_len"`
		Key    string `json:"key"`
		Hashed string `json:"key_hash_prefix"`
	} `json:"object_keys"`
	Interop struct {
		Samples []struct {
			File  string `json:"file"`
			Plain string `json:"plain_name"`
		} `json:"samples"`
	} `json:"interop"`
}

func readFile(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func readIndex(t testing.TB) index {
	t.Helper()
	var x index
	if err := json.Unmarshal(readFile(t, "index.json"), &x); err != nil {
		t.Fatal(err)
	}
	return x
}

// plain makes an input of the vectors by its recipe in the index.
func plain(t testing.TB, name string) []byte {
	t.Helper()
	var b []byte
	switch name {
	case "hello.txt":
		return []byte("hello juicefs data path\n")
	case "rand5k.bin":
		for i := 0; len(b) < 5000; i++ {
			sum := sha256.Sum256(fmt.Appendf(nil, "rand5k:%d", i))
			b = append(b, sum[:]...)
		}
		return b[:5000]
	case "text200k.txt":
		for i := 0; len(b) < 200000; i++ {
			b = fmt.Appendf(b, "line %06d the quick brown fox\n", i)
		}
		return b[:200000]
	case "zeros1m.bin":
		return make([]byte, 1<<20)
	}
	t.Fatalf("no recipe for %s", name)
	return nil
}

func mustCodec(t testing.TB, name string) codec {
	t.Helper()
	c, err := newCodec(name)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestKeysOfTheOriginal(t *testing.T) {
	x := readIndex(t)
	if len(x.Keys) < 8 {
		t.Fatalf("%d keys in the vectors", len(x.Keys))
	}
	for _, k := range x.Keys {
		b := Block{k.ID, k.Index, k.Length}
		for hashed, want := range map[bool]string{false: k.Key, true: k.Hashed} {
			if got := b.Key(hashed); got != want {
				t.Errorf("%+v: got %s, want %s", b, got, want)
			}
			if got, h, err := ParseKey(want); err != nil || got != b || h != hashed {
				t.Errorf("%s: got %+v, %v, %v", want, got, h, err)
			}
		}
	}
	for _, o := range x.Objects {
		key := strings.TrimPrefix(o.Key, o.Volume+"/")
		b, _, err := ParseKey(key)
		if strings.HasPrefix(key, "chunks/") != (err == nil) || err == nil && int(b.Length) != o.PlainSize {
			t.Errorf("%s: got %+v, %v", key, b, err)
		}
	}
}

func TestParseKeyRefuses(t *testing.T) {
	for _, key := range []string{
		"", "chunks/0/0/", "chunks/0/0/4_0", "chunks/0/0/4_0_24_1", "chunks/0/1/4_0_24", "chunks/1/0/4_0_24", "chunks/0/0/04_0_24",
		"chunks/0/0/+4_0_24", "chunks/0/0/4_0_-1", "chunks/0/0/4_0_4294967296", "chunks/0/0/18446744073709551616_0_1", "/chunks/0/0/4_0_24",
		"chunks/5/0/4_0_24", "chunks/0a/0/10_0_24", "chunks/0A/1/10_0_24", "chunk/0/0/4_0_24", "chunks/0/0/4_0_24/", "v/chunks/0/0/4_0_24",
		"chunks/0/0/.jfs.4_0_24.tmp.123", "juicefs_uuid", "meta/dump-2026-01-01-000000.json.gz",
	} {
		if b, _, err := ParseKey(key); !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("%q: got %+v, %v", key, b, err)
		}
	}
}

func TestObjectsOfTheOriginal(t *testing.T) {
	decoded := 0
	for _, o := range readIndex(t).Objects {
		if o.Encryption != "" || o.Plain == "" {
			continue
		}
		t.Run(filepath.Base(o.File), func(t *testing.T) {
			got := readFile(t, o.File)
			if c := mustCodec(t, o.Compression); c != nil {
				stored := got
				if len(stored) > c.bound(o.PlainSize) {
					t.Errorf("%d stored bytes are above the bound %d", len(stored), c.bound(o.PlainSize))
				}
				got = make([]byte, o.PlainSize)
				if err := c.decode(got, stored); err != nil {
					t.Fatal(err)
				}
				for _, wrong := range []int{o.PlainSize - 1, o.PlainSize + 1} {
					if err := c.decode(make([]byte, wrong), stored); err == nil {
						t.Errorf("%d bytes were decoded as %d", o.PlainSize, wrong)
					}
				}
			}
			if sum := sha256.Sum256(got); hex.EncodeToString(sum[:]) != o.PlainSHA256 || !bytes.Equal(got, plain(t, o.Plain)) {
				t.Errorf("got %d other bytes", len(got))
			}
			decoded++
		})
	}
	if decoded != 10 {
		t.Errorf("%d vectors were decoded", decoded)
	}
}

// Blocks of other encoders, also one that the original cannot read, are read.
func TestBlocksOfOtherEncoders(t *testing.T) {
	for _, s := range readIndex(t).Interop.Samples {
		name, _, _ := strings.Cut(filepath.Base(s.File), "-")
		want := plain(t, s.Plain)
		got := make([]byte, len(want))
		if err := mustCodec(t, name).decode(got, readFile(t, s.File)); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %v", s.File, err)
		}
	}
}

// What encode makes must be what the original can read: within its bound, one frame in a single segment with the size of
// the content and without a checksum for zstd.
func TestEncodedForm(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	random := make([]byte, 16<<20)
	for i := range random {
		random[i] = byte(rnd.Uint32())
	}
	inputs := map[string][]byte{
		"zeros 16M": make([]byte, 16<<20), "hello": plain(t, "hello.txt"), "rand5k": plain(t, "rand5k.bin"),
		"text": plain(t, "text200k.txt"), "zeros": plain(t, "zeros1m.bin"),
	}
	for _, n := range []int{1, 2, 3, 12, 13, 15, 16, 17, 100, 255, 256, 257, 4096, 65535, 65536, 131071, 131072, 131073, 1 << 20, 4 << 20, 16 << 20} {
		inputs[fmt.Sprint("random ", n)] = random[:n]
	}
	for _, name := range []string{"lz4", "zstd", "LZ4", "Zstd"} {
		c := mustCodec(t, name)
		for input, in := range inputs {
			out, err := c.encode([]byte("before"), in)
			if err != nil || !bytes.HasPrefix(out, []byte("before")) {
				t.Fatalf("%s of %s: %v", name, input, err)
			}
			out = out[len("before"):]
			if len(out) > c.bound(len(in)) {
				t.Errorf("%s of %s: %d bytes are above the bound %d", name, input, len(out), c.bound(len(in)))
			}
			if _, ok := c.(*zstdCodec); ok {
				checkFrame(t, input, out, len(in))
			}
			back := make([]byte, len(in))
			if err := c.decode(back, out); err != nil || !bytes.Equal(back, in) {
				t.Errorf("%s of %s does not come back: %v", name, input, err)
			}
		}
	}
}

// checkFrame checks the header of a Zstandard frame (RFC 8878, 3.1.1).
func checkFrame(t *testing.T, input string, frame []byte, size int) {
	t.Helper()
	if !bytes.HasPrefix(frame, []byte{0x28, 0xb5, 0x2f, 0xfd}) {
		t.Errorf("%s: frame begins with % x", input, frame[:4])
		return
	}
	descriptor := frame[4]
	if descriptor&0x20 == 0 || descriptor&0x04 != 0 || descriptor&0x03 != 0 {
		t.Errorf("%s: descriptor %08b is not a single segment without checksum and dictionary", input, descriptor)
	}
	field := frame[5:]
	got := 0
	switch descriptor >> 6 {
	case 0:
		got = int(field[0])
	case 1:
		got = int(field[0]) + int(field[1])<<8 + 256
	case 2:
		got = int(field[0]) + int(field[1])<<8 + int(field[2])<<16 + int(field[3])<<24
	}
	if got != size {
		t.Errorf("%s: the frame says %d bytes of content, not %d", input, got, size)
	}
}

func TestCompressionNames(t *testing.T) {
	for _, name := range []string{"", "none", "None"} {
		if c := mustCodec(t, name); c != nil {
			t.Errorf("%q has codec %T", name, c)
		}
	}
	if _, err := newCodec("gzip"); !errors.Is(err, errors.ErrUnsupported) || !strings.Contains(err.Error(), "gzip") {
		t.Errorf("got %v", err)
	}
}

func FuzzParseKey(f *testing.F) {
	for _, k := range readIndex(f).Keys {
		f.Add(k.Key)
		f.Add(k.Hashed)
	}
	f.Fuzz(func(t *testing.T, key string) {
		b, hashed, err := ParseKey(key)
		if err == nil && b.Key(hashed) != key {
			t.Errorf("%q was read as %+v", key, b)
		}
		if err != nil && !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("got %v", err)
		}
	})
}

func fuzzDecode(f *testing.F, name string) {
	x := readIndex(f)
	for _, o := range x.Objects {
		if o.Compression == name && o.Encryption == "" {
			f.Add(readFile(f, o.File), o.PlainSize)
		}
	}
	for _, s := range x.Interop.Samples {
		if strings.HasPrefix(filepath.Base(s.File), name) {
			f.Add(readFile(f, s.File), len(plain(f, s.Plain)))
		}
	}
	c := mustCodec(f, name)
	f.Fuzz(func(t *testing.T, stored []byte, size int) {
		if size < 0 || size > maxBlockSize {
			return
		}
		memory := make([]byte, size+8)
		copy(memory[size:], "guarding")
		err := c.decode(memory[:size], stored)
		if string(memory[size:]) != "guarding" {
			t.Fatal("decoded beyond the block")
		}
		if err != nil {
			return
		}
		again, err := c.encode(nil, memory[:size])
		if err != nil {
			t.Fatal(err)
		}
		back := make([]byte, size)
		if err := c.decode(back, again); err != nil || !bytes.Equal(back, memory[:size]) {
			t.Errorf("encoded again it does not come back: %v", err)
		}
	})
}

func FuzzLZ4(f *testing.F)  { fuzzDecode(f, "lz4") }
func FuzzZstd(f *testing.F) { fuzzDecode(f, "zstd") }
