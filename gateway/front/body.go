package front

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"

	"juicefs/pkg/checksum"
)

// Body is the data of an object, or of a part of one, in a request, and what must be true of it. The layer reads it past
// the server's own hashing, which is one after the other in one goroutine, and so checks all of it.
//
// It is for one goroutine.
type Body struct {
	req   *http.Request // its Body as the server's handlers have wrapped it
	size  int64
	want  checksum.Sum // of the header; of the trailer the algorithm alone
	coded *chunks      // nil: the body is the data
	taken bool
}

// BodyOf returns the data that the request of ctx brings for an object, if there is a body of size bytes that must be read
// this way; nil: it may be read as the server gives it. There is one object in a request: later calls return nil.
func BodyOf(ctx context.Context, size int64) *Body {
	b := Of(ctx).body
	if b == nil || b.taken || b.size != size {
		return nil
	}
	b.taken = true
	return b
}

// Read implements io.Reader: the data as it is to be stored. Errors are *Failure, or of the connection.
func (b *Body) Read(p []byte) (int, error) {
	if b.coded == nil {
		return b.req.Body.Read(p)
	}
	b.coded.open = true
	n, err := b.req.Body.Read(p)
	b.coded.open = false
	return n, err
}

// Defer has the signatures of chunks compared behind the reader, by the Chain that it returns, which must get all that is
// read from now on. nil: they are compared before data is read, or there are none. Only the first call does something, before
// the first Read.
func (b *Body) Defer() *Chain {
	if b.coded == nil || b.coded.signer == nil || b.coded.signer.chain != nil || b.coded.begun || b.size < bigBody {
		return nil
	}
	if checksum.Joint() {
		return newChain(b.coded, checksum.NewPair()) // one pass for both needs less of the CPU than a goroutine for each
	}
	return newChain(b.coded, nil)
}

// Algorithm is that of the checksum which the client sends; None: it sends none.
func (b *Body) Algorithm() checksum.Algorithm { return b.want.Algorithm }

// Check compares the sum of the data, which was read to its end, with what the client sent. It fails if there is a Chain that
// has not settled: such a body does not count.
func (b *Body) Check(got checksum.Sum) *Failure {
	if b.coded != nil && b.coded.chain() != nil && !b.coded.settled {
		return &failUnsettled
	}
	want := b.want
	if want.IsZero() {
		return nil
	}
	if b.coded != nil && b.coded.name != "" {
		var f *Failure
		if want, f = b.coded.sum(); f != nil {
			return f
		}
	}
	if !want.Equal(got) {
		return WrongSum(want.Algorithm)
	}
	return nil
}

// WrongSum is the reply to data that has another checksum.
func WrongSum(a checksum.Algorithm) *Failure {
	return &Failure{Status: http.StatusBadRequest, Code: "BadDigest", Message: "The " + a.String() + " you specified did not match the calculated checksum."}
}

// failSumText is the reply to a checksum that is none.
func failSumText(header string) *Failure {
	return &Failure{Status: http.StatusBadRequest, Code: "InvalidRequest", Message: "Value for " + strings.ToLower(header) + " header is invalid."}
}

func invalidRequest(message string) *Failure {
	return &Failure{Status: http.StatusBadRequest, Code: "InvalidRequest", Message: message}
}

// bigBody is from where on data is hashed by several goroutines, which the server's own reader does not do.
const bigBody = 1 << 20 // bytes

// bodies is the member for all that comes in the bodies of requests: it takes their encoding off, and sees to it that
// checksums are compared.
func (f *Front) bodies(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var fail *Failure
		switch r.Method {
		case http.MethodGet, http.MethodHead:
			showSum(w, r)
		case http.MethodPut, http.MethodPost:
			if f.o.Server != nil && kindOf(r) == s3 {
				fail = f.body(w, r)
			}
		}
		if fail != nil {
			replyOf(w).fail(r.URL.Path, *fail)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// body prepares the body of a request that writes.
func (f *Front) body(w http.ResponseWriter, r *http.Request) *Failure {
	streams := strings.HasPrefix(r.Header.Get(contentHash), streamPrefix)
	if r.Method == http.MethodPost && strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/form-data") {
		if streams {
			return failStream(r)
		}
		return nil // a form, which has its own rules
	}
	to := purposeOf(r)
	if to == forArchive && streams {
		return &Failure{Status: http.StatusNotImplemented, Code: "NotImplemented", Message: "An archive that is to be extracted cannot be sent as aws-chunked."}
	}
	want, fail := sentSum(r, to)
	if fail != nil {
		return fail
	}
	if !streams && r.Header.Get("X-Amz-Trailer") != "" {
		return trailerOfNothing // or nobody would compare what it says
	}
	var coded *chunks
	if streams {
		if coded, fail = f.decode(r); fail != nil {
			return fail
		}
		if coded.name != "" {
			if !want.IsZero() {
				return manySums
			}
			want.Algorithm = checksum.OfHeader(coded.name)
		}
	}
	switch to {
	case forData:
		if coded != nil || !want.IsZero() || r.ContentLength >= bigBody {
			Of(r.Context()).body = &Body{req: r, size: r.ContentLength, want: want, coded: coded}
			replyToData(w, r)
		} else if r.URL.RawQuery != "" {
			replyToData(w, r) // a part has a checksum if its upload is to have one, and the client names it at the end
		}
	case forNothing:
		return copying(w, r)
	case forText:
		return f.text(w, r, want, coded)
	}
	return nil
}

// text prepares a body that is no data.
func (f *Front) text(w http.ResponseWriter, r *http.Request, want checksum.Sum, coded *chunks) *Failure {
	text, fail := f.document(r, want, coded)
	if fail != nil || r.Method != http.MethodPost || r.URL.RawQuery == "" {
		return fail
	}
	switch {
	case hasParam(r, "uploads"):
		return beginning(w, r)
	case hasParam(r, "uploadId"):
		return completing(w, r, text)
	}
	return nil
}

// purpose is what a body is for.
type purpose uint8

const (
	forText    purpose = iota // settings, lists of keys or parts: small, in memory
	forData                   // of an object or a part
	forArchive                // to be extracted
	forNothing                // a copy, which brings none
)

// purposeOf tells by what the server routes by.
func purposeOf(r *http.Request) purpose {
	if _, key := placeOf(r); key == "" || r.Method != http.MethodPut {
		return forText
	}
	if r.URL.RawQuery != "" {
		q := r.URL.Query()
		for _, name := range [...]string{"acl", "tagging", "retention", "legal-hold"} {
			if q.Has(name) {
				return forText
			}
		}
	}
	switch {
	case r.Header.Get("X-Amz-Copy-Source") != "":
		return forNothing
	case strings.Contains(r.Header.Get("X-Amz-Meta-Snowball-Auto-Extract"), "true"):
		return forArchive
	}
	return forData
}

// replyToData sees to the reply to data: what the layer has found wrong in the body is answered as it told, since the
// server's handler has no words for most of it; the checksum that was stored is shown.
func replyToData(w http.ResponseWriter, r *http.Request) {
	p, q := replyOf(w), Of(r.Context())
	part := r.URL.RawQuery != "" && r.URL.Query().Has("partNumber")
	p.edit(func(status int, h http.Header) int {
		if f := q.failed(); f != nil && status >= http.StatusBadRequest {
			p.fail(r.URL.Path, *f)
			return status
		}
		if s, _ := q.toldSum(); status == http.StatusOK && !s.IsZero() {
			h.Set(s.Algorithm.Header(), s.String())
			if !part {
				h.Set(kindHeader, string(s.Kind()))
			}
		}
		return status
	})
}

// failStream is the reply to a coded body without a signature in the header: nothing would vouch for what comes in it.
func failStream(r *http.Request) *Failure {
	if SignatureOf(r) == Unsigned {
		return &Failure{Status: http.StatusForbidden, Code: "AccessDenied", Message: "Access Denied."}
	}
	return &Failure{Status: http.StatusForbidden, Code: "AccessDenied", Message: "A body in chunks requires a signature of version 4 in the Authorization header."}
}

// decode checks the signature of a request whose body comes in chunks, takes the encoding off the body and the header, and
// signs the request anew.
func (f *Front) decode(r *http.Request) (*chunks, *Failure) {
	kind := r.Header.Get(contentHash)
	switch kind {
	case streamSigned, streamTrailer, streamUnsigned:
	case "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD", "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER":
		return nil, &Failure{Status: http.StatusNotImplemented, Code: "NotImplemented", Message: "Signatures of version 4A are not supported."}
	default:
		return nil, &Failure{Status: http.StatusBadRequest, Code: "InvalidArgument",
			Message: "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD, or a valid sha256 value."}
	}
	signer, fail := f.chunkSigner(r, kind)
	if fail != nil {
		return nil, fail
	}
	trailer, fail := announced(r, kind)
	if fail != nil {
		return nil, fail
	}
	size, fail := decodedLength(r)
	if fail != nil {
		return nil, fail
	}
	c := newChunks(r.Body, size, trailer, signer)
	r.Body, r.ContentLength, r.TransferEncoding = c, size, nil
	r.Header.Set("Content-Length", strconv.FormatInt(size, 10))
	for _, name := range [...]string{"X-Amz-Decoded-Content-Length", "X-Amz-Trailer"} {
		r.Header.Del(name)
	}
	removeEncoding(r.Header)
	r.Header.Set(contentHash, unsignedPayload)
	if fail := f.o.Server.Sign(r); fail != nil {
		return nil, fail
	}
	return c, nil
}

// chunkSigner checks the signature of a request whose body comes in chunks and returns what checks those of the chunks; nil:
// they have none. A request that nobody has signed may come in chunks that nobody has signed: what it may do is up to the
// policy of its bucket, as without chunks.
func (f *Front) chunkSigner(r *http.Request, kind string) (*chunkSigner, *Failure) {
	if _, claimed := r.Header["Authorization"]; kind == streamUnsigned && !claimed && SignatureOf(r) == Unsigned {
		return nil, nil //nolint:nilnil // see above
	}
	if SignatureOf(r) != HeaderV4 || hasParam(r, "X-Amz-Credential") {
		return nil, failStream(r)
	}
	if fail := f.o.Server.Verify(r); fail != nil {
		return nil, fail
	}
	s, ok := parseV4(r.Header.Get("Authorization"))
	who, known := f.o.Server.Identity(s.accessKey)
	switch {
	case !ok || !known:
		return nil, &failSignature
	case kind == streamUnsigned:
		return nil, nil //nolint:nilnil // see above
	}
	return newChunkSigner(s.key(who.SecretKey), r.Header.Get(dateHeader), &s), nil
}

// announced is the one trailer that a request may have, in lower case; empty: it has none.
func announced(r *http.Request, kind string) (string, *Failure) {
	names := r.Header.Values("X-Amz-Trailer")
	switch {
	case len(names) == 0:
		return "", nil
	case kind == streamSigned:
		return "", trailerOfNothing
	}
	name := strings.ToLower(strings.TrimSpace(strings.Join(names, ",")))
	if strings.HasPrefix(name, "x-amz-checksum-") && !strings.Contains(name, ",") && checksum.OfHeader(name) == checksum.None {
		return "", notSupported("The checksum algorithm of the x-amz-trailer header is not supported.")
	}
	if checksum.OfHeader(name) == checksum.None {
		return "", invalidRequest("The value specified in the x-amz-trailer header is not supported")
	}
	return name, nil
}

var trailerOfNothing = invalidRequest("The x-amz-trailer header requires a payload with trailers.")

// decodedLength is how long the data is.
func decodedLength(r *http.Request) (int64, *Failure) {
	text := r.Header.Get("X-Amz-Decoded-Content-Length")
	if text == "" {
		return 0, &Failure{Status: http.StatusLengthRequired, Code: "MissingContentLength", Message: "You must provide the Content-Length HTTP header."}
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		return 0, &Failure{Status: http.StatusBadRequest, Code: "InvalidArgument", Message: "Value for x-amz-decoded-content-length header is invalid."}
	}
	return n, nil
}

// removeEncoding takes "aws-chunked" off the encodings of the content; others are the object's.
func removeEncoding(h http.Header) {
	var kept []string
	for _, line := range h.Values("Content-Encoding") {
		for e := range strings.SplitSeq(line, ",") {
			if e = strings.TrimSpace(e); e != "" && !strings.EqualFold(e, "aws-chunked") {
				kept = append(kept, e)
			}
		}
	}
	if len(kept) == 0 {
		h.Del("Content-Encoding")
		return
	}
	h.Set("Content-Encoding", strings.Join(kept, ","))
}

// readError is the reply to a body that could not be read.
func readError(err error) *Failure {
	var f *Failure
	switch {
	case errors.As(err, &f):
		return f
	case errors.Is(err, io.ErrUnexpectedEOF):
		return &failCut
	}
	return &Failure{Status: http.StatusBadRequest, Code: "RequestTimeout", Message: "Your socket connection to the server was not read from or written to within the timeout period."}
}
