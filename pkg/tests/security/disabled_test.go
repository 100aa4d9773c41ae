package security

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7/pkg/signer"

	"juicefs/pkg/tests/oracle"
)

// disable makes a user disabled, or enabled again.
func (s *side) disable(w who, yes bool) {
	s.t.Helper()
	status := map[bool]string{true: "disabled", false: "enabled"}[yes]
	s.fine(s.send(root, http.MethodPut, "minio/admin/v3/set-user-status?accessKey="+w.key+"&status="+status, nil))
}

// ways are those in which somebody can ask for an object with the secret in it, or write one; each reports whether it could.
var ways = map[string]func(s *side, w who, bucket string) bool{
	"a signed request": func(s *side, w who, bucket string) bool {
		return strings.Contains(s.send(w, http.MethodGet, bucket+"/secret", nil).body, topSecret)
	},
	"a signature of version 2": func(s *side, w who, bucket string) bool {
		req, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, s.g.URL()+"/"+bucket+"/secret", nil)
		must(s.t, err)
		if w.token != "" {
			req.Header.Set("X-Amz-Security-Token", w.token)
		}
		return strings.Contains(s.do(signer.SignV2(*req, w.key, w.secret, false)).body, topSecret)
	},
	"a presigned URL": func(s *side, w who, bucket string) bool {
		req, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, s.g.URL()+"/"+bucket+"/secret", nil)
		must(s.t, err)
		return strings.Contains(s.do(signer.PreSignV4(*req, w.key, w.secret, w.token, oracle.Region, 60)).body, topSecret)
	},
	"a body signed in chunks": func(s *side, w who, bucket string) bool {
		key := fmt.Sprintf("chunked%d", time.Now().UnixNano())
		req, err := http.NewRequestWithContext(s.t.Context(), http.MethodPut, s.g.URL()+"/"+bucket+"/"+key, bytes.NewReader([]byte("x")))
		must(s.t, err)
		return s.do(signer.StreamingSignV4(req, w.key, w.secret, w.token, oracle.Region, 1, time.Now().UTC())).ok()
	},
	"a form": func(s *side, w who, bucket string) bool {
		return s.form(w, bucket, fmt.Sprintf("form%d", time.Now().UnixNano()), "x").ok()
	},
	"a removal of many": func(s *side, w who, bucket string) bool {
		key := fmt.Sprintf("removed%d", time.Now().UnixNano())
		s.put(bucket, key, "x")
		s.removeMany(w, bucket, key)
		return !s.has(bucket, key, "x")
	},
	"management": func(s *side, w who, _ string) bool { return s.manages(w) },
	"the file manager": func(s *side, w who, bucket string) bool {
		if w.token == "" {
			return true // service accounts cannot sign in there
		}
		a := s.call(w.token, "ListObjects", map[string]string{"bucketName": bucket, "prefix": ""})
		return strings.Contains(a.body, `"secret"`)
	},
}

// removeMany removes a key as one of many.
func (s *side) removeMany(w who, bucket, key string) answer {
	s.t.Helper()
	body := fmt.Appendf(nil, "<Delete><Object><Key>%s</Key></Object></Delete>", key)
	return s.send(w, http.MethodPost, bucket+"?delete", body, "Content-Md5", md5Of(body))
}

// TestDisabledUsers: who is disabled is locked out, with all keys that were made for the user, until enabled again.
func TestDisabledUsers(t *testing.T) {
	t.Parallel()
	attacks := make([]attack, 0, len(ways))
	for name, way := range ways {
		attacks = append(attacks, attack{"temporary credentials by " + name, func(s *side) bool {
			n := fmt.Sprintf("temp%d", time.Now().UnixNano())
			s.bucket(n)
			s.put(n, "secret", topSecret)
			user := s.user(n, "")
			s.fine(s.send(root, http.MethodPut, "minio/admin/v3/set-user-or-group-policy?policyName=consoleAdmin&userOrGroup="+n+"&isGroup=false", nil))
			session := s.assume(user, "")
			if !way(s, session, n) {
				s.t.Fatal("nor may the session of a user who is enabled")
			}
			s.disable(user, true)
			got := way(s, session, n)
			s.disable(user, false)
			if !way(s, session, n) {
				s.t.Error("the user is enabled again, and the session is not")
			}
			return got
		}})
	}
	try(t, many, attacks)
}

// TestServiceAccountsOfDisabledUsers: these have no rights at either gateway, and ours does not even know them. Whose user is
// gone is nobody.
func TestServiceAccountsOfDisabledUsers(t *testing.T) {
	t.Parallel()
	p := oracle.Real(t)
	stock := &side{t, oracle.Start(t, p, oracle.Format(t, p, oracle.FormatOptions{}), oracle.GatewayOptions{Flags: many})}
	for _, s := range []*side{stock, ours(t, many)} {
		s.bucket("bucket")
		s.put("bucket", "secret", topSecret)
		user := s.user("parent", "consoleAdmin")
		var c credentials
		s.opened(user, s.admin(user, http.MethodPut, "add-service-account", map[string]any{}), &c)
		service, session := who{c.Credentials.AccessKey, c.Credentials.SecretKey, ""}, s.assume(user, "")
		all := func(want bool, keys ...who) {
			t.Helper()
			for _, w := range keys {
				for name, way := range ways {
					if w.token == "" && name == "the file manager" {
						continue
					}
					if got := way(s, w, "bucket"); got != want {
						t.Errorf("%s, by %s: got %v", s.g.Program.Name, name, got)
					}
				}
			}
		}
		all(true, service, session)
		s.disable(user, true)
		all(false, service)
		if a := s.send(service, http.MethodGet, "bucket/secret", nil); !s.g.Program.Original && !strings.Contains(a.body, "InvalidAccessKeyId") {
			t.Errorf("got %s", a.body)
		}
		s.disable(user, false)
		all(true, service, session)
		s.fine(s.send(root, http.MethodDelete, "minio/admin/v3/remove-user?accessKey="+user.key, nil))
		all(false, service, session)
	}
}

// TestOtherGatewaysLearnWhoIsDisabled: within the interval at which users are loaded again.
func TestOtherGatewaysLearnWhoIsDisabled(t *testing.T) {
	t.Parallel()
	first := ours(t, many)
	second := &side{t, oracle.Start(t, first.g.Program, first.g.Volume, oracle.GatewayOptions{Flags: many})}
	first.bucket("bucket")
	first.put("bucket", "secret", topSecret)
	user := first.user("parent", "readwrite")
	session := first.assume(user, "")
	read := ways["a signed request"]
	known := func() error {
		if !read(second, session, "bucket") {
			return fmt.Errorf("the session is not good")
		}
		return nil
	}
	oracle.Poll(t, time.Minute, known)
	first.disable(user, true)
	oracle.Poll(t, time.Minute, func() error {
		if read(second, session, "bucket") {
			return fmt.Errorf("the session is still good")
		}
		return nil
	})
	if a := second.send(session, http.MethodGet, "bucket/secret", nil); a.status != http.StatusForbidden {
		t.Errorf("got %d", a.status)
	}
	first.disable(user, false)
	oracle.Poll(t, time.Minute, known)
}
