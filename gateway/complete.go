package gateway

import (
	"cmp"
	"context"
	"errors"
	"path"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	minio "github.com/minio/minio/cmd"

	"juicefs/gateway/front"
	"juicefs/pkg/checksum"
	"juicefs/vfs"
)

// CompleteMultipartUpload makes the object of the parts that the client names, in order, and ends the upload. The data of
// the parts moves over. The upload is looked at, judged and ended in one transaction; the reply is made from what was committed.
func (l *Layer) CompleteMultipartUpload(ctx context.Context, bucket, object, uploadID string, named []minio.CompletePart,
	_ minio.ObjectOptions) (minio.ObjectInfo, error) {
	u, err := l.namedUpload(ctx, bucket, object, uploadID, writes)
	if err != nil {
		return minio.ObjectInfo{}, err
	}
	for _, dir := range l.uploadDirs(bucket, uploadID) {
		c := &completion{l: l, upload: *u, named: named, read: map[partVersion]checksum.Sum{}}
		c.dir = dir
		var i *vfs.Info
		switch i, err = c.run(ctx); {
		case err == nil:
			front.TellSum(ctx, c.sum)
			return l.stored(&u.target, i, c.tag), nil
		case !errors.Is(err, vfs.ErrUploadGone):
			return minio.ObjectInfo{}, l.fail(ctx, &u.target, writes, err)
		}
	}
	if err = l.haveBucket(ctx, &u.target); err == nil {
		err = u.invalid()
	}
	return minio.ObjectInfo{}, err
}

// completion is the end of an upload.
type completion struct {
	l *Layer
	upload
	named []minio.CompletePart
	read  map[partVersion]checksum.Sum // checksums of parts that none is kept of
	// What the last plan came to.
	sum checksum.Sum
	tag string
}

// partVersion is a part as it was seen.
type partVersion struct {
	ino   uint64
	mtime time.Time
	size  int64
}

func partVersionOf(i *vfs.Info) partVersion { return partVersion{uint64(i.Ino), i.Mtime, i.Size} }

// unread says that parts must be read before it can be said what their upload becomes.
type unread struct {
	parts []*vfs.Info
	alg   checksum.Algorithm
}

func (u *unread) Error() string { return strconv.Itoa(len(u.parts)) + " parts without a checksum" }

// maxReads is how often parts are read that were replaced since they were looked at.
const maxReads = 10

// run completes the upload. Data of parts is read between two attempts, never inside a transaction.
func (c *completion) run(ctx context.Context) (*vfs.Info, error) {
	for range maxReads {
		i, err := c.l.v.Compose(ctx, c.dir, []string{attrETag, attrSum}, func(dir *vfs.Info, files []*vfs.Info) (vfs.Commit, []string, error) {
			commit, paths, err := c.plan(ctx, dir, files)
			if u := (*unread)(nil); err != nil && !errors.As(err, &u) {
				err = &decided{err}
			}
			return commit, paths, err
		})
		u := (*unread)(nil)
		if !errors.As(err, &u) {
			return i, err
		}
		for _, part := range u.parts {
			sum, err := c.l.readSum(ctx, part.Path, part, u.alg)
			switch {
			case err == nil:
				c.read[partVersionOf(part)] = sum
			case !errors.Is(err, vfs.ErrPartChanged) && !errors.Is(err, syscall.ENOENT): // else the next attempt sees what is there now
				return nil, err
			}
		}
	}
	return nil, vfs.ErrBusy
}

// plan decides what the upload becomes.
func (c *completion) plan(ctx context.Context, dir *vfs.Info, files []*vfs.Info) (vfs.Commit, []string, error) {
	none := vfs.Commit{}
	if c.info = dir; string(dir.Xattrs[attrObject]) != c.key {
		return none, nil, c.invalid()
	}
	stored := storedParts(files)
	named := slices.Clone(c.named)
	sizes, err := checkParts(&c.target, stored, named)
	if err != nil {
		return none, nil, err
	}
	var partSums []checksum.Part
	if c.sum, partSums, err = c.wholeSum(ctx, stored, named, sizes); err != nil {
		return none, nil, err
	}
	c.tag = minio.ComputeCompleteMultipartMD5(named)
	commit, err := c.l.commit(ctx, &c.target, c.tag, nil)
	if err != nil {
		return none, nil, err
	}
	inherit(&commit, &c.upload)
	if err = c.l.keepParts(commit.Xattrs, sizes, partSums); err != nil {
		return none, nil, c.l.fail(ctx, &c.target, writes, err)
	}
	keepSum(&commit, c.sum, total(sizes))
	paths := make([]string, len(named))
	for k, p := range named {
		paths[k] = c.part(p.PartNumber)
	}
	return commit, paths, nil
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

// checkParts compares the parts that a client names with those that are stored, both in order, and returns the sizes.
func checkParts(t *target, stored []storedPart, named []minio.CompletePart) ([]int64, error) {
	sizes := make([]int64, len(named))
	for k, p := range named {
		if k > 0 && p.PartNumber <= named[k-1].PartNumber {
			return nil, errPartOrder(t)
		}
		j, ok := findPart(stored, p.PartNumber)
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

// storedPart is a part of an upload as it is found.
type storedPart struct {
	minio.PartInfo
	file *vfs.Info
}

// storedParts returns the parts among the files of an upload, in order of their numbers.
func storedParts(files []*vfs.Info) []storedPart {
	var parts []storedPart
	for _, f := range files {
		if p, ok := partOf(path.Base(f.Path), f); ok {
			parts = append(parts, storedPart{p, f})
		}
	}
	slices.SortFunc(parts, func(a, b storedPart) int { return cmp.Compare(a.PartNumber, b.PartNumber) })
	return parts
}

// findPart finds a part by its number.
func findPart(stored []storedPart, number int) (int, bool) {
	return slices.BinarySearchFunc(stored, number, func(s storedPart, n int) int { return cmp.Compare(s.PartNumber, n) })
}
