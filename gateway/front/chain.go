package front

import (
	"crypto/md5" //nolint:gosec // the entity tag of S3
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"io"
	"net/http"
	"sync/atomic"

	"juicefs/pkg/checksum"
)

// maxLate is how many chunks at most wait for a Chain: a little more than the data has, of chunks of 16 KiB, that is on its way
// from the reader to the hashes. While there are more, chunks are compared by the reader as they come.
const maxLate = 512

// Chain compares the signatures of a body's chunks behind its reader, in one pass with the MD5 of all data, so that data need
// not wait for either. Nothing of the body counts before Settle has said so.
//
// Each of Writers is for one goroutine, beside that of the reader: it must be given all data that the body gave, in order,
// after the body gave it. The other methods are for the goroutine of the reader, when the writers are done.
//
// Neither side ever waits for the other. The reader tells of a chunk before it gives any of its data. Where there is no room
// to tell, it compares the signature by itself, and to the Chain that data is a gap.
type Chain struct {
	body  *chunks
	queue chan lateChunk
	wrong atomic.Bool // a signature is: see Mismatch

	// What follows belongs to the writer.
	mac      *chunkMAC
	pair     *checksum.Pair // of all data and of the chunk at hand; nil: sum and md5 are in its place
	sum, md5 hash.Hash      // of the chunk at hand, and of all data
	cur      lateChunk      // being summed, or the next to be; its size is 0 if none is known
	at       int64          // bytes of data
	compared int64          // chunks whose signatures are right
}

// lateChunk is a chunk whose signature is still to be compared.
type lateChunk struct {
	at, size       int64 // of its data, in bytes; at counts from the beginning of all data
	previous, want string
}

// newChain returns the chain of a body of which nothing was read. A nil pair means that it is to have two writers.
func newChain(c *chunks, pair *checksum.Pair) *Chain {
	a := &Chain{body: c, queue: make(chan lateChunk, maxLate), mac: c.signer.mac.another(), pair: pair}
	if pair == nil {
		a.sum, a.md5 = sha256.New(), md5.New() //nolint:gosec // the entity tag of S3
	}
	c.signer.chain = a
	return a
}

// offer takes a chunk to compare, if there is room for it.
func (a *Chain) offer(c lateChunk) bool {
	select {
	case a.queue <- c:
		return true
	default:
		return false
	}
}

// Writers are what the body's data must be written to, all of it to each. Their errors are nil.
func (a *Chain) Writers() []io.Writer {
	if a.pair != nil {
		return []io.Writer{chainWriter{a}}
	}
	return []io.Writer{chainWriter{a}, a.md5}
}

// chainWriter is the writer that compares.
type chainWriter struct{ a *Chain }

// Write implements io.Writer. Once a signature was wrong it does nothing.
func (w chainWriter) Write(p []byte) (int, error) {
	a, n := w.a, len(p)
	for len(p) > 0 && !a.wrong.Load() {
		p = p[a.step(p):]
	}
	return n, nil
}

// step takes the beginning of p: that of one chunk, or of a gap. It returns the length.
func (a *Chain) step(p []byte) int {
	if a.cur.size == 0 {
		select {
		case a.cur = <-a.queue:
		default: // whoever gave p had told of every chunk that begins in it
			a.at += int64(len(p))
			a.gap(p)
			return len(p)
		}
	}
	begin, end := a.cur.at, a.cur.at+a.cur.size
	n := int64(len(p))
	switch {
	case a.at < begin:
		n = min(n, begin-a.at)
		a.gap(p[:n])
	case a.at < end:
		if a.at == begin {
			a.reset()
		}
		n = min(n, end-a.at)
		a.add(p[:n])
	default: // the data is not that of the body
		a.wrong.Store(true)
	}
	if a.at += n; a.at == end {
		a.compare()
	}
	return int(n)
}

// compare looks at the signature of the chunk at hand, which is complete.
func (a *Chain) compare() {
	if !a.mac.good(payloadAlgorithm, a.cur.previous, emptySHA256+"\n"+hex.EncodeToString(a.chunkSum()), a.cur.want) {
		a.wrong.Store(true)
		return
	}
	a.compared++
	a.cur = lateChunk{}
}

// gap hashes data that is in no late chunk, and add that of the one at hand, which reset begins.

func (a *Chain) gap(p []byte) {
	if a.pair != nil {
		_, _ = a.pair.Write(p) // hashes do not fail
	}
}

func (a *Chain) add(p []byte) {
	if a.pair != nil {
		_, _ = a.pair.Write(p) // hashes do not fail
		return
	}
	_, _ = a.sum.Write(p)
}

func (a *Chain) reset() {
	if a.pair != nil {
		a.pair.ResetSHA256()
		return
	}
	a.sum.Reset()
}

func (a *Chain) chunkSum() []byte {
	if a.pair != nil {
		return a.pair.SHA256()
	}
	return a.sum.Sum(nil)
}

// Mismatch returns the failure of a chunk whose signature was left to the chain and is wrong, nil if there is none. It
// came before any error of the reader, which may have found something wrong later in the body while this was not yet known.
func (a *Chain) Mismatch() *Failure {
	if a.wrong.Load() && a.compared < a.body.signer.passed {
		return &failSignature
	}
	return nil
}

// Settle returns the MD5 of the data, if the body was read to its end and every signature in it is right.
func (a *Chain) Settle() ([]byte, *Failure) {
	if f := a.Mismatch(); f != nil {
		return nil, f
	}
	c := a.body
	if !c.ended || a.wrong.Load() || a.compared != c.signer.passed || a.at != c.size || len(a.queue) > 0 {
		return nil, &failUnsettled
	}
	c.settled = true
	if a.pair != nil {
		return a.pair.MD5(), nil
	}
	return a.md5.Sum(nil), nil
}

// failUnsettled is the reply if the program itself has not seen to it that every signature was compared.
var failUnsettled = Failure{Status: http.StatusInternalServerError, Code: "InternalError", Message: "We encountered an internal error, please try again."}
