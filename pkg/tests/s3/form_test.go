package s3

import (
	"bytes"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	mime "mime/multipart"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/signer"

	"juicefs/pkg/tests/oracle"
)

// upload is a form: fields in pairs of name and value, in order, then the file.
type upload struct {
	date       time.Time
	expires    time.Time
	conditions string // besides those for the signature
	fields     []string
	data       []byte
}

// post signs and sends a form.
func (c *client) post(u upload) *reply {
	c.t.Helper()
	now := time.Now().UTC()
	if u.date.IsZero() {
		u.date = now
	}
	if u.expires.IsZero() {
		u.expires = now.Add(time.Hour)
	}
	credential := signer.GetCredential(oracle.User, oracle.Region, u.date, "s3")
	date := u.date.Format("20060102T150405Z")
	policy := base64.StdEncoding.EncodeToString(fmt.Appendf(nil, `{"expiration":%q,"conditions":[{"x-amz-algorithm":"AWS4-HMAC-SHA256"},{"x-amz-credential":%q},{"x-amz-date":%q},%s]}`,
		u.expires.Format(time.RFC3339), credential, date, u.conditions))
	fields := append([]string{"policy", policy, "x-amz-algorithm", "AWS4-HMAC-SHA256", "x-amz-credential", credential, "x-amz-date", date,
		"x-amz-signature", signer.PostPresignSignatureV4(policy, u.date, oracle.Password, oracle.Region)}, u.fields...)
	return c.postFields(fields, u.data)
}

func (c *client) postFields(fields []string, data []byte) *reply {
	c.t.Helper()
	var body bytes.Buffer
	w := mime.NewWriter(&body)
	for k := 0; k < len(fields); k += 2 {
		must(c.t, w.WriteField(fields[k], fields[k+1]))
	}
	f, err := w.CreateFormFile("file", "f.txt")
	must(c.t, err)
	_, err = f.Write(data)
	must(c.t, err)
	must(c.t, w.WriteField("key", "behind the file"))
	must(c.t, w.Close())
	req, err := http.NewRequestWithContext(c.t.Context(), http.MethodPost, c.g.URL()+"/"+c.bucket, &body)
	must(c.t, err)
	req.Header.Set("Content-Type", w.FormDataContentType())
	return wantsReply(c.t, req, 0, "")
}

func TestForms(t *testing.T) {
	t.Parallel()
	c := use(t, serve(t, everything...))
	bucket := fmt.Sprintf(`{"bucket":%q},["starts-with","$key","up/"]`, c.bucket)
	big := noise(11 << 20) // more than the server holds in memory
	for _, q := range []struct {
		name   string
		u      upload
		status int
		code   string
	}{
		{"good", upload{conditions: bucket, fields: []string{"key", "up/a"}}, 204, ""},
		{"big", upload{conditions: bucket, fields: []string{"key", "up/big"}, data: big}, 204, ""},
		{"name of the file", upload{conditions: bucket, fields: []string{"key", "up/${filename}"}}, 204, ""},
		{"all that is kept", upload{conditions: bucket + `,["starts-with","$content-type",""],["starts-with","$tagging",""],["starts-with","$x-amz-meta-k",""],["starts-with","$cache-control",""],{"acl":"private"}`,
			fields: []string{"key", "up/kept", "Content-Type", "image/x-test", "x-amz-meta-k", "v", "Cache-Control", "no-store", "acl", "private",
				"tagging", "<Tagging><TagSet><Tag><Key>a</Key><Value>1</Value></Tag></TagSet></Tagging>"}}, 204, ""},
		{"no bucket in the policy", upload{conditions: `["starts-with","$key",""]`, fields: []string{"key", "up/no"}}, 403, "AccessDenied"},
		{"another bucket", upload{conditions: `{"bucket":"other"},["starts-with","$key",""]`, fields: []string{"key", "up/no"}}, 403, "AccessDenied"},
		{"uncovered field", upload{conditions: bucket, fields: []string{"key", "up/no", "Content-Type", "text/html"}}, 403, "AccessDenied"},
		{"another key", upload{conditions: bucket, fields: []string{"key", "down/no"}}, 403, "AccessDenied"},
		{"old date", upload{conditions: bucket, fields: []string{"key", "up/no"}, date: time.Now().UTC().AddDate(0, 0, -8)}, 403, "AccessDenied"},
		{"date of yesterday", upload{conditions: bucket, fields: []string{"key", "up/yesterday"}, date: time.Now().UTC().AddDate(0, 0, -1)}, 204, ""},
		{"expired", upload{conditions: bucket, fields: []string{"key", "up/no"}, expires: time.Now().UTC().Add(-time.Minute)}, 403, "AccessDenied"},
		{"field twice", upload{conditions: bucket, fields: []string{"key", "up/no", "KEY", "up/no2"}}, 400, "InvalidArgument"},
		{"dots", upload{conditions: bucket, fields: []string{"key", "up/../../no"}}, 400, ""},
		{"slash", upload{conditions: fmt.Sprintf(`{"bucket":%q},["starts-with","$key",""]`, c.bucket), fields: []string{"key", "/up/no"}}, 400, "InvalidArgument"},
		{"settings of the server", upload{conditions: fmt.Sprintf(`{"bucket":%q},["starts-with","$key",""]`, c.bucket), fields: []string{"key", "../.minio.sys/config/config.json"}}, 400, ""},
		{"long key", upload{conditions: bucket, fields: []string{"key", "up/" + strings.Repeat("x", 1100)}}, 400, "KeyTooLongError"},
		{"too long", upload{conditions: bucket + `,["content-length-range",0,3]`, fields: []string{"key", "up/no"}, data: []byte("1234")}, 400, "EntityTooLarge"},
		{"too short", upload{conditions: bucket + `,["content-length-range",5,9]`, fields: []string{"key", "up/no"}, data: []byte("1234")}, 400, "EntityTooSmall"},
		{"long enough", upload{conditions: bucket + `,["content-length-range",4,4]`, fields: []string{"key", "up/four"}, data: []byte("1234")}, 204, ""},
		{"encryption", upload{conditions: bucket + `,{"x-amz-server-side-encryption":"AES256"}`, fields: []string{"key", "up/no", "x-amz-server-side-encryption", "AES256"}}, 501, "NotImplemented"},
		{"public", upload{conditions: bucket + `,{"acl":"public-read"}`, fields: []string{"key", "up/no", "acl", "public-read"}}, 400, "AccessControlListNotSupported"},
		{"class", upload{conditions: bucket + `,{"x-amz-storage-class":"STANDARD_IA"}`, fields: []string{"key", "up/class", "x-amz-storage-class", "STANDARD_IA"}}, 204, ""},
	} {
		if q.u.data == nil {
			q.u.data = []byte(q.name)
		}
		r := c.post(q.u)
		if r.status != q.status || q.code != "" && r.code() != q.code {
			t.Errorf("%s: got %d %s, want %d %s\n%s", q.name, r.status, r.code(), q.status, q.code, r.body)
		}
	}
	c.same("keys", c.keys("", ""), "up/a up/big up/class up/f.txt up/four up/kept up/yesterday")
	c.same("data", md5Hex(c.get("up/big")), md5Hex(big))
	info, err := c.StatObject(t.Context(), c.bucket, "up/kept", minio.StatObjectOptions{})
	must(t, err)
	c.same("kept", strings.Join([]string{info.ContentType, info.UserMetadata["K"], info.Metadata.Get("Cache-Control"), info.Metadata.Get("X-Amz-Tagging-Count")}, " "), "image/x-test v no-store 1")

	r := c.post(upload{conditions: bucket + `,{"success_action_status":"201"}`, fields: []string{"key", "up/201", "success_action_status", "201"}, data: []byte("x")})
	var d struct {
		XMLName                     xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ PostResponse"`
		Bucket, Key, ETag, Location string
	}
	must(t, xml.Unmarshal(r.body, &d))
	c.same("reply", fmt.Sprint(r.status, d.Bucket, d.Key, d.ETag, r.header.Get("ETag")), fmt.Sprint(201, c.bucket, "up/201", `"`+md5Hex([]byte("x"))+`"`, `"`+md5Hex([]byte("x"))+`"`))

	// A form that somebody else signed, or nobody.
	r = c.postFields([]string{"key", "up/no"}, []byte("x"))
	c.same("nobody", fmt.Sprint(r.status, r.code()), "403AccessDenied")
	policy := base64.StdEncoding.EncodeToString(fmt.Appendf(nil, `{"expiration":%q,"conditions":[%s]}`, time.Now().UTC().Add(time.Hour).Format(time.RFC3339), bucket))
	v2 := []string{"key", "up/v2", "AWSAccessKeyId", oracle.User, "policy", policy, "signature"}
	r = c.postFields(append(v2, signer.PostPresignSignatureV2(policy, oracle.Password)), []byte("x"))
	c.same("version 2", r.status, 204)
	r = c.postFields(append(v2, signer.PostPresignSignatureV2(policy, "another")), []byte("x"))
	c.same("forged", fmt.Sprint(r.status, r.code()), "403SignatureDoesNotMatch")
	r = c.postFields(append(v2, signer.PostPresignSignatureV2("", oracle.Password))[:4], []byte("x"))
	c.same("no policy", fmt.Sprint(r.status, r.code()), "400InvalidArgument")
}

// TestFormsOfNobody: where the policy of a bucket lets everybody write, a form needs no signature.
func TestFormsOfNobody(t *testing.T) {
	t.Parallel()
	c := use(t, serve(t, everything...))
	must(t, c.SetBucketPolicy(t.Context(), c.bucket, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":["*"]},"Action":["s3:PutObject"],"Resource":["arn:aws:s3:::`+c.bucket+`/open/*"]}]}`))
	c.put("secret", []byte("secret"), minio.PutObjectOptions{})
	big := noise(3 << 20) // more than is held in memory
	for _, q := range []struct {
		name   string
		fields []string
		data   []byte
		status int
		code   string
	}{
		{"plain", []string{"key", "open/${filename}"}, []byte("x"), 204, ""},
		{"empty", []string{"key", "open/empty"}, nil, 204, ""},
		{"big", []string{"key", "open/big +%ü"}, big, 204, ""},
		{"200", []string{"key", "open/200", "success_action_status", "200"}, []byte("x"), 200, ""},
		{"private", []string{"key", "open/private", "acl", "private"}, []byte("x"), 204, ""},
		{"described", []string{"key", "open/described", "Content-Type", "image/x-test", "x-amz-meta-k", "v", "Cache-Control", "no-store",
			"tagging", "<Tagging><TagSet><Tag><Key>a</Key><Value>1</Value></Tag></TagSet></Tagging>"}, []byte("x"), 204, ""},
		{"a copy", []string{"key", "open/copy", "x-amz-copy-source", c.bucket + "/secret"}, []byte("x"), 204, ""},
		{"elsewhere", []string{"key", "closed/no"}, []byte("x"), 403, "AccessDenied"},
		{"out of it", []string{"key", "open/../closed/no"}, []byte("x"), 400, "InvalidURI"},
		{"into the settings", []string{"key", "../.minio.sys/config/config.json"}, []byte("x"), 403, "AccessDenied"},
		{"no key", []string{"a", "b"}, []byte("x"), 400, "InvalidArgument"},
		{"public", []string{"key", "open/no", "acl", "public-read"}, []byte("x"), 400, "AccessControlListNotSupported"},
		{"encrypted", []string{"key", "open/no", "x-amz-server-side-encryption", "AES256"}, []byte("x"), 501, "NotImplemented"},
		{"a token", []string{"key", "open/no", "x-amz-security-token", "x"}, []byte("x"), 403, "AccessDenied"},
		{"a policy", []string{"key", "open/no", "policy", "e30="}, []byte("x"), 400, "InvalidArgument"},
		{"a name of a file in its place", []string{"key", "open/" + strings.Repeat("x", 300)}, []byte("x"), 400, "KeyTooLongError"},
	} {
		r := c.postFields(q.fields, q.data)
		c.same(q.name, fmt.Sprint(r.status, r.code()), fmt.Sprint(q.status, q.code))
	}
	c.same("keys", c.keys("", ""), "open/200 open/big +%ü open/copy open/described open/empty open/f.txt open/private secret")
	c.same("big", md5Hex(c.get("open/big +%ü")), md5Hex(big))
	c.same("a copy", string(c.get("open/copy")), "x")
	info, err := c.StatObject(t.Context(), c.bucket, "open/described", minio.StatObjectOptions{})
	must(t, err)
	c.same("described", strings.Join([]string{info.ContentType, info.UserMetadata["K"], info.Metadata.Get("Cache-Control"), info.Metadata.Get("X-Amz-Tagging-Count")}, " "), "image/x-test v no-store 1")

	r := c.postFields([]string{"key", "open/201", "success_action_status", "201"}, []byte("x"))
	tag := `"` + md5Hex([]byte("x")) + `"`
	c.same("201", fmt.Sprint(r.status, c.parsed(r)), fmt.Sprintf("201 PostResponse(Location(%s) Bucket(%s) Key(open/201) ETag(%s))", c.g.URL()+"/"+c.bucket+"/open/201", c.bucket, tag))
	c.same("201", fmt.Sprint(r.header.Get("ETag"), r.header.Get("X-Amz-Request-Id") != ""), tag+"true")
	c.cutForms()
}

// cutForms: forms that somebody claims to have signed, that end before their file does, or that want the client sent elsewhere.
func (c *client) cutForms() {
	const body = "--B\r\nContent-Disposition: form-data; name=\"key\"\r\n\r\nopen/cut\r\n--B\r\nContent-Disposition: form-data; name=\"success_action_redirect\"\r\n\r\n" +
		"http://example.com/a?b=c\r\n--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\ndata\r\n--B--\r\n"
	plain := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	post := func(body string, headers ...string) *reply {
		req, err := http.NewRequestWithContext(c.t.Context(), http.MethodPost, c.g.URL()+"/"+c.bucket, strings.NewReader(body))
		must(c.t, err)
		req.Header.Set("Content-Type", "multipart/form-data; boundary=B")
		for k := 0; k < len(headers); k += 2 {
			req.Header.Set(headers[k], headers[k+1])
		}
		resp, err := plain.Do(req)
		must(c.t, err)
		must(c.t, resp.Body.Close())
		return &reply{status: resp.StatusCode, header: resp.Header}
	}
	c.same("cut", post(body[:len(body)-10]).status, http.StatusBadRequest)
	c.same("claimed", post(body, "Authorization", "AWS4-HMAC-SHA256 Credential=x").status, http.StatusForbidden)
	c.same("claimed", post(body, "Authorization", "Bearer x").status, http.StatusForbidden)
	c.same("stored", c.there("open/cut"), false)
	r := post(body)
	c.same("sent elsewhere", fmt.Sprint(r.status, r.header.Get("Location")), fmt.Sprintf("303http://example.com/a?b=c&bucket=%s&etag=%%22%s%%22&key=open%%2Fcut", c.bucket, md5Hex([]byte("data"))))
	c.same("data", string(c.get("open/cut")), "data")
}

// TestFormsOfTheLibrary: what a client makes goes through.
func TestFormsOfTheLibrary(t *testing.T) {
	t.Parallel()
	c := use(t, serve(t, everything...))
	p := minio.NewPostPolicy()
	must(t, p.SetBucket(c.bucket))
	must(t, p.SetKeyStartsWith("up/"))
	must(t, p.SetExpires(time.Now().Add(time.Hour)))
	must(t, p.SetContentType("image/x-test"))
	must(t, p.SetUserMetadata("k", "v"))
	must(t, p.SetContentLengthRange(1, 100))
	_, form, err := c.PresignedPostPolicy(t.Context(), p)
	must(t, err)
	var fields []string
	for name, value := range form {
		if name != "key" {
			fields = append(fields, name, value)
		}
	}
	r := c.postFields(append(fields, "key", "up/k"), []byte("x"))
	c.same("status", r.status, 204)
	info, err := c.StatObject(t.Context(), c.bucket, "up/k", minio.StatObjectOptions{})
	must(t, err)
	c.same("kept", info.ContentType+info.UserMetadata["K"], "image/x-testv")
}
