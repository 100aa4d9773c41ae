package chunk

import (
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// codec is a form of stored blocks. Its methods may be called from several goroutines at once.
type codec interface {
	// bound is the most bytes that the stored form of n bytes may have: the original reads no further.
	bound(n int) int
	// encode appends the stored form of src to dst.
	encode(dst, src []byte) ([]byte, error)
	// decode fills dst, exactly, from a stored form. An error may leave anything in dst.
	decode(dst, src []byte) error
}

// newCodec returns the codec for a volume's setting: nil for blocks that are stored as they are.
//
// Format: none (also ""), lz4, zstd, in any case. juicefs 1.4.1.
func newCodec(name string) (codec, error) {
	switch strings.ToLower(name) {
	case "", "none":
		return nil, nil // no codec is a codec
	case "lz4":
		return &lz4Codec{}, nil
	case "zstd":
		return newZstd()
	}
	return nil, fmt.Errorf("compression %q: %w", name, errors.ErrUnsupported)
}

// lz4Codec stores one raw LZ4 block, without frame or length. Format: juicefs 1.4.1; objects/lz4-hello.txt.bin.
type lz4Codec struct{ compressors sync.Pool }

func (*lz4Codec) bound(n int) int { return n + n/255 + 16 }

func (c *lz4Codec) encode(dst, src []byte) ([]byte, error) {
	at, need := len(dst), c.bound(len(src))
	dst = grow(dst, need)
	comp, ok := c.compressors.Get().(*lz4.Compressor)
	if !ok {
		comp = new(lz4.Compressor)
	}
	defer c.compressors.Put(comp)
	// With all of the bound to write to, what cannot be compressed comes out as literals.
	n, err := comp.CompressBlock(src, dst[at:at+need])
	if err != nil {
		return nil, fmt.Errorf("lz4: %w", err)
	}
	if n == 0 && len(src) > 0 {
		return nil, fmt.Errorf("lz4: no output for %d bytes", len(src))
	}
	return dst[:at+n], nil
}

func (*lz4Codec) decode(dst, src []byte) error {
	n, err := lz4.UncompressBlock(src, dst)
	if err != nil {
		return fmt.Errorf("lz4: %w", err)
	}
	return checkLength(n, len(dst))
}

// zstdCodec stores one Zstandard frame. Format: juicefs 1.4.1; objects/zstd-hello.txt.bin. The original refuses frames
// that do not say how long their content is (interop/zstd-no-content-size-hello.bin), which is why encode always writes a
// single segment; decode takes both.
type zstdCodec struct {
	enc *zstd.Encoder
	dec *zstd.Decoder
}

func newZstd() (*zstdCodec, error) {
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithSingleSegment(true), zstd.WithEncoderCRC(false))
	if err != nil {
		return nil, fmt.Errorf("zstd: %w", err)
	}
	dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecodeAllCapLimit(true), zstd.WithDecoderMaxMemory(4*maxBlockSize))
	if err != nil {
		return nil, fmt.Errorf("zstd: %w", err)
	}
	return &zstdCodec{enc: enc, dec: dec}, nil
}

func (*zstdCodec) bound(n int) int {
	const small = 128 << 10
	b := n + n/256
	if n < small {
		b += (small - n) / 2048
	}
	return b
}

func (c *zstdCodec) encode(dst, src []byte) ([]byte, error) {
	at := len(dst)
	dst = c.enc.EncodeAll(src, dst)
	if n := len(dst) - at; n > c.bound(len(src)) {
		return nil, fmt.Errorf("zstd: %d bytes became %d, more than others read", len(src), n)
	}
	return dst, nil
}

func (c *zstdCodec) decode(dst, src []byte) error {
	out, err := c.dec.DecodeAll(src, dst[:0:len(dst)])
	if err != nil {
		return fmt.Errorf("zstd: %w", err)
	}
	return checkLength(len(out), len(dst))
}

func checkLength(got, want int) error {
	if got != want {
		return fmt.Errorf("%d bytes instead of %d", got, want)
	}
	return nil
}

// grow returns b with room for n more bytes.
func grow(b []byte, n int) []byte {
	if cap(b)-len(b) < n {
		b = append(make([]byte, 0, len(b)+n), b...)
	}
	return b
}
