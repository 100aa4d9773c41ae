package gateway

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	miniogo "github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	minio "github.com/minio/minio/cmd"
)

// TestServe starts the one server that this process can have. What needs another start, other options or signals runs
// the program: package pkg/tests/s3.
func TestServe(t *testing.T) {
	if len(forkHandlers) != forkHandlerCount {
		t.Skip("a process serves one gateway, once: not with -count")
	}
	w := newWorld(t)
	address := freeAddress(t)
	began, stopped := 0, 0
	o := allKept()
	o.Address, o.RootUser, o.RootPassword, o.CertsDir, o.Quiet = address, "admin", "12345678", t.TempDir(), true
	o.Begin = func(context.Context) error { began++; return nil }
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- Serve(ctx, w.v, o, func(context.Context) error { stopped++; return nil }) }()
	poll(t, func() error {
		resp, err := http.Get("http://" + address + "/minio/health/ready") //nolint:noctx // a test
		if err != nil {
			return err
		}
		if resp.StatusCode != http.StatusOK || resp.Header.Get("X-Minio-Server-Status") != "" {
			err = errors.New(resp.Status)
		}
		return errors.Join(err, resp.Body.Close())
	})
	if runtime.MemProfileRate != memProfileRate {
		t.Errorf("heap profiling rate is %d", runtime.MemProfileRate)
	}
	if err := Serve(t.Context(), w.v, Options{Address: freeAddress(t)}, nil); err == nil {
		t.Error("a second server starts")
	}
	c, err := miniogo.NewCore(address, &miniogo.Options{Creds: credentials.NewStaticV4("admin", "12345678", "")})
	must(t, err)
	t.Run("objects", func(t *testing.T) { serveObjects(t, c) })
	t.Run("signing again", func(t *testing.T) { serveSigning(t, address) })
	t.Run("past the router", func(t *testing.T) { serveShortcut(t, address) })
	t.Run("bodies", func(t *testing.T) { serveBodies(t, address, c) })
	t.Run("names from outside", func(t *testing.T) { serveNames(t, c) })
	t.Run("removals of many", func(t *testing.T) { serveDeletes(t, address) })
	t.Run("odd removals of many", func(t *testing.T) { serveOddDeletes(t, address) })
	t.Run("removals that are left to the handler", func(t *testing.T) { serveDeletesAlone(t, address, c) })
	t.Run("settings of buckets", func(t *testing.T) { serveSettings(t, w) })
	t.Run("a running request ends, then the server", func(t *testing.T) {
		pr, pw := io.Pipe()
		uploaded := make(chan error, 1)
		go func() {
			_, err := c.PutObject(context.Background(), "buck", "slow", pr, 6, "", "", miniogo.PutObjectOptions{})
			uploaded <- err
		}()
		_, err := pw.Write([]byte("abc"))
		must(t, err)
		poll(t, func() error { // until its data is on the way
			if w.pool.Used() == 0 {
				return errors.New("the request does not run")
			}
			return nil
		})
		cancel()
		poll(t, func() error {
			if e := answers("http://"+address+"/buck/slow", http.StatusForbidden); !errors.Is(e, syscall.ECONNREFUSED) {
				return fmt.Errorf("a new connection is taken: %w", e)
			}
			return nil
		})
		_, err = pw.Write([]byte("def"))
		must(t, errors.Join(err, pw.Close()))
		must(t, <-uploaded)
		must(t, <-ended)
		same(t, "begun and stopped", []int{began, stopped}, []int{1, 1})
		i, err := w.v.Stat(t.Context(), "/buck/slow")
		must(t, err)
		same(t, "size", i.Size, 6)
	})
}

// serveSettings looks at what the fork knows of buckets while another gateway changes them.
func serveSettings(t *testing.T, w *world) {
	ctx := outsideCtx(t)
	l, other := w.layer(t, allKept()), w.layer(t, allKept())
	r, err := newRefresher(l)
	must(t, err)
	policyOf := func() string {
		t.Helper()
		m, e := forkBuckets.Get("set")
		if e != nil {
			return e.Error()
		}
		return string(m.PolicyConfigJSON)
	}
	must(t, other.MakeBucketWithLocation(ctx, "set", minio.BucketOptions{}))
	must(t, r.refresh(ctx))
	same(t, "policy", policyOf(), "")
	const text = `{"Version":"2012-10-17","Statement":[]}`
	must(t, other.changePolicy(ctx, "set", []byte(text)))
	must(t, r.refresh(ctx))
	same(t, "policy", policyOf(), text)
	// Nothing is loaded that has not changed: the fork keeps what it was told otherwise.
	forkBuckets.Set("set", minio.NewBucketMetadata("set"))
	must(t, r.refresh(ctx))
	same(t, "policy", policyOf(), "")
	must(t, other.DeleteBucket(ctx, "set", false))
	must(t, r.refresh(ctx))
	_, err = forkBuckets.Get("set")
	if err == nil || len(r.seen) == 0 {
		t.Errorf("a removed bucket has settings; %d buckets are known", len(r.seen))
	}
	if _, known := r.seen["set"]; known {
		t.Error("a removed bucket is known")
	}
}

func serveObjects(t *testing.T, c *miniogo.Core) {
	ctx := t.Context()
	must(t, c.MakeBucket(ctx, "buck", miniogo.MakeBucketOptions{}))
	data := noise(6 << 20)
	up, err := c.PutObject(ctx, "buck", "a/b", bytes.NewReader(data), int64(len(data)), "", "", miniogo.PutObjectOptions{
		ContentType: "x/y", ContentEncoding: "gzip", UserMetadata: map[string]string{"K": "v"}, UserTags: map[string]string{"t": "1"}})
	must(t, err)
	same(t, "tag", up.ETag, md5Hex(data))
	r, oi, h, err := c.GetObject(ctx, "buck", "a/b", miniogo.GetObjectOptions{})
	must(t, err)
	got, err := io.ReadAll(r)
	must(t, errors.Join(err, r.Close()))
	if !bytes.Equal(got, data) {
		t.Error("other data")
	}
	same(t, "headers", []string{oi.ContentType, h.Get("Content-Encoding"), oi.UserMetadata["K"], h.Get("X-Amz-Tagging-Count")}, []string{"x/y", "gzip", "v", "1"})
	id, err := c.NewMultipartUpload(ctx, "buck", "big", miniogo.PutObjectOptions{})
	must(t, err)
	p1, err := c.PutObjectPart(ctx, "buck", "big", id, 1, bytes.NewReader(data), int64(len(data)), "", "", nil)
	must(t, err)
	p2, err := c.CopyObjectPart(ctx, "buck", "a/b", "buck", "big", id, 2, 10, 20, nil)
	must(t, err)
	_, err = c.CompleteMultipartUpload(ctx, "buck", "big", id, []miniogo.CompletePart{{PartNumber: 1, ETag: p1.ETag}, {PartNumber: 2, ETag: p2.ETag}})
	must(t, err)
	_, err = c.CopyObject(ctx, "buck", "a/b", "buck", "copied", map[string]string{}, miniogo.CopySrcOptions{}, miniogo.PutObjectOptions{})
	must(t, err)
	list, err := c.ListObjectsV2("buck", "", "", false, "/", 10)
	must(t, err)
	same(t, "listing", len(list.Contents)+len(list.CommonPrefixes), 3)
	must(t, c.RemoveObject(ctx, "buck", "a/b", miniogo.RemoveObjectOptions{}))
	must(t, c.RemoveObject(ctx, "buck", "never/there", miniogo.RemoveObjectOptions{}))
	names := make(chan miniogo.ObjectInfo, 2)
	names <- miniogo.ObjectInfo{Key: "big"}
	names <- miniogo.ObjectInfo{Key: "copied"}
	close(names)
	for e := range c.RemoveObjects(ctx, "buck", names, miniogo.RemoveObjectsOptions{}) {
		t.Errorf("%s: %v", e.ObjectName, e.Err)
	}
	list, err = c.ListObjectsV2("buck", "", "", false, "", 10)
	must(t, err)
	same(t, "listing", len(list.Contents), 0)
}

func serveNames(t *testing.T, c *miniogo.Core) {
	ctx := t.Context()
	_, err := c.PutObject(ctx, "buck", "victim", strings.NewReader("x"), 1, "", "", miniogo.PutObjectOptions{})
	must(t, err)
	for _, src := range [][2]string{{".minio.sys", "config/config.json"}, {"buck", "../.minio.sys/config/config.json"}, {".sys", "x"}} {
		_, err = c.CopyObject(ctx, src[0], src[1], "buck", "stolen", map[string]string{}, miniogo.CopySrcOptions{}, miniogo.PutObjectOptions{})
		if status := miniogo.ToErrorResponse(err).StatusCode; status < 400 || status >= 500 {
			t.Errorf("copy of %s: %v", src, err)
		}
	}
	names := make(chan miniogo.ObjectInfo, 1)
	names <- miniogo.ObjectInfo{Key: "../buck/victim"}
	close(names)
	failed := 0
	for range c.RemoveObjects(ctx, "buck", names, miniogo.RemoveObjectsOptions{}) {
		failed++
	}
	same(t, "refused", failed, 1)
	_, err = c.StatObject(ctx, "buck", "victim", miniogo.StatObjectOptions{})
	must(t, err)
	// A failed DELETE says so; the stock handler would answer 204.
	err = c.RemoveObject(ctx, "buck", strings.Repeat("x", maxComponent+1), miniogo.RemoveObjectOptions{})
	same(t, "code", miniogo.ToErrorResponse(err).Code, "KeyTooLongError")
	must(t, c.RemoveObject(ctx, "buck", "victim", miniogo.RemoveObjectOptions{}))
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // a test
	must(t, err)
	defer func() { must(t, l.Close()) }()
	return l.Addr().String()
}

// answers fails unless a GET has the status.
func answers(url string, status int) error {
	resp, err := http.Get(url) //nolint:noctx // a test
	if err != nil {
		return err
	}
	if resp.StatusCode != status {
		err = errors.New(resp.Status)
	}
	return errors.Join(err, resp.Body.Close())
}

// poll calls f until it succeeds.
func poll(t *testing.T, f func() error) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for {
		err := f()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Millisecond) // between attempts
	}
}

func TestArguments(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // a test
	must(t, err)
	defer func() { must(t, taken.Close()) }()
	for _, c := range []struct {
		name string
		o    Options
		want string // in the error; empty: none
	}{
		{"good", Options{Address: "127.0.0.1:0", BucketName: "good-name", RootUser: "abc", RootPassword: "12345678"}, ""},
		{"all hosts", Options{Address: ":0"}, ""},
		{"port in use", Options{Address: taken.Addr().String()}, "already in use"},
		{"no port", Options{Address: "localhost"}, "invalid address"},
		{"no address", Options{}, "invalid address"},
		{"somebody else's address", Options{Address: "192.0.2.1:9000"}, "should be this server"},
		{"no such host", Options{Address: "no.such.host.invalid:9000"}, "no.such.host.invalid"},
		{"bucket name", Options{Address: ":0", BucketName: "A_b"}, `invalid bucket name "A_b"`},
		{"bucket name of the settings", Options{Address: ":0", BucketName: ".minio.sys"}, `cannot start with ".minio.sys"`},
		{"bucket name that does not matter", Options{Address: ":0", BucketName: "A_b", MultiBuckets: true}, ""},
		{"short user", Options{Address: ":0", RootUser: "ab", RootPassword: "12345678"}, "MINIO_ROOT_USER should be specified as an environment variable with at least 3 characters"},
		{"short password", Options{Address: ":0", RootUser: "abc", RootPassword: "1234567"}, "MINIO_ROOT_PASSWORD should be specified as an environment variable with at least 8 characters"},
	} {
		err := c.o.Validate()
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: got %v, want %q", c.name, err, c.want)
		}
	}
}

func TestS25WeakCredentials(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		user, password string
		want           bool
	}{
		{"admin", "12345678", true},
		{"minioadmin", "minioadmin", true},
		{"a-long-user-name", "a-long-user-name", true},
		{"admin", "correct horse battery", false},
	} {
		same(t, c.password, WeakCredentials(c.user, c.password), c.want)
	}
}

func TestLocalAddress(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{":9000": "127.0.0.1:9000", "0.0.0.0:1": "127.0.0.1:1", "[::]:2": "[::1]:2", "localhost:3": "localhost:3", "10.0.0.1:4": "10.0.0.1:4"} {
		same(t, in, localAddress(in), want)
	}
}
