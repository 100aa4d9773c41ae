//go:build amd64 && !purego

package checksum

import (
	"crypto/md5" //nolint:gosec // the entity tag of S3
	"crypto/sha256"
	"encoding/binary"

	"github.com/klauspost/cpuid/v2"
)

// blockSize is that of either hash, in bytes.
const blockSize = md5.BlockSize

// hasJoint reports whether the CPU has the instructions of jointBlocks.
func hasJoint() bool { return cpuid.CPU.Supports(cpuid.SHA, cpuid.SSSE3, cpuid.SSE4) }

// joint is the state of both hashes. As long as they have got the same blocks they work as one: whenever SHA-256 is begun
// anew between two blocks. Else each works alone, beside a state that nobody looks at, which takes twice the time.
type joint struct {
	m     [4]uint32 // of MD5, after all whole blocks
	s     [8]uint32 // of SHA-256
	mRest rest
	sRest rest // while skewed
	base  uint64
	skew  bool
}

// rest is what a hash has got after the last whole block.
type rest struct {
	tail [blockSize]byte
	size uint64 // of all data; its last size%blockSize bytes are in tail
}

var (
	md5Begin = [4]uint32{0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476}
	shaBegin = [8]uint32{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19}
)

func newJoint() *joint { return &joint{m: md5Begin, s: shaBegin} }

// resetSHA256 begins SHA-256 anew.
func (j *joint) resetSHA256() {
	j.s, j.base, j.sRest.size = shaBegin, j.mRest.size, 0
	j.skew = j.base%blockSize != 0
}

// Write implements io.Writer. It never fails and does not keep p.
func (j *joint) Write(p []byte) (int, error) {
	if j.skew {
		m, s := j.m, j.s
		j.mRest.add(&j.m, &s, p)
		j.sRest.add(&m, &j.s, p)
	} else {
		j.mRest.add(&j.m, &j.s, p)
	}
	return len(p), nil
}

// add adds data to both states.
func (r *rest) add(m *[4]uint32, s *[8]uint32, p []byte) {
	have := int(r.size % blockSize)
	r.size += uint64(len(p))
	if have > 0 {
		took := copy(r.tail[have:], p)
		if p = p[took:]; have+took < blockSize {
			return
		}
		jointBlocks(m, s, r.tail[:])
	}
	jointBlocks(m, s, p)
	copy(r.tail[:], p[len(p)&^(blockSize-1):])
}

// end returns the last blocks: what is in tail, a bit, zeros, and room for the number of bits at the end.
func (r *rest) end() (blocks [2 * blockSize]byte, n int) {
	have := copy(blocks[:], r.tail[:r.size%blockSize])
	blocks[have] = 0x80
	if n = blockSize; have+1+8 > blockSize {
		n = 2 * blockSize
	}
	return blocks, n
}

// The hashes differ in how they write numbers. So each ends with blocks of its own, which the other's state must not see.

func (j *joint) md5() []byte {
	m, s := j.m, j.s
	last, n := j.mRest.end()
	binary.LittleEndian.PutUint64(last[n-8:], j.mRest.size<<3)
	jointBlocks(&m, &s, last[:n])
	out := make([]byte, 0, md5.Size)
	for _, v := range m {
		out = binary.LittleEndian.AppendUint32(out, v)
	}
	return out
}

func (j *joint) sha256() []byte {
	m, s, r := j.m, j.s, j.sRest
	if !j.skew {
		r = rest{j.mRest.tail, j.mRest.size - j.base}
	}
	last, n := r.end()
	binary.BigEndian.PutUint64(last[n-8:], r.size<<3)
	jointBlocks(&m, &s, last[:n])
	out := make([]byte, 0, sha256.Size)
	for _, v := range s {
		out = binary.BigEndian.AppendUint32(out, v)
	}
	return out
}

// jointBlocks adds the whole blocks of p to both hashes; bytes after the last of them are left out.
//
//go:noescape
func jointBlocks(m *[4]uint32, s *[8]uint32, p []byte)

// swapped has SHA-256 read words with the highest byte first.
var swapped = [16]byte{3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12} //nolint:unused // joint_amd64.s reads it

// shaConstants are those of FIPS 180-4, section 4.2.2: of the cube roots of the first 64 primes, the first 32 bits after the
// point. Those of MD5 are in the code.
var shaConstants = [64]uint32{ //nolint:unused // as above
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
	0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
	0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
	0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
	0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
	0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
	0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
}
