package fstest

import (
	"fmt"
	"path"

	"juicefs/meta/engine"
	"juicefs/meta/record"
)

// many makes empty objects of one directory, with an attribute "etag" each. All but the first are written past the file
// system, as it would, a batch at a time: for tests that want to have them and not to make them.
func (v *volume) many(dir string, names ...string) {
	v.Helper()
	first := v.spec(dir+"/"+names[0], 0)
	first.Xattrs = map[string][]byte{"etag": etagOf(0)}
	o := v.commit(first)
	const most = 500
	for from := 1; from < len(names); from += most {
		v.cloned(o.Parent, &o.Attr, from, names[from:min(from+most, len(names))])
	}
}

// etagOf is the attribute of one of many objects.
func etagOf(i int) []byte { return fmt.Appendf(nil, "e%d", i+1) }

// cloned writes inodes like one in a directory; from is the number of the first.
func (v *volume) cloned(dir record.Ino, like *record.Attr, from int, names []string) {
	v.Helper()
	n := int64(len(names))
	top, err := v.eng.Incr(v.Context(), record.CounterInode, n)
	v.ok(err)
	b := &engine.Batch{}
	add := func(k record.Key, deltas ...int64) {
		w := engine.Write{Op: engine.Add, Key: k}
		copy(w.Deltas[:], deltas)
		b.Writes = append(b.Writes, w)
	}
	space := n * like.Space()
	add(record.CounterKey(record.CounterSpace), space)
	add(record.CounterKey(record.CounterInodes), n)
	if v.setup.setting.DirStats {
		add(record.DirStatKey(dir), 0, space, n)
	}
	if v.setup.setting.UserGroupQuota {
		add(record.QuotaKey(record.QuotaUser, uint64(like.UID)), space, n)
		add(record.QuotaKey(record.QuotaGroup, uint64(like.GID)), space, n)
	}
	if v.setup.limits { // of the root
		add(record.QuotaKey(record.QuotaDir, uint64(record.Root)), space, n)
	}
	for i, name := range names {
		ino := record.Ino(top - n + int64(i))
		b.Writes = append(b.Writes,
			engine.Write{Op: engine.Insert, Key: record.AttrKey(ino), Value: like.Encode()},
			engine.Write{Op: engine.Put, Key: record.XattrKey(ino, "etag"), Value: etagOf(from + i)},
			engine.Write{Op: engine.Insert, Key: record.EntryKey(dir, name), Value: record.Dirent{Type: like.Type, Ino: ino}.Encode()})
	}
	tx := v.eng.Begin(engine.Update)
	defer tx.Discard()
	v.ok(tx.Commit(v.Context(), b))
}

// manyParts are empty parts of an upload.
func (v *volume) manyParts(dir string, n int) {
	v.Helper()
	names := make([]string, n)
	for i, p := range partsOf(dir, n) {
		names[i] = path.Base(p.Path)
	}
	v.many(dir, names...)
}
