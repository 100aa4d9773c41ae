package vfs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"syscall"
	"testing"

	"juicefs/pkg/object/file"
)

// newLocalRig is a volume on a folder.
func newLocalRig(t testing.TB, o rigOptions) *rig {
	t.Helper()
	bucket, err := file.Open(t.TempDir() + "/")
	must(t, err)
	o.bucket = &faulty{Bucket: bucket}
	r := newRig(t, o)
	r.Volume.local, r.Volume.readAhead = true, -1
	return r
}

func TestLocalStore(t *testing.T) {
	r := newLocalRig(t, rigOptions{})
	data := pattern(5<<20+77, 50)
	r.put(t, "/o", data)
	equal(t, "object", r.get(t, "/o"), data)
	equal(t, "range", r.getRange(t, "/o", 1<<20-9, 300_000), data[1<<20-9:1<<20-9+300_000])
	o := r.open(t, "/o")
	r.bucket.removeBlocks(t, nil)
	if _, err := io.ReadAll(o.Range(t.Context(), 0, -1)); !errors.Is(err, syscall.EIO) {
		t.Errorf("without blocks: %v, want EIO", err)
	}
}

// TestSlowClientsKeepLittleMemory: readers that stop in the middle, and uploads that stop in the middle of a block, leave
// room for others.
func TestSlowClientsKeepLittleMemory(t *testing.T) {
	r := newLocalRig(t, rigOptions{pool: 16 << 20})
	data := pattern(4<<20, 51)
	r.put(t, "/o", data)
	o := r.open(t, "/o")
	for range 24 {
		s := rangeOf(t.Context(), t, o, 0, -1)
		_, err := io.ReadFull(s, make([]byte, 10))
		must(t, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var stalled sync.WaitGroup
	for range 40 {
		stalled.Go(func() {
			w := r.CreateObject(ctx, CreateOptions{Size: 100 << 20})
			_, err := w.ReadFrom(io.MultiReader(bytes.NewReader(data[:1000]), readerFunc(func([]byte) (int, error) { //nolint:contextcheck // removing what was stored goes on when ctx has ended
				<-ctx.Done()
				return 0, ctx.Err()
			})))
			if !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		})
	}
	eventually(t, "uploads wait for each other", func() bool {
		free := r.filling.sem.TryAcquire(1)
		if free {
			r.filling.giveBack(1)
		}
		return !free
	})
	r.put(t, "/small", data[:4096])
	equal(t, "small object", r.get(t, "/small"), data[:4096])
	equal(t, "large object", r.get(t, "/o"), data)
	cancel()
	stalled.Wait()
}

func BenchmarkGetLocal(b *testing.B) {
	for _, size := range []int{4 << 10, 100 << 10, 1 << 20, 64 << 20} {
		for _, step := range []int{32 << 10, 128 << 10, 1 << 20} {
			b.Run(fmt.Sprintf("%dK/%dK", size>>10, step>>10), func(b *testing.B) {
				r := newLocalRig(b, rigOptions{blockSize: 4 << 20})
				r.put(b, "/o", pattern(size, 1))
				o, err := r.OpenObject(b.Context(), "/o")
				must(b, err)
				p := make([]byte, step)
				b.SetBytes(int64(size))
				b.ReportAllocs()
				before := cpuTime(b)
				for b.Loop() {
					s := o.Range(context.Background(), 0, -1)
					for {
						_, err = s.Read(p)
						if err == io.EOF { //nolint:errorlint // readers return it bare
							break
						}
						must(b, err)
					}
					_ = s.Close()
				}
				b.ReportMetric(float64(cpuTime(b)-before)/float64(b.N)/1e3, "cpu-us/op")
				_ = o.Close()
			})
		}
	}
}

// cpuTime is the CPU time of this process in nanoseconds: steadier than the time on the wall where others work, too.
func cpuTime(b *testing.B) int64 {
	b.Helper()
	var u syscall.Rusage
	must(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return u.Utime.Nano() + u.Stime.Nano()
}
