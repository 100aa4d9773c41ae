package front

import (
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
	chunkKey
	previous string    // the signature before that of the chunk at hand
	want     string    // that of the chunk at hand
	sum      hash.Hash // of its data, unless it is late
	chain    *Chain    // nil: every chunk is compared here
	late     bool      // the chain has the chunk at hand
	passed   int64     // late chunks that have come to their end
}

func newChunkSigner(key []byte, date string, s *signatureV4) *chunkSigner {
	return &chunkSigner{chunkKey: chunkKey{key: key, date: date, scope: s.scope}, previous: s.signature, sum: sha256.New()}
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
	if !s.good(what, s.previous, signed, signature) {
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

// chunkKey is what the signatures of all chunks of a body have in common. It may be used by several goroutines.
type chunkKey struct {
	key   []byte
	date  string
	scope string
}

// good reports whether a signature is the right one after the previous.
func (k *chunkKey) good(what, previous, signed, signature string) bool {
	want := hex.EncodeToString(mac(k.key, what+"\n"+k.date+"\n"+k.scope+"\n"+previous+"\n"+signed))
	return subtle.ConstantTimeCompare([]byte(want), []byte(signature)) == 1
}
