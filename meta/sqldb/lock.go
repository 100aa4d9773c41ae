package sqldb

import (
	"bytes"
	"context"
	"database/sql/driver"

	"juicefs/meta/record"
)

// Locks are a row for each owner; a record is all rows of an inode. Writing one changes only the rows that differ, so that
// the automatic keys of other owners' rows stay. Owners are signed in the database. juicefs 1.4.1.

func (t *tx) getFlocks(ctx context.Context, ino uint64) ([]byte, error) {
	var fs []record.Flock
	err := t.c.each(ctx, stFlocks, func(row []driver.Value) error {
		fs = append(fs, record.Flock{Session: uint64(num(row[0])), Owner: uint64(num(row[1])), Type: byte(num(row[2]))})
		return nil
	}, int64(ino))
	return record.EncodeFlocks(fs), err
}

func (t *tx) getPlocks(ctx context.Context, ino uint64) ([]byte, error) {
	var ps []record.Plock
	err := t.c.each(ctx, stPlocks, func(row []driver.Value) error {
		ps = append(ps, record.Plock{Session: uint64(num(row[0])), Owner: uint64(num(row[1])), Records: raw(row[2])})
		return nil
	}, int64(ino))
	return record.EncodePlocks(ps), err
}

// holder is who holds a lock.
type holder struct{ session, owner uint64 }

func (t *tx) putFlocks(ctx context.Context, ino uint64, value []byte) error {
	next, err := record.DecodeFlocks(value)
	if err != nil {
		return err
	}
	had, err := t.getFlocks(ctx, ino)
	if err != nil {
		return err
	}
	now, err := record.DecodeFlocks(had)
	if err != nil {
		return err
	}
	keep := map[holder]byte{}
	for _, f := range now {
		keep[holder{f.Session, f.Owner}] = f.Type
	}
	for _, f := range next {
		h := holder{f.Session, f.Owner}
		typ, ok := keep[h]
		delete(keep, h)
		if ok && typ == f.Type {
			continue
		}
		if err := t.c.run(ctx, stPutFlock, int64(ino), int64(f.Session), int64(f.Owner), int64(f.Type)); err != nil {
			return err
		}
	}
	for h := range keep {
		if err := t.c.run(ctx, stDelFlock, int64(ino), int64(h.session), int64(h.owner)); err != nil {
			return err
		}
	}
	return nil
}

func (t *tx) putPlocks(ctx context.Context, ino uint64, value []byte) error {
	next, err := record.DecodePlocks(value)
	if err != nil {
		return err
	}
	had, err := t.getPlocks(ctx, ino)
	if err != nil {
		return err
	}
	now, err := record.DecodePlocks(had)
	if err != nil {
		return err
	}
	keep := map[holder][]byte{}
	for _, p := range now {
		keep[holder{p.Session, p.Owner}] = p.Records
	}
	for _, p := range next {
		h := holder{p.Session, p.Owner}
		records, ok := keep[h]
		delete(keep, h)
		if ok && bytes.Equal(records, p.Records) {
			continue
		}
		if err := t.c.run(ctx, stPutPlock, int64(ino), int64(p.Session), int64(p.Owner), p.Records); err != nil {
			return err
		}
	}
	for h := range keep {
		if err := t.c.run(ctx, stDelPlock, int64(ino), int64(h.session), int64(h.owner)); err != nil {
			return err
		}
	}
	return nil
}
