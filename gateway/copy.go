package gateway

import (
	"context"
	"errors"
	"strings"

	minio "github.com/minio/minio/cmd"
	"github.com/minio/minio/pkg/hash"

	"juicefs/gateway/front"
	"juicefs/pkg/checksum"
	"juicefs/pkg/fserr"
	"juicefs/vfs"
)

// CopyObject makes a new object of the data of another one, without moving any. srcInfo.UserDefined is what the copy's
// metadata and tags are to be; the handler has merged them. Onto itself only those change.
func (l *Layer) CopyObject(ctx context.Context, srcBucket, srcObject, dstBucket, dstObject string, srcInfo minio.ObjectInfo,
	srcOpts, _ minio.ObjectOptions) (oi minio.ObjectInfo, err error) {
	defer func() { err = quietly(ctx, err) }()
	src, err := l.object(ctx, srcBucket, srcObject, reads)
	if err != nil {
		return minio.ObjectInfo{}, err
	}
	dst, err := l.object(ctx, dstBucket, dstObject, writes)
	if err != nil {
		return minio.ObjectInfo{}, err
	}
	if err = oneVersion(&src, srcOpts.VersionID); err != nil {
		return minio.ObjectInfo{}, err
	}
	if err = l.mayBegin(ctx, &dst, 0); err != nil {
		return minio.ObjectInfo{}, err
	}
	if src.path == dst.path && src.dir == dst.dir {
		return l.describeAgain(ctx, &dst, srcInfo.UserDefined)
	}
	from, err := l.source(ctx, &src)
	if err != nil {
		return minio.ObjectInfo{}, err
	}
	if changed(from, &srcInfo) {
		// The handler has decided by another version; a client that tries again gets what it asked for.
		return minio.ObjectInfo{}, minio.OperationTimedOut{}
	}
	sum, err := l.copySum(ctx, &src, from)
	if err != nil {
		return minio.ObjectInfo{}, err
	}
	if from.IsDir() || dst.dir {
		return l.copyEmpty(ctx, &dst, from, sum.Algorithm, srcInfo.UserDefined)
	}
	c, err := l.commit(ctx, &dst, string(from.Xattrs[attrETag]), srcInfo.UserDefined)
	if err != nil {
		return minio.ObjectInfo{}, err
	}
	copyParts(c.Xattrs, from, sum)
	keepSum(&c, sum, from.Size)
	c.Source = from
	i, err := l.v.Copy(ctx, src.path, c)
	if err != nil {
		return minio.ObjectInfo{}, l.failCopy(ctx, &src, &dst, err)
	}
	front.TellSum(ctx, sum)
	return l.info(&dst, i), nil
}

// source is a file as the handler has seen it that copies from it.
type source struct {
	path string
	info *vfs.Info
}

// keepSource keeps what the handler of a request sees of the file that it will have copied.
func keepSource(ctx context.Context, t *target, i *vfs.Info) { front.Keep(ctx, source{t.path, i}) }

// source returns the source of a copy as the handler has seen it, which need not be what it is by now: the copy fails if it
// is not of that version. Where the handler has seen nothing it is looked up.
func (l *Layer) source(ctx context.Context, t *target) (*vfs.Info, error) {
	if s, ok := front.Kept(ctx).(source); ok && s.path == t.path && !t.dir {
		return s.info, nil
	}
	return l.stat(ctx, t, false)
}

// failCopy is fail for an error of either file.
func (l *Layer) failCopy(ctx context.Context, src, dst *target, err error) error {
	var e *fserr.Error
	if errors.As(err, &e) && e.Path == src.path {
		return l.fail(ctx, src, reads, err)
	}
	return l.fail(ctx, dst, writes, err)
}

// changed reports whether a file is not the one that the handler has seen.
func changed(now *vfs.Info, seen *minio.ObjectInfo) bool {
	return !now.IsDir() && (now.Size != seen.Size || !seen.ModTime.IsZero() && !now.Mtime.Equal(seen.ModTime))
}

// describeAgain changes what a client told of an object.
func (l *Layer) describeAgain(ctx context.Context, t *target, defined map[string]string) (minio.ObjectInfo, error) {
	set := map[string][]byte{}
	if err := l.describe(set, defined); err != nil {
		return minio.ObjectInfo{}, l.fail(ctx, t, writes, err)
	}
	var remove []string
	if _, ok := set[attrMeta]; l.o.ObjectMeta && !ok {
		remove = append(remove, attrMeta)
	}
	if _, ok := set[attrTags]; l.o.ObjectTag && !ok {
		remove = append(remove, attrTags)
	}
	gone, err := l.sumAgain(ctx, t, set)
	if err != nil {
		return minio.ObjectInfo{}, err
	}
	i, err := l.setAttrs(ctx, t, set, append(remove, gone...))
	if err != nil {
		return minio.ObjectInfo{}, err
	}
	front.TellSum(ctx, sumOf(i))
	return l.info(t, i), nil
}

// sumAgain adds the attribute of another checksum, if the client asks for one. It does not count if the object is changed
// before it is set, since it says of which data it is. It returns the attributes that do not belong to it: the checksums of
// parts would seem to be those of the data again that the new one is of.
func (l *Layer) sumAgain(ctx context.Context, t *target, set map[string][]byte) (gone []string, err error) {
	if front.WantedOf(ctx).Algorithm == checksum.None {
		return nil, nil
	}
	i, err := l.stat(ctx, t, false)
	if err != nil {
		return nil, err
	}
	sum, err := l.copySum(ctx, t, i)
	if err != nil {
		return nil, err
	}
	set[attrSum] = encodeSum(sum, i.Size, i.Mtime)
	if !sum.Equal(sumOf(i)) {
		gone = longNames(i.Xattrs, attrPartSums)
	}
	return gone, nil
}

// copyEmpty copies where a directory object takes part: those have no data.
func (l *Layer) copyEmpty(ctx context.Context, dst *target, from *vfs.Info, alg checksum.Algorithm, defined map[string]string) (minio.ObjectInfo, error) {
	if !from.IsDir() && from.Size > 0 {
		return minio.ObjectInfo{}, minio.ObjectExistsAsDirectory{Bucket: dst.bucket, Object: dst.key}
	}
	h, err := hash.NewReader(strings.NewReader(""), 0, "", "", 0)
	if err != nil {
		return minio.ObjectInfo{}, l.fail(ctx, dst, writes, err)
	}
	oi, err := l.put(ctx, dst, minio.NewPutObjReader(h), alg, defined)
	if !l.o.KeepETag {
		oi.ETag = ""
	}
	return oi, err
}
