package interop

import (
	"bytes"
	"fmt"
	"io"
	"testing"

	"github.com/minio/minio-go/v7"

	"juicefs/pkg/tests/oracle"
)

// Without trash the data of an object goes while a GET of ours at another gateway is in the middle of it, since that gateway knows
// nothing of the read. What the client has by then is right, the GET ends with an error, and it ends: it is neither short without
// one, nor goes on with other bytes. The next GET shows what there is now.
func TestAForeignRemovalEndsAGetWithAnError(t *testing.T) {
	const (
		size = 70 * mib  // more than a reader reads ahead and than sockets hold
		seen = 3*mib + 1 // by the client when the object goes
	)
	t.Parallel()
	for _, c := range []struct {
		engine  engine
		remover func(testing.TB) oracle.Program
	}{{sqlite, oracle.Real}, {redis, oracle.Real}, {redis, oracle.Ours}} {
		for _, change := range []struct {
			name string
			do   func(*author)
		}{
			{"removed", func(a *author) { a.remove("key") }},
			{"replaced", func(a *author) { a.put("key", content("new", 5*mib), minio.PutObjectOptions{}) }},
			{"replaced by a copy", func(a *author) {
				a.put("other", content("other", size), minio.PutObjectOptions{})
				a.copied("other", "key", nil)
			}},
		} {
			remover := c.remover(t)
			t.Run(fmt.Sprintf("%s, %s by %s", c.engine.name, change.name, remover.Name), func(t *testing.T) {
				t.Parallel()
				v := c.engine.format(t, remover, oracle.FormatOptions{})
				theirs, ours := start(t, remover, v, single), start(t, oracle.Ours(t), v, single)
				b := newBucket(v.Name)
				w := newAuthor(t, theirs, b)
				data := content("key", size)
				w.put("key", data, minio.PutObjectOptions{})
				d := v.Dump(t)
				doomed := d.BlocksOf(d.Find("/key"))
				if len(doomed) < size/(4*mib) {
					t.Fatalf("%d blocks", len(doomed))
				}

				body, info, _, err := ours.Core(t).GetObject(t.Context(), v.Name, "key", minio.GetObjectOptions{})
				if err != nil || info.Size != size {
					t.Fatalf("GET: %v, %d bytes", err, info.Size)
				}
				got := make([]byte, seen)
				if _, err = io.ReadFull(body, got); err != nil {
					t.Fatal(err)
				}
				change.do(w)
				oracle.Poll(t, settleTime, func() error {
					have := v.Blocks(t)
					for name := range doomed {
						if _, ok := have[name]; ok {
							return fmt.Errorf("block %s is still there", name)
						}
					}
					return nil
				})
				rest, err := io.ReadAll(body)
				_ = body.Close() // broken anyway
				got = append(got, rest...)
				if err == nil || len(got) >= size {
					t.Errorf("GET of an object whose data is gone: %d bytes of %d, error %v", len(got), size, err)
				}
				if n := min(len(got), size); !bytes.Equal(got[:n], data[:n]) {
					t.Errorf("GET of an object whose data is gone: %s", difference(got, data))
				}
				t.Logf("%d MiB came before it ended: %v", len(got)/mib, err)
				verify(t, ours, b)
				v.Settle(t, settleTime)
				theirs.Stop(t)
				ours.Stop(t)
				oracle.Judge(t, v)
			})
		}
	}
}
