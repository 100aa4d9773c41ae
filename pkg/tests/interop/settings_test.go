package interop

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/minio/minio-go/v7"

	"juicefs/pkg/tests/oracle"
)

// A volume's setting holds for both: names, sizes and codecs of blocks.
func TestVolumesOfOtherSettings(t *testing.T) {
	blocks.run(t, func(t *testing.T, e engine, writer, reader oracle.Program) {
		for _, c := range []struct {
			name  string
			part  int // bytes of the largest part: across the border of a chunk where the sizes of blocks are other
			flags []string
		}{
			{"smallest blocks, hashed names", 61 * mib, []string{"--block-size", "64K", "--hash-prefix"}},
			{"largest blocks", 61 * mib, []string{"--block-size", "16M"}},
			{"lz4", 5 * mib, []string{"--compress", "lz4"}},
			{"zstd", 5 * mib, []string{"--compress", "zstd"}},
		} {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				v := e.format(t, writer, oracle.FormatOptions{Flags: c.flags})
				wg, rg := start(t, writer, v, single), start(t, reader, v, single)
				b := newBucket(v.Name)
				w, r := newAuthor(t, wg, b), newAuthor(t, rg, b)
				for _, a := range []*author{w, r} {
					salt := "w"
					if a == r {
						salt = "r"
					}
					plain := minio.PutObjectOptions{}
					a.put(salt+"/0", nil, plain)
					a.put(salt+"/1", content(salt, 1), plain)
					a.put(salt+"/random", content(salt, 17*mib+3), plain)
					a.put(salt+"/zeros", make([]byte, 5*mib+1), plain)
					a.parts(salt+"/parts", [][]byte{content(salt+"1", 6*mib+1), content(salt+"2", c.part), content(salt+"3", 9)}, plain)
					a.copied(salt+"/random", salt+"/copy", nil)
				}
				verify(t, rg, b)
				verify(t, wg, b)
				v.Settle(t, settleTime)

				one, other := v.StatusBy(t, writer), v.StatusBy(t, reader)
				if d := cmp.Diff(one.Setting, other.Setting); d != "" {
					t.Errorf("the setting, as status of %s (-) and %s (+) tells it:\n%s", writer.Name, reader.Name, d)
				}
				if len(one.Sessions) != 2 || len(other.Sessions) != 2 {
					t.Errorf("%d and %d sessions while two gateways run", len(one.Sessions), len(other.Sessions))
				}
				wg.Stop(t)
				rg.Stop(t)
				oracle.Judge(t, v)
				want := v.StatusBy(t, oracle.Ours(t))
				for _, p := range []oracle.Program{writer, reader} {
					look := func() error {
						if d := cmp.Diff(v.StatusBy(t, p), want); d != "" {
							return fmt.Errorf("status of %s (-) and ours (+):\n%s", p.Name, d)
						}
						return nil
					}
					if p.Original { // it shows zeros for totals that a busy machine did not read within a moment
						oracle.Poll(t, time.Minute, look)
						continue
					}
					if err := look(); err != nil {
						t.Error(err)
					}
				}
			})
		}
	})
}
