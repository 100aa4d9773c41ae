package gateway

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7/pkg/signer"

	"juicefs/gateway/front"
)

// serveSigning checks that a request which was changed and signed again is good in the eyes of the server, in each form.
func serveSigning(t *testing.T, address string) {
	const access, secret = "admin", "12345678"
	for _, c := range []struct {
		form front.Signature
		sign func(r *http.Request) *http.Request
	}{
		{front.HeaderV4, func(r *http.Request) *http.Request { return signer.SignV4(*r, access, secret, "", "eu-west-3") }},
		{front.QueryV4, func(r *http.Request) *http.Request { return signer.PreSignV4(*r, access, secret, "", "us-east-1", 60) }},
		{front.HeaderV2, func(r *http.Request) *http.Request { return signer.SignV2(*r, access, secret, false) }},
		{front.QueryV2, func(r *http.Request) *http.Request { return presignV2(r, access, secret) }},
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, "http://"+address+"/buck/a%2B%C3%A4%20b?x-id=PutObject&acl=", nil)
		must(t, err)
		r.Header.Set("X-Amz-Storage-Class", "GLACIER")
		r.Header.Set("X-Amz-Meta-K", "a  b")
		r.Header.Set("Content-Type", "x/y")
		r.Header.Set("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD")
		r = c.sign(r)
		r.RequestURI = r.URL.RequestURI()
		s := stock{}
		same(t, "form", front.SignatureOf(r), c.form)
		if f := s.Verify(r); f != nil {
			t.Fatalf("form %v: %v", c.form, f)
		}
		date := r.Header.Get("X-Amz-Date") + r.URL.Query().Get("X-Amz-Date") + r.Header.Get("Date") + r.URL.Query().Get("Expires")
		r.Header.Del("X-Amz-Storage-Class")
		if f := s.Verify(r); f == nil {
			t.Errorf("form %v: the header that was removed is not signed", c.form)
		}
		if f := s.Sign(r); f != nil {
			t.Fatalf("form %v: %v", c.form, f)
		}
		if f := s.Verify(r); f != nil {
			t.Errorf("form %v: signed again: %v", c.form, f)
		}
		same(t, "form", front.SignatureOf(r), c.form)
		same(t, "date", r.Header.Get("X-Amz-Date")+r.URL.Query().Get("X-Amz-Date")+r.Header.Get("Date")+r.URL.Query().Get("Expires"), date)
		r.Header.Set("X-Amz-Meta-K", "c")
		if f := s.Verify(r); f == nil {
			t.Errorf("form %v: a header that was signed is not any more", c.form)
		}
	}
	for name, change := range map[string]func(r *http.Request){
		"scope": func(r *http.Request) {
			r.Header.Set("Authorization", strings.ReplaceAll(r.Header.Get("Authorization"), "/", "-"))
		},
		"nobody": func(r *http.Request) {
			r.Header.Set("Authorization", strings.ReplaceAll(r.Header.Get("Authorization"), access+"/", "nobody/"))
		},
		"date": func(r *http.Request) { r.Header.Set("X-Amz-Date", time.Now().Format(time.RFC1123)) },
		"no host": func(r *http.Request) {
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), "host;", "", 1))
		},
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+"/buck/k", nil)
		must(t, err)
		r = signer.SignV4(*r, access, secret, "", "")
		change(r)
		if f := (stock{}).Sign(r); f == nil || f.Status < 400 {
			t.Errorf("%s: got %v", name, f)
		}
	}
}

// presignV2 presigns as a client does: the signer of the library covers a header Expires that is not sent.
func presignV2(r *http.Request, access, secret string) *http.Request {
	r = signer.PreSignV2(*r, access, secret, 60, false)
	r.Header.Del("Expires")
	return r
}
