package checksum

import (
	"bytes"
	"crypto/md5"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"
)

func noise(seed uint64, n int) []byte {
	r := rand.New(rand.NewPCG(seed, 1))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

func sumOf(a Algorithm, data []byte) Sum {
	h := a.New()
	_, _ = h.Write(data)
	return Sum{Algorithm: a, Value: h.Sum(nil)}
}

// The check values that the catalogues of CRCs give for "123456789", and the hashes of FIPS 180 for "abc".
func TestKnownValues(t *testing.T) {
	t.Parallel()
	for a, want := range map[Algorithm]string{CRC32: "cbf43926", CRC32C: "e3069283", CRC64NVME: "ae8b14860a799888"} {
		if got := fmt.Sprintf("%x", sumOf(a, []byte("123456789")).Value); got != want {
			t.Errorf("%v: got %s, want %s", a, got, want)
		}
	}
	for a, want := range map[Algorithm]string{SHA1: "a9993e364706816aba3e25717850c26c9cd0d89d",
		SHA256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"} {
		if got := fmt.Sprintf("%x", sumOf(a, []byte("abc")).Value); got != want {
			t.Errorf("%v: got %s, want %s", a, got, want)
		}
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	for _, a := range Algorithms {
		if Named(strings.ToLower(a.String())) != a || OfHeader(strings.ToLower(a.Header())) != a || len(a.New().Sum(nil)) != a.Size() {
			t.Errorf("%v", a)
		}
	}
	if Named("") != None || Named("MD5") != None || OfHeader("x-amz-checksum-md5") != None || None.New() != nil {
		t.Error("what is no algorithm has a name")
	}
}

func TestSumText(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"y/Q5Jg==", "y/Q5Jg==-1", "y/Q5Jg==-10000"} {
		s, err := Parse(CRC32, text)
		if err != nil || s.String() != text {
			t.Errorf("%s: got %v, %v", text, s, err)
		}
	}
	for _, text := range []string{"", "y/Q5Jg", "y/Q5Jg==-0", "y/Q5Jg==-", "y/Q5Jg==-01", "y/Q5Jg==-10001", "AAAA", "!!!!!!!=", "y/Q5Jh==", "y/Q5\nJg=="} {
		if s, err := Parse(CRC32, text); err == nil {
			t.Errorf("%q is taken for %v", text, s)
		}
	}
	if _, err := Parse(None, ""); err == nil {
		t.Error("none is a sum")
	}
}

func TestKinds(t *testing.T) {
	t.Parallel()
	for a, want := range map[Algorithm]string{CRC32: "FULL_OBJECT COMPOSITE", CRC32C: "FULL_OBJECT COMPOSITE", CRC64NVME: "FULL_OBJECT", SHA1: "COMPOSITE", SHA256: "COMPOSITE", None: ""} {
		var got []string
		for _, k := range []Kind{FullObject, Composite} {
			if a.Allows(k) {
				got = append(got, string(k))
			}
		}
		if strings.Join(got, " ") != want || a != None && !a.Allows(KindOf(a)) || a.Allows("x") {
			t.Errorf("%v: got %v, want %s", a, got, want)
		}
	}
}

func TestJoinIsTheSumOfAll(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 2))
	for _, a := range Algorithms {
		for range 20 {
			var whole []byte
			var parts []Part
			for range 1 + r.IntN(5) {
				data := noise(r.Uint64(), r.IntN(3)*r.IntN(5000))
				whole = append(whole, data...)
				parts = append(parts, Part{sumOf(a, data), int64(len(data))})
			}
			got, want := Join(parts), sumOf(a, whole)
			if !a.Linear() {
				want = Sum{}
			}
			if !got.Equal(want) {
				t.Fatalf("%v, seed %d: got %v, want %v", a, seed, got, want)
			}
		}
	}
	big := combine(CRC32, 1, 2, 5<<40) // a length beyond 32 bits is not cut
	if big == combine(CRC32, 1, 2, 0) {
		t.Error("the length does not count")
	}
}

func TestCompose(t *testing.T) {
	t.Parallel()
	a, b := Part{sumOf(SHA256, []byte("a")), 1}, Part{sumOf(SHA256, []byte("b")), 1}
	h := sha256.New()
	_, _ = h.Write(append(bytes.Clone(a.Sum.Value), b.Sum.Value...))
	got := Compose([]Part{a, b})
	if !got.Equal(Sum{SHA256, h.Sum(nil), 2}) || got.Kind() != Composite || a.Sum.Kind() != FullObject {
		t.Errorf("got %v", got)
	}
	for _, parts := range [][]Part{nil, {{}}, {a, {sumOf(CRC32, nil), 0}}, {a, {got, 2}}} {
		if s := Compose(parts); !s.IsZero() {
			t.Errorf("%v compose to %v", parts, s)
		}
		if s := Join(parts); !s.IsZero() {
			t.Errorf("%v join to %v", parts, s)
		}
	}
}

func TestDigest(t *testing.T) {
	t.Parallel()
	for _, size := range []int{0, 1, pieceSize - 1, pieceSize, longData, 9*pieceSize + 17} {
		for _, known := range []bool{true, false} {
			data := noise(uint64(size), size) //nolint:gosec // small
			said := int64(size)
			if !known {
				said = -1
			}
			m, s, c := md5.New(), sha256.New(), CRC32.New()
			d := NewDigest(said, []io.Writer{m, nil, s}, []io.Writer{c, nil})
			var shared, back atomic.Int32
			for rest, i := data, 0; len(rest) > 0; i++ {
				n := min(len(rest), 100_000)
				if i%3 == 2 {
					shared.Add(1)
					part := bytes.Clone(rest[:n])
					d.Share(part, func() { back.Add(1); clear(part) }) // what is read later is wrong
				} else {
					_, _ = d.Write(rest[:n])
				}
				rest = rest[n:]
			}
			d.Wait()
			d.Wait()
			wantMD5, wantSHA := md5.Sum(data), sha256.Sum256(data)
			if !bytes.Equal(m.Sum(nil), wantMD5[:]) || !bytes.Equal(s.Sum(nil), wantSHA[:]) ||
				!bytes.Equal(c.Sum(nil), sumOf(CRC32, data).Value) {
				t.Errorf("%d bytes: other sums", size)
			}
			if shared.Load() != back.Load() {
				t.Errorf("%d bytes: %d of %d shared pieces came back", size, back.Load(), shared.Load())
			}
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(uint8(1), "y/Q5Jg==-2")
	f.Fuzz(func(t *testing.T, a uint8, text string) {
		alg := Algorithm(a % uint8(len(names)))
		s, err := Parse(alg, text)
		if err == nil && s.String() != text {
			t.Errorf("%q reads as %v", text, s)
		}
	})
}
