package chunk

import (
	"fmt"
	"testing"

	"juicefs/pkg/buf"
	"juicefs/pkg/object"
	"juicefs/pkg/object/mem"
)

// benchKinds are the stores that are measured, with the sizes of a default volume.
func benchKinds(b *testing.B, f func(b *testing.B, r *rig)) {
	open := func(bucket object.Bucket, o Options) func(b *testing.B) {
		return func(b *testing.B) {
			o := o
			o.BlockSize, o.Pool = 4<<20, buf.NewPool(300<<20)
			f(b, newRig(b, bucket, o))
		}
	}
	b.Run("file", open(fileBucket(b), Options{}))
	b.Run("mem", open(mem.New(), Options{MemoryCache: -1}))
	b.Run("lz4", open(mem.New(), Options{Compression: "lz4", MemoryCache: -1}))
	b.Run("zstd", open(mem.New(), Options{Compression: "zstd", MemoryCache: -1}))
}

// benchWrite stores a slice as a PUT does: pages of 1 MiB filled from elsewhere.
func benchWrite(b *testing.B, r *rig, id uint64, data []byte) Ref {
	w := r.NewWriter(id, WriteOptions{Size: int64(len(data))})
	for off := 0; off < len(data); {
		p, err := w.Page(b.Context(), min(1<<20, len(data)-off))
		if err != nil {
			b.Fatal(err)
		}
		off += copy(p.Bytes(), data[off:])
		if err := w.Append(b.Context(), p); err != nil {
			b.Fatal(err)
		}
	}
	ref, err := w.Seal(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	return ref
}

func BenchmarkWrite(b *testing.B) {
	for _, size := range []int{4 << 10, 128 << 10, 64 << 20} {
		data := content(1, size)
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			benchKinds(b, func(b *testing.B, r *rig) {
				b.SetBytes(int64(size))
				b.ReportAllocs()
				id, first := uint64(0), uint64(1)
				for b.Loop() {
					id++
					benchWrite(b, r, id, data)
					if int64(id-first+1)*int64(size) >= 512<<20 || id-first > 20000 { // what is stored stays small
						b.StopTimer()
						for ; first <= id; first++ {
							if err := r.Remove(b.Context(), Ref{first, uint32(size)}); err != nil {
								b.Fatal(err)
							}
						}
						b.StartTimer()
					}
				}
			})
		})
	}
}

func BenchmarkPages(b *testing.B) {
	for _, size := range []int{4 << 10, 64 << 20} {
		data := content(1, size)
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			benchKinds(b, func(b *testing.B, r *rig) {
				ref := benchWrite(b, r, 1, data)
				b.SetBytes(int64(size))
				b.ReportAllocs()
				for b.Loop() {
					for p, err := range r.Pages(b.Context(), ref, 0, ref.Size) {
						if err != nil {
							b.Fatal(err)
						}
						p.Release()
					}
				}
			})
		})
	}
}

func BenchmarkReadAt(b *testing.B) {
	for _, n := range []int{4 << 10, 64 << 10} {
		data := content(1, 8<<20)
		p := make([]byte, n)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			benchKinds(b, func(b *testing.B, r *rig) {
				ref := benchWrite(b, r, 1, data)
				b.SetBytes(int64(n))
				b.ReportAllocs()
				off := uint32(0)
				for b.Loop() {
					if _, err := r.ReadAt(b.Context(), ref, p, off%(7<<20)); err != nil {
						b.Fatal(err)
					}
					off += 1234567
				}
			})
		})
	}
}
