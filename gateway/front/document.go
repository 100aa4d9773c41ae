package front

import (
	"bytes"
	"crypto/md5" //nolint:gosec // Content-MD5 of HTTP
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"io"
	"net/http"

	"juicefs/pkg/checksum"
)

// maxDocumentBody is the most that a body may have which is no object, in bytes.
const maxDocumentBody = 10 << 20

// document reads the body of a request that is no object and checks all that the client said of it: the server reads some
// of these without looking, and asks for Content-MD5, which today's clients do not send. It returns the text.
func (f *Front) document(r *http.Request, want checksum.Sum, coded *chunks) ([]byte, *Failure) {
	deletes := r.Method == http.MethodPost && hasParam(r, "delete")
	if coded == nil && (r.ContentLength == 0 || r.ContentLength < 0 && !deletes) {
		return nil, nil // nothing to check; the server wants to know lengths
	}
	if r.ContentLength > maxDocumentBody {
		return nil, &Failure{Status: http.StatusBadRequest, Code: "EntityTooLarge", Message: "Your proposed upload exceeds the maximum allowed object size."}
	}
	if coded == nil && SignatureOf(r) != Unsigned {
		if fail := f.o.Server.Verify(r); fail != nil {
			return nil, fail // before memory is spent on the body
		}
	}
	if deletes && want.IsZero() && r.Header.Get("Content-Md5") == "" && (coded == nil || coded.name == "") {
		return nil, invalidRequest("Missing required header for this request: Content-MD5 OR x-amz-checksum-*")
	}
	text, fail := readDocument(r)
	if fail == nil {
		fail = checkDocument(r, text, want, coded)
	}
	if fail != nil {
		return nil, fail
	}
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(text)), int64(len(text))
	if needsMD5(r, deletes) && r.Header.Get("Content-Md5") == "" {
		sum := md5.Sum(text) //nolint:gosec // Content-MD5 of HTTP
		r.Header.Set("Content-Md5", base64.StdEncoding.EncodeToString(sum[:]))
	}
	return text, nil
}

// readDocument reads a body to its end.
func readDocument(r *http.Request) ([]byte, *Failure) {
	var b bytes.Buffer
	if n := r.ContentLength; n > 0 {
		b.Grow(int(min(n, 64<<10)) + bytes.MinRead) // what is promised is not there yet
	}
	n, err := b.ReadFrom(io.LimitReader(r.Body, maxDocumentBody+1))
	switch {
	case err != nil:
		return nil, readError(err)
	case n > maxDocumentBody:
		return nil, &Failure{Status: http.StatusBadRequest, Code: "EntityTooLarge", Message: "Your proposed upload exceeds the maximum allowed object size."}
	}
	return b.Bytes(), nil
}

// checkDocument compares a body with its MD5, its checksum and its hash, where the client sent them.
func checkDocument(r *http.Request, text []byte, want checksum.Sum, coded *chunks) *Failure {
	if sent := r.Header.Get("Content-Md5"); sent != "" {
		sum := md5.Sum(text) //nolint:gosec // Content-MD5 of HTTP
		v, err := base64.StdEncoding.DecodeString(sent)
		switch {
		case err != nil || len(v) != len(sum):
			return &Failure{Status: http.StatusBadRequest, Code: "InvalidDigest", Message: "The Content-MD5 you specified is not valid."}
		case !bytes.Equal(v, sum[:]):
			return &Failure{Status: http.StatusBadRequest, Code: "BadDigest", Message: "The Content-MD5 you specified did not match what we received."}
		}
	}
	if !want.IsZero() {
		h := want.Algorithm.New()
		_, _ = h.Write(text) // a hash does not fail
		b := Body{want: want, coded: coded}
		if fail := b.Check(checksum.Sum{Algorithm: want.Algorithm, Value: h.Sum(nil)}); fail != nil {
			return fail
		}
	}
	if sent, err := hex.DecodeString(r.Header.Get(contentHash)); err == nil && len(sent) == sha256.Size {
		if sum := sha256.Sum256(text); !bytes.Equal(sent, sum[:]) {
			return &Failure{Status: http.StatusBadRequest, Code: "XAmzContentSHA256Mismatch",
				Message: "The provided 'x-amz-content-sha256' header does not match what was computed."}
		}
	}
	return nil
}

// needsMD5 reports whether the server insists on the MD5 of a body. To a signature of version 2 it would belong.
func needsMD5(r *http.Request, deletes bool) bool {
	if r.Method == http.MethodPut && r.URL.RawQuery != "" {
		deletes = hasParam(r, "lifecycle") || hasParam(r, "retention") || hasParam(r, "legal-hold")
	}
	s := SignatureOf(r)
	return deletes && s != HeaderV2 && s != QueryV2
}
