package gateway

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"syscall"

	minio "github.com/minio/minio/cmd"

	"juicefs/gateway/front"
	"juicefs/pkg/checksum"
	"juicefs/vfs"
)

// nullVersion is the id of the only version of an object.
const nullVersion = "null"

// oneVersion fails if a version is asked for that cannot be.
func oneVersion(t *target, id string) error {
	if id == "" || id == nullVersion {
		return nil
	}
	return minio.VersionNotFound{Bucket: t.bucket, Object: t.key, VersionID: id}
}

// isObject reports whether what is at the target's path is the object: "a" and "a/" are different keys, and a directory
// is an object only if it was made as one. With anyDir every directory is, by either name.
func isObject(t *target, i *vfs.Info, anyDir bool) bool {
	if i.IsDir() {
		return anyDir || t.dir && i.IsDirObject()
	}
	return !t.dir && i.IsFile()
}

// GetObjectInfo describes an object.
func (l *Layer) GetObjectInfo(ctx context.Context, bucket, object string, opts minio.ObjectOptions) (minio.ObjectInfo, error) {
	t, err := l.object(ctx, bucket, object, reads)
	if err != nil {
		return minio.ObjectInfo{}, err
	}
	i, err := l.stat(ctx, &t, l.o.HeadDir)
	if err != nil {
		return minio.ObjectInfo{}, err
	}
	if err := oneVersion(&t, opts.VersionID); err != nil {
		return minio.ObjectInfo{}, err
	}
	oi := l.info(&t, i)
	tellSum(ctx, i, &oi, opts.PartNumber)
	if err := front.CheckRead(ctx, oi.ETag, oi.ModTime); err != nil {
		return minio.ObjectInfo{}, minio.MethodNotAllowed{} // the reply is written; the fork logs what it does not expect here
	}
	front.RangeHolds(ctx, oi.ETag, oi.ModTime, oi.Size) // the handler of HEAD keeps its range to itself
	return oi, nil
}

// stat describes an object that must be there.
func (l *Layer) stat(ctx context.Context, t *target, anyDir bool) (*vfs.Info, error) {
	i, err := l.v.Stat(ctx, t.path)
	if err != nil {
		return nil, l.fail(ctx, t, reads, err)
	}
	if !isObject(t, i, anyDir) {
		return nil, minio.ObjectNotFound{Bucket: t.bucket, Object: t.key}
	}
	return i, nil
}

// GetObjectNInfo opens an object for reading. Its description and its data are of one version; no data is read before the
// first Read.
func (l *Layer) GetObjectNInfo(ctx context.Context, bucket, object string, rs *minio.HTTPRangeSpec, _ http.Header, _ minio.LockType,
	opts minio.ObjectOptions) (*minio.GetObjectReader, error) {
	t, err := l.object(ctx, bucket, object, reads)
	if err != nil {
		return nil, err
	}
	if a := front.AttributesOf(ctx); a != nil {
		return nil, l.tellAttributes(ctx, &t, opts.VersionID, a)
	}
	if t.dir {
		return l.openDir(ctx, &t, rs, opts)
	}
	r, err := l.v.OpenObject(ctx, t.path)
	if err != nil {
		return nil, l.fail(ctx, &t, reads, err)
	}
	keepSource(ctx, &t, r.Info())
	oi := l.info(&t, r.Info())
	var off, n int64
	if err = mayRead(ctx, &t, &oi, opts); err == nil {
		mayHaveRange(ctx, &oi, rs)
		off, n, err = extent(&oi, rs, opts.PartNumber)
	}
	if err != nil {
		l.closeReader(&t, r)
		return nil, err
	}
	tellSum(ctx, r.Info(), &oi, opts.PartNumber)
	b := &body{open: func() io.ReadCloser { return r.Range(ctx, off, n) }, fail: func(err error) error { return l.fail(ctx, &t, reads, err) }}
	data, err := searched(&t, front.Of(ctx).Select, oi.Size, b)
	if err != nil {
		l.closeReader(&t, r)
		return nil, err
	}
	return minio.NewGetObjectReaderFromReader(data, oi, opts, func() {
		if err := b.Close(); err != nil {
			l.log.Debug("close stream of an object", "bucket", bucket, "key", object, "error", err) // nobody reads it any more
		}
		l.closeReader(&t, r)
	})
}

// tellAttributes tells the front what is known of an object, which answers by itself: the error is for the handler alone.
func (l *Layer) tellAttributes(ctx context.Context, t *target, version string, a *front.Attributes) error {
	i, err := l.stat(ctx, t, false)
	if err == nil {
		err = oneVersion(t, version)
	}
	if err != nil {
		return err
	}
	oi := l.info(t, i)
	d := front.Description{ETag: oi.ETag, Size: oi.Size, Modified: oi.ModTime, Sum: sumOf(i), PartSums: partSums(i, oi.Parts)}
	for _, p := range oi.Parts {
		d.Parts = append(d.Parts, p.Size)
	}
	a.Tell(d)
	return minio.NotImplemented{}
}

func (l *Layer) closeReader(t *target, r *vfs.Reader) {
	if err := r.Close(); err != nil {
		l.log.Warn("close an object", "bucket", t.bucket, "key", t.key, "error", err)
	}
}

// openDir opens a directory object, which is empty.
func (l *Layer) openDir(ctx context.Context, t *target, rs *minio.HTTPRangeSpec, opts minio.ObjectOptions) (*minio.GetObjectReader, error) {
	i, err := l.stat(ctx, t, false)
	if err != nil {
		return nil, err
	}
	oi := l.info(t, i)
	if err := mayRead(ctx, t, &oi, opts); err != nil {
		return nil, err
	}
	tellSum(ctx, i, &oi, opts.PartNumber)
	mayHaveRange(ctx, &oi, rs)
	if _, _, err := extent(&oi, rs, opts.PartNumber); err != nil {
		return nil, err
	}
	return minio.NewGetObjectReaderFromReader(strings.NewReader(""), oi, opts)
}

// mayRead decides what a request demands of the object that it reads.
func mayRead(ctx context.Context, t *target, oi *minio.ObjectInfo, opts minio.ObjectOptions) error {
	if err := oneVersion(t, opts.VersionID); err != nil {
		return err
	}
	if front.CheckRead(ctx, oi.ETag, oi.ModTime) != nil {
		return minio.PreConditionFailed{} // the reply is written
	}
	return nil
}

// mayHaveRange makes the range that the handler has read all of the object, if the client wants it only of another version.
// The front completes the reply.
func mayHaveRange(ctx context.Context, oi *minio.ObjectInfo, rs *minio.HTTPRangeSpec) {
	if rs != nil && !front.RangeHolds(ctx, oi.ETag, oi.ModTime, oi.Size) {
		*rs = minio.HTTPRangeSpec{IsSuffixLength: true, Start: -oi.Size} // which an empty object has, too
	}
}

// extent is the part of an object that a request asks for. A part that the object does not have is turned down by the
// handler's own check of conditions, which runs later.
func extent(oi *minio.ObjectInfo, rs *minio.HTTPRangeSpec, part int) (off, n int64, err error) {
	if rs != nil || part <= 0 || part > len(oi.Parts) {
		return rs.GetOffsetLength(oi.Size)
	}
	for _, p := range oi.Parts[:part-1] {
		off += p.Size
	}
	return off, oi.Parts[part-1].Size, nil
}

// body is the data of an object, opened at the first Read: handlers open the source of a copy and never read it.
type body struct {
	open func() io.ReadCloser
	fail func(error) error
	r    io.ReadCloser
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	if b.r == nil {
		b.r = b.open()
	}
	n, err := b.r.Read(p)
	if err != nil && err != io.EOF { //nolint:errorlint // io.EOF is never wrapped
		err = b.fail(err)
	}
	return n, err
}

// Close closes what was opened.
func (b *body) Close() error {
	if b.r == nil {
		return nil
	}
	return b.r.Close()
}

// PutObject stores an object: nothing is in the volume before the one transaction at the end.
func (l *Layer) PutObject(ctx context.Context, bucket, object string, data *minio.PutObjReader, opts minio.ObjectOptions) (oi minio.ObjectInfo, err error) {
	defer func() { err = quietly(ctx, err) }()
	t, err := l.object(ctx, bucket, object, writes)
	if err != nil {
		return minio.ObjectInfo{}, err
	}
	if err = l.settingsHaveBucket(ctx, &t); err == nil {
		err = l.mayBegin(ctx, &t, data.Size())
	}
	if err != nil {
		return minio.ObjectInfo{}, err
	}
	return l.put(ctx, &t, data, checksum.None, opts.UserDefined)
}

// put stores data; alg as for store.
func (l *Layer) put(ctx context.Context, t *target, data *minio.PutObjReader, alg checksum.Algorithm, defined map[string]string) (minio.ObjectInfo, error) {
	if t.dir {
		return l.putDir(ctx, t, data, alg, defined)
	}
	w, got, err := l.store(ctx, t, data, alg)
	if err != nil {
		return minio.ObjectInfo{}, err
	}
	defer w.Cancel() //nolint:contextcheck // what it removes must go even if the request has ended
	c, err := l.commit(ctx, t, got.tag, defined)
	if err != nil {
		return minio.ObjectInfo{}, err
	}
	keepSum(&c, got.sum, got.size)
	i, err := w.Commit(ctx, c)
	if err != nil {
		return minio.ObjectInfo{}, l.fail(ctx, t, writes, err)
	}
	front.TellSum(ctx, got.sum)
	return l.stored(t, i, got.tag), nil
}

// smallBody is the most data of a PUT that is stored before anything is asked of the database.
const smallBody = 1 << 20 // bytes

// mayBegin looks whether a write can succeed before its data is read; size below 0 is unknown. The transaction at the end
// looks again, so small writes go without.
func (l *Layer) mayBegin(ctx context.Context, t *target, size int64) error {
	if l.v.ReadOnly() {
		return minio.PrefixAccessDenied{Bucket: t.bucket, Object: t.key}
	}
	if size < 0 || size > smallBody {
		if err := l.haveBucket(ctx, t); err != nil {
			return err
		}
	}
	if front.ConditionOf(ctx) == (front.Condition{}) {
		return nil
	}
	i, err := l.v.Stat(ctx, t.path)
	if errors.Is(err, syscall.ENOENT) || errors.Is(err, syscall.ENOTDIR) {
		i, err = nil, nil
	}
	if err == nil {
		err = l.allow(ctx, t)(i)
	}
	return l.fail(ctx, t, writes, err)
}

// commit is the transaction that makes an object appear.
func (l *Layer) commit(ctx context.Context, t *target, tag string, defined map[string]string) (vfs.Commit, error) {
	attrs, err := l.attrs(tag, defined)
	if err != nil {
		return vfs.Commit{}, l.fail(ctx, t, writes, err)
	}
	c := vfs.Commit{Path: t.path, Xattrs: attrs, Parents: true, Top: t.top, Allow: l.allow(ctx, t)}
	if t.server() {
		c.Top = ""
		if strings.HasPrefix(t.key, "config/") {
			c.Mode = 0o600 // users' secrets are in the clear there
		}
	}
	return c, nil
}

// stored describes an object after a write. The tag is shown to the writer even if it is not kept.
func (l *Layer) stored(t *target, i *vfs.Info, tag string) minio.ObjectInfo {
	oi := l.info(t, i)
	oi.ETag = tag
	return oi
}

// putDir makes a directory object.
func (l *Layer) putDir(ctx context.Context, t *target, data *minio.PutObjReader, alg checksum.Algorithm, defined map[string]string) (minio.ObjectInfo, error) {
	got, err := l.empty(ctx, t, data, alg)
	if err != nil {
		return minio.ObjectInfo{}, err
	}
	c, err := l.commit(ctx, t, got.tag, defined)
	if err != nil {
		return minio.ObjectInfo{}, err
	}
	keepSum(&c, got.sum, 0)
	i, err := l.v.MakeDir(ctx, c, true)
	if err != nil {
		return minio.ObjectInfo{}, l.fail(ctx, t, writes, err)
	}
	front.TellSum(ctx, got.sum)
	return l.stored(t, i, got.tag), nil
}

// allow decides inside the transaction of a write whether the condition of its request holds. nil: there is none.
func (l *Layer) allow(ctx context.Context, t *target) vfs.Allow {
	return l.allowIf(front.ConditionOf(ctx), t)
}

func (l *Layer) allowIf(c front.Condition, t *target) vfs.Allow {
	if c == (front.Condition{}) {
		return nil
	}
	return func(old *vfs.Info) error {
		exists, tag := old != nil && isObject(t, old, false), ""
		if exists {
			tag = l.info(t, old).ETag
		}
		switch err := c.Check(exists, tag); {
		case errors.Is(err, front.ErrAbsent):
			return &decided{minio.ObjectNotFound{Bucket: t.bucket, Object: t.key}}
		case exists && !l.o.KeepETag && c.NeedsTag():
			return &decided{errNoTags(t)}
		case err != nil:
			return &decided{errNotMet(t)}
		}
		return nil
	}
}
