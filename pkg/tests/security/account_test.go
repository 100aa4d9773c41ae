package security

import (
	"net/http"
	"testing"
)

// home is a policy of users who each have a folder.
const home = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:*"],"Resource":["arn:aws:s3:::homes/${aws:username}/*"]}]}`

// TestNamesOfAccounts: whoever makes a service account is nobody else thereby.
func TestNamesOfAccounts(t *testing.T) {
	t.Parallel()
	service := func(s *side, w who, key string) who {
		s.t.Helper()
		made := who{key, "thiefs-secret", ""}
		s.admin(w, http.MethodPut, "add-service-account", map[string]any{"accessKey": made.key, "secretKey": made.secret})
		return made
	}
	homes := func(s *side, owner string) {
		s.t.Helper()
		if !s.send(root, http.MethodHead, "homes", nil).ok() {
			s.bucket("homes")
		}
		s.put("homes", owner+"/secret", topSecret)
	}
	try(t, many, []attack{
		{"a user is locked out by a service account of its name", func(s *side) bool {
			victim := s.user("victim1", "consoleAdmin")
			service(s, s.user("thief1", ""), victim.key)
			return !s.manages(victim)
		}},
		{"a service account is locked out by another of its name", func(s *side) bool {
			_, victim := s.limited("victim2")
			s.bucket("nothing")
			s.put("nothing", "k", "x")
			s.fine(s.send(victim, http.MethodGet, "nothing/k", nil))
			service(s, s.user("thief2", ""), victim.key)
			return !s.send(victim, http.MethodGet, "nothing/k", nil).ok()
		}},
		{"a user's folder is another's by a service account of its name", func(s *side) bool {
			homes(s, "victim3")
			s.user("victim3", home)
			w := service(s, s.user("thief3", home), "victim3")
			return s.send(w, http.MethodGet, "homes/victim3/secret", nil).body == topSecret
		}},
		{"a folder whose user is not there yet", func(s *side) bool {
			homes(s, "later")
			w := service(s, s.user("thief4", home), "later")
			return s.send(w, http.MethodGet, "homes/later/secret", nil).body == topSecret
		}},
		{"all folders by a name that fits all", func(s *side) bool {
			homes(s, "victim5")
			w := service(s, s.user("thief5", home), "***")
			return s.send(w, http.MethodGet, "homes/victim5/secret", nil).body == topSecret
		}},
		{"a user's file is overwritten by a name that is a path", func(s *side) bool {
			victim := s.user("victim6", "consoleAdmin")
			service(s, s.user("thief6", ""), "../users/"+victim.key)
			again := s.reloaded(victim)
			return !again
		}},
		{"all folders by a user who may make users", func(s *side) bool {
			homes(s, "victim7")
			maker := s.user("maker7", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["admin:CreateUser","admin:AttachUserOrGroupPolicy"]}]}`)
			s.user("thief7", home) // whose policy is named after it
			made := who{"*******", "thiefs-secret", ""}
			s.admin(maker, http.MethodPut, "add-user?accessKey="+made.key, map[string]string{"secretKey": made.secret, "status": "enabled"})
			s.send(maker, http.MethodPut, "minio/admin/v3/set-user-or-group-policy?policyName=of-thief7&userOrGroup="+made.key+"&isGroup=false", nil)
			return s.send(made, http.MethodGet, "homes/victim7/secret", nil).body == topSecret
		}},
		{"S2 who may make users takes over one who is there", func(s *side) bool {
			victim := s.user("victim9", "consoleAdmin")
			maker := s.user("maker9", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["admin:CreateUser"]}]}`)
			s.admin(maker, http.MethodPut, "add-user?accessKey="+victim.key, map[string]string{"secretKey": "thiefs-secret", "status": "enabled"})
			return s.manages(who{victim.key, "thiefs-secret", ""})
		}},
		{"a service account becomes a user of its name", func(s *side) bool {
			_, victim := s.limited("victim8")
			s.bucket("nothing8")
			maker := s.user("maker8", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["admin:CreateUser"]}]}`)
			return s.admin(maker, http.MethodPut, "add-user?accessKey="+victim.key, map[string]string{"secretKey": "thiefs-secret", "status": "enabled"}).ok()
		}},
	})
	// Who may make them for others names them, and everybody has those whose names nobody chose.
	s := ours(t, many)
	user := s.user("user", "readonly")
	s.bucket("bucket")
	s.put("bucket", "k", "data")
	s.fine(s.admin(root, http.MethodPut, "add-service-account", map[string]any{"targetUser": user.key, "accessKey": "robot", "secretKey": "robots-secret"}))
	admin := s.user("boss", "consoleAdmin")
	s.fine(s.admin(admin, http.MethodPut, "add-user?accessKey="+user.key, map[string]string{"secretKey": user.secret}))
	maker := s.user("maker", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["admin:CreateUser"]}]}`)
	s.fine(s.admin(maker, http.MethodPut, "add-user?accessKey=somebody-new", map[string]string{"secretKey": "new-secret"}))
	s.fine(s.admin(admin, http.MethodPut, "add-service-account", map[string]any{"targetUser": user.key, "accessKey": "robot2", "secretKey": "robots-secret"}))
	var c credentials
	s.opened(user, s.admin(user, http.MethodPut, "add-service-account", map[string]any{}), &c)
	for _, w := range []who{{"robot", "robots-secret", ""}, {"robot2", "robots-secret", ""}, {c.Credentials.AccessKey, c.Credentials.SecretKey, ""}} {
		if a := s.send(w, http.MethodGet, "bucket/k", nil); a.body != "data" {
			t.Errorf("%s: %d %s", w.key, a.status, a.body)
		}
	}
	for key, want := range map[string]int{"robot": http.StatusConflict, user.key: http.StatusConflict, root.key: http.StatusConflict, "a*b": http.StatusBadRequest,
		"../users/user": http.StatusBadRequest} {
		if a := s.admin(root, http.MethodPut, "add-service-account", map[string]any{"targetUser": user.key, "accessKey": key, "secretKey": "robots-secret"}); a.status != want {
			t.Errorf("%s: got %d %s", key, a.status, a.body)
		}
	}
	if a := s.send(root, http.MethodPut, "minio/admin/v3/update-group-members", []byte(`{"group":"../users/user","members":[],"status":"enabled"}`)); a.status != http.StatusBadRequest {
		t.Errorf("a group: got %d %s", a.status, a.body)
	}
	s.fine(s.send(root, http.MethodPut, "minio/admin/v3/update-group-members", []byte(`{"group":"people","members":["user"],"status":"enabled"}`)))
}

// reloaded reports whether a user still manages once all users have been loaded again.
func (s *side) reloaded(w who) bool {
	s.t.Helper()
	s.user("unrelated", "")
	return s.manages(w)
}
