package meta

import (
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

// leaveRoom has the engine space commits while the sessions on the volume are not all of this program. It is for the start and
// for every heartbeat, one after the other.
func (fs *FS) leaveRoom(sessions []SessionInfo) {
	to, ok := fs.eng.(engine.Spacer)
	if !ok {
		return
	}
	gap := time.Duration(0)
	if foreign(sessions, fs.o.Now()) {
		gap = foreignGap
	}
	if gap != fs.gap {
		fs.gap = gap
		to.Space(gap)
		fs.log.Info("commits to a directory are spaced while other programs write to the volume", "gap", gap)
	}
}

// foreign reports whether a client of another program has a session that is not stale.
func foreign(sessions []SessionInfo, now time.Time) bool {
	for _, s := range sessions {
		var info sessionInfo
		// A session without a description is of a client too old to write one.
		if json.Unmarshal(s.Info, &info) != nil || info.Program != programName {
			if !s.Expire.Before(now) {
				return true
			}
		}
	}
	return false
}
