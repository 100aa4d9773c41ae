package sqldb

import (
	"bytes"
	"database/sql/driver"
	"encoding/binary"
	"errors"
	"testing"

	"juicefs/meta/record"
)

// cellsOf makes n cells of the classes that SQLite has, whatever the column was declared as.
func cellsOf(b []byte, n int) []driver.Value {
	row := make([]driver.Value, n)
	for i := range row {
		if len(b) == 0 {
			continue
		}
		class := b[0]
		b = b[1:]
		piece := b[:min(len(b), int(class/5))]
		b = b[len(piece):]
		switch class % 5 {
		case 0: // NULL
		case 1:
			row[i] = int64(binary.BigEndian.Uint64(append(make([]byte, 8-min(len(piece), 8)), piece[:min(len(piece), 8)]...)))
		case 2:
			row[i] = float64(len(piece)) * 1e18
		case 3:
			row[i] = bytes.Clone(piece)
		default:
			row[i] = string(piece)
		}
	}
	return row
}

// FuzzRows reads rows that any program may have written: each is refused, or becomes a record that is written and read again as
// the same.
func FuzzRows(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte("\x05\x01\x2a\x00\x00\x00\x00\x00\x01\x00\x2b\x01\x02\x03\x04\x05\x06\x07\x08\x18ab\x37abcdefghijk"))
	f.Fuzz(func(t *testing.T, b []byte) {
		for id, s := range shapeTable() {
			if s == nil {
				continue
			}
			cells := cellsOf(b, len(s.keys)+len(s.values))
			cols, values := cells[:len(s.keys)], cells[len(s.keys):]
			kind := record.Kind(id)
			if shapeID(id) == shapeOwnerQuota {
				kind = record.KindQuota
			}
			k := decodeKey(kind, cols, values)
			v, err := decodeValue(k, values)
			if err != nil || v == nil {
				continue
			}
			again, err := appendValue(nil, k, v)
			if errors.Is(err, errTime) { // so far from now that the columns have no room for it
				continue
			}
			if err != nil {
				t.Errorf("%s: %v became %x, which cannot be written: %v", k, values, v, err)
				continue
			}
			if twice, err := decodeValue(k, again); err != nil || !bytes.Equal(twice, v) {
				t.Errorf("%s: %v became %x, then %x, %v", k, values, v, twice, err)
			}
		}
	})
}
