package oracle

import (
	"bytes"
	"context"
	"crypto/rand"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
)

func TestMain(m *testing.M) { os.Exit(Main(m)) }

// These tests run the real JuiceFS against itself: what is shown is that this package sees what there is to see.

func TestASoundVolumePassesTheJudge(t *testing.T) {
	for _, days := range []int{0, 1} {
		v := Format(t, Real(t), FormatOptions{TrashDays: days})
		g := Start(t, Real(t), v, GatewayOptions{Flags: []string{"--multi-buckets", "--keep-etag"}})
		s3 := g.Core(t)
		makeBucket(t, s3, "bucket")
		put(t, s3, "bucket", "dir/kept", 5<<20)
		put(t, s3, "bucket", "dir/replaced", 1<<20)
		put(t, s3, "bucket", "dir/replaced", 100)
		put(t, s3, "bucket", "gone", 9<<20)
		if err := s3.RemoveObject(t.Context(), "bucket", "gone", minio.RemoveObjectOptions{}); err != nil {
			t.Fatal(err)
		}
		if got := len(v.Status(t).Sessions); got != 1 {
			t.Errorf("%d sessions with one gateway running", got)
		}
		v.Settle(t, time.Minute)
		g.Stop(t)
		Judge(t, v)

		d := v.Dump(t)
		if n := d.Find("/bucket/dir/kept"); n == nil || n.Attr.Length != 5<<20 || len(n.Chunks) != 1 {
			t.Errorf("the dump shows /bucket/dir/kept as %+v", n)
		}
		trash := v.Status(t).Stat.TrashFileCount
		if days == 0 && trash != 0 || days > 0 && trash != 2 {
			t.Errorf("%d files in the trash with %d trash days", trash, days)
		}
	}
}

func TestTheJudgeSeesDamage(t *testing.T) {
	v := Format(t, Real(t), FormatOptions{})
	g := Start(t, Real(t), v, GatewayOptions{Flags: []string{"--keep-etag"}})
	put(t, g.Core(t), v.Name, "file", 9<<20)
	g.Stop(t)
	Judge(t, v)

	blocks := slices.Collect(maps.Keys(v.Blocks(t)))
	i := slices.IndexFunc(blocks, func(name string) bool { return strings.HasSuffix(name, "_1_4194304") })
	lost := find(t, v, blocks[i])

	t.Run("a lost block", func(t *testing.T) {
		away := filepath.Join(v.Dir, "away")
		if err := os.Rename(lost, away); err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := os.Rename(away, lost); err != nil {
				t.Fatal(err)
			}
		}()
		if f := v.Fsck(t); f.Code != 1 || len(f.Findings) == 0 {
			t.Errorf("fsck: %s", f)
		}
		if p := v.compare(t, v.Dump(t)); len(p) != 1 || !strings.Contains(p[0], "is missing") {
			t.Errorf("got %q, want one missing block", p)
		}
	})
	t.Run("a leaked block", func(t *testing.T) {
		leak := filepath.Join(filepath.Dir(lost), "999_0_5")
		if err := os.WriteFile(leak, []byte("12345"), 0o644); err != nil {
			t.Fatal(err)
		}
		if g := v.GC(t); g.Code != 0 || g.Leaked != 1 {
			t.Errorf("gc: %d leaked: %s", g.Leaked, g)
		}
		if p := v.compare(t, v.Dump(t)); len(p) != 1 || !strings.Contains(p[0], "nothing refers to") {
			t.Errorf("got %q, want one block too many", p)
		}
		if g := v.GC(t, "--delete"); g.Code != 0 {
			t.Errorf("gc --delete: %s", g)
		}
		Judge(t, v)
	})
}

func TestWhatAGatewayAcknowledgedSurvivesItsKill(t *testing.T) {
	v := Format(t, Real(t), FormatOptions{TrashDays: 1})
	g := Start(t, Real(t), v, GatewayOptions{})
	want := put(t, g.Core(t), v.Name, "k", 5<<20)
	g.Kill(t)
	if got := v.Status(t).Sessions; len(got) != 1 {
		t.Errorf("%d sessions after the kill, want the dead one", len(got))
	}
	if f := v.Fsck(t); f.Code != 0 {
		t.Errorf("fsck: %s", f)
	}
	g = Start(t, Real(t), v, GatewayOptions{})
	if got := get(t, g.Core(t), v.Name, "k"); !bytes.Equal(got, want) {
		t.Errorf("got %d bytes, want the %d written", len(got), len(want))
	}
}

func TestBothClientsReachAGateway(t *testing.T) {
	v := Format(t, Real(t), FormatOptions{})
	g := Start(t, Real(t), v, GatewayOptions{})
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("hello"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, mc := range []*Client{MC(t, map[string]*Gateway{"gw": g}), MC2021(t, map[string]*Gateway{"gw": g})} {
		mc.Must(t, "cp", file, "gw/"+v.Name+"/k")
		if r := mc.Must(t, "cat", "gw/"+v.Name+"/k"); r.Stdout != "hello" {
			t.Errorf("%s: %s", mc.Name, r)
		}
		if r := mc.Run(t, "cat", "gw/"+v.Name+"/absent"); r.Code == 0 {
			t.Errorf("%s: cat of an absent object: %s", mc.Name, r)
		}
	}
}

func TestAFailedCommandIsReturned(t *testing.T) {
	r := Real(t).Run(t, nil, "status", "sqlite3://"+filepath.Join(t.TempDir(), "none.db"))
	if r.Code != 1 || !strings.Contains(r.Stderr, "not formatted") {
		t.Errorf("got %s", r)
	}
}

func makeBucket(t *testing.T, s3 *minio.Core, bucket string) {
	t.Helper()
	if err := s3.MakeBucket(t.Context(), bucket, minio.MakeBucketOptions{}); err != nil {
		t.Fatal(err)
	}
}

func put(t *testing.T, s3 *minio.Core, bucket, key string, size int) []byte {
	t.Helper()
	data := make([]byte, size)
	_, _ = rand.Read(data) // never fails
	if _, err := s3.PutObject(t.Context(), bucket, key, bytes.NewReader(data), int64(size), "", "", minio.PutObjectOptions{}); err != nil {
		t.Fatal(err)
	}
	return data
}

func get(t *testing.T, s3 *minio.Core, bucket, key string) []byte {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	body, _, _, err := s3.GetObject(ctx, bucket, key, minio.GetObjectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = body.Close() }()
	data, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// find returns the path of a block's file.
func find(t *testing.T, v *Volume, name string) string {
	t.Helper()
	m, err := filepath.Glob(filepath.Join(v.Data, v.Name, "chunks", "*", "*", name))
	if err != nil || len(m) != 1 {
		t.Fatalf("block %s: %q, %v", name, m, err)
	}
	return m[0]
}
