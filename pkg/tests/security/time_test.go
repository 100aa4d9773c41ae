package security

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
	"testing"
	"time"

	"juicefs/pkg/tests/oracle"
)

// signedAt signs a request as somebody did at another time.
func signedAt(req *http.Request, w who, body []byte, at time.Time) *http.Request {
	sum := sha256.Sum256(body)
	hash, date, day := hex.EncodeToString(sum[:]), at.UTC().Format("20060102T150405Z"), at.UTC().Format("20060102")
	req.Header.Set("X-Amz-Content-Sha256", hash)
	req.Header.Set("X-Amz-Date", date)
	mac := func(key []byte, text string) []byte {
		h := hmac.New(sha256.New, key)
		_, _ = h.Write([]byte(text)) // a hash does not fail
		return h.Sum(nil)
	}
	const names = "host;x-amz-content-sha256;x-amz-date"
	canonical := sha256.Sum256([]byte(strings.Join([]string{req.Method, req.URL.EscapedPath(), req.URL.Query().Encode(),
		"host:" + req.URL.Host, "x-amz-content-sha256:" + hash, "x-amz-date:" + date, "", names, hash}, "\n")))
	scope := day + "/" + oracle.Region + "/s3/aws4_request"
	key := mac(mac(mac(mac([]byte("AWS4"+w.secret), day), oracle.Region), "s3"), "aws4_request")
	signature := mac(key, "AWS4-HMAC-SHA256\n"+date+"\n"+scope+"\n"+hex.EncodeToString(canonical[:]))
	req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+w.key+"/"+scope+", SignedHeaders="+names+", Signature="+hex.EncodeToString(signature))
	return req
}

// TestOldSignatures: who has seen a request cannot send it again later. Also what is answered without the server's handler is
// good for a quarter of an hour.
func TestOldSignatures(t *testing.T) {
	t.Parallel()
	s := ours(t, many)
	s.bucket("bucket")
	send := func(at time.Time, method, path, query, body string) answer {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, s.g.URL()+path, bytes.NewReader([]byte(body)))
		must(t, err)
		req.URL.RawQuery = query
		if body != "" {
			req.Header.Set("Content-Md5", md5Of([]byte(body)))
		}
		return s.do(signedAt(req, root, []byte(body), at))
	}
	const rules = "<CORSConfiguration><CORSRule><AllowedMethod>GET</AllowedMethod><AllowedOrigin>*</AllowedOrigin></CORSRule></CORSConfiguration>"
	for _, c := range [][4]string{
		{http.MethodPut, "/bucket/k", "", "data"},
		{http.MethodGet, "/bucket/k", "", ""},
		{http.MethodGet, "/bucket", "list-type=2", ""},
		{http.MethodPut, "/bucket", "cors=", rules},
		{http.MethodGet, "/bucket", "cors=", ""},
		{http.MethodGet, "/bucket", "acl=", ""},
		{http.MethodPut, "/bucket", "versioning=", "<VersioningConfiguration><Status>Suspended</Status></VersioningConfiguration>"},
		{http.MethodGet, "/", "", ""},
		{http.MethodPost, "/bucket/k", "uploads=", ""},
		{http.MethodPost, "/bucket", "delete=", "<Delete><Object><Key>k</Key></Object></Delete>"},
		{http.MethodDelete, "/bucket/k", "", ""},
		{http.MethodGet, "/minio/admin/v3/list-users", "", ""},
		{http.MethodGet, "/minio/admin/v3/info-canned-policy", "name=readonly&v=2", ""},
	} {
		for _, late := range []time.Duration{-20 * time.Minute, 20 * time.Minute} {
			a := send(time.Now().Add(late), c[0], c[1], c[2], c[3])
			if a.status != http.StatusForbidden || !strings.Contains(a.body, "RequestTimeTooSkewed") {
				t.Errorf("%v, %v off: %d %s", c, late, a.status, a.body)
			}
		}
		if a := send(time.Now(), c[0], c[1], c[2], c[3]); !a.ok() {
			t.Errorf("%v: %d %s", c, a.status, a.body)
		} else if a.header.Get("X-Amz-Request-Id") == "" {
			t.Errorf("%v: the reply has no id", c)
		}
	}
}
