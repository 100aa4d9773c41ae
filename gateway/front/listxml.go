package front

import (
	"bytes"
	"encoding/base64"
	"encoding/xml"
	"strconv"
	"strings"
	"time"
)

// Namespace of all replies of S3.
const namespace = "http://s3.amazonaws.com/doc/2006-03-01/"

// The one owner of everything. The identifier is that of the server.
const (
	ownerID   = "02d6176db174dc93cb1b899f7c6078f08654445fe8cf1b6ce98d8855f66bdbf4"
	ownerName = "minio"
)

const storageClass = "STANDARD"

// timeFormat is how S3 writes times in XML.
const timeFormat = "2006-01-02T15:04:05.000Z"

// document is an XML document that grows.
type document struct {
	b   []byte
	url bool // names are url encoded
}

// newDocument begins a document with its root element.
func newDocument(root string, size int) *document {
	d := &document{b: make([]byte, 0, size)}
	d.b = append(d.b, xml.Header...)
	d.b = append(d.b, '<')
	d.b = append(d.b, root...)
	d.b = append(d.b, ` xmlns="`+namespace+`">`...)
	return d
}

func (d *document) open(name string) {
	d.b = append(append(append(d.b, '<'), name...), '>')
}

func (d *document) close(name string) {
	d.b = append(append(append(d.b, '<', '/'), name...), '>')
}

// element adds an element with text.
func (d *document) element(name, value string) {
	d.open(name)
	d.text(value)
	d.close(name)
}

// given adds an element unless its text is empty.
func (d *document) given(name, value string) {
	if value != "" {
		d.element(name, value)
	}
}

func (d *document) number(name string, n int64) {
	d.open(name)
	d.b = strconv.AppendInt(d.b, n, 10)
	d.close(name)
}

func (d *document) boolean(name string, v bool) {
	d.open(name)
	d.b = strconv.AppendBool(d.b, v)
	d.close(name)
}

func (d *document) time(name string, t time.Time) {
	d.open(name)
	d.b = t.UTC().AppendFormat(d.b, timeFormat)
	d.close(name)
}

// name adds an element with a key or a part of one, url encoded where that was asked for.
func (d *document) name(element, value string) {
	d.open(element)
	if d.url {
		d.encoded(value)
	} else {
		d.text(value)
	}
	d.close(element)
}

func (d *document) givenName(element, value string) {
	if value != "" {
		d.name(element, value)
	}
}

// etag adds an entity tag in quotes.
func (d *document) etag(tag string) {
	d.open("ETag")
	if tag != "" {
		d.b = append(d.b, "&#34;"...)
		d.text(tag)
		d.b = append(d.b, "&#34;"...)
	}
	d.close("ETag")
}

// owner adds the owner in an element of the name.
func (d *document) owner(name string) {
	d.open(name)
	d.b = append(d.b, "<ID>"+ownerID+"</ID><DisplayName>"+ownerName+"</DisplayName>"...)
	d.close(name)
}

// text adds characters. What XML cannot have becomes U+FFFD.
func (d *document) text(s string) {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c >= 0x7f || c == '<' || c == '>' || c == '&' || c == '"' || c == '\'' {
			var w bytes.Buffer
			_ = xml.EscapeText(&w, []byte(s)) // a Buffer does not fail
			d.b = append(d.b, w.Bytes()...)
			return
		}
	}
	d.b = append(d.b, s...)
}

// encoded adds a url encoded name. A slash stays, a space is %20: a plus would be taken for itself by clients that decode
// paths.
func (d *document) encoded(s string) {
	const hex = "0123456789ABCDEF"
	for i := range len(s) {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("-_.~/*", c) >= 0:
			d.b = append(d.b, c)
		default:
			d.b = append(d.b, '%', hex[c>>4], hex[c&15])
		}
	}
}

// entryRoom is about how many bytes an entry takes beside its key.
const entryRoom = 330

// write returns the document of a page.
func (l *Listing) write() []byte {
	size := 1 << 10
	for k := range l.page.Entries {
		size += entryRoom + len(l.page.Entries[k].Key)
	}
	for _, p := range l.page.Prefixes {
		size += 60 + len(p)
	}
	root := [...]string{"ListBucketResult", "ListBucketResult", "ListVersionsResult", "ListMultipartUploadsResult", "ListPartsResult"}[l.kind]
	d := newDocument(root, size)
	d.url = l.query.Get("encoding-type") != ""
	switch l.kind {
	case ListV1:
		l.headV1(d)
	case ListV2:
		l.headV2(d)
	case ListVersions:
		l.headVersions(d)
	case ListUploads:
		l.headUploads(d)
	case ListParts:
		l.headParts(d)
	}
	for k := range l.page.Entries {
		l.entry(d, &l.page.Entries[k])
	}
	for _, p := range l.page.Prefixes {
		d.open("CommonPrefixes")
		d.name("Prefix", p)
		d.close("CommonPrefixes")
	}
	d.close(root)
	return d.b
}

// limits adds what all heads end with.
func (l *Listing) limits(d *document, most string) {
	d.number(most, int64(l.asked.Max))
	d.givenName("Delimiter", l.asked.Delimiter)
	if d.url {
		d.element("EncodingType", "url")
	}
	d.boolean("IsTruncated", l.page.More)
}

func (l *Listing) bucket() string {
	bucket, _ := placeOf(l.request)
	return bucket
}

func (l *Listing) headV1(d *document) {
	d.element("Name", l.bucket())
	d.name("Prefix", l.asked.Prefix)
	d.name("Marker", l.asked.Marker)
	if l.page.More && l.asked.Delimiter != "" { // else the last key is the next marker
		d.name("NextMarker", l.page.Next)
	}
	l.limits(d, "MaxKeys")
}

func (l *Listing) headV2(d *document) {
	d.element("Name", l.bucket())
	d.name("Prefix", l.asked.Prefix)
	d.givenName("StartAfter", l.query.Get("start-after"))
	d.given("ContinuationToken", l.query.Get("continuation-token"))
	if l.page.More {
		d.element("NextContinuationToken", base64.StdEncoding.EncodeToString([]byte(l.page.Next)))
	}
	d.number("KeyCount", int64(len(l.page.Entries)+len(l.page.Prefixes)))
	l.limits(d, "MaxKeys")
}

func (l *Listing) headVersions(d *document) {
	d.element("Name", l.bucket())
	d.name("Prefix", l.asked.Prefix)
	d.name("KeyMarker", l.asked.Marker)
	d.element("VersionIdMarker", l.query.Get("version-id-marker"))
	if l.page.More {
		d.name("NextKeyMarker", l.page.Next)
		if n := len(l.page.Entries); n > 0 && l.page.Entries[n-1].Key == l.page.Next { // a prefix has no version
			d.element("NextVersionIdMarker", nullVersion)
		}
	}
	l.limits(d, "MaxKeys")
}

func (l *Listing) headUploads(d *document) {
	d.element("Bucket", l.bucket())
	d.name("KeyMarker", l.asked.Marker)
	d.element("UploadIdMarker", l.asked.Upload)
	if l.page.More {
		d.name("NextKeyMarker", l.page.Next)
		d.element("NextUploadIdMarker", l.page.Upload)
	}
	d.name("Prefix", l.asked.Prefix)
	l.limits(d, "MaxUploads")
}

func (l *Listing) headParts(d *document) {
	bucket, key := placeOf(l.request)
	d.element("Bucket", bucket)
	d.name("Key", key)
	d.element("UploadId", l.query.Get("uploadId"))
	d.owner("Initiator")
	d.owner("Owner")
	d.element("StorageClass", storageClass)
	d.number("PartNumberMarker", int64(l.asked.Part))
	if n := len(l.page.Entries); n > 0 {
		d.number("NextPartNumberMarker", int64(l.page.Entries[n-1].Part))
	}
	l.limits(d, "MaxParts")
	d.given("ChecksumAlgorithm", l.page.Algorithm.String())
	d.given("ChecksumType", string(l.page.Kind))
}

// nullVersion is the version of an object in a bucket that has none.
const nullVersion = "null"

func (l *Listing) entry(d *document, e *Entry) {
	switch l.kind {
	case ListUploads:
		d.open("Upload")
		d.name("Key", e.Key)
		d.element("UploadId", e.Upload)
		d.owner("Initiator")
		d.owner("Owner")
		d.element("StorageClass", storageClass)
		d.time("Initiated", e.Modified)
		d.close("Upload")
	case ListParts:
		d.open("Part")
		d.number("PartNumber", int64(e.Part))
		d.time("LastModified", e.Modified)
		d.etag(e.ETag)
		d.number("Size", e.Size)
		d.sum(e.Sum)
		d.close("Part")
	default:
		l.object(d, e)
	}
}

func (l *Listing) object(d *document, e *Entry) {
	element := "Contents"
	if l.kind == ListVersions {
		element = "Version"
	}
	d.open(element)
	d.name("Key", e.Key)
	if l.kind == ListVersions {
		d.element("VersionId", nullVersion)
		d.boolean("IsLatest", true)
	}
	d.time("LastModified", e.Modified)
	d.etag(e.ETag)
	d.number("Size", e.Size)
	if l.kind != ListV2 || l.query.Get("fetch-owner") == "true" {
		d.owner("Owner")
	}
	d.element("StorageClass", storageClass)
	d.close(element)
}
