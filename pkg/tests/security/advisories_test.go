package security

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/minio/minio-go/v7/pkg/signer"

	"juicefs/pkg/tests/oracle"
)

// TestAdvisories: what later or earlier servers of the same make got wrong. The original does not, and neither may ours, which has
// more to get wrong: bodies with trailers, calls of management that are younger. Each attack has to fail against both. What
// the original is open to is in TestRights, TestNames, TestRequests, TestS10SlowHeaders and below.
func TestAdvisories(t *testing.T) {
	t.Parallel()
	signedTrailers := func(s *side, w who, path string) *http.Request {
		s.t.Helper()
		body := "4\r\nevil\r\n0\r\nx-amz-checksum-crc32:jfsxUg==\r\n\r\n"
		req, err := http.NewRequestWithContext(s.t.Context(), http.MethodPut, s.g.URL()+"/"+path, strings.NewReader(body))
		must(s.t, err)
		for k, v := range map[string]string{"X-Amz-Content-Sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "X-Amz-Trailer": "x-amz-checksum-crc32",
			"X-Amz-Decoded-Content-Length": "4", "Content-Encoding": "aws-chunked"} {
			req.Header.Set(k, v)
		}
		if w.key == "" {
			return req
		}
		return signer.SignV4(*req, w.key, w.secret, w.token, oracle.Region)
	}
	attacks := []attack{
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
			return s.send(root, http.MethodPost, "minio/admin/v3/update?updateURL=%2Fetc%2Fpasswd", nil).ok()
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
			return s.send(root, http.MethodPut, "minio/admin/v3/import-iam", []byte("x")).ok()
		}},
		{"CVE-2025-31489 unsigned trailers with a forged signature", func(s *side) bool {
			s.do(signedTrailers(s, who{root.key, "forged-secret", ""}, "private/forged"))
			return s.has("private", "forged", "evil")
		}},
		{"CVE-2026-40344 an archive with unsigned trailers from nobody", func(s *side) bool {
			req := signedTrailers(s, who{}, "private/archive.tar")
			req.Header.Set("X-Amz-Meta-Snowball-Auto-Extract", "true")
			return s.do(req).ok() || s.has("private", "archive.tar", "evil")
		}},
		{"CVE-2026-41145 a signature in the query and unsigned trailers", func(s *side) bool {
			req := signedTrailers(s, who{}, "private/presigned")
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
		{"CVE-2021-21390 a chunk is not what was signed", func(s *side) bool {
			a := s.do(s.chunked("private/tampered", "data", 4, func(body string) string { return strings.Replace(body, "data", "evil", 1) }))
			return a.ok() || s.has("private", "tampered", "evil")
		}},
		{"CVE-2021-41137 policies do not hold after a start", func(s *side) bool {
			s.bucket("restarted")
			s.put("restarted", "k", "data")
			w := s.user("restarted", on("restarted", "s3:GetObject"))
			again := &side{s.t, oracle.Start(s.t, s.g.Program, s.g.Volume, oracle.GatewayOptions{Flags: many})}
			again.fine(again.send(w, http.MethodGet, "restarted/k", nil))
			return again.send(w, http.MethodPut, "restarted/k", []byte("evil")).ok() || again.send(w, http.MethodGet, "private/k", nil).ok()
		}},
		{"CVE-2021-41266 the console lets everybody in", func(s *side) bool {
			for _, path := range []string{"api/v1/login", "api/v1/login/operator", "api/v1/session", "api/v1/admin/info"} {
				for _, method := range []string{http.MethodGet, http.MethodPost} {
					if s.send(who{}, method, path, []byte(`{"accessKey":"x","secretKey":"x","jwt":"x"}`), "Content-Type", "application/json").ok() {
						return true
					}
				}
			}
			return false
		}},
		{"CVE-2023-25812 a lock is passed by", func(s *side) bool {
			a := s.send(root, http.MethodPut, "private/locked", []byte("x"), "X-Amz-Object-Lock-Mode", "GOVERNANCE", "X-Amz-Object-Lock-Retain-Until-Date", "2030-01-01T00:00:00Z")
			return a.ok() || s.has("private", "locked", "x") // nobody is to believe that it is locked
		}},
		{"CVE-2023-28433 another bucket by back-slashes", func(s *side) bool {
			w := s.user("slashed", on("private", "s3:PutObject", "s3:GetObject"))
			for _, key := range []string{`..%5Cother%5Cplanted`, `x%5C..%5C..%5Cother%5Cplanted`} {
				s.send(w, http.MethodPut, "private/"+key, []byte("evil"))
			}
			return s.has("other", "planted", "evil")
		}},
	}
	p := oracle.Real(t)
	stock := &side{t, oracle.Start(t, p, oracle.Format(t, p, oracle.FormatOptions{Name: "vol1"}), oracle.GatewayOptions{Flags: many})}
	mine := ours(t, many)
	for _, s := range []*side{stock, mine} {
		s.bucket("private")
		s.bucket("other")
		s.put("private", "k", "secret data")
		for _, a := range attacks {
			t.Run(s.g.Program.Name+"/"+a.name, func(t *testing.T) {
				if a.run(&side{t, s.g}) {
					t.Error("the attack succeeds")
				}
			})
		}
	}
	// The trailers are good where the signature is, and calls that nobody has are refused as such.
	if a := mine.do(signedTrailers(mine, root, "private/good")); !a.ok() || !mine.has("private", "good", "evil") {
		t.Errorf("good trailers: got %d %s", a.status, a.body)
	}
	for method, path := range map[string]string{http.MethodPost: "minio/admin/v3/update?updateURL=%2Fetc%2Fpasswd", http.MethodPut: "minio/admin/v3/import-iam"} {
		if a := mine.send(root, method, path, nil); a.status != http.StatusNotImplemented {
			t.Errorf("%s: got %d %s", path, a.status, a.body)
		}
	}
}

// TestPasswordsOfADirectory (CVE-2026-33419): where users are a directory's, everybody may ask it for them. Each question to
// the original is one to the directory; ours stops asking.
func TestPasswordsOfADirectory(t *testing.T) {
	t.Parallel()
	const guesses = 60
	asked := func(p oracle.Program) int64 {
		t.Helper()
		var n atomic.Int64
		l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
		must(t, err)
		t.Cleanup(func() { _ = l.Close() })
		go func() {
			for {
				c, failed := l.Accept()
				if failed != nil {
					return // the end
				}
				n.Add(1)
				_ = c.Close() // it knows nobody
			}
		}()
		g := oracle.Start(t, p, oracle.Format(t, p, oracle.FormatOptions{Name: "vol1"}), oracle.GatewayOptions{Flags: many, Env: []string{
			"MINIO_IDENTITY_LDAP_SERVER_ADDR=" + l.Addr().String(), "MINIO_IDENTITY_LDAP_SERVER_INSECURE=on", "MINIO_IDENTITY_LDAP_STS_EXPIRY=1h",
			"MINIO_IDENTITY_LDAP_USERNAME_FORMAT=uid=%s,dc=example"}})
		s := &side{t, g}
		for k := range guesses {
			q := url.Values{"Action": {"AssumeRoleWithLDAPIdentity"}, "Version": {"2011-06-15"}, "LDAPUsername": {"somebody"}, "LDAPPassword": {fmt.Sprint("guess", k)}}
			if a := s.send(who{}, http.MethodPost, "?"+q.Encode(), nil); a.ok() {
				t.Fatalf("got %s", a.body)
			}
		}
		return n.Load()
	}
	if n := asked(oracle.Real(t)); n < guesses {
		t.Errorf("the original asked %d times: this shows nothing", n)
	}
	if n := asked(oracle.Ours(t)); n == 0 || n > guesses*2/3 {
		t.Errorf("ours asked %d times", n)
	}
}
