package front

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// barring knows of keys that were locked out.
type barring struct {
	vouching
	key string
}

func (b barring) Barred(r *http.Request) bool { return claimedKey(r) == b.key }

func TestSignedOnce(t *testing.T) {
	for query, want := range map[string]bool{
		"":                                              true,
		"list-type=2&prefix=a":                          true,
		"AWSAccessKeyId=A&Expires=1&Signature=x":        true,
		"X-Amz-Credential=A%2Fx&X-Amz-Date=1":           true,
		"prefix=a&prefix=b":                             true, // another's matter
		"prefix=a%3Db":                                  true,
		"AWSAccessKeyId=A&AWSAccessKeyId=B":             false,
		"AWSAccessKeyId=A&%41WSAccessKeyId=B":           false,
		"AWSAccessKeyId=A&AWSAccessKeyId%3DB":           false,
		"AWSAccessKeyId%3DB":                            false,
		"AWSAccessKeyId=A&AWSAccessKeyId=B;":            false,
		"AWSAccessKeyId=A&AWSAccessKeyId=%zz":           false,
		"AWSAccessKeyId=A&Expires=1&Expires=2":          false,
		"AWSAccessKeyId=A&X-Amz-Credential=B":           false,
		"X-Amz-Credential=A&X-Amz-Credential=B":         false,
		"X-Amz-Signature=a&X-Amz-Signature=b":           false,
		"X-Amz-Security-Token=a&X-Amz-Security-Token=b": false,
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/b/k", nil)
		r.URL.RawQuery = query
		if got := signedOnce(r); got != want {
			t.Errorf("%s: got %v", query, got)
		}
		r.Header.Set("Authorization", "AWS A:x")
		names := r.URL.Query().Has("AWSAccessKeyId") || r.URL.Query().Has("X-Amz-Credential")
		if got := signedOnce(r); got != (want && !names) {
			t.Errorf("%s, and a header: got %v", query, got)
		}
		r.Header.Add("Authorization", "AWS B:x")
		if signedOnce(r) {
			t.Errorf("%s, and two headers", query)
		}
	}
}

func TestKeysThatAreLockedOut(t *testing.T) {
	f := New(Options{Server: barring{key: "GONE"}})
	h := f.signers(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	for _, c := range []struct {
		path, authorization string
		status              int
		kind                string
	}{
		{"/b/k", "", http.StatusOK, ""},
		{"/b/k", "AWS HERE:x", http.StatusOK, ""},
		{"/b/k", "AWS GONE:x", http.StatusForbidden, "application/xml"},
		{"/b/k?AWSAccessKeyId=GONE", "", http.StatusForbidden, "application/xml"},
		{"/minio/admin/v3/list-users", "AWS GONE:x", http.StatusForbidden, "application/json"},
		{"/minio/webrpc", "AWS GONE:x", http.StatusUnauthorized, "application/xml"},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, c.path, nil)
		if c.authorization != "" {
			r.Header.Set("Authorization", c.authorization)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != c.status || w.Header().Get("Content-Type") != c.kind {
			t.Errorf("%s, %q: got %d %s", c.path, c.authorization, w.Code, w.Header().Get("Content-Type"))
		}
	}
}

// FuzzSigner: of a query that passes, the server's two readers of a presigned URL of version 2 find the same signer.
func FuzzSigner(f *testing.F) {
	for _, q := range []string{"AWSAccessKeyId=A&Expires=1&Signature=x", "AWSAccessKeyId=A&AWSAccessKeyId=B", "AWSAccessKeyId=A&AWSAccessKeyId%3DB", "%41WSAccessKeyId=A",
		"AWSAccessKeyId=A;AWSAccessKeyId=B", "AWSAccessKeyId=A&x=AWSAccessKeyId=B", "AWSAccessKeyId=A&x%26AWSAccessKeyId=B", "AWSAccessKeyId=A%3DB", "AWSAccessKeyId=%zz"} {
		f.Add(q)
	}
	f.Fuzz(func(t *testing.T, query string) {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/b/k", nil)
		r.URL.RawQuery = query
		if !signedOnce(r) || !r.URL.Query().Has("AWSAccessKeyId") {
			return
		}
		// The one that checks the signature takes the escapes off before it looks for the end of the name, and the last of several.
		checked := ""
		for pair := range strings.SplitSeq(query, "&") {
			plain, err := url.QueryUnescape(pair)
			if err != nil {
				return // it refuses the request
			}
			if name, value, ok := strings.Cut(plain, "="); ok && name == "AWSAccessKeyId" {
				checked = value
			}
		}
		if given := r.URL.Query().Get("AWSAccessKeyId"); checked != given {
			t.Errorf("%q: %q is checked, and %q gets the rights", query, checked, given)
		}
	})
}
