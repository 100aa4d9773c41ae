package front

import (
	"context"
	"net/http"
	"strings"

	"juicefs/pkg/checksum"
)

const (
	kindHeader = "X-Amz-Checksum-Type"
	modeHeader = "X-Amz-Checksum-Mode"
)

// TellSum tells the checksum of the object that a request has stored or asked for; a zero Sum: it has none.
func TellSum(ctx context.Context, s checksum.Sum) { TellPartSum(ctx, s, s.Kind()) }

// TellPartSum tells the checksum of the part that a request has asked for, of an object whose own checksum is of the kind.
func TellPartSum(ctx context.Context, s checksum.Sum, whole checksum.Kind) {
	q := Of(ctx)
	if q == none {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.sum, q.kind = s, whole
}

// toldSum returns what the layer told, if it did.
func (q *Request) toldSum() (checksum.Sum, checksum.Kind) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.sum, q.kind
}

// isSumHeader reports whether a field, by its canonical name, is about checksums that are there. To ignore one of another
// algorithm would be to take data that nobody has compared.
func isSumHeader(name string) bool {
	return name == kindHeader || name == modeHeader || name == algorithmHeader || checksum.OfHeader(name) != checksum.None
}

// sentSum is the checksum in the header of a request, of the data that its body is. Where there is no data the header says
// something else.
func sentSum(r *http.Request, to purpose) (checksum.Sum, *Failure) {
	if to == forNothing || r.Method == http.MethodPost && hasParam(r, "uploadId") {
		return checksum.Sum{}, nil
	}
	var sum checksum.Sum
	for _, a := range checksum.Algorithms {
		values := r.Header[a.Header()]
		if len(values) == 0 {
			continue
		}
		s, err := checksum.Parse(a, values[0])
		switch {
		case len(values) > 1 || !sum.IsZero():
			return checksum.Sum{}, manySums
		case err != nil || s.Parts > 0:
			return checksum.Sum{}, failSumText(a.Header())
		}
		sum = s
	}
	return sum, nil
}

// showSum shows the checksum of an object to a reader who wants it and gets all of the object, or of a part to one who gets
// that.
func showSum(w http.ResponseWriter, r *http.Request) {
	if !strings.EqualFold(r.Header.Get(modeHeader), "ENABLED") || kindOf(r) != s3 {
		return
	}
	q := Of(r.Context())
	replyOf(w).edit(func(status int, h http.Header) int {
		s, kind := q.toldSum()
		if !s.IsZero() && (status == http.StatusOK || status == http.StatusPartialContent && hasParam(r, "partNumber")) {
			h.Set(s.Algorithm.Header(), s.String())
			h.Set(kindHeader, string(kind))
		}
		return status
	})
}
