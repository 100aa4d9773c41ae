package security

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7/pkg/signer"

	"juicefs/pkg/tests/oracle"
)

// TestSigners: a request is its signer's, whomever else it names.
func TestSigners(t *testing.T) {
	t.Parallel()
	// presigned is a URL of version 2 for something that its signer may not do.
	presigned := func(s *side, w who, method, path string) *http.Request {
		s.t.Helper()
		req, err := http.NewRequestWithContext(s.t.Context(), method, s.g.URL()+"/"+path, strings.NewReader("planted"))
		must(s.t, err)
		req = signer.PreSignV2(*req, w.key, w.secret, 600, false)
		if a := s.do(req); a.status != http.StatusForbidden {
			s.t.Fatalf("the signer may do it: %d %s", a.status, a.body)
		}
		req.Body, err = req.GetBody()
		must(s.t, err)
		return req
	}
	try(t, many, []attack{
		{"a URL of two signers reads as the first", func(s *side) bool {
			s.bucket("signed")
			s.put("signed", "secret", topSecret)
			req := presigned(s, s.user("signed1", ""), http.MethodGet, "signed/secret")
			req.URL.RawQuery = "AWSAccessKeyId=" + root.key + "&" + req.URL.RawQuery
			return strings.Contains(s.do(req).body, topSecret)
		}},
		{"a URL of two signers writes as the first", func(s *side) bool {
			s.bucket("signed2")
			req := presigned(s, s.user("signed2", "readonly"), http.MethodPut, "signed2/k")
			req.URL.RawQuery = "AWSAccessKeyId=" + root.key + "&" + req.URL.RawQuery
			s.do(req)
			return s.has("signed2", "k", "planted")
		}},
		{"a URL of two signers, one of them hidden", func(s *side) bool {
			s.bucket("signed3")
			s.put("signed3", "secret", topSecret)
			w := s.user("signed3", "")
			req := presigned(s, w, http.MethodGet, "signed3/secret")
			// The name of the second is found only by those who take the escapes off before they look for its end.
			q := req.URL.Query()
			req.URL.RawQuery = "AWSAccessKeyId=" + root.key + "&Expires=" + q.Get("Expires") + "&Signature=" + url.QueryEscape(q.Get("Signature")) +
				"&AWSAccessKeyId%3D" + w.key
			return strings.Contains(s.do(req).body, topSecret)
		}},
	})
	// Neither takes two signatures of other kinds.
	both := []*side{ours(t, many)}
	p := oracle.Real(t)
	both = append(both, &side{t, oracle.Start(t, p, oracle.Format(t, p, oracle.FormatOptions{}), oracle.GatewayOptions{Flags: many})})
	for _, s := range both {
		s.bucket("signed4")
		s.put("signed4", "secret", topSecret)
		w := s.user("signed4", "")
		credential := url.QueryEscape(root.key + "/" + time.Now().UTC().Format("20060102") + "/" + oracle.Region + "/s3/aws4_request")
		for _, path := range []string{"signed4/secret?X-Amz-Credential=" + credential, "signed4/secret?AWSAccessKeyId=" + root.key,
			"signed4?cors&X-Amz-Credential=" + credential, "minio/admin/v3/list-users?X-Amz-Credential=" + credential} {
			if a := s.send(w, http.MethodGet, path, nil); a.status != http.StatusBadRequest {
				t.Errorf("%s, %s: %d %s", s.g.Program.Name, path, a.status, a.body)
			}
		}
	}
}
