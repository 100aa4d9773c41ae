package security

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
)

// agent is what the file manager of the web is asked by.
var agent = []string{"User-Agent", "Mozilla/5.0"}

// call makes a call of the file manager, with a session of it or without.
func (s *side) call(session, method string, args any) answer {
	s.t.Helper()
	body, err := json.Marshal(map[string]any{"id": 1, "jsonrpc": "2.0", "method": "web." + method, "params": args})
	must(s.t, err)
	headers := append([]string{"Content-Type", "application/json"}, agent...)
	if session != "" {
		headers = append(headers, "Authorization", "Bearer "+session)
	}
	return s.send(who{}, http.MethodPost, "minio/webrpc", body, headers...)
}

// signIn returns a session of the file manager, once what takes part in a URL.
func (s *side) signIn(w who) string {
	s.t.Helper()
	return s.token(s.call("", "Login", map[string]string{"username": w.key, "password": w.secret}))
}

func (s *side) once(session string) string {
	s.t.Helper()
	return s.token(s.call(session, "CreateURLToken", map[string]string{}))
}

func (s *side) token(a answer) string {
	s.t.Helper()
	var r struct{ Result struct{ Token string } }
	must(s.t, json.Unmarshal([]byte(a.body), &r))
	if r.Result.Token == "" {
		s.t.Fatalf("no token: %d %s", a.status, a.body)
	}
	return r.Result.Token
}

// TestFilesOfTheWeb: the file manager gives nobody more than policies do.
func TestFilesOfTheWeb(t *testing.T) {
	t.Parallel()
	// A user of a bucket but for one folder.
	but := func(s *side, name string) string {
		s.bucket(name)
		s.put(name, "open/plain", "plain")
		s.put(name, "open/closed/secret", topSecret)
		return s.signIn(s.user(name+"user", fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:*"],"Resource":["arn:aws:s3:::%[1]s/*"]},`+
			`{"Effect":"Deny","Action":["s3:*"],"Resource":["arn:aws:s3:::%[1]s/open/closed/*"]}]}`, name)))
	}
	zip := func(s *side, session, body string) answer {
		return unzipped(s.send(who{}, http.MethodPost, "minio/zip?token="+s.once(session), []byte(body), agent...))
	}
	try(t, many, []attack{
		{"a folder's archive has what is denied", func(s *side) bool {
			a := zip(s, but(s, "zipped"), `{"bucketname":"zipped","prefix":"","objects":["open/"]}`)
			return strings.Contains(a.body, topSecret)
		}},
		{"a folder's removal removes what is denied", func(s *side) bool {
			s.call(but(s, "emptied"), "RemoveObject", map[string]any{"bucketname": "emptied", "objects": []string{"open/"}})
			return !s.has("emptied", "open/closed/secret", topSecret)
		}},
		{"a folder's removal by a token whose word is written small", func(s *side) bool {
			session := but(s, "small")
			body := `{"id":1,"jsonrpc":"2.0","method":"web.RemoveObject","params":{"bucketname":"small","objects":["open/"]}}`
			s.send(who{}, http.MethodPost, "minio/webrpc?Action=x", []byte(body), append(agent, "Content-Type", "application/json", "Authorization", "bearer "+session)...)
			return !s.has("small", "open/closed/secret", topSecret)
		}},
		{"S24 every user learns what machine it is", func(s *side) bool {
			a := s.call(s.signIn(s.user("curious", "")), "ServerInfo", map[string]string{})
			if !a.ok() || !strings.Contains(a.body, "MinioVersion") {
				s.t.Fatalf("got %d %s", a.status, a.body)
			}
			host, err := os.Hostname()
			must(s.t, err)
			return strings.Contains(a.body, host) || strings.Contains(a.body, "go1.")
		}},
		{"passwords are guessed by calls that end late", func(s *side) bool {
			for k := range 60 {
				body := fmt.Sprintf(`{"id":1,"jsonrpc":"2.0","method":"web.Login","params":{"username":%q,"password":"guess%d"}} and more`, root.key, k)
				if a := s.send(who{}, http.MethodPost, "minio/webrpc", []byte(body), append(agent, "Content-Type", "application/json")...); a.status != http.StatusOK {
					return false
				}
			}
			return true
		}},
	})
	s := ours(t, many)
	session := but(s, "fine")
	s.put("fine", "mine/a", "plain")
	if a := zip(s, session, `{"bucketname":"fine","prefix":"","objects":["mine/"]}`); !a.ok() || !strings.Contains(a.body, "plain") {
		t.Errorf("a folder of one's own: %d %q", a.status, a.body)
	}
	s.call(session, "RemoveObject", map[string]any{"bucketname": "fine", "objects": []string{"mine/"}})
	if s.has("fine", "mine/a", "plain") {
		t.Error("a folder of one's own is not removed")
	}
	if a := zip(s, s.signIn(root), `{"bucketname":"fine","prefix":"","objects":["open/"]}`); !strings.Contains(a.body, topSecret) {
		t.Errorf("the root user does not get a folder: %d", a.status)
	}
}
