package security

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7/pkg/signer"

	"juicefs/pkg/tests/oracle"
)

// TestAdvisories: what later or earlier servers of the same make got wrong and this one, with what is in front of it, does
// not. Each attack has to fail.
func TestAdvisories(t *testing.T) {
	t.Parallel()
	s := ours(t, many)
	s.bucket("private")
	s.put("private", "k", "secret data")
	signedTrailers := func(w who, path string) *http.Request {
		body := "4\r\nevil\r\n0\r\nx-amz-checksum-crc32:jfsxUg==\r\n\r\n"
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, s.g.URL()+"/"+path, strings.NewReader(body))
		must(t, err)
		for k, v := range map[string]string{"X-Amz-Content-Sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "X-Amz-Trailer": "x-amz-checksum-crc32",
			"X-Amz-Decoded-Content-Length": "4", "Content-Encoding": "aws-chunked"} {
			req.Header.Set(k, v)
		}
		if w.key == "" {
			return req
		}
		return signer.SignV4(*req, w.key, w.secret, w.token, oracle.Region)
	}
	for _, a := range []attack{
		{"CVE-2021-21287 the web's sign-in by a token dials", func(s *side) bool {
			a := s.send(who{}, http.MethodPost, "minio/webrpc", []byte(`{"id":1,"jsonrpc":"2.0","method":"web.LoginSTS","params":{"token":"x"}}`),
				"User-Agent", "Mozilla/5.0", "Content-Type", "application/json")
			return !strings.Contains(a.body, `"error"`) || strings.Contains(a.body, "dial")
		}},
		{"CVE-2021-21362 a limited session uploads by a form", func(s *side) bool {
			w := s.assume(s.user("formed", "readwrite"), on("private", "s3:GetObject"))
			return s.form(w, "private", "by-form", "x").ok() || s.has("private", "by-form", "x")
		}},
		{"CVE-2022-24842 a user makes a service account for another", func(s *side) bool {
			s.user("boss", "consoleAdmin")
			return s.admin(s.user("worker", "readwrite"), http.MethodPut, "add-service-account", map[string]any{"targetUser": "boss"}).ok()
		}},
		{"CVE-2022-24842 a service account for the root user", func(s *side) bool {
			return s.admin(s.user("admin2", "consoleAdmin"), http.MethodPut, "add-service-account", map[string]any{"targetUser": root.key}).ok()
		}},
		{"CVE-2022-35919 the server updates itself from a path", func(s *side) bool {
			return s.send(root, http.MethodPost, "minio/admin/v3/update?updateURL=%2Fetc%2Fpasswd", nil).status != http.StatusNotImplemented
		}},
		{"CVE-2023-28432 the environment of the process", func(s *side) bool {
			a := s.send(who{}, http.MethodPost, "minio/bootstrap/v1/verify", nil)
			return a.ok() || strings.Contains(a.body, "MINIO_")
		}},
		{"CVE-2024-36107 whether an object exists", func(s *side) bool {
			seen := map[string]bool{}
			for _, key := range []string{"k", "none"} {
				for _, header := range [][2]string{{"If-Modified-Since", time.Now().UTC().Format(http.TimeFormat)}, {"If-None-Match", "*"}, {"If-Match", `"x"`},
					{"If-Unmodified-Since", time.Unix(0, 0).UTC().Format(http.TimeFormat)}} {
					for _, method := range []string{http.MethodGet, http.MethodHead} {
						seen[fmt.Sprint(s.send(who{}, method, "private/"+key, nil, header[0], header[1]).status)] = true
					}
				}
			}
			return len(seen) != 1 || !seen["403"]
		}},
		{"CVE-2024-55949 users come with an archive", func(s *side) bool {
			return s.send(root, http.MethodPut, "minio/admin/v3/import-iam", []byte("x")).status != http.StatusNotImplemented
		}},
		{"CVE-2025-31489 unsigned trailers with a forged signature", func(s *side) bool {
			s.do(signedTrailers(who{root.key, "forged-secret", ""}, "private/forged"))
			return s.has("private", "forged", "evil")
		}},
		{"CVE-2026-40344 an archive with unsigned trailers from nobody", func(s *side) bool {
			req := signedTrailers(who{}, "private/archive.tar")
			req.Header.Set("X-Amz-Meta-Snowball-Auto-Extract", "true")
			return s.do(req).ok() || s.has("private", "archive.tar", "evil")
		}},
		{"CVE-2026-41145 a signature in the query and unsigned trailers", func(s *side) bool {
			req := signedTrailers(who{}, "private/presigned")
			signedURL := signer.PreSignV4(*req, root.key, root.secret, "", oracle.Region, 60)
			return s.do(signedURL).ok() || s.has("private", "presigned", "evil")
		}},
		{"CVE-2026-33322 a token that nobody signed", func(s *side) bool {
			const none = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.eyJzdWIiOiJ4IiwicG9saWN5IjoiY29uc29sZUFkbWluIn0."
			return s.send(who{}, http.MethodPost, "?Action=AssumeRoleWithWebIdentity&Version=2011-06-15&WebIdentityToken="+none, nil).ok()
		}},
		{"CVE-2026-42600 the interface between nodes", func(s *side) bool {
			for _, path := range []string{"minio/storage/data/v30/readall?volume=.minio.sys&file-path=config/config.json", "minio/peer/v11/health", "minio/lock/v5/health"} {
				if s.send(root, http.MethodPost, path, nil).ok() {
					return true
				}
			}
			return false
		}},
	} {
		t.Run(a.name, func(t *testing.T) {
			if a.run(&side{t, s.g}) {
				t.Error("the attack succeeds")
			}
		})
	}
	// The trailers are good where the signature is.
	if a := s.do(signedTrailers(root, "private/good")); !a.ok() || !s.has("private", "good", "evil") {
		t.Errorf("good trailers: got %d %s", a.status, a.body)
	}
}
