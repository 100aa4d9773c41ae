package main

import (
	"context"
	"errors"
	"fmt"

	"juicefs/meta/engine"
	"juicefs/meta/record"
)

// lockStatus is a lock that a session holds. Names are those of juicefs 1.4.1.
type lockStatus struct {
	Inode   uint64
	Owner   uint64
	Ltype   string        `json:",omitempty"` // of a BSD lock
	Records []rangeStatus `json:",omitempty"` // of POSIX locks
}

// rangeStatus is a locked range of a file. Names are those of juicefs 1.4.1.
type rangeStatus struct {
	Type, Pid  uint32
	Start, End uint64
}

// addHeld adds what a session holds to its status.
func addHeld(ctx context.Context, eng engine.Engine, st *sessionStatus) error {
	return errors.Join(
		scan(ctx, eng, engine.Range{Kind: record.KindSustained, A: st.Sid}, func(it record.Item) error {
			st.Sustained = append(st.Sustained, it.Key.B)
			return nil
		}),
		scan(ctx, eng, engine.Range{Kind: record.KindFlock, All: true}, func(it record.Item) error {
			locks, err := record.DecodeFlocks(it.Value)
			for _, l := range locks {
				if l.Session == st.Sid {
					st.Flocks = append(st.Flocks, lockStatus{Inode: it.Key.A, Owner: l.Owner, Ltype: string(rune(l.Type))})
				}
			}
			return err
		}),
		scan(ctx, eng, engine.Range{Kind: record.KindPlock, All: true}, func(it record.Item) error {
			locks, err := record.DecodePlocks(it.Value)
			for _, l := range locks {
				if l.Session != st.Sid {
					continue
				}
				lock := lockStatus{Inode: it.Key.A, Owner: l.Owner}
				for _, r := range l.Ranges() {
					lock.Records = append(lock.Records, rangeStatus{Type: r.Type, Pid: r.PID, Start: r.Start, End: r.End})
				}
				st.Plocks = append(st.Plocks, lock)
			}
			return err
		}))
}

// addMore counts the trash and what waits for its deletion.
func addMore(ctx context.Context, eng engine.Engine, st *usageStatus) error {
	return errors.Join(
		addTrash(ctx, eng, st),
		scan(ctx, eng, engine.Range{Kind: record.KindDelFile, All: true}, func(it record.Item) error {
			st.PendingDeletedFileCount++
			st.PendingDeletedFileSize += int64(it.Key.B)
			return nil
		}),
		scan(ctx, eng, engine.Range{Kind: record.KindDelSlices, All: true}, func(it record.Item) error {
			ids, err := record.DecodeSliceIDs(it.Value)
			for _, s := range ids {
				st.TrashSliceCount++
				st.TrashSliceSize += int64(s.Size)
			}
			return err
		}),
		scan(ctx, eng, engine.Range{Kind: record.KindSliceRef, All: true}, func(it record.Item) error {
			refs, err := record.DecodeInt64(it.Key.Kind, it.Value)
			if err == nil && refs <= 0 {
				st.PendingSliceCount++
				st.PendingSliceSize += int64(it.Key.B)
			}
			return err
		}))
}

// addTrash counts the files of all hour directories of the trash.
func addTrash(ctx context.Context, eng engine.Engine, st *usageStatus) error {
	var hours []uint64
	err := scan(ctx, eng, engine.Range{Kind: record.KindEntry, A: uint64(record.Trash)}, func(it record.Item) error {
		d, err := record.DecodeDirent(it.Value)
		hours = append(hours, uint64(d.Ino))
		return err
	})
	if err != nil {
		return err
	}
	for _, hour := range hours {
		var reads []engine.ReadOp
		err := scan(ctx, eng, engine.Range{Kind: record.KindEntry, A: hour}, func(it record.Item) error {
			d, err := record.DecodeDirent(it.Value)
			if d.Type == record.TypeFile {
				reads = append(reads, engine.ReadOp{Key: record.AttrKey(d.Ino)})
			}
			return err
		})
		if err != nil {
			return err
		}
		st.TrashFileCount += int64(len(reads))
		size, err := lengths(ctx, eng, reads)
		if err != nil {
			return err
		}
		st.TrashFileSize += size
	}
	return nil
}

// lengths sums the lengths of files.
func lengths(ctx context.Context, eng engine.Engine, reads []engine.ReadOp) (int64, error) {
	const batch = 1000
	var sum int64
	for len(reads) > 0 {
		n := min(len(reads), batch)
		tx := eng.Begin(engine.View)
		items, err := tx.Fetch(ctx, reads[:n])
		tx.Discard()
		if err != nil {
			return 0, fmt.Errorf("read attributes of the trash: %w", err)
		}
		for _, it := range items {
			if it.Value == nil {
				continue
			}
			a, err := record.DecodeAttr(it.Value)
			if err != nil {
				return 0, err
			}
			sum += int64(a.Length)
		}
		reads = reads[n:]
	}
	return sum, nil
}

func scan(ctx context.Context, eng engine.Engine, r engine.Range, f func(record.Item) error) error {
	for it, err := range eng.Scan(ctx, r) {
		if err == nil {
			err = f(it)
		}
		if err != nil {
			return fmt.Errorf("count %s records: %w", r.Kind, err)
		}
	}
	return nil
}
