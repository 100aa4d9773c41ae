package s3

import (
	"crypto/md5"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/minio/minio-go/v7"
)

// deletes sends a body to DeleteObjects and returns what was said.
func (c *client) deletes(body string) string {
	c.t.Helper()
	sum := md5.Sum([]byte(body))
	return c.said(http.MethodPost, c.bucket+"?delete", body, "Content-Md5", base64.StdEncoding.EncodeToString(sum[:]))
}

func deletesSaid(c *client) {
	for _, k := range []string{"a", "b/c", "d", "e", "x"} {
		c.put(k, nil, minio.PutObjectOptions{})
	}
	long := strings.Repeat("k", 300)
	c.same("with errors", c.deletes("<Delete><Object><Key>a</Key></Object><Object><Key>"+long+"</Key></Object><Object><Key>none</Key></Object><Object><Key>b/c</Key><VersionId>null</VersionId></Object></Delete>"),
		"DeleteResult(Deleted(Key(a)) Error(Key("+long+") Code(KeyTooLongError) Message(Your key is too long)) Deleted(Key(none)) Deleted(Key(b/c) VersionId(null)))")
	c.same("quiet", c.deletes("<Delete><Quiet>true</Quiet><Object><Key>d</Key></Object></Delete>"), "DeleteResult()")
	c.same("quiet with errors", c.deletes("<Delete><Quiet>true</Quiet><Object><Key>"+long+"</Key></Object><Object><Key>e</Key></Object></Delete>"),
		"DeleteResult(Error(Key("+long+") Code(KeyTooLongError) Message(Your key is too long)))")
	c.same("twice", c.deletes("<Delete><Object><Key>q</Key></Object><Object><Key>q</Key></Object></Delete>"), "DeleteResult(Deleted(Key(q)) Deleted(Key(q)))")
	c.same("a slash in front", c.deletes("<Delete><Object><Key>/x</Key></Object><Object><Key>//</Key></Object></Delete>"), "DeleteResult(Deleted(Key(/x)) Deleted(Key(//)))")
	c.same("what is left", c.keys("", ""), "x")
	c.same("a version that cannot be", c.deletes("<Delete><Object><Key>x</Key><VersionId>no</VersionId></Object></Delete>"),
		"DeleteResult(Error(Key(x) VersionId(no) Code(NoSuchVersion) Message(The specified version does not exist.)))")
	many := "<Delete>" + strings.Repeat("<Object><Key>n</Key></Object>", 1000) + "</Delete>"
	c.same("1,000", strings.Count(c.deletes(many), "Deleted(Key(n))"), 1000)
	for name, body := range map[string]string{
		"1,001":         "<Delete>" + strings.Repeat("<Object><Key>n</Key></Object>", 1001) + "</Delete>",
		"none":          "<Delete></Delete>",
		"no key":        "<Delete><Object/></Delete>",
		"another root":  "<Remove><Object><Key>x</Key></Object></Remove>",
		"cut":           "<Delete><Object><Key>x</Key></Object>",
		"two":           "<Delete><Object><Key>x</Key></Object></Delete><Delete/>",
		"quiet or not":  "<Delete><Quiet>perhaps</Quiet><Object><Key>x</Key></Object></Delete>",
		"no XML at all": "x",
	} {
		c.same(name, c.deletes(body), malformed)
	}
	c.same("empty key", c.deletes("<Delete><Object><Key></Key></Object></Delete>"), malformed)
	c.same("a condition", c.deletes("<Delete><Object><Key>x</Key><ETag>a</ETag></Object><Object><Key>n</Key></Object></Delete>"),
		"DeleteResult(Error(Key(x) Code(PreconditionFailed) Message(At least one of the pre-conditions you specified did not hold)) Deleted(Key(n)))")
	c.same("a condition of directory buckets", c.deletes("<Delete><Object><Key>x</Key><Size>0</Size></Object></Delete>"),
		"501 NotImplemented A header you provided implies functionality that is not implemented")
	c.same("the key is there", c.keys("", ""), "x")
	c.same("missing bucket", (&client{Core: c.Core, t: c.t, g: c.g, bucket: "no-such-bucket"}).deletes("<Delete><Object><Key>x</Key></Object></Delete>"),
		"404 NoSuchBucket The specified bucket does not exist")
}

func bucketPages(c *client) {
	var names []string
	for k := range 3 {
		names = append(names, fmt.Sprintf("page-%s-%d", c.bucket, k))
		must(c.t, c.MakeBucket(c.t.Context(), names[k], minio.MakeBucketOptions{}))
	}
	prefix := "page-" + c.bucket
	page := func(query string) (string, string) {
		r := c.expect(http.StatusOK, "", http.MethodGet, "?prefix="+prefix+query, nil)
		n := c.parsed(r)
		c.same("namespace", n.XMLName.Space, namespace)
		token := ""
		for _, e := range n.Nodes {
			if e.XMLName.Local == "ContinuationToken" {
				token = e.Text
			}
		}
		return strings.ReplaceAll(n.leave("Owner", "CreationDate", "ContinuationToken").String(), prefix, "P"), token
	}
	first, token := page("&max-buckets=2")
	c.same("first page", first, "ListAllMyBucketsResult(Buckets(Bucket(Name(P-0) BucketRegion(us-east-1)) Bucket(Name(P-1) BucketRegion(us-east-1))) Prefix(P))")
	second, token := page("&max-buckets=2&continuation-token=" + url.QueryEscape(token))
	c.same("second page", second, "ListAllMyBucketsResult(Buckets(Bucket(Name(P-2) BucketRegion(us-east-1))) Prefix(P))")
	c.same("token", token, "")
	c.expect(http.StatusBadRequest, "InvalidArgument", http.MethodGet, "?max-buckets=0", nil)
	c.same("nobody", c.anonymous(http.MethodGet, "?max-buckets=1"), http.StatusForbidden)
}

// wording is what errors say.
func wording(c *client) {
	c.put("f", []byte("x"), minio.PutObjectOptions{})
	id, err := c.NewMultipartUpload(c.t.Context(), c.bucket, "m", minio.PutObjectOptions{})
	must(c.t, err)
	for _, step := range []struct{ request, body, want string }{
		{"GET B/none", "", "404 NoSuchKey The specified key does not exist."},
		{"GET no-such-bucket/none", "", "404 NoSuchBucket The specified bucket does not exist"},
		{"GET no-such-bucket", "", "404 NoSuchBucket The specified bucket does not exist"},
		{"PUT B", "", "409 BucketAlreadyOwnedByYou Your previous request to create the named bucket succeeded and you already own it."},
		{"PUT A_b", "", "400 InvalidBucketName The specified bucket is not valid."},
		{"DELETE B", "", "409 BucketNotEmpty The bucket you tried to delete is not empty"},
		{"GET B/none?tagging", "", "404 NoSuchKey The specified key does not exist."},
		{"DELETE B/none?tagging", "", "404 NoSuchKey The specified key does not exist."},
		{"PUT B/none?tagging", "<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>", "404 NoSuchKey The specified key does not exist."},
		{"PUT no-such-bucket?tagging", "<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>", "404 NoSuchBucket The specified bucket does not exist"},
		{"PUT B/f?tagging", "<Tagging>", malformed},
		{"PUT B/f?tagging", "x", malformed},
		{"PUT B?tagging", "<Tagging>", malformed},
		{"POST B/m?uploadId=ID", "", malformed},
		{"POST B/m?uploadId=ID", "<CompleteMultipartUpload>", malformed},
		{"POST B/m?uploadId=ID", "<Other/>", malformed},
		{"POST B/m?uploadId=ID", "<CompleteMultipartUpload><Part><PartNumber>x</PartNumber><ETag>a</ETag></Part></CompleteMultipartUpload>", malformed},
		{"POST B/m?uploadId=00000000-0000-0000-0000-000000000000", "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>a</ETag></Part></CompleteMultipartUpload>",
			"404 NoSuchUpload The specified multipart upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed."},
		{"PUT B/f/below", "x", "400 XMinioParentIsObject Object-prefix is already an object, please choose a different object-prefix name."},
		{"GET B/f?versionId=00000000-0000-0000-0000-000000000001", "", "404 NoSuchVersion The specified version does not exist."},
		{"PUT B/a//b", "x", "400 InvalidURI Object name contains unsupported characters."},
		{"PUT B/" + strings.Repeat("k", 1025), "x", "400 KeyTooLongError Your key is too long"},
		{"GET B/f?retention", "", "400 InvalidRequest Bucket is missing Object Lock Configuration"},
		{"GET B?nothing", "", "501 NotImplemented A header you provided implies functionality that is not implemented"},
	} {
		method, path, _ := strings.Cut(strings.NewReplacer("B/", c.bucket+"/", "B?", c.bucket+"?", "ID", id).Replace(step.request+" "), " ")
		path = strings.TrimSpace(path)
		if path == "B" {
			path = c.bucket
		}
		c.same(step.request+" "+step.body, c.said(method, path, step.body), step.want)
	}
	r := c.send(http.MethodHead, c.bucket+"/none", nil)
	c.same("HEAD", fmt.Sprint(r.status, len(r.body)), "404 0")
	req, err := http.NewRequestWithContext(c.t.Context(), http.MethodGet, c.g.URL()+"/"+c.bucket+"/f", nil)
	must(c.t, err)
	resp, err := http.DefaultClient.Do(req)
	must(c.t, err)
	defer func() { must(c.t, resp.Body.Close()) }()
	b := make([]byte, 4096)
	n, _ := resp.Body.Read(b)
	c.same("nobody", strings.Contains(string(b[:n]), "<Code>AccessDenied</Code><Message>Access Denied</Message>"), true)
}
