package sqldb

import (
	"fmt"
	"slices"
	"strings"
)

// kind of a column's type; dialects have their own words for each.
type colType uint8

const (
	typeInt    colType = iota + 1 // 32 bits
	typeBig                       // 64 bits, signed
	typeString                    // up to 255 characters
	typeText                      // longer text
	typeName                      // up to 255 bytes
	typePath                      // up to 4096 bytes
	typeBlob                      // bytes
)

// column is a column of a table.
type column struct {
	name string
	typ  colType
	null bool
	zero bool // DEFAULT 0
	auto bool // the table's automatic primary key
	pk   bool // the table's primary key, or part of it
}

// index is an index of a table.
type index struct {
	name   string // behind IDX_table_ or UQE_table_
	unique bool
	on     []string
}

// table is a table; its name is without jfs_ and prefix.
type table struct {
	name    string
	columns []column
	indexes []index
}

func key(name string, t colType) column  { return column{name: name, typ: t, pk: true} }
func col(name string, t colType) column  { return column{name: name, typ: t} }
func null(name string, t colType) column { return column{name: name, typ: t, null: true} }
func zero(name string) column            { return column{name: name, typ: typeInt, zero: true} }
func auto(t colType) column              { return column{name: "id", typ: t, pk: true, auto: true} }

func unique(name string, on ...string) []index { return []index{{name, true, on}} }

// tables returns the schema, in the order of creation.
//
// Format: juicefs 1.4.1; testdata/ddl-sqlite-v1.4.1.sql.
func tables() []table {
	cols := func(cs ...column) []column { return cs }
	quota := cols(col("max_space", typeBig), col("max_inodes", typeBig), col("used_space", typeBig), col("used_inodes", typeBig))
	return []table{
		{"setting", cols(key("name", typeString), col("value", typeText)), nil},
		{"counter", cols(key("name", typeString), col("value", typeBig)), nil},
		{"edge", cols(auto(typeBig), col("parent", typeBig), col("name", typeName), col("inode", typeBig), col("type", typeInt)),
			[]index{{"edge", true, []string{"parent", "name"}}, {"inode", false, []string{"inode"}}}},
		{"node", cols(key("inode", typeBig), col("type", typeInt), col("flags", typeInt), col("mode", typeInt), col("uid", typeInt), col("gid", typeInt),
			col("atime", typeBig), col("mtime", typeBig), col("ctime", typeBig), zero("atimensec"), zero("mtimensec"), zero("ctimensec"),
			col("nlink", typeInt), col("length", typeBig), null("rdev", typeInt), null("parent", typeBig),
			null("access_acl_id", typeInt), null("default_acl_id", typeInt), null("tier_id", typeInt)), nil},
		{"symlink", cols(key("inode", typeBig), col("target", typePath)), nil},
		{"xattr", cols(auto(typeBig), col("inode", typeBig), col("name", typeString), col("value", typeBlob)), unique("name", "inode", "name")},
		{"chunk", cols(auto(typeBig), col("inode", typeBig), col("indx", typeInt), col("slices", typeBlob)), unique("chunk", "inode", "indx")},
		{"chunk_ref", cols(key("chunkid", typeBig), col("size", typeInt), col("refs", typeInt)), []index{{"refs", false, []string{"refs"}}}},
		{"delslices", cols(key("chunkid", typeBig), col("deleted", typeBig), col("slices", typeBlob)), nil},
		{"session2", cols(key("sid", typeBig), col("expire", typeBig), null("info", typeBlob)), nil},
		{"sustained", cols(auto(typeBig), col("sid", typeBig), col("inode", typeBig)), unique("sustained", "sid", "inode")},
		{"delfile", cols(key("inode", typeBig), col("length", typeBig), col("expire", typeBig)), nil},
		{"flock", cols(auto(typeBig), col("inode", typeBig), col("sid", typeBig), col("owner", typeBig), col("ltype", typeInt)),
			unique("flock", "inode", "sid", "owner")},
		{"plock", cols(auto(typeBig), col("inode", typeBig), col("sid", typeBig), col("owner", typeBig), col("records", typeBlob)),
			unique("plock", "inode", "sid", "owner")},
		{"dir_quota", append(cols(key("inode", typeBig)), quota...), nil},
		{"user_group_quota", append(cols(key("qtype", typeInt), key("qkey", typeBig)), quota...), nil},
		{"dir_stats", cols(key("inode", typeBig), col("data_length", typeBig), col("used_space", typeBig), col("used_inodes", typeBig)), nil},
		{"detached_node", cols(key("inode", typeBig), col("added", typeBig)), nil},
		{"acl", cols(auto(typeInt), null("owner", typeInt), null("group", typeInt), null("mask", typeInt), null("other", typeInt),
			null("named_users", typeBlob), null("named_groups", typeBlob)), nil},
		{"delegation_token", cols(auto(typeInt), null("token", typeBlob)), nil},
		{"change_log", cols(auto(typeBig), col("entry", typeText)), nil},
	}
}

// namer gives tables their full names.
type namer struct{ prefix string } // "jfs_" or "jfs_PREFIX_"

func (n namer) table(name string) string { return n.prefix + name }

func (n namer) index(t *table, i *index) string {
	kind := "IDX"
	if i.unique {
		kind = "UQE"
	}
	return kind + "_" + n.table(t.name) + "_" + i.name
}

func quote(names ...string) string { return "`" + strings.Join(names, "`,`") + "`" }

// createTable returns the statements that make a table.
func (n namer) createTable(d dialect, t *table) []string {
	var defs, pks []string
	for i := range t.columns {
		c := &t.columns[i]
		if c.pk {
			pks = append(pks, c.name)
		}
	}
	for i := range t.columns {
		c := &t.columns[i]
		defs = append(defs, quote(c.name)+" "+d.columnType(c, len(pks) == 1))
	}
	if len(pks) > 1 {
		defs = append(defs, "PRIMARY KEY ( "+quote(pks...)+" )")
	}
	all := []string{fmt.Sprintf("CREATE TABLE %s (%s)", quote(n.table(t.name)), strings.Join(defs, ", "))}
	for i := range t.indexes {
		all = append(all, n.createIndex(t, &t.indexes[i]))
	}
	return all
}

func (n namer) createIndex(t *table, i *index) string {
	unique := ""
	if i.unique {
		unique = "UNIQUE "
	}
	return fmt.Sprintf("CREATE %sINDEX %s ON %s (%s)", unique, quote(n.index(t, i)), quote(n.table(t.name)), quote(i.on...))
}

// catalogue is what a database has: columns by table, and names of indexes.
type catalogue struct {
	columns map[string][]string
	indexes []string
}

// lacks returns the statements that add what a volume made by an older version lacks.
//
// Format: the real client does the same at every start, and never removes anything.
func (n namer) lacks(d dialect, have catalogue) []string {
	var all []string
	for _, t := range tables() {
		cols := have.columns[n.table(t.name)]
		if cols == nil {
			all = append(all, n.createTable(d, &t)...)
			continue
		}
		for i := range t.columns {
			if c := &t.columns[i]; !slices.Contains(cols, c.name) {
				all = append(all, fmt.Sprintf("ALTER TABLE %s ADD %s %s", quote(n.table(t.name)), quote(c.name), d.columnType(c, false)))
			}
		}
		for i := range t.indexes {
			if !slices.Contains(have.indexes, n.index(&t, &t.indexes[i])) {
				all = append(all, n.createIndex(&t, &t.indexes[i]))
			}
		}
	}
	return all
}

// standIns returns statements that let a connection which may not write see what an older volume lacks: empty temporary
// tables, and temporary views with columns of NULL.
func (n namer) standIns(d dialect, have catalogue) []string {
	var all []string
	for _, t := range tables() {
		full := n.table(t.name)
		cols := have.columns[full]
		if cols == nil {
			all = append(all, strings.Replace(n.createTable(d, &t)[0], "CREATE TABLE", "CREATE TEMP TABLE", 1))
			continue
		}
		missing := ""
		for i := range t.columns {
			if c := &t.columns[i]; !slices.Contains(cols, c.name) {
				missing += ", NULL AS " + quote(c.name)
			}
		}
		if missing != "" {
			all = append(all, fmt.Sprintf("CREATE TEMP VIEW %s AS SELECT *%s FROM main.%s", quote(full), missing, quote(full)))
		}
	}
	return all
}
