package gateway

import (
	"bytes"
	"context"
	"errors"
	"io"

	minio "github.com/minio/minio/cmd"
	"github.com/minio/minio/pkg/hash"

	"juicefs/gateway/front"
)

// What is kept of a bucket that the server has no place for lies beside the server's own file of the bucket, where the
// original leaves it alone and removes it with the bucket.

var _ front.Store = (*Layer)(nil)

// maxDocument is the largest document of a bucket, in bytes.
const maxDocument = 1 << 20

// documentKey is where a document of a bucket lies, below the server's own settings.
func documentKey(bucket, name string) string { return "buckets/" + bucket + "/" + name }

// Document implements front.Store.
func (l *Layer) Document(ctx context.Context, bucket, name string) ([]byte, error) {
	if _, err := l.GetBucketInfo(ctx, bucket); err != nil {
		return nil, failureOf(err)
	}
	inside := front.WithOrigin(ctx, front.Inside)
	r, err := l.GetObjectNInfo(inside, serverName, documentKey(bucket, name), nil, nil, 0, minio.ObjectOptions{})
	if errors.As(err, &minio.ObjectNotFound{}) {
		return nil, nil
	}
	if err != nil {
		return nil, failureOf(err)
	}
	data, err := io.ReadAll(io.LimitReader(r, maxDocument))
	if err = errors.Join(err, r.Close()); err != nil {
		return nil, failureOf(err)
	}
	return data, nil
}

// SetDocument implements front.Store.
func (l *Layer) SetDocument(ctx context.Context, bucket, name string, data []byte) error {
	if _, err := l.GetBucketInfo(ctx, bucket); err != nil {
		return failureOf(err)
	}
	inside := front.WithOrigin(ctx, front.Inside)
	if data == nil {
		_, err := l.DeleteObject(inside, serverName, documentKey(bucket, name), minio.ObjectOptions{})
		if errors.As(err, &minio.ObjectNotFound{}) {
			return nil
		}
		return failureOf(err)
	}
	r, err := hash.NewReader(bytes.NewReader(data), int64(len(data)), "", "", int64(len(data)))
	if err != nil {
		return failureOf(err)
	}
	_, err = l.PutObject(inside, serverName, documentKey(bucket, name), minio.NewPutObjReader(r), minio.ObjectOptions{})
	return failureOf(err)
}

// HasBucket implements front.Store.
func (l *Layer) HasBucket(ctx context.Context, bucket string) error {
	_, err := l.GetBucketInfo(ctx, bucket)
	return failureOf(err)
}

// HasObject implements front.Store.
func (l *Layer) HasObject(ctx context.Context, bucket, key, version string) error {
	_, err := l.GetObjectInfo(ctx, bucket, key, minio.ObjectOptions{VersionID: version})
	return failureOf(err)
}

// failureOf is the reply to an error of the layer, nil for none.
func failureOf(err error) error {
	if err == nil {
		return nil
	}
	f := failure(err)
	return &f
}
