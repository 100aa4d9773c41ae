package s3

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"

	"github.com/minio/minio-go/v7"
)

const minPart = 5 << 20 // bytes

func (c *client) begin(key string, o minio.PutObjectOptions) string {
	c.t.Helper()
	id, err := c.NewMultipartUpload(c.t.Context(), c.bucket, key, o)
	must(c.t, err)
	return id
}

func (c *client) part(key, id string, n int, data []byte) minio.CompletePart {
	c.t.Helper()
	p, err := c.PutObjectPart(c.t.Context(), c.bucket, key, id, n, bytes.NewReader(data), int64(len(data)), "", "", nil)
	must(c.t, err)
	c.same("tag", p.ETag, md5Hex(data))
	return minio.CompletePart{PartNumber: n, ETag: p.ETag}
}

func (c *client) complete(key, id string, parts ...minio.CompletePart) error {
	_, err := c.CompleteMultipartUpload(c.t.Context(), c.bucket, key, id, parts)
	return err
}

func multipart(c *client) {
	data := noise(2*minPart + 100)
	id := c.begin("d/big", minio.PutObjectOptions{ContentType: "x/y", UserMetadata: map[string]string{"K": "v"}, UserTags: map[string]string{"a": "b"}})
	p3 := c.part("d/big", id, 3, data[2*minPart:])
	p1 := c.part("d/big", id, 1, data[:minPart])
	p2 := c.part("d/big", id, 2, data[minPart:2*minPart])
	must(c.t, c.complete("d/big", id, p1, p2, p3))
	h := c.expect(http.StatusOK, "", http.MethodHead, c.bucket+"/d/big", nil).header
	c.same("tag", strings.HasSuffix(h.Get("Etag"), `-3"`), true)
	c.same("type", h.Get("Content-Type"), "x/y")
	c.same("metadata", h.Get("X-Amz-Meta-K"), "v")
	c.same("tags", h.Get("X-Amz-Tagging-Count"), "1")
	if !bytes.Equal(c.get("d/big"), data) {
		c.t.Error("other data")
	}
	for n, want := range map[int][]byte{1: data[:minPart], 2: data[minPart : 2*minPart], 3: data[2*minPart:]} {
		r := c.expect(http.StatusPartialContent, "", http.MethodGet, fmt.Sprintf("%s/d/big?partNumber=%d", c.bucket, n), nil)
		if !bytes.Equal(r.body, want) {
			c.t.Errorf("part %d: got %d bytes", n, len(r.body))
		}
		c.same("parts", r.header.Get("X-Amz-Mp-Parts-Count"), "3")
	}
	c.expect(http.StatusRequestedRangeNotSatisfiable, "InvalidPartNumber", http.MethodGet, c.bucket+"/d/big?partNumber=4", nil)
}

// multipartErrors: what is wrong with the list of parts is told, and the upload goes on.
func multipartErrors(c *client) {
	id := c.begin("k", minio.PutObjectOptions{})
	small, last := c.part("k", id, 1, []byte("small")), c.part("k", id, 2, []byte("last"))
	wants(c.t, c.complete("k", id, small, last), http.StatusBadRequest, "EntityTooSmall")
	wants(c.t, c.complete("k", id, last, small), http.StatusBadRequest, "InvalidPartOrder")
	wants(c.t, c.complete("k", id, minio.CompletePart{PartNumber: 3, ETag: small.ETag}), http.StatusBadRequest, "InvalidPart")
	wants(c.t, c.complete("k", id, minio.CompletePart{PartNumber: 1, ETag: last.ETag}), http.StatusBadRequest, "InvalidPart")
	wants(c.t, c.complete("other", id, small), http.StatusNotFound, "NoSuchUpload")
	for _, bad := range []string{"0a1b2c3d-0000-4000-8000-00000000abcd", "x", "a/b", strings.Repeat("a", 200)} {
		c.expect(http.StatusNotFound, "NoSuchUpload", http.MethodPut, c.bucket+"/k?partNumber=1&uploadId="+bad, []byte("x"))
		c.expect(http.StatusNotFound, "NoSuchUpload", http.MethodDelete, c.bucket+"/k?uploadId="+bad, nil)
		c.expect(http.StatusNotFound, "NoSuchUpload", http.MethodGet, c.bucket+"/k?uploadId="+bad, nil)
	}
	c.expect(http.StatusNotFound, "NoSuchUpload", http.MethodPut, c.bucket+"/other?partNumber=1&uploadId="+id, []byte("x"))
	c.expect(http.StatusBadRequest, "InvalidArgument", http.MethodPut, c.bucket+"/k?partNumber=0&uploadId="+id, []byte("x"))
	c.same("listing", c.keys("", ""), "")
	must(c.t, c.complete("k", id, last))
	c.same("data", string(c.get("k")), "last")
	wants(c.t, c.complete("k", id, last), http.StatusNotFound, "NoSuchUpload")
}

// multipartListings: pages of uploads and of parts.
func multipartListings(c *client) {
	ids := map[string]string{}
	for _, key := range []string{"a", "d/x", "d/y", "d/z/q", "e"} {
		ids[key] = c.begin(key, minio.PutObjectOptions{})
	}
	list := func(prefix, keyMarker, idMarker, delimiter string, limit int) string {
		c.t.Helper()
		r, err := c.ListMultipartUploads(c.t.Context(), c.bucket, prefix, keyMarker, idMarker, delimiter, limit)
		must(c.t, err)
		var line []string
		for _, u := range r.Uploads {
			c.same("id of "+u.Key, u.UploadID, ids[u.Key])
			line = append(line, u.Key)
		}
		for _, p := range r.CommonPrefixes {
			line = append(line, "["+p.Prefix+"]")
		}
		if r.IsTruncated {
			line = append(line, ">", r.NextKeyMarker)
		}
		return strings.Join(line, " ")
	}
	c.same("all", list("", "", "", "", 1000), "a d/x d/y d/z/q e")
	c.same("prefix and delimiter", list("d/", "", "", "/", 1000), "d/x d/y [d/z/]")
	c.same("delimiter", list("", "", "", "/", 1000), "a e [d/]")
	c.same("page", list("", "", "", "", 2), "a d/x > d/x")
	c.same("next page", list("", "d/x", ids["d/x"], "", 2), "d/y d/z/q > d/z/q")
	c.same("after a prefix", list("", "d/", "", "/", 1000), "e")
	for n := 1; n <= 12; n++ {
		c.part("a", ids["a"], n, []byte{byte(n)})
	}
	parts, err := c.ListObjectParts(c.t.Context(), c.bucket, "a", ids["a"], 9, 2)
	must(c.t, err)
	var numbers []int
	for _, p := range parts.ObjectParts {
		numbers = append(numbers, p.PartNumber)
	}
	c.same("parts", fmt.Sprint(numbers, " ", parts.IsTruncated, " ", parts.NextPartNumberMarker), "[10 11] true 11")
	for key, id := range ids {
		must(c.t, c.AbortMultipartUpload(c.t.Context(), c.bucket, key, id))
	}
	c.same("after abort", list("", "", "", "", 1000), "")
}

func partCopies(c *client) {
	data := noise(minPart + 1000)
	c.put("src", data, minio.PutObjectOptions{})
	id := c.begin("dst", minio.PutObjectOptions{})
	var parts []minio.CompletePart
	for n, r := range [][2]int{{0, len(data)}, {0, minPart}, {10, 20}} {
		p, err := c.CopyObjectPart(c.t.Context(), c.bucket, "src", c.bucket, "dst", id, n+1, int64(r[0]), int64(r[1]), nil)
		must(c.t, err)
		c.same("tag", strings.Trim(p.ETag, `"`), md5Hex(data[r[0]:r[0]+r[1]]))
		parts = append(parts, p)
	}
	must(c.t, c.complete("dst", id, parts...))
	if want := string(data) + string(data[:minPart]) + string(data[10:30]); string(c.get("dst")) != want {
		c.t.Error("other data")
	}
}

// uploadsDie: uploads go with their bucket, and do not come back with another of its name.
func uploadsDie(c *client) {
	id := c.begin("k", minio.PutObjectOptions{})
	p := c.part("k", id, 1, []byte("x"))
	must(c.t, c.RemoveBucket(c.t.Context(), c.bucket))
	wants(c.t, c.complete("k", id, p), http.StatusNotFound, "NoSuchBucket")
	must(c.t, c.MakeBucket(c.t.Context(), c.bucket, minio.MakeBucketOptions{}))
	wants(c.t, c.complete("k", id, p), http.StatusNotFound, "NoSuchUpload")
	r, err := c.ListMultipartUploads(c.t.Context(), c.bucket, "", "", "", "", 1000)
	must(c.t, err)
	c.same("uploads", len(r.Uploads), 0)
}
