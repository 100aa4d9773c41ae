package meta

import (
	"errors"
	"testing"
	"time"

	"juicefs/meta/engine"
	"juicefs/meta/kvdb/mem"
	"juicefs/meta/record"
)

// A client is told of a setting that another one has changed, once for each change, and of none that is the same as before.
func TestChangedSettingsAreTold(t *testing.T) {
	eng, err := mem.Open(t.Context(), engine.Options{Create: true})
	if err != nil {
		t.Fatal(err)
	}
	if err = Format(t.Context(), eng, &record.Setting{Name: "v", UUID: "6c5b1a52-2d0b-4f4a-8f0e-2f0c6f3c7d12", Bucket: "/a/"}, false); err != nil {
		t.Fatal(err)
	}
	for _, readOnly := range []bool{false, true} {
		told := make(chan *record.Setting, 10)
		fs, err := Open(t.Context(), eng, Options{ReadOnly: readOnly, Heartbeat: time.Hour, OnSetting: func(s *record.Setting) { told <- s }})
		if err != nil {
			t.Fatal(err)
		}
		if err = fs.StartSession(t.Context()); err != nil {
			t.Fatal(err)
		}
		beat := func(want ...string) {
			t.Helper()
			if err := fs.reload(t.Context()); err != nil {
				t.Fatal(err)
			}
			for _, bucket := range want {
				select {
				case s := <-told:
					if s.Bucket != bucket || fs.Setting().Bucket != bucket {
						t.Errorf("told of the bucket %s while the setting has %s, want %s", s.Bucket, fs.Setting().Bucket, bucket)
					}
				default:
					t.Errorf("nothing is told, want the bucket %s", bucket)
				}
			}
			if n := len(told); n > 0 {
				t.Errorf("told %d times too often", n)
			}
		}
		change := func(change func(*record.Setting)) {
			t.Helper()
			s, err := LoadSetting(t.Context(), eng)
			if err != nil {
				t.Fatal(err)
			}
			change(s)
			if err = Format(t.Context(), eng, s, false); err != nil {
				t.Fatal(err)
			}
		}
		beat() // as it was at the start
		change(func(s *record.Setting) { s.Bucket = "/b/" })
		beat("/b/")
		beat()
		change(func(*record.Setting) {}) // written again, and the same
		beat()
		change(func(s *record.Setting) { s.Bucket = "/c/" })
		change(func(s *record.Setting) { s.Bucket = "/a/" })
		beat("/a/") // what was between two looks is not told
		if err := fs.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if err := eng.Close(); err != nil {
		t.Error(err)
	}
}

// A setting that is gone, or another volume's, is told as such, and not as a change.
func TestReplacedSettingsAreNotTakenOver(t *testing.T) {
	eng, err := mem.Open(t.Context(), engine.Options{Create: true})
	if err != nil {
		t.Fatal(err)
	}
	s := &record.Setting{Name: "v", UUID: "6c5b1a52-2d0b-4f4a-8f0e-2f0c6f3c7d12", Bucket: "/a/"}
	if err = Format(t.Context(), eng, s, false); err != nil {
		t.Fatal(err)
	}
	var gone []error
	fs, err := Open(t.Context(), eng, Options{
		OnSetting:  func(s *record.Setting) { t.Errorf("told of the setting of %s", s.UUID) },
		OnReplaced: func(err error) { gone = append(gone, err) },
	})
	if err != nil {
		t.Fatal(err)
	}
	other := *s
	other.UUID, other.Bucket = "9f6d572c-a55f-47a8-af92-af9721f9877a", "/b/"
	text, err := other.Encode()
	if err != nil {
		t.Fatal(err)
	}
	tx := eng.Begin(engine.Update)
	if err = tx.Commit(t.Context(), &engine.Batch{Writes: []engine.Write{{Op: engine.Put, Key: record.SettingKey(), Value: text}}}); err != nil {
		t.Fatal(err)
	}
	if err = fs.reload(t.Context()); !errors.Is(err, ErrReplaced) || len(gone) != 1 || !errors.Is(gone[0], ErrReplaced) {
		t.Errorf("got %v, told %v, want both to say that the volume was replaced", err, gone)
	}
	if got := fs.Setting().Bucket; got != "/a/" {
		t.Errorf("the setting of the other volume is used: bucket %s", got)
	}
	if err := errors.Join(fs.Close(t.Context()), eng.Close()); err != nil {
		t.Error(err)
	}
}
