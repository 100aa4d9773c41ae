package gateway

import (
	"net/http"
	"strings"
	"time"
	_ "unsafe" // for go:linkname

	minio "github.com/minio/minio/cmd"
	"github.com/minio/minio/pkg/auth"

	"juicefs/gateway/front"
)

// Signing again, with the functions that the server checks signatures with. hook_test.go pins the version of the fork.

//go:linkname forkDomains github.com/minio/minio/cmd.globalDomainNames
var forkDomains []string

//go:linkname forkSignedHeaders github.com/minio/minio/cmd.extractSignedHeaders
func forkSignedHeaders(names []string, r *http.Request) (http.Header, minio.APIErrorCode)

//go:linkname forkContentHash github.com/minio/minio/cmd.getContentSha256Cksum
func forkContentHash(r *http.Request, service forkService) string

//go:linkname forkCanonical github.com/minio/minio/cmd.getCanonicalRequest
func forkCanonical(signed http.Header, payload, query, path, method string) string

//go:linkname forkStringToSign github.com/minio/minio/cmd.getStringToSign
func forkStringToSign(canonical string, t time.Time, scope string) string

//go:linkname forkSigningKey github.com/minio/minio/cmd.getSigningKey
func forkSigningKey(secret string, t time.Time, region string, service forkService) []byte

//go:linkname forkSignature github.com/minio/minio/cmd.getSignature
func forkSignature(key []byte, stringToSign string) string

//go:linkname forkResource github.com/minio/minio/cmd.getResource
func forkResource(path, host string, domains []string) (string, error)

//go:linkname forkSignatureV2 github.com/minio/minio/cmd.signatureV2
func forkSignatureV2(c auth.Credentials, method, resource, query string, h http.Header) string

//go:linkname forkPresignatureV2 github.com/minio/minio/cmd.preSignatureV2
func forkPresignatureV2(c auth.Credentials, method, resource, query string, h http.Header, expires string) string

//go:linkname forkUnescapeQueries github.com/minio/minio/cmd.unescapeQueries
func forkUnescapeQueries(query string) ([]string, error)

// Sign implements front.Server.
func (s stock) Sign(r *http.Request) *front.Failure {
	switch front.SignatureOf(r) {
	case front.HeaderV4:
		return s.signHeader(r)
	case front.QueryV4:
		return s.signQuery(r)
	case front.HeaderV2:
		access, _, _ := strings.Cut(strings.TrimPrefix(r.Header.Get("Authorization"), "AWS "), ":")
		return s.signV2(r, access, func(c auth.Credentials, resource, query string) {
			r.Header.Set("Authorization", "AWS "+access+":"+forkSignatureV2(c, r.Method, resource, query, r.Header))
		})
	case front.QueryV2:
		query := r.URL.Query()
		expires, access := query.Get("Expires"), query.Get("AWSAccessKeyId")
		for _, name := range []string{"Expires", "AWSAccessKeyId", "Signature"} {
			query.Del(name)
		}
		r.URL.RawQuery = query.Encode()
		return s.signV2(r, access, func(c auth.Credentials, resource, q string) {
			query.Set("Expires", expires)
			query.Set("AWSAccessKeyId", access)
			query.Set("Signature", forkPresignatureV2(c, r.Method, resource, q, r.Header, expires))
			r.URL.RawQuery = query.Encode()
		})
	}
	return nil
}

// signHeader makes the signature of an Authorization header of version 4 again, for the headers that it named and that are
// still there, of the same date.
func (stock) signHeader(r *http.Request) *front.Failure {
	date := r.Header.Get("X-Amz-Date")
	if date == "" {
		date = r.Header.Get("Date")
	}
	var credential, names string
	for part := range strings.SplitSeq(strings.TrimPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256"), ",") {
		switch name, value, _ := strings.Cut(strings.TrimSpace(part), "="); name {
		case "Credential":
			credential = value
		case "SignedHeaders":
			names = value
		}
	}
	left, signed, f := stillSigned(r, names)
	if f != nil {
		return f
	}
	signature, f := signatureV4(credential, date, forkCanonical(signed, forkContentHash(r, forkS3), r.URL.Query().Encode(), r.URL.Path, r.Method))
	if f != nil {
		return f
	}
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+credential+", SignedHeaders="+left+", Signature="+signature)
	return nil
}

// signQuery does the same for a presigned URL of version 4.
func (stock) signQuery(r *http.Request) *front.Failure {
	query := r.URL.Query()
	query.Del("X-Amz-Signature")
	left, signed, f := stillSigned(r, query.Get("X-Amz-SignedHeaders"))
	if f != nil {
		return f
	}
	query.Set("X-Amz-SignedHeaders", left)
	r.URL.RawQuery = query.Encode()
	signature, f := signatureV4(query.Get("X-Amz-Credential"), query.Get("X-Amz-Date"),
		forkCanonical(signed, forkContentHash(r, forkS3), r.URL.RawQuery, r.URL.Path, r.Method))
	if f != nil {
		return f
	}
	r.URL.RawQuery += "&X-Amz-Signature=" + signature
	return nil
}

// stillSigned returns which of the headers of a signature are left, and their values.
func stillSigned(r *http.Request, names string) (left string, signed http.Header, f *front.Failure) {
	var kept []string
	for name := range strings.SplitSeq(names, ";") {
		switch name {
		case "host", "expect", "transfer-encoding", "content-length":
		default:
			if _, ok := r.Header[http.CanonicalHeaderKey(name)]; !ok && !r.URL.Query().Has(name) {
				continue
			}
		}
		kept = append(kept, name)
	}
	signed, code := forkSignedHeaders(kept, r)
	// The server takes the names from what it found, in lower case and sorted; clients name them so, too.
	return strings.Join(kept, ";"), signed, stockFailure(code)
}

// signatureV4 signs for the scope that a credential names.
func signatureV4(credential, date, canonical string) (string, *front.Failure) {
	// An access key may have slashes.
	scope := strings.Split(credential, "/")
	if len(scope) < 5 {
		return "", stockFailure(minio.ErrCredMalformed)
	}
	access := strings.Join(scope[:len(scope)-4], "/")
	scope = scope[len(scope)-4:]
	t, err := time.Parse("20060102T150405Z", date)
	if err != nil {
		return "", stockFailure(minio.ErrMalformedDate)
	}
	day, err := time.Parse("20060102", scope[0])
	if err != nil {
		return "", stockFailure(minio.ErrMalformedCredentialDate)
	}
	c, _, code := forkCredentials(access)
	if code != minio.ErrNone {
		return "", stockFailure(code)
	}
	key := forkSigningKey(c.SecretKey, day, scope[1], forkS3)
	return forkSignature(key, forkStringToSign(canonical, t, strings.Join(scope, "/"))), nil
}

// signV2 has set store the signature of version 2, for the resource and the query that it is for. That version is made of
// the request's line as it was received, which follows the URL here.
func (stock) signV2(r *http.Request, access string, set func(c auth.Credentials, resource, query string)) *front.Failure {
	c, _, code := forkCredentials(access)
	if code != minio.ErrNone {
		return stockFailure(code)
	}
	path, _, _ := strings.Cut(r.RequestURI, "?")
	resource, err := forkResource(path, r.Host, forkDomains)
	if err != nil {
		return stockFailure(minio.ErrInvalidRequest)
	}
	query, err := forkUnescapeQueries(r.URL.RawQuery)
	if err != nil {
		return stockFailure(minio.ErrInvalidQueryParams)
	}
	set(c, resource, strings.Join(query, "&"))
	r.RequestURI = path
	if r.URL.RawQuery != "" {
		r.RequestURI += "?" + r.URL.RawQuery
	}
	return nil
}
