package security

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7/pkg/signer"
	"github.com/minio/minio/pkg/madmin"

	"juicefs/pkg/tests/oracle"
)

// credentials are the reply to a request for a service account.
type credentials struct {
	Credentials struct{ AccessKey, SecretKey string }
}

// limited makes a user and a service account of it that may do next to nothing.
func (s *side) limited(name string) (user, service who) {
	s.t.Helper()
	user = s.user(name, "consoleAdmin")
	var c credentials
	s.opened(user, s.admin(user, http.MethodPut, "add-service-account", map[string]any{"policy": map[string]any{"Version": "2012-10-17",
		"Statement": []any{map[string]any{"Effect": "Allow", "Action": []string{"s3:GetObject"}, "Resource": []string{"arn:aws:s3:::nothing/*"}}}}}), &c)
	return user, who{c.Credentials.AccessKey, c.Credentials.SecretKey, ""}
}

// TestRights: nobody gets more of them by asking.
func TestRights(t *testing.T) {
	t.Parallel()
	try(t, many, []attack{
		{"S2 CVE-2021-43858 a user gives itself a policy", func(s *side) bool {
			w := s.user("s2user", "readonly")
			s.admin(w, http.MethodPut, "add-user?accessKey="+w.key, map[string]string{"secretKey": w.secret, "status": "enabled", "policyName": "consoleAdmin"})
			return s.manages(w)
		}},
		{"S2 a user gives itself a policy by a query that is read in two ways", func(s *side) bool {
			w := s.user("s2split", "readonly")
			sealed, err := madmin.EncryptData(w.secret, []byte(`{"secretKey":"`+w.secret+`","status":"enabled","policyName":"consoleAdmin"}`))
			must(s.t, err)
			req, err := http.NewRequestWithContext(s.t.Context(), http.MethodPut, s.g.URL()+"/minio/admin/v3/add-user?accessKey=somebody", bytes.NewReader(sealed))
			must(s.t, err)
			sum := sha256.Sum256(sealed)
			req.Header.Set("X-Amz-Content-Sha256", hex.EncodeToString(sum[:]))
			req = signer.SignV4(*req, w.key, w.secret, "", oracle.Region)
			req.URL.RawQuery = "x=;accessKey=" + w.key + "&accessKey=somebody" // of which the signature has the end alone
			s.do(req)
			return s.manages(w)
		}},
		{"S2 who may make users gives one all rights", func(s *side) bool {
			w := s.user("s2maker", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["admin:CreateUser"]}]}`)
			made := who{"s2made", "s2made-secret", ""}
			s.admin(w, http.MethodPut, "add-user?accessKey="+made.key, map[string]string{"secretKey": made.secret, "status": "enabled", "policyName": "consoleAdmin"})
			return s.manages(made)
		}},
		{"S6 CVE-2025-62506 a limited service account makes another without limits", func(s *side) bool {
			_, w := s.limited("s6a")
			if s.manages(w) {
				s.t.Fatal("the service account is not limited")
			}
			a := s.admin(w, http.MethodPut, "add-service-account", map[string]any{})
			if !a.ok() {
				return false
			}
			var c credentials
			s.opened(w, a, &c)
			return s.manages(who{c.Credentials.AccessKey, c.Credentials.SecretKey, ""})
		}},
		{"S6 CVE-2024-24747 a limited service account changes its own limits", func(s *side) bool {
			_, w := s.limited("s6b")
			s.admin(w, http.MethodPost, "update-service-account?accessKey="+w.key, map[string]any{"newPolicy": map[string]any{"Version": "2012-10-17",
				"Statement": []any{map[string]any{"Effect": "Allow", "Action": []string{"admin:*"}}}}})
			return s.manages(w)
		}},
		{"S6 a limited service account makes a user", func(s *side) bool {
			_, w := s.limited("s6c")
			made := who{"s6made", "s6made-secret", ""}
			return s.admin(w, http.MethodPut, "add-user?accessKey="+made.key,
				map[string]string{"secretKey": made.secret, "status": "enabled", "policyName": "consoleAdmin"}).ok()
		}},
		{"S6 temporary credentials make a service account without limits", func(s *side) bool {
			user := s.user("s6d", "consoleAdmin")
			w := s.assume(user, on("nothing", "s3:GetObject"))
			if s.manages(w) {
				s.t.Fatal("the session is not limited")
			}
			return s.admin(w, http.MethodPut, "add-service-account", map[string]any{}).ok()
		}},
		{"S20 CVE-2023-27589 a user by the root user's name", func(s *side) bool {
			w := s.user("s20user", "consoleAdmin")
			return s.admin(w, http.MethodPut, "add-user?accessKey="+root.key, map[string]string{"secretKey": "something-else", "status": "enabled"}).ok()
		}},
		{"CVE-2023-28434 server metadata by the bucket of a form", func(s *side) bool {
			s.bucket("formed")
			s.bucket("formed2")
			a := s.form(s.user("formuser", "readwrite"), "formed", "../formed2/../.minio.sys/config/iam/users/x/identity.json", "{}")
			return a.ok()
		}},
	})
}

// assume returns temporary credentials of a user, limited by a policy.
func (s *side) assume(w who, policy string) who {
	s.t.Helper()
	body := url.Values{"Action": {"AssumeRole"}, "Version": {"2011-06-15"}, "Policy": {policy}}.Encode()
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.g.URL()+"/", strings.NewReader(body))
	must(s.t, err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	sum := sha256.Sum256([]byte(body))
	req.Header.Set("X-Amz-Content-Sha256", hex.EncodeToString(sum[:]))
	a := s.fine(s.do(signer.SignV4STS(*req, w.key, w.secret, oracle.Region)))
	between := func(name string) string {
		_, rest, _ := strings.Cut(a.body, "<"+name+">")
		v, _, _ := strings.Cut(rest, "</"+name+">")
		return v
	}
	return who{between("AccessKeyId"), between("SecretAccessKey"), between("SessionToken")}
}

// TestS17TokensOfAnotherRootPassword: temporary keys and service accounts are signed with the root password. They hold wherever
// that is the same, at either program, and nowhere else.
func TestS17TokensOfAnotherRootPassword(t *testing.T) {
	t.Parallel()
	v := oracle.Format(t, oracle.Ours(t), oracle.FormatOptions{Name: "vol1"})
	start := func(p oracle.Program, password string) *side {
		return &side{t, oracle.Start(t, p, v, oracle.GatewayOptions{Flags: many, Password: password})}
	}
	first := start(oracle.Ours(t), "")
	first.bucket("s17")
	first.put("s17", "k", "data")
	user := first.user("user17", "readonly")
	temporary := first.assume(user, "")
	reads := func(s *side) int {
		t.Helper()
		oracle.Poll(t, time.Minute, func() error { // it knows its users a while after its start
			if a := s.send(user, http.MethodGet, "s17/k", nil); !a.ok() {
				return fmt.Errorf("the user gets %d", a.status)
			}
			return nil
		})
		return s.send(temporary, http.MethodGet, "s17/k", nil).status
	}
	for _, p := range []oracle.Program{oracle.Ours(t), oracle.Real(t)} {
		if got := reads(start(p, "")); got != http.StatusOK {
			t.Errorf("%s with the same password: %d", p.Name, got)
		}
		if got := reads(start(p, "another-password")); got != http.StatusForbidden {
			t.Errorf("%s with another password: %d", p.Name, got)
		}
	}
}

// TestWhatUsersMayDo: the guard leaves what is right alone.
func TestWhatUsersMayDo(t *testing.T) {
	t.Parallel()
	s := ours(t, many)
	user, service := s.limited("fine")
	changed := who{user.key, "another-secret", ""}
	s.fine(s.admin(user, http.MethodPut, "add-user?accessKey="+user.key, map[string]string{"secretKey": changed.secret}))
	if !s.manages(changed) {
		t.Error("a user that changed its secret key lost its policy, or is disabled")
	}
	s.fine(s.admin(changed, http.MethodPut, "add-user?accessKey=other", map[string]string{"secretKey": "other-secret"}))
	s.fine(s.admin(root, http.MethodPut, "add-user?accessKey=another", map[string]string{"secretKey": "another-secret", "policyName": "consoleAdmin"}))
	if !s.manages(who{"another", "another-secret", ""}) {
		t.Error("the root user cannot make an administrator by one call")
	}
	s.fine(s.admin(changed, http.MethodDelete, "delete-service-account?accessKey="+service.key, nil))
	if a := s.admin(who{"nobody", "nobody-secret", ""}, http.MethodPut, "add-user?accessKey=x", map[string]string{"secretKey": "12345678"}); a.status != http.StatusForbidden {
		t.Errorf("somebody unknown got %d %s", a.status, a.body)
	}
	forged := who{changed.key, "not-the-secret", ""}
	if a := s.admin(forged, http.MethodPut, "add-user?accessKey=x", map[string]string{"secretKey": "12345678"}); a.status != http.StatusForbidden {
		t.Errorf("a forged signature got %d %s", a.status, a.body)
	}
}
