package gateway

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"strconv"
	"strings"

	minio "github.com/minio/minio/cmd"

	"juicefs/gateway/front"
	"juicefs/pkg/checksum"
	"juicefs/vfs"
)

// What is kept of the parts that an object came in: sizes and checksums. Both are ours: the original leaves them alone. They
// are text, as all attributes of the gateway, which the original's dump of a volume has as they are: it writes each other byte
// as three. 10,000 CRC-32 take 53 KB, 10,000 SHA-256 427 KB.

// attrParts and attrPartSums may be longer than an attribute can be. The rest of a value is in attributes of the same name
// with ".1", ".2" and so on.
const (
	attrParts    = "s3-parts"     // JSON list of [size, how many in a row]
	attrPartSums = "s3-part-sums" // algorithm, a blank, and base64 without padding of all sums one behind the other
)

// attrLimit is the largest extended attribute, in bytes: the file system takes one more, the BLOB of MySQL does not.
const attrLimit = 64<<10 - 1

// setLong adds an attribute of any length.
func setLong(attrs map[string][]byte, name string, value []byte) {
	for k := 0; len(value) > 0; k++ {
		n := min(len(value), attrLimit)
		attrs[longName(name, k)] = value[:n:n]
		value = value[n:]
	}
}

// long returns such an attribute; nil if there is none.
func long(attrs map[string][]byte, name string) []byte {
	value := attrs[name]
	for k := 1; len(attrs[longName(name, k-1)]) == attrLimit; k++ {
		value = append(value[:len(value):len(value)], attrs[longName(name, k)]...)
	}
	return value
}

// longName is the name of the k-th piece of an attribute.
func longName(name string, k int) string {
	if k == 0 {
		return name
	}
	return name + "." + strconv.Itoa(k)
}

// longNames are the names under which such an attribute is kept.
func longNames(attrs map[string][]byte, name string) []string {
	var names []string
	for k := 0; ; k++ {
		piece := longName(name, k)
		if _, ok := attrs[piece]; !ok {
			return names
		}
		names = append(names, piece)
	}
}

// encodeParts returns the attribute of the sizes of parts.
func encodeParts(sizes []int64) ([]byte, error) {
	var runs [][2]int64
	for _, n := range sizes {
		if k := len(runs) - 1; k >= 0 && runs[k][0] == n {
			runs[k][1]++
			continue
		}
		runs = append(runs, [2]int64{n, 1})
	}
	return json.Marshal(runs)
}

// decodeParts returns the parts of an object of the given size, none where the attribute does not fit it, as when the
// file was changed through a mount.
func decodeParts(b []byte, size int64) []minio.ObjectPartInfo {
	var runs [][2]int64
	if len(b) == 0 || json.Unmarshal(b, &runs) != nil {
		return nil
	}
	var parts []minio.ObjectPartInfo
	for _, run := range runs {
		n, times := run[0], run[1]
		if n < 0 || times < 1 || times > maxPart-int64(len(parts)) {
			return nil
		}
		for range times {
			parts = append(parts, minio.ObjectPartInfo{Number: len(parts) + 1, Size: n, ActualSize: n})
			size -= n
		}
	}
	if size != 0 {
		return nil
	}
	return parts
}

// encodePartSums returns the attribute of the checksums of parts, which are of one algorithm; nil if there are none.
func encodePartSums(parts []checksum.Part) []byte {
	if len(parts) == 0 {
		return nil
	}
	alg := parts[0].Sum.Algorithm
	values := make([]byte, 0, len(parts)*alg.Size())
	for _, p := range parts {
		values = append(values, p.Sum.Value...)
	}
	return base64.RawStdEncoding.AppendEncode([]byte(alg.String()+" "), values)
}

// decodePartSums returns the checksums of the n parts of an object whose own checksum is whole. None, if they do not belong
// to it: what changes the data leaves the attribute alone.
func decodePartSums(b []byte, whole checksum.Sum, n int) []checksum.Sum {
	name, text, _ := strings.Cut(string(b), " ")
	alg := whole.Algorithm
	if alg == checksum.None || name != alg.String() || n == 0 || whole.Parts > 0 && whole.Parts != n {
		return nil
	}
	values, err := base64.RawStdEncoding.Strict().DecodeString(text)
	if err != nil || len(values) != n*alg.Size() {
		return nil
	}
	sums := make([]checksum.Sum, n)
	for k := range sums {
		sums[k] = checksum.Sum{Algorithm: alg, Value: values[k*alg.Size() : (k+1)*alg.Size()]}
	}
	return sums
}

// partSums are the checksums that are kept of the parts of an object; none if they are not those of its data.
func partSums(i *vfs.Info, parts []minio.ObjectPartInfo) []checksum.Sum {
	return decodePartSums(long(i.Xattrs, attrPartSums), sumOf(i), len(parts))
}

// tellSum tells the front the checksum of what a request reads: of the object, or of one part of it. Of one that came in one
// piece the first part is all of it.
func tellSum(ctx context.Context, i *vfs.Info, oi *minio.ObjectInfo, part int) {
	whole := sumOf(i)
	switch {
	case part <= 0 || part == 1 && len(oi.Parts) == 0:
		front.TellSum(ctx, whole)
	case part <= len(oi.Parts):
		if sums := partSums(i, oi.Parts); sums != nil {
			front.TellPartSum(ctx, sums[part-1], whole.Kind())
		}
	}
}

// keepParts adds what is kept of the parts of an object to a commit.
func (l *Layer) keepParts(attrs map[string][]byte, sizes []int64, sums []checksum.Part) error {
	if !l.o.KeepETag && len(sums) == 0 {
		return nil
	}
	b, err := encodeParts(sizes)
	if err != nil {
		return err
	}
	setLong(attrs, attrParts, b)
	setLong(attrs, attrPartSums, encodePartSums(sums))
	return nil
}

// copyParts adds what is kept of the parts of an object to a copy of it, whose checksum is sum. The copy has the same tag,
// which is of the parts, so it has the parts, too. Their checksums belong to that of the source.
func copyParts(attrs map[string][]byte, from *vfs.Info, sum checksum.Sum) {
	names := longNames(from.Xattrs, attrParts)
	if sum.Equal(sumOf(from)) {
		names = append(names, longNames(from.Xattrs, attrPartSums)...)
	}
	for _, name := range names {
		attrs[name] = from.Xattrs[name]
	}
}
