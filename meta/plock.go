package meta

import (
	"context"
	"encoding/binary"
	"slices"
	"syscall"

	"juicefs/meta/engine"
	"juicefs/meta/record"
	"juicefs/pkg/fserr"
)

// Types of range locks, as stored.
const (
	RangeRead   = 0
	RangeWrite  = 1
	RangeUnlock = 2
)

// RangeLock is a POSIX lock on the bytes from Start to End of a file, both included. To the end of the file is an End of
// 1<<63 - 1.
type RangeLock struct {
	Type       uint32 // RangeRead, RangeWrite; RangeUnlock for none
	PID        uint32 // of the process that asked
	Start, End uint64
}

func (l RangeLock) overlaps(m RangeLock) bool { return l.Start <= m.End && m.Start <= l.End }

// SetRangeLock takes, changes or (RangeUnlock) releases the lock of owner on a range of an inode. EAGAIN: somebody else holds a
// lock in the way and block is not set; with block it waits until ctx ends. EINVAL: the range is empty or the type unknown.
// Owners are unique within this process.
func (fs *FS) SetRangeLock(ctx context.Context, ino record.Ino, owner uint64, l RangeLock, block bool) error {
	if l.Start > l.End || l.Type > RangeUnlock {
		return fserr.WrapIno("setlk", uint64(ino), eInval)
	}
	err := waitLock(ctx, block, l.Type == RangeRead, func() error {
		return fs.update(ctx, "setlk", func(tx *Tx) error { return tx.setRangeLock(ino, owner, l) })
	})
	return fserr.WrapIno("setlk", uint64(ino), err)
}

func (tx *Tx) setRangeLock(ino record.Ino, owner uint64, l RangeLock) error {
	k := record.PlockKey(ino)
	held, err := tx.rangeLocks(ino, engine.Exact)
	if err != nil {
		return err
	}
	sid := tx.fs.sid.Load()
	if l.Type != RangeUnlock {
		if blocker, _ := conflicting(held, sid, owner, l); blocker != nil {
			return syscall.EAGAIN
		}
	}
	i := slices.IndexFunc(held, func(p record.Plock) bool { return p.Session == sid && p.Owner == owner })
	if i < 0 {
		if l.Type == RangeUnlock {
			return nil
		}
		i = len(held)
		held = append(held, record.Plock{Session: sid, Owner: owner})
	}
	if held[i].Records = encodeRanges(lay(decodeRanges(held[i].Records), l)); len(held[i].Records) == 0 {
		held = slices.Delete(held, i, i+1)
	}
	if len(held) == 0 {
		tx.Delete(k)
		return nil
	}
	tx.Put(k, record.EncodePlocks(held))
	return nil
}

func (tx *Tx) rangeLocks(ino record.Ino, g engine.Guard) ([]record.Plock, error) {
	b, err := tx.Get(record.PlockKey(ino), g)
	if err != nil {
		return nil, err
	}
	return record.DecodePlocks(b)
}

// conflicting returns the first lock of another owner that is in the way of l, and its session.
func conflicting(held []record.Plock, sid, owner uint64, l RangeLock) (*RangeLock, uint64) {
	for _, p := range held {
		if p.Session == sid && p.Owner == owner {
			continue
		}
		for _, m := range decodeRanges(p.Records) {
			if m.overlaps(l) && (m.Type == RangeWrite || l.Type == RangeWrite) {
				return &m, p.Session
			}
		}
	}
	return nil, 0
}

// lay puts a lock over those that the same owner holds: ordered by start, without overlaps, neighbours of one kind merged.
func lay(held []RangeLock, l RangeLock) []RangeLock {
	var out []RangeLock
	for _, m := range held {
		if !m.overlaps(l) {
			out = append(out, m)
			continue
		}
		if m.Start < l.Start {
			left := m
			left.End = l.Start - 1
			out = append(out, left)
		}
		if m.End > l.End {
			m.Start = l.End + 1
			out = append(out, m)
		}
	}
	if l.Type != RangeUnlock {
		out = append(out, l)
	}
	slices.SortFunc(out, func(a, b RangeLock) int {
		if a.Start < b.Start {
			return -1
		}
		return 1
	})
	merged := out[:0]
	for _, m := range out {
		if n := len(merged) - 1; n >= 0 && merged[n].Type == m.Type && merged[n].PID == m.PID && merged[n].End+1 == m.Start {
			merged[n].End = m.End
			continue
		}
		merged = append(merged, m)
	}
	return merged
}

// rangeSize is the size in bytes of a stored lock. Format: juicefs 1.4.1; testdata/misc-values.json.
const rangeSize = 24

func decodeRanges(b []byte) []RangeLock {
	be := binary.BigEndian
	var ls []RangeLock
	for ; len(b) >= rangeSize; b = b[rangeSize:] {
		ls = append(ls, RangeLock{Type: be.Uint32(b), PID: be.Uint32(b[4:]), Start: be.Uint64(b[8:]), End: be.Uint64(b[16:])})
	}
	return ls
}

func encodeRanges(ls []RangeLock) []byte {
	be := binary.BigEndian
	var b []byte
	for _, l := range ls {
		b = be.AppendUint32(be.AppendUint32(b, l.Type), l.PID)
		b = be.AppendUint64(be.AppendUint64(b, l.Start), l.End)
	}
	return b
}

// GetRangeLock returns a lock that would be in the way of l, or one of type RangeUnlock if there is none. The PID is only known
// of locks of this process's session, else 0.
func (fs *FS) GetRangeLock(ctx context.Context, ino record.Ino, owner uint64, l RangeLock) (RangeLock, error) {
	var found RangeLock
	err := fs.view(ctx, "getlk", func(tx *Tx) error {
		found = RangeLock{Type: RangeUnlock}
		held, err := tx.rangeLocks(ino, engine.Loose)
		if err != nil {
			return err
		}
		sid := fs.sid.Load()
		if blocker, of := conflicting(held, sid, owner, l); blocker != nil {
			if found = *blocker; of != sid {
				found.PID = 0
			}
		}
		return nil
	})
	return found, fserr.WrapIno("getlk", uint64(ino), err)
}
