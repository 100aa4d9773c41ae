package s3

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"

	"juicefs/pkg/tests/oracle"
)

// topics are what one gateway with everything on answers.
var topics = map[string]func(*client){
	"sizes":                           sizes,
	"headers and metadata":            headers,
	"directory objects":               directoryObjects,
	"a and a slash":                   aAndASlash,
	"delete many":                     deleteMany,
	"conflicts of the file tree":      treeConflicts,
	"keys that no file tree has":      oddKeys,
	"listing":                         listing,
	"pages of at most 1000":           pages,
	"versions":                        versions,
	"puts beside deletes":             putsBesideDeletes,
	"ranges":                          ranges,
	"copies":                          copies,
	"tags":                            tagging,
	"headers that a query asks for":   askedHeaders,
	"multipart":                       multipart,
	"multipart, parts and their key":  multipartErrors,
	"multipart, listings":             multipartListings,
	"multipart, copied parts":         partCopies,
	"uploads die with their bucket":   uploadsDie,
	"buckets":                         bucketCalls,
	"server metadata is out of reach": outOfReach,
}

// settleTime is how long the data of deleted objects may take to go.
const settleTime = time.Minute

// TestObjects goes through all topics and has the real JuiceFS judge the volume afterwards, with trash and without.
func TestObjects(t *testing.T) {
	for name, days := range map[string]int{"without trash": 0, "with trash": 1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := oracle.Ours(t)
			v := oracle.Format(t, p, oracle.FormatOptions{TrashDays: days})
			g := oracle.Start(t, p, v, oracle.GatewayOptions{Flags: everything})
			t.Run("topics", func(t *testing.T) {
				for name, f := range topics {
					t.Run(name, func(t *testing.T) {
						t.Parallel()
						f(use(t, g))
					})
				}
			})
			v.Settle(t, settleTime)
			g.Stop(t)
			oracle.Judge(t, v)
		})
	}
}

func sizes(c *client) {
	for _, n := range []int{0, 1, 4096, 5 << 20, 9<<20 + 1} {
		key, data := fmt.Sprintf("d/%d", n), noise(n)
		c.same("tag", c.put(key, data, minio.PutObjectOptions{}), md5Hex(data))
		if got := c.get(key); !bytes.Equal(got, data) {
			c.t.Errorf("%d bytes: got %d others", n, len(got))
		}
		oi, err := c.StatObject(c.t.Context(), c.bucket, key, minio.StatObjectOptions{})
		must(c.t, err)
		c.same("tag", oi.ETag, md5Hex(data))
		c.same("size", oi.Size, int64(n))
	}
	c.put("d/1", []byte("again"), minio.PutObjectOptions{})
	c.same("replaced", string(c.get("d/1")), "again")
}

// headers: those of HTTP and of the user are kept, of objects and of directory objects.
func headers(c *client) {
	for _, key := range []string{"object", "dir/"} {
		r := c.expect(http.StatusOK, "", http.MethodPut, c.bucket+"/"+key, nil, "Content-Type", "x/y", "Content-Encoding", "gzip", "Content-Language", "de",
			"Content-Disposition", "inline", "Cache-Control", "no-cache", "Expires", "Thu, 01 Dec 2033 16:00:00 GMT", "X-Amz-Meta-Some-Key", "v w", "X-Amz-Tagging", "a=b&c=d")
		c.same("tag", r.header.Get("Etag"), `"`+md5Hex(nil)+`"`)
		for _, method := range []string{http.MethodHead, http.MethodGet} {
			h := c.expect(http.StatusOK, "", method, c.bucket+"/"+key, nil, "Accept-Encoding", "gzip").header
			for name, want := range map[string]string{"Content-Type": "x/y", "Content-Encoding": "gzip", "Content-Language": "de", "Content-Disposition": "inline",
				"Cache-Control": "no-cache", "Expires": "Thu, 01 Dec 2033 16:00:00 GMT", "X-Amz-Meta-Some-Key": "v w", "X-Amz-Tagging-Count": "2"} {
				c.same(method+" "+key+" "+name, h.Get(name), want)
			}
		}
	}
}

func directoryObjects(c *client) {
	c.put("d/e/", nil, minio.PutObjectOptions{})
	c.put("d/f", []byte("x"), minio.PutObjectOptions{})
	c.same("listing", c.keys("", ""), "d/e/ d/f")
	c.same("grouped", c.keys("d/", "/"), "d/f [d/e/]")
	c.same("implicit", c.there("d/"), false)
	c.expect(http.StatusConflict, "XMinioObjectExistsAsDirectory", http.MethodPut, c.bucket+"/with/data/", []byte("x"))
	c.same("left behind", c.there("with/data/"), false)
	must(c.t, c.RemoveObject(c.t.Context(), c.bucket, "d/f", minio.RemoveObjectOptions{}))
	c.same("a directory object outlives what is beside it", c.keys("", ""), "d/e/")
	must(c.t, c.RemoveObject(c.t.Context(), c.bucket, "d/e/", minio.RemoveObjectOptions{}))
	c.same("listing", c.keys("", "/"), "")
}

// aAndASlash: they are two keys.
func aAndASlash(c *client) {
	c.put("a", []byte("x"), minio.PutObjectOptions{})
	c.put("b/", nil, minio.PutObjectOptions{})
	c.expect(http.StatusNoContent, "", http.MethodDelete, c.bucket+"/a/", nil)
	c.expect(http.StatusNoContent, "", http.MethodDelete, c.bucket+"/b", nil)
	c.expect(http.StatusNoContent, "", http.MethodDelete, c.bucket+"/c", nil)
	c.expect(http.StatusNotFound, "", http.MethodHead, c.bucket+"/a/", nil)
	c.expect(http.StatusNotFound, "NoSuchKey", http.MethodGet, c.bucket+"/b", nil)
	c.same("listing", c.keys("", ""), "a b/")
}

// deleteMany: each key is answered by name, and emptied parents go.
func deleteMany(c *client) {
	for _, key := range []string{"d/e/f", "d/e/g", "d/e/", "h", "i/j"} {
		c.put(key, nil, minio.PutObjectOptions{})
	}
	d := c.deleteMany(false, "d/e/f", "d/e/g", "h", "never/there", "../"+c.bucket+"/i/j")
	var names []string
	for _, o := range d.Deleted {
		if o.Key != "" { // the handler has an empty one where there was an error
			names = append(names, o.Key)
		}
	}
	slices.Sort(names)
	c.same("names", strings.Join(names, " "), "d/e/f d/e/g h never/there")
	if len(d.Error) != 1 || d.Error[0].Key != "../"+c.bucket+"/i/j" {
		c.t.Errorf("a name that leads out of the bucket: %+v", d.Error)
	}
	c.same("listing", c.keys("", ""), "d/e/ i/j")
	d = c.deleteMany(true, "d/e/", "i/j")
	c.same("quiet", len(d.Deleted)+len(d.Error), 0)
	c.same("listing", c.keys("", "/"), "")
	must(c.t, c.RemoveBucket(c.t.Context(), c.bucket))
}

// treeConflicts: what a file tree cannot hold is refused.
func treeConflicts(c *client) {
	c.put("a", []byte("x"), minio.PutObjectOptions{})
	c.put("d/e", []byte("x"), minio.PutObjectOptions{})
	c.expect(http.StatusBadRequest, "XMinioParentIsObject", http.MethodPut, c.bucket+"/a/b", []byte("y"))
	c.expect(http.StatusBadRequest, "XMinioParentIsObject", http.MethodPut, c.bucket+"/a/", nil)
	c.expect(http.StatusConflict, "XMinioObjectExistsAsDirectory", http.MethodPut, c.bucket+"/d", []byte("y"))
	c.expect(http.StatusNotFound, "NoSuchKey", http.MethodGet, c.bucket+"/a/b", nil)
	c.same("listing", c.keys("", ""), "a d/e")
}

func oddKeys(c *client) {
	good := []string{"plain", "with space", "plus+percent%25", "tab\tnewline", `back\slash`, "üñí/☃/😀", "dots...", "...", "trailing. ", `*"<>?#|`,
		strings.Repeat("x", 255), strings.Repeat("y/", 510) + "zz"}
	for _, key := range good {
		c.put(key, []byte(key), minio.PutObjectOptions{})
		c.same("data", string(c.get(key)), key)
	}
	for _, key := range []string{strings.Repeat("x", 256), strings.Repeat("y/", 512) + "z"} {
		c.expect(http.StatusBadRequest, "KeyTooLongError", http.MethodPut, c.bucket+"/"+key, nil)
	}
	c.expect(http.StatusBadRequest, "InvalidURI", http.MethodPut, c.bucket+"/a//b", nil)
	c.expect(http.StatusNotFound, "NoSuchKey", http.MethodGet, c.bucket+"/a//b", nil)
	c.expect(http.StatusNoContent, "", http.MethodDelete, c.bucket+"/a//b", nil)
	c.expect(http.StatusBadRequest, "", http.MethodPut, c.bucket+"/a%00b", nil)
	r, err := c.ListObjectsV2(c.bucket, "", "", false, "", 1000)
	must(c.t, err)
	c.same("keys", len(r.Contents), len(good))
}

// listing: prefixes, delimiters and markers.
func listing(c *client) {
	for _, key := range []string{"a", "a-b/1", "a.txt", "b/1", "b/2/x", "b/3", "c/"} {
		c.put(key, nil, minio.PutObjectOptions{})
	}
	c.same("byte order", c.keys("", ""), "a a-b/1 a.txt b/1 b/2/x b/3 c/")
	c.same("delimiter", c.keys("", "/"), "a a.txt [a-b/] [b/] [c/]")
	c.same("prefix", c.keys("b/", "/"), "b/1 b/3 [b/2/]")
	c.same("other delimiter", c.keys("", "-"), "a a.txt b/1 b/2/x b/3 c/ [a-]")
	c.same("nothing", c.keys("q", ""), "")
	for _, version := range []string{"list-type=2&", ""} {
		body := string(c.expect(http.StatusOK, "", http.MethodGet, c.bucket+"?"+version+"max-keys=0", nil).body)
		if strings.Contains(body, "<Contents>") || strings.Contains(body, "<IsTruncated>true") {
			c.t.Errorf("max-keys=0 lists: %s", body)
		}
	}
	c.expect(http.StatusNotFound, "NoSuchBucket", http.MethodGet, "no-such-bucket?list-type=2", nil)
}

func pages(c *client) {
	var wg sync.WaitGroup
	for k := range 8 {
		wg.Go(func() {
			for n := k; n < 1005; n += 8 {
				c.put(fmt.Sprintf("d%d/k%04d", n%2, n), nil, minio.PutObjectOptions{})
			}
		})
	}
	wg.Wait()
	var all []string
	marker, n := "", 0
	for {
		r, err := c.ListObjects(c.bucket, "", marker, "", 0)
		must(c.t, err)
		if len(r.Contents) > 1000 {
			c.t.Fatalf("%d keys in a page", len(r.Contents))
		}
		n++
		for _, o := range r.Contents {
			all = append(all, o.Key)
		}
		if !r.IsTruncated {
			break
		}
		marker = all[len(all)-1]
	}
	c.same("keys", len(all), 1005)
	c.same("in order", slices.IsSorted(all), true)
}

// versions: ListObjectVersions has every object as its only version.
func versions(c *client) {
	for k := range 5 {
		c.put(fmt.Sprintf("k%d", k), nil, minio.PutObjectOptions{})
	}
	var got []string
	query, n := "", 0
	for n = range 5 {
		r := c.expect(http.StatusOK, "", http.MethodGet, c.bucket+"?versions=&max-keys=2"+query, nil)
		got = append(got, between(string(r.body), "<Key>", "</Key>")...)
		if !strings.Contains(string(r.body), "<IsTruncated>true") {
			break
		}
		query = "&key-marker=" + between(string(r.body), "<NextKeyMarker>", "</NextKeyMarker>")[0] +
			"&version-id-marker=" + between(string(r.body), "<NextVersionIdMarker>", "</NextVersionIdMarker>")[0]
	}
	c.same("keys", strings.Join(got, " "), "k0 k1 k2 k3 k4")
	c.same("pages", n+1, 3)
	c.expect(http.StatusNotFound, "NoSuchVersion", http.MethodGet, c.bucket+"/k0?versionId=0a1b2c3d-0000-4000-8000-00000000abcd", nil)
	c.expect(http.StatusOK, "", http.MethodGet, c.bucket+"/k0?versionId=null", nil)
	c.expect(http.StatusNoContent, "", http.MethodDelete, c.bucket+"/k0?versionId=0a1b2c3d-0000-4000-8000-00000000abcd", nil)
	c.same("still there", c.there("k0"), true)
}

// between returns all that stands between two marks.
func between(s, from, to string) []string {
	var found []string
	for {
		_, rest, ok := strings.Cut(s, from)
		if !ok {
			return found
		}
		inner, rest, ok := strings.Cut(rest, to)
		if !ok {
			return found
		}
		found, s = append(found, inner), rest
	}
}

// putsBesideDeletes: a PUT never fails because the directory is being emptied.
func putsBesideDeletes(c *client) {
	const rounds = 50
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			key := fmt.Sprintf("shared/dir/%d", w)
			for range rounds {
				if _, err := c.PutObject(c.t.Context(), c.bucket, key, strings.NewReader("x"), 1, "", "", minio.PutObjectOptions{}); err != nil {
					c.t.Errorf("put: %v", err)
				}
				if err := c.RemoveObject(c.t.Context(), c.bucket, key, minio.RemoveObjectOptions{}); err != nil {
					c.t.Errorf("delete: %v", err)
				}
			}
		})
	}
	wg.Wait()
	c.same("listing", c.keys("", "/"), "")
}

func ranges(c *client) {
	data := noise(5<<20 + 3)
	c.put("a", data, minio.PutObjectOptions{})
	for spec, want := range map[string][]byte{
		"bytes=0-0": data[:1], "bytes=4194303-4194304": data[4194303:4194305], "bytes=5242880-": data[5<<20:], "bytes=-5": data[len(data)-5:],
		"bytes=0-99999999": data,
	} {
		r := c.expect(http.StatusPartialContent, "", http.MethodGet, c.bucket+"/a", nil, "Range", spec)
		if !bytes.Equal(r.body, want) {
			c.t.Errorf("%s: got %d bytes", spec, len(r.body))
		}
	}
	c.expect(http.StatusRequestedRangeNotSatisfiable, "InvalidRange", http.MethodGet, c.bucket+"/a", nil, "Range", "bytes=99999999-")
}

func copies(c *client) {
	data := noise(5 << 20)
	c.put("src", data, minio.PutObjectOptions{ContentType: "x/y", UserMetadata: map[string]string{"K": "v"}, UserTags: map[string]string{"a": "b"}})
	src := c.bucket + "/src"
	r := c.expect(http.StatusOK, "", http.MethodPut, c.bucket+"/d/copy", nil, "X-Amz-Copy-Source", src)
	c.same("tag", strings.Contains(string(r.body), md5Hex(data)), true)
	h := c.expect(http.StatusOK, "", http.MethodHead, c.bucket+"/d/copy", nil).header
	c.same("type", h.Get("Content-Type"), "x/y")
	c.same("metadata", h.Get("X-Amz-Meta-K"), "v")
	c.same("tags", h.Get("X-Amz-Tagging-Count"), "1")
	c.expect(http.StatusOK, "", http.MethodPut, c.bucket+"/d/copy", nil, "X-Amz-Copy-Source", src, "X-Amz-Metadata-Directive", "REPLACE", "X-Amz-Meta-L", "w",
		"X-Amz-Tagging-Directive", "REPLACE", "X-Amz-Tagging", "c=d&e=f")
	h = c.expect(http.StatusOK, "", http.MethodHead, c.bucket+"/d/copy", nil).header
	c.same("metadata", h.Get("X-Amz-Meta-K")+h.Get("X-Amz-Meta-L"), "w")
	c.same("tags", h.Get("X-Amz-Tagging-Count"), "2")
	c.expect(http.StatusOK, "", http.MethodPut, c.bucket+"/src", nil, "X-Amz-Copy-Source", src, "X-Amz-Metadata-Directive", "REPLACE", "X-Amz-Meta-M", "x")
	c.same("metadata", c.expect(http.StatusOK, "", http.MethodHead, c.bucket+"/src", nil).header.Get("X-Amz-Meta-M"), "x")
	if !bytes.Equal(c.get("src"), data) || !bytes.Equal(c.get("d/copy"), data) {
		c.t.Error("other data")
	}
	c.expect(http.StatusNotFound, "NoSuchKey", http.MethodPut, c.bucket+"/x", nil, "X-Amz-Copy-Source", c.bucket+"/none")
	c.copiesOfVersions(src, md5Hex(data))
	c.expect(http.StatusNotFound, "NoSuchBucket", http.MethodPut, c.bucket+"/x", nil, "X-Amz-Copy-Source", "no-such-bucket/none")
	c.expect(http.StatusNotFound, "NoSuchBucket", http.MethodPut, "no-such-bucket/x", nil, "X-Amz-Copy-Source", src)
}

// copiesOfVersions: an object has one version, whose name is "null".
func (c *client) copiesOfVersions(src, sum string) {
	id, err := c.NewMultipartUpload(c.t.Context(), c.bucket, "versions/part", minio.PutObjectOptions{})
	must(c.t, err)
	for _, q := range []struct {
		version, code string
		status        int
	}{
		{"?versionId=null", "", 200}, {"?versionId=", "", 200},
		{"?versionId=0a1b2c3d-0000-4000-8000-00000000abcd", "NoSuchVersion", 404}, {"?versionId=no", "InvalidArgument", 400},
		{"?versionId=null&acl", "InvalidArgument", 400}, {"?other=x", "InvalidArgument", 400}, {"#x", "InvalidArgument", 400},
	} {
		for _, target := range []string{"versions/whole", "versions/part?partNumber=1&uploadId=" + id} {
			c.expect(q.status, q.code, http.MethodPut, c.bucket+"/"+target, nil, "X-Amz-Copy-Source", src+q.version)
			if target == "versions/whole" {
				c.same("copied", c.there(target), q.status == 200)
			}
		}
		if q.status == 200 {
			c.same("data", md5Hex(c.get("versions/whole")), sum)
			must(c.t, c.RemoveObject(c.t.Context(), c.bucket, "versions/whole", minio.RemoveObjectOptions{}))
		}
	}
	must(c.t, c.AbortMultipartUpload(c.t.Context(), c.bucket, "versions/part", id))
}

// tagging: tags are set, read and removed.
func tagging(c *client) {
	c.put("a", nil, minio.PutObjectOptions{})
	tags := []byte(`<Tagging><TagSet><Tag><Key>k</Key><Value>v w</Value></Tag></TagSet></Tagging>`)
	c.expect(http.StatusOK, "", http.MethodPut, c.bucket+"/a?tagging=", tags)
	r := c.expect(http.StatusOK, "", http.MethodGet, c.bucket+"/a?tagging=", nil)
	c.same("value", strings.Join(between(string(r.body), "<Value>", "</Value>"), " "), "v w")
	c.expect(http.StatusNoContent, "", http.MethodDelete, c.bucket+"/a?tagging=", nil)
	r = c.expect(http.StatusOK, "", http.MethodGet, c.bucket+"/a?tagging=", nil)
	c.same("tags", strings.Contains(string(r.body), "<Tag>"), false)
	for _, method := range []string{http.MethodPut, http.MethodGet, http.MethodDelete} {
		body := tags
		if method != http.MethodPut {
			body = nil
		}
		c.expect(http.StatusNotFound, "NoSuchKey", method, c.bucket+"/none?tagging=", body)
	}
}

// askedHeaders: a query may say what headers a reply has, but not one that nobody has signed.
func askedHeaders(c *client) {
	c.put("k", []byte("x"), minio.PutObjectOptions{})
	const query = "/k?response-content-type=a/b&response-cache-control=no-store&response-content-disposition=attachment&response-content-encoding=e&" +
		"response-content-language=de&response-expires=Thu,%2001%20Dec%202033%2016:00:00%20GMT"
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		h := c.expect(http.StatusOK, "", method, c.bucket+query, nil).header
		for name, want := range map[string]string{"Content-Type": "a/b", "Cache-Control": "no-store", "Content-Disposition": "attachment", "Content-Encoding": "e",
			"Content-Language": "de", "Expires": "Thu, 01 Dec 2033 16:00:00 GMT"} {
			c.same(method+" "+name, h.Get(name), want)
		}
	}
	must(c.t, c.SetBucketPolicy(c.t.Context(), c.bucket, fmt.Sprintf(publicRead, c.bucket)))
	c.same("nobody", c.anonymous(http.MethodGet, c.bucket+"/k"), http.StatusOK)
	c.same("nobody, with headers", c.anonymous(http.MethodGet, c.bucket+query), http.StatusBadRequest)
	c.same("nobody, with one", c.anonymous(http.MethodGet, c.bucket+"/k?response-content-type=text/html"), http.StatusBadRequest)
	must(c.t, c.SetBucketPolicy(c.t.Context(), c.bucket, ""))
}

func bucketCalls(c *client) {
	ctx := c.t.Context()
	c.same("region", c.expect(http.StatusOK, "", http.MethodHead, c.bucket, nil).header.Get("X-Amz-Bucket-Region"), oracle.Region)
	wants(c.t, c.MakeBucket(ctx, c.bucket, minio.MakeBucketOptions{}), http.StatusConflict, "BucketAlreadyOwnedByYou")
	c.expect(http.StatusBadRequest, "InvalidBucketName", http.MethodPut, "Upper", nil)
	c.expect(http.StatusNotImplemented, "NotImplemented", http.MethodPut, "locked-bucket", nil, "X-Amz-Bucket-Object-Lock-Enabled", "true")
	c.expect(http.StatusNotFound, "", http.MethodHead, "locked-bucket", nil)
	c.expect(http.StatusNotFound, "NoSuchBucket", http.MethodPut, "no-such-bucket/a", []byte("x"))
	c.expect(http.StatusNotFound, "NoSuchBucket", http.MethodPut, "no-such-bucket/d/", nil)
	c.expect(http.StatusNotFound, "NoSuchBucket", http.MethodGet, "no-such-bucket/a", nil)
	c.expect(http.StatusNotFound, "NoSuchBucket", http.MethodDelete, "no-such-bucket/a", nil)
	c.expect(http.StatusNotFound, "NoSuchBucket", http.MethodDelete, "no-such-bucket", nil)
	c.put("a/b", nil, minio.PutObjectOptions{})
	wants(c.t, c.RemoveBucket(ctx, c.bucket), http.StatusConflict, "BucketNotEmpty")
	c.expect(http.StatusNoContent, "", http.MethodDelete, c.bucket, nil, "X-Minio-Force-Delete", "true")
	c.expect(http.StatusNotFound, "", http.MethodHead, c.bucket, nil)
}

// outOfReach: what the server and the volume keep for themselves is neither the source of a copy nor a key.
func outOfReach(c *client) {
	for _, src := range []string{".minio.sys/config/config.json", c.bucket + "/../.minio.sys/config/config.json", c.bucket + "/%2e%2e/.minio.sys/config/config.json",
		".sys/x/y", ".trash/x"} {
		r := c.send(http.MethodPut, c.bucket+"/stolen", nil, "X-Amz-Copy-Source", src)
		if r.status < 400 || r.status > 499 {
			c.t.Errorf("copy of %s: got %d", src, r.status)
		}
	}
	for _, path := range []string{".minio.sys/config/config.json", ".sys/x", c.bucket + "/..%2f.minio.sys/x"} {
		for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodDelete} {
			if r := c.send(method, path, nil); r.status < 400 || r.status > 499 {
				c.t.Errorf("%s %s: got %d", method, path, r.status)
			}
		}
	}
	c.expect(http.StatusNotFound, "NoSuchUpload", http.MethodGet, c.bucket+"/x?uploadId="+strings.Repeat("a", 36), nil)
	c.same("listing", c.keys("", ""), "")
}
