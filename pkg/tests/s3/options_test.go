package s3

import (
	"net/http"
	"strings"
	"testing"

	"github.com/minio/minio-go/v7"

	"juicefs/pkg/tests/oracle"
)

// single returns a client of the one bucket of a gateway.
func single(t *testing.T, g *oracle.Gateway, bucket string) *client {
	t.Helper()
	return &client{Core: g.Core(t), t: t, g: g, bucket: bucket}
}

// TestSingleBucket: what the one bucket can with everything off, and that nothing but objects can be reached through it (S5 and S15
// of docs/security.md).
func TestSingleBucket(t *testing.T) {
	t.Parallel()
	c := single(t, serve(t), "vol1")
	ctx := t.Context()
	wants(t, c.MakeBucket(ctx, "other", minio.MakeBucketOptions{}), http.StatusNotFound, "NoSuchBucket")
	must(t, c.MakeBucket(ctx, "vol1", minio.MakeBucketOptions{}))
	wants(t, c.RemoveBucket(ctx, "vol1"), http.StatusConflict, "BucketNotEmpty")
	c.expect(http.StatusOK, "", http.MethodPut, "vol1/a.txt", []byte("x"), "Content-Type", "x/y", "X-Amz-Meta-K", "v", "X-Amz-Tagging", "a=b")
	h := c.expect(http.StatusOK, "", http.MethodHead, "vol1/a.txt", nil).header
	for name, want := range map[string]string{"Etag": "", "X-Amz-Meta-K": "", "X-Amz-Tagging-Count": ""} {
		c.same(name, h.Get(name), want)
	}
	c.same("type", strings.HasPrefix(h.Get("Content-Type"), "text/plain"), true)
	body := string(c.expect(http.StatusOK, "", http.MethodGet, "vol1?list-type=2", nil).body)
	c.same("tag in a list", strings.Contains(body, "<ETag></ETag>"), true)
	c.expect(http.StatusNotImplemented, "NotImplemented", http.MethodGet, "vol1/a.txt?tagging=", nil)
	c.same("listing", c.keys("", "/"), "a.txt")
	names := []string{".minio.sys/config/config.json", "/.minio.sys/config/config.json", ".sys/tmp/x", "/.sys/tmp/x", ".trash/x", ".accesslog", ".stats", ".config",
		".control", ".jfs.accesslog", ".sys/", ".minio.sys/"}
	for _, key := range names {
		for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodHead} {
			if r := c.send(method, "vol1/"+key, nil); r.status < 400 || r.status > 499 {
				t.Errorf("%s %s: got %d", method, key, r.status)
			}
		}
		if r := c.send(http.MethodPut, "vol1/stolen", nil, "X-Amz-Copy-Source", "vol1/"+key); r.status < 400 || r.status > 499 {
			t.Errorf("copy of %s: got %d", key, r.status)
		}
	}
	d := c.deleteMany(false, ".minio.sys/config/config.json", ".sys/tmp/x", "..", "a/../.minio.sys/config/config.json")
	c.same("refused", len(d.Error), 4)
	for _, prefix := range []string{".minio.sys/", ".sys/", "%2F.minio.sys%2F"} {
		if r := c.send(http.MethodGet, "vol1?list-type=2&prefix="+prefix, nil); r.status != http.StatusForbidden {
			t.Errorf("list of %s: got %d", prefix, r.status)
		}
	}
	// The server itself still reads and writes them.
	c.expect(http.StatusOK, "", http.MethodGet, "minio/admin/v3/list-users", nil)
}

func TestBucketNameAndUmask(t *testing.T) {
	t.Parallel()
	g := serve(t, "--bucket-name", "my.bucket", "--umask", "077", "--keep-etag")
	c := single(t, g, "my.bucket")
	c.put("d/a", []byte("x"), minio.PutObjectOptions{})
	c.same("listing", c.keys("", ""), "d/a")
	c.expect(http.StatusNotFound, "NoSuchBucket", http.MethodGet, "vol1/d/a", nil)
	g.Stop(t)
	dump := g.Volume.Dump(t)
	for path, want := range map[string]uint16{"/d": 0o700, "/d/a": 0o600} {
		n := dump.Find(path)
		if n == nil {
			t.Fatalf("%s is not there", path)
		}
		if got := uint16(n.Attr.Mode) & 0o777; got != want {
			t.Errorf("%s: mode %o, want %o", path, got, want)
		}
	}
}

func TestHeadDirAndHiddenDirectoryObjects(t *testing.T) {
	t.Parallel()
	c := use(t, serve(t, "--multi-buckets", "--head-dir", "--hide-dir-object"))
	c.put("d/a", nil, minio.PutObjectOptions{})
	c.put("e/", nil, minio.PutObjectOptions{})
	for _, key := range []string{"d", "d/", "e/", "e"} {
		c.expect(http.StatusOK, "", http.MethodHead, c.bucket+"/"+key, nil)
	}
	c.expect(http.StatusNotFound, "", http.MethodHead, c.bucket+"/d/a/", nil)
	c.expect(http.StatusNotFound, "NoSuchKey", http.MethodGet, c.bucket+"/d/", nil)
	c.same("listing", c.keys("", ""), "d/a")
}

// TestReadOnly: reads work, and every write is refused.
func TestReadOnly(t *testing.T) {
	t.Parallel()
	g := serve(t, everything...)
	c := use(t, g)
	c.put("a", []byte("x"), minio.PutObjectOptions{})
	ro := oracle.Start(t, g.Program, g.Volume, oracle.GatewayOptions{Flags: append([]string{"--read-only"}, everything...)})
	r := &client{Core: ro.Core(t), t: t, g: ro, bucket: c.bucket}
	c.same("there", r.there("a"), true)
	r.expect(http.StatusForbidden, "AccessDenied", http.MethodPut, c.bucket+"/a", []byte("y"))
	r.expect(http.StatusForbidden, "AccessDenied", http.MethodPut, c.bucket+"/d/", nil)
	r.expect(http.StatusForbidden, "AccessDenied", http.MethodDelete, c.bucket+"/a", nil)
	r.expect(http.StatusForbidden, "AccessDenied", http.MethodPost, c.bucket+"/a?uploads=", nil)
	r.expect(http.StatusForbidden, "AccessDenied", http.MethodPut, c.bucket+"/b", nil, "X-Amz-Copy-Source", c.bucket+"/a")
	r.expect(http.StatusForbidden, "AccessDenied", http.MethodPut, "new-bucket", nil)
	r.expect(http.StatusForbidden, "AccessDenied", http.MethodDelete, c.bucket, nil)
	c.same("refused", len(r.deleteMany(false, "a").Error), 1)
	c.same("there", c.there("a"), true)
}

// TestDomain: buckets are host names. The option comes before the variable.
func TestDomain(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name       string
		env, flags []string
		hosts      map[string]int
	}{
		{"option", nil, []string{"--domain", "my.domain"}, map[string]int{".my.domain": http.StatusOK}},
		{"variable", []string{"MINIO_DOMAIN=my.domain"}, nil, map[string]int{".my.domain": http.StatusOK}},
		{"both", []string{"MINIO_DOMAIN=other.domain"}, []string{"--domain=my.domain"}, map[string]int{".my.domain": http.StatusOK, ".other.domain": http.StatusNotFound}},
		{"several", nil, []string{"--domain", "my.domain,other.domain"}, map[string]int{".my.domain": http.StatusOK, ".other.domain": http.StatusOK}},
		{"neither", nil, nil, map[string]int{".my.domain": http.StatusNotFound}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			g := serveWith(t, c.env, append([]string{"--multi-buckets"}, c.flags...)...)
			b := use(t, g)
			b.put("key", []byte("x"), minio.PutObjectOptions{})
			b.same("no bucket", hosted(t, g, "no-such-bucket.my.domain"), http.StatusNotFound)
			for domain, want := range c.hosts {
				b.same(domain, hosted(t, g, b.bucket+domain), want)
			}
		})
	}
}

// hosted asks for the object "key" of the bucket that is in a host's name, and returns the status.
func hosted(t *testing.T, g *oracle.Gateway, host string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodHead, g.URL()+"/key", nil)
	must(t, err)
	req.Host = host
	resp, err := http.DefaultClient.Do(sign(req))
	must(t, err)
	must(t, resp.Body.Close())
	return resp.StatusCode
}

// TestServerFilesAreHidden: a mount of the volume does not show secrets to other users (finding S18).
func TestServerFilesAreHidden(t *testing.T) {
	t.Parallel()
	g := serve(t, everything...)
	g.Stop(t)
	dump := g.Volume.Dump(t)
	for path, want := range map[string]uint16{"/.minio.sys/config": 0o700, "/.minio.sys/config/config.json": 0o600} {
		n := dump.Find(path)
		if n == nil {
			t.Fatalf("%s is not there", path)
		}
		if got := uint16(n.Attr.Mode) & 0o777; got != want {
			t.Errorf("%s: mode %o, want %o", path, got, want)
		}
	}
}
