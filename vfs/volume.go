package vfs

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"syscall"
	"time"

	"juicefs/chunk"
	"juicefs/meta"
	"juicefs/meta/record"
	"juicefs/pkg/buf"
	"juicefs/pkg/fserr"
)

// Config is for Open. FS, Store and Pool are needed; the other fields may be zero.
type Config struct {
	FS     *meta.FS
	Store  *chunk.Store
	Pool   *buf.Pool   // where all data passes through; its bound is the bound of the volume's memory
	Caller meta.Caller // on whose behalf everything runs; its umask is the volume's
	Logger *slog.Logger
	// ParkAfter is how long stored data may stay without an entry that leads to it; see CreateOptions.Park. 0: 20 minutes;
	// longer than 50 is not allowed, since gc takes what is an hour old.
	ParkAfter time.Duration
	// ReadAhead is how far a sequential stream may read ahead, in bytes; 0: 8 blocks; negative: not at all.
	ReadAhead int64
	// Local says that blocks are files of this machine: streams then read small pieces as they go and never ahead, since the
	// system does that, and a slow client holds next to no memory.
	Local bool
	Meter Meter // nil: nothing is measured
	// Compactions is how many chunks of many small records are compacted at once, in the background; 0: 10, or fewer if the
	// pool is small; negative: none.
	Compactions int
}

// Meter is told what happens on a volume; it is called from several goroutines at once.
type Meter interface {
	VolumeOp(d time.Duration)
	VolumeRead(n int)
	VolumeWritten(n int)
	Compacted(n int) // bytes of a new slice in place of many
}

// Volume is a mounted volume. All methods may be called from several goroutines at once.
type Volume struct {
	fs        *meta.FS
	store     *chunk.Store
	pool      *buf.Pool
	caller    meta.Caller
	log       *slog.Logger
	parkAfter time.Duration
	readAhead int64
	local     bool
	meter     Meter
	zeros     *buf.Page     // what holes read as; never changed nor released
	filling   *share        // of the pool: blocks that wait for the clients of large uploads
	owners    atomic.Uint64 // of locks
}

// Open returns the volume of an opened file system and store. All of them stay the caller's to close, after the last use
// of the volume.
func Open(_ context.Context, c Config) (*Volume, error) {
	if c.FS == nil || c.Store == nil || c.Pool == nil {
		return nil, errors.New("open volume: FS, Store and Pool are needed")
	}
	if c.ParkAfter == 0 {
		c.ParkAfter = 20 * time.Minute
	}
	if c.ParkAfter < 0 || c.ParkAfter > 50*time.Minute {
		return nil, errors.New("open volume: ParkAfter is out of range")
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Meter == nil {
		c.Meter = noMeter{}
	}
	v := &Volume{fs: c.FS, store: c.Store, pool: c.Pool, caller: c.Caller, log: c.Logger, parkAfter: c.ParkAfter,
		readAhead: c.ReadAhead, local: c.Local, meter: c.Meter, zeros: buf.NewPage(make([]byte, 64<<10)),
		filling: newShare(c.Pool.Limit() / 2)}
	switch {
	case v.local:
		v.readAhead = -1
	case v.readAhead == 0:
		v.readAhead = 8 * v.blockSize()
	}
	if c.Compactions >= 0 {
		v.fs.CompactWith(v.compactions(c.Compactions), v.storeCompacted)
	}
	return v, nil
}

// compactions is how many chunks may be compacted at once: each takes two blocks of the pool, of which uploads and
// downloads need some too.
func (v *Volume) compactions(want int) int {
	if want == 0 {
		want = 10
	}
	return min(want, int(v.pool.Limit()/(4*v.blockSize())))
}

// blockSize is the most bytes of a block.
func (v *Volume) blockSize() int64 { return int64(v.fs.Setting().BlockSize) << 10 }

// ReadOnly reports whether the volume was opened for reading only: every change is EROFS.
func (v *Volume) ReadOnly() bool { return v.fs.ReadOnly() }

// Name is the volume's name.
func (v *Volume) Name() string { return v.fs.Setting().Name }

// Usage of the volume, in bytes and inodes.
type Usage struct{ TotalSpace, AvailSpace, UsedInodes, AvailInodes uint64 }

// Usage returns what the volume uses and may use.
func (v *Volume) Usage(ctx context.Context) (Usage, error) {
	u, err := v.fs.Usage(ctx)
	return Usage(u), err
}

// Lock takes the BSD lock of the file at path (made if missing, mode 0644), waiting until ctx ends. The returned function
// releases it.
func (v *Volume) Lock(ctx context.Context, path string, exclusive bool) (unlock func(), err error) {
	ino, err := v.lockFile(ctx, path)
	if err != nil {
		return nil, err
	}
	kind := byte('R')
	if exclusive {
		kind = 'W'
	}
	owner := v.owners.Add(1)
	if err := v.fs.Flock(ctx, ino, owner, kind, true); err != nil {
		return nil, fserr.Wrap("lock", path, err)
	}
	return func() {
		// The lock must go even if ctx ended; a lock that stays goes with the session.
		clean, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTime)
		defer cancel()
		if err := v.fs.Flock(clean, ino, owner, 'U', false); err != nil {
			v.log.Warn("release lock", "path", path, "error", err)
		}
	}, nil
}

// lockFile returns the inode of the file at path, made if it is missing.
func (v *Volume) lockFile(ctx context.Context, path string) (record.Ino, error) {
	for {
		o, err := v.fs.Resolve(ctx, &v.caller, path, meta.Want{})
		if err == nil {
			return o.Ino, nil
		}
		if !errors.Is(err, syscall.ENOENT) {
			return 0, err
		}
		o, err = v.fs.CommitObject(ctx, &v.caller, &meta.ObjectSpec{Path: path, Mode: 0o644, Allow: func(old *meta.Object) error {
			if old != nil {
				return syscall.EEXIST
			}
			return nil
		}})
		switch {
		case err == nil:
			return o.Ino, nil
		case !errors.Is(err, syscall.EEXIST): // else somebody was faster: lock theirs
			return 0, err
		}
	}
}

// cleanupTime bounds clean-up after a cancellation.
const cleanupTime = time.Minute

type noMeter struct{}

func (noMeter) VolumeOp(time.Duration) {}
func (noMeter) VolumeRead(int)         {}
func (noMeter) VolumeWritten(int)      {}
func (noMeter) Compacted(int)          {}
