package clients

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/minio/minio-go/v7"

	"juicefs/pkg/tests/oracle"
)

func TestMain(m *testing.M) { os.Exit(oracle.Main(m)) }

// seedBucket has an object that no client under test has stored.
const (
	seedBucket = "seed"
	seedKey    = "object"
)

// bench is a gateway with what a client needs to show what it can.
type bench struct {
	g      *oracle.Gateway
	core   *minio.Core
	dir    string // of files
	in     []byte // file "in"
	seeded []byte // data of the seed
}

// serve starts a gateway with everything on.
func serve(t *testing.T, secure bool) *bench {
	t.Helper()
	p := oracle.Ours(t)
	o := oracle.GatewayOptions{Flags: []string{"--multi-buckets", "--keep-etag", "--object-tag", "--object-meta"}}
	if secure {
		o.TLS = oracle.NewCertificate(t)
	}
	g := oracle.Start(t, p, oracle.Format(t, p, oracle.FormatOptions{}), o)
	b := &bench{g: g, core: g.Core(t), dir: t.TempDir(), in: noise(1, 6<<20+11), seeded: noise(2, 9<<20+7)}
	must(t, os.WriteFile(filepath.Join(b.dir, "in"), b.in, 0o600))
	must(t, b.core.MakeBucket(t.Context(), seedBucket, minio.MakeBucketOptions{}))
	_, err := b.core.PutObject(t.Context(), seedBucket, seedKey, bytes.NewReader(b.seeded), int64(len(b.seeded)), "", "", minio.PutObjectOptions{})
	must(t, err)
	return b
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func noise(seed byte, n int) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{seed}).Read(b)
	return b
}

// env is what a client is told.
func (b *bench) env(bucket string, more ...string) []string {
	env := []string{
		"AWS_ENDPOINT_URL=" + b.g.URL(), "AWS_REGION=" + oracle.Region, "AWS_ACCESS_KEY_ID=" + oracle.User, "AWS_SECRET_ACCESS_KEY=" + oracle.Password,
		"CLIENT_BUCKET=" + bucket, "CLIENT_IN=" + filepath.Join(b.dir, "in"), "CLIENT_SEED=" + seedBucket + "/" + seedKey,
		"CLIENT_OUT=" + b.out(bucket),
	}
	if tls := b.g.TLS; tls != nil {
		env = append(env, "SSL_CERT_FILE="+tls.File, "NODE_EXTRA_CA_CERTS="+tls.File)
	}
	return append(env, more...)
}

// out is the file that a client fetches the seed into.
func (b *bench) out(bucket string) string { return filepath.Join(b.dir, bucket+".out") }

// check fails unless a client has left and fetched what it should.
func (b *bench) check(t *testing.T, bucket string) {
	t.Helper()
	got, err := os.ReadFile(b.out(bucket))
	must(t, err)
	if !bytes.Equal(got, b.seeded) {
		t.Errorf("fetched %d other bytes instead of %d", len(got), len(b.seeded))
	}
	if got := b.read(t, bucket, "left"); !bytes.Equal(got, b.in) {
		t.Errorf("left %d other bytes instead of %d", len(got), len(b.in))
	}
}

func (b *bench) read(t *testing.T, bucket, key string) []byte {
	t.Helper()
	r, _, _, err := b.core.GetObject(t.Context(), bucket, key, minio.GetObjectOptions{})
	must(t, err)
	data, err := io.ReadAll(r)
	must(t, errors.Join(err, r.Close()))
	return data
}

// keys are those of a bucket, in order.
func (b *bench) keys(t *testing.T, bucket string) []string {
	t.Helper()
	var keys []string
	for o := range b.core.Client.ListObjects(t.Context(), bucket, minio.ListObjectsOptions{Recursive: true}) {
		must(t, o.Err)
		keys = append(keys, o.Key)
	}
	return keys
}

// command runs a client, which has to succeed.
func command(t *testing.T, env []string, path string, args ...string) string {
	t.Helper()
	r := oracle.Exec(t, env, path, args...)
	if r.Code != 0 {
		t.Fatalf("%s: %s", filepath.Base(path), r)
	}
	return r.Stdout
}

func TestClients(t *testing.T) {
	for _, secure := range []bool{false, true} {
		t.Run(map[bool]string{false: "http", true: "https"}[secure], func(t *testing.T) {
			b := serve(t, secure)
			for name, use := range map[string]func(*testing.T, *bench, string){
				"awsgo": useProgram, "miniogo": useProgram, "miniogo2021": useProgram, "aws.mjs": useNode, "minio.mjs": useNode,
				"mc": useMC, "mc2021": useMC, "aws": useAWS, "rclone": useRclone, "s3cmd": useS3cmd, "restic": useRestic,
			} {
				t.Run(name, func(t *testing.T) { use(t, b, name) })
			}
		})
	}
}

// bucketOf is the bucket of a client.
func bucketOf(name string) string { return "by-" + strings.ReplaceAll(name, ".", "-") }

// useProgram runs one of our programs.
func useProgram(t *testing.T, b *bench, name string) {
	command(t, b.env(bucketOf(name)), oracle.Tool(t, name))
	b.check(t, bucketOf(name))
}

// useNode runs one of our scripts.
func useNode(t *testing.T, b *bench, name string) {
	dir := oracle.Tool(t, "node")
	nodes, err := filepath.Glob(filepath.Join(dir, "node_modules", "node-linux-*", "bin", "node"))
	must(t, err)
	if len(nodes) == 0 {
		t.Fatalf("there is no Node.js in %s", dir)
	}
	command(t, b.env(bucketOf(name)), nodes[0], filepath.Join(dir, name))
	b.check(t, bucketOf(name))
}

// tree makes files for clients that work on folders and returns it with their data by name.
func tree(t *testing.T) (string, map[string][]byte) {
	t.Helper()
	dir, files := t.TempDir(), map[string][]byte{}
	for k, n := range []int{0, 1, 4096, 100_000, 6 << 20, 20 << 20} {
		files[fmt.Sprintf("some dir/%d/file+%d", k%3, n)] = noise(byte(10+k), n)
	}
	write(t, dir, files)
	return dir, files
}

func write(t *testing.T, dir string, files map[string][]byte) {
	t.Helper()
	for name, data := range files {
		must(t, os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o755))
		must(t, os.WriteFile(filepath.Join(dir, name), data, 0o600))
	}
}

// sameTree fails unless a folder has these files and no others.
func sameTree(t *testing.T, dir string, files map[string][]byte) {
	t.Helper()
	n := 0
	must(t, filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		n++
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		got, err := os.ReadFile(path)
		if want, ok := files[name]; err == nil && (!ok || !bytes.Equal(got, want)) {
			t.Errorf("%s: %d other bytes, or no such file", name, len(got))
		}
		return err
	}))
	if n != len(files) {
		t.Errorf("%d files instead of %d", n, len(files))
	}
}

// sameKeys fails unless a bucket has these objects below a prefix and no others.
func (b *bench) sameKeys(t *testing.T, bucket, prefix string, files map[string][]byte) {
	t.Helper()
	var got []string
	for _, k := range b.keys(t, bucket) {
		if rest, ok := strings.CutPrefix(k, prefix); ok && !strings.HasSuffix(k, "/") {
			got = append(got, rest)
		}
	}
	want := slices.Sorted(maps.Keys(files))
	if !slices.Equal(got, want) {
		t.Fatalf("keys are %q instead of %q", got, want)
	}
	for name, data := range files {
		if !bytes.Equal(b.read(t, bucket, prefix+name), data) {
			t.Errorf("%s has other data", name)
		}
	}
}
