package security

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
	"testing"

	"github.com/minio/minio-go/v7/pkg/signer"

	"juicefs/pkg/tests/oracle"
)

// TestKeysThatLookLikeTheServersPages: where buckets are served as host names, keys may begin like the paths of the
// server's management, whose handlers may see its settings.
func TestKeysThatLookLikeTheServersPages(t *testing.T) {
	t.Parallel()
	hosted := func(s *side, w who, method, path, body string, headers ...string) answer {
		s.t.Helper()
		req, err := http.NewRequestWithContext(s.t.Context(), method, s.g.URL()+path, strings.NewReader(body))
		must(s.t, err)
		req.Host = "hosted.my.domain"
		for k := 0; k < len(headers); k += 2 {
			req.Header.Set(headers[k], headers[k+1])
		}
		sum := sha256.Sum256([]byte(body))
		req.Header.Set("X-Amz-Content-Sha256", hex.EncodeToString(sum[:]))
		return s.do(signer.SignV4(*req, w.key, w.secret, w.token, oracle.Region))
	}
	try(t, append(many, "--domain", "my.domain"), []attack{
		{"S3 server metadata by a copy to a key like management", func(s *side) bool {
			s.bucket("hosted")
			w := s.user("hostuser", "readwrite")
			hosted(s, w, http.MethodPut, "/minio%2Fadmin%2Fstolen", "", "X-Amz-Copy-Source", "/.minio.sys/config/config.json")
			for _, path := range []string{"/minio%2Fadmin%2Fstolen", "/minio/health/stolen"} {
				if strings.Contains(hosted(s, w, http.MethodGet, path, "").body, "credentials") {
					return true
				}
			}
			return false
		}},
		{"S12 an operation that is not there on a key like a page", func(s *side) bool {
			w := s.user("hostuser2", "readwrite")
			s.fine(hosted(s, w, http.MethodPut, "/minio/health/k", "data"))
			hosted(s, w, http.MethodPut, "/minio/health/k?renameObject", "")
			return hosted(s, w, http.MethodGet, "/minio/health/k", "").body != "data"
		}},
	})
}
