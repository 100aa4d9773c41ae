package record

import (
	"bytes"
	"encoding/json"
	"testing"
)

// stable holds what every decoder must: it does not panic, it takes the bytes that the value is encoded to, and these then
// stay the same.
func stable[T any](t *testing.T, in []byte, decode func([]byte) (T, error), encode func(T) []byte) {
	t.Helper()
	kept := bytes.Clone(in)
	v, err := decode(in)
	if !bytes.Equal(kept, in) {
		t.Fatal("the decoder changed its input")
	}
	if err != nil {
		return
	}
	once := encode(v)
	again, err := decode(once)
	if err != nil {
		t.Fatalf("own bytes %x: %v", once, err)
	}
	if twice := encode(again); !bytes.Equal(once, twice) {
		t.Fatalf("%x is encoded to %x, then to %x", in, once, twice)
	}
}

func FuzzDecodeAttr(f *testing.F) {
	vectors(f, "attr.json", func(v attrVector) { f.Add(unhex(f, v.Hex)) })
	f.Add(make([]byte, 63))
	f.Add(make([]byte, 64))
	f.Fuzz(func(t *testing.T, b []byte) {
		stable(t, b, DecodeAttr, (*Attr).Encode)
		if a, err := DecodeAttr(b); err == nil && Alike(b, b) && !Alike(a.Encode(), a.Encode()) {
			t.Fatal("an attribute is not like itself")
		}
	})
}

// exact is stable for formats in which every value has one form.
func exact[T any](t *testing.T, in []byte, decode func([]byte) (T, error), encode func(T) []byte) {
	t.Helper()
	stable(t, in, decode, encode)
	if v, err := decode(in); err == nil && !bytes.Equal(encode(v), in) {
		t.Fatalf("%x is encoded to %x", in, encode(v))
	}
}

func FuzzDecodeDirent(f *testing.F) {
	f.Add(Dirent{Type: TypeDirectory, Ino: Trash + 1}.Encode())
	f.Fuzz(func(t *testing.T, b []byte) { exact(t, b, DecodeDirent, Dirent.Encode) })
}

func FuzzDecodeSlices(f *testing.F) {
	vectors(f, "slices.json", func(v struct {
		Hex string `json:"concatenated_hex"`
	}) {
		f.Add(unhex(f, v.Hex))
	})
	f.Fuzz(func(t *testing.T, b []byte) {
		exact(t, b, DecodeSlices, func(ss []Slice) []byte { return EncodeSlices(ss...) })
	})
}

func FuzzDecodeSliceIDs(f *testing.F) {
	vectors(f, "slices.json", func(v struct{ Hex string }) { f.Add(unhex(f, v.Hex)) })
	f.Fuzz(func(t *testing.T, b []byte) {
		exact(t, b, DecodeSliceIDs, func(ids []SliceID) []byte { return EncodeSliceIDs(ids...) })
	})
}

func FuzzDecodeDirStat(f *testing.F) {
	f.Add(DirStat{1, 2, -3}.Encode())
	f.Fuzz(func(t *testing.T, b []byte) { exact(t, b, DecodeDirStat, DirStat.Encode) })
}

func FuzzDecodeQuota(f *testing.F) {
	f.Add(Quota{-1, -1, 2, 3}.Encode())
	f.Fuzz(func(t *testing.T, b []byte) { exact(t, b, DecodeQuota, Quota.Encode) })
}

func FuzzDecodeSession(f *testing.F) {
	f.Add(Session{Expire: 1795440615, Info: []byte(`{"Version":"1.4.1"}`)}.Encode())
	f.Add(Session{}.Encode())
	f.Fuzz(func(t *testing.T, b []byte) { exact(t, b, DecodeSession, Session.Encode) })
}

func FuzzDecodeFlocks(f *testing.F) {
	f.Add(EncodeFlocks([]Flock{{1, 1 << 63, 'W'}, {2, 3, 'R'}}))
	f.Fuzz(func(t *testing.T, b []byte) { stable(t, b, DecodeFlocks, EncodeFlocks) })
}

func FuzzDecodePlocks(f *testing.F) {
	vectors(f, "misc-values.json", func(v struct{ Hex string }) {
		f.Add(EncodePlocks([]Plock{{1, 2, unhex(f, v.Hex)}, {1, 1, nil}}))
	})
	f.Fuzz(func(t *testing.T, b []byte) { stable(t, b, DecodePlocks, EncodePlocks) })
}

func FuzzDecodeInt64(f *testing.F) {
	f.Add(EncodeInt64(-1))
	f.Fuzz(func(t *testing.T, b []byte) {
		exact(t, b, func(b []byte) (int64, error) { return DecodeInt64(KindCounter, b) }, EncodeInt64)
	})
}

func FuzzDecodeSetting(f *testing.F) {
	f.Add([]byte(settingText))
	f.Add([]byte(`{"Name":"n","name":"m","Later":{"a":[1]}}`))
	f.Add([]byte("null"))
	f.Fuzz(func(t *testing.T, b []byte) {
		stable(t, b, DecodeSetting, func(s *Setting) []byte {
			out, err := s.Encode()
			if err != nil {
				t.Fatalf("encode: %v", err)
			}
			if !json.Valid(out) {
				t.Fatalf("not JSON: %s", out)
			}
			return out
		})
	})
}
