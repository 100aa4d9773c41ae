package meta

import (
	"errors"
	"testing"
	"time"

	"juicefs/meta/engine"
	"juicefs/meta/kvdb/mem"
	"juicefs/meta/record"
)

// spaced notes what it is asked for.
type spaced struct {
	engine.Engine
	gaps chan time.Duration
}

func (s *spaced) Space(gap time.Duration) { s.gaps <- gap }

func TestRoomIsLeftWhileOtherProgramsAreThere(t *testing.T) {
	bare, err := mem.Open(t.Context(), engine.Options{Create: true})
	if err != nil {
		t.Fatal(err)
	}
	eng := &spaced{Engine: bare, gaps: make(chan time.Duration, 10)}
	if err = Format(t.Context(), eng, &record.Setting{Name: "v", UUID: "6c5b1a52-2d0b-4f4a-8f0e-2f0c6f3c7d12"}, false); err != nil {
		t.Fatal(err)
	}
	begin := func() *FS {
		t.Helper()
		fs, err := Open(t.Context(), eng, Options{Heartbeat: time.Second})
		if err == nil {
			err = fs.StartSession(t.Context())
		}
		if err != nil {
			t.Fatal(err)
		}
		return fs
	}
	// The session of another program, as juicefs 1.4.1 writes it.
	foreign := func(fs *FS, expire time.Time) {
		t.Helper()
		if err := fs.update(t.Context(), "test", func(tx *Tx) error {
			s := record.Session{Expire: expire.Unix(), Info: []byte(`{"Version":"1.4.1","HostName":"h","MountPoint":"s3gateway","ProcessID":7}`)}
			tx.Put(record.SessionKey(1000), s.Encode())
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	first := begin()
	second := begin()
	if n := len(eng.gaps); n != 0 {
		t.Fatalf("commits are spaced with nobody there but us: %v", <-eng.gaps)
	}
	foreign(first, time.Now().Add(time.Hour))
	wait := func(want time.Duration) {
		t.Helper()
		for range 2 { // both notice
			select {
			case got := <-eng.gaps:
				if got != want {
					t.Fatalf("gap %s, want %s", got, want)
				}
			case <-time.After(30 * time.Second):
				t.Fatalf("nobody asks for a gap of %s", want)
			}
		}
	}
	wait(foreignGap)
	foreign(first, time.Now().Add(-time.Hour)) // it is gone
	wait(0)
	foreign(first, time.Now().Add(time.Hour))
	wait(foreignGap)
	third := begin() // knows from the start
	if got := <-eng.gaps; got != foreignGap {
		t.Errorf("gap %s at the start", got)
	}
	if err := errors.Join(first.Close(t.Context()), second.Close(t.Context()), third.Close(t.Context()), bare.Close()); err != nil {
		t.Error(err)
	}
}
