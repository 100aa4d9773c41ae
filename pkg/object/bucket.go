package object

import (
	"context"
	"io"
	"os"
	"time"
)

// Bucket keeps objects under keys. Keys are non-empty strings of bytes without NUL; "/" separates folders where a store
// has such. All methods may be called from several goroutines at once, and end early with the error of ctx.
type Bucket interface {
	// Get returns n bytes of an object from off, n < 0: to its end. A range that ends behind the object is cut; one that
	// begins there is empty. The caller closes the reader; ctx ends it. Absent: errors.Is(err, fs.ErrNotExist).
	Get(ctx context.Context, key string, off, n int64) (io.ReadCloser, error)
	// Put stores an object, replacing the one that is there: readers see the old or the new one, whole. The body may be
	// read several times, by several goroutines, but not after Put returned. An error leaves the old or the new object.
	Put(ctx context.Context, key string, body Body) error
	// Delete removes an object. Absent: nil.
	Delete(ctx context.Context, key string) error
	// Stat describes an object. Absent: errors.Is(err, fs.ErrNotExist).
	Stat(ctx context.Context, key string) (Info, error)
	// List returns up to limit objects whose keys begin with prefix and are greater than after, in order of the bytes of
	// the keys. Fewer than limit means that there are no more. A limit below 1 is an error (fs.ErrInvalid).
	List(ctx context.Context, prefix, after string, limit int) ([]Info, error)
	// Limits says what the store can do; it does no I/O.
	Limits() Limits
	// String is the address for people: scheme and bucket, never credentials.
	String() string
}

// Info describes an object.
type Info struct {
	Key     string
	Size    int64     // bytes
	ModTime time.Time // of the last Put, as the store knows it; zero where it does not
}

// Limits are properties of a store. The zero value promises nothing and forbids nothing.
type Limits struct {
	MaxObject int64 // bytes an object may have, 0: not limited
	MaxKey    int   // bytes a key may have, 0: not limited
	WholeGets bool  // Get of a range costs as much as of the whole object
	Text      bool  // keys are UTF-8, others are refused (fs.ErrInvalid); List may fail for a prefix that no key can have
	Local     bool  // objects are files of this machine: its page cache already is a cache of them
}

// Creator is an ability of stores whose bucket must exist before the first Put.
type Creator interface {
	// Create makes the bucket. One that exists already: nil.
	Create(ctx context.Context) error
}

// Pinger is an ability of stores that can say whether they would answer now, cheaper than by a request for an object.
type Pinger interface {
	Ping(ctx context.Context) error
}

// RangeReader is an ability of stores that can read into memory of the caller.
type RangeReader interface {
	// ReadRange reads up to len(p) bytes of an object from off into p and returns how many there were: fewer than len(p)
	// only at the end of the object, without an error. Absent: errors.Is(err, fs.ErrNotExist).
	ReadRange(ctx context.Context, key string, p []byte, off int64) (int, error)
}

// FileOpener is an ability of stores whose objects are files of this machine.
type FileOpener interface {
	// OpenFile opens the object for reading; the caller closes it. It shows the version that was there when it was
	// opened. Absent: errors.Is(err, fs.ErrNotExist).
	OpenFile(ctx context.Context, key string) (*os.File, error)
}

// Sweeper is an ability of stores that may have remains of interrupted work: temporary files, empty folders.
type Sweeper interface {
	// Sweep removes remains below prefix that are older than before and returns how many there were.
	Sweep(ctx context.Context, prefix string, before time.Time) (int, error)
}

// As finds the ability T of b, or of what b decorates. A decorator that changes keys or content does not show what it
// decorates, but may offer its own form of an ability: through a method As(any) bool, which is given a *T to fill.
func As[T any](b Bucket) (T, bool) {
	for b != nil {
		if t, ok := b.(T); ok {
			return t, true
		}
		var t T
		if a, ok := b.(interface{ As(target any) bool }); ok && a.As(&t) {
			return t, true
		}
		u, ok := b.(interface{ Unwrap() Bucket })
		if !ok {
			break
		}
		b = u.Unwrap()
	}
	var none T
	return none, false
}

// Judge is an ability of drivers that know which of their errors another try cannot help.
type Judge interface{ Final(err error) bool }
