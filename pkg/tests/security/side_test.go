package security

import (
	"bytes"
	"context"
	"crypto/md5" //nolint:gosec // what the protocol asks for
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	miniogo "github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/signer"
	"github.com/minio/minio/pkg/madmin"

	"juicefs/pkg/tests/oracle"
)

func TestMain(m *testing.M) { os.Exit(oracle.Main(m)) }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// who signs a request; the zero who does not.
type who struct{ key, secret, token string }

var root = who{oracle.User, oracle.Password, ""}

// side is a gateway under attack.
type side struct {
	t *testing.T
	g *oracle.Gateway
}

// answer is what a request got.
type answer struct {
	status int
	body   string
	header http.Header
}

func (a answer) ok() bool { return a.status >= 200 && a.status <= 299 }

// send sends a request. headers are names and values in turn.
func (s *side) send(w who, method, pathAndQuery string, body []byte, headers ...string) answer {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, s.g.URL()+"/"+pathAndQuery, bytes.NewReader(body))
	must(s.t, err)
	for k := 0; k < len(headers); k += 2 {
		req.Header.Set(headers[k], headers[k+1])
	}
	if w.key != "" {
		sum := sha256.Sum256(body)
		req.Header.Set("X-Amz-Content-Sha256", hex.EncodeToString(sum[:]))
		req = signer.SignV4(*req, w.key, w.secret, w.token, oracle.Region)
	}
	return s.do(req)
}

// signed signs a request as the root user, without its body.
func signed(req *http.Request) *http.Request {
	req.Header.Set("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD")
	return signer.SignV4(*req, root.key, root.secret, "", oracle.Region)
}

func (s *side) do(req *http.Request) answer {
	s.t.Helper()
	resp, err := http.DefaultClient.Do(req)
	must(s.t, err)
	b, err := io.ReadAll(resp.Body)
	if s.g.Program.Original && errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil // it may cut a reply
	}
	must(s.t, errors.Join(err, resp.Body.Close()))
	return answer{resp.StatusCode, string(b), resp.Header}
}

// admin sends a call of management, with a body that is encrypted as clients do it.
func (s *side) admin(w who, method, call string, body any) answer {
	s.t.Helper()
	var sealed []byte
	if body != nil {
		plain, err := json.Marshal(body)
		must(s.t, err)
		sealed, err = madmin.EncryptData(w.secret, plain)
		must(s.t, err)
	}
	return s.send(w, method, "minio/admin/v3/"+call, sealed)
}

// opened decrypts a reply of management.
func (s *side) opened(w who, a answer, into any) {
	s.t.Helper()
	if !a.ok() {
		s.t.Fatalf("got %d %s", a.status, a.body)
	}
	plain, err := madmin.DecryptData(w.secret, strings.NewReader(a.body))
	must(s.t, err)
	must(s.t, json.Unmarshal(plain, into))
}

// user makes a user with a policy, which is one of the server's or a document of its own.
func (s *side) user(key, policy string) who {
	s.t.Helper()
	w := who{key, key + "-secret", ""}
	s.fine(s.admin(root, http.MethodPut, "add-user?accessKey="+key, map[string]string{"secretKey": w.secret, "status": "enabled"}))
	if strings.HasPrefix(policy, "{") {
		s.fine(s.send(root, http.MethodPut, "minio/admin/v3/add-canned-policy?name=of-"+key, []byte(policy)))
		policy = "of-" + key
	}
	if policy != "" {
		s.fine(s.send(root, http.MethodPut, "minio/admin/v3/set-user-or-group-policy?policyName="+policy+"&userOrGroup="+key+"&isGroup=false", nil))
	}
	return w
}

// on is a policy for one bucket.
func on(bucket string, actions ...string) string {
	return fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["%s"],"Resource":["arn:aws:s3:::%s","arn:aws:s3:::%s/*"]}]}`,
		strings.Join(actions, `","`), bucket, bucket)
}

func (s *side) fine(a answer) answer {
	s.t.Helper()
	if !a.ok() {
		s.t.Fatalf("got %d %s", a.status, a.body)
	}
	return a
}

func (s *side) bucket(name string) {
	s.t.Helper()
	s.fine(s.send(root, http.MethodPut, name, nil))
}

func (s *side) put(bucket, key, data string) {
	s.t.Helper()
	s.fine(s.send(root, http.MethodPut, bucket+"/"+key, []byte(data)))
}

// has reports whether the root user finds an object with that data.
func (s *side) has(bucket, key, data string) bool {
	s.t.Helper()
	a := s.send(root, http.MethodGet, bucket+"/"+key, nil)
	return a.ok() && a.body == data
}

// manages reports whether somebody may list users.
func (s *side) manages(w who) bool {
	s.t.Helper()
	return s.admin(w, http.MethodGet, "list-users", nil).ok()
}

// form uploads by a form.
func (s *side) form(w who, bucket, key, data string) answer {
	s.t.Helper()
	body, kind := s.formBody(w, bucket, key, data)
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.g.URL()+"/"+bucket, bytes.NewReader(body))
	must(s.t, err)
	req.Header.Set("Content-Type", kind)
	return s.do(req)
}

// formBody is the body of a form, and its type.
func (s *side) formBody(w who, bucket, key, data string) (body []byte, kind string) {
	s.t.Helper()
	p := miniogo.NewPostPolicy()
	must(s.t, errors.Join(p.SetBucket(bucket), p.SetKey(key), p.SetExpires(time.Now().Add(time.Hour))))
	_, fields, err := s.g.CoreAs(s.t, w.key, w.secret, w.token).PresignedPostPolicy(s.t.Context(), p)
	must(s.t, err)
	var b bytes.Buffer
	f := multipart.NewWriter(&b)
	for name, value := range fields {
		must(s.t, f.WriteField(name, value))
	}
	part, err := f.CreateFormFile("file", "f")
	must(s.t, err)
	_, err = io.WriteString(part, data)
	must(s.t, errors.Join(err, f.Close()))
	return b.Bytes(), f.FormDataContentType()
}

var (
	many = []string{"--multi-buckets", "--keep-etag", "--object-meta", "--object-tag", "--refresh-iam-interval", "1s"}
	one  = []string{"--keep-etag", "--object-meta", "--object-tag"}
)

// attack is what somebody with few rights does. It reports whether it has got more.
type attack struct {
	name string
	run  func(s *side) bool
}

// try runs attacks against the original, where they must succeed, and against ours, where they must fail.
func try(t *testing.T, flags []string, attacks []attack) {
	t.Helper()
	start := func(p oracle.Program) *oracle.Gateway {
		return oracle.Start(t, p, oracle.Format(t, p, oracle.FormatOptions{Name: "vol1"}), oracle.GatewayOptions{Flags: flags})
	}
	stock, ours := start(oracle.Real(t)), start(oracle.Ours(t))
	for _, a := range attacks {
		t.Run(a.name, func(t *testing.T) {
			if !a.run(&side{t, stock}) {
				t.Error("the attack fails against the original: it shows nothing")
			}
			if a.run(&side{t, ours}) {
				t.Error("the attack succeeds against this gateway")
			}
		})
	}
}

// md5Of is the Content-MD5 of a body.
func md5Of(body []byte) string {
	sum := md5.Sum(body) //nolint:gosec // what the protocol asks for
	return base64.StdEncoding.EncodeToString(sum[:])
}
