package front

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"hash"
)

// chunkSigner follows the chain of signatures: each is over the one before it, as the client sent that. So the whole chain is
// right if each of them is, in whatever order they are compared, and some may be left to a Chain, which comes later.
//
// It is for the goroutine that reads the body.
type chunkSigner struct {
	mac      *chunkMAC
	previous string    // the signature before that of the chunk at hand
	want     string    // that of the chunk at hand
	sum      hash.Hash // of its data, unless it is late
	chain    *Chain    // nil: every chunk is compared here
	late     bool      // the chain has the chunk at hand
	passed   int64     // late chunks that have come to their end
}

func newChunkSigner(key []byte, date string, s *signatureV4) *chunkSigner {
	return &chunkSigner{mac: newChunkMAC(key, date, s.scope), previous: s.signature, sum: sha256.New()}
}

// begin is called before the data of a chunk, which has size bytes and begins at the byte at of all data.
func (s *chunkSigner) begin(at, size int64, signature string) {
	s.want = signature
	s.late = size > 0 && s.chain != nil && s.chain.offer(lateChunk{at: at, size: size, previous: s.previous, want: signature})
	if !s.late {
		s.sum.Reset()
	}
}

// write is called with the data of a chunk.
func (s *chunkSigner) write(p []byte) {
	if !s.late {
		_, _ = s.sum.Write(p) // a hash does not fail
	}
}

// check is called when a chunk has come to its end, and compares its signature unless that is the chain's.
func (s *chunkSigner) check() bool {
	if s.late {
		s.passed++
		s.previous = s.want
		return true
	}
	return s.follow(payloadAlgorithm, emptySHA256+"\n"+hex.EncodeToString(s.sum.Sum(nil)), s.want)
}

// checkTrailer compares the signature of trailers.
func (s *chunkSigner) checkTrailer(lines, signature string) bool {
	return s.follow(trailerAlgorithm, hexSHA256(lines), signature)
}

func (s *chunkSigner) follow(what, signed, signature string) bool {
	if !s.mac.good(what, s.previous, signed, signature) {
		return false
	}
	s.previous = signature
	return true
}

// What begins the texts that are signed.
const (
	payloadAlgorithm = "AWS4-HMAC-SHA256-PAYLOAD"
	trailerAlgorithm = "AWS4-HMAC-SHA256-TRAILER"
)

// chunkMAC tells good signatures of one request's chunks from others. It is for one goroutine.
type chunkMAC struct {
	key   []byte
	scope string // the lines that all signed texts have: the date and the scope
	hash  hash.Hash
	text  []byte // memory
}

func newChunkMAC(key []byte, date, scope string) *chunkMAC {
	return &chunkMAC{key: key, scope: "\n" + date + "\n" + scope + "\n"}
}

// another returns one for another goroutine.
func (m *chunkMAC) another() *chunkMAC { return &chunkMAC{key: m.key, scope: m.scope} }

// good reports whether a signature is the right one after the previous.
func (m *chunkMAC) good(what, previous, signed, signature string) bool {
	if m.hash == nil {
		m.hash = hmac.New(sha256.New, m.key)
	} else {
		m.hash.Reset() // keeps what it knows of the key
	}
	m.text = append(m.text[:0], what...)
	for _, part := range [...]string{m.scope, previous, "\n", signed} {
		m.text = append(m.text, part...)
	}
	_, _ = m.hash.Write(m.text) // a hash does not fail
	m.text = m.hash.Sum(m.text[:0])
	var want [2 * sha256.Size]byte
	hex.Encode(want[:], m.text)
	return subtle.ConstantTimeCompare(want[:], []byte(signature)) == 1
}
