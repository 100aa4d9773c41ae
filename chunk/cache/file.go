package cache

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"strings"
)

// Verify says how much of a cached block is checked when it is read.
type Verify int

// The levels, by the words of juicefs 1.4.1.
const (
	Extend Verify = iota // every 32 KiB group that is touched; reads grow to the borders of groups
	Shrink               // the groups that lie completely inside what is read
	Full                 // everything, but only when the whole block is read at once
	None                 // nothing, and no checksums are written
)

// ParseVerify returns the level of a word in any case; one that is not known is Extend with ok false.
func ParseVerify(word string) (v Verify, ok bool) {
	switch strings.ToLower(word) {
	case "extend", "":
		return Extend, true
	case "shrink":
		return Shrink, true
	case "full":
		return Full, true
	case "none":
		return None, true
	}
	return Extend, false
}

// String is the word of the level.
func (v Verify) String() string { return [...]string{"extend", "shrink", "full", "none"}[v] }

const (
	group   = 32 << 10 // bytes that one checksum covers
	sumSize = 4
)

// errDamaged is wrapped when a file is not what was written to it.
var errDamaged = errors.New("cached block is damaged")

// groups returns the number of groups of a block.
func groups(length int) int { return (length + group - 1) / group }

func checksum(p []byte) uint32 { return crc32.Checksum(p, crc32.MakeTable(crc32.Castagnoli)) }

// trailer appends the checksums of a block to dst.
//
// Format: for each group a CRC-32C, 4 bytes big-endian, in order. juicefs 1.4.1; testdata/raw-rand5k.bin.
func trailer(dst, block []byte) []byte {
	for len(block) > 0 {
		n := min(len(block), group)
		dst = binary.BigEndian.AppendUint32(dst, checksum(block[:n]))
		block = block[n:]
	}
	return dst
}

// layout is what follows the content in a file.
type layout struct{ sums, footer bool }

// layoutOf tells the layout of a file of size bytes with a block of length bytes.
//
// Format: nothing, or checksums, or a footer, or both; a footer's length is a multiple of 4 only behind checksums. juicefs
// 1.4.1; testdata/staging-tier1-checksum.bin, testdata/staging-nochecksum.bin.
func layoutOf(size int64, length int) (layout, error) {
	extra, sums := size-int64(length), int64(groups(length)*sumSize)
	switch {
	case extra == 0:
		return layout{}, nil
	case extra < 0, extra%sumSize == 0 && extra < sums:
		return layout{}, fmt.Errorf("%w: %d bytes in the file of a block of %d", errDamaged, size, length)
	case extra%sumSize != 0:
		return layout{footer: true}, nil
	}
	return layout{sums: true, footer: extra > sums}, nil
}

// readBlock fills p with the bytes of a block of length bytes from off. f is its file, of size bytes. scratch makes memory
// that readBlock needs for its own.
func readBlock(f io.ReaderAt, size int64, length int, p []byte, off int, v Verify, scratch func(n int) []byte) error {
	l, err := layoutOf(size, length)
	if err != nil {
		return err
	}
	if off < 0 || off+len(p) > length {
		return fmt.Errorf("%d bytes from %d of a block of %d", len(p), off, length)
	}
	first, last := off, off+len(p) // what is checked
	switch {
	case !l.sums, v == None, v == Full && len(p) < length, len(p) == 0:
		return readFull(f, p, int64(off))
	case v == Extend:
		first, last = off/group*group, min((last+group-1)/group*group, length)
	case v == Shrink:
		first = (off + group - 1) / group * group
		if last < length {
			last = last / group * group
		}
	}
	if first >= last { // no group lies inside
		return readFull(f, p, int64(off))
	}
	if first >= off && last <= off+len(p) {
		if err := readFull(f, p, int64(off)); err != nil {
			return err
		}
		return check(f, length, p[first-off:last-off], first, scratch)
	}
	wide := scratch(last - first + groups(last-first)*sumSize)
	content := wide[:last-first]
	if err := readFull(f, content, int64(first)); err != nil {
		return err
	}
	if err := check(f, length, content, first, func(int) []byte { return wide[last-first:] }); err != nil {
		return err
	}
	copy(p, content[off-first:])
	return nil
}

// check compares content, whole groups from first, with their checksums in the file.
func check(f io.ReaderAt, length int, content []byte, first int, scratch func(n int) []byte) error {
	n := groups(len(content))
	sums := scratch(n * sumSize)[:n*sumSize]
	if err := readFull(f, sums, int64(length+first/group*sumSize)); err != nil {
		return err
	}
	for i := range n {
		part := content[i*group : min((i+1)*group, len(content))]
		if checksum(part) != binary.BigEndian.Uint32(sums[i*sumSize:]) {
			return fmt.Errorf("%w: checksum of the %d bytes from %d", errDamaged, len(part), first+i*group)
		}
	}
	return nil
}

func readFull(f io.ReaderAt, p []byte, off int64) error {
	n, err := f.ReadAt(p, off)
	if n == len(p) {
		return nil
	}
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: %d of %d bytes from %d", errDamaged, n, len(p), off)
	}
	return err
}
