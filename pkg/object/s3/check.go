package s3

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"strconv"
	"strings"
	"unicode/utf8"
)

// checksumHeader carries the CRC-32C of an object in decimal. Format: juicefs 1.4.1; s3_checksum_metadata in the vectors.
const checksumHeader = "X-Amz-Meta-Crc32c"

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// parseSum reads a checksum. Text of another kind is another program's and says nothing.
func parseSum(text string) (uint32, bool) {
	sum, err := strconv.ParseUint(text, 10, 32)
	return uint32(sum), err == nil
}

// verify returns body with an error at its end if its bytes are not those of the checksum.
func verify(body io.ReadCloser, key, sum string) io.ReadCloser {
	want, ok := parseSum(sum)
	if !ok {
		return body
	}
	return &verifying{ReadCloser: body, key: key, want: want}
}

type verifying struct {
	io.ReadCloser
	key       string
	got, want uint32
}

// Read implements io.Reader.
func (v *verifying) Read(p []byte) (int, error) {
	n, err := v.ReadCloser.Read(p)
	v.got = crc32.Update(v.got, castagnoli, p[:n])
	if errors.Is(err, io.EOF) && v.got != v.want {
		return n, failed("get", v.key, &mismatchError{got: v.got, want: v.want})
	}
	return n, err
}

// checkKey refuses keys that the protocol cannot carry.
func checkKey(key string) error {
	switch {
	case key == "", len(key) > mostKey, strings.IndexByte(key, 0) >= 0, !utf8.ValidString(key):
		return fmt.Errorf("key %q: %w", key[:min(len(key), mostKey)], fs.ErrInvalid)
	}
	return nil
}
