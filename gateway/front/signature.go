package front

import (
	"net/http"
	"strings"
)

// Signature is the form in which a request is signed.
type Signature uint8

// The forms.
const (
	Unsigned Signature = iota // anonymous, a form, or a token
	HeaderV2                  // Authorization header of version 2
	QueryV2                   // presigned URL of version 2
	HeaderV4                  // Authorization header of version 4
	QueryV4                   // presigned URL of version 4
)

// SignatureOf tells the form by the same rules, in the same order, as the server.
func SignatureOf(r *http.Request) Signature {
	authorization := r.Header.Get("Authorization")
	v4 := strings.HasPrefix(authorization, "AWS4-HMAC-SHA256")
	switch {
	case !v4 && strings.HasPrefix(authorization, "AWS"):
		return HeaderV2
	case hasParam(r, "AWSAccessKeyId"):
		return QueryV2
	case v4:
		return HeaderV4
	case hasParam(r, "X-Amz-Credential"):
		return QueryV4
	}
	return Unsigned
}

// rewrite changes a request. If it is signed it must be good before the change and is signed again after it, in the same
// form and of the same date. The body of a request that is signed chunk by chunk does not fit the new signature: rewriting
// comes after such a body has been decoded.
func (f *Front) rewrite(r *http.Request, change func()) *Failure {
	if SignatureOf(r) == Unsigned {
		change()
		return nil
	}
	if fail := f.o.Server.Verify(r); fail != nil {
		return fail
	}
	change()
	return f.o.Server.Sign(r)
}
