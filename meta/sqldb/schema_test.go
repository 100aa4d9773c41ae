package sqldb

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"juicefs/meta/engine"
	"juicefs/meta/record"
)

func TestSchemaIsTheOriginals(t *testing.T) {
	path := newPath(t)
	openAt(t, path, "", engine.Options{Create: true})
	f := openForeign(t, path)
	if diff := cmp.Diff(ddl(t, "ddl-sqlite-v1.4.1.sql"), f.schema()); diff != "" {
		t.Errorf("(-original +ours):\n%s", diff)
	}
	want := "nextInode=2 nextChunk=1 nextSession=0 usedSpace=0 totalInodes=0 nextCleanupSlices=0"
	var got []string
	for _, row := range f.query("SELECT name || '=' || value FROM jfs_counter ORDER BY rowid") {
		got = append(got, string(raw(row[0])))
	}
	if strings.Join(got, " ") != want {
		t.Errorf("counters %q, want %q", got, want)
	}
}

func TestSchemaWithPrefix(t *testing.T) {
	path := newPath(t)
	e := openAt(t, path, "?table_prefix=abc", engine.Options{Create: true})
	var want []string
	for _, s := range ddl(t, "ddl-sqlite-v1.4.1.sql") {
		want = append(want, strings.ReplaceAll(s, "jfs_", "jfs_abc_"))
	}
	if diff := cmp.Diff(want, openForeign(t, path).schema()); diff != "" {
		t.Errorf("(-original +ours):\n%s", diff)
	}
	k := record.EntryKey(1, "n")
	v := record.Dirent{Type: record.TypeFile, Ino: 5}.Encode()
	if err := commit(t.Context(), e, put(k, v)); err != nil {
		t.Fatal(err)
	}
	if got := fetch(t, e, k); string(got) != string(v) {
		t.Errorf("entry %x, want %x", got, v)
	}
	if _, err := Open(t.Context(), "sqlite3://"+path, engine.Options{}); err == nil {
		t.Error("the file opens without prefix")
	}
}

// older makes a file as juicefs 1.2 does, with one inode.
func older(t *testing.T) string {
	t.Helper()
	path := newPath(t)
	f := openForeign(t, path)
	for _, s := range ddl(t, "ddl-sqlite-v1.2.0.sql") {
		f.exec(s)
	}
	f.exec("INSERT INTO jfs_node (inode,type,flags,mode,uid,gid,atime,mtime,ctime,nlink,length) VALUES (1,2,0,511,0,0,1,2,3,2,4096)")
	f.exec("INSERT INTO jfs_counter VALUES ('nextInode', 1026)")
	return path
}

var olderRoot = (&record.Attr{Type: record.TypeDirectory, Mode: 0o777, Atime: record.Time{Nsec: 1000}, Mtime: record.Time{Nsec: 2000},
	Ctime: record.Time{Nsec: 3000}, Nlink: 2, Length: 4096}).Encode()

func TestOpenAddsWhatOlderVolumesLack(t *testing.T) {
	path := older(t)
	e := openAt(t, path, "", engine.Options{})
	cat := func(f *foreign) (all []string) {
		for _, row := range f.query("SELECT m.type || ' ' || m.name || ' ' || coalesce(p.name,'') FROM sqlite_master m LEFT JOIN pragma_table_info(m.name) p ORDER BY 1") {
			all = append(all, string(raw(row[0])))
		}
		return all
	}
	fresh := newPath(t)
	openAt(t, fresh, "", engine.Options{Create: true})
	if diff := cmp.Diff(cat(openForeign(t, fresh)), cat(openForeign(t, path))); diff != "" {
		t.Errorf("(-new volume +upgraded volume):\n%s", diff)
	}
	if got := fetch(t, e, record.AttrKey(1)); string(got) != string(olderRoot) {
		t.Errorf("root %x, want %x", got, olderRoot)
	}
	a, err := record.DecodeAttr(olderRoot)
	if err != nil {
		t.Fatal(err)
	}
	a.Tier = 2
	q := record.Quota{MaxSpace: 1}.Encode()
	if err := commit(t.Context(), e, put(record.AttrKey(1), a.Encode()), put(record.QuotaKey(record.QuotaUser, 1), q)); err != nil {
		t.Error(err)
	}
	if v, err := e.Incr(t.Context(), record.CounterInode, 0); v != 1026 || err != nil {
		t.Errorf("counter %d, %v", v, err)
	}
}

func TestReadOnlyReadsOlderVolumesAndLeavesThem(t *testing.T) {
	path := older(t)
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	e := openAt(t, path, "", engine.Options{ReadOnly: true})
	if got := fetch(t, e, record.AttrKey(1)); string(got) != string(olderRoot) {
		t.Errorf("root %x, want %x", got, olderRoot)
	}
	if got := fetch(t, e, record.QuotaKey(record.QuotaUser, 1)); got != nil {
		t.Errorf("quota %x", got)
	}
	for _, kind := range record.Kinds() {
		for _, err := range e.Scan(t.Context(), engine.Range{Kind: kind, All: true}) {
			if err != nil {
				t.Errorf("scan of %s: %v", kind, err)
			}
		}
	}
	if err = commit(t.Context(), e, put(record.AttrKey(1), olderRoot)); err == nil {
		t.Error("commit succeeded")
	}
	if _, err = e.Incr(t.Context(), record.CounterInode, 1); err == nil {
		t.Error("incr succeeded")
	}
	v, err := e.Incr(t.Context(), record.CounterInode, 0)
	if v != 1026 || err != nil {
		t.Errorf("counter %d, %v", v, err)
	}
	after, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(before) != string(after) {
		t.Error("the file was changed")
	}
}

func TestReadOnlySeesWhatAWriterCommits(t *testing.T) {
	path := newPath(t)
	w := openAt(t, path, "", engine.Options{Create: true})
	r := openAt(t, path, "", engine.Options{ReadOnly: true})
	k := record.XattrKey(1, "x")
	for _, v := range []string{"1", "2"} {
		if err := commit(t.Context(), w, put(k, []byte(v))); err != nil {
			t.Fatal(err)
		}
		if got := fetch(t, r, k); string(got) != v {
			t.Errorf("reads %q, want %q", got, v)
		}
	}
}

func TestReadOnlyOpensAFileThatNobodyHasOpen(t *testing.T) {
	path := newPath(t)
	w, err := Open(t.Context(), "sqlite3://"+path, engine.Options{Create: true})
	if err != nil {
		t.Fatal(err)
	}
	k := record.XattrKey(1, "x")
	if err = errors.Join(commit(t.Context(), w, put(k, []byte("1"))), w.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err = os.Stat(path + "-wal"); !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("the log is still there: %v", err)
	}
	r := openAt(t, path, "", engine.Options{ReadOnly: true})
	if got := fetch(t, r, k); string(got) != "1" {
		t.Errorf("reads %q", got)
	}
}
