package sqldb

import (
	"strings"

	"juicefs/meta/record"
)

// stmt names a statement. Those of shapes come first.
type stmt int

// Statements that are not of a shape.
const (
	stBegin stmt = stmt(shapes)*ops + iota // of a transaction that writes
	stView                                 // begin of one that reads
	stCommit
	stRollback

	stAppend        // inode, index, slices
	stAddCounter    // name, initial value + delta; delta
	stAddRefs       // delta; slice
	stAddDirStat    // length, space, inodes; directory
	stAddDirQuota   // space, inodes; directory
	stAddOwnerQuota // type, id, space, inodes; space, inodes
	stTouch         // mtime, rest, ctime, rest; inode, mtime, mtime, rest
	stNlink         // delta; inode
	stHasEntry      // directory

	stStep      // directory, name: type and inode of the entry, and its node
	stOthers    // directory, name: whether there are other entries
	stChunks    // inode, first index not wanted: index, slices
	stList      // directory, after, limit: name, type, inode, node
	stListXattr // xattr name, directory, after, limit: the same and the value
	stParent    // inode, parent: number of links
	stParents   // inode, after, limit: parent, number of links
	stLinked    // after, limit: inodes with several links
	stFlocks    // inode: session, owner, type
	stPutFlock  // inode, session, owner, type
	stDelFlock  // inode, session, owner
	stPlocks    // inode: session, owner, records
	stPutPlock  // inode, session, owner, records
	stDelPlock  // inode, session, owner
	stFlocked   // after, limit: inodes with BSD locks
	stPlocked   // after, limit: inodes with POSIX locks
	stSequence  // newest ACL id
	stSetSequence
	stNewSequence
	statements
)

// statementTexts returns all statements, for tables named by n.
func statementTexts(d dialect, n namer) []string {
	all := make([]string, statements)
	for id, s := range shapeTable() {
		if s != nil {
			s.texts(d, shapeID(id), all)
		}
	}
	up := func(unique string, set ...string) string { return d.upsert(strings.Split(unique, ","), set) }
	node := "n.`" + strings.ReplaceAll(nodeColumns, ",", "`,n.`") + "`"
	const links = "FROM {edge} e WHERE e.inode=? AND e.parent+0%s? AND NOT EXISTS (SELECT 1 FROM {node} n WHERE n.inode=e.inode AND n.parent>0)"
	list := func(more, join string) string {
		return "SELECT e.name,e.type,e.inode," + node + more + " FROM {edge} e LEFT JOIN {node} n ON n.inode=e.inode" + join +
			" WHERE e.parent=? AND e.name>? ORDER BY e.name LIMIT ?"
	}
	for s, text := range map[stmt]string{
		stCommit:      "COMMIT",
		stRollback:    "ROLLBACK",
		stAppend:      "INSERT INTO {chunk} (inode,indx,slices) VALUES (?,?,?) ON CONFLICT (inode,indx) DO UPDATE SET slices=" + d.blobAppend("{chunk}.slices"),
		stAddCounter:  "INSERT INTO {counter} (name,value) VALUES (?,?) ON CONFLICT (name) DO UPDATE SET value={counter}.value+?",
		stAddRefs:     "UPDATE {chunk_ref} SET refs=refs+? WHERE chunkid=?",
		stAddDirStat:  "UPDATE {dir_stats} SET data_length=data_length+?, used_space=used_space+?, used_inodes=used_inodes+? WHERE inode=?",
		stAddDirQuota: "UPDATE {dir_quota} SET used_space=used_space+?, used_inodes=used_inodes+? WHERE inode=?",
		stAddOwnerQuota: "INSERT INTO {user_group_quota} (qtype,qkey,max_space,max_inodes,used_space,used_inodes) VALUES (?,?,-1,-1,?,?)" +
			" ON CONFLICT (qtype,qkey) DO UPDATE SET used_space={user_group_quota}.used_space+?, used_inodes={user_group_quota}.used_inodes+?",
		stTouch:     "UPDATE {node} SET mtime=?, mtimensec=?, ctime=?, ctimensec=? WHERE inode=? AND (mtime<? OR mtime=? AND mtimensec<?)",
		stNlink:     "UPDATE {node} SET nlink=nlink+? WHERE inode=?",
		stHasEntry:  "SELECT 1 FROM {edge} WHERE parent=? LIMIT 1",
		stStep:      "SELECT e.type,e.inode," + node + " FROM {edge} e LEFT JOIN {node} n ON n.inode=e.inode WHERE e.parent=? AND e.name=?",
		stOthers:    "SELECT 1 FROM {edge} WHERE parent=? AND name<>? LIMIT 1",
		stChunks:    "SELECT indx,slices FROM {chunk} WHERE inode=? AND indx<? ORDER BY indx",
		stList:      list("", ""),
		stListXattr: list(",x.value", " LEFT JOIN {xattr} x ON x.inode=e.inode AND x.name=?"),
		stParent:    "SELECT count(*) " + strings.Replace(links, "%s", "=", 1),
		stParents:   "SELECT e.parent,count(*) " + strings.Replace(links, "%s", ">", 1) + " GROUP BY e.parent ORDER BY e.parent LIMIT ?",
		stLinked:    "SELECT inode FROM {node} WHERE inode>? AND (parent=0 OR parent IS NULL) ORDER BY inode LIMIT ?",
		stFlocks:    "SELECT sid,owner,ltype FROM {flock} WHERE inode=?",
		stPutFlock:  "INSERT INTO {flock} (inode,sid,owner,ltype) VALUES (?,?,?,?) " + up("inode,sid,owner", "ltype"),
		stDelFlock:  "DELETE FROM {flock} WHERE inode=? AND sid=? AND owner=?",
		stPlocks:    "SELECT sid,owner,records FROM {plock} WHERE inode=?",
		stPutPlock:  "INSERT INTO {plock} (inode,sid,owner,records) VALUES (?,?,?,?) " + up("inode,sid,owner", "records"),
		stDelPlock:  "DELETE FROM {plock} WHERE inode=? AND sid=? AND owner=?",
		stFlocked:   "SELECT DISTINCT inode FROM {flock} WHERE inode>? ORDER BY inode LIMIT ?",
		stPlocked:   "SELECT DISTINCT inode FROM {plock} WHERE inode>? ORDER BY inode LIMIT ?",
	} {
		all[s] = text
	}
	all[stBegin], all[stView] = d.begin()
	all[stSequence], all[stSetSequence], all[stNewSequence] = d.sequence(n.table("acl"))
	for i, text := range all {
		all[i] = d.finish(n.expand(text))
	}
	return all
}

// expand puts the names of tables for {table}.
func (n namer) expand(text string) string {
	var b strings.Builder
	for {
		before, rest, ok := strings.Cut(text, "{")
		b.WriteString(before)
		if !ok {
			return b.String()
		}
		name, after, _ := strings.Cut(rest, "}")
		b.WriteString(quote(n.table(name)))
		text = after
	}
}

// isSequence reports whether a counter is the newest automatic key of a table and not a row of the counters.
//
// Format: juicefs 1.4.1 takes ACL ids from the table's own sequence; a counter beside it would give out the same ids.
func isSequence(k record.Key) bool {
	return k.Kind == record.KindCounter && k.Name == record.CounterACL
}
