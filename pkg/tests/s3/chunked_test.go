package s3

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/minio/minio-go/v7"

	"juicefs/pkg/tests/oracle"
)

// TestChunksOverHTTPS: what current clients of AWS send over HTTPS by default, in both versions of HTTP, with a length and
// without.
func TestChunksOverHTTPS(t *testing.T) {
	t.Parallel()
	p := oracle.Ours(t)
	g := oracle.Start(t, p, oracle.Format(t, p, oracle.FormatOptions{}), oracle.GatewayOptions{Flags: everything, TLS: oracle.NewCertificate(t)})
	c := use(t, g)
	data := noise(300_000)
	sum := binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE(data))
	crc := base64.StdEncoding.EncodeToString(sum)
	for _, version := range []int{1, 2} {
		transport := g.Transport(t)
		transport.Protocols = new(http.Protocols)
		transport.Protocols.SetHTTP1(version == 1)
		transport.Protocols.SetHTTP2(version == 2)
		send := func(body string, known bool) (int, http.Header) {
			t.Helper()
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, g.URL()+"/"+c.bucket+"/k", io.NopCloser(strings.NewReader(body)))
			must(t, err)
			req.ContentLength = -1
			if known {
				req.ContentLength = int64(len(body))
			}
			for k, v := range map[string]string{"X-Amz-Content-Sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "X-Amz-Trailer": "x-amz-checksum-crc32",
				"X-Amz-Decoded-Content-Length": strconv.Itoa(len(data)), "Content-Encoding": "aws-chunked"} {
				req.Header.Set(k, v)
			}
			resp, err := transport.RoundTrip(sign(req))
			must(t, err)
			_, err = io.Copy(io.Discard, resp.Body)
			must(t, errors.Join(err, resp.Body.Close()))
			c.same("version", resp.ProtoMajor, version)
			return resp.StatusCode, resp.Header
		}
		body := fmt.Sprintf("10000\r\n%s\r\n%x\r\n%s\r\n0\r\nx-amz-checksum-crc32:%s\r\n\r\n", data[:65536], len(data)-65536, data[65536:], crc)
		for _, known := range []bool{true, false} {
			status, header := send(body, known)
			c.same("status", status, http.StatusOK)
			c.same("sum", header.Get("X-Amz-Checksum-Crc32"), crc)
			c.same("data", md5Hex(c.get("k")), md5Hex(data))
			must(t, c.RemoveObject(t.Context(), c.bucket, "k", minio.RemoveObjectOptions{}))
			status, _ = send(strings.Replace(body, crc, "AAAAAA==", 1), known)
			c.same("wrong sum", status, http.StatusBadRequest)
			if known {
				status, _ = send(body[:200_000], known)
				c.same("cut", status, http.StatusBadRequest)
			}
			c.same("stored", c.there("k"), false)
		}
	}
}
