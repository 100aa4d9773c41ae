package oracle

import (
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
)

// Volume is a volume in a private folder of one test.
type Volume struct {
	Name string
	Meta string // metadata URL
	Dir  string // the folder of all that belongs to the volume
	Data string // folder of the file object store; the blocks are under Data/Name/chunks

	original atomic.Bool // a gateway of the original has served it
}

// FormatOptions are for Format.
type FormatOptions struct {
	Name      string   // empty: "vol1"
	Meta      string   // metadata URL; empty: a SQLite database in the volume's folder
	TrashDays int      // 0: no trash
	Flags     []string // further options of the format command
}

// Format makes a volume on a local folder with p's format command. The folder is removed at the end of the test.
func Format(t testing.TB, p Program, o FormatOptions) *Volume {
	t.Helper()
	v := &Volume{Name: o.Name, Meta: o.Meta, Dir: t.TempDir()}
	if v.Name == "" {
		v.Name = "vol1"
	}
	if v.Meta == "" {
		v.Meta = "sqlite3://" + filepath.Join(v.Dir, "meta.db")
	}
	v.Data = filepath.Join(v.Dir, "data")
	args := []string{"format", v.Meta, v.Name, "--storage", "file", "--bucket", v.Data, "--trash-days", strconv.Itoa(o.TrashDays)}
	p.Must(t, nil, append(args, o.Flags...)...)
	return v
}

// Blocks returns the sizes in bytes of the blocks in the folder, by the last part of their keys: slice_index_size.
// It may be called while gateways run.
func (v *Volume) Blocks(t testing.TB) map[string]int64 {
	t.Helper()
	blocks := map[string]int64{}
	err := filepath.WalkDir(filepath.Join(v.Data, v.Name, "chunks"), func(path string, e fs.DirEntry, err error) error {
		// Files come and go under a running gateway: what is gone is not there. Unfinished ones have other names.
		if err == nil && e.IsDir() {
			return nil
		}
		if err == nil && strings.Count(e.Name(), "_") == 2 {
			var info fs.FileInfo
			if info, err = e.Info(); err == nil {
				blocks[e.Name()] = info.Size()
			}
		}
		if os.IsNotExist(err) {
			return nil
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return blocks
}
