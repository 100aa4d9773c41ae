package front

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gorilla/mux"
)

func TestAllowed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		request string   // method and target
		headers []string // in pairs
		want    string   // code; empty: passes
	}{
		{"GET /", nil, ""},
		{"GET /?x-id=ListBuckets&max-buckets=5&prefix=a", nil, ""},
		{"GET /?events=a&prefix=b", nil, ""},
		{"GET /?acl", nil, "NotImplemented"},
		{"GET /b", nil, ""},
		{"GET /b/", nil, ""},
		{"GET /b?list-type=2&prefix=p&delimiter=/&max-keys=3&start-after=x&fetch-owner=true&encoding-type=url&continuation-token=x", nil, ""},
		{"GET /b?versions&key-marker=&version-id-marker=", nil, ""},
		{"GET /b?session", nil, "NotImplemented"},
		{"GET /b?metadataTable", nil, "NotImplemented"},
		{"GET /b?unknown=1", nil, ""},
		{"PUT /b?unknown=1", nil, "NotImplemented"},
		{"GET /b?inventory&id=1", nil, ""},
		{"PUT /b?inventory&id=1", nil, "NotImplemented"},
		{"GET /b?torrent", nil, "NotImplemented"},
		{"GET /b?max-keys=abc", nil, "InvalidArgument"},
		{"GET /b?max-keys=-1", nil, "InvalidArgument"},
		{"GET /b?max-keys=2147483648", nil, "InvalidArgument"},
		{"GET /b?max-keys=2147483647", nil, ""},
		{"GET /b?uploads&max-uploads=x", nil, "InvalidArgument"},
		{"GET /b?acl&policy", nil, "InvalidArgument"},
		{"GET /b?acl&acl", nil, ""},
		{"GET /b?list-type=2&_=1764097000", nil, ""},
		{"GET /?_=1764097000", nil, ""},
		{"HEAD /b?_=1764097000", nil, ""},
		{"GET /b?_", nil, "NotImplemented"},
		{"HEAD /b", nil, ""},
		{"HEAD /b?acl", nil, "NotImplemented"},
		{"PUT /b", nil, ""},
		{"PUT /b?website", nil, "NotImplemented"},
		{"PUT /b?logging", nil, "NotImplemented"},
		{"PUT /b?cors", nil, ""},
		{"PUT /b?object-lock", nil, "NotImplemented"},
		{"PUT /b?abac", nil, "NotImplemented"},
		{"PUT /b?max-keys=1", nil, "NotImplemented"},
		{"POST /b?delete", nil, ""},
		{"POST /b", nil, ""},
		{"POST /b?metadataConfiguration", nil, "NotImplemented"},
		{"DELETE /b", nil, ""},
		{"DELETE /b?ownershipControls", nil, ""},
		{"DELETE /b?inventory&id=x", nil, ""},
		{"GET /b/k", nil, ""},
		{"GET /b/k?v=3", nil, ""},
		{"GET /b/k?restore", nil, "NotImplemented"},
		{"GET /b/k?torrent", nil, "NotImplemented"},
		{"GET /b/k?torrent=", nil, "NotImplemented"},
		{"GET /b/k?tor%72ent", nil, "NotImplemented"},
		{"GET /b/k?attributes", nil, ""},
		{"GET /b/k?partNumber=x", nil, "InvalidArgument"},
		{"GET /b/k?partNumber=0", nil, "InvalidArgument"},
		{"GET /b/k?partNumber=10001", nil, "InvalidArgument"},
		{"GET /b/k?partNumber=", nil, "InvalidArgument"},
		{"GET /b/k?partNumber=1&response-content-type=a/b&versionId=null", []string{"Authorization", "AWS4-HMAC-SHA256 x"}, ""},
		{"GET /b/k?response-content-type=a/b&X-Amz-Credential=a", nil, ""},
		{"GET /b/k?response-content-type=a/b", nil, "InvalidRequest"},
		{"HEAD /b/k?response-expires=x", nil, "InvalidRequest"},
		{"GET /b/k?uploadId=x&max-parts=y", nil, "InvalidArgument"},
		{"GET /b/k?uploadId=x&part-number-marker=y", nil, "InvalidArgument"},
		{"GET /b/k?uploadId=x&part-number-marker=0&max-parts=2&encoding-type=url", nil, ""},
		{"HEAD /b/k?acl", nil, "NotImplemented"},
		{"HEAD /b/k?partNumber=2", nil, ""},
		{"PUT /b/k", nil, ""},
		{"PUT /b/k?x-id=PutObject", nil, ""},
		{"PUT /b/k?restore", nil, "NotImplemented"},
		{"PUT /b/k?torrent", nil, "NotImplemented"},
		{"PUT /b/k?renameObject", nil, "NotImplemented"},
		{"PUT /b/k?encryption", nil, "NotImplemented"},
		{"PUT /b/k?retention", nil, "NotImplemented"},
		{"PUT /b/k?legal-hold", nil, "NotImplemented"},
		{"PUT /b/k?ACL", nil, "NotImplemented"},
		{"PUT /b/k?v=3", nil, "NotImplemented"},
		{"PUT /b/k?list-type=2", nil, "NotImplemented"},
		{"PUT /b/k?tagging", nil, ""},
		{"PUT /b/k?versionId=x", nil, "InvalidArgument"},
		{"PUT /b/k?partNumber=1", nil, "InvalidArgument"},
		{"PUT /b/k?uploadId=1", nil, "InvalidArgument"},
		{"PUT /b/k?uploadId=1&partNumber=a", nil, "InvalidArgument"},
		{"PUT /b/k?uploadId=1&partNumber=2", nil, ""},
		{"PUT /b/k?x-id=1;acl", nil, "InvalidURI"},
		{"PUT /b/k?%zz", nil, "InvalidURI"},
		{"POST /b/k?uploads", nil, ""},
		{"POST /b/k?uploadId=1", nil, ""},
		{"POST /b/k?delete", nil, "NotImplemented"},
		{"POST /b/k?restore", nil, "NotImplemented"},
		{"POST /b/k?select&select-type=2", nil, ""},
		{"POST /b/k?select", nil, "NotImplemented"},
		{"DELETE /b/k", nil, ""},
		{"DELETE /b/k?versionId=null", nil, ""},
		{"DELETE /b/k?acl", nil, "NotImplemented"},
		{"OPTIONS /b/k?whatever", nil, ""},
		{"GET /minio/admin/v3/info?whatever", nil, ""},

		{"PUT /b/k", []string{"X-Amz-Acl", "private", "X-Amz-Meta-A", "1", "X-Amz-Checksum-Crc32", "x", "X-Amz-Storage-Class", "GLACIER"}, ""},
		{"PUT /b/k", []string{"X-Amz-Acl", "bucket-owner-full-control"}, ""},
		{"GET /b/k?SourceIp=10.0.0.1", nil, "InvalidURI"},
		{"GET /b/k?Sourceip=10.0.0.1", nil, "InvalidURI"},
		{"GET /b/k?jwt=1&sub=x", nil, "InvalidURI"},
		{"GET /b?prefix=a&prefix=a", nil, ""},
		{"GET /b?prefix=a&prefix=b", nil, "InvalidURI"},
		{"GET /b?prefix=a&Prefix=a", nil, "InvalidURI"},
		{"GET /b?max-keys=10&max-keys=1", nil, "InvalidURI"},
		{"PUT /b/k?x-amz-storage-class=STANDARD", []string{"X-Amz-Storage-Class", "STANDARD_IA"}, "InvalidURI"},
		{"PUT /b/k", []string{"X-Minio-Meta-A", "1"}, ""},
		{"PUT /b/k?partNumber=1&uploadId=%0A", nil, "NoSuchUpload"},
		{"DELETE /b/k?uploadId=a%0Ab", nil, "NoSuchUpload"},
		{"DELETE /b/k?tagging=%0A", nil, "InvalidURI"},
		{"GET /b?prefix=%0A", nil, ""},
		{"PUT /b/k", []string{"X-Minio-Source-Mtime", "2021-01-01T00:00:00Z"}, "NotImplemented"},
		{"PUT /b/k", []string{"X-Minio-Source-Replication-Request", ""}, "NotImplemented"},
		{"GET /b/k", []string{"X-Minio-Source-Proxy-Request", "true"}, "NotImplemented"},
		{"DELETE /b/k", []string{"X-Minio-Replication-Delete-Status", "x"}, "NotImplemented"},
		{"POST /b?delete", []string{"X-Minio-Source-Deletemarker", "true"}, "NotImplemented"},
		{"GET /b/a.zip/k", []string{"X-Minio-Extract", "true"}, "NotImplemented"},
		{"GET /b/k", []string{"X-Minio-Tomorrow", "1"}, ""},
		{"PUT /b/k", []string{"X-Minio-Tomorrow", "1"}, "NotImplemented"},
		{"DELETE /b", []string{"X-Minio-Force-Delete", "true"}, ""},
		{"DELETE /b/k", []string{"X-Minio-Force-Delete", "true"}, "NotImplemented"},
		{"PUT /b/k", []string{"X-Amz-Acl", "public-read"}, "AccessControlListNotSupported"},
		{"PUT /b", []string{"X-Amz-Acl", "public-read"}, "InvalidBucketAclWithObjectOwnership"},
		{"PUT /b/k?acl", []string{"X-Amz-Acl", "sometimes"}, "InvalidArgument"},
		{"PUT /b/k", []string{"X-Amz-Grant-Read", "id=1"}, "AccessControlListNotSupported"},
		{"PUT /b", []string{"X-Amz-Grant-Read", "id=1"}, "InvalidBucketAclWithObjectOwnership"},
		{"PUT /b", []string{"X-Amz-Object-Ownership", "ObjectWriter"}, "NotImplemented"},
		{"PUT /b", []string{"X-Amz-Object-Ownership", "BucketOwnerEnforced"}, ""},
		{"PUT /b", []string{"X-Amz-Bucket-Object-Lock-Enabled", "true"}, "NotImplemented"},
		{"PUT /b/k", []string{"X-Amz-Object-Lock-Mode", "GOVERNANCE"}, "InvalidRequest"},
		{"POST /b/k?uploads", []string{"X-Amz-Object-Lock-Legal-Hold", "ON"}, "InvalidRequest"},
		{"PUT /b/k", []string{"X-Amz-Server-Side-Encryption", "AES256"}, "NotImplemented"},
		{"PUT /b/k", []string{"X-Amz-Server-Side-Encryption-Customer-Key", "x"}, "NotImplemented"},
		{"PUT /b/k", []string{"X-Amz-Copy-Source-Server-Side-Encryption-Customer-Key", "x"}, "NotImplemented"},
		{"GET /b/k", []string{"X-Amz-Server-Side-Encryption-Customer-Key", "x"}, "InvalidRequest"},
		{"PUT /b/k", []string{"X-Amz-Website-Redirect-Location", "/x"}, "NotImplemented"},
		{"PUT /b/k", []string{"X-Amz-Write-Offset-Bytes", "0"}, "NotImplemented"},
		{"PUT /b/k", []string{"X-Amz-Rename-Source", "/b/x"}, "NotImplemented"},
		{"PUT /b/k", []string{"X-Amz-Tomorrow", "x"}, "NotImplemented"},
		{"GET /b/k", []string{"X-Amz-Tomorrow", "x"}, ""},
		{"PUT /b/k", []string{"X-Amz-Copy-Source", "bucket"}, "InvalidArgument"},
		{"PUT /b/k", []string{"X-Amz-Copy-Source", "bucket%2Fkey"}, ""},
		{"PUT /b/k", []string{"X-Amz-Storage-Class", "FAST"}, "InvalidStorageClass"},
		{"DELETE /b/k", []string{"X-Amz-Bypass-Governance-Retention", "true"}, "InvalidArgument"},
		{"GET /b/k", []string{"X-Amz-Expected-Bucket-Owner", "123456789012"}, "AccessDenied"},
		{"GET /b/k", []string{"X-Amz-Expected-Bucket-Owner", ownerID}, ""},
		{"PUT /b/k?x-amz-acl=public-read", nil, "AccessControlListNotSupported"},
		{"PUT /b/k?X-AMZ-server-side-encryption=AES256", nil, "NotImplemented"},
		{"PUT /b/k?x-amz-copy-source=b/x", nil, "NotImplemented"},
		{"PUT /b/k?x-amz-tagging=a", nil, ""},
		{"PUT /b/k?x-amz-tagging=a", []string{"Authorization", "AWS x:y"}, "NotImplemented"},

		{"PUT /b/k?X-Amz-Credential=x&X-Amz-SignedHeaders=host", nil, ""},
		{"PUT /b/k?X-Amz-Credential=x&X-Amz-SignedHeaders=host", []string{"X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD"}, ""},
		{"PUT /b/k?X-Amz-Credential=x&X-Amz-SignedHeaders=host", []string{"X-Amz-Copy-Source", "b/secret"}, "AccessDenied"},
		{"PUT /b/k?X-Amz-Credential=x&X-Amz-SignedHeaders=host%3Bx-amz-copy-source-range", []string{"X-Amz-Copy-Source", "b/secret"}, "AccessDenied"},
		{"PUT /b/k?X-Amz-Credential=x&X-Amz-SignedHeaders=host%3Bx-amz-copy-source", []string{"X-Amz-Copy-Source", "b/secret"}, ""},
		{"GET /b/k?X-Amz-Credential=x&X-Amz-SignedHeaders=host", []string{"X-Amz-Tomorrow", "1"}, "AccessDenied"},
		{"PUT /b/k?X-Amz-Credential=x", []string{"X-Amz-Meta-A", "1"}, "AccessDenied"},
	} {
		method, target, _ := strings.Cut(c.request, " ")
		r := httptest.NewRequestWithContext(t.Context(), method, target, nil)
		for k := 0; k < len(c.headers); k += 2 {
			r.Header.Set(c.headers[k], c.headers[k+1])
		}
		passed := false
		w := httptest.NewRecorder()
		replying(allowing(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { passed = true }))).ServeHTTP(w, r)
		got := between(w.Body.String(), "<Code>", "</Code>")
		if got != c.want || passed != (c.want == "") || !passed && w.Code < 400 {
			t.Errorf("%s %v: got %d %q, passed %v, want %q", c.request, c.headers, w.Code, got, passed, c.want)
		}
	}
}

// between returns what is between two marks, empty if it is not there.
func between(s, before, after string) string {
	_, s, _ = strings.Cut(s, before)
	s, _, ok := strings.Cut(s, after)
	if !ok {
		return ""
	}
	return s
}

func TestHeadersThatPoliciesGoByAreThereOnce(t *testing.T) {
	t.Parallel()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPut, "/b/k", nil)
	r.Header["X-Amz-Copy-Source"] = []string{"/b/secret", "/b/open"}
	if f := allowed(r); f == nil || f.Code != "InvalidArgument" {
		t.Errorf("got %v", f)
	}
}

func TestTheBrowserIsNoReplica(t *testing.T) {
	t.Parallel()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPut, "/minio/upload/b/k", nil)
	r.Header.Set("X-Minio-Source-Mtime", "2021-01-01T00:00:00Z")
	r.Header["X-Minio-Source-Replication-Request"] = nil
	r.Header.Set("X-Amz-Meta-A", "1")
	var got http.Header
	replying(allowing(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.Header }))).ServeHTTP(httptest.NewRecorder(), r)
	if len(got) != 1 || got.Get("X-Amz-Meta-A") != "1" {
		t.Errorf("got %v", got)
	}
}

func TestHeadersInTheQueryBecomeHeaders(t *testing.T) {
	t.Parallel()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPut, "/b/k?x-amz-tagging=a%3D1&x-amz-meta-k=q&X-Amz-Date=d", nil)
	r.Header.Set("X-Amz-Meta-K", "h")
	if f := allowed(r); f != nil {
		t.Fatal(f)
	}
	if got := r.Header.Get("X-Amz-Tagging") + "|" + r.Header.Get("X-Amz-Meta-K") + "|" + r.Header.Get("X-Amz-Date"); got != "a=1|h|" {
		t.Errorf("got %s", got)
	}
}

func TestLevels(t *testing.T) {
	t.Parallel()
	got := int(onService)
	router := mux.NewRouter().SkipClean(true).UseEncodedPath()
	router.Use(func(http.Handler) http.Handler {
		return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = int(levelOf(r)) })
	})
	for _, sub := range []*mux.Router{router.Host("{bucket:.+}.example.com").Subrouter(), router.PathPrefix("/{bucket}").Subrouter()} {
		sub.Methods(http.MethodGet).Path("/{object:.+}").Handler(http.NotFoundHandler())
		sub.Methods(http.MethodGet, http.MethodPost).Handler(http.NotFoundHandler())
	}
	router.Path("/").Handler(http.NotFoundHandler())
	for request, want := range map[string]level{
		"GET http://h/": onService, "GET http://h/b": onBucket, "GET http://h/b/": onBucket, "GET http://h/b/k": onObject, "GET http://h/b/b/": onObject,
		"POST http://h/b/k": onObject, "POST http://h/b": onBucket,
		"GET http://b.example.com/": onBucket, "GET http://b.example.com/k": onObject, "GET http://b.example.com/b": onObject, "POST http://b.example.com/k": onObject,
	} {
		got = -1
		method, target, _ := strings.Cut(request, " ")
		router.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), method, target, nil))
		if got != int(want) {
			t.Errorf("%s: got %d, want %d", request, got, want)
		}
	}
}

func TestBackwards(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]bool{
		"bytes=5-2": true, "bytes=2-5": false, "bytes=5-5": false, "bytes=10-9": true, "bytes=9-10": false, "bytes=0010-9": true,
		"bytes=-2": false, "bytes=5-": false, "bytes=a-2": false, "bytes=5-2,1-2": false, "": false, "bytes=99999999999999999999999-1": true, "bytes=1-0": true,
	} {
		if got := backwards(header); got != want {
			t.Errorf("%q: got %v, want %v", header, got, want)
		}
	}
}

// What every plain request passes through must cost next to nothing.
func TestPlainRequestsAreCheckedWithoutAllocations(t *testing.T) {
	for request, headers := range map[string][]string{
		"GET /b/k":                nil,
		"PUT /b/k?x-id=PutObject": {"X-Amz-Meta-A", "1", "X-Amz-Date", "x", "X-Amz-Content-Sha256", "x", "Content-Type", "a/b", "Authorization", "AWS4-HMAC-SHA256 x"},
		"GET /b?list-type=2":      nil,
	} {
		method, target, _ := strings.Cut(request, " ")
		r := httptest.NewRequestWithContext(t.Context(), method, target, nil)
		for k := 0; k < len(headers); k += 2 {
			r.Header.Set(headers[k], headers[k+1])
		}
		f := New(Options{})
		if n := testing.AllocsPerRun(100, func() {
			if fail := allowed(r); fail != nil {
				t.Error(fail)
			}
			if fail := f.adjust(r); fail != nil {
				t.Error(fail)
			}
		}); n > 0 {
			t.Errorf("%s: %v allocations", request, n)
		}
	}
}
