package s3

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
)

func TestConditionalWrites(t *testing.T) {
	t.Parallel()
	c := use(t, serve(t, everything...))
	k := c.bucket + "/k"
	const failed, code = http.StatusPreconditionFailed, "PreconditionFailed"
	none := []string{"If-None-Match", "*"}
	tag := func(s string) string { return `"` + md5Hex([]byte(s)) + `"` }
	c.expect(http.StatusNotFound, "NoSuchKey", http.MethodPut, k, []byte("0"), "If-Match", tag("0"))
	c.same("there", c.there("k"), false)
	c.expect(http.StatusOK, "", http.MethodPut, k, []byte("1"), none...)
	r := c.expect(failed, code, http.MethodPut, k, []byte("2"), none...)
	if want := "At least one of the pre-conditions you specified did not hold"; !strings.Contains(string(r.body), "<Message>"+want+"</Message>") {
		t.Errorf("got %s", r.body)
	}
	c.expect(failed, code, http.MethodPut, k, []byte("2"), "If-Match", tag("0"))
	c.expect(http.StatusNotImplemented, "NotImplemented", http.MethodPut, k, []byte("2"), "If-None-Match", tag("0"))
	c.same("object", string(c.get("k")), "1")
	c.expect(http.StatusOK, "", http.MethodPut, k, []byte("2"), "If-Match", tag("1"))
	c.same("object", string(c.get("k")), "2")
	// Large ones are refused before their data is sent.
	big := noise(3 << 20)
	c.expect(failed, code, http.MethodPut, k, big, none...)
	// Directory objects.
	c.expect(http.StatusOK, "", http.MethodPut, c.bucket+"/d/", nil, none...)
	c.expect(failed, code, http.MethodPut, c.bucket+"/d/", nil, none...)
	c.expect(http.StatusOK, "", http.MethodPut, c.bucket+"/d/", nil, "If-Match", tag(""))

	// Copies: the condition is of the target.
	copySource := []string{"X-Amz-Copy-Source", k}
	c.expect(http.StatusOK, "", http.MethodPut, c.bucket+"/copy", nil, append(none, copySource...)...)
	c.expect(failed, code, http.MethodPut, c.bucket+"/copy", nil, append(none, copySource...)...)
	c.expect(http.StatusOK, "", http.MethodPut, c.bucket+"/copy", nil, append(copySource, "If-Match", tag("2"))...)
	c.expect(failed, code, http.MethodPut, c.bucket+"/copy", nil, append(copySource, "If-Match", tag("1"))...)
	c.expect(failed, code, http.MethodPut, k, nil, append(copySource, "If-Match", tag("1"), "X-Amz-Metadata-Directive", "REPLACE", "X-Amz-Meta-New", "1")...)
	c.expect(http.StatusNotFound, "NoSuchKey", http.MethodPut, c.bucket+"/never", nil, append(copySource, "If-Match", tag("1"))...)

	// Uploads in parts: the upload outlives the refusal.
	id, err := c.NewMultipartUpload(t.Context(), c.bucket, "k", minio.PutObjectOptions{})
	must(t, err)
	part, err := c.PutObjectPart(t.Context(), c.bucket, "k", id, 1, bytes.NewReader(big), int64(len(big)), "", "", nil)
	must(t, err)
	body := fmt.Appendf(nil, "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>%s</ETag></Part></CompleteMultipartUpload>", part.ETag)
	c.expect(failed, code, http.MethodPost, k+"?uploadId="+id, body, none...)
	c.expect(failed, code, http.MethodPost, k+"?uploadId="+id, body, "If-Match", tag("1"))
	c.same("object", string(c.get("k")), "2")
	c.expect(http.StatusOK, "", http.MethodPost, k+"?uploadId="+id, body, "If-Match", tag("2"))
	c.same("object", md5Hex(c.get("k")), md5Hex(big))

	// Removal.
	c.put("r", []byte("r"), minio.PutObjectOptions{})
	c.expect(failed, code, http.MethodDelete, c.bucket+"/r", nil, "If-Match", tag("x"))
	c.same("there", c.there("r"), true)
	c.expect(http.StatusNoContent, "", http.MethodDelete, c.bucket+"/r", nil, "If-Match", tag("r"))
	c.expect(http.StatusNotFound, "NoSuchKey", http.MethodDelete, c.bucket+"/r", nil, "If-Match", "*")
	c.expect(http.StatusNoContent, "", http.MethodDelete, c.bucket+"/r", nil)
}

func TestConditionalRemovalOfMany(t *testing.T) {
	t.Parallel()
	c := use(t, serve(t, everything...))
	for _, k := range []string{"a", "b", "c", "d"} {
		c.put(k, []byte(k), minio.PutObjectOptions{})
	}
	body := fmt.Appendf(nil, `<Delete><Object><Key>a</Key><ETag>"%s"</ETag></Object><Object><Key>b</Key><ETag>%s</ETag></Object>`+
		`<Object><Key>c</Key></Object><Object><Key>never</Key><ETag>*</ETag></Object><Object><Key>nor</Key></Object></Delete>`, md5Hex([]byte("a")), md5Hex([]byte("a")))
	r := c.expect(http.StatusOK, "", http.MethodPost, c.bucket+"?delete", body, "Content-Md5", md5Base64(body))
	var d deleted
	must(t, xml.Unmarshal(r.body, &d))
	got := map[string]string{}
	for _, o := range d.Deleted {
		got[o.Key] = "removed"
	}
	for _, e := range d.Error {
		got[e.Key] = e.Code
	}
	for key, want := range map[string]string{"a": "removed", "b": "PreconditionFailed", "c": "removed", "never": "NoSuchKey", "nor": "removed"} {
		c.same(key, got[key], want)
	}
	c.same("left", c.keys("", ""), "b d")
}

// TestConditionsWithoutTags: where entity tags are not kept, what only they decide is not supported.
func TestConditionsWithoutTags(t *testing.T) {
	t.Parallel()
	c := use(t, serve(t, "--multi-buckets"))
	k := c.bucket + "/k"
	c.expect(http.StatusOK, "", http.MethodPut, k, []byte("1"), "If-None-Match", "*")
	c.expect(http.StatusPreconditionFailed, "PreconditionFailed", http.MethodPut, k, []byte("2"), "If-None-Match", "*")
	c.expect(http.StatusNotImplemented, "NotImplemented", http.MethodPut, k, []byte("2"), "If-Match", `"`+md5Hex([]byte("1"))+`"`)
	c.expect(http.StatusNotImplemented, "NotImplemented", http.MethodDelete, k, nil, "If-Match", `"`+md5Hex([]byte("1"))+`"`)
	c.expect(http.StatusNotFound, "NoSuchKey", http.MethodPut, c.bucket+"/n", nil, "If-Match", `"x"`)
	c.same("object", string(c.get("k")), "1")
	c.expect(http.StatusNoContent, "", http.MethodDelete, k, nil, "If-Match", "*")
}

func TestConditionalReads(t *testing.T) {
	t.Parallel()
	c := use(t, serve(t, everything...))
	k := c.bucket + "/k"
	tag := `"` + c.put("k", []byte("abc"), minio.PutObjectOptions{}) + `"`
	old, later := time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat), time.Now().Add(time.Hour).UTC().Format(http.TimeFormat)
	for _, q := range []struct {
		headers []string
		status  int
	}{
		{[]string{"If-Match", tag, "If-Unmodified-Since", old}, 200},
		{[]string{"If-Match", `"x", ` + tag}, 200},
		{[]string{"If-Match", `"x"`, "If-Unmodified-Since", later}, 412},
		{[]string{"If-Match", `"x"`, "If-None-Match", tag}, 412},
		{[]string{"If-Unmodified-Since", old, "If-Modified-Since", later}, 412},
		{[]string{"If-None-Match", tag, "If-Modified-Since", old}, 304},
		{[]string{"If-None-Match", `"x"`, "If-Modified-Since", later}, 200},
		{[]string{"If-Modified-Since", later}, 304},
		{[]string{"If-Unmodified-Since", old}, 412},
		{[]string{"If-Match", tag, "Range", "bytes=1-1"}, 206},
		{[]string{"If-Match", `"x"`, "Range", "bytes=9-"}, 412},
		{[]string{"If-Match", tag, "Range", "bytes=9-"}, 416},
	} {
		want := map[int]string{412: "PreconditionFailed", 416: "InvalidRange"}[q.status]
		r := c.expect(q.status, want, http.MethodGet, k, nil, q.headers...)
		if q.status == 304 && (r.header.Get("ETag") != tag || r.header.Get("Last-Modified") == "" || len(r.body) > 0) {
			t.Errorf("304: %v %q", r.header, r.body)
		}
		c.expect(q.status, "", http.MethodHead, k, nil, q.headers...)
	}
	source := func(headers ...string) []string {
		for i := 0; i < len(headers); i += 2 {
			headers[i] = "X-Amz-Copy-Source-" + headers[i]
		}
		return append(headers, "X-Amz-Copy-Source", k)
	}
	c.expect(200, "", http.MethodPut, c.bucket+"/copy", nil, source("If-Match", tag, "If-Unmodified-Since", old)...)
	c.expect(412, "PreconditionFailed", http.MethodPut, c.bucket+"/no", nil, source("If-None-Match", tag, "If-Modified-Since", old)...)
	c.expect(412, "PreconditionFailed", http.MethodPut, c.bucket+"/no", nil, source("If-Match", `"x"`)...)
	c.expect(200, "", http.MethodPut, c.bucket+"/copy", nil, source("If-None-Match", `"x"`, "If-Modified-Since", later)...)
	c.same("there", c.there("no"), false)
	id, err := c.NewMultipartUpload(t.Context(), c.bucket, "big", minio.PutObjectOptions{})
	must(t, err)
	c.expect(412, "PreconditionFailed", http.MethodPut, c.bucket+"/big?partNumber=1&uploadId="+id, nil, source("If-Match", `"x"`)...)
	c.expect(200, "", http.MethodPut, c.bucket+"/big?partNumber=1&uploadId="+id, nil, source("If-Match", tag)...)
}

func TestRanges(t *testing.T) {
	t.Parallel()
	c := use(t, serve(t, everything...))
	c.put("k", []byte("0123456789"), minio.PutObjectOptions{})
	c.put("empty", nil, minio.PutObjectOptions{})
	for _, q := range []struct {
		key, span string
		status    int
		body      string
	}{
		{"k", "bytes=2-4", 206, "234"}, {"k", "bytes=-3", 206, "789"}, {"k", "bytes=7-", 206, "789"}, {"k", "bytes=-30", 206, "0123456789"},
		{"k", "bytes=0-1,3-4", 200, "0123456789"}, {"k", "bytes=5-2", 200, "0123456789"}, {"k", "bytes=x", 200, "0123456789"}, {"k", "chars=1-2", 200, "0123456789"}, {"k", "bytes=8-100", 206, "89"},
		{"k", "bytes=10-", 416, ""}, {"k", "bytes=-0", 416, ""},
		{"empty", "bytes=-1", 416, ""}, {"empty", "bytes=0-", 416, ""}, {"empty", "bytes=5-2", 200, ""},
	} {
		code := ""
		if q.status == 416 {
			code = "InvalidRange"
		}
		r := c.expect(q.status, code, http.MethodGet, c.bucket+"/"+q.key, nil, "Range", q.span)
		if q.status != 416 {
			c.same(q.key+" "+q.span, string(r.body), q.body)
		}
		r = c.expect(q.status, "", http.MethodHead, c.bucket+"/"+q.key, nil, "Range", q.span)
		if q.status == 206 {
			c.same("length of "+q.span, r.header.Get("Content-Length"), fmt.Sprint(len(q.body)))
		}
	}
}

// TestRangesOfOneVersion: the rest of an object is given to a reader who has the beginning of that very object.
func TestRangesOfOneVersion(t *testing.T) {
	t.Parallel()
	c := use(t, serve(t, everything...))
	data := "0123456789"
	tag := `"` + c.put("k", []byte(data), minio.PutObjectOptions{}) + `"`
	c.put("empty", nil, minio.PutObjectOptions{})
	c.put("d/", nil, minio.PutObjectOptions{})
	changed := c.expect(200, "", http.MethodHead, c.bucket+"/k", nil).header.Get("Last-Modified")
	at, err := http.ParseTime(changed)
	must(t, err)
	other := func(d time.Duration) string { return at.Add(d).Format(http.TimeFormat) }
	for _, q := range []struct {
		key, condition, span string
		status               int
		body                 string
	}{
		{"k", tag, "bytes=4-6", 206, "456"}, {"k", changed, "bytes=-2", 206, "89"}, {"k", tag, "bytes=10-", 416, ""},
		{"k", `"x"`, "bytes=4-6", 200, data}, {"k", "W/" + tag, "bytes=4-6", 200, data}, {"k", tag + `, "x"`, "bytes=4-6", 200, data},
		{"k", "*", "bytes=4-6", 200, data}, {"k", "x", "bytes=4-6", 200, data}, {"k", `"x"`, "bytes=10-", 200, data}, {"k", `"x"`, "bytes=-3", 200, data},
		{"k", other(time.Hour), "bytes=4-6", 200, data}, {"k", other(-time.Hour), "bytes=4-6", 200, data}, {"k", `"x"`, "", 200, data},
		{"empty", `"x"`, "bytes=0-", 200, ""}, {"d/", `"x"`, "bytes=0-", 200, ""}, {"d/", `"` + md5Hex(nil) + `"`, "bytes=0-", 416, ""},
	} {
		headers := []string{"If-Range", q.condition}
		if q.span != "" {
			headers = append(headers, "Range", q.span)
		}
		r := c.expect(q.status, "", http.MethodGet, c.bucket+"/"+q.key, nil, headers...)
		what := q.key + " " + q.condition + " " + q.span
		if q.status < 300 {
			c.same(what, string(r.body), q.body)
			c.same(what, r.header.Get("Content-Length"), fmt.Sprint(len(q.body)))
			c.same(what, r.header.Get("Content-Range") != "", q.status == 206)
		}
		if q.status == 206 || q.key == "k" && !strings.HasPrefix(q.span, "bytes=10") {
			h := c.expect(q.status, "", http.MethodHead, c.bucket+"/"+q.key, nil, headers...).header
			c.same("HEAD "+what, h.Get("Content-Length"), fmt.Sprint(len(q.body)))
			c.same("HEAD "+what, h.Get("Content-Range") != "", q.status == 206)
		}
	}
	// The other conditions come first.
	c.expect(412, "PreconditionFailed", http.MethodGet, c.bucket+"/k", nil, "If-Range", `"x"`, "Range", "bytes=1-1", "If-Match", `"x"`)
	c.expect(304, "", http.MethodGet, c.bucket+"/k", nil, "If-Range", `"x"`, "Range", "bytes=1-1", "If-None-Match", tag)
	// Where tags are not kept, none is the same.
	c = use(t, serve(t, "--multi-buckets"))
	c.put("k", []byte(data), minio.PutObjectOptions{})
	c.same("without tags", string(c.expect(200, "", http.MethodGet, c.bucket+"/k", nil, "If-Range", tag, "Range", "bytes=1-1").body), data)
}

func TestReadsOfParts(t *testing.T) {
	t.Parallel()
	c := use(t, serve(t, everything...))
	first, second := noise(5<<20), []byte("second")
	id, err := c.NewMultipartUpload(t.Context(), c.bucket, "k", minio.PutObjectOptions{})
	must(t, err)
	var parts []minio.CompletePart
	for n, data := range [][]byte{first, second} {
		var p minio.ObjectPart
		p, err = c.PutObjectPart(t.Context(), c.bucket, "k", id, n+1, bytes.NewReader(data), int64(len(data)), "", "", nil)
		must(t, err)
		parts = append(parts, minio.CompletePart{PartNumber: n + 1, ETag: p.ETag})
	}
	_, err = c.CompleteMultipartUpload(t.Context(), c.bucket, "k", id, parts)
	must(t, err)
	c.put("plain", []byte("plain"), minio.PutObjectOptions{})
	total := len(first) + len(second)
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		for n, data := range [][]byte{first, second} {
			r := c.expect(http.StatusPartialContent, "", method, fmt.Sprintf("%s/k?partNumber=%d", c.bucket, n+1), nil)
			c.same("parts", r.header.Get("X-Amz-Mp-Parts-Count"), "2")
			begin := n * len(first)
			c.same("range", r.header.Get("Content-Range"), fmt.Sprintf("bytes %d-%d/%d", begin, begin+len(data)-1, total))
			c.same("length", r.header.Get("Content-Length"), fmt.Sprint(len(data)))
			if method == http.MethodGet {
				c.same("data", md5Hex(r.body), md5Hex(data))
			}
		}
		r := c.expect(http.StatusPartialContent, "", method, c.bucket+"/plain?partNumber=1", nil)
		c.same("parts of a plain object", r.header.Get("X-Amz-Mp-Parts-Count"), "")
	}
	c.expect(http.StatusRequestedRangeNotSatisfiable, "InvalidPartNumber", http.MethodGet, c.bucket+"/k?partNumber=3", nil)
	c.expect(http.StatusRequestedRangeNotSatisfiable, "", http.MethodHead, c.bucket+"/k?partNumber=3", nil)
	c.expect(http.StatusRequestedRangeNotSatisfiable, "InvalidPartNumber", http.MethodGet, c.bucket+"/plain?partNumber=2", nil)
	c.expect(http.StatusBadRequest, "InvalidRequest", http.MethodGet, c.bucket+"/k?partNumber=1", nil, "Range", "bytes=0-1")
	c.expect(http.StatusPreconditionFailed, "PreconditionFailed", http.MethodGet, c.bucket+"/k?partNumber=1", nil, "If-Match", `"x"`)
}
