package gateway

import (
	"bufio"
	"bytes"
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	miniogo "github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/signer"

	"juicefs/pkg/checksum"
)

// raw sends requests as they are written here, signed by the root user unless it says otherwise.
type raw struct {
	t       *testing.T
	address string
}

// answered is a reply with what is told of an error.
type answered struct {
	status int
	header http.Header
	body   string
	code   string
}

// send signs and sends a request. headers are pairs; a hash of the payload that is missing is unsigned. length below 0 is
// that of a body in chunks of HTTP.
func (c *raw) send(method, path, body string, length int64, headers ...string) answered {
	c.t.Helper()
	return c.do(c.sign(c.request(method, path, body, length, headers...)))
}

func (c *raw) request(method, path, body string, length int64, headers ...string) *http.Request {
	c.t.Helper()
	req, err := http.NewRequestWithContext(c.t.Context(), method, "http://"+c.address+path, io.NopCloser(strings.NewReader(body)))
	must(c.t, err)
	req.ContentLength = length
	if length == 0 {
		req.Body = http.NoBody
	}
	req.Header.Set("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD")
	for k := 0; k < len(headers); k += 2 {
		req.Header.Set(headers[k], headers[k+1])
	}
	return req
}

func (c *raw) sign(req *http.Request) *http.Request {
	return signer.SignV4(*req, "admin", "12345678", "", "us-east-1")
}

func (c *raw) do(req *http.Request) answered {
	c.t.Helper()
	resp, err := http.DefaultClient.Do(req)
	must(c.t, err)
	body, err := io.ReadAll(resp.Body)
	must(c.t, errors.Join(err, resp.Body.Close()))
	a := answered{status: resp.StatusCode, header: resp.Header, body: string(body)}
	if a.status >= 400 && len(body) > 0 {
		var e struct{ Code string }
		must(c.t, xml.Unmarshal(body, &e))
		a.code = e.Code
	}
	return a
}

// signedChunks encodes data as the chain of signatures of a request that is signed demands.
func signedChunks(req *http.Request, secret string, data string, size int, trailers ...string) string {
	mac := func(key []byte, text string) []byte {
		h := hmac.New(sha256.New, key)
		_, _ = h.Write([]byte(text))
		return h.Sum(nil)
	}
	sum := func(text string) string {
		s := sha256.Sum256([]byte(text))
		return hex.EncodeToString(s[:])
	}
	auth := req.Header.Get("Authorization")
	previous := auth[strings.Index(auth, "Signature=")+10:]
	_, scope, _ := strings.Cut(auth[:strings.IndexByte(auth, ',')], "/")
	key := []byte("AWS4" + secret)
	for _, part := range strings.Split(scope, "/") {
		key = mac(key, part)
	}
	sign := func(what, text string) string {
		previous = hex.EncodeToString(mac(key, what+"\n"+req.Header.Get("X-Amz-Date")+"\n"+scope+"\n"+previous+"\n"+text))
		return previous
	}
	var b strings.Builder
	for {
		piece := data[:min(size, len(data))]
		data = data[len(piece):]
		fmt.Fprintf(&b, "%x;chunk-signature=%s\r\n", len(piece), sign("AWS4-HMAC-SHA256-PAYLOAD", sum("")+"\n"+sum(piece)))
		if piece == "" {
			break
		}
		b.WriteString(piece + "\r\n")
	}
	if len(trailers) > 0 {
		lines := strings.Join(trailers, "\n") + "\n"
		b.WriteString(lines + "x-amz-trailer-signature:" + sign("AWS4-HMAC-SHA256-TRAILER", sum(lines)) + "\r\n")
	}
	return b.String() + "\r\n"
}

// plainChunks encodes data without signatures.
func plainChunks(data string, size int, trailers ...string) string {
	var b strings.Builder
	for {
		piece := data[:min(size, len(data))]
		data = data[len(piece):]
		fmt.Fprintf(&b, "%x\r\n", len(piece))
		if piece == "" {
			break
		}
		b.WriteString(piece + "\r\n")
	}
	for _, line := range trailers {
		b.WriteString(line + "\r\n")
	}
	return b.String() + "\r\n"
}

func sumText(a checksum.Algorithm, data string) string {
	h := a.New()
	_, _ = h.Write([]byte(data))
	return checksum.Sum{Algorithm: a, Value: h.Sum(nil)}.String()
}

func md5Base64(data string) string {
	sum := md5.Sum([]byte(data))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// serveBodies is about bodies in chunks and checksums.
func serveBodies(t *testing.T, address string, core *miniogo.Core) {
	must(t, core.MakeBucket(t.Context(), "bodies", miniogo.MakeBucketOptions{}))
	c := &raw{t, address}
	t.Run("chunks without signatures", func(t *testing.T) { serveUnsignedChunks(t, &raw{t, address}) })
	t.Run("chunks with signatures", func(t *testing.T) { serveSignedChunks(t, &raw{t, address}) })
	t.Run("long chunks with signatures", func(t *testing.T) { serveLongChunks(t, &raw{t, address}, core) })
	t.Run("who may send chunks", func(t *testing.T) { serveChunkRights(t, &raw{t, address}) })
	t.Run("checksums", func(t *testing.T) { serveSums(t, &raw{t, address}) })
	t.Run("settings and lists", func(t *testing.T) { serveDocuments(t, &raw{t, address}) })
	t.Run("long data", func(t *testing.T) { serveLong(t, &raw{t, address}) })
	t.Run("checksums of uploads", func(t *testing.T) { serveUploadSums(t, &raw{t, address}) })
	t.Run("checksums of copies", func(t *testing.T) { serveCopySums(t, &raw{t, address}) })
	t.Run("leave to send nothing", func(t *testing.T) { serveContinue(t, c) })
	list, err := core.ListObjectsV2("bodies", "bad", "", false, "", 100)
	must(t, err)
	same(t, "stored of what was refused", len(list.Contents), 0)
}

const (
	unsignedStream = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
	signedStream   = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
)

func serveUnsignedChunks(t *testing.T, c *raw) {
	data := string(noise(200_000))
	for _, a := range checksum.Algorithms {
		field := strings.ToLower(a.Header())
		trailer := field + ":" + sumText(a, data)
		for _, known := range []bool{true, false} {
			body := plainChunks(data, 65536, trailer)
			length := int64(len(body))
			if !known {
				length = -1
			}
			got := c.send("PUT", "/bodies/a+b%20%C3%A4/"+a.String(), body, length, "X-Amz-Content-Sha256", unsignedStream, "X-Amz-Trailer", field,
				"X-Amz-Decoded-Content-Length", strconv.Itoa(len(data)), "Content-Encoding", "aws-chunked,gzip")
			same(t, "status", got.status, 200)
			same(t, "sum", got.header.Get(field), sumText(a, data))
			same(t, "kind", got.header.Get("x-amz-checksum-type"), "FULL_OBJECT")
			same(t, "tag", got.header.Get("ETag"), `"`+md5Hex([]byte(data))+`"`)
			got = c.send("GET", "/bodies/a+b%20%C3%A4/"+a.String(), "", 0, "X-Amz-Checksum-Mode", "ENABLED", "Accept-Encoding", "identity")
			same(t, "status", got.status, 200)
			same(t, "encoding", got.header.Get("Content-Encoding"), "gzip")
			same(t, "sum", got.header.Get(field), sumText(a, data))
			if got.body != data {
				t.Error("other data")
			}
		}
	}
	body := plainChunks("", 1, "x-amz-checksum-crc32:AAAAAA==")
	got := c.send("PUT", "/bodies/none", body, int64(len(body)), "X-Amz-Content-Sha256", unsignedStream, "X-Amz-Trailer", "x-amz-checksum-crc32",
		"X-Amz-Decoded-Content-Length", "0", "Content-Encoding", "aws-chunked")
	same(t, "status of an empty one", got.status, 200)
	same(t, "sum of an empty one", got.header.Get("x-amz-checksum-crc32"), "AAAAAA==")
	got = c.send("PUT", "/bodies/dir/", body, int64(len(body)), "X-Amz-Content-Sha256", unsignedStream, "X-Amz-Trailer", "x-amz-checksum-crc32",
		"X-Amz-Decoded-Content-Length", "0")
	same(t, "status of a directory", got.status, 200)
	got = c.send("PUT", "/bodies/dir/below", "x", 1)
	same(t, "status", got.status, 200)
	got = c.send("HEAD", "/bodies/dir/", "", 0, "X-Amz-Checksum-Mode", "ENABLED")
	same(t, "sum of a directory", got.header.Get("x-amz-checksum-crc32"), "AAAAAA==")
	crc := "x-amz-checksum-crc32:" + sumText(checksum.CRC32, "hello")
	for _, bad := range []struct {
		name, body, length, trailer string
		status                      int
		code                        string
	}{
		{"wrong sum", plainChunks("hullo", 9, crc), "5", "x-amz-checksum-crc32", 400, "BadDigest"},
		{"missing trailer", plainChunks("hello", 9), "5", "x-amz-checksum-crc32", 400, "MalformedTrailerError"},
		{"other trailer", plainChunks("hello", 9, crc), "5", "x-amz-checksum-crc32c", 400, "MalformedTrailerError"},
		{"trailer that is no sum", plainChunks("hello", 9, "x-amz-checksum-crc32:NhCmhg"), "5", "x-amz-checksum-crc32", 400, "InvalidRequest"},
		{"not announced", plainChunks("hello", 9, crc), "5", "", 400, "MalformedTrailerError"},
		{"unknown trailer", plainChunks("hello", 9, "x-amz-meta-a:b"), "5", "x-amz-meta-a", 400, "InvalidRequest"},
		{"other algorithm", plainChunks("hello", 9, "x-amz-checksum-sha512:x"), "5", "x-amz-checksum-sha512", 501, "NotImplemented"},
		{"two trailers", plainChunks("hello", 9, crc), "5", "x-amz-checksum-crc32,x-amz-checksum-crc32c", 400, "InvalidRequest"},
		{"cut", "9\r\nhello", "9", "x-amz-checksum-crc32", 400, "IncompleteBody"},
		{"shorter", plainChunks("hello", 9, crc), "6", "x-amz-checksum-crc32", 400, "IncompleteBody"},
		{"longer", plainChunks("hello", 2, crc), "4", "x-amz-checksum-crc32", 400, "IncompleteBody"},
		{"surplus", plainChunks("hello", 9, crc) + "5\r\nhello", "5", "x-amz-checksum-crc32", 400, "MalformedTrailerError"},
		{"nothing of nothing", "", "0", "x-amz-checksum-crc32", 400, "IncompleteBody"},
		{"no length", plainChunks("hello", 9, crc), "", "x-amz-checksum-crc32", 411, "MissingContentLength"},
		{"no number", plainChunks("hello", 9, crc), "5x", "x-amz-checksum-crc32", 400, "InvalidArgument"},
		{"too large", plainChunks("hello", 9, crc), "9999999999999", "x-amz-checksum-crc32", 400, "EntityTooLarge"},
	} {
		headers := []string{"X-Amz-Content-Sha256", unsignedStream, "Content-Encoding", "aws-chunked"}
		if bad.length != "" {
			headers = append(headers, "X-Amz-Decoded-Content-Length", bad.length)
		}
		if bad.trailer != "" {
			headers = append(headers, "X-Amz-Trailer", bad.trailer)
		}
		for _, path := range []string{"/bodies/bad", "/bodies/bad/"} {
			if path == "/bodies/bad/" && bad.length != "0" {
				continue
			}
			got := c.send("PUT", path, bad.body, int64(len(bad.body)), headers...)
			same(t, bad.name, []any{got.status, got.code}, []any{bad.status, bad.code})
		}
	}
}

func serveSignedChunks(t *testing.T, c *raw) {
	data := string(noise(150_000))
	for _, trailers := range [][]string{nil, {"x-amz-checksum-crc64nvme:" + sumText(checksum.CRC64NVME, data)}} {
		headers := []string{"X-Amz-Content-Sha256", signedStream, "X-Amz-Decoded-Content-Length", strconv.Itoa(len(data)), "Content-Encoding", "aws-chunked"}
		if trailers != nil {
			headers = append(headers, "X-Amz-Content-Sha256", signedStream+"-TRAILER", "X-Amz-Trailer", "x-amz-checksum-crc64nvme")
		}
		put := func(path string, change func(body string) string) answered {
			body := signedChunks(c.sign(c.request("PUT", path, "", 0, headers...)), "12345678", data, 65536, trailers...)
			req := c.sign(c.request("PUT", path, "", int64(len(body)), headers...))
			body = change(signedChunks(req, "12345678", data, 65536, trailers...))
			req.Body = io.NopCloser(strings.NewReader(body))
			req.ContentLength = int64(len(body))
			return c.do(req)
		}
		got := put("/bodies/signed", func(body string) string { return body })
		same(t, "status", got.status, 200)
		if got = c.send("GET", "/bodies/signed", "", 0, "X-Amz-Checksum-Mode", "ENABLED"); got.body != data || got.header.Get("Content-Encoding") != "" {
			t.Error("other data")
		}
		if trailers != nil {
			same(t, "sum", got.header.Get("x-amz-checksum-crc64nvme"), sumText(checksum.CRC64NVME, data))
		}
		got = put("/bodies/bad", func(body string) string { return body[:1000] + "~" + body[1001:] })
		same(t, "changed data", []any{got.status, got.code}, []any{403, "SignatureDoesNotMatch"})
		got = put("/bodies/bad", func(body string) string { return body[:100_000] })
		same(t, "cut", []any{got.status, got.code}, []any{400, "IncompleteBody"})
		got = put("/bodies/bad", func(body string) string {
			return strings.Replace(body, "x-amz-trailer-signature:", "x-amz-trailer-signature:0", 1) + "x"
		})
		same(t, "trailer", []any{got.status >= 400, got.code != ""}, []any{true, true})
	}
}

func serveChunkRights(t *testing.T, c *raw) {
	body := plainChunks("hello", 9, "x-amz-checksum-crc32:"+sumText(checksum.CRC32, "hello"))
	headers := []string{"X-Amz-Content-Sha256", unsignedStream, "X-Amz-Decoded-Content-Length", "5", "X-Amz-Trailer", "x-amz-checksum-crc32"}
	got := c.do(c.request("PUT", "/bodies/bad", body, int64(len(body)), headers...))
	same(t, "anonymous", []any{got.status, got.code}, []any{403, "AccessDenied"})
	link := signer.PreSignV4(*c.request("PUT", "/bodies/bad", body, int64(len(body)), headers...), "admin", "12345678", "", "us-east-1", 60)
	got = c.do(link)
	same(t, "by a link", []any{got.status, got.code}, []any{403, "AccessDenied"})
	forged := c.sign(c.request("PUT", "/bodies/bad", body, int64(len(body)), headers...))
	forged.Header.Set("Authorization", forged.Header.Get("Authorization")[:len(forged.Header.Get("Authorization"))-4]+"0000")
	got = c.do(forged)
	same(t, "forged", []any{got.status, got.code}, []any{403, "SignatureDoesNotMatch"})
	stranger := signer.SignV4(*c.request("PUT", "/bodies/bad", body, int64(len(body)), headers...), "nobody", "12345678", "", "us-east-1")
	got = c.do(stranger)
	same(t, "stranger", []any{got.status, got.code}, []any{403, "InvalidAccessKeyId"})
	old := c.request("PUT", "/bodies/bad", body, int64(len(body)), headers...)
	v2 := signer.SignV2(*old, "admin", "12345678", false)
	got = c.do(v2)
	same(t, "version 2", []any{got.status, got.code}, []any{403, "AccessDenied"})
	got = c.send("PUT", "/bodies/bad", body, int64(len(body)), append(headers, "X-Amz-Meta-Snowball-Auto-Extract", "true")...)
	same(t, "archive", []any{got.status, got.code}, []any{501, "NotImplemented"})
	for kind, want := range map[string][]any{"STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD": {501, "NotImplemented"}, "STREAMING-X": {400, "InvalidArgument"}} {
		got = c.send("PUT", "/bodies/bad", body, int64(len(body)), append(headers, "X-Amz-Content-Sha256", kind)...)
		same(t, kind, []any{got.status, got.code}, want)
	}
}

func serveSums(t *testing.T, c *raw) {
	for _, a := range checksum.Algorithms {
		field := a.Header()
		got := c.send("PUT", "/bodies/sum", "hello", 5, field, sumText(a, "hello"))
		same(t, "status", []any{got.status, got.header.Get(field)}, []any{200, sumText(a, "hello")})
		got = c.send("HEAD", "/bodies/sum", "", 0, "X-Amz-Checksum-Mode", "ENABLED")
		same(t, "sum", []any{got.header.Get(field), got.header.Get("x-amz-checksum-type")}, []any{sumText(a, "hello"), "FULL_OBJECT"})
		got = c.send("HEAD", "/bodies/sum", "", 0)
		same(t, "sum that nobody asked for", got.header.Get(field), "")
		got = c.send("GET", "/bodies/sum", "", 0, "X-Amz-Checksum-Mode", "ENABLED", "Range", "bytes=1-2")
		same(t, "sum of a range", []any{got.status, got.header.Get(field)}, []any{206, ""})
		got = c.send("PUT", "/bodies/bad", "hullo", 5, field, sumText(a, "hello"))
		same(t, "wrong", []any{got.status, got.code}, []any{400, "BadDigest"})
		got = c.send("PUT", "/bodies/bad", "hello", 5, field, "aGVsbG8gd29ybGQ=")
		same(t, "malformed", []any{got.status, got.code}, []any{400, "InvalidRequest"})
	}
	got := c.send("PUT", "/bodies/sum", "hello", 5)
	same(t, "status", got.status, 200)
	got = c.send("HEAD", "/bodies/sum", "", 0, "X-Amz-Checksum-Mode", "ENABLED")
	same(t, "sum of data that came without", got.header.Get("x-amz-checksum-type"), "")
	got = c.send("PUT", "/bodies/bad", "hello", 5, "x-amz-checksum-crc32", sumText(checksum.CRC32, "hello"), "x-amz-checksum-sha1", sumText(checksum.SHA1, "hello"))
	same(t, "two", []any{got.status, got.code}, []any{400, "InvalidRequest"})
	for link, want := range map[string]int{sumText(checksum.CRC32, "hello"): 200, sumText(checksum.CRC32, "hullo"): 400} {
		req := c.request("PUT", "/bodies/bad-link?x-amz-checksum-crc32="+strings.NewReplacer("=", "%3D", "/", "%2F", "+", "%2B").Replace(link), "hello", 5)
		req.Header.Del("X-Amz-Content-Sha256")
		same(t, "by a link", c.do(signer.PreSignV4(*req, "admin", "12345678", "", "us-east-1", 60)).status, want)
	}
	must200(t, c.send("DELETE", "/bodies/bad-link", "", 0), 204)
	got = c.send("PUT", "/bodies/bad", "hello", 5, "x-amz-trailer", "x-amz-checksum-crc32")
	same(t, "trailer of a plain body", []any{got.status, got.code}, []any{400, "InvalidRequest"})
	got = c.send("PUT", "/bodies/bad", "hello", 5, "x-amz-checksum-sha512", "aGVsbG8=")
	same(t, "other algorithm", []any{got.status, got.code}, []any{501, "NotImplemented"})
	sha := sha256.Sum256([]byte("hello"))
	got = c.send("PUT", "/bodies/bad", "hullo", 5, "X-Amz-Content-Sha256", hex.EncodeToString(sha[:]), "x-amz-checksum-crc32", sumText(checksum.CRC32, "hullo"))
	same(t, "other hash of the payload", []any{got.status, got.code}, []any{400, "XAmzContentSHA256Mismatch"})
	got = c.send("PUT", "/bodies/bad", "hullo", 5, "Content-Md5", md5Base64("hello"), "x-amz-checksum-crc32", sumText(checksum.CRC32, "hullo"))
	same(t, "other MD5", []any{got.status, got.code}, []any{400, "BadDigest"})
}

func must200(t *testing.T, got answered, status int) {
	t.Helper()
	if got.status != status {
		t.Fatalf("got %d %s", got.status, got.body)
	}
}

func serveDocuments(t *testing.T, c *raw) {
	const list = "<Delete><Object><Key>gone</Key></Object></Delete>"
	n := int64(len(list))
	for name, headers := range map[string][]string{
		"with MD5":     {"Content-Md5", md5Base64(list)},
		"with CRC-32":  {"x-amz-checksum-crc32", sumText(checksum.CRC32, list)},
		"with SHA-256": {"x-amz-checksum-sha256", sumText(checksum.SHA256, list)},
	} {
		must200(t, c.send("PUT", "/bodies/gone", "x", 1), 200)
		got := c.send("POST", "/bodies?delete", list, n, headers...)
		same(t, name, []any{got.status, strings.Contains(got.body, "<Key>gone</Key>")}, []any{200, true})
		same(t, name, c.send("HEAD", "/bodies/gone", "", 0).status, 404)
	}
	must200(t, c.send("PUT", "/bodies/gone", "x", 1), 200)
	coded := plainChunks(list, 10, "x-amz-checksum-crc32c:"+sumText(checksum.CRC32C, list))
	trailing := []string{"X-Amz-Content-Sha256", unsignedStream, "X-Amz-Trailer", "x-amz-checksum-crc32c", "X-Amz-Decoded-Content-Length", strconv.Itoa(len(list))}
	got := c.send("POST", "/bodies?delete", coded, -1, trailing...)
	same(t, "with a trailer", got.status, 200)
	same(t, "with a trailer", c.send("HEAD", "/bodies/gone", "", 0).status, 404)
	must200(t, c.send("PUT", "/bodies/gone", "x", 1), 200)
	sha := sha256.Sum256([]byte("other"))
	for _, bad := range []struct {
		name, body string
		headers    []string
		want       string
	}{
		{"nothing to check by", list, nil, "400 InvalidRequest"},
		{"wrong MD5", list, []string{"Content-Md5", md5Base64("x")}, "400 BadDigest"},
		{"no MD5", list, []string{"Content-Md5", "x"}, "400 InvalidDigest"},
		{"wrong sum", list, []string{"x-amz-checksum-crc32", sumText(checksum.CRC32, "x")}, "400 BadDigest"},
		{"wrong hash", list, []string{"X-Amz-Content-Sha256", hex.EncodeToString(sha[:]), "Content-Md5", md5Base64(list)}, "400 XAmzContentSHA256Mismatch"},
		{"wrong trailer", strings.Replace(coded, "gone", "went", 1), trailing, "400 BadDigest"},
		{"much", strings.Repeat(" ", 10<<20+1), []string{"Content-Md5", md5Base64("x")}, "400 EntityTooLarge"},
	} {
		got = c.send("POST", "/bodies?delete", bad.body, int64(len(bad.body)), bad.headers...)
		same(t, bad.name, fmt.Sprintf("%d %s", got.status, got.code), bad.want)
	}
	same(t, "still there", c.send("HEAD", "/bodies/gone", "", 0).status, 200)
	unsigned := c.do(c.request("POST", "/bodies?delete", list, n, "Content-Md5", md5Base64(list)))
	same(t, "anonymous", strings.Contains(unsigned.body, "AccessDenied"), true)
	same(t, "still there", c.send("HEAD", "/bodies/gone", "", 0).status, 200)
	const tags = "<Tagging><TagSet><Tag><Key>k</Key><Value>v</Value></Tag></TagSet></Tagging>"
	same(t, "tags of a bucket", c.send("PUT", "/bodies?tagging", tags, int64(len(tags)), "x-amz-checksum-crc32", sumText(checksum.CRC32, tags)).status, 200)
	got = c.send("PUT", "/bodies?tagging", tags, int64(len(tags)), "x-amz-checksum-crc32", sumText(checksum.CRC32, list))
	same(t, "tags of a bucket", got.code, "BadDigest")
}

// serveLong is about data that is hashed by several goroutines.
func serveLong(t *testing.T, c *raw) {
	data := string(noise(9<<20 + 5))
	sha := sha256.Sum256([]byte(data))
	hash := hex.EncodeToString(sha[:])
	n := int64(len(data))
	got := c.send("PUT", "/bodies/long", data, n, "X-Amz-Content-Sha256", hash, "x-amz-checksum-sha256", sumText(checksum.SHA256, data), "Content-Md5", md5Base64(data))
	same(t, "status and tag", []any{got.status, got.header.Get("ETag")}, []any{200, `"` + md5Hex([]byte(data)) + `"`})
	if back := c.send("GET", "/bodies/long", "", 0); back.body != data {
		t.Error("other data")
	}
	got = c.send("PUT", "/bodies/bad", data[:n-1]+"~", n, "X-Amz-Content-Sha256", hash)
	same(t, "other hash", []any{got.status, got.code}, []any{400, "XAmzContentSHA256Mismatch"})
	got = c.send("PUT", "/bodies/bad", data, n, "Content-Md5", md5Base64("x"))
	same(t, "other MD5", []any{got.status, got.code}, []any{400, "BadDigest"})
	got = c.send("PUT", "/bodies/bad", data, n, "x-amz-checksum-sha1", sumText(checksum.SHA1, "x"))
	same(t, "other sum", []any{got.status, got.code}, []any{400, "BadDigest"})
}

// serveContinue: an empty PUT that waits for leave gets it, and the connection serves the next request.
func serveContinue(t *testing.T, c *raw) {
	conn, err := net.Dial("tcp", c.address) //nolint:noctx // a test
	must(t, err)
	defer func() { must(t, conn.Close()) }()
	must(t, conn.SetDeadline(time.Now().Add(20*time.Second)))
	r := bufio.NewReader(conn)
	for _, body := range []string{"", "hello", ""} {
		req := c.sign(c.request("PUT", "/bodies/waited", body, int64(len(body)), "Expect", "100-continue"))
		var b bytes.Buffer
		fmt.Fprintf(&b, "PUT /bodies/waited HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n", c.address, len(body))
		must(t, req.Header.Write(&b))
		b.WriteString("\r\n")
		_, err = conn.Write(b.Bytes())
		must(t, err)
		line, err := r.ReadString('\n')
		must(t, err)
		same(t, "leave", line, "HTTP/1.1 100 Continue\r\n")
		for line != "\r\n" {
			line, err = r.ReadString('\n')
			must(t, err)
		}
		_, err = io.WriteString(conn, body)
		must(t, err)
		resp, err := http.ReadResponse(r, req)
		must(t, err)
		_, err = io.Copy(io.Discard, resp.Body)
		must(t, errors.Join(err, resp.Body.Close()))
		same(t, "status", resp.StatusCode, 200)
	}
}
