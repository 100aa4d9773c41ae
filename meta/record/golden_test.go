package record

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// vectors reads a file of testdata, which the real program made, and calls f with every entry in it.
func vectors[T any](tb testing.TB, file string, f func(T)) {
	tb.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", file))
	if err != nil {
		tb.Fatal(err)
	}
	var all []T
	if err := json.Unmarshal(b, &all); err != nil {
		tb.Fatalf("%s: %v", file, err)
	}
	if len(all) == 0 {
		tb.Fatalf("%s holds nothing", file)
	}
	for _, v := range all {
		f(v)
	}
}

func unhex(tb testing.TB, s string) []byte {
	tb.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

type attrVector struct {
	What, Version, Hex string
	Decoded            struct {
		Flags                uint8
		Type                 Type
		Mode                 string `json:"mode_octal"`
		UID, GID             uint32
		Atime, Mtime, Ctime  int64
		Atimensec, Mtimensec uint32
		Ctimensec            uint32
		Nlink                uint32
		Length               uint64
		Rdev                 uint32
		Parent               Ino
		AccessACL            uint32 `json:"access_acl"`
		DefaultACL           uint32 `json:"default_acl"`
		Tier                 uint8
		EncodedLen           int `json:"encoded_len"`
	}
}

func TestAttrVectors(t *testing.T) {
	vectors(t, "attr.json", func(v attrVector) {
		b := unhex(t, v.Hex)
		got, err := DecodeAttr(b)
		if err != nil {
			t.Errorf("%s: %v", v.What, err)
			return
		}
		d := v.Decoded
		mode, err := strconv.ParseUint(d.Mode, 8, 16)
		if err != nil {
			t.Fatal(err)
		}
		want := &Attr{Flags: d.Flags, Type: d.Type, Mode: uint16(mode), UID: d.UID, GID: d.GID,
			Atime: Time{d.Atime, d.Atimensec}, Mtime: Time{d.Mtime, d.Mtimensec}, Ctime: Time{d.Ctime, d.Ctimensec},
			Nlink: d.Nlink, Length: d.Length, Rdev: d.Rdev, Parent: d.Parent, AccessACL: d.AccessACL, DefaultACL: d.DefaultACL, Tier: d.Tier}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", v.What, diff)
		}
		if enc := got.Encode(); string(enc) != string(b) || len(enc) != d.EncodedLen {
			t.Errorf("%s: encodes to %x, want %x", v.What, enc, b)
		}
	})
}

func TestAttrReadsWhatOlderVersionsWrote(t *testing.T) {
	a := Attr{Type: TypeFile, Mode: 0o640, UID: 7, Nlink: 1, Length: 9, Parent: 3, AccessACL: 1, DefaultACL: 2, Mtime: Time{5, 6}}
	full := a.Encode() // 80 bytes
	plain := a
	plain.AccessACL, plain.DefaultACL = 0, 0
	orphan := plain
	orphan.Parent = 0
	for _, c := range []struct {
		bytes int
		want  Attr
	}{{80, a}, {79, a}, {71, plain}, {64, orphan}, {63, orphan}} {
		b := full[:c.bytes:c.bytes]
		if c.bytes == 64 {
			b = append(b[:63:63], 0)
		}
		got, err := DecodeAttr(b)
		if err != nil {
			t.Errorf("%d bytes: %v", c.bytes, err)
		} else if diff := cmp.Diff(&c.want, got); diff != "" {
			t.Errorf("%d bytes (-want +got):\n%s", c.bytes, diff)
		}
	}
	if _, err := DecodeAttr(full[:62]); err == nil {
		t.Error("62 bytes: no error")
	}
}

func TestAlikeIsSameInodeInTheSameRole(t *testing.T) {
	base := Attr{Flags: 1, Type: TypeDirectory, Mode: 0o755, UID: 1, GID: 2, Nlink: 2, Length: 4096, Parent: 5, DefaultACL: 3, Tier: 1}
	for _, c := range []struct {
		name string
		edit func(*Attr)
		want bool
	}{
		{"nothing", func(*Attr) {}, true},
		{"times", func(a *Attr) { a.Atime.Sec, a.Mtime.Nsec, a.Ctime.Sec = 1, 2, 3 }, true},
		{"links", func(a *Attr) { a.Nlink++ }, true},
		{"length", func(a *Attr) { a.Length++ }, true},
		{"device", func(a *Attr) { a.Rdev++ }, true},
		{"flags", func(a *Attr) { a.Flags = 0 }, false},
		{"type", func(a *Attr) { a.Type = TypeFile }, false},
		{"mode", func(a *Attr) { a.Mode = 0 }, false},
		{"owner", func(a *Attr) { a.UID++ }, false},
		{"group", func(a *Attr) { a.GID++ }, false},
		{"parent", func(a *Attr) { a.Parent = Trash + 1 }, false},
		{"ACL", func(a *Attr) { a.DefaultACL = 0 }, false},
		{"tier", func(a *Attr) { a.Tier = 0 }, false},
	} {
		other := base
		c.edit(&other)
		if got := Alike(base.Encode(), other.Encode()); got != c.want {
			t.Errorf("changed %s: %v, want %v", c.name, got, c.want)
		}
	}
	if Alike(nil, nil) || Alike(base.Encode(), nil) {
		t.Error("absent attributes are alike to something")
	}
}

func TestSliceVectors(t *testing.T) {
	type vector struct {
		What         string
		Elements     []string `json:"redis_elements"`
		Concatenated string   `json:"concatenated_hex"`
		Hex          string
		Decoded      []struct {
			Pos, Size, Off, Len uint32
			ID                  uint64
		}
	}
	vectors(t, "slices.json", func(v vector) {
		if v.Hex != "" { // replaced slices
			var want []SliceID
			for _, d := range v.Decoded {
				want = append(want, SliceID{d.ID, d.Size})
			}
			got, err := DecodeSliceIDs(unhex(t, v.Hex))
			if diff := cmp.Diff(want, got); err != nil || diff != "" {
				t.Errorf("%s: %v (-want +got):\n%s", v.What, err, diff)
			}
			if enc := EncodeSliceIDs(got...); hex.EncodeToString(enc) != v.Hex {
				t.Errorf("%s: encodes to %x, want %s", v.What, enc, v.Hex)
			}
			return
		}
		var want []Slice
		var joined string
		for _, d := range v.Decoded {
			want = append(want, Slice{Pos: d.Pos, ID: d.ID, Size: d.Size, Off: d.Off, Len: d.Len})
		}
		for _, e := range v.Elements {
			joined += e
		}
		got, err := DecodeSlices(unhex(t, v.Concatenated))
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", v.What, err, diff)
		}
		if enc := hex.EncodeToString(EncodeSlices(got...)); enc != v.Concatenated || enc != joined {
			t.Errorf("%s: encodes to %s, want %s", v.What, enc, v.Concatenated)
		}
	})
}

func TestMiscVectors(t *testing.T) {
	type vector struct {
		What, Hex string
		Decoded   json.RawMessage
	}
	seen := 0
	vectors(t, "misc-values.json", func(v vector) {
		b := unhex(t, v.Hex)
		switch len(b) {
		case 9:
			var want struct {
				Type Type
				Ino  Ino `json:"inode"`
			}
			if err := json.Unmarshal(v.Decoded, &want); err != nil {
				t.Fatal(err)
			}
			got, err := DecodeDirent(b)
			if err != nil || got != Dirent(want) || hex.EncodeToString(got.Encode()) != v.Hex {
				t.Errorf("%s: %+v, %v, want %+v", v.What, got, err, want)
			}
			seen++
		case 48: // lock records of one owner
			value := EncodePlocks([]Plock{{Session: 1, Owner: 2, Records: b}})
			got, err := DecodePlocks(value)
			if err != nil || len(got) != 1 || string(got[0].Records) != string(b) || string(EncodePlocks(got)) != string(value) {
				t.Errorf("%s: %+v, %v", v.What, got, err)
			}
			seen++
		}
	})
	if seen < 3 {
		t.Errorf("%d vectors were understood", seen)
	}
}

func TestSettingKeepsTheSecretsOfVectors(t *testing.T) {
	type vector struct{ UUID, EncryptAlgo, SecretKey string }
	vectors(t, "setting-secret.json", func(v vector) {
		text, err := json.Marshal(map[string]any{"UUID": v.UUID, "EncryptAlgo": v.EncryptAlgo, "SecretKey": v.SecretKey, "KeyEncrypted": true})
		if err != nil {
			t.Fatal(err)
		}
		s, err := DecodeSetting(text)
		if err != nil {
			t.Fatal(err)
		}
		if s.UUID != v.UUID || s.SecretKey != v.SecretKey || s.EncryptAlgo != v.EncryptAlgo || !s.KeyEncrypted || s.Extra != nil {
			t.Errorf("%+v, want %+v", s, v)
		}
	})
}

// settingText is the verified record of the format's description. juicefs 1.4.1.
const settingText = `{
"Name": "r14",
"UUID": "9f6d572c-a55f-47a8-af92-af9721f9877a",
"Storage": "file",
"Tiers": {
"0": {
"ID": 0,
"StorageClass": "",
"Tag": ""
}
},
"Bucket": "/data/r14/",
"AccessKey": "A\u0026\u003cK\u003e",
"SecretKey": "lvSq4Kg+SVsHqGDG39YgS0x/sGdHZZjR7okawFfe1tJQMg==",
"BlockSize": 4096,
"Compression": "none",
"EncryptAlgo": "aes256gcm-rsa",
"KeyEncrypted": true,
"TrashDays": 0,
"MetaVersion": 1,
"MinClientVersion": "1.2.0-A",
"DirStats": true,
"UserGroupQuota": true,
"EnableACL": true
}`

func TestSettingIsWrittenAsItWasRead(t *testing.T) {
	s, err := DecodeSetting([]byte(settingText))
	if err != nil {
		t.Fatal(err)
	}
	if s.AccessKey != "A&<K>" {
		t.Errorf("AccessKey = %q", s.AccessKey)
	}
	got, err := s.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(settingText, string(got)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestSettingKeepsUnknownMembers(t *testing.T) {
	const text = "{\"Name\":\"n\",\"Later\":{\"a\":[1,2]},\"Also\":null}"
	s, err := DecodeSetting([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	s.TrashDays = 7
	b, err := s.Encode()
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatalf("%v in %s", err, b)
	}
	want := map[string]any{"a": []any{1.0, 2.0}}
	if diff := cmp.Diff(want, got["Later"]); diff != "" || got["TrashDays"] != 7.0 {
		t.Errorf("%s in %s", diff, b)
	}
	if v, ok := got["Also"]; !ok || v != nil {
		t.Errorf("member Also is %v, %v", v, ok)
	}
}
