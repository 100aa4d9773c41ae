package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"juicefs/chunk"
	"juicefs/gateway"
	"juicefs/meta"
	"juicefs/meta/engine"
	"juicefs/meta/record"
	"juicefs/pkg/buf"
	"juicefs/pkg/object"
	"juicefs/pkg/obs"
	"juicefs/vfs"
)

// volume is a volume with all its layers, wired together here and nowhere else.
type volume struct {
	*volumeMeta
	bucket *object.Swap
	data   *record.Setting // that bucket was opened with; of openVolume, then of the heartbeat
	store  *chunk.Store
	pool   *buf.Pool
	vfs    *vfs.Volume
	meter  atomic.Pointer[obs.Metrics] // its labels need the volume's name, so it comes after the metadata

	closing sync.Once
	closed  error
}

// openVolume opens the volume of a META-URL for a service. It writes nothing and registers nothing: that is StartSession's.
// replaced is called when the volume turns out to be destroyed or replaced.
func (p *program) openVolume(ctx context.Context, arg string, o *serviceOptions, replaced func(error)) (*volume, error) {
	v := &volume{pool: buf.NewPool(o.bufferSize)}
	var err error
	v.volumeMeta, err = p.openMeta(ctx, arg, engine.Options{Retries: orNever(o.retries)}, meta.Options{
		Heartbeat: o.heartbeat, ReadOnly: o.readOnly, NoBackground: o.noBackground, SkipDirMtime: o.skipDirMtime,
		MountPoint: o.mountPoint, Unlinked: gateway.Reserved, Deletes: orNever(o.deletes), OnReplaced: replaced,
		OnSetting: func(s *record.Setting) { p.followSetting(v, o, s) },
		Observe:   func(op string, d time.Duration, restarts int) { v.meter.Load().MetaOp(op, d, restarts) },
		DeleteSlice: func(ctx context.Context, s record.SliceID) error {
			return v.store.Remove(ctx, chunk.Ref{ID: s.ID, Size: s.Size})
		},
	})
	if err != nil {
		return nil, err
	}
	m, err := newMetrics(o, v.fs.Setting().Name)
	if err == nil {
		v.meter.Store(m)
		err = p.openData(ctx, v, o)
	}
	if err != nil {
		return nil, errors.Join(err, v.volumeMeta.Close(ctx))
	}
	v.vfs, err = vfs.Open(ctx, vfs.Config{FS: v.fs, Store: v.store, Pool: v.pool, Caller: caller(o.umask), Logger: p.log,
		ReadAhead: o.readAhead, Local: v.bucket.Limits().Local, Meter: m})
	if err != nil {
		return nil, errors.Join(err, v.Close(ctx))
	}
	v.measure(m) //nolint:contextcheck // gauges are asked by scrapes, long after ctx
	return v, nil
}

// openData opens the object store of the volume's setting, in which options of this client come first.
func (p *program) openData(ctx context.Context, v *volume, o *serviceOptions) error {
	s, err := dataSetting(v.fs.Setting(), o)
	if err != nil {
		return err
	}
	bucket, err := p.openServiceBucket(s, v, o)
	if err != nil {
		return err
	}
	v.bucket = object.NewSwap(bucket)
	p.say(ctx, slog.LevelInfo, "Data use "+v.bucket.String())
	to := chunk.Options{
		BlockSize: s.BlockSize << 10, Compression: s.Compression, HashPrefix: s.HashPrefix, Pool: v.pool,
		MaxUploads: o.uploads, MaxDownloads: o.downloads, MaxDeletes: max(o.deletes, 1), Meter: v.meter.Load(), Log: p.log,
	}
	if err = p.addCache(&to, &o.cache, v.bucket.Limits().Local, s.UUID); err != nil { //nolint:contextcheck // the cache outlives ctx, until Close
		return err
	}
	v.store, err = chunk.New(v.bucket, to) //nolint:contextcheck // the store outlives ctx, until Close
	return err
}

// Close closes the layers from the top down. Only the first call does something.
func (v *volume) Close(ctx context.Context) error {
	v.closing.Do(func() { v.closed = errors.Join(v.fs.Close(ctx), v.store.Close(), v.eng.Close()) })
	return v.closed
}

// orNever is meta's word for a limit of which 0 means none at all.
func orNever(n int) int {
	if n <= 0 {
		return -1
	}
	return n
}

// usageAge is how old the usage in metrics may be.
const usageAge = 10 * time.Second

// measure adds the gauges of a volume.
func (v *volume) measure(m *obs.Metrics) {
	m.Gauge("used_buffer_size_bytes", "Memory of data that is being read and written.", func() float64 { return float64(v.pool.Used()) })
	m.WatchCache(func() obs.CacheStats {
		s := v.store.CacheStats()
		return obs.CacheStats{Hits: s.Hits, HitBytes: s.HitBytes, Misses: s.Misses, MissBytes: s.MissBytes, Writes: s.Writes,
			WriteBytes: s.WriteBytes, Drops: s.Drops, Evicts: s.Evicts, Blocks: s.Blocks, Bytes: s.Bytes}
	})
	m.WatchUsage(usageAge, func() (obs.Usage, error) {
		ctx, cancel := context.WithTimeout(context.Background(), usageAge)
		defer cancel()
		u, err := v.fs.Usage(ctx)
		if err != nil {
			return obs.Usage{}, fmt.Errorf("usage of the volume: %w", err)
		}
		return obs.Usage{UsedSpace: float64(u.TotalSpace - u.AvailSpace), TotalSpace: float64(u.TotalSpace),
			UsedInodes: float64(u.UsedInodes), TotalInodes: float64(u.UsedInodes + u.AvailInodes)}, nil
	})
}

// caller is on whose behalf a service acts: the user that runs this process.
func caller(umask uint16) meta.Caller {
	return meta.Caller{UID: uint32(os.Getuid()), GIDs: []uint32{uint32(os.Getgid())}, Umask: umask}
}
