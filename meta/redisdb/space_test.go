package redisdb

import (
	"testing"
	"time"

	"juicefs/meta/engine"
	"juicefs/meta/record"
)

func TestCommitsToOneDirectoryComeInBursts(t *testing.T) {
	const gap = 80 * time.Millisecond
	s := &spacer{gap: gap, burst: map[uint64]time.Time{}}
	start := time.Now()
	to := func(dirs ...record.Ino) []engine.Write {
		var ws []engine.Write
		for _, d := range dirs {
			ws = append(ws, engine.Write{Op: engine.Put, Key: record.EntryKey(d, "n")})
		}
		return append(ws, engine.Write{Op: engine.Put, Key: record.AttrKey(7)})
	}
	for _, c := range []struct {
		name string
		at   time.Duration
		ws   []engine.Write
		want time.Duration
	}{
		{"the first goes", 0, to(1), 0},
		{"so do those at once behind it", 9 * time.Millisecond, to(1), 0},
		{"later ones wait", 10 * time.Millisecond, to(1), 70 * time.Millisecond},
		{"another directory does not", 20 * time.Millisecond, to(2), 0},
		{"one to both waits for both", 50 * time.Millisecond, to(1, 2), 50 * time.Millisecond},
		{"what changes no entries goes", 50 * time.Millisecond, to(), 0},
		{"the next burst", 80 * time.Millisecond, to(1), 0},
		{"goes on", 85 * time.Millisecond, to(1), 0},
		{"and ends", 95 * time.Millisecond, to(1), 65 * time.Millisecond},
	} {
		if got := s.pause(c.ws, start.Add(c.at)); got != c.want {
			t.Errorf("%s: waits %s, want %s", c.name, got, c.want)
		}
	}
	for dir := range record.Ino(3 * maxBursts) {
		s.pause(to(dir+10), start.Add(time.Second+time.Duration(dir)*time.Millisecond))
	}
	if len(s.burst) > maxBursts+1 {
		t.Errorf("%d directories are remembered", len(s.burst))
	}
	s.gap = 0
	if got := s.pause(to(1), start.Add(time.Hour)); got != 0 {
		t.Errorf("without a gap: %s", got)
	}
}
