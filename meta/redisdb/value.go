package redisdb

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"

	"juicefs/meta/record"
)

// offset is what has to be added to a stored number to get the record's.
func offset(k record.Key) int64 {
	switch k.Kind {
	case record.KindCounter:
		_, lower := counterName(k.Name)
		return lower
	case record.KindSliceRef:
		return 1
	}
	return 0
}

// isNumber reports whether a kind is stored as a decimal number.
func isNumber(k record.Kind) bool {
	switch k {
	case record.KindCounter, record.KindParent, record.KindSliceRef, record.KindDelFile, record.KindDetached:
		return true
	}
	return false
}

// value adds the stored form of a canonical value of a string, a hash field or a score.
func (a *args) value(k record.Key, canonical []byte) error {
	if !isNumber(k.Kind) {
		a.bytes(canonical)
		return nil
	}
	n, err := record.DecodeInt64(k.Kind, canonical)
	if err != nil {
		return err
	}
	a.int(n - offset(k))
	return nil
}

// canonical is the inverse of value. Other bytes than those of numbers are returned as they are.
func canonical(k record.Key, stored []byte) ([]byte, error) {
	if stored == nil || !isNumber(k.Kind) {
		return stored, nil
	}
	n, err := parseNumber(k, stored)
	if err != nil {
		return nil, err
	}
	return record.EncodeInt64(n + offset(k)), nil
}

// parseNumber reads a stored number. Scores may come with an exponent.
func parseNumber(k record.Key, stored []byte) (int64, error) {
	n, err := strconv.ParseInt(string(stored), 10, 64)
	if err == nil {
		return n, nil
	}
	if f, err := strconv.ParseFloat(string(stored), 64); err == nil && math.Abs(f) < 1<<63 {
		return int64(f), nil
	}
	return 0, fmt.Errorf("%w: %s: %q is not a number", record.ErrCorrupt, k, stored)
}

// numberOr reads a stored number that may be missing.
func numberOr(k record.Key, stored []byte, missing int64) (int64, error) {
	if stored == nil {
		return missing, nil
	}
	return parseNumber(k, stored)
}

// statValue puts directory statistics together.
func statValue(k record.Key, stored [3][]byte) ([]byte, error) {
	if stored[1] == nil {
		return nil, nil
	}
	var n [3]int64
	for i := range n {
		var err error
		if n[i], err = numberOr(k, stored[i], 0); err != nil {
			return nil, err
		}
	}
	return record.DirStat{Length: n[0], Space: n[1], Inodes: n[2]}.Encode(), nil
}

// limitsSize is the size of the stored limits of a quota. Format: juicefs 1.4.1; two i64 big-endian.
const limitsSize = 16

// noLimits are the stored limits of a quota that has none: twice -1.
const noLimits = "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"

// quotaValue puts a quota together: limits, used space, used inodes.
func quotaValue(k record.Key, stored [3][]byte) ([]byte, error) {
	if stored[0] == nil && stored[2] == nil {
		return nil, nil
	}
	limits := stored[0]
	if limits == nil {
		limits = []byte(noLimits)
	}
	if len(limits) != limitsSize {
		return nil, fmt.Errorf("%w: %s: limits of %d bytes", record.ErrCorrupt, k, len(limits))
	}
	space, err := numberOr(k, stored[1], 0)
	if err != nil {
		return nil, err
	}
	inodes, err := numberOr(k, stored[2], 0)
	if err != nil {
		return nil, err
	}
	be := binary.BigEndian
	q := record.Quota{MaxSpace: int64(be.Uint64(limits)), MaxInodes: int64(be.Uint64(limits[8:])), UsedSpace: space, UsedInodes: inodes}
	return q.Encode(), nil
}

// sessionValue puts a session together; it exists if it has an expiry.
func sessionValue(k record.Key, score, info []byte) ([]byte, error) {
	if score == nil {
		return nil, nil
	}
	expire, err := parseNumber(k, score)
	if err != nil {
		return nil, err
	}
	return record.Session{Expire: expire, Info: info}.Encode(), nil
}

// lockValue puts the holders of a lock together: pairs of owner and lock.
func lockValue(k record.Key, pairs [][]byte) ([]byte, error) {
	var fl []record.Flock
	var pl []record.Plock
	for ; len(pairs) > 1; pairs = pairs[2:] {
		sid, who, ok := parseOwner(string(pairs[0]))
		if !ok {
			return nil, fmt.Errorf("%w: %s: owner %q", record.ErrCorrupt, k, pairs[0])
		}
		switch {
		case k.Kind == record.KindPlock:
			pl = append(pl, record.Plock{Session: sid, Owner: who, Records: pairs[1]})
		case len(pairs[1]) == 1:
			fl = append(fl, record.Flock{Session: sid, Owner: who, Type: pairs[1][0]})
		default:
			return nil, fmt.Errorf("%w: %s: lock %q", record.ErrCorrupt, k, pairs[1])
		}
	}
	if k.Kind == record.KindPlock {
		return record.EncodePlocks(pl), nil
	}
	return record.EncodeFlocks(fl), nil
}

// holder is one owner of a lock as it is stored.
type holder struct {
	session uint64
	field   string
	value   []byte
}

// holders takes the canonical value of a lock apart.
func holders(k record.Key, canonical []byte) ([]holder, error) {
	var hs []holder
	if k.Kind == record.KindPlock {
		pl, err := record.DecodePlocks(canonical)
		if err != nil {
			return nil, err
		}
		for _, p := range pl {
			hs = append(hs, holder{p.Session, owner(p.Session, p.Owner), p.Records})
		}
		return hs, nil
	}
	fl, err := record.DecodeFlocks(canonical)
	if err != nil {
		return nil, err
	}
	for _, f := range fl {
		hs = append(hs, holder{f.Session, owner(f.Session, f.Owner), []byte{f.Type}})
	}
	return hs, nil
}
