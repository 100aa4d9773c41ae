package interop

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/tags"

	"juicefs/pkg/tests/oracle"
)

// author writes through a gateway and notes in the model what the bucket has to hold then. Any error ends the test.
type author struct {
	*testing.T
	g  *oracle.Gateway
	s3 *minio.Core
	b  *bucket
}

func newAuthor(t *testing.T, g *oracle.Gateway, b *bucket) *author {
	t.Helper()
	return &author{T: t, g: g, s3: g.Core(t), b: b}
}

// makeBucket makes the author's bucket.
func (a *author) makeBucket() {
	a.Helper()
	if err := a.s3.MakeBucket(a.Context(), a.b.name, minio.MakeBucketOptions{}); err != nil {
		a.Fatalf("%s: make bucket %s: %v", a.g.Program.Name, a.b.name, err)
	}
}

// put writes an object in one piece.
func (a *author) put(key string, data []byte, o minio.PutObjectOptions) {
	a.Helper()
	info, err := a.s3.PutObject(a.Context(), a.b.name, key, bytes.NewReader(data), int64(len(data)), "", "", o)
	if err != nil {
		a.Fatalf("%s: put %s: %v", a.g.Program.Name, key, err)
	}
	want := etagOf(data)
	if info.ETag != want {
		a.Errorf("%s: put %s: ETag %q, want %q", a.g.Program.Name, key, info.ETag, want)
	}
	a.b.set(key, &object{data: data, etag: want, tags: o.UserTags, header: a.header(o)})
}

// header returns what GET and HEAD have to answer with for what was sent.
func (a *author) header(o minio.PutObjectOptions) http.Header {
	h := o.Header()
	h.Del("X-Amz-Tagging")
	if a.g.Program.Original {
		// The original keeps Content-Type, Cache-Control and Content-Disposition, and drops these.
		h.Del("Content-Encoding")
		h.Del("Content-Language")
	}
	return h
}

// mkdir writes a directory object.
func (a *author) mkdir(key string) {
	a.Helper()
	o := minio.PutObjectOptions{
		ContentType:  "application/x-folder",
		UserMetadata: map[string]string{"Folder": key},
		UserTags:     map[string]string{"folder": "yes"},
	}
	if _, err := a.s3.PutObject(a.Context(), a.b.name, key, bytes.NewReader(nil), 0, "", "", o); err != nil {
		a.Fatalf("%s: put %s: %v", a.g.Program.Name, key, err)
	}
	if a.g.Program.Original {
		a.b.set(key, &object{}) // ETag, type, metadata and tags of directory objects are lost
	} else {
		a.b.set(key, &object{etag: etagOf(nil), tags: o.UserTags, header: a.header(o)})
	}
}

// copied copies an object of the author's bucket. With o, the copy gets o's metadata; without, the source's.
func (a *author) copied(src, dst string, o *minio.PutObjectOptions) {
	a.Helper()
	from := a.b.objects[src]
	to := &object{data: from.data, tags: from.tags, header: from.header}
	directives := map[string]string{}
	if o != nil {
		to.tags, to.header = o.UserTags, a.header(*o)
		directives["X-Amz-Metadata-Directive"] = "REPLACE"
		directives["X-Amz-Tagging-Directive"] = "REPLACE"
		for k, v := range o.Header() {
			directives[k] = v[0]
		}
	}
	info, err := a.s3.CopyObject(a.Context(), a.b.name, src, a.b.name, dst, directives, minio.CopySrcOptions{}, minio.PutObjectOptions{})
	if err != nil {
		a.Fatalf("%s: copy %s to %s: %v", a.g.Program.Name, src, dst, err)
	}
	// Nothing is read to copy, so what was completed from parts keeps the ETag of its parts.
	to.etag = from.etag
	if info.ETag != to.etag {
		a.Errorf("%s: copy %s to %s: ETag %q, want %q", a.g.Program.Name, src, dst, info.ETag, to.etag)
	}
	a.b.set(dst, to)
}

// parts writes an object in parts.
func (a *author) parts(key string, parts [][]byte, o minio.PutObjectOptions) {
	a.Helper()
	u := a.begin(key, o)
	for i, data := range parts {
		u.part(a, i+1, data)
	}
	u.complete(a)
}

// tag replaces the tags of an object; nil removes them.
func (a *author) tag(key string, set map[string]string) {
	a.Helper()
	var err error
	if set == nil {
		err = a.s3.RemoveObjectTagging(a.Context(), a.b.name, key, minio.RemoveObjectTaggingOptions{})
	} else {
		var tt *tags.Tags
		if tt, err = tags.NewTags(set, true); err == nil {
			err = a.s3.PutObjectTagging(a.Context(), a.b.name, key, tt, minio.PutObjectTaggingOptions{})
		}
	}
	if err != nil {
		a.Fatalf("%s: tag %s: %v", a.g.Program.Name, key, err)
	}
	o := *a.b.objects[key] // copies share it
	o.tags = set
	a.b.set(key, &o)
}

// remove removes objects one by one.
func (a *author) remove(keys ...string) {
	a.Helper()
	for _, key := range keys {
		if err := a.s3.RemoveObject(a.Context(), a.b.name, key, minio.RemoveObjectOptions{}); err != nil {
			a.Fatalf("%s: remove %s: %v", a.g.Program.Name, key, err)
		}
		a.b.drop(key)
	}
}

// removeMany removes objects with one request.
func (a *author) removeMany(keys ...string) {
	a.Helper()
	objects := make(chan minio.ObjectInfo, len(keys))
	for _, key := range keys {
		objects <- minio.ObjectInfo{Key: key}
	}
	close(objects)
	for e := range a.s3.RemoveObjects(a.Context(), a.b.name, objects, minio.RemoveObjectsOptions{}) {
		a.Errorf("%s: remove many: %s: %v", a.g.Program.Name, e.ObjectName, e.Err)
	}
	for _, key := range keys {
		a.b.drop(key)
	}
	if a.g.Program.Original {
		a.b.allowLeftovers() // it leaves the parents of what it removes this way
	}
}

// upload is a multipart upload under way. Any author of the bucket may go on with it.
type upload struct {
	key, id string
	o       minio.PutObjectOptions
	header  http.Header
	data    map[int][]byte // by part number
	etags   map[int]string
}

// begin begins an upload.
func (a *author) begin(key string, o minio.PutObjectOptions) *upload {
	a.Helper()
	id, err := a.s3.NewMultipartUpload(a.Context(), a.b.name, key, o)
	if err != nil {
		a.Fatalf("%s: begin upload of %s: %v", a.g.Program.Name, key, err)
	}
	return &upload{key: key, id: id, o: o, header: a.header(o), data: map[int][]byte{}, etags: map[int]string{}}
}

// part sends a part.
func (u *upload) part(a *author, n int, data []byte) {
	a.Helper()
	p, err := a.s3.PutObjectPart(a.Context(), a.b.name, u.key, u.id, n, bytes.NewReader(data), int64(len(data)), "", "", nil)
	if err != nil {
		a.Fatalf("%s: part %d of %s: %v", a.g.Program.Name, n, u.key, err)
	}
	u.data[n], u.etags[n] = data, p.ETag
	if want := etagOf(data); p.ETag != want {
		a.Errorf("%s: part %d of %s: ETag %q, want %q", a.g.Program.Name, n, u.key, p.ETag, want)
	}
}

// partCopy makes a part of n bytes of an object of the bucket; n < 0: all of it.
func (u *upload) partCopy(a *author, number int, src string, off, n int64) {
	a.Helper()
	data := a.b.objects[src].data
	end := int64(len(data))
	if n >= 0 {
		end = off + n
	}
	p, err := a.s3.CopyObjectPart(a.Context(), a.b.name, src, a.b.name, u.key, u.id, number, off, n, nil)
	if err != nil {
		a.Fatalf("%s: part %d of %s as a copy: %v", a.g.Program.Name, number, u.key, err)
	}
	etag := strings.Trim(p.ETag, `"`)
	u.data[number], u.etags[number] = data[off:end], etag
	if want := etagOf(data[off:end]); etag != want {
		a.Errorf("%s: part %d of %s as a copy: ETag %q, want %q", a.g.Program.Name, number, u.key, etag, want)
	}
}

// complete ends the upload with all parts that were sent.
func (u *upload) complete(a *author) {
	a.Helper()
	var list []minio.CompletePart
	var parts [][]byte
	for n := 1; len(list) < len(u.data); n++ {
		if data, ok := u.data[n]; ok {
			list = append(list, minio.CompletePart{PartNumber: n, ETag: u.etags[n]})
			parts = append(parts, data)
		}
	}
	etag, err := a.s3.CompleteMultipartUpload(a.Context(), a.b.name, u.key, u.id, list)
	if err != nil {
		a.Fatalf("%s: complete upload of %s: %v", a.g.Program.Name, u.key, err)
	}
	want := etagOfParts(parts)
	if etag = strings.Trim(etag, `"`); etag != want {
		a.Errorf("%s: complete upload of %s: ETag %q, want %q", a.g.Program.Name, u.key, etag, want)
	}
	a.b.set(u.key, &object{data: bytes.Join(parts, nil), etag: want, tags: u.o.UserTags, header: u.header})
}
