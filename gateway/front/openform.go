package front

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
)

// A form without a policy and without a signature comes from nobody. Where the policy of a bucket lets everybody put objects
// S3 takes it; the server's handler takes no form without a signature. So it is stored by a PUT that nobody has signed,
// which passes through the router and all checks like any other, and whose reply becomes that to a form.

// unsigned reports whether nobody vouches for a form.
func (f *form) unsigned(r *http.Request) bool {
	if _, claimed := r.Header["Authorization"]; claimed || SignatureOf(r) != Unsigned || f.has("x-amz-security-token") {
		return false
	}
	return !slices.ContainsFunc(fieldsV4, f.has) && !slices.ContainsFunc(fieldsV2, f.has)
}

// putForm answers such a form.
func (f *Front) putForm(p *reply, r *http.Request, form *form) *Failure {
	if fail := form.checkKey(); fail != nil {
		return fail
	}
	if fail := form.translate(); fail != nil {
		return fail
	}
	bucket, _ := placeOf(r)
	sub := form.request(r)
	// Before the file is read, or everybody could have the server keep one for nothing.
	if fail := f.o.Server.Allow(sub, "s3:PutObject", bucket, form.fields["key"]); fail != nil {
		return fail
	}
	file, size, fail := spool(form.file)
	if fail != nil {
		return fail
	}
	defer file.remove()
	sub.Body, sub.ContentLength = io.NopCloser(file), size
	if size == 0 {
		sub.Body = http.NoBody
	}
	rec := &recorder{header: http.Header{}}
	f.router.ServeHTTP(rec, sub)
	form.answer(p, r, bucket, rec)
	return nil
}

// request returns the PUT that a form stands for, without its data.
func (f *form) request(r *http.Request) *http.Request {
	sub := r.Clone(With(r.Context(), &Request{Origin: Outside}))
	sub.Method, sub.Form, sub.PostForm, sub.MultipartForm, sub.TransferEncoding = http.MethodPut, nil, nil, nil, nil
	sub.URL = &url.URL{Path: strings.TrimSuffix(r.URL.Path, "/") + "/" + f.fields["key"]}
	sub.RequestURI = sub.URL.RequestURI()
	sub.Body, sub.ContentLength = http.NoBody, 0
	// Of the headers, what policies ask for; all else is in the fields.
	sub.Header = http.Header{}
	for _, name := range append([]string{"User-Agent", "Referer"}, claims...) {
		if v, ok := r.Header[name]; ok {
			sub.Header[name] = v
		}
	}
	for name, value := range f.fields {
		if strings.HasPrefix(name, "x-amz-meta-") || slices.Contains(describingFields, name) {
			sub.Header.Set(name, value)
		}
	}
	return sub
}

// describingFields are those that say something of the object, beside user metadata. Others of a PUT, such as a source to copy,
// are none of a form.
var describingFields = []string{"content-type", "cache-control", "content-disposition", "content-encoding", "content-language", "expires",
	"x-amz-tagging", "x-amz-storage-class"}

// answer makes the reply to a PUT that to the form.
func (f *form) answer(p *reply, r *http.Request, bucket string, rec *recorder) {
	h, tag := p.Header(), ""
	for name, v := range rec.header {
		if strings.EqualFold(name, "ETag") { // the server does not write the name as the others
			tag = strings.Join(v, "")
		}
	}
	for _, name := range []string{requestIDHeader, "Content-Type"} {
		if v := rec.header.Get(name); v != "" {
			h.Set(name, v)
		}
	}
	if tag != "" {
		h.Set("ETag", tag)
	}
	if rec.status != http.StatusOK {
		p.WriteHeader(rec.status)
		_, _ = p.Write(rec.body.Bytes()) // a client that is gone gets no reply
		return
	}
	h.Del("Content-Type")
	key := f.fields["key"]
	if to, err := url.Parse(f.fields["success_action_redirect"]); err == nil && to.Host != "" && (to.Scheme == "http" || to.Scheme == "https") {
		query := to.Query()
		query.Set("bucket", bucket)
		query.Set("key", key)
		query.Set("etag", tag)
		to.RawQuery = query.Encode()
		h.Set("Location", to.String())
		p.WriteHeader(http.StatusSeeOther)
		return
	}
	location := &url.URL{Scheme: "http", Host: r.Host, Path: strings.TrimSuffix(r.URL.Path, "/") + "/" + key}
	if r.TLS != nil {
		location.Scheme = "https"
	}
	h.Set("Location", location.String())
	switch f.fields["success_action_status"] {
	case "200":
		p.WriteHeader(http.StatusOK)
	case "201":
		d := newDocument("PostResponse", 512)
		d.element("Location", location.String())
		d.element("Bucket", bucket)
		d.element("Key", key)
		d.element("ETag", tag)
		d.close("PostResponse")
		h.Set("Content-Type", "application/xml")
		p.WriteHeader(http.StatusCreated)
		_, _ = p.Write(d.b) // as above
	default:
		p.WriteHeader(http.StatusNoContent)
	}
}

// Limits of the file of a form that is stored by a PUT, in bytes.
const (
	heldFile = 1 << 20 // in memory
	maxFile  = 5 << 30 // as for any PUT
)

// spooled is a file whose length is known, as a PUT has to tell it beforehand and a form does not.
type spooled struct {
	io.Reader
	disk *os.File // nil: it is in memory
}

func (s *spooled) remove() {
	if s.disk != nil {
		_ = errors.Join(s.disk.Close(), os.Remove(s.disk.Name())) // what is left is in the folder for temporary files
	}
}

// spool reads a file to its end.
func spool(r io.Reader) (*spooled, int64, *Failure) {
	var head bytes.Buffer
	n, err := io.CopyN(&head, r, heldFile)
	switch {
	case errors.Is(err, io.EOF):
		return &spooled{Reader: &head}, n, nil
	case err != nil:
		return nil, 0, malformedForm
	}
	disk, err := os.CreateTemp("", "juicefs-form-")
	if err != nil {
		return nil, 0, internalError
	}
	s := &spooled{Reader: disk, disk: disk}
	n, err = io.Copy(disk, io.MultiReader(&head, io.LimitReader(r, maxFile-heldFile+1)))
	if err == nil && n <= maxFile {
		_, err = disk.Seek(0, io.SeekStart)
	}
	switch {
	case n > maxFile:
		s.remove()
		return nil, 0, &Failure{Status: http.StatusBadRequest, Code: "EntityTooLarge", Message: "Your proposed upload exceeds the maximum allowed object size."}
	case err != nil:
		s.remove()
		return nil, 0, malformedForm
	}
	return s, n, nil
}
