package gateway

import (
	"cmp"
	"context"
	"crypto/md5" //nolint:gosec // the entity tag of S3
	"encoding/hex"
	"errors"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/google/uuid"
	minio "github.com/minio/minio/cmd"

	"juicefs/gateway/front"
	"juicefs/pkg/checksum"
	"juicefs/vfs"
)

// Limits of uploads in parts.
const (
	minPartSize = 5 << 20 // bytes, of every part but the last
	maxPart     = 10000   // part numbers are 1 to this
)

// upload is an upload in parts that is under way: a directory with a file for each part.
type upload struct {
	target        // what it is to become
	id     string //
	dir    string // where the parts are
	info   *vfs.Info
}

func (u *upload) invalid() error {
	return minio.InvalidUploadID{Bucket: u.bucket, Object: u.key, UploadID: u.id}
}

// part is the path of a part.
func (u *upload) part(n int) string { return u.dir + "/" + strconv.Itoa(n) }

// NewMultipartUpload begins an upload and returns its id.
func (l *Layer) NewMultipartUpload(ctx context.Context, bucket, object string, opts minio.ObjectOptions) (string, error) {
	t, err := l.object(ctx, bucket, object, writes)
	if err != nil {
		return "", err
	}
	switch {
	case l.v.ReadOnly():
		return "", minio.PrefixAccessDenied{Bucket: bucket, Object: object}
	case t.dir:
		return "", minio.ObjectExistsAsDirectory{Bucket: bucket, Object: object}
	}
	if err = l.haveBucket(ctx, &t); err != nil {
		return "", err
	}
	attrs := map[string][]byte{attrObject: []byte(object)}
	if err = l.describe(attrs, opts.UserDefined); err != nil {
		return "", l.fail(ctx, &t, writes, err)
	}
	planOf(front.WantedOf(ctx)).keep(attrs)
	id := uuid.NewString()
	_, err = l.v.MakeDir(ctx, vfs.Commit{Path: l.uploadDir(bucket, id), Xattrs: attrs, Mode: 0o777, Parents: true}, false)
	return id, l.fail(ctx, &t, writes, err)
}

// uploadDir is where an upload's parts are.
func (l *Layer) uploadDir(bucket, id string) string {
	return l.names.sys(bucket) + "/uploads/" + slot(id) + "/" + id
}

// uploadDirs are where an upload's parts may be: juicefs before 1.2 had no slots.
func (l *Layer) uploadDirs(bucket, id string) [2]string {
	return [2]string{l.uploadDir(bucket, id), l.names.sys(bucket) + "/uploads/" + id}
}

// namedUpload is an upload as a client names it, which nobody has looked for yet.
func (l *Layer) namedUpload(ctx context.Context, bucket, object, id string, use use) (*upload, error) {
	t, err := l.object(ctx, bucket, object, use)
	if err != nil {
		return nil, err
	}
	if !validUploadID(id) {
		return nil, minio.MalformedUploadID{UploadID: id}
	}
	if use != reads && l.v.ReadOnly() {
		return nil, minio.PrefixAccessDenied{Bucket: bucket, Object: object}
	}
	return &upload{target: t, id: id}, nil
}

// upload finds an upload by its id. It belongs to one key: rights are given by key.
func (l *Layer) upload(ctx context.Context, bucket, object, id string, use use) (*upload, error) {
	u, err := l.namedUpload(ctx, bucket, object, id, use)
	if err != nil {
		return nil, err
	}
	for _, u.dir = range l.uploadDirs(bucket, id) {
		if u.info, err = l.v.Stat(ctx, u.dir); !errors.Is(err, syscall.ENOENT) {
			break
		}
	}
	switch {
	case errors.Is(err, syscall.ENOENT), errors.Is(err, syscall.ENOTDIR):
		if err = l.haveBucket(ctx, &u.target); err != nil {
			return nil, err
		}
		return nil, u.invalid()
	case err != nil:
		return nil, l.fail(ctx, &u.target, use, err)
	case !u.info.IsDir() || string(u.info.Xattrs[attrObject]) != object:
		return nil, u.invalid()
	}
	return u, nil
}

// GetMultipartInfo describes an upload.
func (l *Layer) GetMultipartInfo(ctx context.Context, bucket, object, uploadID string, _ minio.ObjectOptions) (minio.MultipartInfo, error) {
	u, err := l.upload(ctx, bucket, object, uploadID, reads)
	if err != nil {
		return minio.MultipartInfo{}, err
	}
	return minio.MultipartInfo{Bucket: bucket, Object: object, UploadID: uploadID, Initiated: u.info.Atime,
		UserDefined: decodeMeta(u.info.Xattrs[attrMeta])}, nil
}

// PutObjectPart stores a part, in place of one of the same number.
func (l *Layer) PutObjectPart(ctx context.Context, bucket, object, uploadID string, partID int, data *minio.PutObjReader,
	_ minio.ObjectOptions) (minio.PartInfo, error) {
	u, err := l.openPart(ctx, bucket, object, uploadID, partID)
	if err != nil {
		return minio.PartInfo{}, err
	}
	w, got, err := l.store(ctx, &u.target, data, u.plan().alg)
	if err != nil {
		return minio.PartInfo{}, err
	}
	defer w.Cancel() //nolint:contextcheck // what it removes must go even if the request has ended
	c := vfs.Commit{Path: u.part(partID), Xattrs: map[string][]byte{attrETag: []byte(got.tag)}}
	keepSum(&c, got.sum, got.size)
	i, err := w.Commit(ctx, c)
	if err != nil {
		return minio.PartInfo{}, l.failPart(ctx, u, err)
	}
	front.TellSum(ctx, got.sum)
	return partInfo(partID, got.tag, i), nil
}

// openPart finds the upload that a part is for.
func (l *Layer) openPart(ctx context.Context, bucket, object, uploadID string, partID int) (*upload, error) {
	u, err := l.upload(ctx, bucket, object, uploadID, writes)
	if err == nil && (partID < 1 || partID > maxPart) {
		return nil, errPartNumber(&u.target)
	}
	return u, err
}

// failPart translates an error of writing a part. The upload may have ended meanwhile.
func (l *Layer) failPart(ctx context.Context, u *upload, err error) error {
	if errors.Is(err, syscall.ENOENT) {
		return u.invalid()
	}
	return l.fail(ctx, &u.target, writes, err)
}

func partInfo(n int, tag string, i *vfs.Info) minio.PartInfo {
	return minio.PartInfo{PartNumber: n, ETag: tag, LastModified: i.Mtime.Truncate(time.Second), Size: i.Size, ActualSize: i.Size}
}

// CopyObjectPart makes a part of length bytes of another object, without moving any. The part's tag is the MD5 of its
// data: the object's own if the part is all of it, else the data is read once.
func (l *Layer) CopyObjectPart(ctx context.Context, srcBucket, srcObject, dstBucket, dstObject, uploadID string, partID int,
	startOffset, length int64, srcInfo minio.ObjectInfo, srcOpts, _ minio.ObjectOptions) (minio.PartInfo, error) {
	src, err := l.object(ctx, srcBucket, srcObject, reads)
	if err != nil {
		return minio.PartInfo{}, err
	}
	if err = oneVersion(&src, srcOpts.VersionID); err != nil {
		return minio.PartInfo{}, err
	}
	u, err := l.openPart(ctx, dstBucket, dstObject, uploadID, partID)
	if err != nil {
		return minio.PartInfo{}, err
	}
	from, err := l.source(ctx, &src)
	if err != nil {
		return minio.PartInfo{}, err
	}
	switch {
	case changed(from, &srcInfo):
		return minio.PartInfo{}, minio.OperationTimedOut{}
	case from.IsDir() || length == 0:
		return l.emptyPart(ctx, u, partID)
	}
	c := vfs.Commit{Path: u.part(partID)}
	tag, alg, sum := string(from.Xattrs[attrETag]), u.plan().alg, sumOf(from)
	if sum.Algorithm != alg || sum.Parts > 0 {
		sum = checksum.Sum{}
	}
	if known := startOffset == 0 && length == from.Size && plainMD5(tag) && sum.Algorithm == alg; known {
		c.Xattrs = map[string][]byte{attrETag: []byte(tag)}
		keepSum(&c, sum, length)
	} else {
		tag = ""
	}
	c.Source = from
	i, err := l.v.CopyRange(ctx, src.path, startOffset, length, c)
	if err == nil && tag == "" {
		// A part without a tag does not count, so that nobody can complete with data that is not hashed yet. What is
		// hashed is the part and not its source, which may be another by now.
		tag, sum, i, err = l.tagPart(ctx, c.Path, i, alg)
	}
	if err != nil {
		return minio.PartInfo{}, l.failPart(ctx, u, err)
	}
	front.TellSum(ctx, sum)
	return partInfo(partID, tag, i), nil
}

// tagPart reads a part that was just made and gives it its tag, and its checksum if the upload has one.
func (l *Layer) tagPart(ctx context.Context, path string, made *vfs.Info, alg checksum.Algorithm) (string, checksum.Sum, *vfs.Info, error) {
	h := md5.New() //nolint:gosec // the entity tag of S3
	sum, err := l.readSum(ctx, path, nil, alg, h)
	if err != nil {
		return "", checksum.Sum{}, nil, err
	}
	tag := hex.EncodeToString(h.Sum(nil))
	set := map[string][]byte{attrETag: []byte(tag)}
	if !sum.IsZero() {
		set[attrSum] = encodeSum(sum, made.Size, made.Mtime)
	}
	i, err := l.v.SetXattrs(ctx, path, set, nil, func(old *vfs.Info) error {
		if old == nil || old.Ino != made.Ino {
			return syscall.ENOENT // somebody else has stored this part meanwhile
		}
		return nil
	})
	return tag, sum, i, err
}

// emptyPart stores a part without data.
func (l *Layer) emptyPart(ctx context.Context, u *upload, partID int) (minio.PartInfo, error) {
	w := l.v.CreateObject(ctx, vfs.CreateOptions{})
	defer w.Cancel() //nolint:contextcheck // what it removes must go even if the request has ended
	c := vfs.Commit{Path: u.part(partID), Xattrs: map[string][]byte{attrETag: []byte(emptyMD5)}}
	sum := emptySum(u.plan().alg)
	keepSum(&c, sum, 0)
	i, err := w.Commit(ctx, c)
	if err != nil {
		return minio.PartInfo{}, l.failPart(ctx, u, err)
	}
	front.TellSum(ctx, sum)
	return partInfo(partID, emptyMD5, i), nil
}

const emptyMD5 = "d41d8cd98f00b204e9800998ecf8427e"

// partOf describes a part of an upload; false: the file is none, or one that is not complete.
func partOf(name string, i *vfs.Info) (minio.PartInfo, bool) {
	n, err := strconv.Atoi(name)
	tag := string(i.Xattrs[attrETag])
	ok := err == nil && strconv.Itoa(n) == name && n >= 0 && n <= maxPart && tag != "" && !i.IsDir()
	return partInfo(n, tag, i), ok
}

// parts returns the parts of an upload that are complete, in order of their numbers.
func (l *Layer) parts(ctx context.Context, u *upload) ([]minio.PartInfo, error) {
	var parts []minio.PartInfo
	err := l.eachEntry(ctx, u.dir, attrETag, func(name string, i *vfs.Info) error {
		if p, ok := partOf(name, i); ok {
			parts = append(parts, p)
		}
		return nil
	})
	if err != nil {
		return nil, l.failPart(ctx, u, err)
	}
	slices.SortFunc(parts, func(a, b minio.PartInfo) int { return cmp.Compare(a.PartNumber, b.PartNumber) })
	return parts, nil
}

// ListObjectParts lists the parts of an upload.
func (l *Layer) ListObjectParts(ctx context.Context, bucket, object, uploadID string, marker, maxParts int, _ minio.ObjectOptions) (minio.ListPartsInfo, error) {
	q := front.ListingOf(ctx)
	if q != nil {
		asked, ok := q.Query(front.ListParts)
		if !ok {
			return minio.ListPartsInfo{}, minio.NotImplemented{} // the front has the reply
		}
		marker, maxParts = asked.Part, asked.Max
	}
	u, err := l.upload(ctx, bucket, object, uploadID, reads)
	if err != nil {
		return minio.ListPartsInfo{}, err
	}
	info, err := l.listParts(ctx, u, marker, maxParts)
	if err != nil || q == nil {
		return info, err
	}
	plan, sums := u.plan(), map[int]checksum.Sum(nil)
	if plan.alg != checksum.None {
		if sums, err = l.sums(ctx, u); err != nil {
			return minio.ListPartsInfo{}, err
		}
	}
	p := front.Page{More: info.IsTruncated, Algorithm: plan.alg, Kind: plan.kind}
	for k := range info.Parts {
		part := &info.Parts[k]
		p.Entries = append(p.Entries, front.Entry{Part: part.PartNumber, ETag: part.ETag, Size: part.Size, Modified: part.LastModified,
			Sum: sums[part.PartNumber]})
	}
	q.Tell(p)
	return minio.ListPartsInfo{}, nil
}

// listParts returns a page of the parts of an upload.
func (l *Layer) listParts(ctx context.Context, u *upload, marker, maxParts int) (minio.ListPartsInfo, error) {
	if maxParts < 0 || maxParts > maxPage {
		maxParts = maxPage
	}
	info := minio.ListPartsInfo{Bucket: u.bucket, Object: u.key, UploadID: u.id, PartNumberMarker: marker, MaxParts: maxParts,
		UserDefined: decodeMeta(u.info.Xattrs[attrMeta])}
	parts, err := l.parts(ctx, u)
	if err != nil {
		return minio.ListPartsInfo{}, err
	}
	parts = slices.DeleteFunc(parts, func(p minio.PartInfo) bool { return p.PartNumber <= marker })
	if len(parts) > maxParts {
		parts, info.IsTruncated = parts[:maxParts], maxParts > 0
	}
	if n := len(parts); n > 0 {
		info.NextPartNumberMarker = parts[n-1].PartNumber
	}
	info.Parts = parts
	return info, nil
}

// AbortMultipartUpload removes an upload with its parts.
func (l *Layer) AbortMultipartUpload(ctx context.Context, bucket, object, uploadID string, _ minio.ObjectOptions) error {
	u, err := l.upload(ctx, bucket, object, uploadID, removes)
	if err != nil {
		return err
	}
	return l.fail(ctx, &u.target, removes, l.v.RemoveAll(ctx, u.dir, true))
}
