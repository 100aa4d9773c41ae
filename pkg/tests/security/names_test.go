package security

import (
	"archive/tar"
	"bytes"
	"crypto/md5" //nolint:gosec // what the protocol asks for
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
	"time"

	miniogo "github.com/minio/minio-go/v7"
)

// TestNames: whoever may use one bucket gets nowhere else by names that are not in the path of a request.
func TestNames(t *testing.T) {
	t.Parallel()
	try(t, many, []attack{
		{"S1 server metadata by the key of a form", func(s *side) bool {
			s.bucket("s1-own")
			w := s.user("s1user", on("s1-own", "s3:PutObject"))
			evil := who{"s1evil", "s1evil-secret", ""}
			s.form(w, "s1-own", "../.minio.sys/config/iam/users/s1evil/identity.json",
				`{"version":1,"credentials":{"accessKey":"s1evil","secretKey":"s1evil-secret","expiration":"0001-01-01T00:00:00Z","status":"on"}}`)
			a := s.form(w, "s1-own", "../.minio.sys/config/iam/policydb/users/s1evil.json", `{"version":1,"policy":"consoleAdmin"}`)
			for deadline := time.Now().Add(10 * time.Second); a.ok() && time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
				if s.manages(evil) {
					return true
				}
			}
			return s.manages(evil)
		}},
		{"S1 another bucket by the key of a form", func(s *side) bool {
			s.bucket("s1b")
			s.bucket("s1other")
			s.form(s.user("s1buser", on("s1b", "s3:PutObject")), "s1b", "../s1other/planted", "x")
			return s.has("s1other", "planted", "x")
		}},
		{"S3 server metadata by the source of a copy", func(s *side) bool {
			s.bucket("s3-own")
			w := s.user("s3user", "readwrite")
			s.send(w, http.MethodPut, "s3-own/stolen", nil, "X-Amz-Copy-Source", "/.minio.sys/config/config.json")
			return s.send(w, http.MethodGet, "s3-own/stolen", nil).ok()
		}},
		{"S4 another bucket by the source of a copy", func(s *side) bool {
			s.bucket("s4-own")
			s.bucket("s4other")
			s.put("s4other", "secret", "top secret")
			w := s.user("s4user", on("s4-own", "s3:*"))
			for _, source := range []string{"/s4-own/../s4other/secret", "/s4-own/%2e%2e/s4other/secret", "/s4-own/..%2Fs4other/secret"} {
				s.send(w, http.MethodPut, "s4-own/stolen", nil, "X-Amz-Copy-Source", source)
				if s.has("s4-own", "stolen", "top secret") {
					return true
				}
			}
			return false
		}},
		{"S7 another bucket by a removal of many", func(s *side) bool {
			s.bucket("s7-own")
			s.bucket("s7other")
			s.put("s7other", "victim", "x")
			body := []byte(`<Delete><Object><Key>../s7other/victim</Key></Object></Delete>`)
			sum := md5.Sum(body) //nolint:gosec // what the protocol asks for
			s.send(s.user("s7user", on("s7-own", "s3:*")), http.MethodPost, "s7-own?delete", body, "Content-Md5", base64.StdEncoding.EncodeToString(sum[:]))
			return !s.has("s7other", "victim", "x")
		}},
		{"S8 another bucket by an archive", func(s *side) bool {
			s.bucket("s8-own")
			s.bucket("s8other")
			var archive bytes.Buffer
			w := tar.NewWriter(&archive)
			must(s.t, w.WriteHeader(&tar.Header{Name: "../s8other/planted", Mode: 0o600, Size: 1}))
			_, err := w.Write([]byte("x"))
			must(s.t, err)
			must(s.t, w.Close())
			s.send(s.user("s8user", on("s8-own", "s3:PutObject")), http.MethodPut, "s8-own/a.tar", archive.Bytes(), "X-Amz-Meta-Snowball-Auto-Extract", "true")
			return s.has("s8other", "planted", "x")
		}},
		{"S16 another key by an upload's id", func(s *side) bool {
			s.bucket("s16")
			c := s.g.Core(s.t)
			id, err := c.NewMultipartUpload(s.t.Context(), "s16", "mine", miniogo.PutObjectOptions{})
			must(s.t, err)
			return s.send(root, http.MethodPut, "s16/theirs?partNumber=1&uploadId="+id, []byte("x")).ok()
		}},
	})
}

// TestNamesOfTheSingleBucket: the volume's root is a bucket, with what is not an object in it.
func TestNamesOfTheSingleBucket(t *testing.T) {
	t.Parallel()
	const config = ".minio.sys/config/config.json"
	secret := func(a answer) bool { return a.ok() && strings.Contains(a.body, "credentials") }
	try(t, one, []attack{
		{"S5 server metadata by a second slash", func(s *side) bool {
			w := s.user("s5user", on("vol1", "s3:*"))
			return secret(s.send(w, http.MethodGet, "vol1//"+config, nil))
		}},
		{"S5 server metadata written by a second slash", func(s *side) bool {
			w := s.user("s5writer", on("vol1", "s3:*"))
			return s.send(w, http.MethodPut, "vol1//.minio.sys/planted", []byte("x")).ok()
		}},
		{"S5 server metadata listed", func(s *side) bool {
			w := s.user("s5lister", on("vol1", "s3:*"))
			return strings.Contains(s.send(w, http.MethodGet, "vol1?list-type=2&prefix=/.minio.sys/", nil).body, "<Key>")
		}},
		{"S5 server metadata by a form", func(s *side) bool {
			w := s.user("s5former", on("vol1", "s3:*"))
			return s.form(w, "vol1", "x/../.minio.sys/planted-by-form", "x").ok()
		}},
		{"S5 server metadata by a copy", func(s *side) bool {
			w := s.user("s5copier", on("vol1", "s3:*"))
			s.send(w, http.MethodPut, "vol1/stolen", nil, "X-Amz-Copy-Source", "/vol1//"+config)
			return secret(s.send(w, http.MethodGet, "vol1/stolen", nil))
		}},
		{"S15 temporary files as objects", func(s *side) bool {
			w := s.user("s15user", on("vol1", "s3:*"))
			return s.send(w, http.MethodPut, "vol1/.sys/tmp/planted", []byte("x")).ok()
		}},
		{"S15 names of a mount's own files", func(s *side) bool {
			w := s.user("s15other", on("vol1", "s3:*"))
			return s.send(w, http.MethodPut, "vol1/.stats", []byte("x")).ok()
		}},
	})
}
