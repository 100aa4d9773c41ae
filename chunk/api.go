package chunk

import (
	"context"
	"iter"

	"juicefs/pkg/buf"
	"juicefs/pkg/object"
)

// MaxSlice is the most bytes a slice may have. Format: juicefs 1.4.1, data paths of package meta and chunk.
const MaxSlice = 64 << 20

// Ref names a stored slice: all that is needed to find its blocks.
type Ref struct {
	ID   uint64 // from the metadata engine, unique in the volume; 0 is not a slice
	Size uint32 // bytes of the whole slice, however little of it is still in use
}

// Options configure a Store. The zero value is a usable plain store with the sizes of a new volume.
type Options struct {
	BlockSize   int    // bytes of a block: a power of two from 64 KiB to 16 MiB; 0: 4 MiB. Fixed for the life of a volume.
	Compression string // "none" (also ""), "lz4" or "zstd" in any case. Fixed for the life of a volume.
	HashPrefix  bool   // keys spread by the slice number. Fixed for the life of a volume.

	Pool *buf.Pool // where all pages come from; nil: a pool of 300 MiB of its own

	MaxUploads   int // blocks uploaded at once; 0: 20
	MaxDownloads int // blocks downloaded at once; 0: 200
	MaxDeletes   int // blocks deleted at once; 0: 10

	// MemoryCache is the bytes of blocks kept in memory beyond the pool. 0: 64 MiB, or none on a local store, whose page
	// cache serves as one; negative: none.
	MemoryCache int64
}

// WriteOptions are for one slice. The zero value is usable.
type WriteOptions struct {
	Size int64 // bytes that will be appended if known, 0 or less: unknown. Writer.Page takes smaller pages then.
}

// New opens a store on b, which is the whole stack of decorators: what is put is what package object then encrypts,
// prefixes and so on. Close ends it.
func New(b object.Bucket, o Options) (*Store, error) { panic("todo") }

// Store keeps slices. All methods may be called from several goroutines at once.
type Store struct{}

// NewWriter begins the slice id. Nothing is stored before the first block is complete or Seal is called. Seal or Abort
// must be called in the end.
func (s *Store) NewWriter(id uint64, o WriteOptions) *Writer { panic("todo") }

// Writer writes one slice. Its methods must not be called at the same time, except Abort.
type Writer struct{}

// Page returns a page for the next Append, of at most n bytes: it ends with the block. It waits for memory only at the
// beginning of a block, so that a pool of any size serves any number of writers. The caller fills it, truncates it to
// what it has, and gives it to Append, or releases it.
func (w *Writer) Page(ctx context.Context, n int) (*buf.Page, error) { panic("todo") }

// Append adds the content of p to the slice and takes over p, also on an error. Pages of any length and from any pool are
// taken; those from Page are never copied. As soon as a block is complete it is uploaded in the background; Append waits
// while MaxUploads blocks are on their way. The uploads end with the ctx of the first Append. More than MaxSlice bytes
// are an error (syscall.EFBIG); after any error the writer is good for Abort only.
func (w *Writer) Append(ctx context.Context, p *buf.Page) error { panic("todo") }

// Size returns the bytes appended so far.
func (w *Writer) Size() int64 { panic("todo") }

// Seal uploads what is left, waits until all blocks are stored, and returns the name of the slice. On an error what was
// stored is removed again. A slice of no bytes stores nothing and has Size 0.
func (w *Writer) Seal(ctx context.Context) (Ref, error) { panic("todo") }

// Abort ends the uploads and deletes what was stored. After Seal or another Abort it does nothing.
func (w *Writer) Abort() { panic("todo") }

// Pages streams n bytes of a slice from off, in order, as pages of at most 1 MiB that the caller releases. Blocks ahead of
// the one being consumed are fetched while the pool has room. After an error (the page is nil) the stream ends. A range
// outside the slice is an error (fs.ErrInvalid); missing blocks are fs.ErrNotExist, damaged ones ErrCorrupt.
func (s *Store) Pages(ctx context.Context, r Ref, off, n uint32) iter.Seq2[*buf.Page, error] {
	panic("todo")
}

// ReadAt fills p with the bytes of a slice from off. It returns len(p) or an error, as Pages does.
func (s *Store) ReadAt(ctx context.Context, r Ref, p []byte, off uint32) (int, error) { panic("todo") }

// Prefetch loads the blocks of a range into the cache in the background. It is a hint: without a cache, or when enough
// others are under way, it does nothing.
func (s *Store) Prefetch(r Ref, off, n uint32) { panic("todo") }

// Remove deletes the blocks of a slice, here and in the caches. Absent ones: nil. It goes on after an error and returns
// all of them.
func (s *Store) Remove(ctx context.Context, r Ref) error { panic("todo") }

// Close ends background work and waits for it. Nothing may be called any more.
func (s *Store) Close() error { panic("todo") }
