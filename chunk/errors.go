package chunk

import (
	"errors"
	"fmt"
	"io/fs"
)

// ErrCorrupt is wrapped by errors about stored bytes that cannot be what was written: a block of the wrong length, one
// that does not decompress, one whose seal does not verify.
var ErrCorrupt = errors.New("stored data is corrupt")

// CorruptError says where damaged data is. It is ErrCorrupt for errors.Is.
type CorruptError struct {
	Bucket string // as the bucket describes itself
	Key    string // of the block, within the volume
	Err    error  // what is wrong
}

// Error names the bucket, the key and the cause.
func (e *CorruptError) Error() string {
	return fmt.Sprintf("%s in %s: %v: %v", e.Key, e.Bucket, ErrCorrupt, e.Err)
}

// Unwrap returns ErrCorrupt and the cause.
func (e *CorruptError) Unwrap() []error { return []error{ErrCorrupt, e.Err} }

// errSliceRange is the cause when bytes outside a slice are wanted.
func errSliceRange(r Ref, off, n int64) error {
	return fmt.Errorf("slice %d of %d bytes: %d bytes from %d: %w", r.ID, r.Size, n, off, fs.ErrInvalid)
}
