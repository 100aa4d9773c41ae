package s3_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"hash/crc32"
	"io"
	"io/fs"
	"net"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"

	"juicefs/pkg/object"
	"juicefs/pkg/object/objecttest"
	"juicefs/pkg/object/s3"
	"juicefs/pkg/tests/oracle"
)

func TestMain(m *testing.M) { os.Exit(oracle.Main(m)) }

// domain is where the server finds buckets in host names. Nobody resolves it: tests dial the server themselves.
const domain = "store.example"

// serve starts an S3 server, which is our own gateway on a volume of its own.
func serve(t testing.TB, cert *oracle.Certificate) *oracle.Gateway {
	t.Helper()
	if testing.Short() {
		t.Skip("no servers with -short")
	}
	p := oracle.Ours(t)
	return oracle.Start(t, p, oracle.Format(t, p, oracle.FormatOptions{}), oracle.GatewayOptions{
		Flags: []string{"--multi-buckets", "--keep-etag", "--object-meta"}, Env: []string{"MINIO_DOMAIN=" + domain}, TLS: cert,
	})
}

// options are those of the root user at the gateway, wherever the address of the bucket points to.
func options(g *oracle.Gateway) s3.Options {
	return s3.Options{AccessKey: oracle.User, SecretKey: oracle.Password, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, g.Addr)
	}}
}

// fresh names a bucket that nobody has used.
func fresh() string { return "b" + strings.ToLower(rand.Text()) }

func env(pairs ...string) func(string) string {
	return func(name string) string {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1]
			}
		}
		return ""
	}
}

func must[T any](t testing.TB) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func TestConformance(t *testing.T) {
	g := serve(t, nil)
	t.Run("path style", func(t *testing.T) {
		objecttest.Run(t, func(t testing.TB) object.Bucket {
			return must[*s3.Bucket](t)(s3.OpenMinIO(g.Addr+"/"+fresh(), options(g)))
		})
	})
	t.Run("virtual-host style", func(t *testing.T) {
		objecttest.Run(t, func(t testing.TB) object.Bucket {
			o := options(g)
			o.Getenv = env("JFS_S3_VHOST_STYLE", "1")
			return must[*s3.Bucket](t)(s3.Open("http://"+fresh()+"."+domain, o))
		})
	})
	t.Run("with retries and a prefix", func(t *testing.T) {
		objecttest.Run(t, func(t testing.TB) object.Bucket {
			open := func(a string) (object.Bucket, error) { return s3.Open(a, options(g)) }
			return must[object.Bucket](t)(object.Stack("http://"+domain+"/"+fresh(), open, object.StackOptions{Prefix: "vol/"}))
		})
	})
}

func TestConformanceOverTLS(t *testing.T) {
	cert := oracle.NewCertificate(t, domain, "*."+domain)
	g := serve(t, cert)
	t.Run("path style", func(t *testing.T) {
		objecttest.Run(t, func(t testing.TB) object.Bucket {
			return must[*s3.Bucket](t)(s3.Open("https://"+domain+"/"+fresh()+"?ca-certs="+cert.File, options(g)))
		})
	})
	t.Run("virtual-host style", func(t *testing.T) {
		o := options(g)
		o.Getenv = env("JFS_S3_VHOST_STYLE", "1")
		objecttest.Run(t, func(t testing.TB) object.Bucket {
			return must[*s3.Bucket](t)(s3.Open("https://"+fresh()+"."+domain+"?tls-insecure-skip-verify=true", o))
		})
	})
	t.Run("an unknown certificate is final", func(t *testing.T) {
		b := must[*s3.Bucket](t)(s3.Open("https://"+domain+"/"+fresh(), options(g)))
		_, err := b.Stat(t.Context(), "key")
		if err == nil || !b.Final(err) || strings.Contains(err.Error(), "\n") {
			t.Errorf("got %v", err)
		}
	})
}

func BenchmarkBucket(b *testing.B) {
	g := serve(b, nil)
	objecttest.Bench(b, func(t testing.TB) object.Bucket {
		bucket := must[*s3.Bucket](t)(s3.OpenMinIO(g.Addr+"/"+fresh(), options(g)))
		if err := bucket.Create(t.Context()); err != nil {
			t.Fatal(err)
		}
		return bucket
	})
}

// newBucket makes a bucket, and a client of it that is not ours.
func newBucket(t *testing.T, g *oracle.Gateway) (b *s3.Bucket, name string, client *minio.Core) {
	t.Helper()
	name = fresh()
	b = must[*s3.Bucket](t)(s3.OpenMinIO(g.URL()+"/"+name, options(g)))
	if err := b.Create(t.Context()); err != nil {
		t.Fatal(err)
	}
	return b, name, g.Core(t)
}

func TestChecksum(t *testing.T) {
	g := serve(t, nil)
	b, name, client := newBucket(t, g)
	data := bytes.Repeat([]byte("checked "), 100000)
	sum := strconv.FormatUint(uint64(crc32.Checksum(data, crc32.MakeTable(crc32.Castagnoli))), 10)
	put := func(key, stored, sum string) {
		t.Helper()
		o := minio.PutObjectOptions{}
		if sum != "" {
			o.UserMetadata = map[string]string{"Crc32c": sum}
		}
		must[minio.UploadInfo](t)(client.PutObject(t.Context(), name, key, strings.NewReader(stored), int64(len(stored)), "", "", o))
	}
	read := func(b object.Bucket, key string, off, n int64) ([]byte, error) {
		r, err := b.Get(t.Context(), key, off, n)
		if err != nil {
			return nil, err
		}
		got, err := io.ReadAll(r)
		return got, errors.Join(err, r.Close())
	}

	if err := b.Put(t.Context(), "ours", object.Bytes(data)); err != nil {
		t.Fatal(err)
	}
	info := must[minio.ObjectInfo](t)(client.StatObject(t.Context(), name, "ours", minio.StatObjectOptions{}))
	if info.UserMetadata["Crc32c"] != sum || info.ContentType != "application/octet-stream" {
		t.Errorf("stored with %v and %s, want the checksum %s", info.UserMetadata, info.ContentType, sum)
	}
	// The object of the vectors, and those that say nothing.
	uuid := "2f1e3f8c-0d0c-4f9e-9e3b-0d6a1c1b7a55"
	put("uuid", uuid, strconv.FormatUint(uint64(crc32.Checksum([]byte(uuid), crc32.MakeTable(crc32.Castagnoli))), 10))
	put("none", string(data), "")
	put("nonsense", string(data), "0x12")
	for _, key := range []string{"ours", "uuid", "none", "nonsense"} {
		if _, err := read(b, key, 0, -1); err != nil {
			t.Errorf("get %s: %v", key, err)
		}
	}

	damaged := "X" + string(data[1:])
	put("damaged", damaged, sum)
	wantDamaged := func(what string, err error) {
		t.Helper()
		if !errors.Is(err, object.ErrDamaged) || !strings.Contains(err.Error(), "damaged") {
			t.Errorf("%s: got %v, want the key and that it is damaged", what, err)
		}
	}
	got, err := read(b, "damaged", 0, -1)
	wantDamaged("get", err)
	if len(got) != len(damaged) {
		t.Errorf("%d bytes before the error, want %d: it comes at the end", len(got), len(damaged))
	}
	// Decorators that make failed requests again must not turn it into an end.
	_, err = read(object.WithRetry(b, object.RetryOptions{Sleep: func(context.Context, time.Duration) error { return nil }}), "damaged", 0, -1)
	wantDamaged("get with retries", err)
	_, err = b.ReadRange(t.Context(), "damaged", make([]byte, len(damaged)), 0)
	wantDamaged("read of everything", err)
	_, err = b.ReadRange(t.Context(), "damaged", make([]byte, len(damaged)+1), 0)
	wantDamaged("read of more than everything", err)
	// A part has no checksum.
	if _, err := read(b, "damaged", 0, 100); err != nil {
		t.Errorf("get of a part: %v", err)
	}
	if _, err := b.ReadRange(t.Context(), "damaged", make([]byte, 100), 0); err != nil {
		t.Errorf("read of a part: %v", err)
	}

	off := must[*s3.Bucket](t)(s3.OpenMinIO(g.URL()+"/"+name+"?disable-checksum=true", options(g)))
	if _, err := read(off, "damaged", 0, -1); err != nil {
		t.Errorf("get without checksums: %v", err)
	}
	if err := off.Put(t.Context(), "off", object.Bytes(data)); err != nil {
		t.Fatal(err)
	}
	info = must[minio.ObjectInfo](t)(client.StatObject(t.Context(), name, "off", minio.StatObjectOptions{}))
	if _, ok := info.UserMetadata["Crc32c"]; ok {
		t.Error("a checksum was stored in spite of disable-checksum")
	}
}

func TestCredentials(t *testing.T) {
	g := serve(t, nil)
	b, name, client := newBucket(t, g)
	if err := b.Put(t.Context(), "public/x", object.Bytes([]byte("x"))); err != nil {
		t.Fatal(err)
	}
	policy := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":["*"]},"Action":["s3:GetObject"],"Resource":["arn:aws:s3:::` + name + `/public/*"]}]}`
	if err := client.SetBucketPolicy(t.Context(), name, policy); err != nil {
		t.Fatal(err)
	}
	open := func(o s3.Options) object.Bucket {
		t.Helper()
		o.Dial = options(g).Dial
		return must[*s3.Bucket](t)(s3.OpenMinIO(g.URL()+"/"+name, o))
	}
	anonymous := open(s3.Options{AccessKey: s3.Anonymous})
	if _, err := anonymous.Stat(t.Context(), "public/x"); err != nil {
		t.Errorf("anonymous: %v", err)
	}
	for who, o := range map[string]s3.Options{
		"keys":            {AccessKey: oracle.User, SecretKey: oracle.Password},
		"MINIO variables": {Getenv: env("MINIO_ACCESS_KEY", oracle.User, "MINIO_SECRET_KEY", oracle.Password)},
	} {
		if err := open(o).Put(t.Context(), "private/x", object.Bytes([]byte("x"))); err != nil {
			t.Errorf("%s: %v", who, err)
		}
	}
	t.Run("of AWS programs", func(t *testing.T) {
		t.Setenv("AWS_ACCESS_KEY_ID", oracle.User)
		t.Setenv("AWS_SECRET_ACCESS_KEY", oracle.Password)
		if _, err := open(s3.Options{}).Stat(t.Context(), "private/x"); err != nil {
			t.Error(err)
		}
	})

	for who, o := range map[string]s3.Options{
		"anonymous":    {AccessKey: s3.Anonymous},
		"unknown key":  {AccessKey: "nobody", SecretKey: "hush-hush-hush"},
		"wrong secret": {AccessKey: oracle.User, SecretKey: "hush-hush-hush"},
		"wrong token":  {AccessKey: oracle.User, SecretKey: oracle.Password, SessionToken: "hush-hush-hush"},
	} {
		b := open(o)
		final, _ := object.As[object.Judge](b)
		for op, err := range map[string]error{
			"put":    b.Put(t.Context(), "private/x", object.Bytes(make([]byte, 3<<20))),
			"stat":   second(b.Stat(t.Context(), "private/x")),
			"get":    second(b.Get(t.Context(), "private/x", 0, -1)),
			"list":   second(b.List(t.Context(), "", "", 1)),
			"delete": b.Delete(t.Context(), "private/x"),
		} {
			if !errors.Is(err, fs.ErrPermission) || !final.Final(err) {
				t.Errorf("%s: %s: got %v, want a refusal for good", who, op, err)
			} else if text := err.Error(); strings.Contains(text, "hush") || strings.ContainsAny(text, "\r\n") || !strings.HasPrefix(text, op) {
				t.Errorf("%s: %s: the error is %q", who, op, text)
			}
		}
	}
	if _, err := s3.OpenMinIO(g.Addr+"/"+name, s3.Options{AccessKey: "only"}); err == nil {
		t.Error("an access key without a secret key was taken")
	}
}

func second[T any](_ T, err error) error { return err }

func TestServerFaults(t *testing.T) {
	g := serve(t, nil)
	b, name, client := newBucket(t, g)
	if err := b.Put(t.Context(), "key", object.Bytes([]byte("x"))); err != nil {
		t.Fatal(err)
	}
	// A bucket that is gone is not a bucket whose objects are gone.
	missing := must[*s3.Bucket](t)(s3.OpenMinIO(g.URL()+"/"+fresh(), options(g)))
	if _, err := missing.Get(t.Context(), "key", 0, -1); err == nil || errors.Is(err, fs.ErrNotExist) || !missing.Final(err) {
		t.Errorf("get from a bucket that does not exist: %v", err)
	}
	if err := missing.Delete(t.Context(), "key"); err == nil {
		t.Error("delete in a bucket that does not exist succeeded")
	}
	// Pages of the store are smaller than what is asked for at once.
	for i := range 1050 {
		key := "many/" + strconv.Itoa(10000+i)
		if _, err := client.PutObject(t.Context(), name, key, strings.NewReader(""), 0, "", "", minio.PutObjectOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	infos, err := b.List(t.Context(), "many/", "", 5000)
	if err != nil || len(infos) != 1050 || infos[1049].Key != "many/11049" || infos[0].ModTime.IsZero() {
		t.Errorf("list of 1050: got %d, %v", len(infos), err)
	}
	if infos, err = b.List(t.Context(), "many/", "many/10001", 1020); err != nil || len(infos) != 1020 || infos[0].Key != "many/10002" {
		t.Errorf("list of 1020: got %d, %v", len(infos), err)
	}

	g.Kill(t)
	for op, err := range map[string]error{
		"put": b.Put(t.Context(), "key", object.Bytes([]byte("y"))), "stat": second(b.Stat(t.Context(), "key")), "get": second(b.Get(t.Context(), "key", 0, -1)),
		"list": second(b.List(t.Context(), "", "", 1)), "delete": b.Delete(t.Context(), "key"), "create": b.Create(t.Context()),
	} {
		if err == nil || b.Final(err) || errors.Is(err, fs.ErrNotExist) || strings.ContainsAny(err.Error(), "\r\n") {
			t.Errorf("%s without a server: got %v, want an error that may pass", op, err)
		}
	}
}
