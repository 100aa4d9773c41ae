package meta

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"juicefs/meta/engine"
	"juicefs/meta/record"
)

// Options are for Open. The zero value is usable.
type Options struct {
	Heartbeat    time.Duration // how often the session is renewed and the setting read again; 0: 12 s
	ReadOnly     bool          // every change is EROFS; no session, no background work
	NoBackground bool          // no clean-up jobs
	// SkipDirMtime is how long after a change of a directory's times further changes leave them alone; 0: 100 ms, negative: never.
	SkipDirMtime time.Duration
	MountPoint   string // in the session record; empty: "s3gateway"
	// Unlinked tells which names in the root directory no symbolic link leads to: EACCES; nil: links lead everywhere in the volume.
	Unlinked func(name string) bool
	// Version is the juicefs version that this program is compatible with, for version gates and the session record.
	Version  string
	HostName string // in the session record; empty: the host's own
	Logger   *slog.Logger
	Now      func() time.Time // nil: time.Now
	// DeleteSlice removes the blocks of a slice that nothing refers to any more. It is called from background work, from
	// several goroutines. nil: such slices are left to whoever runs gc.
	DeleteSlice func(ctx context.Context, s record.SliceID) error
	// FlushTotals is how often the volume's totals are written by engines that ask to gather what is added; 0: a second.
	FlushTotals time.Duration
	// DeleteDelay is how long the data of a removed file is kept at least, for readers in other clients that have it open;
	// 0: 5 s, negative: none. It may be longer by a fifth, a second at most, so that many can be removed together.
	DeleteDelay time.Duration
	// Deletes is how many slices, or large files, have their data removed at once; 0: 10, negative: none, deletion is off.
	Deletes int
	// Remember is how many names of paths are remembered, so that a change need not ask for what it then checks all the same;
	// 0: 16,384 where the engine is remote, and none where asking costs next to nothing; negative: none.
	Remember int
	// Observe, when set, is told of each operation: its name, time and number of restarts.
	Observe func(op string, d time.Duration, restarts int)
	// OnSetting, when set, is told of a setting that another client changed: limits of bandwidth, keys of the object store.
	// What meta itself uses of it holds already. It is called from the heartbeat, which waits; the setting is FS.Setting.
	OnSetting func(*record.Setting)
	// OnReplaced, when set, is called once when the volume turns out to be destroyed or replaced.
	OnReplaced func(error)
}

func (o Options) normalize() Options {
	if o.Heartbeat <= 0 {
		o.Heartbeat = 12 * time.Second
	}
	switch {
	case o.SkipDirMtime == 0:
		o.SkipDirMtime = 100 * time.Millisecond
	case o.SkipDirMtime < 0:
		o.SkipDirMtime = 0
	}
	switch {
	case o.DeleteDelay == 0:
		o.DeleteDelay = 5 * time.Second
	case o.DeleteDelay < 0:
		o.DeleteDelay = 0
	}
	if o.FlushTotals <= 0 {
		o.FlushTotals = flushPeriod
	}
	if o.Deletes == 0 {
		o.Deletes = 10
	}
	if o.MountPoint == "" {
		o.MountPoint = "s3gateway"
	}
	if o.Version == "" {
		o.Version = "1.4.1"
	}
	if o.HostName == "" {
		o.HostName, _ = os.Hostname() // only shown to people; empty is fine
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Observe == nil {
		o.Observe = func(string, time.Duration, int) {}
	}
	return o
}

// FS is the file system of a volume. All methods may be called from several goroutines at once.
type FS struct {
	eng     engine.Engine
	o       Options
	log     *slog.Logger
	metrics metrics

	setting atomic.Pointer[record.Setting]
	quotas  atomic.Pointer[quotaTable]
	inodes  ids
	slices  ids
	acls    aclCache

	hourMu sync.Mutex
	hour   hourDir

	open openFiles
	gone deleter

	routes   routes
	compacts compactor
	stats    statWatch
	hot      hotTotals
	gathers  bool // totals, in hot

	sid   atomic.Uint64
	gap   time.Duration // of leaveRoom
	stop  context.CancelFunc
	tasks sync.WaitGroup
}

type metrics struct {
	f func(op string, d time.Duration, restarts int)
}

func (m metrics) observe(op string, d time.Duration, restarts int) { m.f(op, d, restarts) }

// Open reads and checks the setting of the volume that eng holds. It registers nothing: reading works at once, writing
// wants StartSession first. Errors: ErrNotFormatted; *VersionError; ErrUnsupported, unless o.ReadOnly.
// The engine stays the caller's to close, after FS.Close.
func Open(ctx context.Context, eng engine.Engine, o Options) (*FS, error) {
	o = o.normalize()
	s, err := LoadSetting(ctx, eng)
	if err != nil {
		return nil, err
	}
	if err := checkVersion(s, o.Version); err != nil {
		return nil, err
	}
	if err := checkSupported(s); err != nil && !o.ReadOnly {
		return nil, err
	}
	fs := &FS{eng: eng, o: o, log: o.Logger, metrics: metrics{o.Observe}}
	fs.gathers = eng.Info().HotCounters
	fs.setting.Store(s)
	fs.inodes = ids{eng: eng, counter: record.CounterInode, batch: record.InodeBatch, first: 2}
	fs.slices = ids{eng: eng, counter: record.CounterSlice, batch: record.SliceBatch, first: 1}
	fs.routes.init(rememberable(eng.Info(), o.Remember))
	fs.open.init()
	fs.gone.init(fs)
	fs.compacts.init(fs)
	if err := fs.loadQuotas(ctx); err != nil {
		return nil, fmt.Errorf("load quotas: %w", err)
	}
	return fs, nil
}

// Setting returns the volume's setting as of the last heartbeat, secrets as stored. It must not be changed.
func (fs *FS) Setting() *record.Setting { return fs.setting.Load() }

// ReadOnly reports whether changes are refused.
func (fs *FS) ReadOnly() bool { return fs.o.ReadOnly }

// NewSlice returns the id of a slice that is to be stored.
func (fs *FS) NewSlice(ctx context.Context) (uint64, error) {
	if fs.o.ReadOnly {
		return 0, eRofs
	}
	return fs.slices.next(ctx)
}

// Usage is what the volume uses and may use, in bytes and inodes.
type Usage struct {
	TotalSpace, AvailSpace, UsedInodes, AvailInodes uint64
}

// Usage returns the volume's totals, which are advisory: other clients may be a second behind.
func (fs *FS) Usage(ctx context.Context) (Usage, error) {
	var space, inodes int64
	err := fs.view(ctx, "statfs", func(tx *Tx) error {
		reads := []engine.ReadOp{{Key: record.CounterKey(record.CounterSpace)}, {Key: record.CounterKey(record.CounterInodes)}}
		if err := tx.Load(reads...); err != nil {
			return err
		}
		var err error
		if space, err = tx.int64(reads[0].Key, engine.Loose); err != nil {
			return err
		}
		inodes, err = tx.int64(reads[1].Key, engine.Loose)
		return err
	})
	if err != nil {
		return Usage{}, err
	}
	s, more := fs.Setting(), fs.hot.pending()
	used, files := uint64(max(space+more.space, 0)), uint64(max(inodes+more.inodes, 0))
	u := Usage{TotalSpace: s.Capacity, UsedInodes: files}
	if u.TotalSpace == 0 {
		// Without a limit: 1 PiB, doubled while more than 80 % of it is used. juicefs 1.4.1 statfs.
		for u.TotalSpace = 1 << 50; used*10 > u.TotalSpace*8; {
			u.TotalSpace *= 2
		}
	}
	u.AvailSpace = u.TotalSpace - min(used, u.TotalSpace)
	if s.Inodes > 0 {
		u.AvailInodes = s.Inodes - min(files, s.Inodes)
	} else {
		u.AvailInodes = 10 << 20
		for files*10 > (files+u.AvailInodes)*8 {
			u.AvailInodes *= 2
		}
	}
	return u, nil
}
