// Package checksum has the sums by which S3 checks data: CRC-32, CRC-32C, CRC-64/NVME, SHA-1 and SHA-256.
//
// Read Algorithm, then Sum. Join and Compose make the sum of an object of those of its parts. Digest computes several
// hashes of one stream at once, on other cores when the stream is long.
package checksum

import (
	"crypto/sha1" //nolint:gosec // one of the sums of S3
	"crypto/sha256"
	"hash"
	"hash/crc32"
	"strings"

	"github.com/minio/crc64nvme"
)

// Algorithm is a way to compute a sum.
type Algorithm uint8

// The algorithms. The zero value is none.
const (
	None Algorithm = iota
	CRC32
	CRC32C
	CRC64NVME
	SHA1
	SHA256
)

// Algorithms are all but None.
var Algorithms = [...]Algorithm{CRC32, CRC32C, CRC64NVME, SHA1, SHA256}

// names are those of S3.
var names = [...]string{"", "CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"}

// headers are the fields of HTTP in canonical form.
var headers = [...]string{"", "X-Amz-Checksum-Crc32", "X-Amz-Checksum-Crc32c", "X-Amz-Checksum-Crc64nvme", "X-Amz-Checksum-Sha1", "X-Amz-Checksum-Sha256"}

// sizes are in bytes.
var sizes = [...]int{0, 4, 4, 8, sha1.Size, sha256.Size}

// Named returns the algorithm of a name of S3 such as "CRC32C", in any case; None if there is none.
func Named(name string) Algorithm {
	for _, a := range Algorithms {
		if strings.EqualFold(names[a], name) {
			return a
		}
	}
	return None
}

// OfHeader returns the algorithm whose sum an HTTP field has, by the field's name in any case; None if it has none.
func OfHeader(name string) Algorithm {
	for _, a := range Algorithms {
		if strings.EqualFold(headers[a], name) {
			return a
		}
	}
	return None
}

// String is the name as S3 writes it; empty for None.
func (a Algorithm) String() string { return names[a] }

// Header is the HTTP field of such a sum in canonical form.
func (a Algorithm) Header() string { return headers[a] }

// Size is the length of a sum in bytes.
func (a Algorithm) Size() int { return sizes[a] }

// Linear reports whether the sum of data follows from the sums of its parts: Join.
func (a Algorithm) Linear() bool { return a == CRC32 || a == CRC32C || a == CRC64NVME }

// New returns a hash; nil for None.
func (a Algorithm) New() hash.Hash {
	switch a {
	case CRC32:
		return crc32.NewIEEE()
	case CRC32C:
		return crc32.New(crc32.MakeTable(crc32.Castagnoli))
	case CRC64NVME:
		return crc64nvme.New()
	case SHA1:
		return sha1.New() //nolint:gosec // one of the sums of S3
	case SHA256:
		return sha256.New()
	}
	return nil
}
