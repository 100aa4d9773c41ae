package gateway

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"syscall"

	minio "github.com/minio/minio/cmd"
	"golang.org/x/sync/errgroup"

	"juicefs/gateway/front"
	"juicefs/vfs"
)

// slotsAtOnce is how many directories of uploads are read at once; there are up to 4096.
const slotsAtOnce = 8

// ListMultipartUploads lists the uploads that are under way, by key and id.
func (l *Layer) ListMultipartUploads(ctx context.Context, bucket, prefix, keyMarker, uploadIDMarker, delimiter string, maxUploads int) (minio.ListMultipartsInfo, error) {
	q := front.ListingOf(ctx)
	if q == nil {
		return l.listUploads(ctx, bucket, &uploadQuery{prefix: prefix, keyMarker: keyMarker, idMarker: uploadIDMarker, delimiter: delimiter, limit: maxUploads})
	}
	asked, ok := q.Query(front.ListUploads)
	if !ok {
		return minio.ListMultipartsInfo{}, minio.NotImplemented{} // the front has the reply
	}
	info, err := l.listUploads(ctx, bucket, &uploadQuery{prefix: asked.Prefix, keyMarker: asked.Marker, idMarker: asked.Upload, delimiter: asked.Delimiter, limit: asked.Max})
	if err != nil {
		return minio.ListMultipartsInfo{}, err
	}
	p := front.Page{Prefixes: info.CommonPrefixes, More: info.IsTruncated, Next: info.NextKeyMarker, Upload: info.NextUploadIDMarker}
	for k := range info.Uploads {
		u := &info.Uploads[k]
		p.Entries = append(p.Entries, front.Entry{Key: u.Object, Upload: u.UploadID, Modified: u.Initiated})
	}
	q.Tell(p)
	return minio.ListMultipartsInfo{}, nil
}

// listUploads returns a page of uploads.
func (l *Layer) listUploads(ctx context.Context, bucket string, q *uploadQuery) (minio.ListMultipartsInfo, error) {
	t, err := l.bucket(ctx, bucket)
	if err != nil {
		return minio.ListMultipartsInfo{}, err
	}
	possible, err := l.names.prefix(t.top, bucket, q.prefix)
	if err == nil {
		err = l.names.marker(bucket, q.keyMarker)
	}
	if err == nil {
		err = l.haveBucket(ctx, &t)
	}
	if err != nil {
		return minio.ListMultipartsInfo{}, err
	}
	if q.limit < 0 || q.limit > maxPage {
		q.limit = maxPage
	}
	var all []minio.MultipartInfo
	if possible && q.limit > 0 {
		if all, err = l.uploads(ctx, bucket); err != nil {
			return minio.ListMultipartsInfo{}, l.fail(ctx, &t, reads, err)
		}
	}
	return q.page(all), nil
}

// uploads finds all uploads of a bucket.
func (l *Layer) uploads(ctx context.Context, bucket string) ([]minio.MultipartInfo, error) {
	var mu sync.Mutex
	var all []minio.MultipartInfo
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(slotsAtOnce)
	err := l.eachEntry(ctx, l.names.sys(bucket)+"/uploads", "", func(name string, i *vfs.Info) error {
		if !i.IsDir() || !isSlot(name) {
			return nil
		}
		g.Go(func() error {
			return ignoreMissing(l.eachEntry(gctx, i.Path, attrObject, func(id string, u *vfs.Info) error {
				key, ok := u.Xattrs[attrObject]
				if ok && u.IsDir() && validUploadID(id) {
					mu.Lock()
					defer mu.Unlock()
					all = append(all, minio.MultipartInfo{Bucket: bucket, Object: string(key), UploadID: id, Initiated: u.Atime})
				}
				return nil
			}))
		})
		return nil
	})
	if err = errors.Join(ignoreMissing(err), g.Wait()); err != nil {
		return nil, err
	}
	return all, nil
}

// isSlot reports whether a name is that of a directory of ids.
func isSlot(name string) bool { return len(name) == 3 && strings.Trim(name, "0123456789abcdef") == "" }

// ignoreMissing is for directories that may go at any time.
func ignoreMissing(err error) error {
	if errors.Is(err, syscall.ENOENT) {
		return nil
	}
	return err
}

// uploadQuery asks for a page of uploads, as S3 does.
type uploadQuery struct {
	prefix, keyMarker, idMarker, delimiter string
	limit                                  int
}

// page sorts all uploads and returns those of the page. A page may go on among the uploads of one key.
func (q *uploadQuery) page(all []minio.MultipartInfo) minio.ListMultipartsInfo {
	info := minio.ListMultipartsInfo{KeyMarker: q.keyMarker, UploadIDMarker: q.idMarker, MaxUploads: q.limit, Prefix: q.prefix, Delimiter: q.delimiter}
	slices.SortFunc(all, func(a, b minio.MultipartInfo) int {
		return cmp.Or(strings.Compare(a.Object, b.Object), strings.Compare(a.UploadID, b.UploadID))
	})
	group := ""
	for _, u := range all {
		if !strings.HasPrefix(u.Object, q.prefix) || q.seen(u) {
			continue
		}
		head, cut := u.Object, false
		if q.delimiter != "" {
			head, cut = groupOf(u.Object, q.prefix, q.delimiter)
		}
		if cut && (head == group || head <= q.keyMarker) {
			continue
		}
		if len(info.Uploads)+len(info.CommonPrefixes) == q.limit {
			info.IsTruncated = q.limit > 0
			return info
		}
		if cut {
			group = head
			info.CommonPrefixes = append(info.CommonPrefixes, head)
			info.NextKeyMarker, info.NextUploadIDMarker = head, ""
			continue
		}
		info.Uploads = append(info.Uploads, u)
		info.NextKeyMarker, info.NextUploadIDMarker = u.Object, u.UploadID
	}
	info.NextKeyMarker, info.NextUploadIDMarker = "", ""
	return info
}

// seen reports whether an upload was in an earlier page. An id without a key means nothing.
func (q *uploadQuery) seen(u minio.MultipartInfo) bool {
	switch {
	case q.keyMarker == "" || u.Object > q.keyMarker:
		return false
	case u.Object < q.keyMarker || q.idMarker == "":
		return true
	}
	return u.UploadID <= q.idMarker
}
