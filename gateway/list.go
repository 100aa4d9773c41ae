package gateway

import (
	"context"
	"errors"
	"strings"
	"syscall"

	minio "github.com/minio/minio/cmd"

	"juicefs/vfs"
)

// maxPage is the most keys and prefixes in a page of S3.
const maxPage = 1000

// page is a part of a listing. The next one starts after next.
type page struct {
	objects  []minio.ObjectInfo
	prefixes []string
	more     bool
	next     string
}

// ListObjects lists objects, version 1.
func (l *Layer) ListObjects(ctx context.Context, bucket, prefix, marker, delimiter string, maxKeys int) (minio.ListObjectsInfo, error) {
	p, err := l.list(ctx, bucket, prefix, marker, delimiter, maxKeys)
	return minio.ListObjectsInfo{IsTruncated: p.more, NextMarker: p.next, Objects: p.objects, Prefixes: p.prefixes}, err
}

// ListObjectsV2 lists objects, version 2. A token is the last key of the page before, so that any gateway can go on.
func (l *Layer) ListObjectsV2(ctx context.Context, bucket, prefix, token, delimiter string, maxKeys int, _ bool, startAfter string) (minio.ListObjectsV2Info, error) {
	after := token
	if after == "" {
		after = startAfter
	}
	p, err := l.list(ctx, bucket, prefix, after, delimiter, maxKeys)
	return minio.ListObjectsV2Info{IsTruncated: p.more, ContinuationToken: token, NextContinuationToken: p.next, Objects: p.objects,
		Prefixes: p.prefixes}, err
}

// ListObjectVersions lists objects, each with its one version. Whatever version a page begins after, the next one is that
// of the next key.
func (l *Layer) ListObjectVersions(ctx context.Context, bucket, prefix, marker, _, delimiter string, maxKeys int) (minio.ListObjectVersionsInfo, error) {
	p, err := l.list(ctx, bucket, prefix, marker, delimiter, maxKeys)
	info := minio.ListObjectVersionsInfo{IsTruncated: p.more, NextMarker: p.next, Objects: p.objects, Prefixes: p.prefixes}
	if p.more {
		info.NextVersionIDMarker = nullVersion
	}
	return info, err
}

// list returns a page. maxKeys 0 is an empty one, below 0 or above the limit a full one.
func (l *Layer) list(ctx context.Context, bucket, prefix, marker, delimiter string, maxKeys int) (page, error) {
	t, err := l.bucket(ctx, bucket)
	if err != nil {
		return page{}, err
	}
	possible, err := l.names.prefix(t.top, bucket, prefix)
	if err == nil {
		err = l.names.marker(bucket, marker)
	}
	if err != nil {
		return page{}, err
	}
	if !possible || maxKeys == 0 {
		return page{}, l.haveBucket(ctx, &t)
	}
	if maxKeys < 0 || maxKeys > maxPage {
		maxKeys = maxPage
	}
	q := l.query(&t, prefix, marker, maxKeys)
	if delimiter == "" || delimiter == "/" {
		q.Delimiter = delimiter != ""
		return l.listOnce(ctx, &t, q)
	}
	return l.listGrouped(ctx, &t, q, delimiter)
}

// query asks for a page of a bucket.
func (l *Layer) query(t *target, prefix, after string, limit int) vfs.ListQuery {
	q := vfs.ListQuery{Dir: t.top, Prefix: prefix, After: after, Limit: limit, HideDirs: l.o.HideDirObject && !t.server()}
	if l.o.KeepETag {
		q.Xattr = attrETag
	}
	if t.top == "/" {
		q.Hide = hidden
	}
	return q
}

// listOnce is one page as the volume has it.
func (l *Layer) listOnce(ctx context.Context, t *target, q vfs.ListQuery) (page, error) {
	found, err := l.v.List(ctx, q)
	switch {
	case errors.Is(err, syscall.ENOENT), errors.Is(err, syscall.ENOTDIR):
		if t.server() {
			return page{}, nil
		}
		return page{}, minio.BucketNotFound{Bucket: t.bucket}
	case err != nil:
		return page{}, l.fail(ctx, t, reads, err)
	}
	p := page{more: found.More, objects: make([]minio.ObjectInfo, 0, len(found.Items))}
	if found.More {
		p.next = found.Next
	}
	for k := range found.Items {
		if item := &found.Items[k]; item.Prefix {
			p.prefixes = append(p.prefixes, item.Key)
		} else {
			p.objects = append(p.objects, l.listed(t, item))
		}
	}
	return p, nil
}

// listed describes an object of a page.
func (l *Layer) listed(t *target, item *vfs.Listed) minio.ObjectInfo {
	oi := minio.ObjectInfo{Bucket: t.bucket, Name: item.Key, ModTime: item.Attr.Mtime.Time(), Size: int64(item.Attr.Length),
		ETag: string(item.Xattr), IsLatest: true, ContentType: guessType(item.Key)}
	if oi.IsDir = strings.HasSuffix(item.Key, "/"); oi.IsDir {
		oi.Size = 0
	}
	return oi
}

// listGrouped groups by a delimiter that is not the file tree's: it walks all keys but those of groups it has seen.
func (l *Layer) listGrouped(ctx context.Context, t *target, q vfs.ListQuery, delimiter string) (page, error) {
	limit := q.Limit
	var p page
	group := ""
	if head, cut := groupOf(q.After, q.Prefix, delimiter); cut && head == q.After {
		group, q.After = head, afterGroup(head) // the page before ended with a group
	}
	for {
		q.Limit = maxPage
		found, err := l.listOnce(ctx, t, q)
		if err != nil {
			return page{}, err
		}
		jump := false
		for k := range found.objects {
			o := &found.objects[k]
			head, cut := groupOf(o.Name, q.Prefix, delimiter)
			if cut && head == group {
				continue
			}
			if len(p.objects)+len(p.prefixes) == limit {
				p.more = true
				return p, nil
			}
			if !cut {
				p.objects, p.next, q.After = append(p.objects, *o), o.Name, o.Name
				continue
			}
			group = head
			p.prefixes, p.next = append(p.prefixes, head), head
			q.After, jump = afterGroup(head), true
			break
		}
		switch {
		case jump:
		case !found.more:
			p.next = ""
			return p, nil
		default:
			q.After = found.next
		}
	}
}

// groupOf returns the key up to the delimiter after the prefix, if it has one.
func groupOf(key, prefix, delimiter string) (string, bool) {
	rest, ok := strings.CutPrefix(key, prefix)
	if !ok {
		return key, false
	}
	before, _, cut := strings.Cut(rest, delimiter)
	if !cut {
		return key, false
	}
	return prefix + before + delimiter, true
}

// afterGroup is greater than every key of a group: keys have at most maxKey bytes.
func afterGroup(head string) string { return head + strings.Repeat("\xff", maxKey) }

// Walk sends every object below a prefix and closes the channel at the end. It returns at once. The receiver may go away:
// then the walk ends with ctx or with the layer.
func (l *Layer) Walk(ctx context.Context, bucket, prefix string, results chan<- minio.ObjectInfo, _ minio.ObjectOptions) error {
	t, err := l.bucket(ctx, bucket)
	possible := false
	if err == nil {
		possible, err = l.names.prefix(t.top, bucket, prefix)
	}
	if err != nil || !possible {
		close(results)
		return err
	}
	err = l.background(func() {
		defer close(results)
		l.walk(ctx, &t, l.query(&t, prefix, "", maxPage), results)
	})
	if err != nil {
		close(results)
	}
	return err
}

func (l *Layer) walk(ctx context.Context, t *target, q vfs.ListQuery, results chan<- minio.ObjectInfo) {
	for {
		p, err := l.listOnce(ctx, t, q)
		if _, missing := err.(minio.BucketNotFound); missing { //nolint:errorlint // the layer's errors are plain values
			return
		}
		if err != nil {
			l.log.Error("walk a bucket", "bucket", t.bucket, "prefix", q.Prefix, "error", err) // the channel carries no errors
			return
		}
		for _, o := range p.objects {
			select {
			case results <- o:
			case <-ctx.Done():
				return
			case <-l.done:
				return
			}
		}
		if !p.more {
			return
		}
		q.After = p.next
	}
}
