package interop

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/minio/minio-go/v7"

	"juicefs/pkg/tests/oracle"
)

// verify compares all that g shows of a bucket with the model.
func verify(t *testing.T, g *oracle.Gateway, b *bucket) {
	t.Helper()
	r := &reader{T: t, g: g, s3: g.Core(t), b: b}
	for _, key := range b.keys() {
		r.object(key, b.objects[key])
	}
	for key := range b.absent {
		if _, err := r.s3.StatObject(t.Context(), b.name, key, minio.StatObjectOptions{}); code(err) != "NoSuchKey" {
			t.Errorf("%s: HEAD of removed %s: %v, want NoSuchKey", g.Program.Name, key, err)
		}
	}
	r.listing()
}

// reader reads through a gateway and reports what differs from the model.
type reader struct {
	*testing.T
	g  *oracle.Gateway
	s3 *minio.Core
	b  *bucket
}

// object compares what HEAD, GET, GET of ranges and GET of tags show of a key.
func (r *reader) object(key string, want *object) {
	r.Helper()
	info, err := r.s3.StatObject(r.Context(), r.b.name, key, minio.StatObjectOptions{})
	if err != nil {
		r.Errorf("%s: HEAD %s: %v", r.g.Program.Name, key, err)
		return
	}
	r.compare("HEAD "+key, info, want)
	if strings.HasSuffix(key, "/") {
		return // nothing in it, and its time changes with what is below
	}
	if want.modified.IsZero() {
		want.modified = info.LastModified
	}
	if !info.LastModified.Equal(want.modified) || info.LastModified.IsZero() {
		r.Errorf("%s: HEAD %s: modified at %v, want %v", r.g.Program.Name, key, info.LastModified, want.modified)
	}
	data, header, err := r.get(key, minio.GetObjectOptions{})
	if err != nil {
		r.Errorf("%s: GET %s: %v", r.g.Program.Name, key, err)
		return
	}
	r.compare("GET "+key, header, want)
	if !bytes.Equal(data, want.data) {
		r.Errorf("%s: GET %s: %s", r.g.Program.Name, key, difference(data, want.data))
	}
	for _, rg := range ranges(int64(len(want.data))) {
		r.part(key, rg[0], rg[1], want)
	}
	set, err := r.s3.GetObjectTagging(r.Context(), r.b.name, key, minio.GetObjectTaggingOptions{})
	if err != nil {
		r.Errorf("%s: tags of %s: %v", r.g.Program.Name, key, err)
		return
	}
	if d := cmp.Diff(set.ToMap(), want.tags, equalEmpty); d != "" {
		r.Errorf("%s: tags of %s: -got +want\n%s", r.g.Program.Name, key, d)
	}
}

// part compares what GET shows of the bytes from first to last.
func (r *reader) part(key string, first, last int64, want *object) {
	r.Helper()
	var o minio.GetObjectOptions
	if err := o.SetRange(first, last); err != nil {
		r.Fatal(err)
	}
	data, _, err := r.get(key, o)
	if err != nil {
		r.Errorf("%s: GET %s, bytes %d to %d: %v", r.g.Program.Name, key, first, last, err)
	} else if want := want.data[first : last+1]; !bytes.Equal(data, want) {
		r.Errorf("%s: GET %s, bytes %d to %d: %s", r.g.Program.Name, key, first, last, difference(data, want))
	}
}

// compare compares what the headers of a reply say.
func (r *reader) compare(what string, got minio.ObjectInfo, want *object) {
	r.Helper()
	if got.Size != int64(len(want.data)) {
		r.Errorf("%s: %s: %d bytes, want %d", r.g.Program.Name, what, got.Size, len(want.data))
	}
	if strings.HasSuffix(what, "/") && r.g.Program.Original {
		return // the original shows neither ETag nor metadata of directory objects
	}
	if want.etag != "" && got.ETag != want.etag {
		r.Errorf("%s: %s: ETag %q, want %q", r.g.Program.Name, what, got.ETag, want.etag)
	}
	if want.header == nil {
		return
	}
	meta := http.Header{}
	for k, v := range got.Metadata {
		if kept(k) {
			meta[k] = v
		}
	}
	meta.Set("Content-Type", got.ContentType)
	if d := cmp.Diff(meta, want.header); d != "" {
		r.Errorf("%s: %s: headers: -got +want\n%s", r.g.Program.Name, what, d)
	}
	if got.UserTagCount != len(want.tags) {
		r.Errorf("%s: %s: %d tags, want %d", r.g.Program.Name, what, got.UserTagCount, len(want.tags))
	}
}

// kept says whether a header of a reply is one that a client once sent with the object.
func kept(name string) bool {
	switch name {
	case "Cache-Control", "Content-Disposition", "Content-Encoding", "Content-Language", "Content-Type":
		return true
	}
	return strings.HasPrefix(name, "X-Amz-Meta-")
}

func (r *reader) get(key string, o minio.GetObjectOptions) (data []byte, info minio.ObjectInfo, err error) {
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	body, info, _, err := r.s3.GetObject(ctx, r.b.name, key, o)
	if err != nil {
		return nil, info, err
	}
	defer func() { _ = body.Close() }() // read to its end, or broken anyway
	data, err = readAll(body, info.Size)
	return data, info, err
}

// readAll reads to the end of what should be so many bytes. A buffer that grows to a large object costs more than the request.
func readAll(r io.Reader, size int64) ([]byte, error) {
	data := bytes.NewBuffer(make([]byte, 0, max(size, 0)+bytes.MinRead))
	_, err := data.ReadFrom(r)
	return data.Bytes(), err
}

// listing compares what listings show, page by page and with the delimiter slash.
func (r *reader) listing() {
	r.Helper()
	line := func(key string, size int64, etag string) string {
		// The original has no ETags of directory objects, and of some others it is not known.
		if o := r.b.objects[key]; o != nil && (o.etag == "" || strings.HasSuffix(key, "/") && r.g.Program.Original) {
			etag = ""
		}
		return fmt.Sprintf("%s %d %s", key, size, etag)
	}
	var want []string
	for _, key := range r.b.keys() {
		o := r.b.objects[key]
		want = append(want, line(key, int64(len(o.data)), o.etag))
	}
	var got []string
	for _, o := range r.list("", "") {
		if r.b.leftovers[o.Key] && r.b.objects[o.Key] == nil {
			continue
		}
		got = append(got, line(o.Key, o.Size, strings.Trim(o.ETag, `"`)))
	}
	if d := cmp.Diff(got, want, equalEmpty); d != "" {
		r.Errorf("%s: list of %s: -got +want\n%s", r.g.Program.Name, r.b.name, d)
	}
	_, dirs := r.b.page("")
	for _, prefix := range append(dirs, "") {
		keys, prefixes := r.b.page(prefix)
		want := slices.Concat(keys, prefixes)
		var got []string
		for _, o := range r.list(prefix, "/") {
			if o.Key == prefix || r.b.leftovers[o.Key] && !slices.Contains(want, o.Key) {
				continue // a directory object lists itself too
			}
			got = append(got, o.Key)
		}
		slices.Sort(want)
		slices.Sort(got)
		if d := cmp.Diff(got, want, equalEmpty); d != "" {
			r.Errorf("%s: list of %s below %q with a delimiter: -got +want\n%s", r.g.Program.Name, r.b.name, prefix, d)
		}
	}
}

// list returns everything below a prefix, in small pages.
func (r *reader) list(prefix, delimiter string) []minio.ObjectInfo {
	r.Helper()
	const page = 5
	var all []minio.ObjectInfo
	token := ""
	for {
		res, err := r.s3.ListObjectsV2(r.b.name, prefix, token, false, delimiter, page)
		if err != nil {
			r.Errorf("%s: list of %s below %q: %v", r.g.Program.Name, r.b.name, prefix, err)
			return all
		}
		all = append(all, res.Contents...)
		for _, p := range res.CommonPrefixes {
			all = append(all, minio.ObjectInfo{Key: p.Prefix})
		}
		if n := len(res.Contents) + len(res.CommonPrefixes); n > page {
			r.Errorf("%s: list of %s below %q: %d in a page of %d", r.g.Program.Name, r.b.name, prefix, n, page)
		}
		if !res.IsTruncated {
			return all
		}
		token = res.NextContinuationToken
	}
}

// equalEmpty makes nil and empty maps and slices equal.
var equalEmpty = cmp.FilterValues(func(x, y any) bool { return size(x) == 0 && size(y) == 0 }, cmp.Ignore())

func size(x any) int {
	switch x := x.(type) {
	case []string:
		return len(x)
	case map[string]string:
		return len(x)
	}
	return 1
}

// ranges returns first and last bytes worth asking for in an object of n bytes: its ends, and what lies across the borders of
// blocks and chunks.
func ranges(n int64) [][2]int64 {
	const block, chunk = 4 << 20, 64 << 20
	var list [][2]int64
	for _, r := range [][2]int64{{0, 0}, {n - 1, n - 1}, {n / 3, n / 2}, {block - 10, block + 10}, {chunk - 10, chunk + 10}, {chunk - 1, n - 1}, {chunk, chunk}} {
		if 0 <= r[0] && r[0] <= r[1] && r[1] < n {
			list = append(list, r)
		}
	}
	return list
}

// difference says where two byte slices part.
func difference(got, want []byte) string {
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			return fmt.Sprintf("%d bytes, want %d; the first difference is at %d", len(got), len(want), i)
		}
	}
	return fmt.Sprintf("%d bytes, want %d; equal so far", len(got), len(want))
}

// code returns the S3 code of an error.
func code(err error) string { return minio.ToErrorResponse(err).Code }
