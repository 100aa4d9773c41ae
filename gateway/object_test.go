package gateway

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	miniogo "github.com/minio/minio-go/v7"
	minio "github.com/minio/minio/cmd"
	"github.com/minio/minio/pkg/hash"

	"juicefs/gateway/front"
	"juicefs/meta"
)

func TestPutAndGet(t *testing.T) {
	t.Parallel()
	l := newLayer(t, allKept())
	for _, n := range []int{0, 1, 4096, 5 << 20, 9<<20 + 17} {
		data := noise(n)
		oi := put(t, l, "buck", "a/b/c.txt", data, "content-type", "x/y", "X-Amz-Meta-K", "v", headerTags, "t=1&u=2", "expires", "0")
		same(t, "tag", oi.ETag, md5Hex(data))
		if got := get(t, l, "buck", "a/b/c.txt"); !bytes.Equal(got, data) {
			t.Fatalf("%d bytes: got %d other ones", n, len(got))
		}
		oi = head(t, l, "buck", "a/b/c.txt")
		same(t, "size", oi.Size, n)
		same(t, "tag of HEAD", oi.ETag, md5Hex(data))
		same(t, "tags", oi.UserTags, "t=1&u=2")
		if d := cmp.Diff(oi.UserDefined, map[string]string{"content-type": "x/y", "x-amz-meta-k": "v", "expires": "0"}); d != "" {
			t.Error(d)
		}
	}
	same(t, "listing", keys(t, l, "buck", "", "", "", 10), "a/b/c.txt")
}

func TestOptionsOffKeepNothing(t *testing.T) {
	t.Parallel()
	l := newLayer(t, Options{})
	oi := put(t, l, "vol", "a.txt", []byte("x"), "content-type", "x/y", "X-Amz-Meta-K", "v", headerTags, "t=1")
	same(t, "tag of the reply", oi.ETag, md5Hex([]byte("x")))
	i, err := l.v.Stat(t.Context(), "/a.txt")
	must(t, err)
	same(t, "attributes", len(i.Xattrs), 0)
	same(t, "mode", i.Mode, 0o644)
	oi = head(t, l, "vol", "a.txt")
	same(t, "tag of HEAD", oi.ETag, "")
	if !strings.HasPrefix(oi.ContentType, "text/plain") {
		t.Errorf("got %q", oi.ContentType)
	}
}

func TestKeyAndDirectoryObjectAreDifferent(t *testing.T) {
	t.Parallel()
	l := newLayer(t, allKept())
	put(t, l, "buck", "file", []byte("x"))
	put(t, l, "buck", "dir/", nil, "X-Amz-Meta-K", "v", headerTags, "a=b")
	put(t, l, "buck", "made/by/key", []byte("x"))
	absent(t, l, "buck", "file/")
	absent(t, l, "buck", "dir")
	absent(t, l, "buck", "made")
	absent(t, l, "buck", "made/")
	oi := head(t, l, "buck", "dir/")
	same(t, "size", oi.Size, 0)
	same(t, "tags", oi.UserTags, "a=b")
	same(t, "metadata", oi.UserDefined["x-amz-meta-k"], "v")
	same(t, "data", get(t, l, "buck", "dir/"), []byte{})
	for key, err := range map[string]error{"file/": minio.ObjectNotFound{}, "dir": minio.ObjectNotFound{}, "made/by": minio.ObjectNotFound{}} {
		_, got := read(t, l, "buck", key, nil, minio.ObjectOptions{})
		checkType(t, got, err)
		_, got = l.DeleteObject(outsideCtx(t), "buck", key, minio.ObjectOptions{})
		checkType(t, got, err)
	}
	same(t, "listing", keys(t, l, "buck", "", "", "", 10), "dir/ file made/by/key")
}

func TestConflictsOfTheFileTree(t *testing.T) {
	t.Parallel()
	l := newLayer(t, allKept())
	put(t, l, "buck", "a", []byte("x"))
	put(t, l, "buck", "d/e", []byte("x"))
	for _, c := range []struct {
		key  string
		data string
		err  error
	}{
		{"a/b", "y", minio.ParentIsObject{}},
		{"a/b/c", "y", minio.ParentIsObject{}},
		{"a/", "", minio.ParentIsObject{}},
		{"d", "y", minio.ObjectExistsAsDirectory{}},
		{"new/", "y", minio.ObjectExistsAsDirectory{}},
		{"x//y", "y", minio.ObjectNameInvalid{}},
		{"../buck2/x", "y", minio.ObjectNameInvalid{}},
	} {
		_, err := tryPut(t, l, outsideCtx(t), "buck", c.key, []byte(c.data))
		checkType(t, err, c.err)
	}
	same(t, "listing", keys(t, l, "buck", "", "", "", 10), "a d/e")
	_, err := tryPut(t, l, outsideCtx(t), "none", "a", nil)
	checkType(t, err, minio.BucketNotFound{})
	if _, err := l.GetBucketInfo(outsideCtx(t), "none"); err == nil {
		t.Error("a PUT made a bucket")
	}
}

func TestBodiesThatAreNotWhatWasSaid(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	l := w.layer(t, Options{})
	broken := errors.New("connection is gone")
	for _, c := range []struct {
		name     string
		r        io.Reader
		size     int64
		md5, sha string
		want     error
	}{
		{name: "shorter", r: strings.NewReader("abc"), size: 4, want: minio.IncompleteBody{}},
		{name: "cut off", r: io.MultiReader(strings.NewReader("abc"), failingReader{io.ErrUnexpectedEOF}), size: 10, want: minio.IncompleteBody{}},
		{name: "broken", r: failingReader{broken}, size: 10, want: broken},
		{name: "other MD5", r: strings.NewReader("abc"), size: 3, md5: emptyMD5, want: hash.BadDigest{}},
		{name: "other SHA-256", r: strings.NewReader("abc"), size: 3, sha: strings.Repeat("00", 32), want: hash.SHA256Mismatch{}},
	} {
		h, err := hash.NewReader(c.r, c.size, c.md5, c.sha, c.size)
		must(t, err)
		_, err = l.PutObject(outsideCtx(t), "vol", "a", minio.NewPutObjReader(h), minio.ObjectOptions{})
		if typeName(err) != typeName(c.want) {
			t.Errorf("%s: got %T %v, want %T", c.name, err, err, c.want)
		}
	}
	absent(t, l, "vol", "a")
	same(t, "pages in use", w.pool.Used(), 0)
}

type failingReader struct{ err error }

func (f failingReader) Read([]byte) (int, error) { return 0, f.err }

func TestRanges(t *testing.T) {
	t.Parallel()
	l := newLayer(t, allKept())
	data := noise(5 << 20)
	put(t, l, "buck", "a", data)
	for _, c := range []struct {
		rs       *minio.HTTPRangeSpec
		from, to int
	}{
		{&minio.HTTPRangeSpec{Start: 0, End: 0}, 0, 1},
		{&minio.HTTPRangeSpec{Start: 4<<20 - 1, End: 4 << 20}, 4<<20 - 1, 4<<20 + 1},
		{&minio.HTTPRangeSpec{Start: 100, End: -1}, 100, 5 << 20},
		{&minio.HTTPRangeSpec{Start: 100, End: 1 << 40}, 100, 5 << 20},
		{&minio.HTTPRangeSpec{IsSuffixLength: true, Start: -7, End: -1}, 5<<20 - 7, 5 << 20},
		{&minio.HTTPRangeSpec{IsSuffixLength: true, Start: -7 << 30, End: -1}, 0, 5 << 20},
	} {
		got, err := read(t, l, "buck", "a", c.rs, minio.ObjectOptions{})
		if err != nil || !bytes.Equal(got, data[c.from:c.to]) {
			t.Errorf("%+v: got %d bytes, %v", c.rs, len(got), err)
		}
	}
	if _, err := read(t, l, "buck", "a", &minio.HTTPRangeSpec{Start: 5 << 20, End: -1}, minio.ObjectOptions{}); err == nil {
		t.Error("a range behind the end is served")
	}
}

func TestPreconditionsClose(t *testing.T) {
	t.Parallel()
	l := newLayer(t, allKept())
	put(t, l, "buck", "a", []byte("x"))
	_, err := read(t, l, "buck", "a", nil, minio.ObjectOptions{CheckPrecondFn: func(oi minio.ObjectInfo) bool { return oi.ETag != "" }})
	checkType(t, err, minio.PreConditionFailed{})
}

func TestVersions(t *testing.T) {
	t.Parallel()
	l := newLayer(t, allKept())
	put(t, l, "buck", "a", []byte("x"))
	id := "0a1b2c3d-0000-4000-8000-00000000abcd"
	_, err := l.GetObjectInfo(outsideCtx(t), "buck", "a", minio.ObjectOptions{VersionID: id})
	checkType(t, err, minio.VersionNotFound{})
	_, err = read(t, l, "buck", "a", nil, minio.ObjectOptions{VersionID: id})
	checkType(t, err, minio.VersionNotFound{})
	_, err = l.DeleteObject(outsideCtx(t), "buck", "a", minio.ObjectOptions{VersionID: id})
	checkType(t, err, minio.VersionNotFound{})
	_, err = l.GetObjectInfo(outsideCtx(t), "buck", "a", minio.ObjectOptions{VersionID: "null"})
	must(t, err)
}

func TestMissing(t *testing.T) {
	t.Parallel()
	l := newLayer(t, allKept())
	put(t, l, "buck", "file", nil)
	for bucket, want := range map[string]error{"buck": minio.ObjectNotFound{}, "none": minio.BucketNotFound{}, "UPPER": minio.BucketNotFound{}} {
		for _, key := range []string{"a", "a/", "a/b/c"} {
			_, err := l.GetObjectInfo(outsideCtx(t), bucket, key, minio.ObjectOptions{})
			checkType(t, err, want)
			_, err = read(t, l, bucket, key, nil, minio.ObjectOptions{})
			checkType(t, err, want)
			_, err = l.DeleteObject(outsideCtx(t), bucket, key, minio.ObjectOptions{})
			checkType(t, err, want)
			_, err = l.PutObjectTags(outsideCtx(t), bucket, key, "a=b", minio.ObjectOptions{})
			checkType(t, err, want)
		}
	}
	absent(t, l, "buck", "file/below")
}

func TestDeleteRemovesEmptiedParents(t *testing.T) {
	t.Parallel()
	l := newLayer(t, allKept())
	put(t, l, "buck", "a/b/c", nil)
	put(t, l, "buck", "keep/", nil)
	put(t, l, "buck", "keep/x/y", nil)
	for _, key := range []string{"a/b/c", "keep/x/y"} {
		oi, err := l.DeleteObject(outsideCtx(t), "buck", key, minio.ObjectOptions{})
		must(t, err)
		same(t, "name for the event", oi.Name, key)
	}
	same(t, "listing", keys(t, l, "buck", "", "", "/", 10), "[keep/]")
	_, err := l.v.Stat(t.Context(), "/buck/a")
	if err == nil {
		t.Error("an emptied directory stays")
	}
	_, err = l.DeleteObject(outsideCtx(t), "buck", "keep/", minio.ObjectOptions{})
	must(t, err)
	same(t, "listing", keys(t, l, "buck", "", "", "", 10), "")
	_, err = l.GetBucketInfo(outsideCtx(t), "buck")
	must(t, err)
}

func TestDeleteMany(t *testing.T) {
	t.Parallel()
	l := newLayer(t, allKept())
	for _, key := range []string{"d/e/1", "d/e/2", "f", "g/"} {
		put(t, l, "buck", key, nil)
	}
	list := []minio.ObjectToDelete{
		{ObjectName: "g/"}, {ObjectName: "d/e/2", VersionID: "null"}, {ObjectName: "none"}, {ObjectName: "../other/x"}, {ObjectName: "d/e/1"},
		{ObjectName: "f", VersionID: "0a1b2c3d-0000-4000-8000-00000000abcd"}, {ObjectName: "d/e/"},
		{ObjectName: "x//y", DeleteMarkerReplicationStatus: "r", VersionPurgeStatus: "p", PurgeTransitioned: "t"},
	}
	deleted, errs := l.DeleteObjects(outsideCtx(t), "buck", list, minio.ObjectOptions{})
	want := []error{nil, nil, minio.ObjectNotFound{}, minio.ObjectNameInvalid{}, nil, minio.VersionNotFound{}, minio.ObjectNotFound{}, minio.ObjectNotFound{}}
	for k, o := range list {
		checkType(t, errs[k], want[k])
		same(t, "names", minio.ObjectToDelete{ObjectName: deleted[k].ObjectName, VersionID: deleted[k].VersionID, VersionPurgeStatus: deleted[k].VersionPurgeStatus,
			DeleteMarkerReplicationStatus: deleted[k].DeleteMarkerReplicationStatus, PurgeTransitioned: deleted[k].PurgeTransitioned}, o)
	}
	same(t, "listing", keys(t, l, "buck", "", "", "", 10), "f")
	if _, err := l.v.Stat(t.Context(), "/buck/d"); err == nil {
		t.Error("an emptied directory stays")
	}
}

func TestConditionalWrites(t *testing.T) {
	t.Parallel()
	l := newLayer(t, allKept())
	with := func(c front.Condition) context.Context { return onCondition(t, c) }
	_, err := tryPut(t, l, with(front.Condition{IfMatch: "*"}), "buck", "a", nil)
	checkType(t, err, minio.ObjectNotFound{})
	_, err = tryPut(t, l, with(front.Condition{IfNoneMatch: "*"}), "buck", "a", []byte("1"))
	must(t, err)
	_, err = tryPut(t, l, with(front.Condition{IfNoneMatch: "*"}), "buck", "a", []byte("2"))
	same(t, "status", miniogo.ToErrorResponse(err).StatusCode, http.StatusPreconditionFailed)
	_, err = tryPut(t, l, with(front.Condition{IfMatch: `"` + md5Hex([]byte("1")) + `"`}), "buck", "a", []byte("3"))
	must(t, err)
	_, err = l.DeleteObject(with(front.Condition{IfMatch: `"x"`}), "buck", "a", minio.ObjectOptions{})
	same(t, "status", miniogo.ToErrorResponse(err).StatusCode, http.StatusPreconditionFailed)
	same(t, "data", string(get(t, l, "buck", "a")), "3")
	_, err = tryPut(t, l, with(front.Condition{IfNoneMatch: "*"}), "buck", "d/", nil)
	must(t, err)
	_, err = tryPut(t, l, with(front.Condition{IfNoneMatch: "*"}), "buck", "d/", nil)
	same(t, "status", miniogo.ToErrorResponse(err).StatusCode, http.StatusPreconditionFailed)
}

func TestOneWinnerOfConditionalCreates(t *testing.T) {
	t.Parallel()
	l := newLayer(t, allKept())
	ctx := onCondition(t, front.Condition{IfNoneMatch: "*"})
	var mu sync.Mutex
	won := 0
	var wg sync.WaitGroup
	for k := range 16 {
		wg.Go(func() {
			if _, err := tryPut(t, l, ctx, "buck", "x/y", noise(k+1)); err == nil {
				mu.Lock()
				defer mu.Unlock()
				won++
			}
		})
	}
	wg.Wait()
	same(t, "winners", won, 1)
}

func TestReadOnlyVolume(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	rw := w.layer(t, allKept())
	must(t, rw.MakeBucketWithLocation(outsideCtx(t), "buck", minio.BucketOptions{}))
	put(t, rw, "buck", "a", []byte("x"))
	l := startLayer(t, w.open(t, meta.Options{ReadOnly: true}), allKept())
	same(t, "data", string(get(t, l, "buck", "a")), "x")
	denied := minio.PrefixAccessDenied{}
	_, err := tryPut(t, l, outsideCtx(t), "buck", "a", nil)
	checkType(t, err, denied)
	_, err = l.DeleteObject(outsideCtx(t), "buck", "a", minio.ObjectOptions{})
	checkType(t, err, denied)
	_, errs := l.DeleteObjects(outsideCtx(t), "buck", []minio.ObjectToDelete{{ObjectName: "a"}}, minio.ObjectOptions{})
	checkType(t, errs[0], denied)
	_, err = l.PutObjectTags(outsideCtx(t), "buck", "a", "a=b", minio.ObjectOptions{})
	checkType(t, err, denied)
	_, err = l.NewMultipartUpload(outsideCtx(t), "buck", "a", minio.ObjectOptions{})
	checkType(t, err, denied)
	checkType(t, l.MakeBucketWithLocation(outsideCtx(t), "buck2", minio.BucketOptions{}), denied)
	checkType(t, l.DeleteBucket(outsideCtx(t), "buck", true), denied)
	if !l.ReadHealth(t.Context()) {
		t.Error("not healthy")
	}
	if _, err := l.NewNSLock(serverName, "config_lock").GetLock(t.Context(), minio.NewDynamicTimeout(1, 1)); err != nil {
		t.Error(err)
	}
}

func TestHeadDir(t *testing.T) {
	t.Parallel()
	o := allKept()
	o.HeadDir = true
	l := newLayer(t, o)
	put(t, l, "buck", "d/f", []byte("x"))
	for _, key := range []string{"d", "d/"} {
		if oi := head(t, l, "buck", key); !oi.IsDir || oi.Size != 0 {
			t.Errorf("%s: got %+v", key, oi)
		}
		if _, err := read(t, l, "buck", key, nil, minio.ObjectOptions{}); err == nil {
			t.Errorf("GET of %s works", key)
		}
	}
	absent(t, l, "buck", "d/f/")
}
