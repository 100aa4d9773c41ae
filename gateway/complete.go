package gateway

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	minio "github.com/minio/minio/cmd"

	"juicefs/gateway/front"
	"juicefs/vfs"
)

// CompleteMultipartUpload makes the object of the parts that the client names, in order, and ends the upload. The data of
// the parts moves over; the reply is made from what was committed.
func (l *Layer) CompleteMultipartUpload(ctx context.Context, bucket, object, uploadID string, named []minio.CompletePart,
	_ minio.ObjectOptions) (minio.ObjectInfo, error) {
	u, err := l.upload(ctx, bucket, object, uploadID, writes)
	if err != nil {
		return minio.ObjectInfo{}, err
	}
	stored, err := l.parts(ctx, u)
	if err != nil {
		return minio.ObjectInfo{}, err
	}
	sizes, err := checkParts(&u.target, stored, named)
	if err != nil {
		return minio.ObjectInfo{}, err
	}
	sum, partSums, err := l.wholeSum(ctx, u, named, sizes)
	if err != nil {
		return minio.ObjectInfo{}, err
	}
	tag := minio.ComputeCompleteMultipartMD5(named)
	c, err := l.commit(ctx, &u.target, tag, nil)
	if err != nil {
		return minio.ObjectInfo{}, err
	}
	inherit(&c, u)
	if err = l.keepParts(c.Xattrs, sizes, partSums); err != nil {
		return minio.ObjectInfo{}, l.fail(ctx, &u.target, writes, err)
	}
	keepSum(&c, sum, total(sizes))
	parts := make([]vfs.Part, len(named))
	for k, p := range named {
		parts[k] = vfs.Part{Path: u.part(p.PartNumber), ETag: p.ETag}
	}
	i, err := l.v.Compose(ctx, c, parts, attrETag, u.dir)
	if err != nil {
		return minio.ObjectInfo{}, l.failComplete(ctx, u, err)
	}
	front.TellSum(ctx, sum)
	return l.stored(&u.target, i, tag), nil
}

func total(sizes []int64) int64 {
	var n int64
	for _, size := range sizes {
		n += size
	}
	return n
}

// inherit adds to a commit what was told at the begin of the upload.
func inherit(c *vfs.Commit, u *upload) {
	for _, name := range []string{attrTags, attrMeta} {
		if v, ok := u.info.Xattrs[name]; ok {
			c.Xattrs[name] = v
		}
	}
}

// failComplete translates an error of completing: the upload may have ended meanwhile, or a part may be another.
func (l *Layer) failComplete(ctx context.Context, u *upload, err error) error {
	if errors.Is(err, vfs.ErrPartChanged) {
		if _, err = l.upload(ctx, u.bucket, u.key, u.id, writes); err != nil {
			return err
		}
	}
	return l.fail(ctx, &u.target, writes, err)
}

// checkParts compares the parts that a client names with those that are stored, both in order, and returns the sizes.
func checkParts(t *target, stored []minio.PartInfo, named []minio.CompletePart) ([]int64, error) {
	sizes := make([]int64, len(named))
	for k, p := range named {
		if k > 0 && p.PartNumber <= named[k-1].PartNumber {
			return nil, errPartOrder(t)
		}
		j, ok := slices.BinarySearchFunc(stored, p.PartNumber, func(s minio.PartInfo, n int) int { return cmp.Compare(s.PartNumber, n) })
		switch {
		case !ok:
			return nil, minio.InvalidPart{PartNumber: p.PartNumber, GotETag: p.ETag}
		case !strings.EqualFold(strings.Trim(p.ETag, `"`), stored[j].ETag):
			return nil, minio.InvalidPart{PartNumber: p.PartNumber, ExpETag: stored[j].ETag, GotETag: p.ETag}
		}
		named[k].ETag, sizes[k] = stored[j].ETag, stored[j].Size
	}
	for k, n := range sizes {
		if n < minPartSize && k < len(sizes)-1 {
			return nil, minio.PartTooSmall{PartSize: n, PartNumber: named[k].PartNumber, PartETag: named[k].ETag}
		}
	}
	if len(named) == 0 {
		return nil, minio.InvalidPart{}
	}
	return sizes, nil
}
