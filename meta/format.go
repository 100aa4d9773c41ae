package meta

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"

	"juicefs/meta/engine"
	"juicefs/meta/record"
	"juicefs/pkg/crypt"
)

// maxMetaVersion is the newest version of the metadata format that this program understands.
const maxMetaVersion = 1

// removed stands for a secret where settings are shown.
const removed = "removed"

// LoadSetting reads the setting of the volume that eng holds, secrets as stored. ErrNotFormatted if there is none.
func LoadSetting(ctx context.Context, eng engine.Engine) (*record.Setting, error) {
	tx := eng.Begin(engine.View)
	defer tx.Discard()
	items, err := tx.Fetch(ctx, []engine.ReadOp{{Key: record.SettingKey()}})
	if err != nil {
		return nil, fmt.Errorf("load setting: %w", err)
	}
	return decodeSetting(items[0].Value)
}

func decodeSetting(b []byte) (*record.Setting, error) {
	if b == nil {
		return nil, ErrNotFormatted
	}
	s, err := record.DecodeSetting(b)
	if err != nil {
		return nil, fmt.Errorf("load setting: %w", err)
	}
	if s.MetaVersion > maxMetaVersion {
		return nil, fmt.Errorf("metadata version %d is newer than %d: %w", s.MetaVersion, maxMetaVersion, ErrUnsupported)
	}
	return s, nil
}

// Format writes the setting s, with encrypted secrets, and on a database without a volume what a volume starts with. If
// there is a volume already, its UUID is kept and what cannot change is refused unless force is set. The engine must have
// been opened with Create.
func Format(ctx context.Context, eng engine.Engine, s *record.Setting, force bool) error {
	fs := &FS{eng: eng, o: Options{Version: s.MinClientVersion}.normalize()}
	fs.metrics = metrics{fs.o.Observe}
	return fs.update(ctx, "format", func(tx *Tx) error {
		old, err := tx.Get(record.SettingKey(), engine.Exact)
		if err != nil {
			return err
		}
		next := *s
		next.Tiers = maps.Clone(s.Tiers)
		if old != nil {
			var prev *record.Setting
			if prev, err = record.DecodeSetting(old); err != nil {
				return err
			}
			if err = checkUpdate(prev, &next, force); err != nil {
				return err
			}
			next.UUID, next.Extra = prev.UUID, prev.Extra
			if err = tx.switchDirStats(prev, &next); err != nil {
				return err
			}
		}
		if !next.KeyEncrypted {
			if err = EncryptSecrets(&next); err != nil {
				return err
			}
		}
		b, err := next.Encode()
		if err != nil {
			return err
		}
		tx.Put(record.SettingKey(), b)
		return tx.makeRoots(&next)
	})
}

// makeRoots makes the root directory and the trash root where they are missing.
func (tx *Tx) makeRoots(s *record.Setting) error {
	roots := []struct {
		ino  record.Ino
		mode uint16
		want bool
	}{{record.Root, 0o777, true}, {record.Trash, 0o555, s.TrashDays > 0}}
	for _, r := range roots {
		b, err := tx.Get(record.AttrKey(r.ino), engine.Exact)
		if err != nil {
			return err
		}
		if b != nil || !r.want {
			continue
		}
		// Format: whole seconds on a new volume. juicefs 1.4.1, vectors redis-keyspace.
		now := record.Time{Sec: tx.now.Sec}
		tx.PutAttr(r.ino, &record.Attr{Type: record.TypeDirectory, Mode: r.mode, Nlink: 2, Length: 4096, Parent: record.Root,
			Atime: now, Mtime: now, Ctime: now})
	}
	return nil
}

// switchDirStats drops all directory statistics when they are switched on, since they were not kept meanwhile.
func (tx *Tx) switchDirStats(prev, next *record.Setting) error {
	if prev.DirStats || !next.DirStats {
		return nil
	}
	for it, err := range tx.fs.eng.Scan(tx.ctx, engine.Range{Kind: record.KindDirStat, All: true}) {
		if err != nil {
			return err
		}
		tx.Delete(it.Key)
	}
	return nil
}

func checkUpdate(prev, next *record.Setting, force bool) error {
	if force {
		return nil
	}
	type field struct {
		name     string
		from, to any
	}
	for _, f := range []field{
		{"name", prev.Name, next.Name}, {"block size", prev.BlockSize, next.BlockSize},
		{"compression", orNone(prev.Compression), orNone(next.Compression)}, {"shards", prev.Shards, next.Shards},
		{"hash prefix", prev.HashPrefix, next.HashPrefix}, {"meta version", prev.MetaVersion, next.MetaVersion},
	} {
		if f.from != f.to {
			return fmt.Errorf("cannot update volume %s from %v to %v", f.name, f.from, f.to)
		}
	}
	return nil
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return strings.ToLower(s)
}

// EncryptSecrets hides the secrets of s in place, as [crypt.SealSecret] does, and sets KeyEncrypted, if there are any.
func EncryptSecrets(s *record.Setting) error {
	if s.KeyEncrypted || s.SecretKey == "" && s.SessionToken == "" && s.EncryptKey == "" {
		return nil
	}
	if err := checkSecrets(s); err != nil {
		return err
	}
	for _, p := range secrets(s) {
		if *p == "" {
			continue
		}
		sealed, err := crypt.SealSecret(s.UUID, *p)
		if err != nil {
			return fmt.Errorf("encrypt secrets: %w", err)
		}
		*p = sealed
	}
	s.KeyEncrypted = true
	return nil
}

// DecryptSecrets is the inverse of EncryptSecrets. A secret that cannot be read is [record.ErrCorrupt].
func DecryptSecrets(s *record.Setting) error {
	if !s.KeyEncrypted {
		return nil
	}
	if err := checkSecrets(s); err != nil {
		return err
	}
	for _, p := range secrets(s) {
		switch *p {
		case "":
			continue
		case removed:
			return errors.New("a secret was removed from the volume's setting; set it again with the original's config")
		}
		plain, err := crypt.OpenSecret(s.UUID, *p)
		if err != nil {
			return fmt.Errorf("decrypt secrets: %w: %w", record.ErrCorrupt, err)
		}
		*p = plain
	}
	s.KeyEncrypted = false
	return nil
}

// Redact replaces the secrets of s, for showing it.
func Redact(s *record.Setting) {
	for _, p := range secrets(s) {
		if *p != "" {
			*p = removed
		}
	}
}

func secrets(s *record.Setting) []*string {
	return []*string{&s.SecretKey, &s.SessionToken, &s.EncryptKey}
}

// checkSecrets refuses secrets that are hidden in a way that this program does not have.
func checkSecrets(s *record.Setting) error {
	if s.EncryptAlgo == "sm4gcm" {
		return fmt.Errorf("EncryptAlgo sm4gcm: %w", ErrUnsupported)
	}
	return nil
}

// checkSupported refuses, by name, settings that this program would have to act on when it writes and does not.
func checkSupported(s *record.Setting) error {
	var names []string
	for name, on := range map[string]bool{
		"ChangeLog":          s.ChangeLog,
		"EncryptAlgo sm4gcm": s.EncryptKey != "" && s.EncryptAlgo == "sm4gcm",
		"KerbConf":           s.KerbConf != "",
		"RangerRestUrl":      s.RangerRestUrl != "",
		"Tiers":              hasTiers(s),
	} {
		if on {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	return fmt.Errorf("%s: %w for writing", strings.Join(names, ", "), ErrUnsupported)
}

func hasTiers(s *record.Setting) bool {
	for id := range s.Tiers {
		if id != "0" {
			return true
		}
	}
	return false
}

// checkVersion holds the version gates of the setting against v.
func checkVersion(s *record.Setting, v string) error {
	own, err := ParseVersion(v)
	if err != nil {
		return err
	}
	for _, gate := range []struct {
		limit  string
		newest bool
	}{{s.MinClientVersion, false}, {s.MaxClientVersion, true}} {
		if gate.limit == "" {
			continue
		}
		limit, err := ParseVersion(gate.limit)
		if err != nil {
			return err
		}
		if c := own.Compare(limit); gate.newest && c > 0 || !gate.newest && c < 0 {
			return &VersionError{Allowed: gate.limit, Newest: gate.newest}
		}
	}
	return nil
}

// Version is a parsed client version.
type Version struct {
	Numbers [3]int
	Pre     string // after "-"
}

// ParseVersion reads up to three numbers, an optional "-pre" and an optional "+build", which is ignored.
func ParseVersion(s string) (Version, error) {
	var v Version
	core, _, _ := strings.Cut(s, "+")
	core, v.Pre, _ = strings.Cut(core, "-")
	parts := strings.Split(core, ".")
	if len(parts) > 3 {
		return v, fmt.Errorf("invalid version string %q", s)
	}
	for i, p := range parts {
		n, err := strconv.Atoi(p)
		if err != nil || n < 0 {
			return v, fmt.Errorf("invalid version string %q", s)
		}
		v.Numbers[i] = n
	}
	return v, nil
}

// Compare returns -1, 0 or 1. With equal numbers a version without a pre-release is the newer one, and two pre-releases
// compare as text.
func (v Version) Compare(u Version) int {
	for i := range v.Numbers {
		if v.Numbers[i] != u.Numbers[i] {
			if v.Numbers[i] < u.Numbers[i] {
				return -1
			}
			return 1
		}
	}
	switch {
	case v.Pre == u.Pre:
		return 0
	case v.Pre == "":
		return 1
	case u.Pre == "":
		return -1
	}
	return strings.Compare(v.Pre, u.Pre)
}
