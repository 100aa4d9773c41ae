package front

import (
	"context"
	"encoding/base64"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"juicefs/pkg/checksum"
)

// The server's handlers check who asks for a listing, change what was asked for (a leading slash of a prefix goes), and
// write the page in their own way: url encoding that cannot be decoded, limits as asked for and not as applied, elements
// that S3 does not have. So the layer takes the question from the context, tells the page here and hands an empty one to
// the handler, whose reply is then replaced whole. Correcting the handler's reply would take a parser over every key and
// still could not tell an encoded space from a plus. Written without reflection, a page also costs a fraction.

// ListKind is which listing of S3 a request turned out to be.
type ListKind uint8

// The listings.
const (
	ListV1 ListKind = iota
	ListV2
	ListVersions
	ListUploads
	ListParts
)

// maxPage is the most entries and prefixes of a page.
const maxPage = 1000

// Listing is a request for a listing and the page that answers it. It belongs to the goroutine of its request.
type Listing struct {
	request *http.Request
	query   url.Values // as the client wrote it
	kind    ListKind
	asked   ListQuery
	page    *Page
	refused *Failure // what was asked makes no sense
}

// ListQuery is what a client asks of a listing, as it wrote it.
type ListQuery struct {
	Prefix    string
	Marker    string // the page begins after this key; of V2 from the token or, without one, what to start after
	Upload    string // of ListUploads: it begins after this upload of the marker's key; empty: after all of that key
	Part      int    // of ListParts: it begins after this part
	Delimiter string
	Max       int // from 0 to 1000
}

// Page answers a ListQuery.
type Page struct {
	Entries  []Entry
	Prefixes []string
	More     bool
	Next     string // key or prefix that the next page begins after; empty unless there are more
	Upload   string // of ListUploads: the upload that the next page begins after

	Algorithm checksum.Algorithm // of ListParts: of the checksums of the upload; None: it has none
	Kind      checksum.Kind
}

// Entry is an object, an upload or a part in a Page.
type Entry struct {
	Key      string
	ETag     string // without quotes; empty: unknown
	Size     int64
	Modified time.Time // or when an upload began
	Upload   string
	Part     int
	Sum      checksum.Sum // of a part
}

// ListingOf returns the listing that a context's request asks for, nil if it asks for none.
func ListingOf(ctx context.Context) *Listing { return Of(ctx).listing }

// Query returns what is asked for. False: it makes no sense; the reply says why, whatever the error that the handler gets.
func (l *Listing) Query(kind ListKind) (ListQuery, bool) {
	l.kind = kind
	if l.query == nil {
		l.query = l.request.URL.Query()
	}
	l.asked, l.refused = l.ask()
	return l.asked, l.refused == nil
}

func (l *Listing) ask() (ListQuery, *Failure) {
	get := l.query.Get
	q := ListQuery{Prefix: get("prefix"), Delimiter: get("delimiter"), Max: maxPage}
	if e := get("encoding-type"); e != "" && !strings.EqualFold(e, "url") {
		return q, invalidArgument("Invalid Encoding Method specified in Request")
	}
	limit := "max-keys"
	switch l.kind {
	case ListV1:
		q.Marker = get("marker")
	case ListV2:
		token, err := base64.StdEncoding.DecodeString(get("continuation-token"))
		if err != nil {
			return q, invalidArgument("The continuation token provided is incorrect")
		}
		if q.Marker = string(token); q.Marker == "" {
			q.Marker = get("start-after")
		}
	case ListVersions:
		if q.Marker = get("key-marker"); q.Marker == "" && get("version-id-marker") != "" {
			return q, invalidArgument("A version-id marker cannot be specified without a key marker.")
		}
	case ListUploads:
		q.Marker, q.Upload, limit = get("key-marker"), get("upload-id-marker"), "max-uploads"
	case ListParts:
		limit = "max-parts"
		if n := get("part-number-marker"); n != "" {
			part, err := strconv.ParseUint(n, 10, 31)
			if err != nil {
				return q, invalidArgument("Argument partNumberMarker must be an integer.")
			}
			q.Part = int(part)
		}
	}
	if n := get(limit); n != "" {
		most, err := strconv.ParseUint(n, 10, 31)
		if err != nil {
			return q, invalidArgument("Provided " + limit + " not an integer or within integer range")
		}
		q.Max = int(min(most, maxPage))
	}
	return q, nil
}

// Tell makes a page the reply. The Listing takes it over.
func (l *Listing) Tell(p Page) { l.page = &p }

func invalidArgument(message string) *Failure {
	return &Failure{Status: http.StatusBadRequest, Code: "InvalidArgument", Message: message}
}

// maxEmptyPage is more than the handlers write for an empty page: markers, a prefix and a delimiter, url encoded.
const maxEmptyPage = 64 << 10

// listing has pages written by this package. Which of the requests for a bucket, or with an upload's id, ask for a listing is
// decided by the server's router alone: it calls the layer or does not.
func (f *Front) listing(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if q := Of(r.Context()); q != none && asksForList(r) {
			l, p := &Listing{request: r}, replyOf(w)
			q.listing = l
			if fail := f.hideMarker(l); fail != nil {
				p.fail(r.URL.Path, *fail)
				return
			}
			p.edit(func(status int, _ http.Header) int {
				switch {
				case l.refused != nil && status != http.StatusOK:
					p.fail(r.URL.Path, *l.refused)
				case l.page != nil && status == http.StatusOK:
					p.hold(maxEmptyPage, func(status int, h http.Header, _ []byte) (int, []byte) {
						h.Set("Content-Type", "application/xml")
						return status, l.write()
					})
				}
				return status
			})
		}
		next.ServeHTTP(w, r)
	})
}

// hideMarker takes the marker out of a request for uploads if it does not begin with the prefix: the server's handler would
// have none of it, and the layer takes the question from the Listing.
func (f *Front) hideMarker(l *Listing) *Failure {
	const marker = "key-marker"
	r := l.request
	if !strings.Contains(r.URL.RawQuery, marker) || !hasParam(r, "uploads") || strings.HasPrefix(param(r, marker), param(r, "prefix")) {
		return nil
	}
	l.query = r.URL.Query()
	return f.rewrite(r, func() {
		left := maps.Clone(l.query)
		left.Del(marker)
		left.Del("upload-id-marker")
		r.URL.RawQuery = left.Encode()
	})
}

func asksForList(r *http.Request) bool {
	if r.Method != http.MethodGet || kindOf(r) != s3 {
		return false
	}
	bucket, key := placeOf(r)
	return bucket != "" && (key == "" || strings.Contains(r.URL.RawQuery, "uploadId"))
}
