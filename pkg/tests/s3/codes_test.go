package s3

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/minio/minio-go/v7"
)

// TestCodes: what goes wrong is told with the status and code of S3.
func TestCodes(t *testing.T) {
	t.Parallel()
	c := use(t, serve(t, everything...))
	b := c.bucket
	put, get, post, del := http.MethodPut, http.MethodGet, http.MethodPost, http.MethodDelete
	tags := []byte("<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>")

	// A tree of files cannot have an object below another one.
	c.put("a", []byte("x"), minio.PutObjectOptions{})
	c.expect(400, "XMinioParentIsObject", put, b+"/a/b", []byte("y"))
	c.put("d/e", []byte("x"), minio.PutObjectOptions{})
	c.expect(409, "XMinioObjectExistsAsDirectory", put, b+"/d", []byte("y"))
	c.expect(404, "NoSuchKey", get, b+"/a/b", nil)
	// "a" and "a/" are two keys.
	c.expect(204, "", del, b+"/a/", nil)
	c.same("a", c.there("a"), true)

	c.expect(404, "NoSuchKey", put, b+"/never?tagging", tags)
	c.expect(404, "NoSuchKey", get, b+"/never?tagging", nil)
	c.expect(400, "KeyTooLongError", put, b+"/"+strings.Repeat("x", 1025), []byte("y"))
	c.expect(400, "KeyTooLongError", put, b+"/"+strings.Repeat("x", 256), []byte("y"))
	c.expect(404, "NoSuchBucket", get, "no-such-bucket/k", nil)

	for _, bad := range []string{"", "<", "no XML", "<Tagging>", "<Other/>", "<Tagging><TagSet><Tag></Tag></TagSet></Tagging>"} {
		c.expect(400, "MalformedXML", put, b+"/a?tagging", []byte(bad))
		c.expect(400, "MalformedXML", put, b+"?tagging", []byte(bad))
		c.expect(400, "MalformedXML", post, b+"?delete", []byte(bad), "Content-Md5", md5Base64([]byte(bad)))
		if bad != "" {
			c.expect(400, "", put, b+"?policy", []byte(bad))
			c.expect(400, "", put, b+"?notification", []byte(bad))
		}
	}
	c.expect(200, "", put, b+"/a?tagging", tags)
	many := []byte("<Delete>" + strings.Repeat("<Object><Key>k</Key></Object>", 1001) + "</Delete>")
	c.expect(400, "MalformedXML", post, b+"?delete", many, "Content-Md5", md5Base64(many))

	c.uploadCodes()
}

func (c *client) uploadCodes() {
	t, b := c.t, c.bucket
	put, get, post, del := http.MethodPut, http.MethodGet, http.MethodPost, http.MethodDelete
	id, err := c.NewMultipartUpload(t.Context(), b, "up", minio.PutObjectOptions{})
	must(t, err)
	up := b + "/up?uploadId=" + id
	other := b + "/other?uploadId=" + id
	for _, n := range []string{"0", "10001", "-1", "x"} {
		c.expect(400, "InvalidArgument", put, up+"&partNumber="+n, []byte("x"))
	}
	var tag [3]string
	for n := 1; n < 3; n++ {
		var p minio.ObjectPart
		p, err = c.PutObjectPart(t.Context(), b, "up", id, n, bytes.NewReader([]byte{byte(n)}), 1, "", "", nil)
		must(t, err)
		tag[n] = p.ETag
	}
	complete := func(parts ...any) []byte {
		var s strings.Builder
		for i := 0; i < len(parts); i += 2 {
			fmt.Fprintf(&s, "<Part><PartNumber>%v</PartNumber><ETag>%v</ETag></Part>", parts[i], parts[i+1])
		}
		return []byte("<CompleteMultipartUpload>" + s.String() + "</CompleteMultipartUpload>")
	}
	for _, bad := range []string{"", "<", "no XML", "<Other/>", "<CompleteMultipartUpload/>", "<CompleteMultipartUpload><Part/></CompleteMultipartUpload>"} {
		c.expect(400, "MalformedXML", post, up, []byte(bad))
	}
	c.expect(404, "NoSuchUpload", put, other+"&partNumber=1", []byte("x"))
	c.expect(404, "NoSuchUpload", post, other, complete(1, tag[1]))
	c.expect(404, "NoSuchUpload", get, other, nil)
	c.expect(404, "NoSuchUpload", del, other, nil)
	for _, bad := range []string{"x", "%2F", "00000000-0000-0000-0000-000000000000", strings.ToUpper(id)} {
		c.expect(404, "NoSuchUpload", put, b+"/up?uploadId="+bad+"&partNumber=1", []byte("x"))
		c.expect(404, "NoSuchUpload", post, b+"/up?uploadId="+bad, complete(1, tag[1]))
		c.expect(404, "NoSuchUpload", get, b+"/up?uploadId="+bad, nil)
		c.expect(404, "NoSuchUpload", del, b+"/up?uploadId="+bad, nil)
	}
	c.expect(400, "InvalidPart", post, up, complete(1, tag[2]))
	c.expect(400, "InvalidPart", post, up, complete(3, tag[1]))
	c.expect(400, "InvalidPartOrder", post, up, complete(2, tag[2], 1, tag[1]))
	c.expect(400, "InvalidArgument", post, up, complete(10001, tag[1]))
	c.expect(400, "EntityTooSmall", post, up, complete(1, tag[1], 2, tag[2]))
	c.expect(200, "", post, up, complete(1, tag[1]))
	c.expect(404, "NoSuchUpload", post, up, complete(1, tag[1]))

	// Uploads go with their bucket.
	gone := "gone-" + b
	must(t, c.MakeBucket(t.Context(), gone, minio.MakeBucketOptions{}))
	id, err = c.NewMultipartUpload(t.Context(), gone, "up", minio.PutObjectOptions{})
	must(t, err)
	must(t, c.RemoveBucket(t.Context(), gone))
	c.expect(404, "NoSuchBucket", put, gone+"/up?partNumber=1&uploadId="+id, []byte("x"))
	must(t, c.MakeBucket(t.Context(), gone, minio.MakeBucketOptions{}))
	c.expect(404, "NoSuchUpload", put, gone+"/up?partNumber=1&uploadId="+id, []byte("x"))
}
