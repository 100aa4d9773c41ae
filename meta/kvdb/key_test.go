package kvdb

import (
	"bytes"
	"testing"

	"juicefs/meta/record"
)

func FuzzParseKey(f *testing.F) {
	for _, k := range []record.Key{
		record.SettingKey(), record.CounterKey("nextInode"), record.AttrKey(record.Trash), record.EntryKey(1, "a\xff"), record.ParentKey(2, 3),
		record.ChunkKey(4, 5), record.SliceRefKey(6, 7), record.SymlinkKey(8), record.XattrKey(9, "x"), record.DirStatKey(10), record.QuotaKey(record.QuotaDir, 11),
		record.QuotaKey(record.QuotaUser, 12), record.QuotaKey(record.QuotaGroup, 13), record.ACLKey(14), record.SessionKey(15), record.SustainedKey(16, 17),
		record.FlockKey(18), record.PlockKey(19), record.DelFileKey(20, 21), record.DelSlicesKey(22, 23), record.DetachedKey(24), {Kind: record.KindLog, A: 25},
	} {
		f.Add(keyOf(k))
		if got, ok := parseKey(keyOf(k)); !ok || got != k {
			f.Errorf("%s parses to %s, %v", k, got, ok)
		}
		if prefix := kindPrefix(k.Kind); !bytes.HasPrefix(keyOf(k), prefix) {
			f.Errorf("%s does not begin with %q", k, prefix)
		}
		if group := groupOf(k.Kind, k.A); k.Kind != record.KindDelSlices && !bytes.HasPrefix(keyOf(k), group) {
			f.Errorf("%s does not begin with %q", k, group)
		}
	}
	f.Add(infoKey(1))
	f.Fuzz(func(t *testing.T, b []byte) {
		k, ok := parseKey(b)
		if ok && !bytes.Equal(keyOf(k), b) {
			t.Errorf("%x is %s, whose key is %x", b, k, keyOf(k))
		}
		if ok && !k.Kind.Valid() {
			t.Errorf("%x has kind %s", b, k.Kind)
		}
	})
}

func FuzzCanonical(f *testing.F) {
	f.Add(byte(record.KindCounter), "nextInode", []byte{2, 4, 0, 0, 0, 0, 0, 0}, []byte(nil))
	f.Add(byte(record.KindCounter), "lastCleanupTrash", []byte{0, 0, 0, 0, 1, 2, 3, 4}, []byte(nil))
	f.Add(byte(record.KindSliceRef), "", []byte{1, 0, 0, 0, 0, 0, 0, 0}, []byte(nil))
	f.Add(byte(record.KindSession), "", []byte{0, 0, 0, 0, 1, 2, 3, 4}, []byte("{}"))
	f.Add(byte(record.KindAttr), "", make([]byte, 72), []byte(nil))
	f.Fuzz(func(t *testing.T, kind byte, name string, main, info []byte) {
		k := record.Key{Kind: record.Kind(kind), Name: name}
		v, err := canonical(k, main, info)
		if err != nil || v == nil {
			return
		}
		gotMain, gotInfo, err := stored(k, v)
		if err != nil {
			t.Fatalf("%s: value %x of %x, %x: %v", k, v, main, info, err)
		}
		if k.Kind == record.KindSliceRef && gotMain == nil {
			gotMain = make([]byte, 8) // one reference, stored though it need not be
		}
		if !bytes.Equal(gotMain, main) || k.Kind == record.KindSession && !bytes.Equal(gotInfo, info) {
			t.Errorf("%s: %x, %x is stored again as %x, %x", k, main, info, gotMain, gotInfo)
		}
	})
}
