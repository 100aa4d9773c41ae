package gateway

import (
	"context"
	"encoding/json"

	minio "github.com/minio/minio/cmd"
	"github.com/minio/minio/pkg/bucket/policy"

	"juicefs/gateway/front"
)

// The fork keeps policies in a bucket's settings by itself, and calls these only when it runs as a gateway of the old
// kind, which it does not here. They do the same.

// SetBucketPolicy replaces the policy of a bucket.
func (l *Layer) SetBucketPolicy(ctx context.Context, bucket string, p *policy.Policy) error {
	text, err := json.Marshal(p)
	if err != nil {
		return minio.InvalidArgument{Bucket: bucket, Err: err}
	}
	return l.changePolicy(ctx, bucket, text)
}

// DeleteBucketPolicy removes the policy of a bucket.
func (l *Layer) DeleteBucketPolicy(ctx context.Context, bucket string) error {
	return l.changePolicy(ctx, bucket, nil)
}

// GetBucketPolicy returns the policy of a bucket, or BucketPolicyNotFound.
func (l *Layer) GetBucketPolicy(ctx context.Context, bucket string) (*policy.Policy, error) {
	m, err := l.loadMetadata(ctx, bucket)
	if err != nil {
		return nil, err
	}
	if m.PolicyConfig == nil {
		return nil, minio.BucketPolicyNotFound{Bucket: bucket}
	}
	return m.PolicyConfig, nil
}

func (l *Layer) changePolicy(ctx context.Context, bucket string, text []byte) error {
	m, err := l.loadMetadata(ctx, bucket)
	if err != nil {
		return err
	}
	m.PolicyConfigJSON = text
	return l.saveMetadata(ctx, m)
}

// loadMetadata reads the settings of a bucket that must exist.
func (l *Layer) loadMetadata(ctx context.Context, bucket string) (minio.BucketMetadata, error) {
	if _, err := l.GetBucketInfo(ctx, bucket); err != nil {
		return minio.BucketMetadata{}, err
	}
	return minio.LoadBucketMetadata(front.WithOrigin(ctx, front.Inside), l, bucket)
}
