package meta

import (
	"context"
	"errors"
	"slices"
	"syscall"
	"time"

	"juicefs/meta/engine"
	"juicefs/meta/record"
)

// Types of BSD locks.
const (
	LockShared    = 'R'
	LockExclusive = 'W'
	LockNone      = 'U'
)

// Flock takes, changes or (LockNone) releases the BSD lock of owner on an inode. EAGAIN: somebody else holds a lock in the
// way and block is not set; with block it waits until ctx ends. Owners are unique within this process.
func (fs *FS) Flock(ctx context.Context, ino record.Ino, owner uint64, typ byte, block bool) error {
	return waitLock(ctx, block, typ == LockShared, func() error {
		return fs.update(ctx, "flock", func(tx *Tx) error { return tx.flock(ino, owner, typ) })
	})
}

// waitLock tries to take a lock, with block again and again while somebody else holds it.
func waitLock(ctx context.Context, block, shared bool, try func() error) error {
	// There is no way to be told of a release; the original polls in the same steps.
	wait := time.Millisecond
	if shared {
		wait = 10 * time.Millisecond
	}
	for {
		err := try()
		if !block || !errors.Is(err, syscall.EAGAIN) {
			return err
		}
		t := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			t.Stop()
			return ctx.Err()
		case <-t.C:
		}
	}
}

func (tx *Tx) flock(ino record.Ino, owner uint64, typ byte) error {
	k := record.FlockKey(ino)
	b, err := tx.Get(k, engine.Exact)
	if err != nil {
		return err
	}
	held, err := record.DecodeFlocks(b)
	if err != nil {
		return err
	}
	sid := tx.fs.sid.Load()
	held = slices.DeleteFunc(held, func(f record.Flock) bool { return f.Session == sid && f.Owner == owner })
	if typ != LockNone {
		for _, f := range held {
			if typ == LockExclusive || f.Type == LockExclusive {
				return syscall.EAGAIN
			}
		}
		held = append(held, record.Flock{Session: sid, Owner: owner, Type: typ})
	}
	if len(held) == 0 {
		if b != nil {
			tx.Delete(k)
		}
		return nil
	}
	tx.Put(k, record.EncodeFlocks(held))
	return nil
}

// releaseLocks releases all locks of a session.
func (fs *FS) releaseLocks(ctx context.Context, sid uint64) error {
	var keys []record.Key
	for _, kind := range []record.Kind{record.KindFlock, record.KindPlock} {
		for it, err := range fs.eng.Scan(ctx, engine.Range{Kind: kind, All: true}) {
			if err != nil {
				return err
			}
			keys = append(keys, it.Key)
		}
	}
	for _, k := range keys {
		if err := fs.update(ctx, "unlock", func(tx *Tx) error { return tx.dropLocks(k, sid) }); err != nil {
			return err
		}
	}
	return nil
}

func (tx *Tx) dropLocks(k record.Key, sid uint64) error {
	b, err := tx.Get(k, engine.Exact)
	if err != nil || b == nil {
		return err
	}
	var left []byte
	if k.Kind == record.KindFlock {
		fl, err := record.DecodeFlocks(b)
		if err != nil {
			return err
		}
		left = record.EncodeFlocks(slices.DeleteFunc(fl, func(f record.Flock) bool { return f.Session == sid }))
	} else {
		pl, err := record.DecodePlocks(b)
		if err != nil {
			return err
		}
		left = record.EncodePlocks(slices.DeleteFunc(pl, func(p record.Plock) bool { return p.Session == sid }))
	}
	switch {
	case left == nil:
		tx.Delete(k)
	case len(left) != len(b):
		tx.Put(k, left)
	}
	return nil
}
