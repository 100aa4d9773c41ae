package checksum

import (
	"bytes"
	"crypto/md5" //nolint:gosec // the entity tag of S3
	"crypto/sha256"
	"math/rand/v2"
	"testing"
)

// pairs are one of each kind that there is here.
func pairs() map[string]*Pair {
	all := map[string]*Pair{"of two hashes": {md5: md5.New(), sha256: sha256.New()}} //nolint:gosec // as above
	if hasJoint() {
		all["in one pass"] = &Pair{joint: newJoint()}
	}
	return all
}

// checkPair writes data in pieces and compares the sums with those of the standard library, also half-way.
func checkPair(t *testing.T, p *Pair, data []byte, piece func() int) {
	t.Helper()
	check := func(data []byte) {
		wantMD5, wantSHA := md5.Sum(data), sha256.Sum256(data) //nolint:gosec // as above
		if !bytes.Equal(p.MD5(), wantMD5[:]) {
			t.Errorf("MD5 of %d bytes: got %x, want %x", len(data), p.MD5(), wantMD5)
		}
		if !bytes.Equal(p.SHA256(), wantSHA[:]) {
			t.Errorf("SHA-256 of %d bytes: got %x, want %x", len(data), p.SHA256(), wantSHA)
		}
	}
	for done := 0; done < len(data); {
		n := min(piece(), len(data)-done)
		for _, w := range p.Writers() {
			if m, err := w.Write(data[done : done+n]); m != n || err != nil {
				t.Fatalf("write: %d, %v", m, err)
			}
		}
		if done += n; done < 300 {
			check(data[:done])
		}
	}
	check(data)
}

func TestPair(t *testing.T) {
	t.Parallel()
	for size := range 300 {
		for name, p := range pairs() {
			t.Run(name, func(t *testing.T) { checkPair(t, p, noise(uint64(size), size), func() int { return 1 << 20 }) }) //nolint:gosec // small
		}
	}
	seed := rand.Uint64() //nolint:gosec // printed
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // to be repeated
	for range 50 {
		data := noise(r.Uint64(), r.IntN(100_000))
		for name, p := range pairs() {
			t.Run(name, func(t *testing.T) { checkPair(t, p, data, func() int { return 1 + r.IntN(1+r.IntN(5000)) }) })
		}
	}
}

// TestPairOfParts begins SHA-256 anew again and again, between blocks and in the middle of them.
func TestPairOfParts(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64() //nolint:gosec // printed
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // to be repeated
	for range 300 {
		for name, p := range pairs() {
			var all []byte
			for range 1 + r.IntN(6) {
				part := noise(r.Uint64(), blockOf(r))
				p.ResetSHA256()
				for rest := part; len(rest) > 0; {
					n := 1 + r.IntN(len(rest))
					if m, err := p.Write(rest[:n]); m != n || err != nil {
						t.Fatalf("write: %d, %v", m, err)
					}
					rest = rest[n:]
				}
				all = append(all, part...)
				wantMD5, wantSHA := md5.Sum(all), sha256.Sum256(part) //nolint:gosec // as above
				if !bytes.Equal(p.MD5(), wantMD5[:]) || !bytes.Equal(p.SHA256(), wantSHA[:]) {
					t.Fatalf("%s, %d bytes of %d: other sums", name, len(part), len(all))
				}
			}
		}
	}
}

// blockOf is a length of a few blocks, mostly whole ones.
func blockOf(r *rand.Rand) int {
	n := 64 * r.IntN(4)
	if r.IntN(3) == 0 {
		n += r.IntN(64)
	}
	return n
}

func FuzzPair(f *testing.F) {
	f.Add([]byte("abc"), uint8(1))
	f.Add(bytes.Repeat([]byte{0xff}, 200), uint8(63))
	f.Fuzz(func(t *testing.T, data []byte, piece uint8) {
		for _, p := range pairs() {
			checkPair(t, p, data, func() int { return 1 + int(piece) })
		}
	})
}

func BenchmarkPair(b *testing.B) {
	data := noise(1, 64<<10)
	for name, p := range pairs() {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				for _, w := range p.Writers() {
					_, _ = w.Write(data) // hashes do not fail
				}
			}
		})
	}
}
