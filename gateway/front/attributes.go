package front

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"juicefs/pkg/checksum"
)

// GetObjectAttributes. The server knows no such operation and takes it for a GET, with the same rights. So its handler
// runs, and the layer, when it is asked for the object, tells what is known of it instead of opening it.

// Description is what is known of an object.
type Description struct {
	ETag     string // without quotes; empty: unknown
	Size     int64
	Modified time.Time
	Sum      checksum.Sum   // zero: none is kept
	Parts    []int64        // sizes of the parts that it was uploaded in; empty: in one, or unknown
	PartSums []checksum.Sum // of each of the Parts; empty: none are kept
}

// Attributes is a request for the description of an object. It belongs to the goroutine of its request.
type Attributes struct {
	wanted map[string]bool
	most   int // parts
	after  int // part
	told   *Description
}

// AttributesOf returns the request for a description that a context's request is, nil if it is none.
func AttributesOf(ctx context.Context) *Attributes { return Of(ctx).attributes }

// Tell makes a description the reply.
func (a *Attributes) Tell(d Description) { a.told = &d }

// attributeNames are what can be asked for.
var attributeNames = []string{"ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"}

// attributesAsked reads what a request asks for.
func attributesAsked(h http.Header) (*Attributes, *Failure) {
	a := &Attributes{wanted: map[string]bool{}, most: maxPage}
	for _, line := range h.Values("X-Amz-Object-Attributes") {
		for name := range strings.SplitSeq(line, ",") {
			if name = strings.TrimSpace(name); name != "" {
				a.wanted[name] = true
			}
		}
	}
	known := 0
	for _, name := range attributeNames {
		if a.wanted[name] {
			known++
		}
	}
	switch {
	case len(a.wanted) == 0:
		return nil, &Failure{Status: http.StatusBadRequest, Code: "InvalidRequest",
			Message: "The x-amz-object-attributes header specifying the attributes to be retrieved is either missing or empty"}
	case known != len(a.wanted):
		return nil, invalidArgument("Invalid attribute name specified.")
	}
	if v := h.Get("X-Amz-Max-Parts"); v != "" {
		n, ok := number(v)
		if !ok {
			return nil, invalidArgument("Argument max-parts must be an integer between 0 and 2147483647")
		}
		a.most = min(n, maxPage)
	}
	if v := h.Get("X-Amz-Part-Number-Marker"); v != "" {
		n, ok := number(v)
		if !ok {
			return nil, invalidArgument("Argument part-number-marker must be an integer between 0 and 2147483647")
		}
		a.after = n
	}
	return a, nil
}

// write returns the document.
func (a *Attributes) write() []byte {
	const root = "GetObjectAttributesResponse"
	d := newDocument(root, 1<<10)
	if a.wanted["ETag"] {
		d.given("ETag", a.told.ETag)
	}
	if s := a.told.Sum; a.wanted["Checksum"] && !s.IsZero() {
		d.open("Checksum")
		d.element("Checksum"+s.Algorithm.String(), s.String())
		d.element("ChecksumType", string(s.Kind()))
		d.close("Checksum")
	}
	if a.wanted["ObjectParts"] && len(a.told.Parts) > 0 {
		a.parts(d)
	}
	if a.wanted["StorageClass"] {
		d.element("StorageClass", "STANDARD")
	}
	if a.wanted["ObjectSize"] {
		d.number("ObjectSize", a.told.Size)
	}
	d.close(root)
	return d.b
}

// parts adds a page of parts.
func (a *Attributes) parts(d *document) {
	all := len(a.told.Parts)
	begin := min(a.after, all)
	end := min(begin+a.most, all)
	d.open("ObjectParts")
	d.number("PartsCount", int64(all))
	d.number("PartNumberMarker", int64(a.after))
	d.number("NextPartNumberMarker", int64(max(end, a.after)))
	d.number("MaxParts", int64(a.most))
	d.boolean("IsTruncated", end < all && a.most > 0)
	for k := begin; k < end; k++ {
		d.open("Part")
		if len(a.told.PartSums) > 0 {
			d.sum(a.told.PartSums[k])
		}
		d.number("PartNumber", int64(k+1))
		d.number("Size", a.told.Parts[k])
		d.close("Part")
	}
	d.close("ObjectParts")
}

// describing is the member for GetObjectAttributes.
func describing(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet || r.URL.RawQuery == "" || kindOf(r) != s3 || !hasParam(r, "attributes") {
			next.ServeHTTP(w, r)
			return
		}
		p := replyOf(w)
		a, failed := attributesAsked(r.Header)
		if failed != nil {
			p.fail(r.URL.Path, *failed)
			return
		}
		Of(r.Context()).attributes = a
		p.edit(func(status int, h http.Header) int {
			if a.told == nil {
				return status
			}
			p.hold(maxReply, func(int, http.Header, []byte) (int, []byte) {
				h.Set("Content-Type", "application/xml")
				h.Set("Last-Modified", a.told.Modified.UTC().Format(http.TimeFormat))
				b := a.write()
				h.Set("Content-Length", strconv.Itoa(len(b)))
				return http.StatusOK, b
			})
			return http.StatusOK
		})
		next.ServeHTTP(w, r)
	})
}
