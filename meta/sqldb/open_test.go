package sqldb

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"juicefs/meta/engine"
	"juicefs/meta/record"
)

func TestOpenOfWhatIsNoVolume(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	for name, content := range map[string]string{"empty.db": "", "text.db": strings.Repeat("this is no database\n", 100)} {
		if err := os.WriteFile(path(name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	openForeign(t, path("other.db")).exec("CREATE TABLE t (a)")
	for name, notFormatted := range map[string]bool{"missing.db": true, "empty.db": true, "other.db": true, "text.db": false, "no/such/dir.db": false} {
		before, _ := os.ReadFile(path(name))
		for _, readOnly := range []bool{false, true} {
			_, err := Open(t.Context(), "sqlite3://"+path(name), engine.Options{ReadOnly: readOnly})
			if err == nil || errors.Is(err, engine.ErrNotFormatted) != notFormatted || !strings.Contains(err.Error(), path(name)) {
				t.Errorf("%s, read-only %v: %v", name, readOnly, err)
			}
		}
		if after, err := os.ReadFile(path(name)); string(after) != string(before) || name == "missing.db" && !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: the file was changed or made", name)
		}
	}
}

func TestOpenRefusesWrongAddresses(t *testing.T) {
	for _, url := range []string{"sqlite3://", "sqlite3://?x=y", "sqlite3://:memory:", "mysql://u@(h)/db", "sqlite3:///x.db?table_prefix=a'b", "sqlite3:///x.db?_timeout=soon",
		"sqlite3:///x.db?_journal=WAL;DROP", "sqlite3:///x.db?max_open_conns=-1", "sqlite3:///x.db?%zz"} {
		if _, err := Open(t.Context(), url, engine.Options{Create: true}); err == nil {
			t.Errorf("%s opens", url)
		}
	}
}

func TestPathsAreTakenAsTheyAre(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, path := range []string{"plain.db", "with space & #hash.db", "percent%41.db", filepath.Join(t.TempDir(), "abs ü.db")} {
		openAt(t, path, "", engine.Options{Create: true})
		if _, err := os.Stat(path); err != nil {
			t.Errorf("%q: %v", path, err)
		}
	}
}

func TestCreateKeepsAVolume(t *testing.T) {
	path := newPath(t)
	e := openAt(t, path, "", engine.Options{Create: true})
	if _, err := e.Incr(t.Context(), record.CounterInode, 1024); err != nil {
		t.Fatal(err)
	}
	again := openAt(t, path, "", engine.Options{Create: true})
	if v, err := again.Incr(t.Context(), record.CounterInode, 0); v != 1026 || err != nil {
		t.Errorf("counter %d, %v, want 1026", v, err)
	}
}

func TestJournalMode(t *testing.T) {
	for options, want := range map[string]string{"": "wal", "?_journal=DELETE": "delete", "?_journal_mode=TRUNCATE&cache=shared": "truncate"} {
		path := newPath(t)
		openAt(t, path, options, engine.Options{Create: true})
		got := string(raw(openForeign(t, path).query("PRAGMA journal_mode")[0][0]))
		if want == "truncate" {
			want = "delete" // what other connections see of it
		}
		if got != want {
			t.Errorf("options %q: %s, want %s", options, got, want)
		}
	}
}

func TestManyOpenAtOnce(t *testing.T) {
	path := newPath(t)
	errs := make(chan error)
	const n = 8
	for range n {
		go func() {
			e, err := Open(t.Context(), "sqlite3://"+path, engine.Options{Create: true})
			if err == nil {
				_, err = e.Incr(t.Context(), record.CounterSession, 1)
				err = errors.Join(err, e.Close())
			}
			errs <- err
		}()
	}
	for range n {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	e := openAt(t, path, "", engine.Options{})
	if v, err := e.Incr(t.Context(), record.CounterSession, 0); v != n || err != nil {
		t.Errorf("sessions %d, %v", v, err)
	}
}
