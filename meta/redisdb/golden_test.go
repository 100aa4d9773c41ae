package redisdb_test

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"juicefs/meta/engine"
	"juicefs/meta/record"
	"juicefs/meta/redisdb"
	"juicefs/pkg/tests/redistest"
)

// keyspace is all keys of a volume: name → type and value as testdata has them. Values that are no text are in hex.
type keyspace map[string]stored

type stored struct {
	Type  string `json:"type"`
	Value any    `json:"value"`
}

// TestGoldenKeyspaces reads volumes that the real program made, through the engine, writes what it read to an empty database,
// and finds the same keys there.
func TestGoldenKeyspaces(t *testing.T) {
	s := redistest.Start(t)
	cluster := redistest.StartCluster(t)
	for i, name := range []string{"redis-keyspace-v1.4.1.json", "redis-keyspace-v1.2.0.json"} {
		t.Run(name, func(t *testing.T) {
			want := loadKeyspace(t, name)
			from, to := client(t, s, 2*i), client(t, s, 2*i+1)
			want.store(t, from)
			records := readAll(t, open(t, s.URL(2*i)))
			if i == 0 {
				checkGolden(t, records)
			}
			writeAll(t, open(t, s.URL(2*i+1)), records)
			if d := cmp.Diff(want, dump(t, to, "")); d != "" {
				t.Errorf("keys of a copy (-want +got):\n%s", d)
			}
			// In a cluster the same keys have a hash tag in front, also where a set names a key.
			writeAll(t, open(t, cluster.URL(i)), records)
			prefix := fmt.Sprintf("{%d}", i)
			got := keyspace{}
			for _, node := range cluster.Nodes {
				for k, v := range dump(t, client(t, node, 0), prefix) {
					got[k] = v
				}
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("keys of a copy in a cluster (-want +got):\n%s", d)
			}
		})
	}
}

// checkGolden looks at some records that are known.
func checkGolden(t *testing.T, records map[record.Key][]byte) {
	t.Helper()
	for k, want := range map[record.Key][]byte{
		record.CounterKey(record.CounterInode):         record.EncodeInt64(1025),
		record.CounterKey(record.CounterSlice):         record.EncodeInt64(4097),
		record.CounterKey(record.CounterSession):       record.EncodeInt64(1),
		record.CounterKey(record.CounterTrash):         record.EncodeInt64(1),
		record.EntryKey(1, "a.txt"):                    record.Dirent{Type: record.TypeFile, Ino: 2}.Encode(),
		record.EntryKey(record.Trash, "2026-11-23-13"): record.Dirent{Type: record.TypeDirectory, Ino: record.Trash + 1}.Encode(),
		record.ParentKey(2, 3):                         record.EncodeInt64(0),
		record.ParentKey(2, record.Trash+1):            record.EncodeInt64(1),
		record.SliceRefKey(10, 10000):                  record.EncodeInt64(2),
		record.SymlinkKey(5):                           []byte("../a.txt"),
		record.XattrKey(2, "user.k1"):                  []byte("v1"),
		record.SustainedKey(1, 24):                     {1},
		record.FlockKey(6):                             record.EncodeFlocks([]record.Flock{{Session: 1, Owner: 0xB7E402834CC8CF0F, Type: 'W'}}),
		record.DirStatKey(4):                           record.DirStat{}.Encode(),
		record.QuotaKey(record.QuotaDir, 3):            record.Quota{MaxSpace: 1 << 30, MaxInodes: 100, UsedSpace: 12288, UsedInodes: 3}.Encode(),
	} {
		if got, ok := records[k]; !ok || string(got) != string(want) {
			t.Errorf("%s = %x, want %x", k, got, want)
		}
	}
}

// readAll reads every record.
func readAll(t *testing.T, e *redisdb.Engine) map[record.Key][]byte {
	t.Helper()
	defer closeEngine(t, e)
	all := map[record.Key][]byte{}
	for _, kind := range record.Kinds() {
		for it, err := range e.Scan(t.Context(), engine.Range{Kind: kind, All: true}) {
			if err != nil {
				t.Fatalf("scan %s: %v", kind, err)
			}
			all[it.Key] = it.Value
		}
	}
	return all
}

// writeAll writes records in one batch.
func writeAll(t *testing.T, e *redisdb.Engine, records map[record.Key][]byte) {
	t.Helper()
	defer closeEngine(t, e)
	b := &engine.Batch{}
	for k, v := range records {
		b.Writes = append(b.Writes, engine.Write{Op: engine.Put, Key: k, Value: v})
	}
	if err := e.Begin(engine.Update).Commit(t.Context(), b); err != nil {
		t.Fatal(err)
	}
}

func closeEngine(t *testing.T, e *redisdb.Engine) {
	t.Helper()
	if err := e.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
}

func client(t *testing.T, s *redistest.Server, db int) *redis.Client {
	t.Helper()
	c := redis.NewClient(&redis.Options{Addr: s.Addr, DB: db, Protocol: 2})
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func loadKeyspace(t *testing.T, name string) keyspace {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Keys keyspace `json:"keys"`
	}
	if err := json.Unmarshal(b, &file); err != nil {
		t.Fatal(err)
	}
	for _, s := range file.Keys {
		if list, ok := s.Value.([]any); ok && s.Type == "set" {
			slices.SortFunc(list, func(a, b any) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
		}
	}
	return file.Keys
}

// bytesOf undoes the notation of testdata.
func bytesOf(t *testing.T, v any) string {
	t.Helper()
	s := fmt.Sprint(v)
	digits, ok := strings.CutPrefix(s, "hex:")
	if !ok {
		return s
	}
	b, err := hex.DecodeString(digits)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// textOf is the inverse of bytesOf.
func textOf(s string) string {
	for i := range len(s) {
		if (s[i] < ' ' || s[i] > '~') && s[i] != '\n' {
			return "hex:" + hex.EncodeToString([]byte(s))
		}
	}
	return s
}

// store writes a key space with plain commands.
func (ks keyspace) store(t *testing.T, c *redis.Client) {
	t.Helper()
	for key, s := range ks {
		var err error
		switch v := s.Value.(type) {
		case string:
			err = c.Set(t.Context(), key, bytesOf(t, v), 0).Err()
		case []any:
			for _, x := range v {
				command := map[string]string{"list": "RPUSH", "set": "SADD"}[s.Type]
				if err == nil {
					err = c.Do(t.Context(), command, key, bytesOf(t, x)).Err()
				}
			}
		case map[string]any:
			for field, x := range v {
				args := []any{"HSET", key, field, bytesOf(t, x)}
				if s.Type == "zset" {
					args = []any{"ZADD", key, bytesOf(t, x), field}
				}
				if err == nil {
					err = c.Do(t.Context(), args...).Err()
				}
			}
		default:
			t.Fatalf("%s: %T", key, v)
		}
		if err != nil {
			t.Fatalf("store %s: %v", key, err)
		}
	}
}

// dump reads the keys with a prefix, without it, in the notation of testdata.
func dump(t *testing.T, c *redis.Client, prefix string) keyspace {
	t.Helper()
	ks := keyspace{}
	keys, err := c.Keys(t.Context(), prefix+"*").Result()
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range keys {
		typ, err := c.Type(t.Context(), key).Result()
		if err != nil {
			t.Fatal(err)
		}
		v, err := dumpKey(t, c, key, typ, prefix)
		if err != nil {
			t.Fatalf("dump %s: %v", key, err)
		}
		ks[strings.TrimPrefix(key, prefix)] = stored{typ, v}
	}
	return ks
}

func dumpKey(t *testing.T, c *redis.Client, key, typ, prefix string) (any, error) {
	t.Helper()
	list := func(all []string, err error) (any, error) {
		out := make([]any, len(all))
		for i, s := range all {
			out[i] = textOf(strings.TrimPrefix(s, prefix))
		}
		return out, err
	}
	switch typ {
	case "string":
		s, err := c.Get(t.Context(), key).Result()
		return textOf(s), err
	case "list":
		return list(c.LRange(t.Context(), key, 0, -1).Result())
	case "set":
		all, err := c.SMembers(t.Context(), key).Result()
		slices.Sort(all)
		return list(all, err)
	case "hash":
		all, err := c.HGetAll(t.Context(), key).Result()
		out := map[string]any{}
		for f, v := range all {
			out[f] = textOf(v)
		}
		return out, err
	}
	all, err := c.ZRangeWithScores(t.Context(), key, 0, -1).Result()
	out := map[string]any{}
	for _, z := range all {
		out[fmt.Sprint(z.Member)] = fmt.Sprintf("%.0f", z.Score)
	}
	return out, err
}
