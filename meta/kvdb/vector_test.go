package kvdb_test

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"juicefs/meta/engine"
	"juicefs/meta/kvdb"
	"juicefs/meta/kvdb/mem"
	"juicefs/meta/record"
)

// keyspace is all that the real program stored for a sample volume, keys to values, without the volume's prefix.
func keyspace(t *testing.T, file string) map[string]string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	var v struct {
		Pairs []struct {
			Key   string `json:"key_hex"`
			Value string `json:"value_hex"`
		}
	}
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, p := range v.Pairs {
		all[p.Key] = p.Value
	}
	return all
}

// fill makes a store of such pairs.
func fill(t *testing.T, pairs map[string]string) *mem.Store {
	t.Helper()
	s := mem.NewStore()
	var ws []kvdb.Write
	for k, v := range pairs {
		key, err := hex.DecodeString(k)
		if err != nil {
			t.Fatal(err)
		}
		data, err := hex.DecodeString(v)
		if err != nil {
			t.Fatal(err)
		}
		ws = append(ws, kvdb.Write{Key: key, Data: data})
	}
	if err := s.Commit(t.Context(), nil, ws); err != nil {
		t.Fatal(err)
	}
	return s
}

// dump is the inverse of fill.
func dump(t *testing.T, s *mem.Store) map[string]string {
	t.Helper()
	pairs, err := s.Snapshot().Range(t.Context(), nil, []byte{0xff}, 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, p := range pairs {
		all[hex.EncodeToString(p.Key)] = hex.EncodeToString(p.Data)
	}
	return all
}

func TestKeyspaceOfTheRealProgram(t *testing.T) {
	for _, file := range []string{"tkv-keyspace-badger-v1.4.1.json", "tkv-keyspace-etcd-v1.4.1.json"} {
		t.Run(file, func(t *testing.T) {
			pairs := keyspace(t, file)
			e := kvdb.New(fill(t, pairs), engine.Info{})
			copied := mem.NewStore()
			to := kvdb.New(copied, engine.Info{})
			for _, kind := range record.Kinds() {
				var b engine.Batch
				for it, err := range e.Scan(t.Context(), engine.Range{Kind: kind, All: true}) {
					if err != nil {
						t.Fatal(err)
					}
					b.Writes = append(b.Writes, engine.Write{Op: engine.Insert, Key: it.Key, Value: it.Value})
				}
				tx := to.Begin(engine.Update)
				if err := tx.Commit(t.Context(), &b); err != nil {
					t.Fatalf("%s: %v", kind, err)
				}
			}
			if diff := cmp.Diff(pairs, dump(t, copied)); diff != "" {
				t.Errorf("all records, read and written again (-want +got):\n%s", diff)
			}
		})
	}
}

// TestRecordsOfTheRealProgram pins the traps: byte orders, references less one, absence, two keys for a session.
func TestRecordsOfTheRealProgram(t *testing.T) {
	e := kvdb.New(fill(t, keyspace(t, "tkv-keyspace-etcd-v1.4.1.json")), engine.Info{})
	i64 := record.EncodeInt64
	tx := e.Begin(engine.View)
	defer tx.Discard()
	for _, c := range []struct {
		key  record.Key
		want []byte
	}{
		{record.EntryKey(1, "a.txt"), record.Dirent{Type: record.TypeFile, Ino: 2}.Encode()},
		{record.EntryKey(record.Trash, "2026-11-23-13"), record.Dirent{Type: record.TypeDirectory, Ino: record.Trash + 1}.Encode()},
		{record.CounterKey(record.CounterInode), i64(1026)},
		{record.CounterKey(record.CounterSlice), i64(4097)},
		{record.CounterKey(record.CounterLastSessions), i64(0x6b04402e)},
		{record.ParentKey(2, 1), i64(1)},
		{record.ParentKey(2, record.Trash+1), i64(1)},
		{record.ParentKey(2, 3), i64(0)},
		{record.SliceRefKey(12, 1), i64(2)},
		{record.SliceRefKey(10, 10000), i64(2)},
		{record.SliceRefKey(1, 5), nil},
		{record.ChunkKey(7, 1), record.EncodeSlices(record.Slice{ID: 8, Size: 10, Len: 10})},
		{record.SymlinkKey(5), []byte("../a.txt")},
		{record.XattrKey(2, "user.k1"), []byte("v1")},
		{record.DirStatKey(3), record.DirStat{Length: 1, Space: 0x3000, Inodes: 3}.Encode()},
		{record.QuotaKey(record.QuotaDir, 3), record.Quota{MaxSpace: 1 << 30, MaxInodes: 100, UsedSpace: 0x3000, UsedInodes: 3}.Encode()},
		{record.QuotaKey(record.QuotaUser, 1000), record.Quota{MaxSpace: 1 << 31, MaxInodes: 200, UsedSpace: 4096, UsedInodes: 1}.Encode()},
		{record.SustainedKey(1, 24), []byte{1}},
		{record.DelSlicesKey(19, 0x6b044024), record.EncodeSliceIDs(record.SliceID{ID: 16, Size: 1000}, record.SliceID{ID: 17, Size: 1000}, record.SliceID{ID: 18, Size: 1000})},
		{record.FlockKey(6), record.EncodeFlocks([]record.Flock{{Session: 1, Owner: 0xaed1a808fb3d2162, Type: 'W'}})},
	} {
		items, err := tx.Fetch(t.Context(), []engine.ReadOp{{Key: c.key}})
		if err != nil {
			t.Errorf("%s: %v", c.key, err)
			continue
		}
		if diff := cmp.Diff(c.want, items[0].Value); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.key, diff)
		}
	}
	items, err := tx.Fetch(t.Context(), []engine.ReadOp{{Key: record.SessionKey(1)}, {Key: record.PlockKey(9)}})
	if err != nil {
		t.Fatal(err)
	}
	s, err := record.DecodeSession(items[0].Value)
	if err != nil || s.Expire != 0x6b044038 || !json.Valid(s.Info) {
		t.Errorf("session %+v: %v", s, err)
	}
	locks, err := record.DecodePlocks(items[1].Value)
	if err != nil || len(locks) != 1 || locks[0].Owner != 0x1c75c947256cbaec || len(locks[0].Records) != 48 {
		t.Errorf("locks %+v: %v", locks, err)
	}
}
