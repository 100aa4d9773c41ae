package front

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"maps"
	"mime"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"
)

// Limits of what comes before the file in a form, as on AWS.
const (
	maxFields    = 20 << 10  // bytes of names and values
	maxFieldsRaw = 128 << 10 // bytes with all that is around them
)

// forms checks uploads by forms of browsers and gives the server a form of the one kind that it reads rightly: it takes
// fields with a file name for files, the last of fields of one name that differ in case, and fields behind the file; it
// obeys a policy that does not name the bucket or is not there at all.
func (f *Front) forms(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost && isForm(r) && kindOf(r) == s3 && levelOf(r) == onBucket {
			p := replyOf(w)
			form, fail := openForm(r)
			unsigned := fail == nil && f.router != nil && form.unsigned(r)
			switch {
			case unsigned:
				fail = f.putForm(p, r, form)
			case fail == nil:
				if fail = form.rewrite(r, time.Now()); fail == nil && f.o.Server != nil {
					// The handler keeps the file before it looks at the signature.
					fail = f.o.Server.VerifyForm(form.fields)
				}
			}
			if fail != nil {
				p.fail(r.URL.Path, *fail)
			}
			if fail != nil || unsigned {
				return
			}
			p.hold(64<<10, nameSpace)
		}
		next.ServeHTTP(w, r)
	})
}

// isForm reports whether a request is routed as a form.
func isForm(r *http.Request) bool {
	return strings.Contains(r.Header.Get("Content-Type"), "multipart/form-data")
}

// nameSpace completes the body of the reply 201.
func nameSpace(status int, _ http.Header, body []byte) (int, []byte) {
	if status == http.StatusCreated {
		body = bytes.Replace(body, []byte("<PostResponse>"), []byte(`<PostResponse xmlns="http://s3.amazonaws.com/doc/2006-03-01/">`), 1)
	}
	return status, body
}

// form is an upload by a form, read up to its file.
type form struct {
	boundary string
	fields   map[string]string // by names in lower case
	file     *multipart.Part
}

func (f *form) has(name string) bool { _, ok := f.fields[name]; return ok }

// openForm reads a form up to its file.
func openForm(r *http.Request) (*form, *Failure) {
	_, kind, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	boundary := kind["boundary"]
	if err != nil || boundary == "" {
		return nil, malformedForm
	}
	limited := &gate{r: r.Body, left: maxFieldsRaw}
	f, fail := readForm(multipart.NewReader(limited, boundary))
	if fail != nil {
		return nil, fail
	}
	limited.open = true
	f.boundary = boundary
	return f, nil
}

// rewrite checks a form and makes the body that the server gets.
func (f *form) rewrite(r *http.Request, now time.Time) *Failure {
	bucket, _ := placeOf(r)
	if fail := f.check(bucket, now); fail != nil {
		return fail
	}
	if fail := f.translate(); fail != nil {
		return fail
	}
	// What a form asks for is in its fields.
	for name := range r.Header {
		if strings.HasPrefix(name, amzPrefix) {
			r.Header.Del(name)
		}
	}
	body, err := f.body(f.boundary)
	if err != nil {
		return malformedForm
	}
	r.Body = &formBody{Reader: body, Closer: r.Body}
	return nil
}

// formBody is the new body over the old one.
type formBody struct {
	io.Reader
	io.Closer
}

// gate fails after so many bytes until it is opened.
type gate struct {
	r    io.Reader
	left int
	open bool
}

var errGate = errors.New("fields of the form are too long")

// Read implements io.Reader.
func (g *gate) Read(p []byte) (int, error) {
	if !g.open && g.left <= 0 {
		return 0, errGate
	}
	n, err := g.r.Read(p)
	g.left -= n
	return n, err
}

var (
	malformedForm = &Failure{Status: http.StatusBadRequest, Code: "MalformedPOSTRequest",
		Message: "The body of your POST request is not well-formed multipart/form-data."}
	longForm = &Failure{Status: http.StatusBadRequest, Code: "MaxPostPreDataLengthExceeded",
		Message: "Your POST request fields preceding the upload file were too large."}
	noFile = invalidArgument("POST requires exactly one file upload per request.")
)

// readForm reads the fields up to the file.
func readForm(parts *multipart.Reader) (*form, *Failure) {
	f := &form{fields: map[string]string{}}
	for size := 0; ; {
		part, err := parts.NextRawPart()
		switch {
		case errors.Is(err, errGate):
			return nil, longForm
		case errors.Is(err, io.EOF):
			return nil, noFile
		case err != nil:
			return nil, malformedForm
		}
		name := strings.ToLower(part.FormName())
		if name == "file" {
			f.file = part
			return f, nil
		}
		value, err := io.ReadAll(io.LimitReader(part, maxFields+1))
		if size += len(name) + len(value); errors.Is(err, errGate) || size > maxFields {
			return nil, longForm
		}
		switch {
		case err != nil || name == "":
			return nil, malformedForm
		case f.has(name):
			return nil, invalidArgument("POST must contain one field named '" + name + "'")
		case !isFieldName(name):
			return nil, malformedForm
		}
		f.fields[name] = string(value)
	}
}

// isFieldName reports whether the server takes a name as it is: it makes header names of them.
func isFieldName(name string) bool {
	for _, c := range []byte(name) {
		if c != '-' && c != '_' && (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '.' && c != '$' {
			return false
		}
	}
	return true
}

// Groups of fields that sign a form; all of one must be there.
var (
	fieldsV2 = []string{"policy", "signature", "awsaccesskeyid"}
	fieldsV4 = []string{"policy", "x-amz-signature", "x-amz-credential", "x-amz-algorithm", "x-amz-date"}
)

// check looks at what must be there, and at the policy. The signature is the server's to check.
func (f *form) check(bucket string, now time.Time) *Failure {
	if fail := f.checkKey(); fail != nil {
		return fail
	}
	signed := fieldsV4
	if f.has("signature") || f.has("awsaccesskeyid") {
		signed = fieldsV2
	}
	if !slices.ContainsFunc(signed, f.has) {
		return &Failure{Status: http.StatusForbidden, Code: "AccessDenied", Message: "Access Denied."}
	}
	for _, field := range signed {
		if f.fields[field] == "" {
			return missingField(field)
		}
	}
	if f.has("x-amz-credential") {
		if fail := f.checkDate(now); fail != nil {
			return fail
		}
	}
	policy, fail := parsePolicy(f.fields["policy"])
	if fail != nil {
		return fail
	}
	return policy.check(f.fields, bucket, now)
}

// checkKey looks at the key and puts the name of the file into it.
func (f *form) checkKey() *Failure {
	if f.fields["key"] == "" {
		return missingField("key")
	}
	name := path.Base(strings.ReplaceAll(f.file.FileName(), `\`, "/"))
	if f.file.FileName() == "" {
		name = ""
	}
	f.fields["key"] = strings.ReplaceAll(f.fields["key"], "${filename}", name)
	if key := f.fields["key"]; key == "" || strings.HasPrefix(key, "/") {
		return invalidArgument("The key of the form is not a valid key.")
	}
	return nil
}

func missingField(name string) *Failure {
	return invalidArgument("Bucket POST must contain a field named '" + name + "'.  If it is specified, please check the order of the fields.")
}

// Signing keys of version 4 are for a day and good for a week; clocks may differ.
const (
	signedWithin = 7 * 24 * time.Hour
	clockSkew    = 15 * time.Minute
)

// checkDate looks at the date of a signature of version 4.
func (f *form) checkDate(now time.Time) *Failure {
	if f.fields["x-amz-algorithm"] != "AWS4-HMAC-SHA256" {
		return invalidArgument("X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256\"")
	}
	text := f.fields["x-amz-date"]
	at, err := time.Parse("20060102T150405Z", text)
	if err != nil {
		return invalidArgument("X-Amz-Date must be formatted via ISO8601 Long format")
	}
	scope := strings.Split(f.fields["x-amz-credential"], "/")
	if len(scope) < 5 || scope[len(scope)-4] != text[:8] {
		return invalidArgument("The date of the credential must be that of X-Amz-Date")
	}
	switch {
	case now.Sub(at) > signedWithin:
		return policyFailed("Policy expired.")
	case at.Sub(now) > clockSkew:
		return &Failure{Status: http.StatusForbidden, Code: "RequestTimeTooSkewed", Message: "The difference between the request time and the server's time is too large."}
	}
	return nil
}

// translate makes of the fields what the server understands, and turns down what is not there. Fields that have a condition
// in the policy stay: the server looks for them, too.
func (f *form) translate() *Failure {
	for name, value := range f.fields {
		canonical := http.CanonicalHeaderKey(name)
		switch {
		case strings.HasPrefix(name, "x-ignore-"):
			delete(f.fields, name)
		case name == "acl":
			if fail := cannedACL(value, putObject); fail != nil {
				return fail
			}
		case slices.Contains(fieldsV4, name), !strings.HasPrefix(canonical, amzPrefix):
		case strings.HasPrefix(canonical, "X-Amz-Checksum-"), name == "x-amz-sdk-checksum-algorithm":
			return notImplemented // nobody would compare it
		default:
			if fail := ruleOf(canonical, putObject)(value, putObject); fail != nil {
				return fail
			}
		}
	}
	if v, ok := f.fields["redirect"]; ok && !f.has("success_action_redirect") {
		f.fields["success_action_redirect"] = v // its old name
	}
	return f.translateTags()
}

// translateTags makes a header's value of the XML of tags.
func (f *form) translateTags() *Failure {
	text, ok := f.fields["tagging"]
	if !ok {
		return nil
	}
	if f.has("x-amz-tagging") {
		return invalidArgument("POST must contain one field of tags")
	}
	if fail := checkTagging(nil, []byte(text)); fail != nil {
		return fail
	}
	var d struct {
		TagSet struct{ Tag []struct{ Key, Value string } }
	}
	if xml.Unmarshal([]byte(text), &d) != nil {
		return malformed
	}
	tags := url.Values{}
	for _, t := range d.TagSet.Tag {
		if t.Key == "" || len([]rune(t.Key)) > 128 || len([]rune(t.Value)) > 256 || tags.Has(t.Key) || len(tags) == 10 {
			return &Failure{Status: http.StatusBadRequest, Code: "InvalidTag", Message: "The tag provided was not a valid tag."}
		}
		tags.Set(t.Key, t.Value)
	}
	delete(f.fields, "tagging")
	f.fields["x-amz-tagging"] = tags.Encode()
	return nil
}

// body returns the form anew, with the file at its end.
func (f *form) body(boundary string) (io.Reader, error) {
	var head bytes.Buffer
	w := multipart.NewWriter(&head)
	if err := w.SetBoundary(boundary); err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(f.fields)) {
		if err := w.WriteField(name, f.fields[name]); err != nil {
			return nil, err
		}
	}
	h := textproto.MIMEHeader{}
	h.Set("Content-Disposition", `form-data; name="file"; filename="file"`) // without a file name it would be held in memory
	if _, err := w.CreatePart(h); err != nil {
		return nil, err
	}
	return io.MultiReader(&head, f.file, strings.NewReader("\r\n--"+boundary+"--\r\n")), nil
}
