package security

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	miniogo "github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/signer"

	"juicefs/pkg/tests/oracle"
)

// TestPromises: replies that say that something was done, or checked, which was not.
func TestPromises(t *testing.T) {
	t.Parallel()
	try(t, many, []attack{
		{"S13 an object is replaced although it must not exist", func(s *side) bool {
			s.bucket("s13")
			s.put("s13", "k", "first")
			s.send(root, http.MethodPut, "s13/k", []byte("second"), "If-None-Match", "*")
			return s.has("s13", "k", "second")
		}},
		{"S13 an object is removed although it has changed", func(s *side) bool {
			s.bucket("s13b")
			s.put("s13b", "k", "data")
			s.send(root, http.MethodDelete, "s13b/k", nil, "If-Match", `"0123456789abcdef0123456789abcdef"`)
			return !s.has("s13b", "k", "data")
		}},
		{"S14 data that is not what its checksum says", func(s *side) bool {
			s.bucket("s14")
			return s.send(root, http.MethodPut, "s14/k", []byte("data"), "X-Amz-Checksum-Crc32", "AAAAAA==").ok()
		}},
		{"S14 a body in signed chunks is cut to the length that was said", func(s *side) bool {
			s.bucket("s14b")
			return s.chunk("s14b/k", "data and more", 4).ok() && s.has("s14b", "k", "data")
		}},
		{"S14 a part of an upload is cut to the length that was said", func(s *side) bool {
			s.bucket("s14c")
			c := s.g.Core(s.t)
			id, err := c.NewMultipartUpload(s.t.Context(), "s14c", "k", miniogo.PutObjectOptions{})
			must(s.t, err)
			if !s.chunk("s14c/k?partNumber=1&uploadId="+id, "data and more", 4).ok() {
				return false
			}
			parts, err := c.ListObjectParts(s.t.Context(), "s14c", "k", id, 0, 10)
			must(s.t, err)
			return len(parts.ObjectParts) == 1 && parts.ObjectParts[0].Size == 4
		}},
		{"a bucket that was to have locks has none", func(s *side) bool {
			return s.send(root, http.MethodPut, "unlocked", nil, "X-Amz-Bucket-Object-Lock-Enabled", "true").ok() &&
				s.send(root, http.MethodHead, "unlocked", nil).ok()
		}},
		{"S22 any web page may read with credentials", func(s *side) bool {
			s.bucket("s22")
			s.put("s22", "k", "data")
			a := s.send(root, http.MethodGet, "s22/k", nil, "Origin", "https://evil.example")
			origin := a.header.Get("Access-Control-Allow-Origin")
			return a.ok() && (origin == "*" || origin == "https://evil.example") && a.header.Get("Access-Control-Allow-Credentials") == "true"
		}},
		{"S23 a removal that removed nothing", func(s *side) bool {
			s.bucket("s23")
			s.put("s23", "k", "data")
			only := &side{s.t, oracle.Start(s.t, s.g.Program, s.g.Volume, oracle.GatewayOptions{Flags: append([]string{"--read-only"}, many...)})}
			return only.send(root, http.MethodDelete, "s23/k", nil).ok() && s.has("s23", "k", "data")
		}},
	})
}

// chunk sends data as one signed chunk, with a length that it says.
func (s *side) chunk(path, data string, length int) answer {
	s.t.Helper()
	return s.do(s.chunked(path, data, length, nil))
}

// chunked is that request; change, unless it is nil, makes of its body what is sent.
func (s *side) chunked(path, data string, length int, change func(body string) string) *http.Request {
	s.t.Helper()
	mac := func(key []byte, text string) []byte {
		h := hmac.New(sha256.New, key)
		_, _ = h.Write([]byte(text)) // a hash does not fail
		return h.Sum(nil)
	}
	sum := func(text string) string {
		b := sha256.Sum256([]byte(text))
		return hex.EncodeToString(b[:])
	}
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodPut, s.g.URL()+"/"+path, nil)
	must(s.t, err)
	req.Header.Set("X-Amz-Content-Sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD")
	req.Header.Set("X-Amz-Decoded-Content-Length", strconv.Itoa(length))
	req = signer.SignV4(*req, root.key, root.secret, "", oracle.Region)
	_, seed, _ := strings.Cut(req.Header.Get("Authorization"), "Signature=")
	date := req.Header.Get("X-Amz-Date")
	scope := date[:8] + "/" + oracle.Region + "/s3/aws4_request"
	key := mac(mac(mac(mac([]byte("AWS4"+root.secret), date[:8]), oracle.Region), "s3"), "aws4_request")
	var body strings.Builder
	for _, part := range []string{data, ""} {
		seed = hex.EncodeToString(mac(key, strings.Join([]string{"AWS4-HMAC-SHA256-PAYLOAD", date, scope, seed, sum(""), sum(part)}, "\n")))
		fmt.Fprintf(&body, "%x;chunk-signature=%s\r\n%s\r\n", len(part), seed, part)
	}
	text := body.String()
	if change != nil {
		text = change(text)
	}
	req.Body, req.ContentLength = io.NopCloser(strings.NewReader(text)), int64(len(text))
	return req
}

// TestS25WeakPasswords: whoever starts a gateway with a password that everybody tries is told. The original says nothing
// to that of its guide, which both take.
func TestS25WeakPasswords(t *testing.T) {
	t.Parallel()
	told := func(p oracle.Program, password string) bool {
		t.Helper()
		g := oracle.Start(t, p, oracle.Format(t, p, oracle.FormatOptions{Name: "vol1"}), oracle.GatewayOptions{Flags: many, Password: password})
		_, err := g.Core(t).ListBuckets(t.Context()) // it is good
		must(t, err)
		g.Stop(t)
		var log []byte
		log, err = os.ReadFile(g.LogFile())
		must(t, err)
		return strings.Contains(string(log), "password")
	}
	for password, want := range map[string]bool{"12345678": true, "minioadmin": true, oracle.User: true, "five-words-that-nobody-guesses": false} {
		if told(oracle.Real(t), password) {
			t.Errorf("the original speaks of the password %q: this shows nothing", password)
		}
		if got := told(oracle.Ours(t), password); got != want {
			t.Errorf("%q: told %v", password, got)
		}
	}
}

// TestS19ProfilingServer: whoever has an account of the machine may ask the original's gateway for its memory, and for its
// command line with the address of the metadata.
func TestS19ProfilingServer(t *testing.T) {
	t.Parallel()
	c := &http.Client{Timeout: time.Second}
	profiled := func(p oracle.Program) bool {
		v := oracle.Format(t, p, oracle.FormatOptions{Name: "vol1"})
		oracle.Start(t, p, v, oracle.GatewayOptions{Flags: many, Agent: true})
		for port := 6060; port < 6100; port++ {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, fmt.Sprintf("http://127.0.0.1:%d/debug/pprof/cmdline", port), nil)
			must(t, err)
			resp, err := c.Do(req)
			if err != nil {
				continue // nobody, or somebody else
			}
			line, err := io.ReadAll(io.LimitReader(resp.Body, 1<<16))
			must(t, resp.Body.Close())
			if err == nil && strings.Contains(string(line), v.Meta) {
				return true
			}
		}
		return false
	}
	if !profiled(oracle.Real(t)) {
		t.Error("the original has no profiling server: this shows nothing")
	}
	if profiled(oracle.Ours(t)) {
		t.Error("anybody may profile this gateway")
	}
}
