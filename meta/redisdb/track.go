package redisdb

import (
	"context"
	"errors"
	"strings"
	"sync"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/push"

	"juicefs/meta/record"
)

// tracker has one connection on which the server tells of changes of directories. What it tells comes before the answers to
// commands that are sent later, so a command on this connection shows all changes that were acknowledged to anybody before.
//
// The server tells once of a key that was read under watch, and forgets it then. Servers before 6 tell nothing.
type tracker struct {
	e    *Engine
	turn chan struct{} // held by whoever uses the connection

	mu      sync.Mutex
	source  source // nil before the first use
	off     bool   // the server does not tell
	closed  bool
	stamp   uint64
	watched map[record.Ino]uint64 // stamps of directories that have not changed since they were watched
	arming  record.Ino            // the directory whose watch is on its way; 0: none
}

func newTracker(e *Engine) *tracker {
	return &tracker{e: e, turn: make(chan struct{}, 1), watched: map[record.Ino]uint64{}}
}

// close ends the connection.
func (t *tracker) close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	t.watched = map[record.Ino]uint64{}
	if t.source == nil {
		return nil
	}
	return t.source.Close()
}

// holds reports whether nothing was told of a directory since it got this stamp.
func (t *tracker) holds(dir record.Ino, stamp uint64) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return stamp != 0 && t.watched[dir] == stamp
}

// open returns the connection's source; nil if the server does not tell.
func (t *tracker) open() (source, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.closed:
		return nil, redis.ErrClosed
	case t.off:
		return nil, nil
	case t.source == nil:
		p := push.NewProcessor()
		if err := p.RegisterHandler("invalidate", t, false); err != nil {
			return nil, err
		}
		t.source = t.e.config.open(tuning{protocol: 3, poolSize: 1, onConnect: t.connected, push: p})
	}
	return t.source, nil
}

// connected asks to be told, on a connection that is new: what was watched on the last one is not any more.
func (t *tracker) connected(ctx context.Context, c *redis.Conn) error {
	t.mu.Lock()
	arming := t.watched[t.arming]
	t.watched = map[record.Ino]uint64{}
	if arming != 0 { // it goes over this connection
		t.watched[t.arming] = arming
	}
	t.mu.Unlock()
	err := c.Process(ctx, redis.NewStatusCmd(ctx, "CLIENT", "TRACKING", "ON", "OPTIN"))
	var answered redis.Error
	if errors.As(err, &answered) && !isBusy(answered.Error()) {
		t.mu.Lock()
		t.off = true
		t.mu.Unlock()
		return nil
	}
	return err
}

// do uses the connection.
func (t *tracker) do(ctx context.Context, use func(*redis.Client) error) error {
	s, err := t.open()
	if err != nil {
		return err
	}
	if s == nil {
		s = t.e.source
	}
	select {
	case t.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-t.turn }()
	c, err := s.master(ctx)
	if err != nil {
		return err
	}
	if err = use(c); err != nil && isRedisMoved(err) {
		s.moved(ctx)
	}
	return err
}

func isRedisMoved(err error) bool {
	var answered redis.Error
	return errors.As(err, &answered) && isMoved(answered.Error())
}

// watch has the server tell of the next change of a directory, and returns a stamp that holds until then; 0: it will not tell.
// It also reads the first entries, and returns where to go on; "": there are no more.
func (t *tracker) watch(ctx context.Context, dir record.Ino, page func([][]byte) error) (stamp uint64, next string, err error) {
	s, err := t.open()
	if err != nil || s == nil {
		return 0, "0", err
	}
	var r reply
	err = t.do(ctx, func(c *redis.Client) (err error) {
		stamp = t.arm(dir)
		defer t.armed()
		r, err = t.read(ctx, c, dir)
		return err
	})
	if err != nil {
		t.mu.Lock()
		defer t.mu.Unlock()
		delete(t.watched, dir)
		if t.off {
			return 0, "0", nil
		}
		return 0, "", err
	}
	at, err := r.scanned(page)
	if string(at) == "0" {
		at = nil
	}
	return stamp, string(at), err
}

// read reads the first entries of a directory, under watch.
func (t *tracker) read(ctx context.Context, c *redis.Client, dir record.Ino) (reply, error) {
	a := t.e.args()
	a.numbered(letters(record.KindEntry), uint64(dir))
	a.str("0")
	a.str("COUNT")
	a.int(scanStep)
	scan := redis.NewRawCmd(ctx, a.values("HSCAN")...)
	p := c.Pipeline()
	_ = p.Process(ctx, redis.NewStatusCmd(ctx, "CLIENT", "CACHING", "YES")) // only queued
	_ = p.Process(ctx, scan)                                                // only queued
	if _, err := p.Exec(ctx); err != nil {
		return reply{}, err
	}
	r := reply{scan.Val()}
	err := r.failed()
	return r, err
}

// arm gives a directory its stamp. That comes first: a change that is told of while the answer is read must find it.
func (t *tracker) arm(dir record.Ino) uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.stamp++
	t.watched[dir], t.arming = t.stamp, dir
	return t.stamp
}

func (t *tracker) armed() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.arming = 0
}

// HandlePushNotification is called by the library when the server tells of changes, while an answer is read.
func (t *tracker) HandlePushNotification(_ context.Context, _ push.NotificationHandlerContext, told []any) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	keys, ok := []any(nil), false
	if len(told) > 1 {
		keys, ok = told[1].([]any)
	}
	if !ok { // everything changed
		t.watched = map[record.Ino]uint64{}
		return nil
	}
	for _, key := range keys {
		name, _ := key.(string)
		name, ok := strings.CutPrefix(name, t.e.prefix)
		if !ok {
			continue
		}
		if k, ok := parseKey(record.KindEntry, name); ok {
			delete(t.watched, record.Ino(k.A))
		}
	}
	return nil
}
