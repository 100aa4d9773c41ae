package gateway

import (
	"context"
	"errors"
	"slices"
	"strings"
	"syscall"
	"time"

	minio "github.com/minio/minio/cmd"

	"juicefs/gateway/front"
	"juicefs/vfs"
)

// MakeBucketWithLocation makes a bucket. In single mode the one bucket may be made again and again, and no other.
func (l *Layer) MakeBucketWithLocation(ctx context.Context, bucket string, o minio.BucketOptions) error {
	if err := l.admit(); err != nil {
		return err
	}
	if l.o.MultiBuckets && !validBucket(bucket) {
		return minio.BucketNameInvalid{Bucket: bucket}
	}
	t, err := l.bucket(ctx, bucket)
	if err != nil {
		return err
	}
	if o.LockEnabled || o.VersioningEnabled {
		return minio.NotImplemented{Message: "Object lock and versioning are not supported by this gateway"}
	}
	if t.top == "/" {
		return nil
	}
	if l.v.ReadOnly() {
		return minio.PrefixAccessDenied{Bucket: bucket}
	}
	if _, err := l.v.MakeDir(ctx, vfs.Commit{Path: t.path, Mode: 0o777}, false); err != nil {
		if isExist(err) {
			return minio.BucketAlreadyOwnedByYou{Bucket: bucket}
		}
		return l.fail(ctx, &t, writes, err)
	}
	return l.saveMetadata(ctx, minio.NewBucketMetadata(bucket))
}

// GetBucketInfo tells whether a bucket exists and since when.
func (l *Layer) GetBucketInfo(ctx context.Context, bucket string) (minio.BucketInfo, error) {
	t, err := l.bucket(ctx, bucket)
	if err != nil {
		return minio.BucketInfo{}, err
	}
	i, err := l.v.Stat(ctx, t.path)
	switch {
	case errors.Is(err, syscall.ENOENT), err == nil && !i.IsDir():
		return minio.BucketInfo{}, minio.BucketNotFound{Bucket: bucket}
	case err != nil:
		return minio.BucketInfo{}, l.fail(ctx, &t, reads, err)
	}
	return minio.BucketInfo{Name: bucket, Created: created(i)}, nil
}

// created is when a bucket was made: the access time of its directory, which nothing touches. Older gateways wrote there
// what they took for milliseconds, hence a date of 1970.
func created(i *vfs.Info) time.Time {
	t := i.Atime
	if t.Year() < 1971 {
		t = i.Ctime
	}
	return t.Truncate(time.Second)
}

// ListBuckets lists all buckets by name.
func (l *Layer) ListBuckets(ctx context.Context) ([]minio.BucketInfo, error) {
	if err := l.admit(); err != nil {
		return nil, err
	}
	if !l.o.MultiBuckets {
		b, err := l.GetBucketInfo(ctx, l.o.BucketName)
		if err != nil {
			return nil, err
		}
		return []minio.BucketInfo{b}, nil
	}
	var buckets []minio.BucketInfo
	err := l.eachEntry(ctx, "/", "", func(name string, i *vfs.Info) error {
		if !validBucket(name) {
			return nil
		}
		if !i.IsDir() { // a link is one where it leads to a directory
			to, err := l.v.Stat(ctx, i.Path)
			if err != nil || !to.IsDir() {
				return nil //nolint:nilerr // a link to nowhere is no bucket
			}
			i = to
		}
		buckets = append(buckets, minio.BucketInfo{Name: name, Created: created(i)})
		return nil
	})
	if err != nil {
		return nil, l.fail(ctx, &target{top: "/"}, reads, err)
	}
	slices.SortFunc(buckets, func(a, b minio.BucketInfo) int { return strings.Compare(a.Name, b.Name) })
	return buckets, nil
}

// DeleteBucket removes a bucket that holds no object, or with force whatever it holds, then what was under way in it and
// its settings.
func (l *Layer) DeleteBucket(ctx context.Context, bucket string, force bool) error {
	t, err := l.bucket(ctx, bucket)
	if err != nil {
		return err
	}
	switch {
	case l.v.ReadOnly():
		return minio.PrefixAccessDenied{Bucket: bucket}
	case t.top == "/":
		return minio.BucketNotEmpty{Bucket: bucket} // the root cannot go
	}
	if err = l.haveBucket(ctx, &t); err != nil {
		return err
	}
	if force {
		err = l.v.RemoveAll(ctx, t.path, false)
	} else {
		err = l.removeEmpty(ctx, t.path, 0)
	}
	if err != nil {
		return l.fail(ctx, &t, removes, err)
	}
	for _, dir := range []string{l.names.sys(bucket), "/" + serverName + "/" + minio.BucketMetaPrefix + "/" + bucket} {
		if err := l.v.RemoveAll(ctx, dir, true); err != nil {
			// The bucket is gone; what is left takes space until a bucket of this name is removed again.
			l.log.Warn("remove what belonged to a bucket", "bucket", bucket, "path", dir, "error", err)
		}
	}
	return nil
}

// maxDepth bounds recursion into directories: a key of 1024 bytes has at most half as many.
const maxDepth = 512

// removeEmpty removes a directory that has nothing but directories without objects in it. A directory object or a file is
// ENOTEMPTY. Only empty directories are ever removed, so that an object that appears meanwhile is safe.
func (l *Layer) removeEmpty(ctx context.Context, dir string, depth int) error {
	err := l.v.RemoveDir(ctx, dir)
	if !errors.Is(err, syscall.ENOTEMPTY) || depth > maxDepth {
		return err
	}
	if depth == 0 { // the usual answer, before anything is removed
		found, failed := l.v.List(ctx, vfs.ListQuery{Dir: dir, Limit: 1})
		if failed != nil {
			return failed
		}
		if len(found.Items) > 0 {
			return syscall.ENOTEMPTY
		}
	}
	err = l.eachEntry(ctx, dir, "", func(_ string, i *vfs.Info) error {
		if !i.IsDir() || i.IsDirObject() {
			return syscall.ENOTEMPTY
		}
		return l.removeEmpty(ctx, i.Path, depth+1)
	})
	if err != nil {
		return err
	}
	return l.v.RemoveDir(ctx, dir)
}

// eachEntry calls f for every entry of a directory in order of names, with the one attribute wanted.
func (l *Layer) eachEntry(ctx context.Context, dir, xattr string, f func(name string, i *vfs.Info) error) error {
	after := ""
	for {
		infos, err := l.v.ReadDir(ctx, dir, after, maxPage, xattr)
		if err != nil {
			return err
		}
		for k := range infos {
			after = infos[k].Path[strings.LastIndexByte(infos[k].Path, '/')+1:]
			if err := f(after, &infos[k]); err != nil {
				return err
			}
		}
		if len(infos) < maxPage {
			return nil
		}
	}
}

// saveMetadata stores the settings of a bucket as the layer's own call.
func (l *Layer) saveMetadata(ctx context.Context, m minio.BucketMetadata) error {
	return m.Save(front.WithOrigin(ctx, front.Inside), l)
}

// saveFirstMetadata stores settings of a bucket unless there are some.
func (l *Layer) saveFirstMetadata(ctx context.Context, bucket string) error {
	_, err := l.GetObjectInfo(ctx, serverName, minio.BucketMetaPrefix+"/"+bucket+"/"+minio.BucketMetadataFile, minio.ObjectOptions{})
	if _, missing := err.(minio.ObjectNotFound); !missing { //nolint:errorlint // the layer's errors are plain values
		return err
	}
	return l.saveMetadata(ctx, minio.NewBucketMetadata(bucket))
}

// settingsHaveBucket fails if an object is the settings of a bucket that does not exist: the handlers of the server store
// tags without a look.
func (l *Layer) settingsHaveBucket(ctx context.Context, t *target) error {
	if !t.server() {
		return nil
	}
	rest, ok := strings.CutPrefix(t.key, minio.BucketMetaPrefix+"/")
	bucket, file, _ := strings.Cut(rest, "/")
	if !ok || file != minio.BucketMetadataFile || bucket == serverName {
		return nil
	}
	_, err := l.GetBucketInfo(ctx, bucket)
	return err
}

func isExist(err error) bool { return errors.Is(err, syscall.EEXIST) }
