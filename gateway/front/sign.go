package front

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// Values of X-Amz-Content-Sha256 that are no hash.
const (
	unsignedPayload = "UNSIGNED-PAYLOAD"
	streamPrefix    = "STREAMING-"
	streamSigned    = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
	streamTrailer   = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
	streamUnsigned  = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
)

const dateHeader = "X-Amz-Date"

// algorithmV4 begins an Authorization header of signature version 4, and the strings that are signed.
const algorithmV4 = "AWS4-HMAC-SHA256"

const emptySHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

// signatureV4 is what an Authorization header of version 4 says.
type signatureV4 struct {
	accessKey string
	scope     string // "20130524/us-east-1/s3/aws4_request"
	signature string
}

// parseV4 reads an Authorization header that the server has found good.
func parseV4(authorization string) (signatureV4, bool) {
	fields := strings.Split(strings.TrimPrefix(authorization, algorithmV4), ",")
	if len(fields) != 3 {
		return signatureV4{}, false
	}
	credential, ok1 := strings.CutPrefix(strings.TrimSpace(fields[0]), "Credential=")
	signature, ok2 := strings.CutPrefix(strings.TrimSpace(fields[2]), "Signature=")
	parts := strings.Split(strings.TrimSpace(credential), "/")
	n := len(parts) - 4 // an access key may have slashes
	if !ok1 || !ok2 || n < 1 {
		return signatureV4{}, false
	}
	return signatureV4{accessKey: strings.Join(parts[:n], "/"), scope: strings.Join(parts[n:], "/"), signature: strings.TrimSpace(signature)}, true
}

// key is the signing key of a scope.
func (s *signatureV4) key(secret string) []byte {
	key := []byte("AWS4" + secret)
	for part := range strings.SplitSeq(s.scope, "/") {
		key = mac(key, part)
	}
	return key
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	_, _ = h.Write([]byte(text)) // a hash does not fail
	return h.Sum(nil)
}

func hexSHA256(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}
