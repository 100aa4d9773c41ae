package gateway

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"juicefs/pkg/checksum"
	"juicefs/vfs"
)

// attrSum is the extended attribute of an object's checksum, which is ours: the original neither writes nor reads it. It
// has four fields: algorithm, value as S3 writes it, the size of the data in bytes and the time of its last change, by
// which a checksum is known that is not that of the data any more, since a mount changes data and leaves attributes alone.
const attrSum = "s3-checksum"

// encodeSum returns the attribute; nil if there is no sum.
func encodeSum(s checksum.Sum, size int64, mtime time.Time) []byte {
	if s.IsZero() {
		return nil
	}
	return fmt.Appendf(nil, "%v %v %d %d.%09d", s.Algorithm, s, size, mtime.Unix(), mtime.Nanosecond())
}

// sumOf returns the checksum that is kept of a file; none if it is not that of its data.
func sumOf(i *vfs.Info) checksum.Sum { return decodeSum(i.Xattrs[attrSum], i) }

func decodeSum(attr []byte, i *vfs.Info) checksum.Sum {
	fields := strings.Split(string(attr), " ")
	if len(fields) != 4 {
		return checksum.Sum{}
	}
	if !i.IsDir() { // of a directory object, which has no data, anything may change
		now := fmt.Sprintf("%d.%09d", i.Mtime.Unix(), i.Mtime.Nanosecond())
		if fields[2] != strconv.FormatInt(i.Size, 10) || fields[3] != now {
			return checksum.Sum{}
		}
	}
	s, err := checksum.Parse(checksum.Named(fields[0]), fields[1])
	if err != nil {
		return checksum.Sum{} // anyone with a mount can write the attribute
	}
	return s
}

// keepSum adds the checksum of data of size bytes to a commit. The time of the file is set with it, so that the two agree.
func keepSum(c *vfs.Commit, s checksum.Sum, size int64) {
	if s.IsZero() {
		return
	}
	c.Mtime = time.Now()
	if c.Xattrs == nil {
		c.Xattrs = map[string][]byte{}
	}
	c.Xattrs[attrSum] = encodeSum(s, size, c.Mtime)
}
