package gateway

import (
	"bytes"
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gorilla/mux"
	miniogo "github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/minio/minio-go/v7/pkg/signer"
	minio "github.com/minio/minio/cmd"
	iampolicy "github.com/minio/minio/pkg/iam/policy"
	"github.com/minio/minio/pkg/madmin"

	"juicefs/gateway/front"
)

// deletePolicies are what callers of DeleteObjects have, by the name of the caller.
var deletePolicies = map[string]string{
	"prefix":    `{"Effect":"Allow","Action":["s3:DeleteObject"],"Resource":["arn:aws:s3:::buck/mine/*"]}`,
	"exception": `{"Effect":"Allow","Action":["s3:*"],"Resource":["arn:aws:s3:::buck/*"]},{"Effect":"Deny","Action":["s3:DeleteObject"],"Resource":["arn:aws:s3:::buck/mine/n*"]}`,
	"variable":  `{"Effect":"Allow","Action":["s3:DeleteObject"],"Resource":["arn:aws:s3:::buck/${aws:username}/*"]}`,
	"agent":     `{"Effect":"Allow","Action":["s3:DeleteObject"],"Resource":["arn:aws:s3:::buck/mine/*"],"Condition":{"StringLike":{"aws:UserAgent":["good*"]}}}`,
	"address":   `{"Effect":"Allow","Action":["s3:DeleteObject"],"Resource":["arn:aws:s3:::buck/m*"],"Condition":{"IpAddress":{"aws:SourceIp":["127.0.0.0/8"]}}}`,
	"elsewhere": `{"Effect":"Allow","Action":["s3:DeleteObject"],"Resource":["arn:aws:s3:::buck/*"],"Condition":{"IpAddress":{"aws:SourceIp":["192.0.2.0/24"]}}}`,
	"version4":  `{"Effect":"Allow","Action":["s3:DeleteObject"],"Resource":["arn:aws:s3:::buck/m*"],"Condition":{"StringEquals":{"s3:signatureversion":["AWS4-HMAC-SHA256"]}}}`,
	"reader":    `{"Effect":"Allow","Action":["s3:GetObject"],"Resource":["arn:aws:s3:::buck/*"]}`,
	"other":     `{"Effect":"Allow","Action":["s3:DeleteObject"],"Resource":["arn:aws:s3:::other/*"]}`,
}

// caller is somebody who sends DeleteObjects.
type caller struct {
	name  string
	value credentials.Value
	known string // the versions of signatures by which the caller is known: no handler is needed then
}

// deleteForms are the ways to sign.
var deleteForms = map[string]func(r *http.Request, v credentials.Value) *http.Request{
	"header 4": func(r *http.Request, v credentials.Value) *http.Request {
		return signer.SignV4(*r, v.AccessKeyID, v.SecretAccessKey, v.SessionToken, "us-east-1")
	},
	"query 4": func(r *http.Request, v credentials.Value) *http.Request {
		return signer.PreSignV4(*r, v.AccessKeyID, v.SecretAccessKey, v.SessionToken, "us-east-1", 60)
	},
	"header 2": func(r *http.Request, v credentials.Value) *http.Request {
		return signer.SignV2(*r, v.AccessKeyID, v.SecretAccessKey, false)
	},
	"query 2": func(r *http.Request, v credentials.Value) *http.Request {
		return presignV2(r, v.AccessKeyID, v.SecretAccessKey)
	},
}

// serveDeletes compares what DeleteObjects answers, caller by caller and form by form, with what the server's handler does
// for the same keys: one of a version, which never was there, sends a request to it.
func serveDeletes(t *testing.T, address string) {
	callers := deleteCallers(t, address)
	keys := []string{"mine/a", "mine/no", "mine/a", "variable/x", "other", "/mine/a", "m", strings.Repeat("k", 300), "mine/a//b", "mine/<&>", "../x"}
	outcomes := map[string]int{}
	for _, agent := range []string{"good/1", "bad"} {
		for _, who := range callers {
			for form, sign := range deleteForms {
				name := who.name + ", " + form + ", " + agent
				request := func(version string) *http.Request {
					return deleteRequest(t, address, agent, keys, version, who.value, sign)
				}
				got, want := sendDelete(t, request("")), sendDelete(t, request("null"))
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s: the handler says otherwise:\n%s", name, diff)
				}
				for _, line := range got.lines {
					outcomes[line[strings.LastIndex(line, " ")+1:]]++
				}
				r := request("")
				r.RequestURI, r.RemoteAddr = r.URL.RequestURI(), "127.0.0.1:1"
				r = mux.SetURLVars(r.WithContext(outsideCtx(t)), map[string]string{"bucket": "buck"})
				taken := stock{}.Delete(httptest.NewRecorder(), r, []string{"mine/a"}, func(map[string]*front.Failure) []byte { return nil })
				same(t, name+": without the handler", taken, strings.Contains(who.known, form[len(form)-1:]))
			}
		}
	}
	for _, want := range []string{"Deleted", "AccessDenied", "KeyTooLongError", "SignatureDoesNotMatch", "InvalidAccessKeyId"} {
		if outcomes[want] == 0 {
			t.Errorf("nothing ended as %s: %v", want, outcomes)
		}
	}
}

// serveOddDeletes compares the same for good signatures of requests that the server's middleware looks at, which comes before its
// handlers: it is not to be passed by.
func serveOddDeletes(t *testing.T, address string) {
	root := credentials.Value{AccessKeyID: "admin", SecretAccessKey: "12345678"}
	for name, c := range map[string]struct {
		header, value, want string
	}{
		"nothing":                {"", "", `k "" Deleted`},
		"an hour ago":            {"X-Amz-Date", time.Now().Add(-time.Hour).UTC().Format("20060102T150405Z"), "403 RequestTimeTooSkewed"},
		"in an hour":             {"X-Amz-Date", time.Now().Add(time.Hour).UTC().Format("20060102T150405Z"), "403 RequestTimeTooSkewed"},
		"metadata of the server": {"X-Minio-Internal-X", "y", "400 InvalidArgument"},
		"much metadata":          {"X-Amz-Meta-X", strings.Repeat("y", 3<<10), "400 MetadataTooLarge"},
		"a key of the client's":  {"X-Amz-Server-Side-Encryption-Customer-Algorithm", "AES256", "501 NotImplemented"},
	} {
		send := func(version string) deleteReply {
			r := deleteRequest(t, address, "x", []string{"k"}, version, root, deleteForms["header 4"])
			if c.header != "" {
				r.Header.Set(c.header, c.value)
				if f := (stock{}).Sign(r); f != nil {
					t.Fatal(f)
				}
			}
			return sendDelete(t, r)
		}
		got := send("")
		if diff := cmp.Diff(send("null"), got); diff != "" {
			t.Errorf("%s: the handler says otherwise:\n%s", name, diff)
		}
		same(t, name, strings.Join(got.lines, ", "), c.want)
	}
}

// deleteCallers makes the users and returns them, with some whom nobody knows.
func deleteCallers(t *testing.T, address string) []caller {
	const secret = "a long secret"
	poll(t, func() error {
		if !forkUsers.Initialized() {
			return fmt.Errorf("no users yet")
		}
		return nil
	})
	root := credentials.Value{AccessKeyID: "admin", SecretAccessKey: "12345678"}
	callers := []caller{ // version 2 has no tokens
		{"root", root, "2 and 4"}, {"wrong secret", credentials.Value{AccessKeyID: "admin", SecretAccessKey: "123456789"}, ""},
		{"unknown key", credentials.Value{AccessKeyID: "nobody", SecretAccessKey: secret}, ""},
		{"wrong token", credentials.Value{AccessKeyID: "admin", SecretAccessKey: "12345678", SessionToken: "x"}, "2"},
	}
	for user, text := range deletePolicies {
		p, err := iampolicy.ParseConfig(strings.NewReader(`{"Version":"2012-10-17","Statement":[` + text + `]}`))
		must(t, err)
		must(t, forkUsers.SetPolicy(user, *p))
		must(t, forkUsers.CreateUser(user, madmin.UserInfo{SecretKey: secret, Status: madmin.AccountEnabled}))
		must(t, forkUsers.PolicyDBSet(user, user, false))
		callers = append(callers, caller{user, credentials.Value{AccessKeyID: user, SecretAccessKey: secret}, "2 and 4"})
	}
	must(t, forkUsers.CreateUser("none", madmin.UserInfo{SecretKey: secret, Status: madmin.AccountEnabled}))
	must(t, forkUsers.CreateUser("member", madmin.UserInfo{SecretKey: secret, Status: madmin.AccountEnabled}))
	must(t, forkUsers.AddUsersToGroup("group", []string{"member"}))
	must(t, forkUsers.PolicyDBSet("group", "prefix", true))
	for _, user := range []string{"none", "member"} {
		callers = append(callers, caller{user, credentials.Value{AccessKeyID: user, SecretAccessKey: secret}, "2 and 4"})
	}
	for _, session := range []string{"", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:*"],"Resource":["arn:aws:s3:::buck/mine/a"]}]}`} {
		v := assumeRole(t, address, "prefix", secret, session)
		callers = append(callers, caller{"temporary " + session, v, "4"})
		v.SessionToken = ""
		callers = append(callers, caller{"temporary without its token" + session, v, ""})
	}
	m, err := madmin.New(address, "prefix", secret, false)
	must(t, err)
	account, err := m.AddServiceAccount(t.Context(), madmin.AddServiceAccountReq{})
	must(t, err)
	return append(callers, caller{"service account", credentials.Value{AccessKeyID: account.AccessKey, SecretAccessKey: account.SecretKey}, "2 and 4"})
}

// assumeRole returns temporary credentials of a user, with a policy of their own if there is one.
func assumeRole(t *testing.T, address, user, secret, policy string) credentials.Value {
	t.Helper()
	form := url.Values{"Action": {"AssumeRole"}, "Version": {"2011-06-15"}, "DurationSeconds": {"3600"}}
	if policy != "" {
		form.Set("Policy", policy)
	}
	body := form.Encode()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+address+"/", strings.NewReader(body))
	must(t, err)
	sum := sha256.Sum256([]byte(body))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("X-Amz-Content-Sha256", hex.EncodeToString(sum[:]))
	resp, err := http.DefaultClient.Do(signer.SignV4STS(*r, user, secret, "us-east-1"))
	must(t, err)
	var said struct {
		Result struct {
			Credentials struct{ AccessKeyId, SecretAccessKey, SessionToken string }
		} `xml:"AssumeRoleResult"`
	}
	must(t, xml.NewDecoder(resp.Body).Decode(&said))
	must(t, resp.Body.Close())
	c := said.Result.Credentials
	same(t, "status and token", fmt.Sprint(resp.StatusCode, c.SessionToken != ""), "200 true")
	return credentials.Value{AccessKeyID: c.AccessKeyId, SecretAccessKey: c.SecretAccessKey, SessionToken: c.SessionToken}
}

// deleteRequest asks to remove keys, and with a version one more.
func deleteRequest(t *testing.T, address, agent string, keys []string, version string, v credentials.Value, sign func(*http.Request, credentials.Value) *http.Request) *http.Request {
	t.Helper()
	var b bytes.Buffer
	b.WriteString("<Delete>")
	for _, key := range keys {
		b.WriteString("<Object><Key>")
		must(t, xml.EscapeText(&b, []byte(key)))
		b.WriteString("</Key></Object>")
	}
	if version != "" {
		b.WriteString("<Object><Key>extra</Key><VersionId>" + version + "</VersionId></Object>")
	}
	b.WriteString("</Delete>")
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+address+"/buck?delete=", bytes.NewReader(b.Bytes()))
	must(t, err)
	sum := md5.Sum(b.Bytes())
	r.Header.Set("Content-Md5", base64.StdEncoding.EncodeToString(sum[:]))
	r.Header.Set("User-Agent", agent)
	r.Header.Set("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD")
	return sign(r, v)
}

// deleteReply is what was said of each key but the extra one, or the status and the code of an error, and the header of the reply
// without what differs between any two.
type deleteReply struct {
	lines  []string
	header http.Header
}

// Equal compares two of them.
func (d deleteReply) Equal(other deleteReply) bool {
	return slices.Equal(d.lines, other.lines) && cmp.Equal(d.header, other.header)
}

func sendDelete(t *testing.T, r *http.Request) (d deleteReply) {
	t.Helper()
	resp, err := http.DefaultClient.Do(r)
	must(t, err)
	b, err := io.ReadAll(resp.Body)
	must(t, err)
	must(t, resp.Body.Close())
	id := resp.Header.Get("X-Amz-Request-Id")
	d.header = resp.Header
	for _, name := range []string{"Date", "X-Amz-Request-Id", "Content-Length"} {
		d.header.Del(name)
	}
	if resp.StatusCode != http.StatusOK {
		var e struct{ Code string }
		must(t, xml.Unmarshal(b, &e))
		d.lines = []string{fmt.Sprint(resp.StatusCode, " ", e.Code)}
		return d
	}
	same(t, "type", resp.Header.Get("Content-Type"), "application/xml")
	same(t, "length of the request's id", len(id), 16)
	var said struct {
		Entries []struct {
			XMLName            xml.Name
			Key, Code, Message string
		} `xml:",any"`
	}
	must(t, xml.Unmarshal(b, &said))
	for _, e := range said.Entries {
		if e.Key == "extra" {
			continue
		}
		outcome := e.XMLName.Local
		if e.Code != "" {
			outcome += " " + e.Code
		}
		d.lines = append(d.lines, fmt.Sprintf("%s %q %s", e.Key, e.Message, outcome))
	}
	return d
}

// serveDeletesAlone looks at buckets and servers that the handler minds more of.
func serveDeletesAlone(t *testing.T, address string, c *miniogo.Core) {
	root := credentials.Value{AccessKeyID: "admin", SecretAccessKey: "12345678"}
	taken := func(bucket string, change func(r *http.Request)) bool {
		r := deleteRequest(t, address, "x", []string{"k"}, "", root, deleteForms["header 4"])
		r.URL.Path = "/" + bucket
		r.Header.Del("Authorization")
		r = deleteForms["header 4"](r, root)
		change(r)
		r.RequestURI, r.RemoteAddr = r.URL.RequestURI(), "127.0.0.1:1"
		return stock{}.Delete(httptest.NewRecorder(), mux.SetURLVars(r.WithContext(outsideCtx(t)), map[string]string{"bucket": bucket}), []string{"k"},
			func(map[string]*front.Failure) []byte { return nil })
	}
	nothing := func(*http.Request) {}
	same(t, "plain", taken("buck", nothing), true)
	same(t, "missing bucket", taken("no-such-bucket", nothing), false)
	same(t, "no MD5", taken("buck", func(r *http.Request) { r.Header.Del("Content-Md5") }), false)
	same(t, "no length", taken("buck", func(r *http.Request) { r.ContentLength = -1 }), false)
	must(t, c.MakeBucket(t.Context(), "ruled", miniogo.MakeBucketOptions{}))
	same(t, "bucket without rules", taken("ruled", nothing), true)
	before, err := forkBuckets.Get("ruled")
	must(t, err)
	for name, set := range map[string]func(m *minio.BucketMetadata){
		"lifecycle": func(m *minio.BucketMetadata) {
			m.LifecycleConfigXML = []byte(`<LifecycleConfiguration><Rule><ID>1</ID><Status>Enabled</Status><Filter></Filter><Expiration><Days>1</Days></Expiration></Rule></LifecycleConfiguration>`)
		},
		"lock": func(m *minio.BucketMetadata) {
			m.ObjectLockConfigXML = []byte(`<ObjectLockConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><ObjectLockEnabled>Enabled</ObjectLockEnabled></ObjectLockConfiguration>`)
		},
	} {
		m := before
		set(&m)
		l := forkLayer()
		must(t, m.Save(front.WithOrigin(t.Context(), front.Inside), l))
		m, err = minio.LoadBucketMetadata(front.WithOrigin(t.Context(), front.Inside), l, "ruled")
		must(t, err)
		forkBuckets.Set("ruled", m)
		same(t, name, taken("ruled", nothing), false)
	}
	forkBuckets.Set("ruled", before)
	same(t, "without rules again", taken("ruled", nothing), true)
	end := make(chan struct{})
	defer close(end)
	forkTrace.Subscribe(make(chan interface{}, 8), end, nil)
	same(t, "somebody watches", taken("buck", nothing), false)
}

// TestEventsHaveTheFieldsOfTheFork: an event is passed to a function of the fork by its layout.
func TestEventsHaveTheFieldsOfTheFork(t *testing.T) {
	send, ok := reflect.TypeFor[*minio.NotificationSys]().MethodByName("Send")
	if !ok {
		t.Fatal("the fork sends events otherwise")
	}
	fields := func(s reflect.Type) (all []string) {
		for k := range s.NumField() {
			f := s.Field(k)
			all = append(all, fmt.Sprint(f.Name, " ", f.Type, " at ", f.Offset))
		}
		return all
	}
	if got, want := fields(reflect.TypeFor[forkEvent]()), fields(send.Type.In(1)); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
