package security

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"juicefs/pkg/tests/oracle"
	"juicefs/pkg/tests/redistest"
)

// TestSecretsAreNotTold: a gateway that logs all that it can goes through all kinds of requests and failures. What it printed,
// its command line and its metrics have none of the secrets that it knows, nor have replies those of others.
func TestSecretsAreNotTold(t *testing.T) {
	t.Parallel()
	const (
		database = "s3cret-of-the-database"
		storage  = "s3cret-of-the-storage"
		webhook  = "s3cret-of-the-webhook"
		guess    = "s3cret-that-is-wrong"
	)
	p := oracle.Ours(t)
	store := ours(t, many)
	keys := store.user("storeuser", "readwrite")
	store.fine(store.admin(root, http.MethodPut, "add-user?accessKey="+keys.key, map[string]string{"secretKey": storage, "status": "enabled"}))
	redis := redistest.Start(t, "--requirepass", database)
	v := oracle.Format(t, p, oracle.FormatOptions{Name: "vol1", Meta: "redis://:" + database + "@" + redis.Addr + "/1?max_retry_backoff=10ms", Flags: []string{
		"--storage", "minio", "--bucket", store.g.URL() + "/blocks", "--access-key", keys.key, "--secret-key", storage}})
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }))
	defer hook.Close()
	metrics := oracle.FreeAddr(t)
	g := oracle.Start(t, p, v, oracle.GatewayOptions{Flags: append([]string{"--trace", "--io-retries", "1", "--metrics", metrics}, many...), Env: []string{
		"MINIO_NOTIFY_WEBHOOK_ENABLE_1=on", "MINIO_NOTIFY_WEBHOOK_ENDPOINT_1=" + hook.URL, "MINIO_NOTIFY_WEBHOOK_AUTH_TOKEN_1=" + webhook}})
	s := &side{t, g}
	secrets := map[string]string{"the root password": root.secret, "the database's password": database, "the storage's key": storage,
		"the webhook's token": webhook, "a wrong password": guess}

	// Users of all kinds, who do what they may and what they may not.
	user, service := s.limited("talker")
	session := s.assume(user, on("bucket", "s3:*"))
	secrets["a user's secret"], secrets["a service account's secret"] = user.secret, service.secret
	secrets["temporary credentials' secret"], secrets["temporary credentials' token"] = session.secret, session.token
	s.bucket("bucket")
	var said []string
	as := func(w who) {
		for _, a := range []answer{
			s.send(w, http.MethodPut, "bucket/k", []byte("data")), s.send(w, http.MethodGet, "bucket/k", nil), s.send(w, http.MethodGet, "bucket?location", nil),
			s.send(w, http.MethodGet, "bucket/none?uploadId=x", nil), s.send(w, http.MethodPut, "bucket?policy", []byte("{")),
			s.send(w, http.MethodPost, "bucket?delete", []byte("<")), s.send(w, http.MethodPut, "bucket/copy", nil, "X-Amz-Copy-Source", "/other/k"),
			s.admin(w, http.MethodGet, "list-users", nil), s.admin(w, http.MethodPut, "add-user?accessKey=x", map[string]string{"secretKey": "short"}),
			s.send(w, http.MethodGet, "minio/admin/v3/accountinfo", nil), s.send(w, http.MethodGet, "minio/admin/v3/user-info?accessKey="+user.key, nil),
		} {
			said = append(said, a.body)
		}
	}
	for _, w := range []who{root, user, service, session, {user.key, guess, ""}, {root.key, guess, ""}, {"nobody", guess, ""}, {session.key, session.secret, guess}} {
		as(w)
	}
	s.fine(s.send(root, http.MethodPut, "bucket?notification", []byte(`<NotificationConfiguration><QueueConfiguration><Id>1</Id><Queue>arn:minio:sqs::1:webhook</Queue>`+
		`<Event>s3:ObjectCreated:*</Event></QueueConfiguration></NotificationConfiguration>`)))
	s.put("bucket", "heard", "data")
	for _, password := range []string{guess, user.secret} {
		a := s.send(who{}, http.MethodPost, "minio/webrpc", fmt.Appendf(nil, `{"id":1,"jsonrpc":"2.0","method":"web.Login","params":{"username":%q,"password":%q}}`, user.key, password),
			"User-Agent", "Mozilla/5.0", "Content-Type", "application/json")
		var login struct{ Result struct{ Token string } }
		must(t, json.Unmarshal([]byte(a.body), &login))
		if token := login.Result.Token; token != "" {
			secrets["a session of the web"] = token
			s.send(who{}, http.MethodGet, "minio/download/bucket/none?token="+token, nil, "User-Agent", "Mozilla/5.0")
			s.send(who{}, http.MethodGet, "minio/download/bucket/none?token="+guess, nil, "User-Agent", "Mozilla/5.0")
			a.body = ""
		}
		said = append(said, a.body)
	}
	if len(secrets) != 10 {
		t.Fatalf("nobody could sign in: %d secrets", len(secrets))
	}

	// What it needs breaks.
	store.fine(store.send(root, http.MethodPut, "minio/admin/v3/set-user-status?accessKey="+keys.key+"&status=disabled", nil))
	big := make([]byte, 5<<20)
	if a := s.send(root, http.MethodPut, "bucket/unstored", big); a.ok() {
		t.Error("data is stored although the storage does not take it")
	} else {
		said = append(said, a.body)
	}
	redis.Do(t, "CONFIG", "SET", "requirepass", "another")
	redis.DoAs(t, "another", "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
	said = append(said, s.send(root, http.MethodGet, "bucket/k", nil).body)
	redis.DoAs(t, "another", "CONFIG", "SET", "requirepass", database)
	oracle.Poll(t, time.Minute, func() error {
		if a := s.send(root, http.MethodHead, "bucket/k", nil); !a.ok() {
			return fmt.Errorf("got %d", a.status)
		}
		return nil
	})

	resp, err := http.Get("http://" + metrics + "/metrics") //nolint:noctx // a test
	must(t, err)
	page, err := io.ReadAll(resp.Body)
	must(t, err)
	must(t, resp.Body.Close())
	line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", g.PID()))
	must(t, err)
	g.Stop(t)
	log, err := os.ReadFile(g.LogFile())
	must(t, err)
	if !strings.Contains(string(log), "TRACE") && !strings.Contains(string(log), "DEBUG") {
		t.Errorf("it has hardly logged anything: %.2000s", log)
	}
	for what, text := range map[string]string{"the log": string(log), "the command line": string(line), "the metrics": string(page), "replies": strings.Join(said, "\n")} {
		for whose, secret := range secrets {
			if i := strings.Index(text, secret); i >= 0 {
				t.Errorf("%s is in %s: …%s…", whose, what, text[max(0, i-200):min(len(text), i+200)])
			}
		}
	}
}
