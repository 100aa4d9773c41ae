package front

import (
	"net/http"
	"strings"
)

// signers lets in requests that have one signer at most, who was not locked out.
//
// The server checks a signature with one reader and looks up whose rights it gives with another, which differ where the key
// is named twice: of a presigned URL of version 2 the one takes the last name and the other the first, and neither is signed.
func (f *Front) signers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case !signedOnce(r):
			refuse(w, r, manySigners)
		case f.o.Server != nil && f.o.Server.Barred(r):
			refuse(w, r, keyUnknown)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

var (
	manySigners = *invalidRequest("A request must be signed once, and each part of its signature be there once.")
	keyUnknown  = Failure{Status: http.StatusForbidden, Code: "InvalidAccessKeyId", Message: "The Access Key Id you provided does not exist in our records."}
)

// refuse answers a request that no handler has seen. The pages of the file manager ask for a new sign-in at this status.
func refuse(w http.ResponseWriter, r *http.Request, fail Failure) {
	switch kindOf(r) {
	case admin:
		writeAdminFailure(w, r.URL.Path, fail)
	case browser:
		fail.Status = http.StatusUnauthorized
		writeFailure(w, r.URL.Path, fail)
	default:
		writeFailure(w, r.URL.Path, fail)
	}
}

// signedOnce reports whether a request names no more than one signer, in a way that can be read in one way only.
func signedOnce(r *http.Request) bool {
	authorized := len(r.Header["Authorization"])
	if authorized > 1 {
		return false
	}
	if r.URL.RawQuery == "" {
		return true
	}
	var seen [len(signing)]bool
	signed := false
	for name := range params(r.URL.RawQuery) {
		if strings.Contains(name, "=") {
			return false // some look for the end of the name once the escapes are gone
		}
		for k, part := range signing {
			if name != part {
				continue
			}
			if seen[k] {
				return false
			}
			seen[k], signed = true, true
		}
	}
	v2, v4 := seen[0], seen[1]
	return (!signed || wellFormed(r.URL.RawQuery)) && !(v2 && v4) && !((v2 || v4) && authorized > 0)
}

// signing are the parameters of presigned URLs, those that name the signer first: of version 2, of version 4.
var signing = [...]string{"AWSAccessKeyId", "X-Amz-Credential", "Signature", "Expires", "X-Amz-Algorithm", "X-Amz-Date", "X-Amz-Expires",
	"X-Amz-SignedHeaders", "X-Amz-Signature", "X-Amz-Security-Token", "X-Amz-Content-Sha256"}
