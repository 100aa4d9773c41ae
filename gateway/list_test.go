package gateway

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	minio "github.com/minio/minio/cmd"
)

// listed is a layer with some keys in the bucket "buck".
func listed(t *testing.T, keys ...string) *Layer {
	t.Helper()
	l := newLayer(t, allKept())
	for _, key := range keys {
		put(t, l, "buck", key, nil)
	}
	return l
}

func TestListing(t *testing.T) {
	t.Parallel()
	l := listed(t, "a", "a-b/1", "a.txt", "b/1", "b/2/x", "b/2/y", "b/3", "c/", "c/1", "d/", "Z", "ä")
	for _, c := range []struct {
		name, prefix, marker, delimiter string
		limit                           int
		want                            string
	}{
		{"all in byte order", "", "", "", 100, "Z a a-b/1 a.txt b/1 b/2/x b/2/y b/3 c/ c/1 d/ ä"},
		{"page", "", "", "", 3, "Z a a-b/1 > a-b/1"},
		{"next page", "", "a-b/1", "", 3, "a.txt b/1 b/2/x > b/2/x"},
		{"last page is not truncated", "", "b/3", "", 4, "c/ c/1 d/ ä"},
		{"after the last", "", "ä", "", 4, ""},
		{"none wanted", "", "", "", 0, ""},
		{"delimiter", "", "", "/", 100, "Z a a.txt ä [a-b/] [b/] [c/] [d/]"},
		{"delimiter and prefix", "b/", "", "/", 100, "b/1 b/3 [b/2/]"},
		{"prefix without a slash", "b", "", "/", 100, "[b/]"},
		{"page that ends with a prefix", "", "", "/", 3, "Z a [a-b/] > a-b/"},
		{"page after a prefix", "", "a-b/", "/", 2, "a.txt [b/] > b/"},
		{"directory object in itself", "c/", "", "/", 100, "c/ c/1"},
		{"prefix that nothing has", "q", "", "", 100, ""},
		{"prefix in a file", "a/", "", "", 100, ""},
		{"marker before the prefix", "b/", "a", "", 100, "b/1 b/2/x b/2/y b/3"},
		{"marker after the prefix", "b/", "c", "", 100, ""},
		{"marker that is no key", "", "b/2", "", 2, "b/2/x b/2/y > b/2/y"},
		{"double slash", "b//", "", "", 100, ""},
		{"other delimiter", "", "", "-", 100, "Z a a.txt b/1 b/2/x b/2/y b/3 c/ c/1 d/ ä [a-]"},
		{"other delimiter, page", "", "", "-", 3, "Z a [a-] > a-"},
		{"other delimiter, next page", "", "a-", "-", 2, "a.txt b/1 > b/1"},
		{"other delimiter, full page", "", "b/3", "-", 4, "c/ c/1 d/ ä"},
		{"long delimiter", "b/", "", "2/", 100, "b/1 b/3 [b/2/]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			same(t, "page", keys(t, l, "buck", c.prefix, c.marker, c.delimiter, c.limit), c.want)
		})
	}
	_, err := l.ListObjects(outsideCtx(t), "none", "", "", "", 0)
	checkType(t, err, minio.BucketNotFound{})
	_, err = l.ListObjects(outsideCtx(t), "none", "x//", "", "", 1)
	checkType(t, err, minio.BucketNotFound{})
	_, err = l.ListObjects(outsideCtx(t), "none", "", "", "-", 1)
	checkType(t, err, minio.BucketNotFound{})
	_, err = l.ListObjects(outsideCtx(t), "buck", "../x", "", "", 1)
	checkType(t, err, minio.ObjectNameInvalid{})
}

func TestListedObjectsAreDescribed(t *testing.T) {
	t.Parallel()
	l := newLayer(t, allKept())
	oi := put(t, l, "buck", "a", []byte("xyz"))
	info, err := l.ListObjectsV2(outsideCtx(t), "buck", "", "", "", 10, false, "")
	must(t, err)
	got := info.Objects[0]
	if got.ETag != oi.ETag || got.Size != 3 || !got.ModTime.Equal(oi.ModTime) || !got.IsLatest {
		t.Errorf("got %+v, want as %+v", got, oi)
	}
}

func TestPagesOfEveryListing(t *testing.T) {
	t.Parallel()
	var want []string
	for k := range 25 {
		want = append(want, fmt.Sprintf("d%d/k%02d", k%3, k))
	}
	l := listed(t, want...)
	slices.Sort(want)
	ctx := outsideCtx(t)
	next := map[string]func(after string) ([]minio.ObjectInfo, bool, string){
		"v1": func(after string) ([]minio.ObjectInfo, bool, string) {
			r, err := l.ListObjects(ctx, "buck", "", after, "", 4)
			must(t, err)
			return r.Objects, r.IsTruncated, r.NextMarker
		},
		"v2": func(after string) ([]minio.ObjectInfo, bool, string) {
			r, err := l.ListObjectsV2(ctx, "buck", "", after, "", 4, false, "zzz")
			must(t, err)
			return r.Objects, r.IsTruncated, r.NextContinuationToken
		},
		"versions": func(after string) ([]minio.ObjectInfo, bool, string) {
			r, err := l.ListObjectVersions(ctx, "buck", "", after, "null", "", 4)
			must(t, err)
			if r.IsTruncated != (r.NextVersionIDMarker == "null") {
				t.Errorf("next version %q", r.NextVersionIDMarker)
			}
			return r.Objects, r.IsTruncated, r.NextMarker
		},
	}
	for name, f := range next {
		var got []string
		after, more := "", true
		if name == "v2" {
			after = "0" // a token comes before where to start
		}
		for more {
			var objects []minio.ObjectInfo
			objects, more, after = f(after)
			for _, o := range objects {
				got = append(got, o.Name)
			}
		}
		same(t, name, strings.Join(got, " "), strings.Join(want, " "))
	}
}

func TestPagesHaveAtMostAThousandKeys(t *testing.T) {
	t.Parallel()
	l := newLayer(t, allKept())
	for k := range maxPage + 2 {
		put(t, l, "buck", fmt.Sprintf("k%05d", k), nil)
	}
	for _, limit := range []int{-1, 4500, maxPage} {
		info, err := l.ListObjects(outsideCtx(t), "buck", "", "", "", limit)
		must(t, err)
		same(t, "keys", len(info.Objects), maxPage)
		same(t, "more", info.IsTruncated, true)
	}
	ch := make(chan minio.ObjectInfo)
	must(t, l.Walk(outsideCtx(t), "buck", "k", ch, minio.ObjectOptions{}))
	n := 0
	for range ch {
		n++
	}
	same(t, "walked", n, maxPage+2)
	same(t, "grouped", keys(t, l, "buck", "", "", "k0", 10), "[k0]")
}

func TestHiddenDirectoryObjects(t *testing.T) {
	t.Parallel()
	o := allKept()
	o.HideDirObject = true
	l := newLayer(t, o)
	put(t, l, "buck", "d/", nil)
	put(t, l, "buck", "e/f", nil)
	same(t, "listing", keys(t, l, "buck", "", "", "", 10), "e/f")
}
