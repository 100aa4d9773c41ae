package checksum

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
)

// Sum is a checksum. The zero Sum is none.
type Sum struct {
	Algorithm Algorithm
	Value     []byte
	// Parts is, for a sum over the sums of the parts of an object, how many parts there are; 0 for a sum of the data.
	Parts int
}

// maxParts is how many parts an object may have.
const maxParts = 10000

// Parse reads a sum as S3 writes it: base64, for a sum over sums of parts with "-" and their number.
func Parse(a Algorithm, text string) (Sum, error) {
	s := Sum{Algorithm: a}
	text, count, composite := strings.Cut(text, "-")
	if composite {
		n, err := strconv.Atoi(count)
		if err != nil || n < 1 || n > maxParts || strconv.Itoa(n) != count {
			return Sum{}, fmt.Errorf("sum of %q parts", count)
		}
		s.Parts = n
	}
	v, err := base64.StdEncoding.Strict().DecodeString(text)
	if err == nil && strings.ContainsAny(text, "\r\n") { // which the decoder skips
		err = base64.CorruptInputError(0)
	}
	if err != nil {
		return Sum{}, fmt.Errorf("sum that is not base64: %w", err)
	}
	if len(v) != a.Size() || a == None {
		return Sum{}, fmt.Errorf("sum of %d bytes instead of %d", len(v), a.Size())
	}
	s.Value = v
	return s, nil
}

// IsZero reports whether it is no sum.
func (s Sum) IsZero() bool { return s.Algorithm == None }

// String is the inverse of Parse.
func (s Sum) String() string {
	text := base64.StdEncoding.EncodeToString(s.Value)
	if s.Parts > 0 {
		text += "-" + strconv.Itoa(s.Parts)
	}
	return text
}

// Kind is the name that S3 has for what the sum is of: the whole object, or the sums of its parts.
func (s Sum) Kind() Kind {
	if s.Parts > 0 {
		return Composite
	}
	return FullObject
}

// Equal reports whether two sums are the same.
func (s Sum) Equal(o Sum) bool {
	return s.Algorithm == o.Algorithm && s.Parts == o.Parts && bytes.Equal(s.Value, o.Value)
}

// Kind tells what the sum of an object that came in parts is computed of.
type Kind string

// The kinds, as S3 writes them.
const (
	FullObject Kind = "FULL_OBJECT" // the data
	Composite  Kind = "COMPOSITE"   // the sums of the parts
)

// KindOf is the kind that an algorithm has for an object in parts when none is asked for.
func KindOf(a Algorithm) Kind {
	if a == CRC64NVME {
		return FullObject
	}
	return Composite
}

// Allows reports whether an object in parts may have a sum of the kind.
func (a Algorithm) Allows(k Kind) bool {
	switch k {
	case FullObject:
		return a.Linear()
	case Composite:
		return a != CRC64NVME && a != None
	}
	return false
}

// Part is the sum of a part of an object, and its length in bytes.
type Part struct {
	Sum  Sum
	Size int64
}

// Compose returns the sum over the sums of parts, in order. It is no sum unless all are of one algorithm.
func Compose(parts []Part) Sum {
	a, ok := same(parts)
	if !ok {
		return Sum{}
	}
	h := a.New()
	for _, p := range parts {
		_, _ = h.Write(p.Sum.Value) // a hash does not fail
	}
	return Sum{Algorithm: a, Value: h.Sum(nil), Parts: len(parts)}
}

// Join returns the sum of the data of parts, in order. It is no sum unless all are of one algorithm that is Linear.
func Join(parts []Part) Sum {
	a, ok := same(parts)
	if !ok || !a.Linear() {
		return Sum{}
	}
	whole := number(parts[0].Sum.Value)
	for _, p := range parts[1:] {
		whole = combine(a, whole, number(p.Sum.Value), p.Size)
	}
	return Sum{Algorithm: a, Value: octets(a, whole)}
}

// same returns the algorithm of all parts, if it is one.
func same(parts []Part) (Algorithm, bool) {
	if len(parts) == 0 || parts[0].Sum.IsZero() {
		return None, false
	}
	a := parts[0].Sum.Algorithm
	for _, p := range parts {
		if p.Sum.Algorithm != a || p.Sum.Parts != 0 || len(p.Sum.Value) != a.Size() {
			return None, false
		}
	}
	return a, true
}
