package gateway

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	minio "github.com/minio/minio/cmd"
	"github.com/minio/minio/pkg/madmin"

	"juicefs/gateway/front"
	"juicefs/vfs"
)

// Layer is the object layer over a volume. All methods may be called from several goroutines at once.
//
// Calls answer context.Canceled before Start and after Shutdown.
type Layer struct {
	minio.GatewayUnsupported

	v     *vfs.Volume
	o     Options
	log   *slog.Logger
	names names

	open  atomic.Bool
	end   context.CancelFunc // of background work; set by Start
	once  sync.Once          // of Shutdown
	mu    sync.Mutex         // over done and adding to tasks
	done  chan struct{}      // closed by Shutdown
	tasks sync.WaitGroup
}

var _ minio.ObjectLayer = (*Layer)(nil)

// New returns a layer over a volume, which stays the caller's to close after Shutdown.
func New(v *vfs.Volume, o Options) *Layer {
	o = o.normalize()
	if o.BucketName == "" {
		o.BucketName = v.Name()
	}
	return &Layer{v: v, o: o, log: o.Logger, names: names{multi: o.MultiBuckets, bucket: o.BucketName}, done: make(chan struct{})}
}

// Start makes the directories of the server's settings if they are missing, begins the periodical removal of what was
// never completed and lets calls in. ctx is for the start alone.
func (l *Layer) Start(ctx context.Context) error {
	l.open.Store(true)
	if l.v.ReadOnly() {
		return nil
	}
	if err := l.prepare(ctx); err != nil {
		l.open.Store(false)
		return err
	}
	work, end := context.WithCancel(context.WithoutCancel(ctx))
	l.end = end
	if err := l.background(func() { l.auditOnce(work) }); err != nil {
		return err
	}
	return l.background(func() { l.every(work, l.o.CleanEvery, "remove old uploads and temporary files", l.clean) })
}

// background runs f in a goroutine that Shutdown waits for. f must end when done is closed.
func (l *Layer) background(f func()) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-l.done:
		return context.Canceled
	default:
	}
	l.tasks.Go(f)
	return nil
}

// prepare makes what the server's settings live in. Users' secrets are in the clear there, so nobody else may look.
func (l *Layer) prepare(ctx context.Context) error {
	top := target{bucket: serverName, top: "/"}
	for _, d := range []vfs.Commit{
		{Path: "/" + serverName, Mode: 0o777},
		{Path: "/" + serverName + "/config", Mode: 0o700},
	} {
		if err := l.makeDir(ctx, &top, d); err != nil {
			return err
		}
	}
	l.closeSettings(ctx)
	// Without it the server looks for ten older files at each start.
	inside := front.WithOrigin(ctx, front.Inside)
	buckets := []string{serverName}
	if !l.o.MultiBuckets {
		buckets = append(buckets, l.o.BucketName)
	}
	for _, b := range buckets {
		if err := l.saveFirstMetadata(inside, b); err != nil {
			return err
		}
	}
	return nil
}

// Shutdown turns calls away, waits for background work and runs Options.Stop. The fork calls it too when a signal
// comes before Serve has taken the signals over. Only the first call does something.
func (l *Layer) Shutdown(ctx context.Context) error {
	var err error
	l.once.Do(func() {
		l.open.Store(false)
		l.mu.Lock()
		close(l.done)
		l.mu.Unlock()
		if l.end != nil {
			l.end()
		}
		l.tasks.Wait()
		if l.o.Stop != nil {
			err = l.o.Stop(ctx)
		}
	})
	return err
}

// admit fails while the layer is not open. The fork takes this error for a request that was given up and logs nothing.
func (l *Layer) admit() error {
	if l.open.Load() {
		return nil
	}
	return context.Canceled
}

// object admits a call for an object and finds its place.
func (l *Layer) object(ctx context.Context, bucket, key string, u use) (target, error) {
	if err := l.admit(); err != nil {
		return target{}, err
	}
	return l.names.object(ctx, bucket, key, u)
}

// bucket admits a call for a bucket and finds its directory.
func (l *Layer) bucket(ctx context.Context, bucket string) (target, error) {
	if err := l.admit(); err != nil {
		return target{}, err
	}
	top, err := l.names.top(ctx, bucket)
	return target{bucket: bucket, path: top, top: top}, err
}

// makeDir makes a directory unless it is there.
func (l *Layer) makeDir(ctx context.Context, t *target, c vfs.Commit) error {
	if i, err := l.v.Stat(ctx, c.Path); err == nil && i.IsDir() {
		return nil
	}
	_, err := l.v.MakeDir(ctx, c, false)
	if isExist(err) { // by another gateway, just now
		return nil
	}
	return l.fail(ctx, t, writes, err)
}

// park returns what names the temporary files of a bucket's uploads that take long.
func (l *Layer) park(bucket string) func() string {
	return func() string {
		id := uuid.NewString()
		return l.names.sys(bucket) + "/tmp/" + slot(id) + "/" + id
	}
}

// The fork asks what is supported before it calls.

// IsNotificationSupported reports that bucket notifications work.
func (l *Layer) IsNotificationSupported() bool { return true }

// IsListenSupported reports that clients may listen for events.
func (l *Layer) IsListenSupported() bool { return true }

// IsTaggingSupported reports that tagging may be tried; without Options.ObjectTag the methods are NotImplemented.
func (l *Layer) IsTaggingSupported() bool { return true }

// IsEncryptionSupported reports that the fork must not encrypt.
func (l *Layer) IsEncryptionSupported() bool { return false }

// IsCompressionSupported reports that the fork must not compress.
func (l *Layer) IsCompressionSupported() bool { return false }

// SetDriveCounts has nothing to say.
func (l *Layer) SetDriveCounts() []int { return nil }

// NSScanner does nothing: there is no data scanner.
func (l *Layer) NSScanner(context.Context, *minio.BloomFilter, chan<- madmin.DataUsageInfo) error {
	return nil
}

// GetMetrics is NotImplemented.
func (l *Layer) GetMetrics(context.Context) (*minio.BackendMetrics, error) {
	return &minio.BackendMetrics{}, minio.NotImplemented{}
}

// PutObjectMetadata is for retention, legal hold and replication: NotImplemented.
func (l *Layer) PutObjectMetadata(context.Context, string, string, minio.ObjectOptions) (minio.ObjectInfo, error) {
	return minio.ObjectInfo{}, minio.NotImplemented{}
}

// BackendInfo says that this is a file system.
func (l *Layer) BackendInfo() madmin.BackendInfo { return madmin.BackendInfo{Type: madmin.FS} }

// StorageInfo describes the volume as one disk.
func (l *Layer) StorageInfo(ctx context.Context) (minio.StorageInfo, []error) {
	info := minio.StorageInfo{Backend: l.BackendInfo()}
	if err := l.admit(); err != nil {
		return info, []error{err}
	}
	u, err := l.v.Usage(ctx)
	if err != nil {
		return info, []error{l.fail(ctx, &target{top: "/"}, reads, err)}
	}
	info.Disks = []madmin.Disk{{Endpoint: l.v.Name(), DrivePath: "/", State: madmin.DriveStateOk, TotalSpace: u.TotalSpace,
		AvailableSpace: u.AvailSpace, UsedSpace: u.TotalSpace - min(u.AvailSpace, u.TotalSpace)}}
	return info, []error{nil}
}

// LocalStorageInfo is StorageInfo.
func (l *Layer) LocalStorageInfo(ctx context.Context) (minio.StorageInfo, []error) {
	return l.StorageInfo(ctx)
}

// Health reports whether the volume answers.
func (l *Layer) Health(ctx context.Context, _ minio.HealthOptions) minio.HealthResult {
	return minio.HealthResult{Healthy: l.ReadHealth(ctx)}
}

// ReadHealth reports whether the volume answers.
func (l *Layer) ReadHealth(ctx context.Context) bool {
	if l.admit() != nil {
		return false
	}
	path := "/" + serverName
	if l.v.ReadOnly() {
		path = "/" // nobody may have made the other
	}
	_, err := l.v.Stat(ctx, path)
	return err == nil
}

// cleanUpTime bounds what must be done after its request has ended.
const cleanUpTime = 30 * time.Second
