package s3

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/minio/minio-go/v7"

	"juicefs/pkg/checksum"
	"juicefs/pkg/tests/oracle"
)

// sumOf is a checksum as S3 writes it.
func sumOf(a checksum.Algorithm, data []byte) string {
	h := a.New()
	_, _ = h.Write(data)
	return checksum.Sum{Algorithm: a, Value: h.Sum(nil)}.String()
}

// uploadSummed uploads an object in parts with a checksum of a kind; no algorithm: without one. It returns the reply to the
// end of it.
func (c *client) uploadSummed(key string, a checksum.Algorithm, k checksum.Kind, parts ...[]byte) *reply {
	c.t.Helper()
	var headers []string
	if a != checksum.None {
		headers = []string{"X-Amz-Checksum-Algorithm", a.String(), "X-Amz-Checksum-Type", string(k)}
	}
	r := c.expect(http.StatusOK, "", http.MethodPost, c.bucket+"/"+key+"?uploads", nil, headers...)
	id := between(string(r.body), "<UploadId>", "</UploadId>")[0]
	complete := "<CompleteMultipartUpload>"
	for n, data := range parts {
		headers = nil
		element := ""
		if a != checksum.None {
			sum := sumOf(a, data)
			headers, element = []string{a.Header(), sum}, fmt.Sprintf("<Checksum%v>%s</Checksum%v>", a, sum, a)
		}
		r = c.expect(http.StatusOK, "", http.MethodPut, fmt.Sprintf("%s/%s?partNumber=%d&uploadId=%s", c.bucket, key, n+1, id), data, headers...)
		complete += fmt.Sprintf("<Part><PartNumber>%d</PartNumber><ETag>%s</ETag>%s</Part>", n+1, strings.Trim(r.header.Get("Etag"), `"`), element)
	}
	return c.expect(http.StatusOK, "", http.MethodPost, c.bucket+"/"+key+"?uploadId="+id, []byte(complete+"</CompleteMultipartUpload>"))
}

// TestSumsOfParts: the checksums of the parts of an object are kept when its upload is complete, and go with its copies.
func TestSumsOfParts(t *testing.T) {
	t.Parallel()
	for name, flags := range map[string][]string{"tags kept": everything, "tags not kept": {"--multi-buckets"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := use(t, serve(t, flags...))
			for _, a := range checksum.Algorithms {
				for _, k := range []checksum.Kind{checksum.FullObject, checksum.Composite} {
					if a.Allows(k) {
						c.sumsOfParts(a, k)
					}
				}
			}
			c.sumsOfOthers()
		})
	}
}

func (c *client) sumsOfParts(a checksum.Algorithm, k checksum.Kind) {
	parts := [][]byte{noise(5<<20 + 1), noise(5 << 20), noise(77)}
	c.uploadSummed("k", a, k, parts...)
	c.expect(http.StatusOK, "", http.MethodPut, c.bucket+"/copy", nil, "X-Amz-Copy-Source", c.bucket+"/k")
	for _, key := range []string{"k", "copy"} {
		what := fmt.Sprint(key, " ", a, " ", k)
		var want strings.Builder
		for n, data := range parts {
			sum := sumOf(a, data)
			fmt.Fprintf(&want, " Part(Checksum%v(%s) PartNumber(%d) Size(%d))", a, sum, n+1, len(data))
			for _, method := range []string{http.MethodGet, http.MethodHead} {
				path := fmt.Sprintf("%s/%s?partNumber=%d", c.bucket, key, n+1)
				r := c.expect(http.StatusPartialContent, "", method, path, nil, "X-Amz-Checksum-Mode", "ENABLED")
				c.same(what, fmt.Sprint(r.header.Get(a.Header()), r.header.Get("X-Amz-Checksum-Type"), r.header.Get("Content-Length")), fmt.Sprint(sum, k, len(data)))
				c.same(what, c.send(method, path, nil).header.Get(a.Header()), "")
			}
		}
		got := c.said(http.MethodGet, c.bucket+"/"+key+"?attributes", "", "X-Amz-Object-Attributes", "ObjectParts")
		c.same(what, got, "GetObjectAttributesResponse(ObjectParts(PartsCount(3) PartNumberMarker(0) NextPartNumberMarker(3) MaxParts(1000) IsTruncated(false)"+want.String()+"))")
		got = c.said(http.MethodGet, c.bucket+"/"+key+"?attributes", "", "X-Amz-Object-Attributes", "ObjectParts", "X-Amz-Max-Parts", "1", "X-Amz-Part-Number-Marker", "2")
		c.same(what, strings.Contains(got, fmt.Sprintf("Part(Checksum%v(%s) PartNumber(3) Size(77))", a, sumOf(a, parts[2]))), true)
		// A range that is no part has no checksum.
		c.same(what, c.expect(http.StatusPartialContent, "", http.MethodGet, c.bucket+"/"+key, nil, "X-Amz-Checksum-Mode", "ENABLED", "Range", "bytes=0-9").header.Get(a.Header()), "")
	}
}

// sumsOfOthers: what has no checksums of parts shows none.
func (c *client) sumsOfOthers() {
	parts := [][]byte{noise(5 << 20), noise(9)}
	field := func(key string, a checksum.Algorithm) string {
		return c.send(http.MethodHead, c.bucket+"/"+key, nil, "X-Amz-Checksum-Mode", "ENABLED").header.Get(a.Header())
	}
	attributes := func(key string) string {
		return c.said(http.MethodGet, c.bucket+"/"+key+"?attributes", "", "X-Amz-Object-Attributes", "ObjectParts")
	}
	// An object that came in one piece is its own first part.
	c.expect(http.StatusOK, "", http.MethodPut, c.bucket+"/one", parts[1], "X-Amz-Checksum-Crc32", sumOf(checksum.CRC32, parts[1]))
	c.same("one piece", field("one?partNumber=1", checksum.CRC32), sumOf(checksum.CRC32, parts[1]))
	c.same("one piece", attributes("one"), "GetObjectAttributesResponse()")
	// A copy with another checksum is read for it, as a whole.
	c.uploadSummed("two", checksum.CRC32, checksum.Composite, parts...)
	whole := append(append([]byte(nil), parts[0]...), parts[1]...)
	c.expect(http.StatusOK, "", http.MethodPut, c.bucket+"/other", nil, "X-Amz-Copy-Source", c.bucket+"/two", "X-Amz-Checksum-Algorithm", "SHA256")
	c.same("another", field("other", checksum.SHA256), sumOf(checksum.SHA256, whole))
	c.same("another", field("other?partNumber=1", checksum.SHA256)+field("other?partNumber=1", checksum.CRC32), "")
	c.same("another", strings.Contains(attributes("other"), "Checksum"), false)
	// Onto itself likewise, also with a checksum of the same algorithm.
	c.expect(http.StatusOK, "", http.MethodPut, c.bucket+"/two", nil, "X-Amz-Copy-Source", c.bucket+"/two", "X-Amz-Checksum-Algorithm", "CRC32", "X-Amz-Metadata-Directive", "REPLACE")
	c.same("onto itself", field("two", checksum.CRC32), sumOf(checksum.CRC32, whole))
	c.same("onto itself", field("two?partNumber=2", checksum.CRC32), "")
	// Without one.
	c.uploadSummed("none", checksum.None, "", parts...)
	c.same("without", strings.Contains(attributes("none"), "Checksum"), false)
	// What replaces it has nothing of it.
	c.uploadSummed("two", checksum.CRC32, checksum.Composite, parts...)
	c.put("two", parts[1], minio.PutObjectOptions{})
	c.same("replaced", attributes("two"), "GetObjectAttributesResponse()")
}

// TestSumsBesideTheOriginal: the original reads objects with checksums of parts, and what it writes has none that are not
// those of the data.
func TestSumsBesideTheOriginal(t *testing.T) {
	t.Parallel()
	p := oracle.Ours(t)
	v := oracle.Format(t, p, oracle.FormatOptions{})
	ours, real := oracle.Start(t, p, v, oracle.GatewayOptions{Flags: everything}), oracle.Start(t, oracle.Real(t), v, oracle.GatewayOptions{Flags: everything})
	c := use(t, ours)
	other := &client{Core: real.Core(t), t: t, g: real, bucket: c.bucket}
	const alg = checksum.CRC32
	parts := [][]byte{noise(5 << 20), noise(5<<20 + 1), noise(3)}
	c.uploadSummed("k", alg, checksum.FullObject, parts...)
	whole := bytes.Join(parts, nil)
	attributes := func(key string) string {
		return c.said(http.MethodGet, c.bucket+"/"+key+"?attributes", "", "X-Amz-Object-Attributes", "Checksum,ObjectParts")
	}
	c.same("read by the original", md5Hex(other.get("k")), md5Hex(whole))

	// Its dump has the attributes as they are.
	values := []byte(nil)
	for _, data := range parts {
		h := alg.New()
		_, _ = h.Write(data)
		values = h.Sum(values)
	}
	dumped := map[string]string{}
	for _, x := range v.Dump(t).FSTree.Entries[c.bucket].Entries["k"].Xattrs {
		value, err := url.PathUnescape(x.Value)
		must(t, err)
		dumped[x.Name] = value
	}
	c.same("checksums in the dump", dumped["s3-part-sums"], "CRC32 "+base64.RawStdEncoding.EncodeToString(values))
	c.same("sizes in the dump", dumped["s3-parts"], "[[5242880,1],[5242881,1],[3,1]]")

	// What it copies or replaces has no checksums.
	other.expect(http.StatusOK, "", http.MethodPut, c.bucket+"/copy", nil, "X-Amz-Copy-Source", c.bucket+"/k")
	c.same("copied by the original", md5Hex(c.get("copy")), md5Hex(whole))
	c.same("copied by the original", attributes("copy"), "GetObjectAttributesResponse()")
	other.put("k", parts[2], minio.PutObjectOptions{})
	c.same("replaced by the original", attributes("k"), "GetObjectAttributesResponse()")

	// A part that it stores for an upload of ours is summed up in the end.
	r := c.expect(http.StatusOK, "", http.MethodPost, c.bucket+"/mixed?uploads", nil, "X-Amz-Checksum-Algorithm", alg.String(), "X-Amz-Checksum-Type", "FULL_OBJECT")
	id := between(string(r.body), "<UploadId>", "</UploadId>")[0]
	complete := "<CompleteMultipartUpload>"
	for n, data := range parts {
		by := c
		if n%2 == 0 {
			by = other
		}
		r = by.expect(http.StatusOK, "", http.MethodPut, fmt.Sprintf("%s/mixed?partNumber=%d&uploadId=%s", c.bucket, n+1, id), data)
		complete += fmt.Sprintf("<Part><PartNumber>%d</PartNumber><ETag>%s</ETag></Part>", n+1, strings.Trim(r.header.Get("Etag"), `"`))
	}
	c.expect(http.StatusOK, "", http.MethodPost, c.bucket+"/mixed?uploadId="+id, []byte(complete+"</CompleteMultipartUpload>"), alg.Header(), sumOf(alg, whole))
	want := fmt.Sprintf("GetObjectAttributesResponse(Checksum(ChecksumCRC32(%s) ChecksumType(FULL_OBJECT)) ObjectParts(PartsCount(3) PartNumberMarker(0) NextPartNumberMarker(3) MaxParts(1000) IsTruncated(false)", sumOf(alg, whole))
	for n, data := range parts {
		want += fmt.Sprintf(" Part(ChecksumCRC32(%s) PartNumber(%d) Size(%d))", sumOf(alg, data), n+1, len(data))
	}
	c.same("mixed", attributes("mixed"), want+"))")
	c.same("mixed", md5Hex(other.get("mixed")), md5Hex(whole))
	v.Settle(t, settleTime)
	ours.Stop(t)
	real.Stop(t)
	oracle.Judge(t, v)
}
