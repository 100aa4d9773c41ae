package gateway

import (
	"context"

	"github.com/minio/minio-go/v7/pkg/tags"
	minio "github.com/minio/minio/cmd"

	"juicefs/vfs"
)

// PutObjectTags replaces the tags of an object; text is in URL query form.
func (l *Layer) PutObjectTags(ctx context.Context, bucket, object, text string, opts minio.ObjectOptions) (minio.ObjectInfo, error) {
	set, remove := map[string][]byte{attrTags: []byte(text)}, []string(nil)
	if text == "" {
		set, remove = nil, []string{attrTags}
	}
	return l.changeTags(ctx, bucket, object, opts, set, remove)
}

// DeleteObjectTags removes the tags of an object.
func (l *Layer) DeleteObjectTags(ctx context.Context, bucket, object string, opts minio.ObjectOptions) (minio.ObjectInfo, error) {
	return l.changeTags(ctx, bucket, object, opts, nil, []string{attrTags})
}

// GetObjectTags returns the tags of an object, perhaps none.
func (l *Layer) GetObjectTags(ctx context.Context, bucket, object string, opts minio.ObjectOptions) (*tags.Tags, error) {
	if !l.o.ObjectTag {
		return nil, minio.NotImplemented{}
	}
	oi, err := l.GetObjectInfo(ctx, bucket, object, opts)
	if err != nil {
		return nil, err
	}
	return tags.ParseObjectTags(oi.UserTags)
}

func (l *Layer) changeTags(ctx context.Context, bucket, object string, opts minio.ObjectOptions, set map[string][]byte, remove []string) (minio.ObjectInfo, error) {
	if !l.o.ObjectTag {
		return minio.ObjectInfo{}, minio.NotImplemented{}
	}
	t, err := l.object(ctx, bucket, object, reads)
	if err != nil {
		return minio.ObjectInfo{}, err
	}
	if err = oneVersion(&t, opts.VersionID); err != nil {
		return minio.ObjectInfo{}, err
	}
	i, err := l.setAttrs(ctx, &t, set, remove)
	if err != nil {
		return minio.ObjectInfo{}, err
	}
	return l.info(&t, i), nil
}

// setAttrs changes extended attributes of an object that must be there.
func (l *Layer) setAttrs(ctx context.Context, t *target, set map[string][]byte, remove []string) (*vfs.Info, error) {
	i, err := l.v.SetXattrs(ctx, t.path, set, remove, func(old *vfs.Info) error {
		if old == nil || !isObject(t, old, false) {
			return &decided{minio.ObjectNotFound{Bucket: t.bucket, Object: t.key}}
		}
		if allow := l.allow(ctx, t); allow != nil {
			return allow(old)
		}
		return nil
	})
	return i, l.fail(ctx, t, reads, err)
}
