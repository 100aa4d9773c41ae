package gateway

import (
	"bytes"
	"fmt"
	"net/http"
	"testing"

	miniogo "github.com/minio/minio-go/v7"
	minio "github.com/minio/minio/cmd"
)

func begin(t testing.TB, l *Layer, key string, defined map[string]string) string {
	t.Helper()
	id, err := l.NewMultipartUpload(outsideCtx(t), "buck", key, minio.ObjectOptions{UserDefined: defined})
	must(t, err)
	return id
}

func putPart(t testing.TB, l *Layer, key, id string, n int, data []byte) minio.CompletePart {
	t.Helper()
	p, err := l.PutObjectPart(outsideCtx(t), "buck", key, id, n, reader(t, bytes.NewReader(data), int64(len(data))), minio.ObjectOptions{})
	must(t, err)
	same(t, "tag", p.ETag, md5Hex(data))
	same(t, "size", p.Size, len(data))
	return minio.CompletePart{PartNumber: n, ETag: p.ETag}
}

func complete(t testing.TB, l *Layer, key, id string, parts ...minio.CompletePart) (minio.ObjectInfo, error) {
	t.Helper()
	return l.CompleteMultipartUpload(outsideCtx(t), "buck", key, id, parts, minio.ObjectOptions{})
}

func TestMultipart(t *testing.T) {
	t.Parallel()
	l := newLayer(t, allKept())
	key := "big/object"
	id := begin(t, l, key, map[string]string{"content-type": "x/y", "X-Amz-Meta-K": "v", headerTags: "a=b"})
	data := noise(minPartSize*2 + 77)
	p2 := putPart(t, l, key, id, 2, data[minPartSize:2*minPartSize])
	putPart(t, l, key, id, 1, []byte("replaced"))
	p1 := putPart(t, l, key, id, 1, data[:minPartSize])
	p9 := putPart(t, l, key, id, 9, data[2*minPartSize:])
	putPart(t, l, key, id, 4, []byte("not named"))
	absent(t, l, "buck", key)
	parts := []minio.CompletePart{p1, p2, p9}
	oi, err := complete(t, l, key, id, parts...)
	must(t, err)
	want := minio.ComputeCompleteMultipartMD5(parts)
	same(t, "tag", oi.ETag, want)
	oi = head(t, l, "buck", key)
	same(t, "tag", oi.ETag, want)
	same(t, "size", oi.Size, len(data))
	same(t, "type", oi.ContentType, "x/y")
	same(t, "metadata", oi.UserDefined["x-amz-meta-k"], "v")
	same(t, "tags", oi.UserTags, "a=b")
	if !bytes.Equal(get(t, l, "buck", key), data) {
		t.Error("other data")
	}
	same(t, "parts", len(oi.Parts), 3)
	for n, from := range []int{0, minPartSize, 2 * minPartSize} {
		got, failed := read(t, l, "buck", key, nil, minio.ObjectOptions{PartNumber: n + 1})
		if failed != nil || !bytes.Equal(got, data[from:min(from+minPartSize, len(data))]) {
			t.Errorf("part %d: got %d bytes, %v", n+1, len(got), failed)
		}
	}
	_, err = complete(t, l, key, id, parts...)
	checkType(t, err, minio.InvalidUploadID{})
	if _, err := l.v.Stat(t.Context(), l.uploadDir("buck", id)); err == nil {
		t.Error("the parts stay")
	}
}

func TestMultipartErrors(t *testing.T) {
	t.Parallel()
	l := newLayer(t, allKept())
	ctx := outsideCtx(t)
	id := begin(t, l, "k", nil)
	small := putPart(t, l, "k", id, 1, []byte("small"))
	last := putPart(t, l, "k", id, 2, []byte("last"))
	_, err := complete(t, l, "k", id, small, last)
	checkType(t, err, minio.PartTooSmall{})
	_, err = complete(t, l, "k", id, last, small)
	same(t, "code", miniogo.ToErrorResponse(err).Code, "InvalidPartOrder")
	_, err = complete(t, l, "k", id, minio.CompletePart{PartNumber: 3, ETag: emptyMD5})
	checkType(t, err, minio.InvalidPart{})
	_, err = complete(t, l, "k", id, minio.CompletePart{PartNumber: 1, ETag: emptyMD5})
	checkType(t, err, minio.InvalidPart{})
	for _, c := range []struct {
		key, id string
		want    error
	}{{"other", id, minio.InvalidUploadID{}}, {"k", "0a1b2c3d-0000-4000-8000-00000000abcd", minio.InvalidUploadID{}}, {"k", "../../x", minio.MalformedUploadID{}}} {
		_, err = complete(t, l, c.key, c.id, small)
		checkType(t, err, c.want)
		_, err = l.PutObjectPart(ctx, "buck", c.key, c.id, 1, reader(t, bytes.NewReader(nil), 0), minio.ObjectOptions{})
		checkType(t, err, c.want)
		_, err = l.ListObjectParts(ctx, "buck", c.key, c.id, 0, 10, minio.ObjectOptions{})
		checkType(t, err, c.want)
		_, err = l.GetMultipartInfo(ctx, "buck", c.key, c.id, minio.ObjectOptions{})
		checkType(t, err, c.want)
		checkType(t, l.AbortMultipartUpload(ctx, "buck", c.key, c.id, minio.ObjectOptions{}), c.want)
	}
	for _, n := range []int{0, -1, maxPart + 1} {
		_, err = l.PutObjectPart(ctx, "buck", "k", id, n, reader(t, bytes.NewReader(nil), 0), minio.ObjectOptions{})
		same(t, "status", miniogo.ToErrorResponse(err).StatusCode, http.StatusBadRequest)
	}
	_, err = l.NewMultipartUpload(ctx, "none", "k", minio.ObjectOptions{})
	checkType(t, err, minio.BucketNotFound{})
	_, err = l.NewMultipartUpload(ctx, "buck", "k/", minio.ObjectOptions{})
	checkType(t, err, minio.ObjectExistsAsDirectory{})
	put(t, l, "buck", "k/in/the/way", nil)
	_, err = complete(t, l, "k", id, small)
	checkType(t, err, minio.ObjectExistsAsDirectory{})
	must(t, l.AbortMultipartUpload(ctx, "buck", "k", id, minio.ObjectOptions{}))
	checkType(t, l.AbortMultipartUpload(ctx, "buck", "k", id, minio.ObjectOptions{}), minio.InvalidUploadID{})
	same(t, "listing", keys(t, l, "buck", "", "", "", 10), "k/in/the/way")
}

func TestListParts(t *testing.T) {
	t.Parallel()
	l := newLayer(t, allKept())
	id := begin(t, l, "k", map[string]string{"content-type": "x/y"})
	for _, n := range []int{10, 9, 1, 100, 10000} {
		putPart(t, l, "k", id, n, []byte(fmt.Sprint(n)))
	}
	for _, c := range []struct {
		marker, limit int
		want          string
	}{{0, 10, "[1 9 10 100 10000] false 10000"}, {0, 2, "[1 9] true 9"}, {9, 2, "[10 100] true 100"}, {100, 2, "[10000] false 10000"}, {10000, 2, "[] false 0"}, {0, 0, "[] false 0"}} {
		info, err := l.ListObjectParts(outsideCtx(t), "buck", "k", id, c.marker, c.limit, minio.ObjectOptions{})
		must(t, err)
		numbers := []int{}
		for _, p := range info.Parts {
			numbers = append(numbers, p.PartNumber)
			same(t, "tag", p.ETag, md5Hex([]byte(fmt.Sprint(p.PartNumber))))
		}
		same(t, fmt.Sprint(c.marker, c.limit), fmt.Sprint(numbers, info.IsTruncated, info.NextPartNumberMarker), c.want)
	}
	mi, err := l.GetMultipartInfo(outsideCtx(t), "buck", "k", id, minio.ObjectOptions{})
	must(t, err)
	same(t, "type", mi.UserDefined["content-type"], "x/y")
}

func TestListUploads(t *testing.T) {
	t.Parallel()
	l := newLayer(t, allKept())
	want := ""
	for _, key := range []string{"a/1", "a/2", "b"} {
		want += " " + key + "=" + begin(t, l, key, nil)
	}
	info, err := l.ListMultipartUploads(outsideCtx(t), "buck", "", "", "", "", 1000)
	must(t, err)
	got := ""
	for _, u := range info.Uploads {
		got += " " + u.Object + "=" + u.UploadID
		if u.Initiated.Year() < 2000 {
			t.Errorf("begun %v", u.Initiated)
		}
	}
	same(t, "uploads", got, want)
	info, err = l.ListMultipartUploads(outsideCtx(t), "buck", "", "", "", "/", 1)
	must(t, err)
	same(t, "page", fmt.Sprintln(info.CommonPrefixes, info.IsTruncated, info.NextKeyMarker), "[a/] true a/\n")
	_, err = l.ListMultipartUploads(outsideCtx(t), "none", "", "", "", "", 1000)
	checkType(t, err, minio.BucketNotFound{})
	must(t, l.MakeBucketWithLocation(outsideCtx(t), "empty", minio.BucketOptions{}))
	info, err = l.ListMultipartUploads(outsideCtx(t), "empty", "", "", "", "", 1000)
	must(t, err)
	same(t, "uploads", len(info.Uploads), 0)
}

func TestUploadPartCopy(t *testing.T) {
	t.Parallel()
	l := newLayer(t, allKept())
	ctx := outsideCtx(t)
	data := noise(minPartSize + 5000)
	put(t, l, "buck", "src", data)
	src := head(t, l, "buck", "src")
	id := begin(t, l, "dst", nil)
	var parts []minio.CompletePart
	for n, c := range []struct{ off, length int64 }{{0, int64(len(data))}, {0, minPartSize}, {1000, 4000}} {
		p, err := l.CopyObjectPart(ctx, "buck", "src", "buck", "dst", id, n+1, c.off, c.length, src, minio.ObjectOptions{}, minio.ObjectOptions{})
		must(t, err)
		same(t, "tag", p.ETag, md5Hex(data[c.off:c.off+c.length]))
		same(t, "size", p.Size, c.length)
		parts = append(parts, minio.CompletePart{PartNumber: n + 1, ETag: p.ETag})
	}
	_, err := complete(t, l, "dst", id, parts...)
	must(t, err)
	want := append(append(append([]byte{}, data...), data[:minPartSize]...), data[1000:5000]...)
	if !bytes.Equal(get(t, l, "buck", "dst"), want) {
		t.Error("other data")
	}
	if !bytes.Equal(get(t, l, "buck", "src"), data) {
		t.Error("the source has changed")
	}
	// An object that came in parts has no MD5 of its own.
	id = begin(t, l, "dst2", nil)
	big := head(t, l, "buck", "dst")
	p, err := l.CopyObjectPart(ctx, "buck", "dst", "buck", "dst2", id, 1, 0, big.Size, big, minio.ObjectOptions{}, minio.ObjectOptions{})
	must(t, err)
	same(t, "tag", p.ETag, md5Hex(want))
	_, err = l.CopyObjectPart(ctx, "buck", "none", "buck", "dst2", id, 1, 0, 1, big, minio.ObjectOptions{}, minio.ObjectOptions{})
	checkType(t, err, minio.ObjectNotFound{})
	_, err = l.CopyObjectPart(ctx, "buck", "../other/x", "buck", "dst2", id, 1, 0, 1, big, minio.ObjectOptions{}, minio.ObjectOptions{})
	checkType(t, err, minio.ObjectNameInvalid{})
	put(t, l, "buck", "empty", nil)
	p, err = l.CopyObjectPart(ctx, "buck", "empty", "buck", "dst2", id, 2, 0, 0, head(t, l, "buck", "empty"), minio.ObjectOptions{}, minio.ObjectOptions{})
	must(t, err)
	same(t, "tag", p.ETag, emptyMD5)
}

func TestCopy(t *testing.T) {
	t.Parallel()
	l := newLayer(t, allKept())
	ctx := outsideCtx(t)
	must(t, l.MakeBucketWithLocation(ctx, "other", minio.BucketOptions{}))
	data := noise(5000)
	put(t, l, "buck", "src", data, "content-type", "x/y", headerTags, "a=b")
	src := head(t, l, "buck", "src")
	src.UserDefined = map[string]string{"content-type": "new/type", headerTags: "c=d", "X-Amz-Meta-K": "v"}
	oi, err := l.CopyObject(ctx, "buck", "src", "other", "x/dst", src, minio.ObjectOptions{}, minio.ObjectOptions{})
	must(t, err)
	same(t, "tag", oi.ETag, md5Hex(data))
	_, err = l.DeleteObject(ctx, "buck", "src", minio.ObjectOptions{})
	must(t, err)
	oi = head(t, l, "other", "x/dst")
	same(t, "type", oi.ContentType, "new/type")
	same(t, "tags", oi.UserTags, "c=d")
	same(t, "metadata", oi.UserDefined["x-amz-meta-k"], "v")
	if !bytes.Equal(get(t, l, "other", "x/dst"), data) {
		t.Error("other data")
	}
	// Onto itself: what was told of it changes, no more.
	oi.UserDefined = map[string]string{"X-Amz-Meta-L": "w"}
	_, err = l.CopyObject(ctx, "other", "x/dst", "other", "x/dst", oi, minio.ObjectOptions{}, minio.ObjectOptions{})
	must(t, err)
	oi = head(t, l, "other", "x/dst")
	same(t, "metadata", oi.UserDefined, map[string]string{"x-amz-meta-l": "w"})
	same(t, "tags", oi.UserTags, "")
	same(t, "tag", oi.ETag, md5Hex(data))
	for _, c := range []struct {
		bucket, from, to, dst string
		want                  error
	}{
		{"other", "none", "other", "d", minio.ObjectNotFound{}},
		{"other", "../buck/src", "other", "d", minio.ObjectNameInvalid{}},
		{"other", "x/dst", "none", "d", minio.BucketNotFound{}},
		{"other", "x/dst", "other", "x", minio.ObjectExistsAsDirectory{}},
		{"other", "x/dst", "other", "x/dst/y", minio.ParentIsObject{}},
		{"other", "x/dst", "other", "d/", minio.ObjectExistsAsDirectory{}},
	} {
		_, err = l.CopyObject(ctx, c.bucket, c.from, c.to, c.dst, oi, minio.ObjectOptions{}, minio.ObjectOptions{})
		checkType(t, err, c.want)
	}
	stale := oi
	stale.Size++
	_, err = l.CopyObject(ctx, "other", "x/dst", "other", "d", stale, minio.ObjectOptions{}, minio.ObjectOptions{})
	checkType(t, err, minio.OperationTimedOut{})
	put(t, l, "other", "dir/", nil)
	dir := head(t, l, "other", "dir/")
	dir.UserDefined["X-Amz-Meta-D"] = "e"
	_, err = l.CopyObject(ctx, "other", "dir/", "buck", "dir2/", dir, minio.ObjectOptions{}, minio.ObjectOptions{})
	must(t, err)
	same(t, "metadata", head(t, l, "buck", "dir2/").UserDefined["x-amz-meta-d"], "e")
}

// TestCopyOfWhatIsNoLonger: the handler has seen the source, and somebody else changes it before it is copied.
func TestCopyOfWhatIsNoLonger(t *testing.T) {
	t.Parallel()
	l := newLayer(t, allKept())
	for name, c := range map[string]struct {
		change func()
		want   error
	}{
		"replaced": {func() { put(t, l, "buck", "src", noise(6000)) }, minio.OperationTimedOut{}},
		"removed": {func() {
			_, err := l.DeleteObject(outsideCtx(t), "buck", "src", minio.ObjectOptions{})
			must(t, err)
		}, minio.ObjectNotFound{Bucket: "buck", Object: "src"}},
	} {
		put(t, l, "buck", "src", noise(5000))
		ctx := outsideCtx(t)
		r, err := l.GetObjectNInfo(ctx, "buck", "src", nil, nil, 0, minio.ObjectOptions{})
		must(t, err)
		c.change()
		_, err = l.CopyObject(ctx, "buck", "src", "buck", "dst", r.ObjInfo, minio.ObjectOptions{}, minio.ObjectOptions{})
		must(t, r.Close())
		checkType(t, err, c.want)
		if gone, ok := err.(minio.ObjectNotFound); ok && gone.Object != "src" { //nolint:errorlint // as the handlers look
			t.Errorf("%s: %v is said to be missing", name, gone.Object)
		}
		absent(t, l, "buck", "dst")
	}
}

func TestTags(t *testing.T) {
	t.Parallel()
	l := newLayer(t, allKept())
	ctx := outsideCtx(t)
	put(t, l, "buck", "a", []byte("x"))
	oi, err := l.PutObjectTags(ctx, "buck", "a", "k=v&l=w", minio.ObjectOptions{})
	must(t, err)
	same(t, "tag", oi.ETag, md5Hex([]byte("x")))
	got, err := l.GetObjectTags(ctx, "buck", "a", minio.ObjectOptions{})
	must(t, err)
	same(t, "tags", got.ToMap(), map[string]string{"k": "v", "l": "w"})
	_, err = l.DeleteObjectTags(ctx, "buck", "a", minio.ObjectOptions{})
	must(t, err)
	got, err = l.GetObjectTags(ctx, "buck", "a", minio.ObjectOptions{})
	must(t, err)
	same(t, "tags", got.ToMap(), map[string]string{})
	off := newLayer(t, Options{})
	put(t, off, "vol", "a", nil)
	_, err = off.PutObjectTags(ctx, "vol", "a", "k=v", minio.ObjectOptions{})
	checkType(t, err, minio.NotImplemented{})
	_, err = off.GetObjectTags(ctx, "vol", "a", minio.ObjectOptions{})
	checkType(t, err, minio.NotImplemented{})
}
