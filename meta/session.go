package meta

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"time"

	"juicefs/meta/engine"
	"juicefs/meta/record"
)

// staleBatch is how many stale sessions one round cleans.
const staleBatch = 1000

// sessionInfo is what a session record says of its client. Format: juicefs 1.4.1.
type sessionInfo struct {
	Version    string
	HostName   string
	IPAddrs    []string `json:",omitempty"`
	MountPoint string
	MountTime  time.Time
	ProcessID  int
	Program    string `json:",omitempty"` // not in the original's: tells who else is one of us
}

// SessionInfo describes a running client.
type SessionInfo struct {
	ID     uint64
	Expire time.Time
	Info   []byte // JSON as stored
}

// StartSession registers this process as a client that writes and starts heartbeat and background jobs. A read-only FS
// registers nothing. It is called once.
func (fs *FS) StartSession(ctx context.Context) error {
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	fs.stop = stop
	if fs.o.ReadOnly {
		fs.every(run, fs.o.Heartbeat, fs.reload)
		return nil
	}
	info, err := json.Marshal(sessionInfo{Version: fs.o.Version, HostName: fs.o.HostName, IPAddrs: localAddrs(),
		MountPoint: fs.o.MountPoint, MountTime: fs.o.Now(), ProcessID: os.Getpid(), Program: programName})
	if err != nil {
		stop()
		return fmt.Errorf("describe session: %w", err)
	}
	n, err := fs.eng.Incr(ctx, record.CounterSession, 1)
	if err != nil {
		stop()
		return fmt.Errorf("take a session id: %w", err)
	}
	if err := fs.renew(ctx, uint64(n), info); err != nil {
		stop()
		return fmt.Errorf("register session: %w", err)
	}
	fs.sid.Store(uint64(n))
	if err := fs.fixRootStat(ctx); err != nil {
		fs.log.Warn("make statistics of the root directory", "error", err)
	}
	fs.spawn(func() { fs.gone.run(run) })
	fs.spawn(func() { fs.compacts.run(run) })
	if sessions, err := fs.look(ctx); err != nil {
		fs.log.Warn("look for clients of other programs", "error", err)
	} else {
		fs.leaveRoom(sessions)
	}
	fs.every(run, fs.o.Heartbeat, func(ctx context.Context) error { return fs.beat(ctx, uint64(n), info) })
	if fs.gathers {
		fs.every(run, fs.o.FlushTotals, fs.flushTotals)
	}
	if !fs.o.NoBackground {
		// A client that stays will want ids, and its first request should not have to wait for them.
		if err := errors.Join(fs.inodes.fill(ctx), fs.slices.fill(ctx)); err != nil {
			fs.log.Warn("take ids", "error", err)
		}
		fs.startJobs(run)
	}
	return nil
}

// localAddrs are this host's addresses, for people who look at sessions.
func localAddrs() []string {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	var out []string
	for _, a := range addrs {
		if n, ok := a.(*net.IPNet); ok && !n.IP.IsLoopback() && !n.IP.IsLinkLocalUnicast() {
			out = append(out, n.IP.String())
		}
	}
	return out
}

func (fs *FS) spawn(f func()) {
	fs.tasks.Add(1)
	go func() {
		defer fs.tasks.Done()
		f()
	}()
}

// background runs work that may be lost, outside of any request.
func (fs *FS) background(f func(context.Context) error) {
	fs.spawn(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := f(ctx); err != nil {
			fs.log.Warn("background work", "error", err)
		}
	})
}

// every runs f at once in an interval with some jitter until ctx ends.
func (fs *FS) every(ctx context.Context, d time.Duration, f func(context.Context) error) {
	fs.spawn(func() {
		for {
			t := time.NewTimer(d - time.Duration(rand.Int64N(int64(d)/10+1)))
			select {
			case <-ctx.Done():
				t.Stop()
				return
			case <-t.C:
			}
			if err := f(ctx); err != nil && ctx.Err() == nil {
				fs.log.Warn("background job", "error", err)
			}
		}
	})
}

// renew writes the session record with a new time at which it expires.
func (fs *FS) renew(ctx context.Context, sid uint64, info []byte) error {
	return fs.update(ctx, "heartbeat", func(tx *Tx) error {
		s := record.Session{Expire: tx.now.Sec + int64(5*fs.o.Heartbeat/time.Second), Info: info}
		tx.Put(record.SessionKey(sid), s.Encode())
		return nil
	})
}

// beat is one heartbeat: the session is renewed, the setting and the quotas are read again, other programs are given room, and
// clients that died are seen to.
func (fs *FS) beat(ctx context.Context, sid uint64, info []byte) error {
	if err := fs.renew(ctx, sid, info); err != nil {
		return fmt.Errorf("renew session: %w", err)
	}
	sessions, err := fs.look(ctx)
	if err != nil {
		return err
	}
	fs.leaveRoom(sessions)
	if fs.o.NoBackground {
		return nil
	}
	if now := fs.o.Now(); slices.ContainsFunc(sessions, func(s SessionInfo) bool { return s.ID != sid && s.Expire.Before(now) }) {
		return fs.elected(record.CounterLastSessions, fs.o.Heartbeat*9/10, fs.cleanStale)(ctx)
	}
	return nil
}

// reload reads the setting and the quotas again.
func (fs *FS) reload(ctx context.Context) error {
	_, err := fs.look(ctx)
	return err
}

// look reads the setting and the quotas again, and who else uses the volume.
func (fs *FS) look(ctx context.Context) ([]SessionInfo, error) {
	items, err := fs.readNews(ctx)
	if err != nil {
		return nil, fmt.Errorf("look for news: %w", err)
	}
	var setting []byte
	var sessions []SessionInfo
	quotas := newQuotaTable()
	for _, it := range items {
		switch it.Key.Kind {
		case record.KindSetting:
			setting = it.Value
		case record.KindQuota:
			err = quotas.add(it)
		case record.KindSession:
			var s SessionInfo
			s, err = sessionOf(it)
			sessions = append(sessions, s)
		}
		if err != nil {
			return nil, err
		}
	}
	old := fs.Setting()
	if err := fs.heed(decodeSetting(setting)); err != nil {
		return nil, err
	}
	fs.quotas.Store(quotas)
	if s := fs.Setting(); fs.o.OnSetting != nil && !sameSetting(old, s) {
		fs.o.OnSetting(s)
	}
	return sessions, nil
}

// readNews reads what a heartbeat looks at, in one turnaround where the engine can.
func (fs *FS) readNews(ctx context.Context) ([]record.Item, error) {
	kinds := []record.Kind{record.KindQuota, record.KindSession}
	if g, ok := fs.eng.(engine.Gatherer); ok {
		return g.Gather(ctx, []record.Key{record.SettingKey()}, kinds)
	}
	tx := fs.eng.Begin(engine.View)
	defer tx.Discard()
	items, err := tx.Fetch(ctx, []engine.ReadOp{{Key: record.SettingKey()}})
	if err != nil {
		return nil, err
	}
	for _, kind := range kinds {
		for it, err := range fs.eng.Scan(ctx, engine.Range{Kind: kind, All: true}) {
			if err != nil {
				return nil, err
			}
			items = append(items, it)
		}
	}
	return items, nil
}

// heed takes over the setting that was read, or the error of reading it, and tells if it is not this volume's any more.
func (fs *FS) heed(s *record.Setting, err error) error {
	old := fs.Setting()
	if errors.Is(err, ErrNotFormatted) || err == nil && s.UUID != old.UUID || errors.Is(err, ErrUnsupported) {
		err = fmt.Errorf("volume %s (%s): %w", old.Name, old.UUID, ErrReplaced)
		if fs.o.OnReplaced != nil {
			fs.o.OnReplaced(err)
		}
		return err
	}
	if err != nil {
		return err
	}
	if err = checkSupported(s); err != nil && !fs.o.ReadOnly {
		fs.log.Error("a setting of the volume was changed to one that is not supported", "error", err)
	}
	fs.setting.Store(s)
	return nil
}

// sameSetting reports whether two settings are stored as the same bytes.
func sameSetting(a, b *record.Setting) bool {
	x, errX := a.Encode()
	y, errY := b.Encode()
	return errX == nil && errY == nil && bytes.Equal(x, y)
}

// Close ends background work and the session: its locks and sustained inodes go. Data of files that were deleted in the
// last seconds is left to other clients. ctx bounds the wait.
func (fs *FS) Close(ctx context.Context) error {
	if fs.stop == nil {
		return fs.flushTotals(ctx) // of a program that had no session
	}
	fs.stop()
	done := make(chan struct{})
	go func() {
		fs.tasks.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-ctx.Done():
		return fmt.Errorf("end background work: %w", ctx.Err())
	}
	sid := fs.sid.Swap(0)
	if sid == 0 {
		return nil
	}
	return errors.Join(fs.cleanSession(ctx, sid), fs.flushTotals(ctx))
}

// Sessions returns the clients that are registered, stale ones included.
func (fs *FS) Sessions(ctx context.Context) ([]SessionInfo, error) { return Sessions(ctx, fs.eng) }

// Sessions is FS.Sessions on a volume that is not opened.
func Sessions(ctx context.Context, eng engine.Engine) ([]SessionInfo, error) {
	var out []SessionInfo
	for it, err := range eng.Scan(ctx, engine.Range{Kind: record.KindSession, All: true}) {
		if err != nil {
			return nil, fmt.Errorf("list sessions: %w", err)
		}
		s, err := sessionOf(it)
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	slices.SortFunc(out, func(a, b SessionInfo) int { return cmp.Compare(a.ID, b.ID) })
	return out, nil
}

func sessionOf(it record.Item) (SessionInfo, error) {
	s, err := record.DecodeSession(it.Value)
	if err != nil {
		return SessionInfo{}, fmt.Errorf("session %d: %w", it.Key.A, err)
	}
	return SessionInfo{ID: it.Key.A, Expire: time.Unix(s.Expire, 0).UTC(), Info: s.Info}, nil
}

// cleanStale ends sessions whose clients stopped renewing them.
func (fs *FS) cleanStale(ctx context.Context) error {
	all, err := fs.Sessions(ctx)
	if err != nil {
		return err
	}
	var errs []error
	now := fs.o.Now()
	n := 0
	for _, s := range all {
		if !s.Expire.Before(now) || s.ID == fs.sid.Load() {
			continue
		}
		if n++; n > staleBatch {
			break
		}
		fs.log.Info("clean up stale session", "session", s.ID, "info", string(s.Info))
		if err := fs.cleanSession(ctx, s.ID); err != nil {
			errs = append(errs, fmt.Errorf("session %d: %w", s.ID, err))
		}
	}
	return errors.Join(errs...)
}

// cleanSession releases a session's locks, ends its sustained inodes and removes its record, in this order: a session that
// cannot be cleaned is tried again.
func (fs *FS) cleanSession(ctx context.Context, sid uint64) error {
	if err := fs.releaseLocks(ctx, sid); err != nil {
		return fmt.Errorf("release locks: %w", err)
	}
	for it, err := range fs.eng.Scan(ctx, engine.Range{Kind: record.KindSustained, A: sid}) {
		if err != nil {
			return fmt.Errorf("list sustained inodes: %w", err)
		}
		if err := fs.endSustained(ctx, sid, record.Ino(it.Key.B)); err != nil {
			return fmt.Errorf("remove sustained inode %d: %w", it.Key.B, err)
		}
	}
	return fs.update(ctx, "cleansession", func(tx *Tx) error {
		tx.Delete(record.SessionKey(sid))
		return nil
	})
}
