package s3

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/minio/minio-go/v7"

	"juicefs/pkg/tests/oracle"
)

// TestClientOf2021: objects, anonymous access, users, groups, policies, service accounts and settings, by the client that users of
// JuiceFS are told to take.
func TestClientOf2021(t *testing.T) {
	t.Parallel()
	g := serve(t, everything...)
	mc := oracle.MC2021(t, map[string]*oracle.Gateway{"jfs": g})
	says := func(want string, args ...string) {
		t.Helper()
		if r := mc.Must(t, args...); !strings.Contains(r.Stdout, want) {
			t.Errorf("%s: want %q", r, want)
		}
	}
	says("Bucket created successfully", "mb", "jfs/buck")
	c := &client{Core: g.Core(t), t: t, g: g, bucket: "buck"}
	c.put("d/a.txt", []byte("hello"), minio.PutObjectOptions{})
	c.put("d/e/f", []byte("x"), minio.PutObjectOptions{})
	says("buck", "ls", "jfs")
	says("a.txt", "ls", "jfs/buck/d/")
	says("hello", "cat", "jfs/buck/d/a.txt")
	says("a.txt", "stat", "jfs/buck/d/a.txt")
	// Its mv asks for an object lock first, which the stock server answers 501.
	says("", "cp", "jfs/buck/d/a.txt", "jfs/buck/moved.txt")
	says("", "tag", "set", "jfs/buck/moved.txt", "k=v")
	says("k", "tag", "list", "jfs/buck/moved.txt")
	says("", "tag", "remove", "jfs/buck/moved.txt")
	says("moved.txt", "find", "jfs/buck", "--name", "moved*")
	says("", "policy", "set", "download", "jfs/buck")
	anonymous := func(method, path string, want int) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, g.URL()+path, strings.NewReader(""))
		must(t, err)
		resp, err := http.DefaultClient.Do(req)
		must(t, err)
		must(t, resp.Body.Close())
		c.same(method+" "+path, resp.StatusCode, want)
	}
	anonymous(http.MethodGet, "/buck/moved.txt", http.StatusOK)
	anonymous(http.MethodPut, "/buck/new.txt", http.StatusForbidden)
	says("", "policy", "set", "none", "jfs/buck")
	anonymous(http.MethodGet, "/buck/moved.txt", http.StatusForbidden)
	says("Added user `user1` successfully.", "admin", "user", "add", "jfs", "user1", "password1")
	says("enabled    user1", "admin", "user", "list", "jfs")
	says("Policy `readonly` is set on user `user1`", "admin", "policy", "set", "jfs", "readonly", "user=user1")
	user := g.CoreAs(t, "user1", "password1", "")
	_, err := user.StatObject(t.Context(), "buck", "moved.txt", minio.StatObjectOptions{})
	must(t, err)
	_, err = user.PutObject(t.Context(), "buck", "new.txt", strings.NewReader("x"), 1, "", "", minio.PutObjectOptions{})
	wants(t, err, http.StatusForbidden, "AccessDenied")
	says("readwrite", "admin", "policy", "list", "jfs")
	says("", "admin", "group", "add", "jfs", "group1", "user1")
	says("group1", "admin", "group", "list", "jfs")
	says("svcacct1", "admin", "user", "svcacct", "add", "jfs", "user1", "--access-key", "svcacct1", "--secret-key", "123456abc")
	says("user1", "admin", "user", "svcacct", "info", "jfs", "svcacct1")
	says("notify_webhook", "admin", "config", "get", "jfs")
	says("Successfully applied new settings.", "admin", "config", "set", "jfs", "api", "requests_max=100")
	says("requests_max=100", "admin", "config", "get", "jfs", "api")
	says("Removed user `user1` successfully.", "admin", "user", "remove", "jfs", "user1")
	says("", "rm", "--recursive", "--force", "jfs/buck/d")
	c.same("listing", c.keys("", ""), "moved.txt")
	says("Removed `jfs/buck` successfully.", "rb", "--force", "jfs/buck")
	if r := mc.Run(t, "ls", "jfs/buck"); r.Code == 0 {
		t.Errorf("the bucket is still there: %s", r)
	}
}

// TestSettingsSurviveARestart: users, policies and bucket settings.
func TestSettingsSurviveARestart(t *testing.T) {
	t.Parallel()
	g := serve(t, everything...)
	c := use(t, g)
	c.put("k", []byte("x"), minio.PutObjectOptions{})
	mc := oracle.MC2021(t, map[string]*oracle.Gateway{"jfs": g})
	mc.Must(t, "admin", "user", "add", "jfs", "user1", "password1")
	mc.Must(t, "admin", "policy", "set", "jfs", "readwrite", "user=user1")
	mc.Must(t, "policy", "set", "download", "jfs/"+c.bucket)
	g.Stop(t)
	g = oracle.Start(t, g.Program, g.Volume, oracle.GatewayOptions{Flags: everything})
	oracle.Poll(t, 10e9, func() error { // users are loaded in the background
		_, err := g.CoreAs(t, "user1", "password1", "").StatObject(t.Context(), c.bucket, "k", minio.StatObjectOptions{})
		return err
	})
	resp, err := http.Get(g.URL() + "/" + c.bucket + "/k") //nolint:noctx // a test
	must(t, err)
	must(t, resp.Body.Close())
	c.same("anonymous", resp.StatusCode, http.StatusOK)
}

// browser is a session of the web file manager.
type browser struct {
	*client
	token string
}

// call sends a request of the web page and decodes its result; the error is that of the reply.
func (b *browser) call(method string, args, result any) string {
	b.t.Helper()
	body, err := json.Marshal(map[string]any{"id": 1, "jsonrpc": "2.0", "method": "web." + method, "params": args})
	must(b.t, err)
	req, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, b.g.URL()+"/minio/webrpc", bytes.NewReader(body))
	must(b.t, err)
	r := b.do(req, "Content-Type", "application/json")
	var answer struct {
		Result json.RawMessage
		Error  struct{ Message string }
	}
	must(b.t, json.Unmarshal(r.body, &answer))
	if answer.Error.Message == "" && result != nil {
		must(b.t, json.Unmarshal(answer.Result, result))
	}
	return answer.Error.Message
}

func (b *browser) do(req *http.Request, headers ...string) *reply {
	b.t.Helper()
	req.Header.Set("User-Agent", "Mozilla/5.0")
	if b.token != "" {
		req.Header.Set("Authorization", "Bearer "+b.token)
	}
	for k := 0; k < len(headers); k += 2 {
		req.Header.Set(headers[k], headers[k+1])
	}
	resp, err := http.DefaultClient.Do(req)
	must(b.t, err)
	body, err := io.ReadAll(resp.Body)
	must(b.t, err)
	must(b.t, resp.Body.Close())
	return &reply{status: resp.StatusCode, header: resp.Header, body: body}
}

// TestBrowser: the file manager with one bucket, where its handlers can reach for the server's settings: some call the layer without
// the context of their request.
func TestBrowser(t *testing.T) {
	t.Parallel()
	g := serve(t, "--keep-etag", "--object-meta")
	b := &browser{client: single(t, g, "vol1")}
	var login struct{ Token string }
	if msg := b.call("Login", map[string]string{"username": oracle.User, "password": oracle.Password}, &login); msg != "" {
		t.Fatal(msg)
	}
	b.token = login.Token
	upload := func(key string, want int) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, g.URL()+"/minio/upload/vol1/"+key, strings.NewReader("data"))
		must(t, err)
		r := b.do(req)
		if want == http.StatusOK && r.status != want || want != http.StatusOK && r.status < 400 {
			t.Errorf("upload %s: got %d %s", key, r.status, r.body)
		}
	}
	upload("d/file.txt", http.StatusOK)
	upload(".minio.sys/config/iam/users/evil/identity.json", http.StatusForbidden)
	upload(".sys/tmp/x", http.StatusForbidden)
	var list struct {
		Objects []struct{ Name string }
	}
	if msg := b.call("ListObjects", map[string]string{"bucketName": "vol1", "prefix": "d/"}, &list); msg != "" || len(list.Objects) != 1 {
		t.Errorf("got %+v, %q", list, msg)
	}
	for _, prefix := range []string{".minio.sys/config/", ".sys/"} {
		list.Objects = nil
		if msg := b.call("ListObjects", map[string]string{"bucketName": "vol1", "prefix": prefix}, &list); msg == "" && len(list.Objects) > 0 {
			t.Errorf("%s is listed: %+v", prefix, list)
		}
	}
	var url struct{ Token string }
	if msg := b.call("CreateURLToken", map[string]string{}, &url); msg != "" {
		t.Fatal(msg)
	}
	for key, want := range map[string]int{"d/file.txt": http.StatusOK, ".minio.sys/config/config.json": http.StatusForbidden} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, g.URL()+"/minio/download/vol1/"+key+"?token="+url.Token, nil)
		must(t, err)
		if r := b.do(req); r.status == http.StatusOK != (want == http.StatusOK) {
			t.Errorf("download of %s: got %d", key, r.status)
		}
	}
	b.call("RemoveObject", map[string]any{"bucketname": "vol1", "objects": []string{".minio.sys/config/config.json", ".minio.sys/config/"}}, nil)
	if msg := b.call("RemoveObject", map[string]any{"bucketname": "vol1", "objects": []string{"d/"}}, nil); msg != "" {
		t.Error(msg)
	}
	b.same("listing", b.keys("", ""), "")
	b.expect(http.StatusOK, "", http.MethodGet, "minio/admin/v3/list-users", nil)
	resp, err := http.NewRequestWithContext(t.Context(), http.MethodGet, g.URL()+"/minio/login", nil)
	must(t, err)
	b.same("page", b.do(resp).status, http.StatusOK)
}
