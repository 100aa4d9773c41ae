package s3

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/signer"

	"juicefs/pkg/tests/oracle"
)

// TestWhatIsNotThereIsRefused: a request for something that the gateway does not do must not become another request.
func TestWhatIsNotThereIsRefused(t *testing.T) {
	t.Parallel()
	c := use(t, serve(t, everything...))
	c.put("k", []byte("old"), minio.PutObjectOptions{})
	k := c.bucket + "/k"
	for _, q := range []string{"restore", "torrent", "renameObject", "encryption", "retention", "legal-hold", "whatever", "whatever=1", "attributes"} {
		c.expect(http.StatusNotImplemented, "NotImplemented", http.MethodPut, k+"?"+q, []byte("new"))
	}
	for _, q := range []string{"torrent", "restore", "whatever"} {
		c.expect(http.StatusNotImplemented, "NotImplemented", http.MethodGet, k+"?"+q, nil)
	}
	for _, q := range []string{"session", "metadataTable", "whatever", "whatever="} {
		c.expect(http.StatusNotImplemented, "NotImplemented", http.MethodGet, c.bucket+"?"+q, nil)
	}
	for _, q := range []string{"website", "logging", "accelerate", "requestPayment", "replication", "object-lock", "inventory&id=1", "intelligent-tiering&id=1", "whatever"} {
		c.expect(http.StatusNotImplemented, "NotImplemented", http.MethodPut, c.bucket+"?"+q, []byte("<x/>"))
	}
	c.expect(http.StatusNotImplemented, "NotImplemented", http.MethodDelete, k+"?acl", nil)
	c.expect(http.StatusNotImplemented, "NotImplemented", http.MethodDelete, c.bucket+"?whatever", nil)
	c.expect(http.StatusNotImplemented, "NotImplemented", http.MethodPost, k+"?restore", nil)
	c.expect(http.StatusNotImplemented, "NotImplemented", http.MethodPost, k+"?delete", []byte("<Delete><Object><Key>k</Key></Object></Delete>"))
	for _, q := range []string{"partNumber=1", "uploadId=x", "uploadId=x&partNumber=abc", "uploadId=x&partNumber=0", "uploadId=x&partNumber=10001", "versionId=x", "tagging=&acl="} {
		c.expect(http.StatusBadRequest, "InvalidArgument", http.MethodPut, k+"?"+q, []byte("new"))
	}
	c.expect(http.StatusBadRequest, "InvalidArgument", http.MethodGet, k+"?partNumber=abc", nil)
	c.expect(http.StatusBadRequest, "InvalidArgument", http.MethodGet, k+"?uploadId=x&max-parts=abc", nil)
	c.expect(http.StatusBadRequest, "InvalidArgument", http.MethodGet, c.bucket+"?max-keys=abc", nil)
	for _, h := range []struct {
		name, value string
		status      int
		code        string
	}{
		{"X-Amz-Object-Lock-Mode", "GOVERNANCE", http.StatusBadRequest, "InvalidRequest"},
		{"X-Amz-Server-Side-Encryption", "AES256", http.StatusNotImplemented, "NotImplemented"},
		{"X-Amz-Server-Side-Encryption-Customer-Algorithm", "AES256", http.StatusNotImplemented, "NotImplemented"},
		{"X-Amz-Website-Redirect-Location", "/x", http.StatusNotImplemented, "NotImplemented"},
		{"X-Amz-Acl", "public-read", http.StatusBadRequest, "AccessControlListNotSupported"},
		{"X-Amz-Grant-Read", "id=1", http.StatusBadRequest, "AccessControlListNotSupported"},
		{"X-Amz-Write-Offset-Bytes", "3", http.StatusNotImplemented, "NotImplemented"},
		{"X-Amz-Copy-Source", "nokey", http.StatusBadRequest, "InvalidArgument"},
		{"X-Amz-Storage-Class", "FAST", http.StatusBadRequest, "InvalidStorageClass"},
		{"X-Amz-Expected-Bucket-Owner", "123456789012", http.StatusForbidden, "AccessDenied"},
	} {
		c.expect(h.status, h.code, http.MethodPut, k, []byte("new"), h.name, h.value)
	}
	c.same("object", string(c.get("k")), "old")
	// What asks for nothing else passes.
	c.expect(http.StatusOK, "", http.MethodPut, k+"?x-id=PutObject", []byte("new"), "X-Amz-Acl", "private")
	c.same("object", string(c.expect(http.StatusOK, "", http.MethodGet, k+"?v=3", nil).body), "new")
	for _, q := range []string{"?list-type=2&x-id=ListObjectsV2", "?_=1764097000", "?list-type=2&fetch-owner=true&_=1"} {
		r := c.expect(http.StatusOK, "", http.MethodGet, c.bucket+q, nil)
		c.same(q, strings.Join(between(string(r.body), "<Key>", "</Key>"), " "), "k")
	}
	c.namedOperations()
	for _, class := range []string{"STANDARD", "STANDARD_IA", "GLACIER_IR", "INTELLIGENT_TIERING"} {
		c.expect(http.StatusOK, "", http.MethodPut, k, []byte(class), "X-Amz-Storage-Class", class)
		c.same("object", string(c.get("k")), class)
	}
	r := c.expect(http.StatusOK, "", http.MethodGet, k, nil, "Range", "bytes=5-2")
	c.same("range that ends before it begins", string(r.body), "INTELLIGENT_TIERING")
	// A request that was changed is still checked.
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, c.g.URL()+"/"+k, bytes.NewReader([]byte("bad")))
	must(t, err)
	req.Header.Set("X-Amz-Storage-Class", "GLACIER")
	sign(req)
	req.Header.Set("X-Amz-Storage-Class", "STANDARD_IA")
	wantsReply(t, req, http.StatusForbidden, "SignatureDoesNotMatch")
}

// namedOperations: clients write the name of the operation into every query, also of presigned URLs.
func (c *client) namedOperations() {
	for _, q := range []struct {
		method, path, body string
		status             int
	}{
		{http.MethodPut, "named?x-id=PutObject", "named", 200}, {http.MethodGet, "named?x-id=GetObject", "", 200}, {http.MethodHead, "named?x-id=HeadObject", "", 200},
		{http.MethodGet, "named?tagging&x-id=GetObjectTagging", "", 200}, {http.MethodGet, "?list-type=2&x-id=ListObjectsV2", "", 200},
		{http.MethodGet, "?location&x-id=GetBucketLocation", "", 200}, {http.MethodHead, "?x-id=HeadBucket", "", 200},
		{http.MethodPost, "named?uploads&x-id=CreateMultipartUpload", "", 200}, {http.MethodDelete, "named?x-id=DeleteObject", "", 204},
	} {
		path := c.bucket + "/" + q.path
		c.expect(q.status, "", q.method, path, []byte(q.body))
		req, err := http.NewRequestWithContext(c.t.Context(), q.method, c.g.URL()+"/"+path, strings.NewReader(q.body))
		must(c.t, err)
		wantsReply(c.t, signer.PreSignV4(*req, oracle.User, oracle.Password, "", oracle.Region, 60), q.status, "")
	}
}

// wantsReply sends a request as it is; status 0 wants any.
func wantsReply(t *testing.T, req *http.Request, status int, code string) *reply {
	t.Helper()
	resp, err := http.DefaultClient.Do(req)
	must(t, err)
	b, err := io.ReadAll(resp.Body)
	must(t, errors.Join(err, resp.Body.Close()))
	r := &reply{status: resp.StatusCode, header: resp.Header, body: b}
	if status != 0 && r.status != status || code != "" && r.code() != code {
		t.Errorf("%s %s: got %d %s, want %d %s\n%s", req.Method, req.URL, r.status, r.code(), status, code, b)
	}
	return r
}

// TestPresignedURLsGiveNothingElse: the holder of a presigned URL must not act in the signer's name beyond it.
func TestPresignedURLsGiveNothingElse(t *testing.T) {
	t.Parallel()
	c := use(t, serve(t, everything...))
	c.put("secret", []byte("secret"), minio.PutObjectOptions{})
	request := func(method, path string, headers ...string) *http.Request {
		req, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), method, c.g.URL()+"/"+c.bucket+"/"+path, http.NoBody)
		must(t, err)
		for k := 0; k < len(headers); k += 2 {
			req.Header.Set(headers[k], headers[k+1])
		}
		return req
	}
	v4 := func(req *http.Request) *http.Request {
		return signer.PreSignV4(*req, oracle.User, oracle.Password, "", oracle.Region, 60)
	}
	v2 := func(req *http.Request) *http.Request {
		req = signer.PreSignV2(*req, oracle.User, oracle.Password, int64(time.Minute/time.Second), false)
		req.Header.Del("Expires") // the library's way to tell itself
		return req
	}
	// Signed: the URL is good for the copy only with the header.
	req := v4(request(http.MethodPut, "copied", "X-Amz-Copy-Source", c.bucket+"/secret"))
	wantsReply(t, req, http.StatusOK, "")
	c.same("copy", string(c.get("copied")), "secret")
	for _, header := range [][2]string{{"X-Amz-Copy-Source", c.bucket + "/secret"}, {"X-Amz-Tagging", "a=1"}, {"X-Amz-Meta-K", "v"}, {"X-Amz-Storage-Class", "STANDARD"}} {
		req = v4(request(http.MethodPut, "stolen"))
		req.Header.Set(header[0], header[1])
		wantsReply(t, req, http.StatusForbidden, "AccessDenied")
		req = v2(request(http.MethodPut, "stolen"))
		req.Header.Set(header[0], header[1])
		wantsReply(t, req, http.StatusForbidden, "SignatureDoesNotMatch")
	}
	c.same("stolen", c.there("stolen"), false)
	// A signature of version 2 does not cover every operation: by its URL these are not to be had.
	for _, q := range [][3]string{{http.MethodGet, "", "events=s3:ObjectCreated:*"}, {http.MethodGet, "", "policyStatus="}, {http.MethodGet, "secret", "attributes="},
		{http.MethodDelete, "", "publicAccessBlock="}} {
		req = v2(request(q[0], q[1]))
		req.URL.RawQuery += "&" + q[2]
		wantsReply(t, req, http.StatusForbidden, "AccessDenied")
	}
	for _, query := range []string{"cors=", "policy=", "acl=", "tagging="} {
		req = v2(request(http.MethodPut, ""))
		req.URL.RawQuery += "&" + query
		wantsReply(t, req, http.StatusForbidden, "SignatureDoesNotMatch")
	}
	// The plain ones work, in both versions, also with a storage class that is taken out.
	for _, sign := range []func(*http.Request) *http.Request{v4, v2} {
		wantsReply(t, sign(request(http.MethodPut, "plain")), http.StatusOK, "")
		wantsReply(t, sign(request(http.MethodPut, "class", "X-Amz-Storage-Class", "ONEZONE_IA")), http.StatusOK, "")
		wantsReply(t, sign(request(http.MethodGet, "secret?response-content-type=a/b")), http.StatusOK, "")
	}
	// Headers that libraries write into the query count like headers.
	wantsReply(t, v4(request(http.MethodPut, "hoisted?x-amz-tagging=a%3D1&x-amz-meta-k=v")), http.StatusOK, "")
	info, err := c.StatObject(t.Context(), c.bucket, "hoisted", minio.StatObjectOptions{})
	must(t, err)
	c.same("tags", info.Metadata.Get("X-Amz-Tagging-Count"), "1")
	c.same("metadata", info.UserMetadata["K"], "v")
	wantsReply(t, v4(request(http.MethodPut, "hoisted?x-amz-server-side-encryption=AES256")), http.StatusNotImplemented, "NotImplemented")
}
