package security

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v4"
)

// forged is a token of the file manager that somebody made, with claims of its own.
func (s *side) forged(w who, claims map[string]any) string {
	s.t.Helper()
	c := jwt.MapClaims{"accessKey": w.key, "sub": w.key, "exp": time.Now().Add(time.Hour).Unix()}
	for name, value := range claims {
		c[name] = value
	}
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS512, c).SignedString([]byte(w.secret))
	must(s.t, err)
	return token
}

// TestTokensThatUsersMake: the server checks a user's token with the user's own secret key. What it claims gives no rights.
func TestTokensThatUsersMake(t *testing.T) {
	t.Parallel()
	download := func(s *side, object, token string) bool {
		s.t.Helper()
		return strings.Contains(s.send(who{}, http.MethodGet, "minio/download/"+object+"?token="+token, nil, agent...).body, topSecret)
	}
	try(t, many, []attack{
		{"another's folder by a claim to the name", func(s *side) bool {
			s.bucket("homes")
			s.put("homes", "victim/secret", topSecret)
			return download(s, "homes/victim/secret", s.forged(s.user("forger1", home), map[string]any{"username": "victim"}))
		}},
		{"an address by a claim", func(s *side) bool {
			s.bucket("inside")
			s.put("inside", "secret", topSecret)
			w := s.user("forger2", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:GetObject"],"Resource":["arn:aws:s3:::inside/*"],`+
				`"Condition":{"IpAddress":{"aws:SourceIp":"10.9.9.9/32"}}}]}`)
			return download(s, "inside/secret", s.forged(w, map[string]any{"SourceIp": "10.9.9.9"}))
		}},
		{"S6 a limited service account loses its limits by a claim", func(s *side) bool {
			s.bucket("limits")
			s.put("limits", "secret", topSecret)
			user, service := s.limited("forger3")
			if s.send(service, http.MethodGet, "limits/secret", nil).ok() {
				s.t.Fatal("the service account is not limited")
			}
			return download(s, "limits/secret", s.forged(service, map[string]any{"parent": user.key, "sa-policy": "inherited-policy"}))
		}},
		{"S6 a limited service account writes by a claim", func(s *side) bool {
			s.bucket("limits2")
			user, service := s.limited("forger4")
			token := s.forged(service, map[string]any{"parent": user.key, "sa-policy": "inherited-policy"})
			s.send(who{}, http.MethodPut, "minio/upload/limits2/planted", []byte("x"), append(agent, "Authorization", "Bearer "+token)...)
			return s.has("limits2", "planted", "x")
		}},
	})
	s := ours(t, many)
	s.bucket("bucket")
	s.put("bucket", "secret", topSecret)
	w := s.user("reader", "readonly")
	if !download(s, "bucket/secret", s.once(s.signIn(w))) || !download(s, "bucket/secret", s.forged(w, nil)) {
		t.Error("a token without claims of its own is refused")
	}
	if !download(s, "bucket/secret", s.assume(w, "").token) {
		t.Error("a token of temporary credentials is refused")
	}
	metrics := func(w who) int {
		t.Helper()
		token := s.forged(w, map[string]any{"iss": "prometheus"})
		return s.send(who{}, http.MethodGet, "minio/v2/metrics/cluster", nil, "Authorization", "Bearer "+token).status
	}
	if got := metrics(root); got != http.StatusOK {
		t.Errorf("metrics: got %d", got)
	}
	if got := metrics(s.user("watcher", "consoleAdmin")); got != http.StatusOK {
		t.Errorf("metrics of a user: got %d", got)
	}
}
