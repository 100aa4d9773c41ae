package sqldb

import (
	"fmt"
	"slices"
	"strings"

	"juicefs/meta/record"
)

// shape says how records of a kind, each one row, are in a table.
type shape struct {
	table  string
	keys   []string // columns of the key, in the order of keyArgs
	unique []string // columns that are unique; nil: keys
	values []string // columns of the value, in the order of valueArgs
	cursor string   // column to scan by; it ascends and never changes. "" if there is a way of its own
	order  string   // column by which records with the same first key are paged; "" if the kind cannot be paged
}

// shapeID names a shape: the number of its kind, but quotas of users and groups have a table of their own.
type shapeID uint8

const (
	shapeOwnerQuota shapeID = 30
	shapes          shapeID = 32
)

// shapeOf returns where records with such keys are. Parents, locks and the newest ACL id are elsewhere.
func shapeOf(k record.Key) shapeID {
	if k.Kind == record.KindQuota && record.QuotaType(k.A) != record.QuotaDir {
		return shapeOwnerQuota
	}
	return shapeID(k.Kind)
}

// nodeColumns are the columns of an attribute in the order of nodeArgs and decodeNode.
const nodeColumns = "type,flags,mode,uid,gid,atime,mtime,ctime,atimensec,mtimensec,ctimensec,nlink,length,rdev,parent,access_acl_id,default_acl_id,tier_id"

// nodeWidth is the number of nodeColumns.
const nodeWidth = 18

// shapeTable returns all shapes.
func shapeTable() [shapes]*shape {
	cs := func(list string) []string { return strings.Split(list, ",") }
	const quota = "max_space,max_inodes,used_space,used_inodes"
	all := [shapes]*shape{shapeOwnerQuota: {table: "user_group_quota", keys: cs("qtype,qkey"), values: cs(quota), order: "qkey"}}
	for kind, s := range map[record.Kind]shape{
		record.KindSetting:   {table: "setting", keys: cs("name"), values: cs("value")},
		record.KindCounter:   {table: "counter", keys: cs("name"), values: cs("value"), cursor: "name"},
		record.KindAttr:      {table: "node", keys: cs("inode"), values: cs(nodeColumns), cursor: "inode"},
		record.KindEntry:     {table: "edge", keys: cs("parent,name"), values: cs("type,inode"), cursor: "id", order: "name"},
		record.KindChunk:     {table: "chunk", keys: cs("inode,indx"), values: cs("slices"), cursor: "id", order: "indx"},
		record.KindSliceRef:  {table: "chunk_ref", keys: cs("chunkid"), values: cs("size,refs"), cursor: "chunkid"},
		record.KindSymlink:   {table: "symlink", keys: cs("inode"), values: cs("target"), cursor: "inode"},
		record.KindXattr:     {table: "xattr", keys: cs("inode,name"), values: cs("value"), cursor: "id", order: "name"},
		record.KindDirStat:   {table: "dir_stats", keys: cs("inode"), values: cs("data_length,used_space,used_inodes"), cursor: "inode"},
		record.KindQuota:     {table: "dir_quota", keys: cs("inode"), values: cs(quota), cursor: "inode"},
		record.KindACL:       {table: "acl", keys: cs("id"), values: cs("owner,group,mask,other,named_users,named_groups"), cursor: "id"},
		record.KindSession:   {table: "session2", keys: cs("sid"), values: cs("expire,info"), cursor: "sid"},
		record.KindSustained: {table: "sustained", keys: cs("sid,inode"), cursor: "id", order: "inode"},
		record.KindDelFile:   {table: "delfile", keys: cs("inode,length"), unique: cs("inode"), values: cs("expire"), cursor: "inode"},
		record.KindDelSlices: {table: "delslices", keys: cs("chunkid,deleted"), unique: cs("chunkid"), values: cs("slices"), cursor: "chunkid"},
		record.KindDetached:  {table: "detached_node", keys: cs("inode"), values: cs("added"), cursor: "inode"},
		record.KindLog:       {table: "change_log", keys: cs("id"), values: cs("entry"), cursor: "id"},
	} {
		all[kind] = &s
	}
	return all
}

// Statements that every shape has.
const (
	opGet    stmt = iota // values of a key
	opPut                // insert or update
	opInsert             // insert
	opDelete             // delete
	opScan               // cursor, keys and values of the rows behind a cursor
	opPage               // last key column and values of the rows behind it, of one first key
	opClear              // delete all of one first key
	ops
)

func (s shapeID) stmt(op stmt) stmt { return stmt(s)*ops + op }

// texts writes the statements of a shape into all.
func (s *shape) texts(d dialect, id shapeID, all []string) {
	uniq := s.unique
	if uniq == nil {
		uniq = s.keys
	}
	cols := append(append([]string{}, s.keys...), s.values...)
	var set []string
	for _, c := range cols {
		if !slices.Contains(uniq, c) {
			set = append(set, c)
		}
	}
	where := "WHERE " + quoteEach(s.keys, "=? AND ") + "=?"
	insert := fmt.Sprintf("INSERT INTO {%s} (%s) VALUES (%s)", s.table, quote(cols...), marks(len(cols)))
	list := func(cs []string) string {
		if len(cs) == 0 {
			return "1"
		}
		return quote(cs...)
	}
	all[id.stmt(opGet)] = fmt.Sprintf("SELECT %s FROM {%s} %s", list(s.values), s.table, where)
	all[id.stmt(opPut)] = insert + " " + d.upsert(uniq, set)
	all[id.stmt(opInsert)] = insert
	all[id.stmt(opDelete)] = fmt.Sprintf("DELETE FROM {%s} %s", s.table, where)
	if s.cursor != "" {
		all[id.stmt(opScan)] = fmt.Sprintf("SELECT %s FROM {%s} WHERE %[3]s>? ORDER BY %[3]s LIMIT ?", quote(append([]string{s.cursor}, cols...)...), s.table, quote(s.cursor))
	}
	if s.order != "" {
		all[id.stmt(opPage)] = fmt.Sprintf("SELECT %s FROM {%s} WHERE %s=? AND %[4]s>? ORDER BY %[4]s LIMIT ?",
			list(append([]string{s.order}, s.values...)), s.table, quote(s.keys[0]), quote(s.order))
		all[id.stmt(opClear)] = fmt.Sprintf("DELETE FROM {%s} WHERE %s=?", s.table, quote(s.keys[0]))
	}
}

// quoteEach is the quoted names with sep between.
func quoteEach(names []string, sep string) string {
	var b strings.Builder
	for i, n := range names {
		if i > 0 {
			b.WriteString(sep)
		}
		b.WriteString(quote(n))
	}
	return b.String()
}

// marks is n question marks.
func marks(n int) string { return strings.TrimSuffix(strings.Repeat("?,", n), ",") }
