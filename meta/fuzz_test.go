package meta

import (
	"bytes"
	"math"
	"slices"
	"strings"
	"testing"
)

// FuzzACL: a rule of access is refused, or comes back as it was.
func FuzzACL(f *testing.F) {
	f.Add((&ACL{Owner: 7, Group: 5, Mask: 4, Other: 1, Users: []ACLEntry{{1000, 6}}, Groups: []ACLEntry{{1, 2}, {3, 4}}}).encode())
	f.Add(make([]byte, 16))
	f.Fuzz(func(t *testing.T, b []byte) {
		if r, err := decodeACL(b); err == nil && !bytes.Equal(r.encode(), b) {
			t.Errorf("%x is encoded to %x", b, r.encode())
		}
	})
}

// FuzzRanges: stored locks come back as they were. Taken one after the other they never overlap, and the last one holds.
func FuzzRanges(f *testing.F) {
	f.Add(encodeRanges([]RangeLock{{Type: RangeRead, PID: 1, End: 9}, {Type: RangeWrite, PID: 2, Start: 5, End: math.MaxUint64}, {Type: RangeUnlock, Start: 6, End: 6}}))
	f.Fuzz(func(t *testing.T, b []byte) {
		all := decodeRanges(b)
		if whole := b[:len(b)/rangeSize*rangeSize]; !bytes.Equal(encodeRanges(all), whole) {
			t.Errorf("%x is encoded to %x", whole, encodeRanges(all))
		}
		var held []RangeLock
		for _, l := range all {
			if l.Start > l.End || l.Type > RangeUnlock { // SetRangeLock refuses it
				continue
			}
			held = lay(held, l)
			for i, m := range held {
				if m.Start > m.End || i > 0 && held[i-1].End >= m.Start {
					t.Fatalf("held: %+v", held)
				}
			}
			for _, at := range []uint64{l.Start, l.End} {
				i := slices.IndexFunc(held, func(m RangeLock) bool { return m.Start <= at && at <= m.End })
				if i < 0 != (l.Type == RangeUnlock) || i >= 0 && held[i].Type != l.Type {
					t.Fatalf("%d after %+v: %+v", at, l, held)
				}
			}
		}
	})
}

// FuzzVersion: a version that is read is equal to itself, and older than none of its own.
func FuzzVersion(f *testing.F) {
	for _, s := range []string{"1.4.1", "1.2.0-beta1+2024", "v1", "1.-2", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		v, err := ParseVersion(s)
		if err != nil {
			return
		}
		same, released := v, v
		released.Pre = ""
		if v.Compare(same) != 0 || (v.Compare(released) < 0) != (v.Pre != "") || strings.Contains(v.Pre, "+") {
			t.Errorf("%q is read as %+v", s, v)
		}
	})
}
