package interop

import (
	"hash/crc32"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"juicefs/pkg/tests/oracle"
)

// Volumes whose blocks are in an S3 store, which is a third gateway on a volume of its own: one program formats and writes, the
// other reads and writes, then the first reads. Both check the CRC-32C that the other has stored with each block.
func TestVolumesWithBlocksInS3(t *testing.T) {
	t.Parallel()
	p := oracle.Ours(t)
	serve := func(cert *oracle.Certificate) *oracle.Gateway {
		return oracle.Start(t, p, oracle.Format(t, p, oracle.FormatOptions{Name: "store"}), oracle.GatewayOptions{
			Flags: []string{"--multi-buckets", "--keep-etag", "--object-meta"}, TLS: cert,
		})
	}
	store, secure := serve(nil), serve(oracle.NewCertificate(t))
	root := credentials.Value{AccessKeyID: oracle.User, SecretAccessKey: oracle.Password}
	for _, c := range []struct {
		name, storage, bucket string
		writer, reader        func(testing.TB) oracle.Program
		keys                  credentials.Value
		store                 *oracle.Gateway
	}{
		{"minio, original then ours", "minio", "original-minio", oracle.Real, oracle.Ours, root, store},
		{"minio, ours then original, with temporary keys", "minio", "ours-minio", oracle.Ours, oracle.Real, assumeRole(t, store), store},
		{"s3, ours then original", "s3", "ours-s3", oracle.Ours, oracle.Real, root, store},
		{"s3, original then ours", "s3", "original-s3", oracle.Real, oracle.Ours, root, store},
		{"s3 over TLS, ours then original", "s3", "ours-tls", oracle.Ours, oracle.Real, root, secure},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			writer, reader := c.writer(t), c.reader(t)
			v := oracle.Format(t, writer, oracle.FormatOptions{TrashDays: 1, Flags: []string{
				"--storage", c.storage, "--bucket", c.store.URL() + "/" + c.bucket + "?tls-insecure-skip-verify=true",
				"--access-key", c.keys.AccessKeyID, "--secret-key", c.keys.SecretAccessKey, "--session-token", c.keys.SessionToken,
			}})
			wg, rg := start(t, writer, v, single), start(t, reader, v, single)
			b := newBucket(v.Name)
			for _, g := range []*oracle.Gateway{wg, rg} {
				a := newAuthor(t, g, b)
				name := g.Program.Name
				plain := minio.PutObjectOptions{}
				a.put(name+"/0", nil, plain)
				a.put(name+"/small", content(name, 5000), plain)
				a.put(name+"/9m", content(name, 9*mib), plain)
				a.parts(name+"/parts", [][]byte{content(name+"1", 6*mib), content(name+"2", 1)}, plain)
				a.put(name+"/gone", content(name, 5*mib), plain)
				a.remove(name + "/gone")
				verify(t, wg, b)
				verify(t, rg, b)
			}
			wg.Stop(t)
			rg.Stop(t)
			if f := v.Fsck(t); f.Code != 0 || len(f.Findings) > 0 || f.Blocks == 0 {
				t.Errorf("fsck is not content: %s", f)
			}
			if g := v.GC(t); g.Code != 0 || len(g.Findings) > 0 || g.Leaked != 0 || g.Scanned == 0 {
				t.Errorf("gc is not content: %s", g)
			}
			compareStore(t, c.store.Core(t), c.bucket, v)
			// Without what the caches of the first two may have had.
			for _, p := range []oracle.Program{reader, writer} {
				g := start(t, p, v, single)
				verify(t, g, b)
				g.Stop(t)
			}
		})
	}
}

// compareStore checks that the store has the blocks which the volume's dump names, each with its checksum, and no others.
func compareStore(t *testing.T, s3 *minio.Core, bucket string, v *oracle.Volume) {
	t.Helper()
	got := map[string]int64{}
	for o := range s3.Client.ListObjects(t.Context(), bucket, minio.ListObjectsOptions{Prefix: v.Name + "/chunks/", Recursive: true}) {
		if o.Err != nil {
			t.Fatal(o.Err)
		}
		got[o.Key[strings.LastIndexByte(o.Key, '/')+1:]] = o.Size
		body, info, _, err := s3.GetObject(t.Context(), bucket, o.Key, minio.GetObjectOptions{})
		if err != nil {
			t.Fatalf("block %s: %v", o.Key, err)
		}
		sum := crc32.New(crc32.MakeTable(crc32.Castagnoli))
		if _, err = io.Copy(sum, body); err != nil {
			t.Fatalf("block %s: %v", o.Key, err)
		}
		_ = body.Close() // read to its end
		if want := strconv.FormatUint(uint64(sum.Sum32()), 10); info.UserMetadata["Crc32c"] != want {
			t.Errorf("block %s: metadata %v, want the checksum %s", o.Key, info.UserMetadata, want)
		}
	}
	if d := cmp.Diff(got, v.Dump(t).Blocks()); d != "" {
		t.Errorf("blocks in the store (-) and in the dump (+):\n%s", d)
	}
}

// assumeRole returns temporary keys of a new user of a gateway who may do everything.
func assumeRole(t *testing.T, g *oracle.Gateway) credentials.Value {
	t.Helper()
	mc := oracle.MC2021(t, map[string]*oracle.Gateway{"gw": g})
	mc.Must(t, "admin", "user", "add", "gw", "volume-user", "volume-password")
	mc.Must(t, "admin", "policy", "set", "gw", "readwrite", "user=volume-user")
	sts := credentials.STSAssumeRole{
		Client: &http.Client{Transport: g.Transport(t)}, STSEndpoint: g.URL(),
		Options: credentials.STSAssumeRoleOptions{AccessKey: "volume-user", SecretKey: "volume-password", DurationSeconds: 3600},
	}
	keys, err := sts.Retrieve()
	if err != nil {
		t.Fatal(err)
	}
	return keys
}
