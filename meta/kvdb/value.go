package kvdb

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"

	"juicefs/meta/record"
)

// initial returns what an absent counter counts as. Format: juicefs 1.4.1.
func initial(counter string) int64 {
	switch counter {
	case record.CounterInode:
		return 2
	case record.CounterSlice:
		return 1
	}
	return 0
}

// isTime reports whether a counter holds a time, which is stored big-endian.
func isTime(counter string) bool {
	return strings.HasPrefix(counter, "lastCleanup") || counter == record.CounterNextSlices
}

// stored returns the bytes under keyOf(k) for a canonical value, nil for nothing, and for a session also those under
// infoKey.
func stored(k record.Key, value []byte) (main, info []byte, err error) {
	if value == nil {
		return nil, nil, nil
	}
	switch k.Kind {
	case record.KindCounter, record.KindParent:
		v, err := record.DecodeInt64(k.Kind, value)
		if err != nil {
			return nil, nil, err
		}
		if k.Kind == record.KindCounter && isTime(k.Name) {
			return number(nil, uint64(v)), nil, nil
		}
		return binary.LittleEndian.AppendUint64(nil, uint64(v)), nil, nil
	case record.KindSliceRef:
		v, err := record.DecodeInt64(k.Kind, value)
		if err != nil || v == 1 {
			return nil, nil, err
		}
		return binary.LittleEndian.AppendUint64(nil, uint64(v-1)), nil, nil
	case record.KindSession:
		if len(value) < 8 {
			return nil, nil, fmt.Errorf("%w: session: %d bytes", record.ErrCorrupt, len(value))
		}
		if len(value) > 8 {
			info = bytes.Clone(value[8:])
		}
		return bytes.Clone(value[:8]), info, nil
	}
	return bytes.Clone(value), nil, nil
}

// canonical is the inverse of stored. The result is a copy.
func canonical(k record.Key, main, info []byte) ([]byte, error) {
	if main == nil {
		return nil, nil
	}
	switch k.Kind {
	case record.KindCounter, record.KindParent, record.KindSliceRef:
		if len(main) != 8 {
			return nil, fmt.Errorf("%w: %s: %d bytes instead of 8", record.ErrCorrupt, k, len(main))
		}
		v := int64(binary.LittleEndian.Uint64(main))
		switch {
		case k.Kind == record.KindSliceRef:
			v++
		case k.Kind == record.KindCounter && isTime(k.Name):
			v = int64(binary.BigEndian.Uint64(main))
		}
		return record.EncodeInt64(v), nil
	case record.KindSession:
		if len(main) != 8 {
			return nil, fmt.Errorf("%w: %s: %d bytes instead of 8", record.ErrCorrupt, k, len(main))
		}
		return append(bytes.Clone(main), info...), nil
	}
	return bytes.Clone(main), nil
}
