package chunk

import (
	"fmt"
	"io/fs"
	"log/slog"
	"time"

	"juicefs/pkg/buf"
)

// Options configure a Store. The zero value is a usable plain store with the sizes of a new volume.
type Options struct {
	BlockSize   int    // bytes of a block: a power of two from 64 KiB to 16 MiB; 0: 4 MiB. Fixed for the life of a volume.
	Compression string // "none" (also ""), "lz4" or "zstd" in any case. Fixed for the life of a volume.
	HashPrefix  bool   // keys spread by the slice number. Fixed for the life of a volume.

	// Pool is where all pages come from; nil: a pool of 300 MiB of its own. Stored forms of compressed blocks come on top,
	// while they are transferred: for MaxUploads blocks at most, and when reading no more than there are pages.
	Pool *buf.Pool

	MaxUploads   int // blocks uploaded at once; 0: 20
	MaxDownloads int // blocks downloaded at once; 0: 200. Local stores do not count.
	MaxDeletes   int // blocks deleted at once; 0: 10

	// MemoryCache is the bytes of blocks kept in memory beyond the pool. 0: 64 MiB, or none on a local store, whose page
	// cache serves as one; negative: none.
	MemoryCache int64

	// Cache keeps blocks between this store and a bucket that is far away; the store closes it. nil: none. A local store
	// does not use it.
	Cache Cache
	// CacheLargeWrites lets Cache have blocks of full size when they are written, not only smaller ones.
	CacheLargeWrites bool

	// CachePartialOnly keeps blocks of full size that are read out of Cache, too.
	CachePartialOnly bool

	// ReadAhead is the number of blocks that one stream of Pages fetches ahead of the one being consumed, while the pool has
	// room. 0: 3; negative: none. Local stores have none.
	ReadAhead int

	Meter Meter        // takes measurements; nil: none
	Log   *slog.Logger // debug: clean-up that did not work; nil: none
}

// Cache keeps blocks of one volume. Its methods may be called from several goroutines at once.
type Cache interface {
	// Has reports whether a block seems to be there.
	Has(b Block) bool
	// Read fills p with the bytes of a block from off and reports whether it could. What it gives was checked.
	Read(b Block, p []byte, off int) bool
	// Write offers a block whose whole content is page, which it may keep with a reference of its own. It does not wait.
	Write(b Block, page *buf.Page)
	// Remove forgets a block.
	Remove(b Block)
	Stats() CacheStats
	Close() error
}

// Meter takes measurements. Its methods may be called from several goroutines at once.
type Meter interface {
	Uploading(by int)           // by more uploads are under way
	CacheRead(d time.Duration)  // a block came out of the memory cache
	CacheWrite(d time.Duration) // a block went into the memory cache
}

type noMeter struct{}

func (noMeter) Uploading(int)            {}
func (noMeter) CacheRead(time.Duration)  {}
func (noMeter) CacheWrite(time.Duration) {}

func (o Options) normalize() (Options, error) {
	if o.BlockSize == 0 {
		o.BlockSize = DefaultBlockSize
	}
	if err := checkBlockSize(o.BlockSize); err != nil {
		return o, err
	}
	for _, f := range [...]struct {
		name  string
		value *int
		zero  int
	}{{"uploads", &o.MaxUploads, 20}, {"downloads", &o.MaxDownloads, 200}, {"deletes", &o.MaxDeletes, 10}, {"", &o.ReadAhead, 3}} {
		if *f.value == 0 {
			*f.value = f.zero
		}
		if *f.value < 0 && f.name != "" {
			return o, fmt.Errorf("%d %s at once: %w", *f.value, f.name, fs.ErrInvalid)
		}
	}
	if o.Pool == nil {
		o.Pool = buf.NewPool(300 << 20)
	}
	if o.Meter == nil {
		o.Meter = noMeter{}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o, nil
}

// WriteOptions are for one slice. The zero value is usable.
type WriteOptions struct {
	Size int64 // bytes that will be appended if known, 0 or less: unknown. Writer.Page takes smaller pages then.
}
