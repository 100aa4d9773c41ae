package front

import (
	"bytes"
	"context"
	"encoding/xml"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"juicefs/pkg/checksum"
)

// Wanted is what a request without data says of the checksum of the object that it makes.
type Wanted struct {
	Algorithm checksum.Algorithm // of an upload that begins, or of a copy that is to have it; None: not said
	Kind      checksum.Kind      // of an upload, at its begin and at its end; empty: not said
	// At the end of an upload:
	Whole checksum.Sum         // of the object
	Size  int64                // of the object in bytes; below 0: not said
	Parts map[int]checksum.Sum // of the parts that have one
}

// WantedOf returns what the request of a context says. The map is not to be changed.
func WantedOf(ctx context.Context) Wanted {
	if w := Of(ctx).wanted; w != nil {
		return *w
	}
	return Wanted{Size: -1}
}

const (
	algorithmHeader = "X-Amz-Checksum-Algorithm"
	wholeSizeHeader = "X-Amz-Mp-Object-Size"
)

// wantedBy reads what the headers of a request say.
func wantedBy(h http.Header) (*Wanted, *Failure) {
	w := &Wanted{Size: -1, Kind: checksum.Kind(strings.ToUpper(h.Get(kindHeader)))}
	if name := h.Get(algorithmHeader); name != "" {
		if w.Algorithm = checksum.Named(name); w.Algorithm == checksum.None {
			return nil, invalidRequest("Checksum algorithm provided is unsupported. Please try again with any of the valid types: [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]")
		}
	}
	if w.Kind != "" && w.Kind != checksum.FullObject && w.Kind != checksum.Composite {
		return nil, failSumText(kindHeader)
	}
	return w, nil
}

// beginning is an upload that begins: POST with "uploads".
func beginning(w http.ResponseWriter, r *http.Request) *Failure {
	wanted, fail := wantedBy(r.Header)
	switch {
	case fail != nil:
		return fail
	case wanted.Algorithm == checksum.None && wanted.Kind != "":
		return invalidRequest("The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.")
	case wanted.Algorithm == checksum.None:
		return nil
	case wanted.Kind == "":
		wanted.Kind = checksum.KindOf(wanted.Algorithm)
	case !wanted.Algorithm.Allows(wanted.Kind):
		return invalidRequest("The " + string(wanted.Kind) + " checksum type cannot be used with the " + strings.ToLower(wanted.Algorithm.String()) + " checksum algorithm.")
	}
	Of(r.Context()).wanted = wanted
	replyOf(w).edit(func(status int, h http.Header) int {
		if status == http.StatusOK {
			h.Set(algorithmHeader, wanted.Algorithm.String())
			h.Set(kindHeader, string(wanted.Kind))
		}
		return status
	})
	return nil
}

// copying is a copy of an object or of a part of one.
func copying(w http.ResponseWriter, r *http.Request) *Failure {
	wanted, fail := wantedBy(r.Header)
	if fail != nil {
		return fail
	}
	if wanted.Algorithm != checksum.None {
		Of(r.Context()).wanted = wanted
	}
	replyInXML(w, r, !hasParam(r, "uploadId"))
	return nil
}

// completing is the end of an upload, text the list of its parts.
func completing(w http.ResponseWriter, r *http.Request, text []byte) *Failure {
	wanted, fail := wantedBy(r.Header)
	if fail != nil {
		return fail
	}
	for _, a := range checksum.Algorithms {
		value := r.Header.Get(a.Header())
		if value == "" {
			continue
		}
		s, err := checksum.Parse(a, value)
		switch {
		case !wanted.Whole.IsZero():
			return manySums
		case err != nil:
			return failSumText(a.Header())
		}
		wanted.Whole = s
	}
	if value := r.Header.Get(wholeSizeHeader); value != "" {
		n, err := strconv.ParseInt(value, 10, 64)
		if err != nil || n < 0 {
			return failSumText(wholeSizeHeader)
		}
		wanted.Size = n
	}
	if wanted.Parts, fail = partSums(text); fail != nil {
		return fail
	}
	Of(r.Context()).wanted = wanted
	replyInXML(w, r, true)
	return nil
}

var manySums = invalidRequest("Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.")

// completed is the list of parts at the end of an upload, as far as the server does not read it.
type completed struct {
	Parts []struct {
		PartNumber                                                                     int
		ChecksumCRC32, ChecksumCRC32C, ChecksumCRC64NVME, ChecksumSHA1, ChecksumSHA256 string
	} `xml:"Part"`
}

// partSums returns the checksums in a list of parts. What is wrong with the list otherwise, the server says.
func partSums(text []byte) (map[int]checksum.Sum, *Failure) {
	if !bytes.Contains(text, []byte("Checksum")) {
		return nil, nil
	}
	var list completed
	if xml.Unmarshal(text, &list) != nil {
		return nil, nil
	}
	sums := map[int]checksum.Sum{}
	for _, p := range list.Parts {
		for k, value := range [...]string{p.ChecksumCRC32, p.ChecksumCRC32C, p.ChecksumCRC64NVME, p.ChecksumSHA1, p.ChecksumSHA256} {
			if value == "" {
				continue
			}
			s, err := checksum.Parse(checksum.Algorithms[k], value)
			if _, more := sums[p.PartNumber]; more || err != nil || s.Parts > 0 {
				return nil, invalidRequest("The checksum of part " + strconv.Itoa(p.PartNumber) + " is invalid.")
			}
			sums[p.PartNumber] = s
		}
	}
	return sums, nil
}

// replyInXML shows the checksum that was stored in the document of a reply, with its kind or without.
func replyInXML(w http.ResponseWriter, r *http.Request, kind bool) {
	p, q := replyOf(w), Of(r.Context())
	p.edit(func(status int, _ http.Header) int {
		if f := q.failed(); f != nil && status >= http.StatusBadRequest {
			p.fail(r.URL.Path, *f)
			return status
		}
		if s, _ := q.toldSum(); status == http.StatusOK && !s.IsZero() {
			p.hold(maxResult, func(status int, _ http.Header, body []byte) (int, []byte) { return status, withSum(body, s, kind) })
		}
		return status
	})
}

// maxResult is more than the reply to a write has, in bytes.
const maxResult = 64 << 10

// withSum adds the elements of a checksum at the end of the root element of a document, if that tells of something stored.
func withSum(body []byte, s checksum.Sum, kind bool) []byte {
	end := bytes.LastIndex(body, []byte("</"))
	if end < 0 || !bytes.HasSuffix(bytes.TrimSpace(body), []byte("Result>")) {
		return body
	}
	d := document{}
	d.sum(s)
	if kind {
		d.element("ChecksumType", string(s.Kind()))
	}
	return slices.Concat(body[:end], d.b, body[end:])
}

// sum adds the element of a checksum, if it is one.
func (d *document) sum(s checksum.Sum) {
	if !s.IsZero() {
		d.element("Checksum"+s.Algorithm.String(), s.String())
	}
}
