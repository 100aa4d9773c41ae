package gateway

import (
	"context"
	"errors"
	"syscall"

	minio "github.com/minio/minio/cmd"

	"juicefs/gateway/front"
	"juicefs/vfs"
)

// DeleteObject removes an object and the directories that it leaves empty. If it is missing the error is ObjectNotFound,
// which the handler answers like success; it does so with all errors, so that others go to the front as well.
func (l *Layer) DeleteObject(ctx context.Context, bucket, object string, opts minio.ObjectOptions) (minio.ObjectInfo, error) {
	err := l.remove(ctx, bucket, object, opts.VersionID)
	if err == nil {
		return minio.ObjectInfo{Bucket: bucket, Name: object}, nil
	}
	switch err.(type) { //nolint:errorlint // the layer's errors are plain values
	case minio.ObjectNotFound:
		// Only a condition may demand that the object exists.
		if front.ConditionOf(ctx).IfMatch != "" {
			front.Fail(ctx, noSuchKey)
		}
	case minio.VersionNotFound, minio.BucketNotFound:
	default:
		front.Fail(ctx, failure(err))
	}
	return minio.ObjectInfo{}, err
}

func (l *Layer) remove(ctx context.Context, bucket, object, version string) error {
	t, err := l.object(ctx, bucket, object, removes)
	if err != nil {
		return err
	}
	if err = oneVersion(&t, version); err != nil {
		return err
	}
	if l.v.ReadOnly() {
		return minio.PrefixAccessDenied{Bucket: bucket, Object: object}
	}
	errs, err := l.v.Remove(ctx, []vfs.Removal{removal(&t, l.allow(ctx, &t))})
	if err == nil {
		err = errs[0]
	}
	return l.fail(ctx, &t, removes, err)
}

func removal(t *target, allow vfs.Allow) vfs.Removal {
	return vfs.Removal{Path: t.path, Dir: t.dir, Top: t.top, Allow: allow}
}

// DeleteObjects removes objects. Both results have the length and order of objects, and every element of the first has
// the names of its object: the handler finds it again by them.
func (l *Layer) DeleteObjects(ctx context.Context, bucket string, objects []minio.ObjectToDelete, _ minio.ObjectOptions) ([]minio.DeletedObject, []error) {
	deleted := make([]minio.DeletedObject, len(objects))
	errs := make([]error, len(objects))
	targets, rs := make([]target, 0, len(objects)), make([]vfs.Removal, 0, len(objects))
	at := make([]int, 0, len(objects)) // in objects
	for k, o := range objects {
		deleted[k] = minio.DeletedObject{ObjectName: o.ObjectName, VersionID: o.VersionID, VersionPurgeStatus: o.VersionPurgeStatus,
			DeleteMarkerReplicationStatus: o.DeleteMarkerReplicationStatus, PurgeTransitioned: o.PurgeTransitioned}
		t, err := l.object(ctx, bucket, o.ObjectName, removes)
		if err == nil {
			err = oneVersion(&t, o.VersionID)
		}
		if err == nil && l.v.ReadOnly() {
			err = minio.PrefixAccessDenied{Bucket: bucket, Object: o.ObjectName}
		}
		if err != nil {
			errs[k] = err
			continue
		}
		targets, rs, at = append(targets, t), append(rs, removal(&t, l.allowIf(front.EntryCondition(ctx, t.key), &t))), append(at, k)
	}
	if len(rs) == 0 {
		return deleted, errs
	}
	results, err := l.v.Remove(ctx, rs)
	for j, k := range at {
		e := err
		if e == nil {
			e = results[j]
		}
		if errors.Is(e, syscall.ENOENT) || errors.Is(e, syscall.ENOTDIR) {
			errs[k] = minio.ObjectNotFound{Bucket: bucket, Object: objects[k].ObjectName} // the handler has seen the bucket
			if front.EntryCondition(ctx, targets[j].key).IfMatch != "" {
				errs[k] = errNoKey(&targets[j]) // it must have been there
			}
			continue
		}
		errs[k] = l.fail(ctx, &targets[j], removes, e)
	}
	return deleted, errs
}
