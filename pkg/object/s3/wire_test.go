package s3_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"juicefs/pkg/object"
	"juicefs/pkg/object/s3"
	"juicefs/pkg/tests/oracle"
)

// What goes over the wire is what stores of any age understand: one plain request with a length, signed without its content, and no
// checksums but the one in the metadata.
func TestRequestsOnTheWire(t *testing.T) {
	var last *http.Request
	o := &other{HandlerFunc: func(_ http.ResponseWriter, r *http.Request) { last = r }}
	b := o.open(t, "https://store.example/blobs")
	large := bytes.Repeat([]byte("x"), 3<<20)
	for _, c := range []struct {
		key, contentType, checksum, expect string
		data                               []byte
	}{
		{"vol/chunks/0/0/1_0_9", "application/octet-stream", "3808858755", "", []byte("123456789")},
		{"vol/meta/dump.json", "application/json", "0", "", nil},
		{"large", "application/octet-stream", "180550347", "100-continue", large},
	} {
		if err := b.Put(t.Context(), c.key, object.Bytes(c.data)); err != nil {
			t.Fatal(err)
		}
		h := last.Header
		for name, want := range map[string]string{
			"Content-Type": c.contentType, "X-Amz-Meta-Crc32c": c.checksum, "Expect": c.expect, "X-Amz-Storage-Class": "COLD", "User-Agent": "juicefs",
			"Accept-Encoding": "", "Content-Encoding": "", "X-Amz-Trailer": "",
		} {
			if got := h.Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", c.key, name, got, want)
			}
		}
		if sum := h.Get("X-Amz-Content-Sha256"); len(c.data) > 0 && sum != "UNSIGNED-PAYLOAD" {
			t.Errorf("%s: the content is part of the signature: %s", c.key, sum)
		}
		if last.ContentLength != int64(len(c.data)) || len(last.TransferEncoding) > 0 {
			t.Errorf("%s: length %d, transfer encoding %v", c.key, last.ContentLength, last.TransferEncoding)
		}
		for name := range h {
			if strings.HasPrefix(name, "X-Amz-Checksum") || strings.HasPrefix(name, "X-Amz-Sdk") {
				t.Errorf("%s: %s was sent", c.key, name)
			}
		}
	}
	quiet := o.open(t, "https://store.example/blobs?disable-100-continue=true&disable-checksum=1")
	if err := quiet.Put(t.Context(), "large", object.Bytes(large)); err != nil {
		t.Fatal(err)
	}
	if h := last.Header; h.Get("Expect") != "" || h.Get("X-Amz-Meta-Crc32c") != "" {
		t.Errorf("sent in spite of what the address says: %v", h)
	}
	for _, r := range []struct {
		off, n int64
		want   string
	}{{0, -1, ""}, {0, 10, "bytes=0-9"}, {5, 10, "bytes=5-14"}, {7, -1, "bytes=7-"}} {
		body, err := b.Get(t.Context(), "key", r.off, r.n)
		if err != nil {
			t.Fatal(err)
		}
		_ = body.Close() // it is empty
		if got := last.Header.Get("Range"); got != r.want {
			t.Errorf("get of %d from %d: range %q, want %q", r.n, r.off, got, r.want)
		}
	}
}

// Listings are of version 2, with keys that XML can carry, in pages of at most a thousand.
func TestListingsOnTheWire(t *testing.T) {
	var asked []url.Values
	o := &other{HandlerFunc: func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.Query())
		more := ""
		if len(asked) == 1 {
			more = "<IsTruncated>true</IsTruncated><NextContinuationToken>next/1=</NextContinuationToken>"
		}
		_, _ = fmt.Fprintf(w, "<ListBucketResult><EncodingType>url</EncodingType>%s<Contents><Key>a/b%%2B%d</Key><Size>7</Size></Contents></ListBucketResult>", more, len(asked)) // to ourselves
	}}
	infos, err := o.open(t, "https://store.example/blobs").List(t.Context(), "a/", "a/a", 1500)
	if err != nil || len(infos) != 2 || infos[1].Key != "a/b+2" || infos[1].Size != 7 {
		t.Fatalf("got %v, %v", infos, err)
	}
	for i, want := range []url.Values{
		{"list-type": {"2"}, "encoding-type": {"url"}, "prefix": {"a/"}, "start-after": {"a/a"}, "max-keys": {"1000"}},
		{"list-type": {"2"}, "encoding-type": {"url"}, "prefix": {"a/"}, "continuation-token": {"next/1="}, "max-keys": {"1000"}},
	} {
		if got := asked[i]; got.Encode() != want.Encode() {
			t.Errorf("page %d: asked for %v, want %v", i+1, got, want)
		}
	}
}

// A failure is told after one request: whoever called decides about the next.
func TestRequestsAreSentOnce(t *testing.T) {
	for _, status := range []int{http.StatusServiceUnavailable, http.StatusInternalServerError, http.StatusTooManyRequests, http.StatusMovedPermanently, http.StatusTemporaryRedirect} {
		o := &other{HandlerFunc: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "https://elsewhere.example/blobs/key")
			w.WriteHeader(status)
		}}
		b := o.open(t, "https://store.example/blobs")
		for op, err := range map[string]error{
			"put": b.Put(t.Context(), "key", object.Bytes([]byte("x"))), "get": second(b.Get(t.Context(), "key", 0, -1)), "stat": second(b.Stat(t.Context(), "key")),
			"list": second(b.List(t.Context(), "", "", 1)), "delete": b.Delete(t.Context(), "key"),
		} {
			if err == nil {
				t.Errorf("%d: %s succeeded", status, op)
			}
		}
		if len(o.sent) != 5 {
			t.Errorf("%d: %d requests for 5 operations", status, len(o.sent))
		}
	}
}

// The region of the signature has to be the server's, wherever it was said.
func TestRegionOfTheServer(t *testing.T) {
	if testing.Short() {
		t.Skip("no servers with -short")
	}
	p := oracle.Ours(t)
	g := oracle.Start(t, p, oracle.Format(t, p, oracle.FormatOptions{}), oracle.GatewayOptions{
		Flags: []string{"--multi-buckets"}, Env: []string{"MINIO_REGION=" + oracle.Region}, // without one of its own it takes any
	})
	name := fresh()
	there := must[*s3.Bucket](t)(s3.OpenMinIO(g.URL()+"/"+name, options(g)))
	if err := there.Create(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		kind, query string
		env         []string
		good        bool
	}{
		{"minio", "?region=us-east-1", []string{"MINIO_REGION", "eu-west-1"}, true}, {"minio", "", []string{"MINIO_REGION", "us-east-1"}, true},
		{"minio", "", nil, true}, {"s3", "", nil, true}, {"s3", "", []string{"AWS_REGION", "us-east-1", "AWS_DEFAULT_REGION", "eu-west-1"}, true},
		{"minio", "?region=eu-west-1", nil, false}, {"minio", "", []string{"MINIO_REGION", "eu-west-1"}, false},
		{"s3", "", []string{"AWS_REGION", "eu-west-1"}, false}, {"s3", "", []string{"AWS_DEFAULT_REGION", "eu-west-1"}, false},
	} {
		o := options(g)
		o.Getenv = env(c.env...)
		open := s3.Open
		if c.kind == "minio" {
			open = s3.OpenMinIO
		}
		b := must[*s3.Bucket](t)(open(g.URL()+"/"+name+c.query, o))
		if err := b.Put(t.Context(), "key", object.Bytes([]byte("x"))); (err == nil) != c.good || err != nil && !b.Final(err) {
			t.Errorf("%s%s with %v: %v", c.kind, c.query, c.env, err)
		}
	}
}

// A store may want a certificate of its clients.
func TestMutualTLS(t *testing.T) {
	clientCert, clientKey, pool := clientCertificate(t)
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	srv.TLS = &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool, MinVersion: tls.VersionTLS12}
	srv.StartTLS()
	t.Cleanup(srv.Close)
	authority := filepath.Join(t.TempDir(), "ca.crt")
	if err := os.WriteFile(authority, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	keys := s3.Options{AccessKey: "key", SecretKey: "secret"}
	for _, c := range []struct {
		options string
		good    bool
	}{
		{"ca-certs=" + authority + "&ssl-cert=" + clientCert + "&ssl-key=" + clientKey, true},
		{"tls-insecure-skip-verify=true&ssl-cert=" + clientCert + "&ssl-key=" + clientKey, true},
		{"ca-certs=" + authority, false}, {"ssl-cert=" + clientCert + "&ssl-key=" + clientKey, false},
	} {
		b := must[*s3.Bucket](t)(s3.Open(srv.URL+"/blobs?"+c.options, keys))
		if err := b.Put(t.Context(), "key", object.Bytes([]byte("x"))); (err == nil) != c.good {
			t.Errorf("%s: %v", c.options, err)
		}
	}
	for _, options := range []string{"ssl-cert=" + clientCert, "ssl-key=" + clientKey, "ssl-cert=/none&ssl-key=" + clientKey, "ca-certs=/none", "ca-certs=" + clientKey} {
		if _, err := s3.Open(srv.URL+"/blobs?"+options, keys); err == nil {
			t.Errorf("%s: no error", options)
		}
	}
}

// clientCertificate returns files with a certificate of a client and its key, and the pool of who signed it: itself.
func clientCertificate(t *testing.T) (cert, key string, pool *x509.CertPool) {
	t.Helper()
	private := must[*ecdsa.PrivateKey](t)(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	der := must[[]byte](t)(x509.CreateCertificate(rand.Reader, template, template, private.Public(), private))
	pool = x509.NewCertPool()
	pool.AddCert(must[*x509.Certificate](t)(x509.ParseCertificate(der)))
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "client.crt"), filepath.Join(dir, "client.key")
	for file, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: must[[]byte](t)(x509.MarshalPKCS8PrivateKey(private))}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key, pool
}
