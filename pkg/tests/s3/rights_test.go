package s3

import (
	"bytes"
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"io"
	"net/http"
	"testing"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/signer"

	"juicefs/pkg/tests/oracle"
)

// TestRightsToWhatTheFrontAnswers: what the front answers in place of the server's handlers is for those who may, too.
func TestRightsToWhatTheFrontAnswers(t *testing.T) {
	t.Parallel()
	g := serve(t, everything...)
	c := use(t, g)
	c.put("k", []byte("x"), minio.PutObjectOptions{})
	c.same("rules", c.said(http.MethodPut, c.bucket+"?cors", corsRules), "OK")
	mc := oracle.MC2021(t, map[string]*oracle.Gateway{"jfs": g})
	mc.Must(t, "admin", "user", "add", "jfs", "reader", "password1")
	mc.Must(t, "admin", "policy", "set", "jfs", "readonly", "user=reader")
	as := func(method, query, body string, headers ...string) *reply {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, g.URL()+"/"+c.bucket+query, bytes.NewReader([]byte(body)))
		must(t, err)
		for k := 0; k < len(headers); k += 2 {
			req.Header.Set(headers[k], headers[k+1])
		}
		sum := sha256.Sum256([]byte(body))
		req.Header.Set("X-Amz-Content-Sha256", hex.EncodeToString(sum[:]))
		resp, err := http.DefaultClient.Do(signer.SignV4(*req, "reader", "password1", "", oracle.Region))
		must(t, err)
		b, err := io.ReadAll(resp.Body)
		must(t, err)
		must(t, resp.Body.Close())
		return &reply{status: resp.StatusCode, header: resp.Header, body: b}
	}
	for _, query := range []string{"?versioning", "?cors", "?lifecycle", "?acl", "?policyStatus", "?inventory", "?tagging", "?publicAccessBlock", "", "?list-type=2", "?versions", "?uploads", "/k?acl"} {
		c.same("GET "+query, c.failed(as(http.MethodGet, query, "")), "403 AccessDenied Access Denied")
	}
	for query, body := range map[string]string{"?cors": corsRules, "?versioning": "<VersioningConfiguration><Status>Suspended</Status></VersioningConfiguration>"} {
		c.same("PUT "+query, c.failed(as(http.MethodPut, query, body)), "403 AccessDenied Access Denied")
	}
	for _, query := range []string{"?cors", "?website", "?publicAccessBlock", "?tagging", "?inventory&id=x"} {
		c.same("DELETE "+query, c.failed(as(http.MethodDelete, query, "")), "403 AccessDenied Access Denied")
	}
	r := as(http.MethodGet, "/k?attributes", "", "X-Amz-Object-Attributes", "ObjectSize")
	c.same("attributes", c.parsed(r).String(), "GetObjectAttributesResponse(ObjectSize(1))")
	const keys = "<Delete><Quiet>true</Quiet><Object><Key>k</Key></Object><Object><Key>/k</Key></Object></Delete>"
	sum := md5.Sum([]byte(keys))
	r = as(http.MethodPost, "?delete", keys, "Content-Md5", base64.StdEncoding.EncodeToString(sum[:]))
	c.same("deletes", c.parsed(r).String(), "DeleteResult(Error(Key(k) Code(AccessDenied) Message(Access Denied)) Error(Key(/k) Code(AccessDenied) Message(Access Denied)))")
	c.same("the key is there", c.there("k"), true)
	c.same("the rules are there", c.send(http.MethodGet, c.bucket+"?cors", nil).status, http.StatusOK)
}
