package front

import (
	"bytes"
	"encoding/base64"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

var formTime = time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)

// aForm is a form as a browser sends it: lines "name=value" in order, the last is the file "filename=data".
func aForm(lines ...string) string {
	var b strings.Builder
	for k, line := range lines {
		name, value, _ := strings.Cut(line, "=")
		b.WriteString("--B\r\nContent-Disposition: form-data; name=")
		if k == len(lines)-1 {
			b.WriteString(`"file"; filename="` + name + "\"\r\nContent-Type: a/b")
		} else {
			b.WriteString(`"` + name + `"`)
		}
		b.WriteString("\r\n\r\n" + value + "\r\n")
	}
	return b.String() + "--B--\r\n"
}

func aPolicy(conditions string) string {
	return "policy=" + base64.StdEncoding.EncodeToString([]byte(`{"expiration":"2024-05-06T08:00:00Z","conditions":[`+conditions+`]}`))
}

// signedFields are those of version 4, and what a policy must say of them.
var signedFields = []string{"x-amz-algorithm=AWS4-HMAC-SHA256", "x-amz-credential=a/20240506/r/s3/aws4_request", "x-amz-date=20240506T070000Z", "x-amz-signature=s"}

const signedConditions = `["starts-with","$x-amz-algorithm",""],["starts-with","$x-amz-credential",""],["starts-with","$x-amz-date",""]`

// rewriteForm does what is done with a form that somebody has signed.
func rewriteForm(r *http.Request) *Failure {
	f, fail := openForm(r)
	if fail != nil {
		return fail
	}
	return f.rewrite(r, formTime)
}

// fill sends a form through rewriteForm and returns what the server gets of it: values by name, the file as "file".
func fill(t *testing.T, body string) (map[string]string, *Failure) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/b", strings.NewReader(body))
	r.Header.Set("Content-Type", "multipart/form-data; boundary=B")
	if f := rewriteForm(r); f != nil {
		return nil, f
	}
	parts, err := r.MultipartReader()
	if err != nil {
		t.Fatal(err)
	}
	form, err := parts.ReadForm(1 << 20)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for name, values := range form.Value {
		got[name] = strings.Join(values, "|")
	}
	f, err := form.File["file"][0].Open()
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	got["file"] = string(b)
	return got, nil
}

func TestForms(t *testing.T) {
	t.Parallel()
	const bucket = `{"bucket":"b"},`
	const key = `["starts-with","$key","up/"],`
	good := bucket + key + signedConditions
	with := func(conditions string, lines ...string) string {
		return aForm(append(append([]string{aPolicy(conditions)}, signedFields...), lines...)...)
	}
	without := func(name string) string {
		lines := []string{aPolicy(good)}
		for _, l := range signedFields {
			if !strings.HasPrefix(l, name+"=") {
				lines = append(lines, l)
			}
		}
		return aForm(append(lines, "key=up/k", "f=data")...)
	}
	dated := func(date string) string {
		lines := []string{aPolicy(good), signedFields[0], "x-amz-credential=a/" + date[:8] + "/r/s3/aws4_request", "x-amz-date=" + date, signedFields[3], "key=up/k", "f=data"}
		return aForm(lines...)
	}
	plain := func(text string) string { return "policy=" + base64.StdEncoding.EncodeToString([]byte(text)) }
	raw := func(text string) string {
		return aForm(append([]string{plain(text), "key=up/k"}, append(signedFields, "f=data")...)...)
	}
	for _, c := range []struct {
		name, body string
		want       string // code; empty: passes
		field      string // name=value that the server gets
	}{
		{"good", with(good, "key=up/k", "f=data"), "", "key=up/k"},
		{"data", with(good, "key=up/k", "f=data\r\nwith lines\r\n"), "", "file=data\r\nwith lines\r\n"},
		{"name of the file", with(good, "key=up/${filename}", "f.txt=data"), "", "key=up/f.txt"},
		{"name of the file with folders", with(good, "key=up/${filename}", `C:\x\f.txt=data`), "", "key=up/f.txt"},
		{"names in any case", strings.Replace(strings.Replace(with(good, "key=up/k", "f=data"), `"key"`, `"kEy"`, 1), `"policy"`, `"POLICY"`, 1), "", "key=up/k"},
		{"field with a file name", strings.Replace(with(good, "key=up/k", "f=data"), `name="key"`, `name="key"; filename="x"`, 1), "", "key=up/k"},
		{"file without a name", strings.Replace(with(good, "key=up/k", "f=data"), `; filename="f"`, "", 1), "", "file=data"},
		{"fields behind the file", strings.Replace(with(good, "key=up/k", "f=data"), "--B--", "--B\r\nContent-Disposition: form-data; name=\"key\"\r\n\r\nother\r\n--B--", 1), "", "key=up/k"},
		{"field twice", with(good, "key=up/k", "Key=up/l", "f=data"), "InvalidArgument", ""},
		{"no file", strings.Replace(with(good, "key=up/k", "f=data"), `name="file"`, `name="fil"`, 1), "InvalidArgument", ""},
		{"no key", with(good, "f=data"), "InvalidArgument", ""},
		{"key that begins with a slash", with(bucket+`["starts-with","$key",""],`+signedConditions, "key=/up/../k", "f=data"), "InvalidArgument", ""},
		{"another key", with(good, "key=down/k", "f=data"), "AccessDenied", ""},
		{"another bucket", with(`{"bucket":"c"},`+key+signedConditions, "key=up/k", "f=data"), "AccessDenied", ""},
		{"no bucket", with(key+signedConditions, "key=up/k", "f=data"), "AccessDenied", ""},
		{"uncovered field", with(good, "key=up/k", "Content-Type=a/b", "f=data"), "AccessDenied", ""},
		{"uncovered metadata", with(good, "key=up/k", "x-amz-meta-a=b", "f=data"), "AccessDenied", ""},
		{"ignored field", with(good, "key=up/k", "x-ignore-me=b", "f=data"), "", "x-ignore-me="},
		{"covered field", with(good+`,["starts-with","$Content-Type","image/"]`, "key=up/k", "Content-Type=image/png", "f=data"), "", "content-type=image/png"},
		{"type in a list", with(good+`,["starts-with","$Content-Type","image/"]`, "key=up/k", "Content-Type=image/png,text/html", "f=data"), "AccessDenied", ""},
		{"field that must be there", with(good+`,{"x-amz-meta-a":"b"}`, "key=up/k", "f=data"), "AccessDenied", ""},
		{"field that may be there", with(good+`,["starts-with","$x-amz-meta-a",""]`, "key=up/k", "f=data"), "", "x-amz-meta-a="},
		{"length", with(good+`,["content-length-range","1",9]`, "key=up/k", "f=data"), "", "key=up/k"},
		{"length without an end", with(good+`,["content-length-range",1]`, "key=up/k", "f=data"), "InvalidPolicyDocument", ""},
		{"length that is none", with(good+`,["content-length-range","x",1]`, "key=up/k", "f=data"), "InvalidPolicyDocument", ""},
		{"tags", with(good+`,["starts-with","$tagging",""]`, "key=up/k", "tagging=<Tagging><TagSet><Tag><Key>a b</Key><Value>c&amp;d</Value></Tag></TagSet></Tagging>", "f=data"), "", "x-amz-tagging=a+b=c%26d"},
		{"tags that are none", with(good+`,["starts-with","$tagging",""]`, "key=up/k", "tagging=a=b", "f=data"), "MalformedXML", ""},
		{"tag without a key", with(good+`,["starts-with","$tagging",""]`, "key=up/k", "tagging=<Tagging><TagSet><Tag><Key></Key><Value></Value></Tag></TagSet></Tagging>", "f=data"), "InvalidTag", ""},
		{"acl", with(good+`,{"acl":"private"}`, "key=up/k", "acl=private", "f=data"), "", "acl=private"},
		{"public acl", with(good+`,{"acl":"public-read"}`, "key=up/k", "acl=public-read", "f=data"), "AccessControlListNotSupported", ""},
		{"encryption", with(good+`,{"x-amz-server-side-encryption":"AES256"}`, "key=up/k", "x-amz-server-side-encryption=AES256", "f=data"), "NotImplemented", ""},
		{"checksum", with(good+`,["starts-with","$x-amz-checksum-crc32",""]`, "key=up/k", "x-amz-checksum-crc32=x", "f=data"), "NotImplemented", ""},
		{"storage class", with(good+`,{"x-amz-storage-class":"GLACIER"}`, "key=up/k", "x-amz-storage-class=GLACIER", "f=data"), "", "x-amz-storage-class=GLACIER"},
		{"redirect", with(good+`,{"redirect":"http://x"}`, "key=up/k", "redirect=http://x", "f=data"), "", "success_action_redirect=http://x"},
		{"nobody", aForm("key=up/k", "f=data"), "AccessDenied", ""},
		{"signature without a policy", aForm(append(append([]string{"key=up/k"}, signedFields...), "f=data")...), "InvalidArgument", ""},
		{"version 2", aForm(aPolicy(bucket+`["starts-with","$key",""]`), "AWSAccessKeyId=a", "signature=s", "key=up/k", "f=data"), "", "awsaccesskeyid=a"},
		{"version 2 without a signature", aForm(aPolicy(bucket+`["starts-with","$key",""]`), "AWSAccessKeyId=a", "key=up/k", "f=data"), "InvalidArgument", ""},
		{"no signature", without("x-amz-signature"), "InvalidArgument", ""},
		{"no date", without("x-amz-date"), "InvalidArgument", ""},
		{"no credential", without("x-amz-credential"), "InvalidArgument", ""},
		{"date of six days ago", dated("20240430T071000Z"), "", "key=up/k"},
		{"date of eight days ago", dated("20240428T070000Z"), "AccessDenied", ""},
		{"date of tomorrow", dated("20240507T070000Z"), "RequestTimeTooSkewed", ""},
		{"date that is none", dated("20240506"), "InvalidArgument", ""},
		{"date of another day", strings.Replace(with(good, "key=up/k", "f=data"), "20240506T070000Z", "20240505T070000Z", 1), "InvalidArgument", ""},
		{"expired", raw(`{"expiration":"2024-05-06T07:00:00Z","conditions":[` + good + `]}`), "AccessDenied", ""},
		{"never expires", raw(`{"conditions":[` + good + `]}`), "InvalidPolicyDocument", ""},
		{"expires some time", raw(`{"expiration":"tomorrow","conditions":[` + good + `]}`), "InvalidPolicyDocument", ""},
		{"no conditions", raw(`{"expiration":"2024-05-06T08:00:00Z"}`), "InvalidPolicyDocument", ""},
		{"empty condition", raw(`{"expiration":"2024-05-06T08:00:00Z","conditions":[{}]}`), "InvalidPolicyDocument", ""},
		{"two in a condition", raw(`{"expiration":"2024-05-06T08:00:00Z","conditions":[{"bucket":"b","key":"up/k"}]}`), "InvalidPolicyDocument", ""},
		{"members have a case", raw(`{"EXPIRATION":"2024-05-06T08:00:00Z","conditions":[` + good + `]}`), "InvalidPolicyDocument", ""},
		{"unknown operation", raw(`{"expiration":"2024-05-06T08:00:00Z","conditions":[["ends-with","$key","k"]]}`), "InvalidPolicyDocument", ""},
		{"not JSON", raw(`<policy>`), "InvalidPolicyDocument", ""},
		{"null", raw(`null`), "InvalidPolicyDocument", ""},
		{"not base64", aForm(append(append([]string{"policy=*", "key=up/k"}, signedFields...), "f=data")...), "InvalidPolicyDocument", ""},
		{"long fields", with(good, "key=up/k", "x-ignore-a="+strings.Repeat("x", maxFields), "f=data"), "MaxPostPreDataLengthExceeded", ""},
		{"many empty fields", strings.Repeat("--B\r\nContent-Disposition: form-data; name=\"x-ignore-a\"; x=\""+strings.Repeat("y", 900)+"\"\r\n\r\n\r\n", 1) +
			strings.Repeat("--B\r\nX: "+strings.Repeat("y", 60000)+"\r\n\r\n\r\n", 3) + "--B--", "MalformedPOSTRequest", ""},
		{"cut", "--B\r\nContent-Disposition: form-data; name=\"key\"\r\n\r\nup", "MalformedPOSTRequest", ""},
		{"nothing", "", "InvalidArgument", ""},
	} {
		got, f := fill(t, c.body)
		code := ""
		if f != nil {
			code = f.Code
		}
		name, value, _ := strings.Cut(c.field, "=")
		if code != c.want || c.want == "" && got[name] != value {
			t.Errorf("%s: got %v, %q, want %q %q", c.name, f, got[name], c.want, value)
		}
	}
}

func TestCutFileIsNoFile(t *testing.T) {
	t.Parallel()
	whole := aForm(append(append([]string{aPolicy(`{"bucket":"b"},{"key":"k"},` + signedConditions), "key=k"}, signedFields...), "f=data")...)
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/b", strings.NewReader(whole[:len(whole)-8]))
	r.Header.Set("Content-Type", "multipart/form-data; boundary=B")
	r.Header.Set("X-Amz-Copy-Source", "b/secret")
	if f := rewriteForm(r); f != nil {
		t.Fatal(f)
	}
	if got := r.Header.Get("X-Amz-Copy-Source"); got != "" {
		t.Errorf("a header stays: %s", got)
	}
	parts, err := r.MultipartReader()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parts.ReadForm(1 << 20); err == nil {
		t.Error("a file without its end is taken")
	}
}

// TestSpool: a file is read to its end and nothing is left of it.
func TestSpool(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	for _, n := range []int{0, 1, heldFile - 1, heldFile, heldFile + 1, 3 * heldFile} {
		data := bytes.Repeat([]byte("abc"), n/3+1)[:n]
		s, size, fail := spool(bytes.NewReader(data))
		if fail != nil {
			t.Fatal(fail)
		}
		got, err := io.ReadAll(s)
		if err != nil || size != int64(n) || !bytes.Equal(got, data) {
			t.Errorf("%d bytes: got %d, %d said, %v", n, len(got), size, err)
		}
		s.remove()
		if _, _, fail = spool(io.MultiReader(bytes.NewReader(data), iotest.ErrReader(io.ErrUnexpectedEOF))); fail != malformedForm {
			t.Errorf("%d bytes, then an error: got %v", n, fail)
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("%d bytes: left %v, %v", n, left, err)
		}
	}
}

func TestReplyOfFormHasANamespace(t *testing.T) {
	t.Parallel()
	if status, b := nameSpace(201, nil, []byte("<PostResponse><Key>k</Key></PostResponse>")); status != 201 || !bytes.Contains(b, []byte(`<PostResponse xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Key>`)) {
		t.Errorf("got %s", b)
	}
	if _, b := nameSpace(200, nil, []byte("<PostResponse>")); string(b) != "<PostResponse>" {
		t.Errorf("got %s", b)
	}
}

// FuzzForm: what passes is read by the server's reader as it was checked.
func FuzzForm(f *testing.F) {
	f.Add([]byte(aForm(append(append([]string{aPolicy(`{"bucket":"b"},["starts-with","$key","u"],` + signedConditions), "key=up"}, signedFields...), "f=data")...)), "B")
	f.Add([]byte("--B\r\nContent-Disposition: form-data; name=\"key\"; filename=\"x\"\r\n\r\nv\r\n--B--"), "B")
	f.Add([]byte("--\r\n"), "")
	f.Fuzz(func(t *testing.T, body []byte, boundary string) {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/b", bytes.NewReader(body))
		r.Header.Set("Content-Type", `multipart/form-data; boundary="`+strings.Trim(boundary, "\r\n\x00")+`"`)
		want, _ := readForm(multipart.NewReader(bytes.NewReader(body), boundary))
		if rewriteForm(r) != nil || want == nil {
			return
		}
		parts, err := r.MultipartReader()
		if err != nil {
			t.Fatal(err)
		}
		form, err := parts.ReadForm(1 << 20)
		if err != nil {
			return // the file is cut
		}
		if len(form.File) != 1 || len(form.File["file"]) != 1 {
			t.Errorf("%d files", len(form.File))
		}
		for name, values := range form.Value {
			if len(values) != 1 || name != strings.ToLower(name) {
				t.Errorf("%s: %d values", name, len(values))
			}
		}
	})
}

func FuzzPolicy(f *testing.F) {
	f.Add(`{"expiration":"2024-05-06T08:00:00Z","conditions":[{"bucket":"b"},["eq","$key","k"],["content-length-range",1,"2"]]}`)
	f.Add(`{"conditions":null}`)
	f.Fuzz(func(t *testing.T, text string) {
		p, fail := parsePolicy(base64.StdEncoding.EncodeToString([]byte(text)))
		if fail != nil {
			return
		}
		if p.check(map[string]string{"key": "k", "surely-not-covered": "x"}, "b", p.expires.Add(-time.Hour)) == nil && !strings.Contains(strings.ToLower(text), "surely-not-covered") {
			t.Error("a field without a condition passes")
		}
		if p.check(map[string]string{}, "b", p.expires) == nil {
			t.Error("an expired policy passes")
		}
	})
}
