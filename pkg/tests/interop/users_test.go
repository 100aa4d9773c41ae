package interop

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"

	"juicefs/pkg/tests/oracle"
)

// refreshTime is how long users and policies may take to reach the other gateway, which looks every second here.
const refreshTime = 20 * time.Second

// Users, groups, policies, service accounts and the anonymous policy of a bucket that one program made hold at the other.
func TestUsersAndPoliciesHoldAtTheOtherGateway(t *testing.T) {
	blocks.run(t, func(t *testing.T, e engine, writer, reader oracle.Program) {
		v := e.format(t, writer, oracle.FormatOptions{})
		l := multi
		l.flags = append([]string{"--refresh-iam-interval", "1s"}, l.flags...)
		wg := start(t, writer, v, l)
		b := newBucket("bucket")
		w := newAuthor(t, wg, b)
		w.makeBucket()
		w.put("open/x", []byte("open"), minio.PutObjectOptions{})
		w.put("shut/x", []byte("shut"), minio.PutObjectOptions{})

		policy := filepath.Join(t.TempDir(), "policy.json")
		if err := os.WriteFile(policy, []byte(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow",`+
			`"Action":["s3:PutObject","s3:GetObject"],"Resource":["arn:aws:s3:::bucket/${aws:username}/*"]}]}`), 0o644); err != nil {
			t.Fatal(err)
		}
		mc := oracle.MC2021(t, map[string]*oracle.Gateway{"gw": wg})
		for _, command := range [][]string{
			{"admin", "user", "add", "gw", "alice", "alice-secret"},
			{"admin", "user", "add", "gw", "bob", "bobs-secret"},
			{"admin", "user", "add", "gw", "carol", "carols-secret"},
			{"admin", "policy", "add", "gw", "own-folder", policy},
			{"admin", "policy", "set", "gw", "readonly", "user=alice"},
			{"admin", "group", "add", "gw", "team", "bob"},
			{"admin", "policy", "set", "gw", "own-folder", "group=team"},
			{"admin", "user", "svcacct", "add", "gw", "alice", "--access-key", "alices-robot", "--secret-key", "robot-secret"},
			{"policy", "set", "download", "gw/bucket/open"},
		} {
			mc.Must(t, command...)
		}

		// The other gateway starts later: the original reads a bucket's policy once and never again.
		rg := start(t, reader, v, l)
		check := func(g *oracle.Gateway, user, password, method, key, want string) {
			t.Helper()
			// Users are loaded in the background after the start, and again every second.
			oracle.Poll(t, refreshTime, func() error {
				var err error
				s3 := g.CoreAs(t, user, password, "")
				if method == http.MethodPut {
					_, err = s3.PutObject(t.Context(), b.name, key, strings.NewReader("new"), 3, "", "", minio.PutObjectOptions{})
				} else {
					_, err = getAll(t.Context(), s3, b.name, key)
				}
				if got := code(err); got != want {
					return errors.New(g.Program.Name + ": " + method + " " + key + " as " + user + ": " + got + ", want " + want)
				}
				return nil
			})
		}
		for _, g := range []*oracle.Gateway{rg, wg} {
			check(g, "alice", "alice-secret", http.MethodGet, "shut/x", "")
			check(g, "alice", "alice-secret", http.MethodPut, "shut/y", "AccessDenied")
			check(g, "alice", "wrong-secret", http.MethodGet, "shut/x", "SignatureDoesNotMatch")
			check(g, "bob", "bobs-secret", http.MethodPut, "bob/x", "")
			check(g, "bob", "bobs-secret", http.MethodPut, "alice/x", "AccessDenied")
			check(g, "carol", "carols-secret", http.MethodGet, "shut/x", "AccessDenied")
			check(g, "alices-robot", "robot-secret", http.MethodGet, "shut/x", "")
			check(g, "", "", http.MethodGet, "open/x", "")
			check(g, "", "", http.MethodGet, "shut/x", "AccessDenied")
		}

		// And back, while both run.
		mc = oracle.MC2021(t, map[string]*oracle.Gateway{"gw": rg})
		mc.Must(t, "admin", "user", "disable", "gw", "alice")
		mc.Must(t, "admin", "policy", "set", "gw", "readwrite", "user=carol")
		check(wg, "alice", "alice-secret", http.MethodGet, "shut/x", "InvalidAccessKeyId")
		check(wg, "carol", "carols-secret", http.MethodPut, "carol/x", "")

		v.Settle(t, settleTime)
		wg.Stop(t)
		rg.Stop(t)
		oracle.Judge(t, v)
	})
}
