package checksum

import (
	"crypto/md5" //nolint:gosec // the entity tag of S3
	"crypto/sha256"
	"hash"
	"io"
)

// Pair computes MD5 and SHA-256 of the same data, which every signed upload needs. Each of them is a chain of instructions
// that wait for each other and leave most of a core idle. On a CPU that has instructions for SHA-256 a Pair computes both at
// once, in the time that MD5 alone takes; elsewhere it is two hashes.
//
// It is for one goroutine, and for those that Writers are given to until they are done.
type Pair struct {
	joint       *joint
	md5, sha256 hash.Hash // nil if joint is not
}

// Joint reports whether the CPU lets a Pair compute both at once.
func Joint() bool { return hasJoint() }

// NewPair returns a Pair of no data.
func NewPair() *Pair {
	if hasJoint() {
		return &Pair{joint: newJoint()}
	}
	return &Pair{md5: md5.New(), sha256: sha256.New()} //nolint:gosec // as above
}

// Writers are what the data must be written to, all of it to each. Their errors are nil.
func (p *Pair) Writers() []io.Writer {
	if p.joint != nil {
		return []io.Writer{p.joint}
	}
	return []io.Writer{p.md5, p.sha256}
}

// Write implements io.Writer, for who has one goroutine for both. It never fails and does not keep b.
func (p *Pair) Write(b []byte) (int, error) {
	if p.joint != nil {
		return p.joint.Write(b)
	}
	_, _ = p.md5.Write(b) // hashes do not fail
	return p.sha256.Write(b)
}

// ResetSHA256 begins SHA-256 anew, with the next byte, while MD5 goes on.
func (p *Pair) ResetSHA256() {
	if p.joint != nil {
		p.joint.resetSHA256()
		return
	}
	p.sha256.Reset()
}

// MD5 returns the MD5 of what was written.
func (p *Pair) MD5() []byte {
	if p.joint != nil {
		return p.joint.md5()
	}
	return p.md5.Sum(nil)
}

// SHA256 returns the SHA-256 of what was written.
func (p *Pair) SHA256() []byte {
	if p.joint != nil {
		return p.joint.sha256()
	}
	return p.sha256.Sum(nil)
}
