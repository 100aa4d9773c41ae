package meta

import (
	"context"
	"encoding/json"
	"time"

	"juicefs/meta/engine"
)

// programName is in the session records of this program and in no other's.
const programName = "juicefs-gateway"

// foreignGap is how far apart bursts of commits to one directory are while clients of other programs are about. They read a
// directory and write to it in several turnarounds, all of which starts over when it changes meanwhile, and fail after fifty
// times.
const foreignGap = 8 * time.Millisecond

// leaveRoom has the engine space commits while the sessions on the volume are not all of this program: from now on, and looked
// at with every heartbeat.
func (fs *FS) leaveRoom(ctx context.Context, to engine.Spacer) {
	var gap time.Duration
	look := func(ctx context.Context) error {
		foreign, err := fs.foreign(ctx)
		if err != nil {
			return err
		}
		next := time.Duration(0)
		if foreign {
			next = foreignGap
		}
		if next != gap {
			gap = next
			to.Space(gap)
			fs.log.Info("commits to a directory are spaced while other programs write to the volume", "gap", gap)
		}
		return nil
	}
	if err := look(ctx); err != nil {
		fs.log.Warn("look for clients of other programs", "err", err)
	}
	fs.every(ctx, fs.o.Heartbeat, look)
}

// foreign reports whether a client of another program has a session that is not stale.
func (fs *FS) foreign(ctx context.Context) (bool, error) {
	all, err := fs.Sessions(ctx)
	if err != nil {
		return false, err
	}
	now := fs.o.Now()
	for _, s := range all {
		var info sessionInfo
		// A session without a description is of a client too old to write one.
		if json.Unmarshal(s.Info, &info) != nil || info.Program != programName {
			if !s.Expire.Before(now) {
				return true, nil
			}
		}
	}
	return false, nil
}
