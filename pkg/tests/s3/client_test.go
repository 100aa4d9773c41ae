package s3

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/signer"

	"juicefs/pkg/tests/oracle"
)

func TestMain(m *testing.M) { os.Exit(oracle.Main(m)) }

// client talks to a gateway about one bucket.
type client struct {
	*minio.Core
	t      *testing.T
	g      *oracle.Gateway
	bucket string
}

var buckets atomic.Int64 // numbers of buckets

// everything are the flags of most tests.
var everything = []string{"--multi-buckets", "--keep-etag", "--object-tag", "--object-meta"}

// serve starts a gateway on a new volume.
func serve(t *testing.T, flags ...string) *oracle.Gateway {
	t.Helper()
	return serveWith(t, nil, flags...)
}

// serveWith is serve with variables of the environment.
func serveWith(t *testing.T, env []string, flags ...string) *oracle.Gateway {
	t.Helper()
	p := oracle.Ours(t)
	return oracle.Start(t, p, oracle.Format(t, p, oracle.FormatOptions{}), oracle.GatewayOptions{Flags: flags, Env: env})
}

// use returns a client with a fresh bucket of a gateway that has several.
func use(t *testing.T, g *oracle.Gateway) *client {
	t.Helper()
	c := &client{Core: g.Core(t), t: t, g: g, bucket: "bucket-" + hex.EncodeToString([]byte{byte(buckets.Add(1))})}
	must(t, c.MakeBucket(t.Context(), c.bucket, minio.MakeBucketOptions{}))
	return c
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// wants fails unless err is a reply of S3 with this status and code; an empty code is any.
func wants(t testing.TB, err error, status int, code string) {
	t.Helper()
	got := minio.ToErrorResponse(err)
	if got.StatusCode != status || code != "" && got.Code != code {
		t.Errorf("got %v (%d %s), want %d %s", err, got.StatusCode, got.Code, status, code)
	}
}

// noise returns n bytes that are the same for the same n.
func noise(n int) []byte {
	b := make([]byte, n)
	r := rand.NewChaCha8([32]byte{byte(n), byte(n >> 8), byte(n >> 16)})
	_, _ = r.Read(b)
	return b
}

func md5Hex(b []byte) string {
	sum := md5.Sum(b)
	return hex.EncodeToString(sum[:])
}

func (c *client) put(key string, data []byte, o minio.PutObjectOptions) string {
	c.t.Helper()
	up, err := c.PutObject(c.t.Context(), c.bucket, key, bytes.NewReader(data), int64(len(data)), "", "", o)
	must(c.t, err)
	return up.ETag
}

func (c *client) get(key string) []byte {
	c.t.Helper()
	r, _, _, err := c.GetObject(c.t.Context(), c.bucket, key, minio.GetObjectOptions{})
	must(c.t, err)
	b, err := io.ReadAll(r)
	must(c.t, errors.Join(err, r.Close()))
	return b
}

// there reports whether a key exists.
func (c *client) there(key string) bool {
	c.t.Helper()
	_, err := c.StatObject(c.t.Context(), c.bucket, key, minio.StatObjectOptions{})
	if err == nil {
		return true
	}
	wants(c.t, err, http.StatusNotFound, "")
	return false
}

// keys lists the bucket as one line: keys, then prefixes.
func (c *client) keys(prefix, delimiter string) string {
	c.t.Helper()
	var line []string
	r, err := c.ListObjectsV2(c.bucket, prefix, "", false, delimiter, 1000)
	must(c.t, err)
	for _, o := range r.Contents {
		line = append(line, o.Key)
	}
	for _, p := range r.CommonPrefixes {
		line = append(line, "["+p.Prefix+"]")
	}
	return strings.Join(line, " ")
}

func (c *client) same(what string, got, want any) {
	c.t.Helper()
	if got != want {
		c.t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// reply is what a plain request got.
type reply struct {
	status int
	header http.Header
	body   []byte
	last   bool // of its connection
}

// code is that of an error reply.
func (r *reply) code() string {
	var e struct{ Code string }
	if xml.Unmarshal(r.body, &e) != nil {
		return ""
	}
	return e.Code
}

// send signs and sends a request whose path and query are as given: "bucket/key?query". Headers come in pairs.
func (c *client) send(method, pathAndQuery string, body []byte, headers ...string) *reply {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, c.g.URL()+"/"+pathAndQuery, bytes.NewReader(body))
	must(c.t, err)
	for k := 0; k < len(headers); k += 2 {
		req.Header.Set(headers[k], headers[k+1])
	}
	sum := sha256.Sum256(body)
	req.Header.Set("X-Amz-Content-Sha256", hex.EncodeToString(sum[:]))
	resp, err := http.DefaultClient.Do(sign(req))
	must(c.t, err)
	b, err := io.ReadAll(resp.Body)
	must(c.t, errors.Join(err, resp.Body.Close()))
	return &reply{status: resp.StatusCode, header: resp.Header, body: b, last: resp.Close}
}

// sign signs a request as the root user.
func sign(req *http.Request) *http.Request {
	if req.Header.Get("X-Amz-Content-Sha256") == "" {
		req.Header.Set("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD")
	}
	return signer.SignV4(*req, oracle.User, oracle.Password, "", oracle.Region)
}

// expect sends a request and fails unless the reply has the status and code.
func (c *client) expect(status int, code, method, pathAndQuery string, body []byte, headers ...string) *reply {
	c.t.Helper()
	r := c.send(method, pathAndQuery, body, headers...)
	if r.status != status || code != "" && r.code() != code {
		c.t.Errorf("%s %s: got %d %s, want %d %s\n%s", method, pathAndQuery, r.status, r.code(), status, code, r.body)
	}
	return r
}

// deleted is the answer of DeleteObjects.
type deleted struct {
	Deleted []struct{ Key string }
	Error   []struct{ Key, Code string }
}

// deleteMany sends one DeleteObjects.
func (c *client) deleteMany(quiet bool, keys ...string) *deleted {
	c.t.Helper()
	type object struct{ Key string }
	request := struct {
		XMLName xml.Name `xml:"Delete"`
		Quiet   bool
		Object  []object
	}{Quiet: quiet}
	for _, k := range keys {
		request.Object = append(request.Object, object{k})
	}
	body, err := xml.Marshal(request)
	must(c.t, err)
	r := c.expect(http.StatusOK, "", http.MethodPost, c.bucket+"?delete=", body, "Content-Md5", md5Base64(body))
	var d deleted
	must(c.t, xml.Unmarshal(r.body, &d))
	return &d
}

func md5Base64(b []byte) string {
	sum := md5.Sum(b)
	return base64.StdEncoding.EncodeToString(sum[:])
}
