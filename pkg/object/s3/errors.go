package s3

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"strings"
	"unicode"

	"github.com/minio/minio-go/v7"

	"juicefs/pkg/object"
)

// Error is a store's refusal.
type Error struct {
	Status    int    // of HTTP
	Code      string // of S3, as "NoSuchKey"; of HTTP where the store gives none
	Message   string // the store's, in one line
	RequestID string // may be empty
	Region    string // where the store says the bucket is; empty where it does not
}

// Error is one line.
func (e *Error) Error() string {
	text := fmt.Sprintf("%s (%d)", e.Code, e.Status)
	if e.Message != "" {
		text = fmt.Sprintf("%s: %s (%d)", e.Code, e.Message, e.Status)
	}
	if e.RequestID != "" {
		text = strings.TrimSuffix(text, ")") + ", request " + e.RequestID + ")"
	}
	return text
}

// Is makes absent objects fs.ErrNotExist and refused ones fs.ErrPermission. A bucket that is missing is neither: all of its
// objects would seem to be gone.
func (e *Error) Is(target error) bool {
	switch target {
	case fs.ErrNotExist:
		return e.Status == http.StatusNotFound && e.Code != "NoSuchBucket"
	case fs.ErrPermission:
		return e.Status == http.StatusForbidden || e.Status == http.StatusUnauthorized
	}
	return false
}

// expired says whether the keys were good once.
func (e *Error) expired() bool { return e.Code == "ExpiredToken" || e.Code == "ExpiredTokenException" }

const (
	mostError   = 64 << 10 // bytes read of an error's body
	mostMessage = 300      // bytes shown of it
)

// refusal reads the error out of a response and closes it.
func (b *Bucket) refusal(resp *http.Response) *Error {
	e := &Error{Status: resp.StatusCode, RequestID: clean(resp.Header.Get("X-Amz-Request-Id")), Region: resp.Header.Get("X-Amz-Bucket-Region")}
	body, _ := io.ReadAll(io.LimitReader(resp.Body, mostError)) // what is there of it
	_ = resp.Body.Close()                                       // only read
	var told minio.ErrorResponse
	if xml.Unmarshal(body, &told) == nil {
		e.Code, e.Message = clean(told.Code), b.censor(clean(told.Message))
		if e.Region == "" {
			e.Region = told.Region
		}
	}
	if e.Code == "" {
		e.Code = strings.ReplaceAll(http.StatusText(resp.StatusCode), " ", "")
	}
	return e
}

// clean makes one line of what a store says.
func clean(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == unicode.ReplacementChar {
			return ' '
		}
		return r
	}, text)
	if len(text) > mostMessage {
		text = strings.ToValidUTF8(text[:mostMessage], "") + "..."
	}
	return strings.TrimSpace(text)
}

// censor takes the secrets out of what a store says, who was sent one of them: the session token.
func (b *Bucket) censor(text string) string {
	for _, secret := range b.hide {
		if secret != "" {
			text = strings.ReplaceAll(text, secret, "***")
		}
	}
	return text
}

// failed adds what the caller asked for to the reason of a failure.
func failed(op, key string, err error) error {
	// Of the transport's error only the cause is of use: method and URL are in ours.
	var sent *url.Error
	if errors.As(err, &sent) {
		err = sent.Err
	}
	if key == "" {
		return fmt.Errorf("%s: %w", op, err)
	}
	return fmt.Errorf("%s %s: %w", op, key, err)
}

// Final says which errors will come again: refusals but those that are about load and time, and certificates that do not fit.
func (b *Bucket) Final(err error) bool {
	var refused *Error
	if errors.As(err, &refused) {
		return !again(refused) && !(b.renews && refused.expired())
	}
	var (
		authority   x509.UnknownAuthorityError
		host        x509.HostnameError
		invalid     x509.CertificateInvalidError
		certificate *tls.CertificateVerificationError
	)
	if errors.As(err, &authority) || errors.As(err, &host) || errors.As(err, &invalid) || errors.As(err, &certificate) {
		return true
	}
	return errors.Is(err, fs.ErrInvalid) || errors.Is(err, fs.ErrNotExist) || errors.Is(err, errNoCredentials) || errors.Is(err, context.Canceled)
}

// again says whether another try can do better after a refusal.
func again(e *Error) bool {
	switch e.Code {
	case "RequestTimeout", "OperationAborted", "SlowDown", "Throttling", "ThrottlingException", "RequestLimitExceeded", "BadDigest", "IncompleteBody":
		return true
	}
	switch e.Status {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return true
	case http.StatusNotImplemented, http.StatusHTTPVersionNotSupported, http.StatusInsufficientStorage:
		return false
	}
	return e.Status >= http.StatusInternalServerError
}

// mismatchError says that the bytes of an object are not those that its checksum was taken of.
type mismatchError struct{ got, want uint32 }

// Error is one line.
func (e *mismatchError) Error() string {
	return fmt.Sprintf("CRC-32C is %d, the object's metadata has %d", e.got, e.want)
}

// Unwrap returns object.ErrDamaged.
func (e *mismatchError) Unwrap() error { return object.ErrDamaged }
