package gateway

import (
	"context"
	"errors"
	"strings"
	"syscall"

	minio "github.com/minio/minio/cmd"

	"juicefs/gateway/front"
	"juicefs/vfs"
)

// maxPage is the most keys and prefixes in a page of S3.
const maxPage = 1000

// page is a part of a listing. The next one starts after next.
type page struct {
	entries  []front.Entry
	prefixes []string
	more     bool
	next     string
}

// objects are the entries as the server knows them.
func (p *page) objects(bucket string) []minio.ObjectInfo {
	all := make([]minio.ObjectInfo, len(p.entries))
	for k := range p.entries {
		e := &p.entries[k]
		all[k] = minio.ObjectInfo{Bucket: bucket, Name: e.Key, ModTime: e.Modified, Size: e.Size, ETag: e.ETag, IsLatest: true,
			ContentType: guessType(e.Key), IsDir: strings.HasSuffix(e.Key, "/")}
	}
	return all
}

// ListObjects lists objects, version 1.
func (l *Layer) ListObjects(ctx context.Context, bucket, prefix, marker, delimiter string, maxKeys int) (minio.ListObjectsInfo, error) {
	if q := front.ListingOf(ctx); q != nil {
		return minio.ListObjectsInfo{}, l.tell(ctx, bucket, q, front.ListV1)
	}
	p, err := l.list(ctx, bucket, prefix, marker, delimiter, maxKeys)
	return minio.ListObjectsInfo{IsTruncated: p.more, NextMarker: p.next, Objects: p.objects(bucket), Prefixes: p.prefixes}, err
}

// ListObjectsV2 lists objects, version 2. A token is the last key of the page before, so that any gateway can go on.
func (l *Layer) ListObjectsV2(ctx context.Context, bucket, prefix, token, delimiter string, maxKeys int, _ bool, startAfter string) (minio.ListObjectsV2Info, error) {
	if q := front.ListingOf(ctx); q != nil {
		return minio.ListObjectsV2Info{}, l.tell(ctx, bucket, q, front.ListV2)
	}
	after := token
	if after == "" {
		after = startAfter
	}
	p, err := l.list(ctx, bucket, prefix, after, delimiter, maxKeys)
	return minio.ListObjectsV2Info{IsTruncated: p.more, ContinuationToken: token, NextContinuationToken: p.next, Objects: p.objects(bucket),
		Prefixes: p.prefixes}, err
}

// ListObjectVersions lists objects, each with its one version. Whatever version a page begins after, the next one is that
// of the next key.
func (l *Layer) ListObjectVersions(ctx context.Context, bucket, prefix, marker, _, delimiter string, maxKeys int) (minio.ListObjectVersionsInfo, error) {
	if q := front.ListingOf(ctx); q != nil {
		return minio.ListObjectVersionsInfo{}, l.tell(ctx, bucket, q, front.ListVersions)
	}
	p, err := l.list(ctx, bucket, prefix, marker, delimiter, maxKeys)
	info := minio.ListObjectVersionsInfo{IsTruncated: p.more, NextMarker: p.next, Objects: p.objects(bucket), Prefixes: p.prefixes}
	if p.more {
		info.NextVersionIDMarker = nullVersion
	}
	return info, err
}

// tell answers a request for a listing of objects by the front, which writes the page.
func (l *Layer) tell(ctx context.Context, bucket string, q *front.Listing, kind front.ListKind) error {
	asked, ok := q.Query(kind)
	if !ok {
		return minio.NotImplemented{} // the front has the reply
	}
	p, err := l.list(ctx, bucket, asked.Prefix, asked.Marker, asked.Delimiter, asked.Max)
	if err == nil {
		q.Tell(front.Page{Entries: p.entries, Prefixes: p.prefixes, More: p.more, Next: p.next})
	}
	return err
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
	p := page{more: found.More, entries: make([]front.Entry, 0, len(found.Items))}
	if found.More {
		p.next = found.Next
	}
	for k := range found.Items {
		if item := &found.Items[k]; item.Prefix {
			p.prefixes = append(p.prefixes, item.Key)
		} else {
			p.entries = append(p.entries, entry(item))
		}
	}
	return p, nil
}

// entry describes an object of a page.
func entry(item *vfs.Listed) front.Entry {
	e := front.Entry{Key: item.Key, ETag: string(item.Xattr), Size: int64(item.Attr.Length), Modified: item.Attr.Mtime.Time()}
	if strings.HasSuffix(item.Key, "/") {
		e.Size = 0
	}
	return e
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
		for k := range found.entries {
			o := &found.entries[k]
			head, cut := groupOf(o.Key, q.Prefix, delimiter)
			if cut && head == group {
				continue
			}
			if len(p.entries)+len(p.prefixes) == limit {
				p.more = true
				return p, nil
			}
			if !cut {
				p.entries, p.next, q.After = append(p.entries, *o), o.Key, o.Key
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

// EachKey calls f with each key of a bucket that begins with a prefix, until it returns false.
func (l *Layer) EachKey(ctx context.Context, bucket, prefix string, f func(key string) bool) error {
	t, err := l.bucket(ctx, bucket)
	if err != nil {
		return err
	}
	if possible, err := l.names.prefix(t.top, bucket, prefix); err != nil || !possible {
		return err
	}
	q := l.query(&t, prefix, "", maxPage)
	for {
		p, err := l.listOnce(ctx, &t, q)
		if err != nil {
			return err
		}
		for _, o := range p.objects(bucket) {
			if !f(o.Name) {
				return nil
			}
		}
		if !p.more {
			return nil
		}
		q.After = p.next
	}
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
		for _, o := range p.objects(t.bucket) {
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
