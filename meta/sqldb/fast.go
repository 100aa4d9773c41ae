package sqldb

import (
	"context"
	"database/sql/driver"
	"fmt"

	"juicefs/meta/engine"
	"juicefs/meta/record"
)

// Walk looks up name after name, entry and node in one statement each. In process that is cheaper than one recursive query.
func (t *tx) Walk(ctx context.Context, q engine.WalkQuery) (*engine.Walked, error) {
	if err := t.start(ctx); err != nil {
		return nil, fmt.Errorf("walk: %w", err)
	}
	w := &engine.Walked{
		Entries: make([]record.Item, 0, len(q.Names)),
		Attrs:   make([]record.Item, 0, len(q.Names)),
	}
	if err := t.walk(ctx, q, w); err != nil {
		return nil, fmt.Errorf("walk from %d: %w", q.From, err)
	}
	return w, nil
}

func (t *tx) walk(ctx context.Context, q engine.WalkQuery, w *engine.Walked) error {
	var err error
	w.From.Key = record.AttrKey(q.From)
	if w.From.Value, err = t.get(ctx, w.From.Key); err != nil {
		return err
	}
	dir := q.From
	for i, name := range q.Names {
		ent, attr, err := t.step(ctx, dir, name, w)
		if err != nil || ent == (record.Dirent{}) {
			return err
		}
		if q.Sole {
			row, err := t.c.one(ctx, stOthers, int64(dir), []byte(name))
			if err != nil {
				return err
			}
			w.Sole = append(w.Sole, row == nil)
		}
		if i == len(q.Names)-1 {
			return t.wanted(ctx, q, ent.Ino, attr, w)
		}
		if ent.Type != record.TypeDirectory {
			return nil
		}
		dir = ent.Ino
	}
	return nil
}

// step looks up one name and notes what it finds; a zero Dirent: nothing.
func (t *tx) step(ctx context.Context, dir record.Ino, name string, w *engine.Walked) (record.Dirent, []byte, error) {
	entry := record.Item{Key: record.EntryKey(dir, name)}
	row, err := t.c.one(ctx, stStep, int64(dir), []byte(name))
	if err != nil {
		return record.Dirent{}, nil, err
	}
	if row == nil {
		w.Entries = append(w.Entries, entry)
		return record.Dirent{}, nil, nil
	}
	ent := record.Dirent{Type: record.Type(num(row[0])), Ino: record.Ino(num(row[1]))}
	entry.Value = ent.Encode()
	attr := record.Item{Key: record.AttrKey(ent.Ino)}
	if attr.Value, err = decodeNode(row[2:]); err != nil {
		return record.Dirent{}, nil, fmt.Errorf("inode %d: %w", ent.Ino, err)
	}
	w.Entries = append(w.Entries, entry)
	w.Attrs = append(w.Attrs, attr)
	return ent, attr.Value, nil
}

// wanted reads what is wanted of the last inode.
func (t *tx) wanted(ctx context.Context, q engine.WalkQuery, ino record.Ino, attr []byte, w *engine.Walked) error {
	if attr == nil {
		return nil
	}
	a, err := record.DecodeAttr(attr)
	if err != nil {
		return err
	}
	if a.Type == record.TypeFile && q.Chunks > 0 && a.Length > 0 {
		end := min(uint64(q.Chunks), (a.Length-1)/record.ChunkSize+1)
		err = t.c.each(ctx, stChunks, func(row []driver.Value) error {
			k := record.ChunkKey(ino, uint32(num(row[0])))
			v, bad := decodeValue(k, row[1:])
			w.Chunks = append(w.Chunks, record.Item{Key: k, Value: v})
			return bad
		}, int64(ino), int64(end))
		if err != nil {
			return err
		}
	}
	if q.Xattrs {
		const all = 1 << 30
		w.Xattrs, err = t.page(ctx, engine.Range{Kind: record.KindXattr, A: uint64(ino)}, all)
	}
	return err
}

// ListDir reads a page of a directory with one statement.
func (t *tx) ListDir(ctx context.Context, dir record.Ino, after string, limit int, xattr string) ([]engine.Listed, error) {
	if err := t.start(ctx); err != nil {
		return nil, fmt.Errorf("list: %w", err)
	}
	t.args = t.args[:0]
	s := stList
	if xattr != "" {
		s = stListXattr
		t.args = append(t.args, xattr)
	}
	t.args = append(t.args, int64(dir), []byte(after), int64(limit))
	all := make([]engine.Listed, 0, min(limit, 1000))
	err := t.c.each(ctx, s, func(row []driver.Value) error {
		l := engine.Listed{Name: string(raw(row[0])), Entry: record.Dirent{Type: record.Type(num(row[1])), Ino: record.Ino(num(row[2]))}}
		var err error
		if l.Attr, err = decodeNode(row[3 : 3+nodeWidth]); err != nil {
			return fmt.Errorf("inode %d: %w", l.Entry.Ino, err)
		}
		if xattr != "" {
			l.Xattr = raw(row[3+nodeWidth])
		}
		all = append(all, l)
		return nil
	}, t.args...)
	if err != nil {
		return nil, fmt.Errorf("list %d: %w", dir, err)
	}
	return all, nil
}
