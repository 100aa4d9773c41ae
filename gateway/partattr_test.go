package gateway

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"juicefs/pkg/checksum"
)

func partsOf(sums []checksum.Sum) []checksum.Part {
	parts := make([]checksum.Part, len(sums))
	for k, s := range sums {
		parts[k].Sum = s
	}
	return parts
}

// TestMostPartsAreKept: whatever the sizes and the algorithm, all of the most parts that an object can have are kept, in
// attributes that every database takes.
func TestMostPartsAreKept(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 2, maxPart} {
		for _, alg := range checksum.Algorithms {
			sizes, sums := make([]int64, n), make([]checksum.Sum, n)
			var total int64
			for k := range sizes {
				h := alg.New()
				_, _ = fmt.Fprint(h, k)
				sizes[k], sums[k] = int64(5<<20+k), checksum.Sum{Algorithm: alg, Value: h.Sum(nil)}
				total += sizes[k]
			}
			attrs := map[string][]byte{}
			must(t, (&Layer{}).keepParts(attrs, sizes, partsOf(sums)))
			for name, v := range attrs {
				if len(v) > attrLimit || bytes.ContainsFunc(v, func(r rune) bool { return r < ' ' || r > '~' }) {
					t.Errorf("%s has %d bytes: %.20q", name, len(v), v)
				}
			}
			parts := decodeParts(long(attrs, attrParts), total)
			same(t, "parts", len(parts), n)
			for k := range parts {
				if parts[k].Size != sizes[k] || parts[k].Number != k+1 {
					t.Fatalf("part %d: got %+v", k, parts[k])
				}
			}
			got := decodePartSums(long(attrs, attrPartSums), sums[0], n)
			if d := cmp.Diff(got, sums); d != "" {
				t.Errorf("%v, %d parts: %s", alg, n, d)
			}
			same(t, "names", len(longNames(attrs, attrParts))+len(longNames(attrs, attrPartSums)), len(attrs))
		}
	}
}

func TestLongAttributes(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, attrLimit - 1, attrLimit, attrLimit + 1, 2 * attrLimit, 3*attrLimit + 7} {
		value, attrs := bytes.Repeat([]byte("x"), n), map[string][]byte{}
		setLong(attrs, "a", value)
		same(t, "pieces", len(attrs), (n+attrLimit-1)/attrLimit)
		if !bytes.Equal(long(attrs, "a"), value) {
			t.Errorf("%d bytes: got others", n)
		}
		delete(attrs, "a.1") // a piece that somebody has removed
		if n > attrLimit && len(long(attrs, "a")) != attrLimit {
			t.Errorf("%d bytes, one piece gone: got %d", n, len(long(attrs, "a")))
		}
	}
}

func TestPartSumsOfOtherData(t *testing.T) {
	t.Parallel()
	crc := checksum.Sum{Algorithm: checksum.CRC32, Value: []byte("abcd")}
	attr := encodePartSums(partsOf([]checksum.Sum{crc, crc}))
	composite := crc
	composite.Parts = 2
	for name, q := range map[string]struct {
		attr  string
		whole checksum.Sum
		n     int
		want  int
	}{
		"good":                            {string(attr), crc, 2, 2},
		"over the parts":                  {string(attr), composite, 2, 2},
		"no sum of the object":            {string(attr), checksum.Sum{}, 2, 0},
		"a sum of another algorithm":      {string(attr), checksum.Sum{Algorithm: checksum.CRC32C, Value: []byte("abcd")}, 2, 0},
		"a sum of other parts":            {string(attr), composite, 3, 0},
		"more parts":                      {string(attr), crc, 3, 0},
		"no parts":                        {string(attr), crc, 0, 0},
		"cut":                             {string(attr[:len(attr)-1]), crc, 2, 0},
		"none":                            {"", crc, 2, 0},
		"padding":                         {string(attr) + "=", crc, 2, 0},
		"no algorithm":                    {strings.TrimPrefix(string(attr), "CRC32"), crc, 2, 0},
		"what base64 does not have in it": {strings.Replace(string(attr), "Y", "*", 1), crc, 2, 0},
	} {
		if got := len(decodePartSums([]byte(q.attr), q.whole, q.n)); got != q.want {
			t.Errorf("%s: got %d", name, got)
		}
	}
}
