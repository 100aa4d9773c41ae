package s3

import (
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/minio/minio-go/v7"
)

// replies are topics about what replies say, word for word.
var replies = map[string]func(*client){
	"listing, heads":     listingHeads,
	"listing, encoding":  listingEncoded,
	"listing, versions":  listingVersions,
	"listing, uploads":   listingUploads,
	"listing, arguments": listingArguments,
	"settings":           settings,
	"attributes":         attributes,
	"deletes":            deletesSaid,
	"pages of buckets":   bucketPages,
	"errors":             wording,
	"versioning":         versioning,
	"access control":     acls,
	"policy status":      policyStatus,
}

func TestReplies(t *testing.T) {
	t.Parallel()
	g := serve(t, everything...)
	for name, f := range replies {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f(use(t, g))
		})
	}
}

// tree is an XML element: "name(text)" or "name(children)", without attributes.
type tree struct {
	XMLName xml.Name
	Text    string `xml:",chardata"`
	Nodes   []tree `xml:",any"`
}

// leave removes the elements of these names.
func (n tree) leave(names ...string) tree {
	var kept []tree
	for _, c := range n.Nodes {
		out := false
		for _, name := range names {
			out = out || c.XMLName.Local == name
		}
		if !out {
			kept = append(kept, c.leave(names...))
		}
	}
	n.Nodes = kept
	return n
}

func (n tree) String() string {
	var b strings.Builder
	b.WriteString(n.XMLName.Local)
	if len(n.Nodes) == 0 {
		fmt.Fprintf(&b, "(%s)", n.Text)
		return b.String()
	}
	b.WriteByte('(')
	for k, c := range n.Nodes {
		if k > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(c.String())
	}
	b.WriteByte(')')
	return b.String()
}

// parsed is the XML of a reply.
func (c *client) parsed(r *reply) tree {
	c.t.Helper()
	var n tree
	if err := xml.Unmarshal(r.body, &n); err != nil {
		c.t.Fatalf("%v in %q", err, r.body)
	}
	return n
}

const namespace = "http://s3.amazonaws.com/doc/2006-03-01/"

// list returns a listing as one line, without what differs from run to run.
func (c *client) list(query string) string {
	c.t.Helper()
	r := c.expect(http.StatusOK, "", http.MethodGet, c.bucket+"?"+query, nil)
	n := c.parsed(r)
	c.same("namespace", n.XMLName.Space, namespace)
	c.same("content type", r.header.Get("Content-Type"), "application/xml")
	return strings.ReplaceAll(n.leave("LastModified", "Owner", "Initiator", "Initiated", "StorageClass", "ETag", "Size").String(), c.bucket, "BUCKET")
}

func listingHeads(c *client) {
	for _, k := range []string{"a", "b/1", "b/2", "c d+e"} {
		c.put(k, []byte("x"), minio.PutObjectOptions{})
	}
	for query, want := range map[string]string{
		"":                              "ListBucketResult(Name(BUCKET) Prefix() Marker() MaxKeys(1000) IsTruncated(false) Contents(Key(a)) Contents(Key(b/1)) Contents(Key(b/2)) Contents(Key(c d+e)))",
		"max-keys=0":                    "ListBucketResult(Name(BUCKET) Prefix() Marker() MaxKeys(0) IsTruncated(false))",
		"max-keys=2":                    "ListBucketResult(Name(BUCKET) Prefix() Marker() MaxKeys(2) IsTruncated(true) Contents(Key(a)) Contents(Key(b/1)))",
		"max-keys=2&delimiter=/":        "ListBucketResult(Name(BUCKET) Prefix() Marker() NextMarker(b/) MaxKeys(2) Delimiter(/) IsTruncated(true) Contents(Key(a)) CommonPrefixes(Prefix(b/)))",
		"marker=b/&delimiter=/":         "ListBucketResult(Name(BUCKET) Prefix() Marker(b/) MaxKeys(1000) Delimiter(/) IsTruncated(false) Contents(Key(c d+e)))",
		"delimiter=&marker=&prefix=b":   "ListBucketResult(Name(BUCKET) Prefix(b) Marker() MaxKeys(1000) IsTruncated(false) Contents(Key(b/1)) Contents(Key(b/2)))",
		"prefix=/":                      "ListBucketResult(Name(BUCKET) Prefix(/) Marker() MaxKeys(1000) IsTruncated(false))",
		"prefix=/b/&list-type=2":        "ListBucketResult(Name(BUCKET) Prefix(/b/) KeyCount(0) MaxKeys(1000) IsTruncated(false))",
		"marker=/c&prefix=c":            "ListBucketResult(Name(BUCKET) Prefix(c) Marker(/c) MaxKeys(1000) IsTruncated(false) Contents(Key(c d+e)))",
		"list-type=2&max-keys=0":        "ListBucketResult(Name(BUCKET) Prefix() KeyCount(0) MaxKeys(0) IsTruncated(false))",
		"list-type=2&max-keys=5000":     "ListBucketResult(Name(BUCKET) Prefix() KeyCount(4) MaxKeys(1000) IsTruncated(false) Contents(Key(a)) Contents(Key(b/1)) Contents(Key(b/2)) Contents(Key(c d+e)))",
		"list-type=2&start-after=b/1":   "ListBucketResult(Name(BUCKET) Prefix() StartAfter(b/1) KeyCount(2) MaxKeys(1000) IsTruncated(false) Contents(Key(b/2)) Contents(Key(c d+e)))",
		"list-type=2&max-keys=1":        "ListBucketResult(Name(BUCKET) Prefix() NextContinuationToken(YQ==) KeyCount(1) MaxKeys(1) IsTruncated(true) Contents(Key(a)))",
		"list-type=2&delimiter=/":       "ListBucketResult(Name(BUCKET) Prefix() KeyCount(3) MaxKeys(1000) Delimiter(/) IsTruncated(false) Contents(Key(a)) Contents(Key(c d+e)) CommonPrefixes(Prefix(b/)))",
		"list-type=2&delimiter=&prefix": "ListBucketResult(Name(BUCKET) Prefix() KeyCount(4) MaxKeys(1000) IsTruncated(false) Contents(Key(a)) Contents(Key(b/1)) Contents(Key(b/2)) Contents(Key(c d+e)))",
		"list-type=2&continuation-token=" + url.QueryEscape("Yi8x") + "&max-keys=1": "ListBucketResult(Name(BUCKET) Prefix() ContinuationToken(Yi8x) NextContinuationToken(Yi8y) KeyCount(1) MaxKeys(1) IsTruncated(true) Contents(Key(b/2)))",
	} {
		c.same(query, c.list(query), want)
	}
	r := c.expect(http.StatusOK, "", http.MethodGet, c.bucket+"?prefix=a", nil)
	o := c.parsed(r).Nodes[5]
	if got := o.leave("LastModified").String(); !strings.HasPrefix(got, `Contents(Key(a) ETag("9dd4e461268c8034f5c8564e155c67a6") Size(1) Owner(ID(02d6`) || !strings.HasSuffix(got, "StorageClass(STANDARD))") {
		c.t.Errorf("got %s", got)
	}
	c.same("owner", strings.Contains(string(c.send(http.MethodGet, c.bucket+"?list-type=2", nil).body), "<Owner>"), false)
	c.same("owner", strings.Contains(string(c.send(http.MethodGet, c.bucket+"?list-type=2&fetch-owner=true", nil).body), "<Owner>"), true)
	c.expect(http.StatusNotFound, "NoSuchBucket", http.MethodGet, "no-such-bucket?max-keys=0", nil)
}

func listingEncoded(c *client) {
	for _, k := range []string{"p q+/a%b", "p q+/ü&<>\"'", "p q+/z~*(1)"} {
		c.put(k, nil, minio.PutObjectOptions{})
	}
	const keys = "Contents(Key(p%20q%2B/a%25b)) Contents(Key(p%20q%2B/z~*%281%29)) Contents(Key(p%20q%2B/%C3%BC%26%3C%3E%22%27))"
	for query, want := range map[string]string{
		"encoding-type=url&prefix=p+q":                        "ListBucketResult(Name(BUCKET) Prefix(p%20q) Marker() MaxKeys(1000) EncodingType(url) IsTruncated(false) " + keys + ")",
		"encoding-type=url&delimiter=%2B/&marker=+":           "ListBucketResult(Name(BUCKET) Prefix() Marker(%20) MaxKeys(1000) Delimiter(%2B/) EncodingType(url) IsTruncated(false) CommonPrefixes(Prefix(p%20q%2B/)))",
		"list-type=2&encoding-type=url&start-after=p+p":       "ListBucketResult(Name(BUCKET) Prefix() StartAfter(p%20p) KeyCount(3) MaxKeys(1000) EncodingType(url) IsTruncated(false) " + keys + ")",
		"list-type=2&prefix=p+q%2B/a":                         "ListBucketResult(Name(BUCKET) Prefix(p q+/a) KeyCount(1) MaxKeys(1000) IsTruncated(false) Contents(Key(p q+/a%b)))",
		"list-type=2&prefix=p+q%2B/%C3%BC":                    "ListBucketResult(Name(BUCKET) Prefix(p q+/ü) KeyCount(1) MaxKeys(1000) IsTruncated(false) Contents(Key(p q+/ü&<>\"')))",
		"versions&encoding-type=url&max-keys=1&key-marker=p+": "ListVersionsResult(Name(BUCKET) Prefix() KeyMarker(p%20) VersionIdMarker() NextKeyMarker(p%20q%2B/a%25b) NextVersionIdMarker(null) MaxKeys(1) EncodingType(url) IsTruncated(true) Version(Key(p%20q%2B/a%25b) VersionId(null) IsLatest(true)))",
	} {
		c.same(query, c.list(query), want)
	}
}

func listingVersions(c *client) {
	const n = 2003
	for k := range n {
		c.put(fmt.Sprintf("k%04d", k), nil, minio.PutObjectOptions{})
	}
	marker, all, counts := "", "", ""
	for {
		r := c.expect(http.StatusOK, "", http.MethodGet, c.bucket+"?versions&version-id-marker="+map[bool]string{true: "null"}[marker != ""]+"&key-marker="+marker, nil)
		var page struct {
			IsTruncated                        bool
			NextKeyMarker, NextVersionIdMarker string
			MaxKeys                            int
			Version                            []struct{ Key string }
		}
		must(c.t, xml.Unmarshal(r.body, &page))
		c.same("max", page.MaxKeys, 1000)
		for _, v := range page.Version {
			all += v.Key
		}
		counts += fmt.Sprintf("%d %v ", len(page.Version), page.IsTruncated)
		if marker = page.NextKeyMarker; marker == "" {
			break
		}
		c.same("version", page.NextVersionIdMarker, "null")
	}
	c.same("pages", counts, "1000 true 1000 true 3 false ")
	want := ""
	for k := range n {
		want += fmt.Sprintf("k%04d", k)
	}
	c.same("all keys in order", all == want, true)
	c.same("a page after a prefix", c.list("versions&delimiter=1&max-keys=1&prefix=k00"), "ListVersionsResult(Name(BUCKET) Prefix(k00) KeyMarker() VersionIdMarker() NextKeyMarker(k0000) NextVersionIdMarker(null) MaxKeys(1) Delimiter(1) IsTruncated(true) Version(Key(k0000) VersionId(null) IsLatest(true)))")
}

func listingUploads(c *client) {
	ctx := c.t.Context()
	id, err := c.NewMultipartUpload(ctx, c.bucket, "a b+c", minio.PutObjectOptions{})
	must(c.t, err)
	other, err := c.NewMultipartUpload(ctx, c.bucket, "d/e", minio.PutObjectOptions{})
	must(c.t, err)
	fold := func(s string) string { return strings.ReplaceAll(s, id, "ID") }
	c.same("all", fold(c.list("uploads&encoding-type=url&delimiter=/")), "ListMultipartUploadsResult(Bucket(BUCKET) KeyMarker() UploadIdMarker() Prefix() MaxUploads(1000) Delimiter(/) EncodingType(url) IsTruncated(false) Upload(Key(a%20b%2Bc) UploadId(ID)) CommonPrefixes(Prefix(d/)))")
	c.same("page", fold(c.list("uploads&max-uploads=1")), "ListMultipartUploadsResult(Bucket(BUCKET) KeyMarker() UploadIdMarker() NextKeyMarker(a b+c) NextUploadIdMarker(ID) Prefix() MaxUploads(1) IsTruncated(true) Upload(Key(a b+c) UploadId(ID)))")
	const upload = "Upload(Key(a b+c) UploadId(ID))"
	for query, want := range map[string]string{ // markers that do not begin with the prefix
		"uploads&prefix=d&key-marker=a":                            "KeyMarker(a) UploadIdMarker() Prefix(d) MaxUploads(1000) IsTruncated(false) Upload(Key(d/e) UploadId(OTHER))",
		"uploads&prefix=d&key-marker=a&upload-id-marker=x":         "KeyMarker(a) UploadIdMarker(x) Prefix(d) MaxUploads(1000) IsTruncated(false) Upload(Key(d/e) UploadId(OTHER))",
		"uploads&prefix=a&key-marker=b":                            "KeyMarker(b) UploadIdMarker() Prefix(a) MaxUploads(1000) IsTruncated(false)",
		"uploads&prefix=a+&key-marker=%2B&encoding-type=url":       "KeyMarker(%2B) UploadIdMarker() Prefix(a%20) MaxUploads(1000) EncodingType(url) IsTruncated(false) Upload(Key(a%20b%2Bc) UploadId(ID))",
		"uploads&prefix=d/&delimiter=/&key-marker=c":               "KeyMarker(c) UploadIdMarker() Prefix(d/) MaxUploads(1000) Delimiter(/) IsTruncated(false) Upload(Key(d/e) UploadId(OTHER))",
		"uploads&prefix=a&key-marker=0&upload-id-marker=&x-id=ABC": "KeyMarker(0) UploadIdMarker() Prefix(a) MaxUploads(1000) IsTruncated(false) " + upload,
	} {
		c.same(query, strings.ReplaceAll(fold(c.list(query)), other, "OTHER"), "ListMultipartUploadsResult(Bucket(BUCKET) "+want+")")
	}
	c.same("none", c.list("uploads&max-uploads=0"), "ListMultipartUploadsResult(Bucket(BUCKET) KeyMarker() UploadIdMarker() Prefix() MaxUploads(0) IsTruncated(false))")
	r := c.expect(http.StatusOK, "", http.MethodGet, c.bucket+"?uploads&max-uploads=1", nil)
	if got := fold(c.parsed(r).Nodes[8].leave("Initiated", "ID").String()); got != "Upload(Key(a b+c) UploadId(ID) Initiator(DisplayName(minio)) Owner(DisplayName(minio)) StorageClass(STANDARD))" {
		c.t.Errorf("got %s", got)
	}
	for n := 1; n <= 3; n++ {
		c.expect(http.StatusOK, "", http.MethodPut, fmt.Sprintf("%s/a%%20b+c?partNumber=%d&uploadId=%s", c.bucket, n, id), []byte("x"))
	}
	parts := func(query string) string {
		r := c.expect(http.StatusOK, "", http.MethodGet, c.bucket+"/a%20b+c?uploadId="+id+query, nil)
		return strings.ReplaceAll(fold(c.parsed(r).leave("LastModified", "Owner", "Initiator").String()), c.bucket, "BUCKET")
	}
	c.same("parts", parts("&max-parts=1&part-number-marker=1"), `ListPartsResult(Bucket(BUCKET) Key(a b+c) UploadId(ID) StorageClass(STANDARD) PartNumberMarker(1) NextPartNumberMarker(2) MaxParts(1) IsTruncated(true) Part(PartNumber(2) ETag("9dd4e461268c8034f5c8564e155c67a6") Size(1)))`)
	c.same("parts, encoded", parts("&max-parts=5000&part-number-marker=2&encoding-type=url"), `ListPartsResult(Bucket(BUCKET) Key(a%20b%2Bc) UploadId(ID) StorageClass(STANDARD) PartNumberMarker(2) NextPartNumberMarker(3) MaxParts(1000) EncodingType(url) IsTruncated(false) Part(PartNumber(3) ETag("9dd4e461268c8034f5c8564e155c67a6") Size(1)))`)
	c.expect(http.StatusNotFound, "NoSuchUpload", http.MethodGet, c.bucket+"/a%20b+c?uploadId="+strings.Repeat("0", 36), nil)
}

func listingArguments(c *client) {
	for _, query := range []string{
		"max-keys=-1", "max-keys=x", "max-keys=2147483648", "max-keys=99999999999999999999", "list-type=2&max-keys=-1", "versions&max-keys=1.5",
		"encoding-type=base64", "list-type=2&encoding-type=x", "versions&encoding-type=x", "uploads&encoding-type=x",
		"list-type=2&continuation-token=", "list-type=2&continuation-token=%25", "versions&version-id-marker=null",
		"uploads&max-uploads=-1", "uploads&max-uploads=x",
	} {
		c.expect(http.StatusBadRequest, "InvalidArgument", http.MethodGet, c.bucket+"?"+query, nil)
	}
	c.put("k", nil, minio.PutObjectOptions{})
	id, err := c.NewMultipartUpload(c.t.Context(), c.bucket, "k", minio.PutObjectOptions{})
	must(c.t, err)
	for _, query := range []string{"max-parts=-1", "max-parts=x", "part-number-marker=x", "part-number-marker=-1", "encoding-type=x"} {
		c.expect(http.StatusBadRequest, "InvalidArgument", http.MethodGet, c.bucket+"/k?uploadId="+id+"&"+query, nil)
	}
}
