package cache

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strings"
	"time"
)

// Eviction says what happens when the cache is full.
type Eviction int

// The policies, by the words of juicefs 1.4.1.
const (
	TwoRandom Eviction = iota // the block that was used longer ago of two random ones goes
	Keep                      // "none": nothing goes, and nothing new comes
	Oldest                    // "lru": the block that was used longest ago goes; of those of one second the largest
)

// ParseEviction returns the policy of a word in any case. One that is not known is errors.ErrUnsupported.
func ParseEviction(word string) (Eviction, error) {
	switch strings.ToLower(word) {
	case "2-random", "":
		return TwoRandom, nil
	case "none":
		return Keep, nil
	case "lru":
		return Oldest, nil
	}
	return TwoRandom, fmt.Errorf("cache eviction %q: %w", word, errors.ErrUnsupported)
}

// What the zero values of sizes mean, in bytes.
const (
	defaultSize  = 100 << 30
	defaultQueue = 60 << 20
)

// Options configure a cache. Dir and UUID are needed; the zero value of the rest is that of a mount with defaults.
type Options struct {
	Dir        string // the cache is in a folder named UUID below it; made if it is missing
	UUID       string // of the volume
	HashPrefix bool   // the form of keys, as the volume's store has it

	Size  int64 // bytes of all blocks with 4 KiB for each; 0: 100 GiB. Less if the file system is smaller.
	Items int64 // blocks; 0: as many as the file system has room for

	// FreeRatio is the part of the file system's bytes and inodes that stays free, from 0 to 1; 0: 0.1, negative: none.
	FreeRatio float64

	Eviction Eviction
	Expire   time.Duration // blocks that were not used for so long go; 0: never; not below a second

	// ScanInterval is the time between scans of the folder for what other programs did there; 0: an hour, negative: only at
	// the start.
	ScanInterval time.Duration

	Verify Verify      // how much is checked when it is read
	Mode   fs.FileMode // of files, folders can be entered where they can be read; 0: 0600

	// Queue is the bytes of blocks that may wait to be written; they are served from memory meanwhile. 0: 60 MiB.
	Queue int64

	Meter Meter            // takes measurements; nil: none
	Log   *slog.Logger     // warnings about damage, the rest at debug; nil: none
	Now   func() time.Time // nil: time.Now
}

// Meter takes measurements. Its methods may be called from several goroutines at once.
type Meter interface {
	CacheRead(d time.Duration)  // a block, or part of one, was read
	CacheWrite(d time.Duration) // a block was written
}

type noMeter struct{}

func (noMeter) CacheRead(time.Duration)  {}
func (noMeter) CacheWrite(time.Duration) {}

func (o Options) normalize() (Options, error) {
	if o.Dir == "" || o.UUID == "" || strings.ContainsAny(o.UUID, "/\x00") || strings.HasPrefix(o.UUID, ".") {
		return o, fmt.Errorf("cache in folder %q of volume %q: %w", o.Dir, o.UUID, fs.ErrInvalid)
	}
	if o.FreeRatio > 1 || o.Size < 0 || o.Items < 0 || o.Queue < 0 || o.Expire < 0 {
		return o, fmt.Errorf("cache options: %w", fs.ErrInvalid)
	}
	if o.Size == 0 {
		o.Size = defaultSize
	}
	if o.FreeRatio == 0 {
		o.FreeRatio = 0.1
	}
	o.FreeRatio = max(o.FreeRatio, 0)
	if o.Expire > 0 {
		o.Expire = max(o.Expire, time.Second)
	}
	if o.ScanInterval == 0 {
		o.ScanInterval = time.Hour
	}
	if o.Mode == 0 {
		o.Mode = 0o600
	}
	if o.Queue == 0 {
		o.Queue = defaultQueue
	}
	if o.Meter == nil {
		o.Meter = noMeter{}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o, nil
}

// folderMode is that of files with entering allowed where reading is.
func (o Options) folderMode() fs.FileMode { return o.Mode | (o.Mode&0o444)>>2 }
