package security

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"juicefs/pkg/tests/oracle"
)

// TestClientOfToday: users, groups and policies by the newest MinIO client, beside that of 2021 on the same gateway.
func TestClientOfToday(t *testing.T) {
	t.Parallel()
	s := ours(t, many)
	now := oracle.MC(t, map[string]*oracle.Gateway{"jfs": s.g})
	then := oracle.MC2021(t, map[string]*oracle.Gateway{"jfs": s.g})
	says := func(c *oracle.Client, want string, args ...string) {
		t.Helper()
		if r := c.Must(t, args...); !strings.Contains(r.Stdout, want) {
			t.Errorf("%s: want %q", r, want)
		}
	}
	user := who{"today", "today-secret", ""}
	s.bucket("bucket")
	s.put("bucket", "k", "x")
	can := func(want bool) {
		t.Helper()
		if got := s.send(user, http.MethodGet, "bucket/k", nil).ok(); got != want {
			t.Errorf("the user may read: %v, want %v", got, want)
		}
	}
	says(now, "today", "admin", "user", "add", "jfs", user.key, user.secret)
	says(now, "enabled", "admin", "user", "list", "jfs")
	says(then, "enabled", "admin", "user", "list", "jfs")
	can(false)
	says(now, "readonly", "admin", "policy", "attach", "jfs", "readonly", "--user", user.key)
	can(true)
	again := s.admin(root, http.MethodPost, "idp/builtin/policy/attach", map[string]any{"policies": []string{"readonly"}, "user": user.key})
	if again.status != http.StatusBadRequest || !strings.Contains(again.body, "XMinioAdminPolicyChangeAlreadyApplied") {
		t.Errorf("attached twice: %d %s", again.status, again.body)
	}
	says(now, "writeonly", "admin", "policy", "attach", "jfs", "writeonly", "--user", user.key)
	can(true)
	says(then, "readonly,writeonly", "admin", "user", "info", "jfs", user.key)
	says(now, "readonly", "admin", "policy", "detach", "jfs", "readonly", "--user", user.key)
	can(false)
	says(now, "writeonly", "admin", "policy", "detach", "jfs", "writeonly", "--user", user.key)
	says(now, "", "admin", "group", "add", "jfs", "people", user.key)
	says(now, "", "admin", "policy", "attach", "jfs", "readonly", "--group", "people")
	can(true)
	says(now, "readonly", "admin", "group", "info", "jfs", "people")
	says(now, "", "admin", "policy", "detach", "jfs", "readonly", "--group", "people")
	can(false)
	says(now, "readwrite", "admin", "policy", "ls", "jfs")
	file := filepath.Join(t.TempDir(), "policy.json")
	must(t, os.WriteFile(file, []byte(on("bucket", "s3:GetObject")), 0o600))
	says(now, "mine", "admin", "policy", "create", "jfs", "mine", file)
	says(now, "arn:aws:s3:::bucket/*", "admin", "policy", "info", "jfs", "mine")
	says(then, "mine", "admin", "policy", "list", "jfs")
	says(now, "mine", "admin", "policy", "attach", "jfs", "mine", "--user", user.key)
	can(true)
	says(now, "mine", "admin", "policy", "detach", "jfs", "mine", "--user", user.key)
	can(false)
	says(now, "", "admin", "policy", "rm", "jfs", "mine")
	if r := now.Run(t, "admin", "policy", "info", "jfs", "mine"); r.Code == 0 {
		t.Errorf("a policy that was removed: %s", r)
	}
	says(now, "s3:GetObject", "admin", "policy", "info", "jfs", "readonly")
	says(then, "s3:GetObject", "admin", "policy", "info", "jfs", "readonly")
	says(now, "", "admin", "user", "svcacct", "add", "jfs", user.key, "--access-key", "todaysvc", "--secret-key", "todaysvc-secret")
	says(now, "todaysvc", "admin", "user", "svcacct", "ls", "jfs", user.key)
	says(then, "todaysvc", "admin", "user", "svcacct", "ls", "jfs", user.key)
	says(now, "", "admin", "user", "svcacct", "rm", "jfs", "todaysvc")
	says(now, "", "admin", "user", "disable", "jfs", user.key)
	says(now, "disabled", "admin", "user", "list", "jfs")
	says(now, "", "admin", "user", "rm", "jfs", user.key)
	if r := now.Run(t, "admin", "info", "jfs"); r.Code == 0 || !strings.Contains(r.Stdout+r.Stderr, "not implemented") {
		t.Errorf("info, which the server does not have: %s", r)
	}
	// In nobody's name but the caller's.
	weak := s.user("weak", "readonly")
	a := s.admin(weak, http.MethodPost, "idp/builtin/policy/attach", map[string]any{"policies": []string{"consoleAdmin"}, "user": weak.key})
	if a.ok() || s.manages(weak) {
		t.Errorf("a user without the right attached a policy: %d", a.status)
	}
	if a = s.send(who{}, http.MethodPost, "minio/admin/v3/idp/builtin/policy/attach", []byte("{}")); a.status != http.StatusForbidden {
		t.Errorf("somebody without a signature got %d", a.status)
	}
	if a = s.admin(root, http.MethodGet, "idp/openid/list", nil); a.status != http.StatusNotImplemented {
		t.Errorf("an unknown call got %d %s", a.status, a.body)
	}
}
