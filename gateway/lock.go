package gateway

import (
	"context"
	"sync"
	"time"

	minio "github.com/minio/minio/cmd"
)

// NewNSLock returns the lock by which gateways keep out of each other's way when they change the server's settings: the
// BSD lock of a file on the volume, as in juicefs 1.4.1. The fork asks for no other.
func (l *Layer) NewNSLock(bucket string, objects ...string) minio.RWLocker {
	if l.v.ReadOnly() || bucket != serverName || len(objects) != 1 {
		return freeLock{}
	}
	return &fileLock{l: l, path: "/" + serverName + "/" + objects[0]}
}

// freeLock is always free: nothing can be changed on a volume that is only read.
type freeLock struct{}

func (freeLock) GetLock(ctx context.Context, _ *minio.DynamicTimeout) (context.Context, error) {
	return ctx, nil
}

func (freeLock) GetRLock(ctx context.Context, _ *minio.DynamicTimeout) (context.Context, error) {
	return ctx, nil
}
func (freeLock) Unlock()  {}
func (freeLock) RUnlock() {}

// fileLock is a lock on the volume. One value serves many holders: the fork keeps it and locks it from several
// goroutines.
type fileLock struct {
	l    *Layer
	path string

	mu     sync.Mutex
	write  func()   // releases the exclusive hold
	shared []func() // release shared ones; which is whose does not matter
}

// GetLock waits for the exclusive lock, at most as long as timeout says; then the error is OperationTimedOut.
func (f *fileLock) GetLock(ctx context.Context, timeout *minio.DynamicTimeout) (context.Context, error) {
	release, err := f.lock(ctx, timeout, true)
	if err != nil {
		return ctx, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.write = release
	return ctx, nil
}

// GetRLock is GetLock for a lock that may be shared.
func (f *fileLock) GetRLock(ctx context.Context, timeout *minio.DynamicTimeout) (context.Context, error) {
	release, err := f.lock(ctx, timeout, false)
	if err != nil {
		return ctx, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.shared = append(f.shared, release)
	return ctx, nil
}

func (f *fileLock) lock(ctx context.Context, timeout *minio.DynamicTimeout, exclusive bool) (func(), error) {
	if err := f.l.admit(); err != nil {
		return nil, err
	}
	start := time.Now()
	wait, cancel := context.WithTimeout(ctx, timeout.Timeout())
	defer cancel()
	release, err := f.l.v.Lock(wait, f.path, exclusive)
	if err == nil {
		timeout.LogSuccess(time.Since(start))
		return release, nil
	}
	timeout.LogFailure()
	if wait.Err() == nil {
		f.l.log.Error("lock the server's settings", "path", f.path, "error", err) // the fork tries again and says nothing of why
	}
	return nil, minio.OperationTimedOut{}
}

// Unlock gives the exclusive lock back.
func (f *fileLock) Unlock() {
	f.mu.Lock()
	release := f.write
	f.write = nil
	f.mu.Unlock()
	if release != nil {
		release()
	}
}

// RUnlock gives a shared lock back.
func (f *fileLock) RUnlock() {
	f.mu.Lock()
	var release func()
	if n := len(f.shared); n > 0 {
		release, f.shared = f.shared[n-1], f.shared[:n-1]
	}
	f.mu.Unlock()
	if release != nil {
		release()
	}
}
