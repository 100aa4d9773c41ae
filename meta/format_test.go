package meta

import (
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"juicefs/meta/engine"
	"juicefs/meta/kvdb/mem"
	"juicefs/meta/record"
)

// TestSecretVectors decrypts what juicefs 1.4.1 encrypted.
func TestSecretVectors(t *testing.T) {
	b, err := os.ReadFile("record/testdata/setting-secret.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors []struct{ UUID, EncryptAlgo, SecretKey, Plaintext string }
	if err := json.Unmarshal(b, &vectors); err != nil {
		t.Fatal(err)
	}
	for _, v := range vectors {
		s := &record.Setting{UUID: v.UUID, EncryptAlgo: v.EncryptAlgo, SecretKey: v.SecretKey, KeyEncrypted: true}
		if err := DecryptSecrets(s); err != nil || s.SecretKey != v.Plaintext || s.KeyEncrypted {
			t.Errorf("%s: %q, %v, %v", v.UUID, s.SecretKey, s.KeyEncrypted, err)
		}
	}
	if len(vectors) == 0 {
		t.Error("no vectors")
	}
}

func TestSecretsComeBack(t *testing.T) {
	plain := record.Setting{UUID: "u", SecretKey: "sk", SessionToken: "", EncryptKey: "pem"}
	s := plain
	if err := EncryptSecrets(&s); err != nil || !s.KeyEncrypted || s.SecretKey == "sk" || s.SessionToken != "" || s.EncryptKey == "pem" {
		t.Fatalf("encrypted: %+v, %v", s, err)
	}
	again := s
	if err := EncryptSecrets(&again); err != nil || !cmp.Equal(again, s) {
		t.Errorf("encrypted twice: %+v, %v", again, err)
	}
	damaged, gone := s, s
	if err := DecryptSecrets(&s); err != nil || !cmp.Equal(s, plain) {
		t.Errorf("decrypted: %+v, %v", s, err)
	}
	damaged.SecretKey = damaged.SecretKey[:len(damaged.SecretKey)-8] + "AAAAAAA="
	if err := DecryptSecrets(&damaged); !errors.Is(err, record.ErrCorrupt) {
		t.Errorf("damaged: %v", err)
	}
	Redact(&gone)
	if gone.SecretKey != "removed" || gone.SessionToken != "" || gone.EncryptKey != "removed" {
		t.Errorf("shown: %+v", gone)
	}
	if err := DecryptSecrets(&gone); err == nil || !strings.Contains(err.Error(), "set it again") {
		t.Errorf("a secret that was removed: %v", err)
	}
}

func TestVersions(t *testing.T) {
	ordered := []string{"1.0", "1.1.0-A", "1.1.0", "1.2.0-A", "1.2.0-beta1", "1.2.0", "1.4", "1.4.1-dev", "1.4.1", "2"}
	for i, a := range ordered {
		for j, b := range ordered {
			v, err := ParseVersion(a)
			if err != nil {
				t.Fatal(err)
			}
			u, err := ParseVersion(b + "+build.5")
			if err != nil {
				t.Fatal(err)
			}
			want := 0
			if i < j {
				want = -1
			} else if i > j {
				want = 1
			}
			if got := v.Compare(u); got != want {
				t.Errorf("%s against %s: %d, want %d", a, b, got, want)
			}
		}
	}
	for _, bad := range []string{"", "x", "1.2.3.4", "1.-2", "1..2"} {
		if _, err := ParseVersion(bad); err == nil {
			t.Errorf("%q is a version", bad)
		}
	}
}

func newEngine(t *testing.T) engine.Engine {
	t.Helper()
	e, err := mem.Open(t.Context(), engine.Options{Create: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

func TestOpenChecksTheSetting(t *testing.T) {
	e := newEngine(t)
	if _, err := Open(t.Context(), e, Options{}); !errors.Is(err, ErrNotFormatted) {
		t.Errorf("nothing there: %v", err)
	}
	var tooNew, tooOld *VersionError
	for _, c := range []struct {
		name   string
		change func(*record.Setting)
		ro     bool
		ok     func(error) bool
	}{
		{"plain", func(*record.Setting) {}, false, func(err error) bool { return err == nil }},
		{"needs a newer client", func(s *record.Setting) { s.MinClientVersion = "1.5.0-A" }, false, func(err error) bool { return errors.As(err, &tooOld) && !tooOld.Newest }},
		{"needs an older client", func(s *record.Setting) { s.MaxClientVersion = "1.3" }, false, func(err error) bool { return errors.As(err, &tooNew) && tooNew.Newest }},
		{"change log", func(s *record.Setting) { s.ChangeLog = true }, false, func(err error) bool {
			return errors.Is(err, ErrUnsupported) && strings.Contains(err.Error(), "ChangeLog")
		}},
		{"change log, for reading", func(s *record.Setting) { s.ChangeLog = true }, true, func(err error) bool { return err == nil }},
		{"tiers", func(s *record.Setting) { s.Tiers = map[string]record.Tier{"0": {}, "1": {ID: 1}} }, false, func(err error) bool { return errors.Is(err, ErrUnsupported) }},
		{"metadata of the future", func(s *record.Setting) { s.MetaVersion = 2 }, true, func(err error) bool { return errors.Is(err, ErrUnsupported) }},
	} {
		s := &record.Setting{Name: "v", UUID: "u", MetaVersion: 1}
		c.change(s)
		if err := Format(t.Context(), e, s, true); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if _, err := Open(t.Context(), e, Options{ReadOnly: c.ro}); !c.ok(err) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestFormatAgain(t *testing.T) {
	e := newEngine(t)
	s := &record.Setting{Name: "v", UUID: "first", BlockSize: 4096, MetaVersion: 1, SecretKey: "sk", Extra: map[string]json.RawMessage{"Later": json.RawMessage("1")}}
	format := func(s *record.Setting, force bool) error { return Format(t.Context(), e, s, force) }
	if err := format(s, false); err != nil {
		t.Fatal(err)
	}
	get := func(k record.Key) []byte {
		tx := e.Begin(engine.View)
		defer tx.Discard()
		items, err := tx.Fetch(t.Context(), []engine.ReadOp{{Key: k}})
		if err != nil {
			t.Fatal(err)
		}
		return items[0].Value
	}
	root, err := record.DecodeAttr(get(record.AttrKey(record.Root)))
	if err != nil {
		t.Fatal(err)
	}
	want := &record.Attr{Type: record.TypeDirectory, Mode: 0o777, Nlink: 2, Length: 4096, Parent: record.Root, Atime: root.Atime, Mtime: root.Atime, Ctime: root.Atime}
	if d := cmp.Diff(root, want); d != "" {
		t.Errorf("root (-got +want):\n%s", d)
	}
	if get(record.AttrKey(record.Trash)) != nil {
		t.Error("there is a trash")
	}
	next := *s
	next.UUID, next.TrashDays, next.DirStats, next.Extra = "second", 3, true, nil
	if err = format(&next, false); err != nil {
		t.Fatal(err)
	}
	have, err := LoadSetting(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	if have.UUID != "first" || have.TrashDays != 3 || len(have.Extra) != 1 {
		t.Errorf("formatted again: %+v", have)
	}
	if err := DecryptSecrets(have); err != nil || have.SecretKey != "sk" {
		t.Errorf("the secret is %q, %v", have.SecretKey, err)
	}
	if get(record.AttrKey(record.Trash)) == nil {
		t.Error("there is no trash")
	}
	for name, change := range map[string]func(*record.Setting){
		"name": func(s *record.Setting) { s.Name = "w" }, "block size": func(s *record.Setting) { s.BlockSize = 64 },
		"compression": func(s *record.Setting) { s.Compression = "lz4" }, "shards": func(s *record.Setting) { s.Shards = 2 },
		"hash prefix": func(s *record.Setting) { s.HashPrefix = true },
	} {
		other := next
		change(&other)
		if err := format(&other, false); err == nil || !strings.Contains(err.Error(), "cannot update volume "+name) {
			t.Errorf("another %s: %v", name, err)
		}
	}
	none := next
	none.Compression = "none" // as good as nothing
	if err := format(&none, false); err != nil {
		t.Error(err)
	}
}
