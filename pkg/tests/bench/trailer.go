package main

import (
	"encoding/hex"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"

	"juicefs/pkg/checksum"
)

// coding is how the client sends data.
type coding struct {
	name   string
	hash   string             // x-amz-content-sha256
	chunk  int                // bytes of a chunk; 0: the body is the data
	sum    checksum.Algorithm // of the trailer; of the header if there are no chunks
	signed bool               // each chunk is, and the trailer
	goal   float64
}

const (
	signedTrailer   = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
	unsignedTrailer = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
	unsignedPayload = "UNSIGNED-PAYLOAD"
)

// codings are what clients do: a plain body with its SHA-256 in the signature first. Chunks are as long as those of the
// clients of today: 64 KiB (Go, JavaScript), 1 MiB (Python).
var codings = []coding{
	{name: "plain, SHA-256 signed"},
	{name: "plain, unsigned", hash: unsignedPayload},
	{name: "plain, SHA-256 signed, CRC64NVME in the header", sum: checksum.CRC64NVME, goal: 0.9},
	{name: "unsigned trailer CRC64NVME, chunks of 64 KiB", hash: unsignedTrailer, chunk: 64 << 10, sum: checksum.CRC64NVME, goal: 0.9},
	{name: "unsigned trailer CRC32, chunks of 64 KiB", hash: unsignedTrailer, chunk: 64 << 10, sum: checksum.CRC32, goal: 0.9},
	{name: "unsigned trailer CRC32, chunks of 1 MiB", hash: unsignedTrailer, chunk: 1 << 20, sum: checksum.CRC32, goal: 0.9},
	{name: "unsigned trailer SHA256, chunks of 64 KiB", hash: unsignedTrailer, chunk: 64 << 10, sum: checksum.SHA256, goal: 0.9},
	{name: "signed trailer CRC64NVME, chunks of 64 KiB", hash: signedTrailer, chunk: 64 << 10, sum: checksum.CRC64NVME, signed: true, goal: 0.9},
	{name: "signed trailer CRC32, chunks of 64 KiB", hash: signedTrailer, chunk: 64 << 10, sum: checksum.CRC32, signed: true, goal: 0.9},
}

// trailers compares uploads of 64 MiB.
func (o *options) trailers(dir string) error {
	const name = "trailers: put-64m"
	if !match(workload{name: name}, o.only) {
		return nil
	}
	s := &server{name: "ours", bin: o.ours, database: "meta.db"}
	c := []comparison{{rounds: o.rounds * trailerRounds}}
	for _, k := range codings {
		c[0].ways = append(c[0].ways, way{k.name, s, k.workload(name)})
	}
	if err := o.aside(dir, []*server{s}, c, o.cellTime); err != nil {
		return err
	}
	printComparisons("What checksum trailers cost", c)
	return nil
}

// trailerRounds is how many uploads of each kind there are for a round of others. A cell is one upload: the shorter it is, the
// more alike is what else the machine does.
const trailerRounds = 12

// keptUploads is under how many keys uploads replace each other.
const keptUploads = 6

// workload uploads the same few keys again and again. What the client has to compute it computes before the clock runs.
func (k *coding) workload(name string) workload {
	var ready request
	var hashes []string // of the chunks
	text := ""          // the checksum
	return workload{name: name, clients: 1, unit: "MB/s", count: 1, goal: k.goal,
		prepare: func(b *bench, s *server, round int) error {
			if text == "" && k.sum != checksum.None {
				text = sumText(k.sum, b.large)
				for rest := b.large; k.signed && len(rest) > 0; rest = rest[min(k.chunk, len(rest)):] {
					hashes = append(hashes, sum(rest[:min(k.chunk, len(rest))]))
				}
			}
			ready = k.request(b, s, fmt.Sprintf("/%s/w/trailers/%d", bucket, round%keptUploads), text, hashes)
			return nil
		},
		op: func(b *bench, _ *server, _, _, _ int) (request, int64, error) { return ready, int64(len(b.large)), nil }}
}

func sumText(a checksum.Algorithm, data []byte) string {
	h := a.New()
	_, _ = h.Write(data) // a hash does not fail
	return checksum.Sum{Algorithm: a, Value: h.Sum(nil)}.String()
}

// request is one upload of the large object under a key. text is its checksum, hashes are those of the chunks.
func (k *coding) request(b *bench, s *server, key, text string, hashes []string) request {
	name := strings.ToLower(k.sum.Header())
	if k.chunk == 0 {
		h := map[string]string{}
		if k.sum != checksum.None {
			h[name] = text
		}
		bodySum := k.hash
		if bodySum == "" {
			bodySum = b.largeSum
		}
		return s.keys.sign(s.addr, "PUT", key, "", b.large, bodySum, h, http.StatusOK)
	}
	h := map[string]string{"Content-Encoding": "aws-chunked", "x-amz-decoded-content-length": strconv.Itoa(len(b.large)), "x-amz-trailer": name}
	long := k.encode(b.large, name+":"+text, &chain{}, hashes) // for the length: nothing is signed yet
	q := s.keys.signLong(s.addr, "PUT", key, "", length(long), k.hash, h, http.StatusOK)
	q.parts = k.encode(b.large, name+":"+text, &q.chain, hashes)
	return q
}

func length(parts net.Buffers) (n int) {
	for _, p := range parts {
		n += len(p)
	}
	return n
}

// encode lays chunks around data, of which it keeps slices.
func (k *coding) encode(data []byte, trailer string, c *chain, hashes []string) net.Buffers {
	parts := make(net.Buffers, 0, 2*(len(data)/k.chunk+2))
	end := ""
	for i := 0; len(data) > 0; i++ {
		n := min(k.chunk, len(data))
		head := end + strconv.FormatInt(int64(n), 16)
		if k.signed {
			head += ";chunk-signature=" + c.next("AWS4-HMAC-SHA256-PAYLOAD", sum(nil)+"\n"+hashes[i])
		}
		parts = append(parts, []byte(head+"\r\n"), data[:n])
		data, end = data[n:], "\r\n"
	}
	last := end + "0"
	if k.signed {
		last += ";chunk-signature=" + c.next("AWS4-HMAC-SHA256-PAYLOAD", sum(nil)+"\n"+sum(nil))
	}
	last += "\r\n" + trailer + "\r\n"
	if k.signed {
		last += "x-amz-trailer-signature:" + c.next("AWS4-HMAC-SHA256-TRAILER", sum([]byte(trailer+"\n"))) + "\r\n"
	}
	return append(parts, []byte(last+"\r\n"))
}

// chain signs chunks, each over the one before.
type chain struct {
	key                    []byte
	stamp, scope, previous string
}

// next signs the next of what is sent.
func (c *chain) next(what, signed string) string {
	c.previous = hex.EncodeToString(mac(c.key, what+"\n"+c.stamp+"\n"+c.scope+"\n"+c.previous+"\n"+signed))
	return c.previous
}
