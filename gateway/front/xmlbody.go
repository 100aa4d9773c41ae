package front

import (
	"bytes"
	"context"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// maxXML is the most of an XML body: a thousand keys or ten thousand parts fit in.
const maxXML = 8 << 20 // bytes

// malformed is the reply to a body that is not what it should be.
var malformed = &Failure{Status: http.StatusBadRequest, Code: "MalformedXML",
	Message: "The XML you provided was not well-formed or did not validate against our published schema"}

// xmlBodies checks XML bodies before handlers do, which answer 500 to what is not XML and look for less. A body is read
// when the handler reads it, so that it costs nothing before the request is known to be signed; it may be cut by a member
// before this one that verifies it.
func xmlBodies(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead && kindOf(r) == s3 {
			if check := xmlCheckOf(r); check != nil {
				p, q := replyOf(w), Of(r.Context())
				r.Body = &xmlBody{src: r.Body, check: func(b []byte) *Failure { return check(q, b) }, refuse: func(f *Failure) { q.refused = f }}
				p.edit(func(status int, _ http.Header) int {
					switch {
					case q.refused != nil && status >= http.StatusBadRequest:
						p.fail(r.URL.Path, *q.refused)
					case r.ContentLength == 0 && (status == http.StatusLengthRequired || status == http.StatusInternalServerError):
						p.fail(r.URL.Path, *malformed)
					}
					return status
				})
			}
		}
		next.ServeHTTP(w, r)
	})
}

// xmlCheckOf returns the check of a request's body, nil if it is none of these.
func xmlCheckOf(r *http.Request) func(*Request, []byte) *Failure {
	if r.URL.RawQuery == "" {
		return nil
	}
	switch operation := operationOf(r); placeAt(r.Method, levelOf(r)) {
	case postBucket:
		if operation == "delete" {
			return checkDelete
		}
	case postObject:
		if operation == "uploadId" {
			return checkComplete
		}
	case putBucket, putObject:
		if operation == "tagging" {
			return checkTagging
		}
	}
	return nil
}

// xmlBody is a body that is checked at the first Read.
type xmlBody struct {
	src    io.ReadCloser
	check  func([]byte) *Failure
	refuse func(*Failure)
	r      *bytes.Reader
	err    error
}

// errRefused is what the reader of a body that is turned down gets: the server logs all errors but this one, and what
// clients send is nothing to log.
var errRefused = fmt.Errorf("body of the request is not valid: %w", context.Canceled)

// Read implements io.Reader.
func (d *xmlBody) Read(p []byte) (int, error) {
	if err := d.load(); err != nil {
		return 0, err
	}
	return d.r.Read(p)
}

// load reads the body unless it was read.
func (d *xmlBody) load() error {
	if d.err == nil && d.r == nil {
		d.read()
	}
	return d.err
}

func (d *xmlBody) read() {
	b, err := io.ReadAll(io.LimitReader(d.src, maxXML+1))
	if err != nil {
		d.err = err
		return
	}
	f := malformed
	if len(b) <= maxXML {
		f = d.check(b)
	}
	if f != nil {
		d.refuse(f)
		d.err = errRefused
		return
	}
	d.r = bytes.NewReader(b)
}

// Close closes the body beneath.
func (d *xmlBody) Close() error { return d.src.Close() }

// checkDelete reads the body of DeleteObjects.
func checkDelete(q *Request, b []byte) (f *Failure) {
	q.deletes, f = parseDeletes(b)
	return f
}

func isBool(s string) bool {
	switch strings.TrimSpace(s) {
	case "", "true", "false", "1", "0":
		return true
	}
	return false
}

// checkComplete checks the body of CompleteMultipartUpload. Whether the parts are there is the layer's to tell.
func checkComplete(_ *Request, b []byte) *Failure {
	var d struct {
		XMLName xml.Name `xml:"CompleteMultipartUpload"`
		Part    []struct {
			PartNumber string
			ETag       *string
		}
	}
	if xml.Unmarshal(b, &d) != nil || len(d.Part) == 0 || len(d.Part) > 10000 {
		return malformed
	}
	for _, p := range d.Part {
		if n, ok := number(strings.TrimSpace(p.PartNumber)); !ok || p.ETag == nil {
			return malformed
		} else if n < 1 || n > 10000 {
			return invalidArgument("PartNumber must be >= 1 and <= 10000")
		}
	}
	return nil
}

// checkTagging checks the form of tags. The handler knows their rules.
func checkTagging(_ *Request, b []byte) *Failure {
	var d struct {
		XMLName xml.Name `xml:"Tagging"`
		TagSet  *struct {
			Tag []struct{ Key, Value *string }
		}
	}
	if xml.Unmarshal(b, &d) != nil || d.TagSet == nil {
		return malformed
	}
	for _, t := range d.TagSet.Tag {
		if t.Key == nil || t.Value == nil {
			return malformed
		}
	}
	return nil
}
