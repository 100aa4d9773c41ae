// Package all knows every storage driver by the name that a volume's setting has for it.
package all

import (
	"errors"
	"fmt"
	"strings"

	"juicefs/pkg/object"
	"juicefs/pkg/object/file"
	"juicefs/pkg/object/mem"
)

// Open opens the bucket at address with the driver kind ("file" or ""; "mem"). Credentials are for the drivers that need
// some. A kind that there is no driver for is errors.ErrUnsupported; the text of the error is the original's.
func Open(kind, address, accessKey, secretKey, token string) (object.Bucket, error) {
	switch strings.ToLower(kind) {
	case "file", "":
		return file.Open(address)
	case "mem":
		return mem.New(), nil
	}
	return nil, &unknownError{kind}
}

// unknownError says that there is no driver of a name. juicefs 1.4.1 has the same text.
type unknownError struct{ kind string }

// Error is the text that commands print.
func (e *unknownError) Error() string { return fmt.Sprintf("invalid storage: %s", e.kind) }

// Unwrap returns errors.ErrUnsupported.
func (e *unknownError) Unwrap() error { return errors.ErrUnsupported }
