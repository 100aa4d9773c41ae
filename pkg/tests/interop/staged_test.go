package interop

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/minio/minio-go/v7"

	"juicefs/pkg/tests/oracle"
)

// A gateway of the original that only staged what it took is killed. Ours takes over with the same cache folder: it uploads
// what waits there before it serves, so that nothing acknowledged is missing. The server's own settings were staged, too.
func TestWeUploadWhatAKilledOriginalStaged(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		dirs   []string
		format []string
		ours   []string
	}{
		{name: "plain", dirs: []string{"cache"}, ours: []string{"--cache-size", "0"}},
		{name: "two folders, zstd, hashed names", dirs: []string{"cache1", "cache2"}, format: []string{"--compress", "zstd", "--hash-prefix", "--block-size", "64K"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			v := oracle.Format(t, oracle.Real(t), oracle.FormatOptions{Flags: c.format})
			var dirs []string
			for _, d := range c.dirs {
				dirs = append(dirs, filepath.Join(v.Dir, d))
			}
			cache := strings.Join(dirs, ":")
			o := oracle.GatewayOptions{Flags: append([]string{"--keep-etag", "--object-tag", "--object-meta", "--cache-dir", cache}, c.ours...)}
			theirs := o
			theirs.Flags = []string{"--keep-etag", "--object-tag", "--object-meta", "--cache-dir", cache, "--writeback", "--upload-delay", "1h",
				"--free-space-ratio", "0.0001"} // on a full disk it uploads at once
			g := oracle.Start(t, oracle.Real(t), v, theirs)
			b := newBucket(v.Name)
			w := newAuthor(t, g, b)
			w.put("empty", nil, minio.PutObjectOptions{})
			w.put("small", content("small", 5*kib), minio.PutObjectOptions{UserMetadata: map[string]string{"Who": "me"}})
			w.put("large", content("large", 9*mib+1), minio.PutObjectOptions{})
			w.parts("parts", [][]byte{content("p1", 6*mib), content("p2", 7)}, minio.PutObjectOptions{})
			w.put("gone", content("gone", 3*kib), minio.PutObjectOptions{})
			w.remove("gone")
			if n := len(v.Blocks(t)); n != 0 {
				t.Fatalf("the original has uploaded %d blocks: there is nothing to show", n)
			}
			g.Kill(t)
			for _, d := range dirs {
				if n := stagedBlocks(t, d); n < 3 {
					t.Fatalf("%d blocks are staged in %s", n, d)
				}
			}

			g = oracle.Start(t, oracle.Ours(t), v, o)
			for _, d := range dirs {
				if n := stagedBlocks(t, d); n != 0 {
					t.Errorf("%d blocks still wait in %s", n, d)
				}
			}
			verify(t, g, b)
			g.Stop(t)
			if out := g.Log(t); strings.Count(out, "blocks (") != len(dirs) {
				t.Errorf("it does not say what it uploaded:\n%s", out)
			}
			if f := v.Fsck(t); f.Code != 0 || len(f.Findings) > 0 {
				t.Errorf("fsck is not content: %s", f)
			}
			g = oracle.Start(t, oracle.Real(t), v, oracle.GatewayOptions{Flags: []string{"--keep-etag", "--object-tag", "--object-meta"}})
			verify(t, g, b)
		})
	}
}

// stagedBlocks returns the number of blocks that wait for their upload below a cache's folder.
func stagedBlocks(t *testing.T, cache string) int {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(cache, "*", "rawstaging", "chunks", "*", "*", "*"))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, path := range paths {
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			n++
		}
	}
	return n
}
