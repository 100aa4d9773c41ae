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
	"github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/minio/minio-go/v7/pkg/signer"

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

// TestChunksOfNobody: where the policy of a bucket lets everybody in, a body may come in chunks that nobody has signed.
func TestChunksOfNobody(t *testing.T) {
	t.Parallel()
	c := use(t, serve(t, everything...))
	must(t, c.SetBucketPolicy(t.Context(), c.bucket, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":["*"]},"Action":["s3:PutObject"],"Resource":["arn:aws:s3:::`+c.bucket+`/open/*"]}]}`))
	data := noise(70_000)
	crc := base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE(data)))
	send := func(key, kind, crc, authorization string) *reply {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, c.g.URL()+"/"+c.bucket+"/"+key,
			strings.NewReader(fmt.Sprintf("%x\r\n%s\r\n0\r\nx-amz-checksum-crc32:%s\r\n\r\n", len(data), data, crc)))
		must(t, err)
		for k, v := range map[string]string{"X-Amz-Content-Sha256": kind, "X-Amz-Trailer": "x-amz-checksum-crc32", "X-Amz-Decoded-Content-Length": strconv.Itoa(len(data)),
			"Content-Encoding": "aws-chunked", "Authorization": authorization} {
			if v != "" {
				req.Header.Set(k, v)
			}
		}
		return wantsReply(t, req, 0, "")
	}
	const plain = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
	r := send("open/k", plain, crc, "")
	c.same("status", r.status, http.StatusOK)
	c.same("sum", r.header.Get("X-Amz-Checksum-Crc32"), crc)
	c.same("data", md5Hex(c.get("open/k")), md5Hex(data))
	info, err := c.StatObject(t.Context(), c.bucket, "open/k", minio.StatObjectOptions{})
	must(t, err)
	c.same("encoding", info.Metadata.Get("Content-Encoding"), "")
	for _, q := range []struct {
		key, kind, crc, authorization string
		status                        int
		code                          string
	}{
		{"open/no", plain, "AAAAAA==", "", 400, "BadDigest"},
		{"closed/no", plain, crc, "", 403, "AccessDenied"},
		{"open/no", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER", crc, "", 403, "AccessDenied"},
		{"open/no", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", crc, "", 403, "AccessDenied"},
		{"open/no", plain, crc, "Bearer x", 403, "AccessDenied"},
		{"open/no", plain, crc, "AWS4-HMAC-SHA256 Credential=x", 400, "MissingFields"},
	} {
		r := send(q.key, q.kind, q.crc, q.authorization)
		c.same(q.key+" "+q.kind+" "+q.authorization, fmt.Sprint(r.status, r.code()), fmt.Sprint(q.status, q.code))
		c.same("stored", c.there(q.key), false)
	}
}

// TestChunksOfUsers: temporary keys sign chunks like others, and bodies in chunks give nobody more rights.
func TestChunksOfUsers(t *testing.T) {
	t.Parallel()
	g := serve(t, everything...)
	c := use(t, g)
	mc := oracle.MC2021(t, map[string]*oracle.Gateway{"jfs": g})
	for user, policy := range map[string]string{"writer1": "readwrite", "reader1": "readonly"} {
		mc.Must(t, "admin", "user", "add", "jfs", user, "password1")
		mc.Must(t, "admin", "policy", "set", "jfs", policy, "user="+user)
	}
	for user, want := range map[string]int{"writer1": http.StatusOK, "reader1": http.StatusForbidden} {
		sts, err := credentials.NewSTSAssumeRole(g.URL(), credentials.STSAssumeRoleOptions{AccessKey: user, SecretKey: "password1", DurationSeconds: 3600})
		must(t, err)
		v, err := sts.Get()
		must(t, err)
		for _, token := range []string{v.SessionToken, ""} {
			req, failed := http.NewRequestWithContext(t.Context(), http.MethodPut, g.URL()+"/"+c.bucket+"/"+user, strings.NewReader("5\r\nhello\r\n0\r\n\r\n"))
			must(t, failed)
			req.Header.Set("X-Amz-Content-Sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER")
			req.Header.Set("X-Amz-Decoded-Content-Length", "5")
			resp, failed := http.DefaultClient.Do(signer.SignV4(*req, v.AccessKeyID, v.SecretAccessKey, token, oracle.Region))
			must(t, failed)
			must(t, resp.Body.Close())
			status := want
			if token == "" {
				status = http.StatusForbidden // the keys are not good without it
			}
			c.same(user, resp.StatusCode, status)
			c.same(user, c.there(user), want == http.StatusOK)
		}
		// This client signs chunk by chunk.
		_, err = g.CoreAs(t, v.AccessKeyID, v.SecretAccessKey, v.SessionToken).PutObject(t.Context(), c.bucket, "signed "+user, strings.NewReader("hello"), 5, "", "", minio.PutObjectOptions{})
		c.same("signed by "+user, err == nil, want == http.StatusOK)
		c.same("signed by "+user, c.there("signed "+user), want == http.StatusOK)
	}
}
