// Package all knows every storage driver by the name that a volume's setting has for it.
package all

import (
	"errors"
	"fmt"
	"strings"

	"juicefs/pkg/object"
	"juicefs/pkg/object/file"
	"juicefs/pkg/object/mem"
	"juicefs/pkg/object/s3"
)

// Options are what drivers may need beside an address. Drivers that have no use for one leave it alone.
type Options struct {
	AccessKey, SecretKey, SessionToken string
	StorageClass                       string                   // of new objects; empty: the store's default
	Getenv                             func(name string) string // variables that a driver knows; nil: none are set
}

// String hides the keys.
func (Options) String() string { return "all.Options{...}" }

// GoString hides the keys.
func (o Options) GoString() string { return o.String() }

// Open opens the bucket at address with the driver kind ("file" or "", "mem", "minio", "s3"). A kind that there is no driver
// for is errors.ErrUnsupported; the text of the error is the original's.
func Open(kind, address string, o Options) (object.Bucket, error) {
	remote := s3.Options{AccessKey: o.AccessKey, SecretKey: o.SecretKey, SessionToken: o.SessionToken, StorageClass: o.StorageClass, Getenv: o.Getenv}
	switch strings.ToLower(kind) {
	case "file", "":
		return file.Open(address)
	case "mem":
		return mem.New(), nil
	case "minio":
		return s3.OpenMinIO(address, remote)
	case "s3":
		return s3.Open(address, remote)
	}
	return nil, &unknownError{kind}
}

// HasClasses says whether the stores of a kind have storage classes.
func HasClasses(kind string) bool {
	kind = strings.ToLower(kind)
	return kind == "s3" || kind == "minio"
}

// unknownError says that there is no driver of a name. juicefs 1.4.1 has the same text.
type unknownError struct{ kind string }

// Error is the text that commands print.
func (e *unknownError) Error() string { return fmt.Sprintf("invalid storage: %s", e.kind) }

// Unwrap returns errors.ErrUnsupported.
func (e *unknownError) Unwrap() error { return errors.ErrUnsupported }
