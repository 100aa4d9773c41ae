package s3

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/minio/minio-go/v7"
)

func attributes(c *client) {
	ask := func(key, names string, headers ...string) string {
		return c.said(http.MethodGet, c.bucket+"/"+key, "", append([]string{"X-Amz-Object-Attributes", names}, headers...)...)
	}
	const all = "ETag,Checksum,ObjectParts,StorageClass,ObjectSize"
	c.put("plain", []byte("x"), minio.PutObjectOptions{})
	c.same("plain", ask("plain?attributes", all), "GetObjectAttributesResponse(ETag(9dd4e461268c8034f5c8564e155c67a6) StorageClass(STANDARD) ObjectSize(1))")
	c.same("size only", ask("plain?attributes&versionId=null", "ObjectSize"), "GetObjectAttributesResponse(ObjectSize(1))")
	c.same("in two headers' words", ask("plain?attributes", "ObjectSize , StorageClass"), "GetObjectAttributesResponse(StorageClass(STANDARD) ObjectSize(1))")
	c.expect(http.StatusOK, "", http.MethodPut, c.bucket+"/summed", []byte("x"), "X-Amz-Checksum-Crc32", "jNwWgw==")
	c.same("with a checksum", ask("summed?attributes", "Checksum"), "GetObjectAttributesResponse(Checksum(ChecksumCRC32(jNwWgw==) ChecksumType(FULL_OBJECT)))")
	c.put("dir/", nil, minio.PutObjectOptions{})
	c.same("directory", ask("dir/?attributes", "ObjectSize"), "GetObjectAttributesResponse(ObjectSize(0))")

	id, err := c.NewMultipartUpload(c.t.Context(), c.bucket, "big", minio.PutObjectOptions{})
	must(c.t, err)
	complete := "<CompleteMultipartUpload>"
	for n := 1; n <= 3; n++ {
		r := c.expect(http.StatusOK, "", http.MethodPut, fmt.Sprintf("%s/big?partNumber=%d&uploadId=%s", c.bucket, n, id), noise(5<<20+n))
		complete += fmt.Sprintf("<Part><PartNumber>%d</PartNumber><ETag>%s</ETag></Part>", n, strings.Trim(r.header.Get("Etag"), `"`))
	}
	c.expect(http.StatusOK, "", http.MethodPost, c.bucket+"/big?uploadId="+id, []byte(complete+"</CompleteMultipartUpload>"))
	c.same("parts", ask("big?attributes", "ObjectParts"), "GetObjectAttributesResponse(ObjectParts(PartsCount(3) PartNumberMarker(0) NextPartNumberMarker(3) MaxParts(1000) IsTruncated(false) "+
		"Part(PartNumber(1) Size(5242881)) Part(PartNumber(2) Size(5242882)) Part(PartNumber(3) Size(5242883))))")
	c.same("page of parts", ask("big?attributes", "ObjectParts", "X-Amz-Max-Parts", "1", "X-Amz-Part-Number-Marker", "1"),
		"GetObjectAttributesResponse(ObjectParts(PartsCount(3) PartNumberMarker(1) NextPartNumberMarker(2) MaxParts(1) IsTruncated(true) Part(PartNumber(2) Size(5242882))))")
	c.same("after the last", ask("big?attributes", "ObjectParts", "X-Amz-Part-Number-Marker", "7"),
		"GetObjectAttributesResponse(ObjectParts(PartsCount(3) PartNumberMarker(7) NextPartNumberMarker(7) MaxParts(1000) IsTruncated(false)))")
	if r := c.send(http.MethodGet, c.bucket+"/big?attributes", nil, "X-Amz-Object-Attributes", "ETag"); r.header.Get("Last-Modified") == "" {
		c.t.Errorf("no Last-Modified in %v", r.header)
	}

	c.same("nothing asked", c.said(http.MethodGet, c.bucket+"/plain?attributes", ""),
		"400 InvalidRequest The x-amz-object-attributes header specifying the attributes to be retrieved is either missing or empty")
	c.same("unknown", ask("plain?attributes", "ETag,Colour"), "400 InvalidArgument Invalid attribute name specified.")
	c.expect(http.StatusBadRequest, "InvalidArgument", http.MethodGet, c.bucket+"/plain?attributes", nil, "X-Amz-Object-Attributes", "ETag", "X-Amz-Max-Parts", "x")
	c.same("missing", ask("none?attributes", "ETag"), "404 NoSuchKey The specified key does not exist.")
	c.same("another version", ask("plain?attributes&versionId=00000000-0000-0000-0000-000000000001", "ETag"), "404 NoSuchVersion The specified version does not exist.")
	req, err := http.NewRequestWithContext(c.t.Context(), http.MethodGet, c.g.URL()+"/"+c.bucket+"/plain?attributes", nil)
	must(c.t, err)
	req.Header.Set("X-Amz-Object-Attributes", "ETag")
	resp, err := http.DefaultClient.Do(req)
	must(c.t, err)
	must(c.t, resp.Body.Close())
	c.same("nobody", resp.StatusCode, http.StatusForbidden)
}
