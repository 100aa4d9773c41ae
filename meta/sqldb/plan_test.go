package sqldb

import (
	"context"
	"database/sql/driver"
	"fmt"
	"strings"
	"testing"

	"juicefs/meta"
	"juicefs/meta/engine"
	"juicefs/meta/record"
)

// TestNoStatementReadsAWholeTable holds the plans of all statements: a search by an index or key in every table, and no
// sorting.
func TestNoStatementReadsAWholeTable(t *testing.T) {
	path := newPath(t)
	openAt(t, path, "", engine.Options{Create: true})
	f := openForeign(t, path)
	for s, text := range statementTexts(sqlite{}, namer{"jfs_"}) {
		if text == "" {
			continue
		}
		args := strings.Count(text, "?")
		for _, row := range f.query("EXPLAIN QUERY PLAN "+text, make([]driver.Value, args)...) {
			step := string(raw(row[3]))
			sorts := strings.Contains(step, "TEMP B-TREE") && stmt(s) != stParents // groups the links of one inode
			scans := strings.HasPrefix(step, "SCAN") && !strings.Contains(step, "sqlite_sequence")
			if sorts || scans {
				t.Errorf("%s:\n%s", text, step)
			}
		}
	}
	for _, s := range []stmt{stList, stListXattr, shapeID(record.KindEntry).stmt(opPage)} {
		text := statementTexts(sqlite{}, namer{"jfs_"})[s]
		plan := f.query("EXPLAIN QUERY PLAN "+text, make([]driver.Value, strings.Count(text, "?"))...)
		if step := string(raw(plan[0][3])); !strings.Contains(step, "UQE_jfs_edge_edge (parent=? AND name>?)") {
			t.Errorf("%s begins with %s", text, step)
		}
	}
}

// TestPageOfAHugeDirectoryReadsAPage: what a page of a list reads depends on the page and not on the directory.
func TestPageOfAHugeDirectoryReadsAPage(t *testing.T) {
	const all, limit = 1_000_000, 1000
	path := newPath(t)
	e := openAt(t, path, "", engine.Options{Create: true})
	fs := newFS(t, e)
	f := openForeign(t, path)
	f.exec("BEGIN")
	f.exec(fmt.Sprintf("WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i+1 FROM n WHERE i<%d) INSERT INTO jfs_edge (parent,name,inode,type)"+
		" SELECT 1, CAST(printf('k%%06d', i) AS BLOB), i, 1 FROM n", all+1))
	f.exec("INSERT INTO jfs_node (inode,type,flags,mode,uid,gid,atime,mtime,ctime,nlink,length) SELECT inode,1,0,420,0,0,0,0,0,1,0 FROM jfs_edge")
	f.exec("INSERT INTO jfs_xattr (inode,name,value) SELECT inode,'s3-etag',x'61' FROM jfs_edge")
	f.exec("COMMIT")
	rows := func() int64 {
		c, err := e.pool.acquire(t.Context(), false)
		if err != nil {
			t.Fatal(err)
		}
		defer e.pool.release(c, false)
		return c.rows.Load()
	}
	before := rows()
	tx := &tx{e: e, mode: engine.View}
	page, err := tx.ListDir(t.Context(), 1, "k050000", limit, "s3-etag")
	tx.Discard()
	if err != nil || len(page) != limit {
		t.Fatalf("%d entries: %v", len(page), err)
	}
	if first, last := page[0], page[limit-1]; first.Name != "k050001" || last.Name != "k051000" || string(last.Xattr) != "a" || last.Attr == nil {
		t.Errorf("page from %q to %+v", first.Name, last)
	}
	if n := rows() - before; n != limit {
		t.Errorf("%d rows for a page of %d", n, limit)
	}
	for _, q := range []meta.ListQuery{
		{}, {Delimiter: true}, {After: "k050000"}, {After: "k050000", Delimiter: true}, {Prefix: "k09"}, {Prefix: "k09", After: "k095", Delimiter: true},
	} {
		q.Dir, q.Limit, q.Xattr = "/", limit, "s3-etag"
		before = rows()
		p, err := fs.ListObjects(t.Context(), &meta.Caller{}, q)
		if err != nil || len(p.Items) != limit {
			t.Fatalf("%+v: %d objects, %v", q, len(p.Items), err)
		}
		if n := rows() - before; n > limit+10 { // the way to the directory, and whether there is more
			t.Errorf("%+v: %d rows for a page of %d", q, n, limit)
		}
	}
}

// newFS makes a volume in a database and opens it.
func newFS(t *testing.T, e *Engine) *meta.FS {
	t.Helper()
	if err := meta.Format(t.Context(), e, &record.Setting{Name: "vol", UUID: "0a1b2c3d-0000-4000-8000-00000000abcd", Storage: "mem", BlockSize: 4096,
		Compression: "none", MetaVersion: 1}, false); err != nil {
		t.Fatal(err)
	}
	fs, err := meta.Open(t.Context(), e, meta.Options{NoBackground: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := fs.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return fs
}
