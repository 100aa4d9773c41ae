package sqldb

import (
	"database/sql/driver"
	"fmt"
	"strings"
	"testing"

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

func TestPageOfAHugeDirectoryReadsAPage(t *testing.T) {
	const all, limit = 100_000, 1000
	path := newPath(t)
	e := openAt(t, path, "", engine.Options{Create: true})
	f := openForeign(t, path)
	f.exec("BEGIN")
	f.exec(fmt.Sprintf("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<%d) INSERT INTO jfs_edge (parent,name,inode,type)"+
		" SELECT 1, CAST(printf('k%%06d', i) AS BLOB), i+1, 1 FROM n", all))
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
}
