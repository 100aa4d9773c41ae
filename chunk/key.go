package chunk

import (
	"fmt"
	"io/fs"
	"math/bits"
	"strconv"
	"strings"
)

// MaxSlice is the most bytes a slice may have.
//
// Format: slices do not cross the borders of chunks of 64 MiB. juicefs 1.4.1.
const MaxSlice = 64 << 20

// Sizes of blocks. Format: powers of two from 64 KiB to 16 MiB, juicefs 1.4.1.
const (
	DefaultBlockSize = 4 << 20
	minBlockSize     = 64 << 10
	maxBlockSize     = 16 << 20
)

// Block names one block: Length is that of the block itself, which the key repeats.
type Block struct {
	ID     uint64 // of the slice
	Index  uint32 // in the slice, from 0
	Length uint32 // bytes, plain: before compression and encryption
}

// Key returns the key of a block below the volume's prefix.
//
// Format: chunks/<id/1000000>/<id/1000>/<id>_<index>_<length>, with hash prefix
// chunks/<id mod 256 as two hex digits>/<id/1000000>/<id>_<index>_<length>; object_keys in the vectors. juicefs 1.4.1.
func (b Block) Key(hashPrefix bool) string {
	const hex = "0123456789ABCDEF"
	key := make([]byte, 0, 96)
	key = append(key, "chunks/"...)
	if hashPrefix {
		key = append(key, hex[b.ID>>4&15], hex[b.ID&15], '/')
		key = strconv.AppendUint(key, b.ID/1000000, 10)
	} else {
		key = strconv.AppendUint(key, b.ID/1000000, 10)
		key = append(key, '/')
		key = strconv.AppendUint(key, b.ID/1000, 10)
	}
	key = append(key, '/')
	key = strconv.AppendUint(key, b.ID, 10)
	key = append(key, '_')
	key = strconv.AppendUint(key, uint64(b.Index), 10)
	key = append(key, '_')
	key = strconv.AppendUint(key, uint64(b.Length), 10)
	return string(key)
}

// ParseKey is the inverse of Key for either form. What is not a key of a block exactly as Key writes it is fs.ErrInvalid.
func ParseKey(key string) (b Block, hashPrefix bool, err error) {
	invalid := fmt.Errorf("key %q of a block: %w", key, fs.ErrInvalid)
	numbers := strings.Split(key[strings.LastIndexByte(key, '/')+1:], "_")
	if len(numbers) != 3 {
		return Block{}, false, invalid
	}
	var n [3]uint64
	for i, bits := range [...]int{64, 32, 32} {
		if n[i], err = strconv.ParseUint(numbers[i], 10, bits); err != nil {
			return Block{}, false, invalid
		}
	}
	b = Block{ID: n[0], Index: uint32(n[1]), Length: uint32(n[2])}
	switch key {
	case b.Key(false):
		return b, false, nil
	case b.Key(true):
		return b, true, nil
	}
	return Block{}, false, invalid
}

// Ref names a stored slice: all that is needed to find its blocks.
type Ref struct {
	ID   uint64 // from the metadata engine, unique in the volume; 0 is not a slice
	Size uint32 // bytes of the whole slice, however little of it is still in use
}

// Blocks returns the number of blocks of a slice that is cut into blockSize.
func (r Ref) Blocks(blockSize int) int {
	return int((int64(r.Size) + int64(blockSize) - 1) / int64(blockSize))
}

// Block returns block i of a slice that is cut into blockSize; i is below Blocks.
func (r Ref) Block(i, blockSize int) Block {
	return Block{ID: r.ID, Index: uint32(i), Length: uint32(min(int64(blockSize), int64(r.Size)-int64(i)*int64(blockSize)))}
}

func checkBlockSize(n int) error {
	if n < minBlockSize || n > maxBlockSize || bits.OnesCount(uint(n)) != 1 {
		return fmt.Errorf("block size %d is not a power of two from 64 KiB to 16 MiB: %w", n, fs.ErrInvalid)
	}
	return nil
}
