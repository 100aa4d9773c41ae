package sqldb

import (
	"database/sql/driver"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"juicefs/meta/engine"
	"juicefs/meta/record"
)

// rowVector is all that the real program stored for a sample volume.
type rowVector struct {
	Schema []string
	Tables map[string][]map[string]any
}

func readRows(t *testing.T, file string) *rowVector {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	v := &rowVector{}
	d := json.NewDecoder(strings.NewReader(string(b)))
	d.UseNumber() // lock owners need all 64 bits
	if err := d.Decode(v); err != nil {
		t.Fatal(err)
	}
	return v
}

// cell turns a value of the vector into one for the driver; text: bytes that are in a cell of class TEXT.
func cell(t *testing.T, v any) (value driver.Value, text bool) {
	t.Helper()
	switch v := v.(type) {
	case json.Number:
		n, err := v.Int64()
		if err != nil {
			t.Fatal(err)
		}
		return n, false
	case string:
		for _, p := range []struct {
			prefix string
			text   bool
		}{{"hex:", false}, {"hex(text-typed):", true}} {
			if h, ok := strings.CutPrefix(v, p.prefix); ok {
				b, err := hex.DecodeString(h)
				if err != nil {
					t.Fatal(err)
				}
				return b, p.text
			}
		}
		return v, false
	case nil:
		return nil, false
	}
	t.Fatalf("cell %v", v)
	return nil, false
}

// fill makes a file of such rows.
func (v *rowVector) fill(t *testing.T, f *foreign) {
	t.Helper()
	for _, s := range v.Schema {
		if !strings.Contains(s, "sqlite_sequence") {
			f.exec(s)
		}
	}
	for table, rows := range v.Tables {
		for _, row := range rows {
			var cols, marks []string
			var args []driver.Value
			for c, x := range row {
				if c == "info_text" {
					continue // said twice, for people
				}
				a, text := cell(t, x)
				cols, args = append(cols, c), append(args, a)
				if text {
					marks = append(marks, "CAST(? AS TEXT)")
				} else {
					marks = append(marks, "?")
				}
			}
			f.exec(fmt.Sprintf("INSERT INTO %s (`%s`) VALUES (%s)", table, strings.Join(cols, "`,`"), strings.Join(marks, ",")), args...)
		}
	}
}

// rowsOf returns the rows of a table as text, sorted, without automatic keys that name nothing. NULL of an older volume is 0.
func rowsOf(f *foreign, tab table) []string {
	var cols []string
	for _, c := range tab.columns {
		if !c.auto || tab.name == "acl" {
			cols = append(cols, "`"+c.name+"`")
		}
	}
	var all []string
	for _, row := range f.query("SELECT " + strings.Join(cols, ",") + " FROM jfs_" + tab.name) {
		line := ""
		for i, v := range row {
			if v == nil {
				v = int64(0)
			}
			if b := raw(v); b != nil {
				v = hex.EncodeToString(b)
			}
			line += fmt.Sprintf(" %s=%v", cols[i], v)
		}
		all = append(all, line)
	}
	slices.Sort(all)
	return all
}

func TestRowsOfTheRealProgram(t *testing.T) {
	for _, file := range []string{"sqlite-rows-v1.4.1.json", "sqlite-rows-v1.2.0.json"} {
		t.Run(file, func(t *testing.T) {
			v := readRows(t, file)
			path := newPath(t)
			f := openForeign(t, path)
			v.fill(t, f)
			e := openAt(t, path, "", engine.Options{})
			copied := newPath(t)
			to := openAt(t, copied, "", engine.Options{Create: true})
			kinds := map[record.Kind]int{}
			for _, kind := range record.Kinds() {
				for it, err := range e.Scan(t.Context(), engine.Range{Kind: kind, All: true}) {
					if err != nil {
						t.Fatal(err)
					}
					kinds[kind]++
					if err := commit(t.Context(), to, put(it.Key, it.Value)); err != nil {
						t.Fatalf("%s: %v", it.Key, err)
					}
				}
			}
			g := openForeign(t, copied)
			for _, tab := range tables() {
				if diff := cmp.Diff(rowsOf(f, tab), rowsOf(g, tab)); diff != "" {
					t.Errorf("rows of %s, read and written again (-want +got):\n%s", tab.name, diff)
				}
			}
			if kinds[record.KindParent] < 2 || kinds[record.KindAttr] != 26 || kinds[record.KindPlock] != 1 {
				t.Errorf("records by kind: %v", kinds)
			}
		})
	}
}

// TestRecordsOfTheRealProgram pins the traps of the rows.
func TestRecordsOfTheRealProgram(t *testing.T) {
	path := newPath(t)
	readRows(t, "sqlite-rows-v1.4.1.json").fill(t, openForeign(t, path))
	e := openAt(t, path, "", engine.Options{})
	i64 := record.EncodeInt64
	owner := uint64(6877586122419938530)
	for _, c := range []struct {
		key  record.Key
		want []byte
	}{
		{record.AttrKey(2), (&record.Attr{Type: record.TypeFile, Mode: 0o640, UID: 1000, GID: 1001, Atime: record.Time{Sec: 1700000000, Nsec: 123456789},
			Mtime: record.Time{Sec: 1700000001, Nsec: 123456789}, Ctime: record.Time{Sec: 1795440601, Nsec: 868371762}, Nlink: 2, Length: 5}).Encode()},
		{record.EntryKey(1, "a.txt"), record.Dirent{Type: record.TypeFile, Ino: 2}.Encode()},
		{record.ChunkKey(6, 0), record.EncodeSlices(record.Slice{ID: 3, Size: 1000, Len: 1000}, record.Slice{Pos: 500, ID: 4, Size: 1000, Len: 1000},
			record.Slice{Pos: 5000, ID: 5, Size: 10, Len: 10}, record.Slice{Pos: 200, ID: 6, Size: 100, Len: 100})},
		{record.SliceRefKey(12, 1), i64(2)},
		{record.SliceRefKey(1, 5), i64(1)},
		{record.ParentKey(2, 1), i64(1)},
		{record.ParentKey(2, record.Trash+1), i64(1)},
		{record.ParentKey(2, 3), nil},
		{record.ParentKey(3, 1), nil}, // one parent, in the attribute
		{record.CounterKey(record.CounterInode), i64(1026)},
		{record.CounterKey(record.CounterACL), i64(3)},
		{record.FlockKey(6), record.EncodeFlocks([]record.Flock{{Session: 1, Owner: owner, Type: 'W'}})},
		{record.SustainedKey(1, 24), []byte{1}},
		{record.QuotaKey(record.QuotaUser, 1000), record.Quota{MaxSpace: 1 << 31, MaxInodes: 200, UsedSpace: 4096, UsedInodes: 1}.Encode()},
		{record.QuotaKey(record.QuotaDir, 3), record.Quota{MaxSpace: 1 << 30, MaxInodes: 100, UsedSpace: 12288, UsedInodes: 3}.Encode()},
		{record.XattrKey(2, "user.k1"), []byte("v1")},
		{record.SymlinkKey(5), []byte("../a.txt")},
	} {
		if diff := cmp.Diff(c.want, fetch(t, e, c.key)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.key, diff)
		}
	}
	rule, err := hex.DecodeString("000600040007000400000001000003e8000700000001000007d00005") // misc-values.json
	if err != nil {
		t.Fatal(err)
	}
	if got := fetch(t, e, record.ACLKey(1)); string(got) != string(rule) {
		t.Errorf("ACL 1 is %x, want %x", got, rule)
	}
}

func TestNewACLIdsComeFromTheTable(t *testing.T) {
	path := newPath(t)
	f := openForeign(t, path)
	readRows(t, "sqlite-rows-v1.4.1.json").fill(t, f)
	e := openAt(t, path, "", engine.Options{})
	if id, err := e.Incr(t.Context(), record.CounterACL, 1); id != 4 || err != nil {
		t.Errorf("first new id is %d, %v, want 4", id, err)
	}
	f.exec("INSERT INTO jfs_acl (owner) VALUES (7)") // as the real client does: by itself the table takes the next
	if id, err := e.Incr(t.Context(), record.CounterACL, 1); id != 6 || err != nil {
		t.Errorf("id after a foreign one is %d, %v, want 6", id, err)
	}
}

func TestCellsOfEveryClassAreReadAndGrow(t *testing.T) {
	path := newPath(t)
	e := openAt(t, path, "", engine.Options{Create: true})
	f := openForeign(t, path)
	one, two := record.EncodeSlices(record.Slice{ID: 1, Size: 2, Len: 2}), record.EncodeSlices(record.Slice{Pos: 2, ID: 0xff00ff0080, Size: 2, Len: 2})
	k := record.ChunkKey(5, 0)
	if err := commit(t.Context(), e, engine.Write{Op: engine.Append, Key: k, Value: one}); err != nil {
		t.Fatal(err)
	}
	want := one
	for range 2 {
		f.exec("UPDATE jfs_chunk SET slices = slices || ? WHERE inode=5", two) // as the real client appends
		if class := f.query("SELECT typeof(slices) FROM jfs_chunk WHERE inode=5")[0][0]; class != "text" {
			t.Fatalf("class %v: the test does not test", class)
		}
		want = append(slices.Clone(want), two...)
		if got := fetch(t, e, k); string(got) != string(want) {
			t.Fatalf("text cell reads %x, want %x", got, want)
		}
		if err := commit(t.Context(), e, engine.Write{Op: engine.Append, Key: k, Value: one}); err != nil {
			t.Fatal(err)
		}
		want = append(want, one...)
		if got := fetch(t, e, k); string(got) != string(want) {
			t.Fatalf("after an append: %x, want %x", got, want)
		}
	}
	if class := f.query("SELECT typeof(slices) FROM jfs_chunk WHERE inode=5")[0][0]; class != "blob" {
		t.Errorf("our appends leave class %v", class)
	}
}
