package meta

import (
	"context"
	"fmt"

	"juicefs/meta/engine"
	"juicefs/meta/record"
	"juicefs/pkg/fserr"
)

// SetQuota limits the bytes and inodes of a directory with all below it, a user or a group: key is an inode or an id. A
// limit that is nil stays as it is; 0 or less is none. A new quota starts with what a scan finds in use. Setting one on a
// directory switches directory statistics on. It returns the quota as it is then. Errors: ENOENT and ENOTDIR of the
// directory, EPERM in the trash, ENOTSUP for users and groups if the volume does not keep their usage.
func (fs *FS) SetQuota(ctx context.Context, t record.QuotaType, key uint64, maxSpace, maxInodes *int64) (record.Quota, error) {
	fresh := false
	var setting *record.Setting
	err := fs.update(ctx, "setquota", func(tx *Tx) (err error) {
		if setting, err = tx.mayLimit(t, key); err != nil {
			return err
		}
		k := record.QuotaKey(t, key)
		q, found, err := tx.quota(k)
		if err != nil {
			return err
		}
		if fresh = !found; fresh {
			q = record.Quota{MaxSpace: -1, MaxInodes: -1}
		}
		if maxSpace != nil {
			q.MaxSpace = *maxSpace
		}
		if maxInodes != nil {
			q.MaxInodes = *maxInodes
		}
		tx.Put(k, q.Encode())
		return nil
	})
	if err != nil {
		return record.Quota{}, quotaError("setquota", t, key, err)
	}
	if setting != nil {
		fs.setting.Store(setting)
	}
	if err := fs.loadQuotas(ctx); err != nil { // from here on this client adds to it
		return record.Quota{}, err
	}
	if fresh {
		if err := fs.fillQuota(ctx, t, key); err != nil {
			return record.Quota{}, quotaError("setquota", t, key, err)
		}
	}
	return fs.GetQuota(ctx, t, key)
}

func quotaError(op string, t record.QuotaType, key uint64, err error) error {
	if t == record.QuotaDir || err == nil {
		return fserr.WrapIno(op, key, err)
	}
	return fmt.Errorf("%s %s %d: %w", op, map[record.QuotaType]string{record.QuotaUser: "user", record.QuotaGroup: "group"}[t], key, err)
}

// mayLimit checks that something can have a quota. The setting is not nil if it has to change for that.
func (tx *Tx) mayLimit(t record.QuotaType, key uint64) (*record.Setting, error) {
	s := tx.fs.Setting()
	if t != record.QuotaDir {
		if !s.UserGroupQuota || t > record.QuotaGroup {
			return nil, eNotSup
		}
		return nil, nil
	}
	d, err := tx.dirNode(record.Ino(key))
	if err != nil {
		return nil, err
	}
	if d.ino.InTrash() || d.attr.Parent > record.Trash {
		return nil, ePerm
	}
	if s.DirStats {
		return nil, nil
	}
	b, err := tx.Get(record.SettingKey(), engine.Exact)
	if err != nil {
		return nil, err
	}
	prev, err := record.DecodeSetting(b)
	if err != nil {
		return nil, err
	}
	next := *prev
	next.DirStats = true
	if err = tx.switchDirStats(prev, &next); err != nil {
		return nil, err
	}
	if b, err = next.Encode(); err != nil {
		return nil, err
	}
	tx.Put(record.SettingKey(), b)
	return &next, nil
}

// quota reads a quota.
func (tx *Tx) quota(k record.Key) (q record.Quota, found bool, err error) {
	b, err := tx.Get(k, engine.Exact)
	if err != nil || b == nil {
		return q, false, err
	}
	q, err = record.DecodeQuota(b)
	return q, true, err
}

// fillQuota counts what a new quota has in use. What is changed during the count may be counted twice or not at all, as in
// the original; quotas are advisory.
func (fs *FS) fillQuota(ctx context.Context, t record.QuotaType, key uint64) error {
	var used change
	var err error
	if t == record.QuotaDir {
		err = fs.view(ctx, "countquota", func(tx *Tx) (err error) {
			used, err = tx.countTree(record.Ino(key))
			return err
		})
	} else {
		used, err = fs.countOwner(ctx, t, key)
	}
	if err != nil {
		return err
	}
	return fs.update(ctx, "fillquota", func(tx *Tx) error {
		tx.Add(record.QuotaKey(t, key), used.space, used.inodes)
		tx.unlimited = true // it may be full from the start
		return nil
	})
}

// countOwner sums all inodes of a user or group.
func (fs *FS) countOwner(ctx context.Context, t record.QuotaType, key uint64) (change, error) {
	var sum change
	for it, err := range fs.eng.Scan(ctx, engine.Range{Kind: record.KindAttr, All: true}) {
		if err != nil {
			return sum, err
		}
		a, err := record.DecodeAttr(it.Value)
		if err != nil {
			return sum, fmt.Errorf("%s: %w", it.Key, err)
		}
		ino, owner := record.Ino(it.Key.A), a.UID
		if t == record.QuotaGroup {
			owner = a.GID
		}
		if ino != record.Root && ino != record.Trash && uint64(owner) == key {
			sum.space, sum.inodes = sum.space+a.Space(), sum.inodes+1
		}
	}
	return sum, nil
}

// GetQuota returns a quota; ENOENT if there is none.
func (fs *FS) GetQuota(ctx context.Context, t record.QuotaType, key uint64) (record.Quota, error) {
	var q record.Quota
	err := fs.view(ctx, "getquota", func(tx *Tx) error {
		found := false
		var err error
		if q, found, err = tx.quota(record.QuotaKey(t, key)); err == nil && !found {
			err = eNoEnt
		}
		return err
	})
	return q, quotaError("getquota", t, key, err)
}

// DelQuota removes a quota; ENOENT if there is none. Of users and groups only the limits go: their usage is kept on.
func (fs *FS) DelQuota(ctx context.Context, t record.QuotaType, key uint64) error {
	err := fs.update(ctx, "delquota", func(tx *Tx) error {
		k := record.QuotaKey(t, key)
		q, found, err := tx.quota(k)
		switch {
		case err != nil:
			return err
		case !found:
			return eNoEnt
		case t == record.QuotaDir:
			tx.Delete(k)
		default:
			q.MaxSpace, q.MaxInodes = -1, -1
			tx.Put(k, q.Encode())
		}
		return nil
	})
	if err == nil {
		err = fs.loadQuotas(ctx)
	}
	return quotaError("delquota", t, key, err)
}

// ListQuotas returns all quotas of a type, by inode or id.
func (fs *FS) ListQuotas(ctx context.Context, t record.QuotaType) (map[uint64]record.Quota, error) {
	all := map[uint64]record.Quota{}
	for it, err := range fs.eng.Scan(ctx, engine.Range{Kind: record.KindQuota, All: true}) {
		if err != nil {
			return nil, fmt.Errorf("list quotas: %w", err)
		}
		q, err := record.DecodeQuota(it.Value)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", it.Key, err)
		}
		if record.QuotaType(it.Key.A) == t {
			all[it.Key.B] = q
		}
	}
	return all, nil
}
