package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"sync"
	"time"

	minio "github.com/minio/minio/cmd"
	"github.com/minio/minio/pkg/madmin"

	"juicefs/gateway/front"
)

// layer keeps objects in a map. Listings are not measured against it and find nothing.
type layer struct {
	minio.GatewayUnsupported

	mu      sync.RWMutex
	buckets map[string]time.Time
	objects map[string]object // bucket/key
}

type object struct {
	data []byte
	info minio.ObjectInfo
}

var _ minio.ObjectLayer = (*layer)(nil)

func newLayer() *layer {
	return &layer{buckets: map[string]time.Time{}, objects: map[string]object{}}
}

// NewNSLock returns a lock that is always free.
func (l *layer) NewNSLock(string, ...string) minio.RWLocker { return free{} }

// free is a lock that is always free: there is one process.
type free struct{}

func (free) GetLock(ctx context.Context, _ *minio.DynamicTimeout) (context.Context, error) {
	return ctx, nil
}

func (free) GetRLock(ctx context.Context, _ *minio.DynamicTimeout) (context.Context, error) {
	return ctx, nil
}
func (free) Unlock()  {}
func (free) RUnlock() {}

func (l *layer) Shutdown(context.Context) error { return nil }

func (l *layer) StorageInfo(context.Context) (minio.StorageInfo, []error) {
	return minio.StorageInfo{Backend: madmin.BackendInfo{Type: madmin.FS}}, nil
}

func (l *layer) MakeBucketWithLocation(_ context.Context, bucket string, _ minio.BucketOptions) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.buckets[bucket] = time.Now()
	return nil
}

func (l *layer) GetBucketInfo(_ context.Context, bucket string) (minio.BucketInfo, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	made, ok := l.buckets[bucket]
	if !ok {
		return minio.BucketInfo{}, minio.BucketNotFound{Bucket: bucket}
	}
	return minio.BucketInfo{Name: bucket, Created: made}, nil
}

func (l *layer) ListBuckets(context.Context) ([]minio.BucketInfo, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	var all []minio.BucketInfo
	for name, made := range l.buckets {
		all = append(all, minio.BucketInfo{Name: name, Created: made})
	}
	return all, nil
}

func (l *layer) DeleteBucket(_ context.Context, bucket string, _ bool) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.buckets, bucket)
	return nil
}

func (l *layer) ListObjects(context.Context, string, string, string, string, int) (minio.ListObjectsInfo, error) {
	return minio.ListObjectsInfo{}, nil
}

func (l *layer) get(bucket, key string) (object, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	o, ok := l.objects[bucket+"/"+key]
	if !ok {
		return object{}, minio.ObjectNotFound{Bucket: bucket, Object: key}
	}
	return o, nil
}

func (l *layer) GetObjectInfo(_ context.Context, bucket, key string, _ minio.ObjectOptions) (minio.ObjectInfo, error) {
	o, err := l.get(bucket, key)
	return o.info, err
}

func (l *layer) GetObjectNInfo(_ context.Context, bucket, key string, rs *minio.HTTPRangeSpec, _ http.Header, _ minio.LockType,
	opts minio.ObjectOptions) (*minio.GetObjectReader, error) {
	o, err := l.get(bucket, key)
	if err != nil {
		return nil, err
	}
	off, n, err := rs.GetOffsetLength(o.info.Size)
	if err != nil {
		return nil, err
	}
	return minio.NewGetObjectReaderFromReader(bytes.NewReader(o.data[off:off+n]), o.info, opts)
}

func (l *layer) PutObject(_ context.Context, bucket, key string, r *minio.PutObjReader, opts minio.ObjectOptions) (minio.ObjectInfo, error) {
	var data []byte
	var err error
	if size := r.Size(); size >= 0 {
		data = make([]byte, size)
		if _, err = io.ReadFull(r, data); err == nil {
			_, err = r.Read(make([]byte, 1)) // the end is where sums are checked
		}
		if err == io.EOF { //nolint:errorlint // never wrapped
			err = nil
		}
	} else {
		data, err = io.ReadAll(r)
	}
	if err != nil {
		return minio.ObjectInfo{}, err
	}
	return l.store(bucket, key, data, r.MD5CurrentHexString(), opts), nil
}

func (l *layer) store(bucket, key string, data []byte, etag string, opts minio.ObjectOptions) minio.ObjectInfo {
	info := minio.ObjectInfo{Bucket: bucket, Name: key, ModTime: time.Now(), Size: int64(len(data)), ETag: etag,
		ContentType: opts.UserDefined["content-type"], UserDefined: opts.UserDefined, IsLatest: true}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.objects[bucket+"/"+key] = object{data, info}
	return info
}

func (l *layer) CopyObject(_ context.Context, srcBucket, srcKey, bucket, key string, _ minio.ObjectInfo, _, opts minio.ObjectOptions) (minio.ObjectInfo, error) {
	o, err := l.get(srcBucket, srcKey)
	if err != nil {
		return minio.ObjectInfo{}, err
	}
	return l.store(bucket, key, o.data, o.info.ETag, opts), nil
}

func (l *layer) DeleteObject(_ context.Context, bucket, key string, _ minio.ObjectOptions) (minio.ObjectInfo, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.objects, bucket+"/"+key)
	return minio.ObjectInfo{Bucket: bucket, Name: key}, nil
}

func (l *layer) DeleteObjects(ctx context.Context, bucket string, objects []minio.ObjectToDelete, opts minio.ObjectOptions) ([]minio.DeletedObject, []error) {
	deleted, errs := make([]minio.DeletedObject, len(objects)), make([]error, len(objects))
	for i, o := range objects {
		_, errs[i] = l.DeleteObject(ctx, bucket, o.ObjectName, opts)
		deleted[i] = minio.DeletedObject{ObjectName: o.ObjectName}
	}
	return deleted, errs
}

// Walk finds nothing: there are no users to load.
func (l *layer) Walk(_ context.Context, _, _ string, results chan<- minio.ObjectInfo, _ minio.ObjectOptions) error {
	close(results)
	return nil
}

func (l *layer) ListObjectsV2(context.Context, string, string, string, string, int, bool, string) (minio.ListObjectsV2Info, error) {
	return minio.ListObjectsV2Info{}, nil
}

func (l *layer) Health(context.Context, minio.HealthOptions) minio.HealthResult {
	return minio.HealthResult{Healthy: true}
}

func (l *layer) ReadHealth(context.Context) bool { return true }

// The layer is also what the front asks of buckets. None has settings or a policy.

var _ front.Store = (*layer)(nil)

// Document implements front.Store.
func (l *layer) Document(context.Context, string, string) ([]byte, error) { return nil, nil }

// SetDocument implements front.Store.
func (l *layer) SetDocument(context.Context, string, string, []byte) error {
	return &front.Failure{Status: http.StatusNotImplemented, Code: "NotImplemented"}
}

// HasBucket implements front.Store.
func (l *layer) HasBucket(ctx context.Context, bucket string) error {
	if _, err := l.GetBucketInfo(ctx, bucket); err != nil {
		return &front.Failure{Status: http.StatusNotFound, Code: "NoSuchBucket"}
	}
	return nil
}

// HasObject implements front.Store.
func (l *layer) HasObject(_ context.Context, bucket, key, _ string) error {
	if _, err := l.get(bucket, key); err != nil {
		return &front.Failure{Status: http.StatusNotFound, Code: "NoSuchKey"}
	}
	return nil
}

// Public implements front.Store.
func (l *layer) Public(context.Context, string) (bool, error) {
	return false, &front.Failure{Status: http.StatusNotFound, Code: "NoSuchBucketPolicy"}
}
