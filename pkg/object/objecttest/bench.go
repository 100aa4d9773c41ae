package objecttest

import (
	"fmt"
	"io"
	"testing"

	"juicefs/pkg/object"
)

// Bench measures Put and Get of small and block-sized objects.
func Bench(b *testing.B, open func(t testing.TB) object.Bucket) {
	for _, size := range []int{4 << 10, 4 << 20} {
		data := content(1, size)
		b.Run(fmt.Sprintf("put/%d", size), func(b *testing.B) {
			bucket := open(b)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				// New keys, as blocks have, but not more of them than a disk holds: replacing is another, slower path.
				key := fmt.Sprintf("v/chunks/0/%d/%d_0_%d", i/1000, i, size)
				if err := bucket.Put(b.Context(), key, object.Bytes(data)); err != nil {
					b.Fatal(err)
				}
				if i++; i*size > 1<<30 {
					b.StopTimer()
					for ; i > 0; i-- {
						if err := bucket.Delete(b.Context(), fmt.Sprintf("v/chunks/0/%d/%d_0_%d", (i-1)/1000, i-1, size)); err != nil {
							b.Fatal(err)
						}
					}
					b.StartTimer()
				}
			}
		})
		b.Run(fmt.Sprintf("get/%d", size), func(b *testing.B) {
			bucket := open(b)
			put(b, bucket, benchKey, data)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				r, err := bucket.Get(b.Context(), benchKey, 0, -1)
				if err != nil {
					b.Fatal(err)
				}
				n, err := io.Copy(io.Discard, r)
				if err != nil || n != int64(size) {
					b.Fatal(n, err)
				}
				_ = r.Close() // only read
			}
		})
		b.Run(fmt.Sprintf("read range/%d", size), func(b *testing.B) {
			bucket := open(b)
			rr, ok := object.As[object.RangeReader](bucket)
			if !ok {
				b.Skip("the bucket has no RangeReader")
			}
			put(b, bucket, benchKey, data)
			p := make([]byte, size)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				if n, err := rr.ReadRange(b.Context(), benchKey, p, 0); err != nil || n != size {
					b.Fatal(n, err)
				}
			}
		})
	}
}

const benchKey = "v/chunks/0/0/1_0_4194304"
