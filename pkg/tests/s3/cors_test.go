package s3

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"

	"juicefs/pkg/tests/oracle"
)

const corsRules = `<CORSConfiguration xmlns="` + namespace + `"><CORSRule><AllowedOrigin>https://*.example.com</AllowedOrigin><AllowedMethod>PUT</AllowedMethod>` +
	`<AllowedMethod>GET</AllowedMethod><AllowedHeader>*</AllowedHeader><ExposeHeader>ETag</ExposeHeader><MaxAgeSeconds>30</MaxAgeSeconds></CORSRule>` +
	`<CORSRule><AllowedOrigin>*</AllowedOrigin><AllowedMethod>HEAD</AllowedMethod></CORSRule></CORSConfiguration>`

// page sends a request as a browser does for a web page from elsewhere and returns the status and what the page may do.
func (c *client) page(method, path, host, origin string, headers ...string) string {
	c.t.Helper()
	req, err := http.NewRequestWithContext(c.t.Context(), method, c.g.URL()+"/"+path, nil)
	must(c.t, err)
	if host != "" {
		req.Host = host
	}
	if origin != "" {
		req.Header.Set("Origin", origin)
	}
	for k := 0; k < len(headers); k += 2 {
		req.Header.Set(headers[k], headers[k+1])
	}
	if method != http.MethodOptions {
		req = sign(req)
	}
	resp, err := http.DefaultClient.Do(req)
	must(c.t, err)
	must(c.t, resp.Body.Close())
	line := fmt.Sprint(resp.StatusCode)
	for _, name := range []string{"Allow-Origin", "Allow-Credentials", "Allow-Methods", "Allow-Headers", "Expose-Headers", "Max-Age"} {
		if v := resp.Header.Get("Access-Control-" + name); v != "" {
			line += " " + name + "=" + v
		}
	}
	return line
}

func (c *client) preflight(path, host, origin, method, headers string) string {
	c.t.Helper()
	return c.page(http.MethodOptions, path, host, origin, "Access-Control-Request-Method", method, "Access-Control-Request-Headers", headers)
}

func TestCORS(t *testing.T) {
	t.Parallel()
	p := startPair(t, []string{"--refresh-iam-interval", "1s"}, nil)
	c := p.a
	c.put("k", []byte("x"), minio.PutObjectOptions{})
	const (
		site    = "https://www.example.com"
		granted = "Allow-Origin=https://www.example.com Allow-Credentials=true Allow-Methods=PUT, GET"
	)
	k := c.bucket + "/k"
	c.same("preflight without rules", c.preflight(k, "", site, "PUT", "content-type"), "403")
	c.same("GET without rules", c.page(http.MethodGet, k, "", site), "200")

	c.same("put", c.said(http.MethodPut, c.bucket+"?cors", corsRules), "OK")
	c.same("get", c.said(http.MethodGet, c.bucket+"?cors", ""), "CORSConfiguration(CORSRule(AllowedOrigin(https://*.example.com) AllowedMethod(PUT) AllowedMethod(GET) AllowedHeader(*) "+
		"ExposeHeader(ETag) MaxAgeSeconds(30)) CORSRule(AllowedOrigin(*) AllowedMethod(HEAD)))")
	c.same("preflight", c.preflight(k, "", site, "PUT", "Content-Type, x-amz-date"), "200 "+granted+" Allow-Headers=content-type, x-amz-date Expose-Headers=ETag Max-Age=30")
	c.same("preflight of a bucket", c.preflight(c.bucket, "", site, "GET", ""), "200 "+granted+" Expose-Headers=ETag Max-Age=30")
	c.same("preflight from elsewhere", c.preflight(k, "", "https://evil.org", "PUT", ""), "403")
	c.same("preflight of another method", c.preflight(k, "", site, "DELETE", ""), "403")
	c.same("preflight of no method", c.preflight(k, "", site, "LOCK", ""), "400")
	c.same("preflight of nobody", c.preflight(k, "", "", "PUT", ""), "400")
	c.same("preflight of a bucket that is not there", c.preflight("no-such-bucket/k", "", site, "PUT", ""), "403")
	c.same("preflight of the service", c.preflight("", "", site, "GET", ""), "403")
	c.same("preflight of the file manager", c.preflight("minio/webrpc", "", site, "POST", ""), "403")
	c.same("GET", c.page(http.MethodGet, k, "", site), "200 "+granted+" Expose-Headers=ETag Max-Age=30")
	c.same("GET of a missing key", c.page(http.MethodGet, k+"x", "", site), "404 "+granted+" Expose-Headers=ETag Max-Age=30")
	c.same("GET from elsewhere", c.page(http.MethodGet, k, "", "https://evil.org"), "200")
	c.same("HEAD from elsewhere", c.page(http.MethodHead, k, "", "https://evil.org"), "200 Allow-Origin=* Allow-Methods=HEAD")
	c.same("GET without an origin", c.page(http.MethodGet, k, "", ""), "200")
	c.same("the list of buckets", c.page(http.MethodGet, "", "", site), "200")

	// The other gateway follows.
	oracle.Poll(t, 20*time.Second, func() error {
		if got := p.b.preflight(k, "", site, "PUT", ""); !strings.HasPrefix(got, "200 "+granted) {
			return errors.New(got)
		}
		return nil
	})
	for name, body := range map[string]string{"empty": "", "no rule": "<CORSConfiguration/>", "other": "<X/>"} {
		c.same(name, c.said(http.MethodPut, c.bucket+"?cors", body), malformed)
	}
	c.same("a method that is none", c.said(http.MethodPut, c.bucket+"?cors", strings.Replace(corsRules, ">PUT<", ">PATCH<", 1)),
		"400 InvalidRequest Found unsupported HTTP method in CORS config. Unsupported method is PATCH")
	c.same("the rules stay", c.page(http.MethodGet, k, "", site), "200 "+granted+" Expose-Headers=ETag Max-Age=30")
	c.same("nobody", c.anonymous(http.MethodPut, c.bucket+"?cors"), http.StatusForbidden)
	c.same("nobody", c.anonymous(http.MethodDelete, c.bucket+"?cors"), http.StatusForbidden)
	c.same("nobody", c.anonymous(http.MethodGet, c.bucket+"?cors"), http.StatusForbidden)
	c.expect(http.StatusNotFound, "NoSuchBucket", http.MethodPut, "no-such-bucket?cors", []byte(corsRules))

	c.same("delete", c.said(http.MethodDelete, c.bucket+"?cors", ""), "No Content")
	c.same("delete again", c.said(http.MethodDelete, c.bucket+"?cors", ""), "No Content")
	c.same("get", c.said(http.MethodGet, c.bucket+"?cors", ""), "404 NoSuchCORSConfiguration The CORS configuration does not exist")
	c.same("preflight", c.preflight(k, "", site, "PUT", ""), "403")
	oracle.Poll(t, 20*time.Second, func() error {
		if got := p.b.page(http.MethodGet, k, "", site); got != "200" {
			return errors.New(got)
		}
		return nil
	})

	// Rules go with their bucket.
	c.same("put", c.said(http.MethodPut, c.bucket+"?cors", corsRules), "OK")
	must(t, c.RemoveObject(t.Context(), c.bucket, "k", minio.RemoveObjectOptions{}))
	must(t, c.RemoveBucket(t.Context(), c.bucket))
	must(t, c.MakeBucket(t.Context(), c.bucket, minio.MakeBucketOptions{}))
	c.same("get", c.said(http.MethodGet, c.bucket+"?cors", ""), "404 NoSuchCORSConfiguration The CORS configuration does not exist")
}

func TestCORSOfHostNames(t *testing.T) {
	t.Parallel()
	c := use(t, serve(t, "--multi-buckets", "--domain", "my.domain"))
	c.put("k", []byte("x"), minio.PutObjectOptions{})
	c.same("put", c.said(http.MethodPut, c.bucket+"?cors", corsRules), "OK")
	host, want := c.bucket+".my.domain", "200 Allow-Origin=https://www.example.com"
	if got := c.preflight("k", host, "https://www.example.com", "PUT", ""); !strings.HasPrefix(got, want) {
		t.Errorf("preflight: got %s", got)
	}
	if got := c.page(http.MethodGet, "k", host, "https://www.example.com"); !strings.HasPrefix(got, want) {
		t.Errorf("GET: got %s", got)
	}
}
