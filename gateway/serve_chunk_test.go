package gateway

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"strconv"
	"strings"
	"testing"

	miniogo "github.com/minio/minio-go/v7"

	"juicefs/pkg/checksum"
	"juicefs/vfs"
)

// chunkHead returns where the header of a chunk and its data begin.
func chunkHead(body string, n int) (head, data int) {
	for k := 0; ; k++ {
		line, _, _ := strings.Cut(body[head:], "\r\n")
		data = head + len(line) + 2
		if k == n {
			return head, data
		}
		digits, _, _ := strings.Cut(line, ";")
		size, err := strconv.ParseInt(digits, 16, 64)
		if err != nil || size == 0 {
			panic(fmt.Sprintf("there is no chunk %d", n))
		}
		head = data + int(size) + 2
	}
}

// altered returns a text of which one byte is another.
func altered(text string, at int) string {
	other := byte('0')
	if text[at] == other {
		other = '1'
	}
	return text[:at] + string(other) + text[at+1:]
}

// serveLongChunks is about data in signed chunks that are compared while it is stored.
func serveLongChunks(t *testing.T, c *raw, core *miniogo.Core) {
	const size = 100_000
	data := string(noise(43*size + 321)) // 44 chunks with data, one without
	id, err := core.NewMultipartUpload(t.Context(), "bodies", "parts", miniogo.PutObjectOptions{})
	must(t, err)
	const field = "x-amz-checksum-crc64nvme"
	trailer := field + ":" + sumText(checksum.CRC64NVME, data)
	for _, trailers := range [][]string{nil, {trailer}} {
		headers := []string{"X-Amz-Content-Sha256", signedStream, "X-Amz-Decoded-Content-Length", strconv.Itoa(len(data)), "Content-Encoding", "aws-chunked"}
		if trailers != nil {
			headers = append(headers, "X-Amz-Content-Sha256", signedStream+"-TRAILER", "X-Amz-Trailer", field)
		}
		put := func(path string, size int, change func(body string) string) answered {
			t.Helper()
			body := signedChunks(c.sign(c.request("PUT", path, "", 0, headers...)), "12345678", data, size, trailers...)
			req := c.sign(c.request("PUT", path, "", int64(len(body)), headers...))
			body = change(signedChunks(req, "12345678", data, size, trailers...))
			req.Body = io.NopCloser(strings.NewReader(body))
			req.ContentLength = int64(len(body))
			return c.do(req)
		}
		as := func(body string) string { return body }
		for _, n := range []int{size, 64 << 10, 1 << 20, len(data), 700} {
			got := put("/bodies/long-chunks", n, as)
			same(t, "status and tag", []any{got.status, got.header.Get("ETag")}, []any{200, `"` + md5Hex([]byte(data)) + `"`})
			if trailers != nil {
				same(t, "sum", got.header.Get(field), sumText(checksum.CRC64NVME, data))
			}
			if back := c.send("GET", "/bodies/long-chunks", "", 0); back.body != data {
				t.Errorf("chunks of %d: other data", n)
			}
		}
		inChunk := func(n, at int) func(string) string { // changes a byte of the data, or of the signature
			return func(body string) string {
				_, data := chunkHead(body, n)
				if at < 0 {
					return altered(body, data-3) // the last digit of the signature
				}
				return altered(body, data+at)
			}
		}
		for _, bad := range []struct {
			name   string
			change func(string) string
			status int
			code   string
		}{
			{"signature of the first chunk", inChunk(0, -1), 403, "SignatureDoesNotMatch"},
			{"signature in the middle", inChunk(21, -1), 403, "SignatureDoesNotMatch"},
			{"signature of the last data", inChunk(43, -1), 403, "SignatureDoesNotMatch"},
			{"signature of the last chunk", inChunk(44, -1), 403, "SignatureDoesNotMatch"},
			{"first byte", inChunk(0, 0), 403, "SignatureDoesNotMatch"},
			{"byte in the middle", inChunk(21, 4567), 403, "SignatureDoesNotMatch"},
			{"last byte", inChunk(43, 320), 403, "SignatureDoesNotMatch"},
			{"chunks swapped", func(body string) string {
				a, _ := chunkHead(body, 3)
				b, _ := chunkHead(body, 4)
				end, _ := chunkHead(body, 5)
				return body[:a] + body[b:end] + body[a:b] + body[end:]
			}, 403, "SignatureDoesNotMatch"},
			{"no last chunk", func(body string) string { head, _ := chunkHead(body, 44); return body[:head] }, 400, "IncompleteBody"},
			{"last byte wrong and no last chunk", func(body string) string { // which is seen before the byte is hashed
				head, _ := chunkHead(body, 44)
				return inChunk(43, 320)(body)[:head]
			}, 403, "SignatureDoesNotMatch"},
			{"cut", func(body string) string { return body[:len(body)/2] }, 400, "IncompleteBody"},
			{"surplus", func(body string) string { return body + "5\r\nhello\r\n" }, 400, "MalformedTrailerError"},
			{"other lines", func(body string) string { return strings.Replace(body, "\r\n", "\n\n", 2) }, 400, "IncompleteBody"},
			{"signature of the trailer", func(body string) string { return altered(body, strings.LastIndex(body, ":")+9) }, 403, "SignatureDoesNotMatch"},
			{"value of the trailer", func(body string) string { return altered(body, strings.LastIndex(body, field)+len(field)+2) }, 403, "SignatureDoesNotMatch"},
			{"no trailer", func(body string) string { return body[:strings.LastIndex(body, field)] }, 400, "MalformedTrailerError"},
		} {
			if trailers == nil && strings.Contains(bad.name, "trailer") {
				continue
			}
			for _, path := range []string{"/bodies/bad-chunks", "/bodies/parts?partNumber=1&uploadId=" + id} {
				got := put(path, size, bad.change)
				same(t, bad.name, []any{got.status, got.code}, []any{bad.status, bad.code})
			}
		}
		got := put("/bodies/parts?partNumber=2&uploadId="+id, size, as)
		same(t, "part", []any{got.status, got.header.Get("ETag")}, []any{200, `"` + md5Hex([]byte(data)) + `"`})
		parts, err := core.ListObjectParts(t.Context(), "bodies", "parts", id, 0, 10)
		must(t, err)
		if len(parts.ObjectParts) != 1 || parts.ObjectParts[0].PartNumber != 2 {
			t.Errorf("there are %d parts", len(parts.ObjectParts))
		}
	}
	must(t, core.AbortMultipartUpload(t.Context(), "bodies", "parts", id))
	serveOtherSums(t, c, data)
}

// serveOtherSums is about data whose signatures are right, and what else the client says of it is not.
func serveOtherSums(t *testing.T, c *raw, data string) {
	sha := sha256.Sum256([]byte(data))
	for _, said := range []struct {
		header, value string
		status        int
		code          string
	}{
		{"Content-Md5", md5Base64(data), 200, ""},
		{"Content-Md5", md5Base64("x"), 400, "BadDigest"},
		{"X-Amz-Checksum-Sha256", sumText(checksum.SHA256, data), 200, ""},
		{"X-Amz-Checksum-Sha256", sumText(checksum.SHA256, "x"), 400, "BadDigest"},
		{"X-Amz-Checksum-Crc32", sumText(checksum.CRC32, "x"), 400, "BadDigest"},
		{"X-Amz-Meta-Sha256", hex.EncodeToString(sha[:]), 200, ""},
	} {
		headers := []string{"X-Amz-Content-Sha256", signedStream, "X-Amz-Decoded-Content-Length", strconv.Itoa(len(data)), said.header, said.value}
		path := "/bodies/bad-said"
		if said.code == "" {
			path = "/bodies/said"
		}
		length := len(signedChunks(c.sign(c.request("PUT", path, "", 0, headers...)), "12345678", data, 65536))
		req := c.sign(c.request("PUT", path, "", int64(length), headers...))
		req.Body = io.NopCloser(strings.NewReader(signedChunks(req, "12345678", data, 65536)))
		got := c.do(req)
		same(t, said.header, []any{got.status, got.code}, []any{said.status, said.code})
	}
}

// TestNobodyCommitsWhatWasNotFinished: data of a request cannot appear unless all that is said of it was found right.
func TestNobodyCommitsWhatWasNotFinished(t *testing.T) {
	t.Parallel()
	l := newLayer(t, allKept())
	ctx := outsideCtx(t)
	tg, err := l.object(ctx, "buck", "k", writes)
	must(t, err)
	for _, finished := range []bool{false, true} {
		data := noise(2 << 20)
		in := l.intake(ctx, reader(t, bytes.NewReader(data), int64(len(data))), checksum.None)
		w := l.writer(ctx, &tg, in)
		_, err = w.ReadFrom(in.source())
		must(t, err)
		if finished {
			_, err = in.finish(ctx, &tg)
			must(t, err)
		}
		_, err = w.Commit(ctx, vfs.Commit{Path: tg.path, Parents: true})
		in.close()
		if (err == nil) != finished {
			t.Errorf("finished %v: got %v", finished, err)
		}
		if !finished {
			absent(t, l, "buck", "k")
		}
	}
}
