package record

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// Tier is a storage tier of a volume.
type Tier struct {
	ID           uint8  `json:"ID"`
	StorageClass string `json:"StorageClass"`
	Tag          string `json:"Tag"`
}

// Setting is the description of a volume, stored as JSON. Members that this version does not know survive in Extra.
//
// Format: the order of members, and which are left out when zero, are those of juicefs 1.4.1.
type Setting struct {
	Name              string
	UUID              string
	Storage           string
	StorageClass      string          `json:",omitempty"`
	Tiers             map[string]Tier `json:",omitempty"`
	Bucket            string
	AccessKey         string `json:",omitempty"`
	SecretKey         string `json:",omitempty"`
	SessionToken      string `json:",omitempty"`
	BlockSize         int    // KiB
	Compression       string `json:",omitempty"`
	Shards            int    `json:",omitempty"`
	HashPrefix        bool   `json:",omitempty"`
	Capacity          uint64 `json:",omitempty"` // bytes; 0: no limit
	Inodes            uint64 `json:",omitempty"` // 0: no limit
	EncryptKey        string `json:",omitempty"`
	EncryptAlgo       string `json:",omitempty"`
	KeyEncrypted      bool   `json:",omitempty"`
	UploadLimit       int64  `json:",omitempty"` // Mbit/s
	DownloadLimit     int64  `json:",omitempty"` // Mbit/s
	TrashDays         int    // 0: no trash
	MetaVersion       int    `json:",omitempty"`
	MinClientVersion  string `json:",omitempty"`
	MaxClientVersion  string `json:",omitempty"`
	DirStats          bool   `json:",omitempty"`
	UserGroupQuota    bool   `json:",omitempty"`
	EnableACL         bool
	RangerRestUrl     string `json:",omitempty"`
	RangerService     string `json:",omitempty"`
	ChangeLog         bool   `json:",omitempty"`
	ChangeLogMaxAge   int64  `json:",omitempty"` // seconds
	ChangeLogMaxLines int64  `json:",omitempty"`
	KerbConf          string `json:",omitempty"`

	// Extra holds members unknown to this version, by name, so that rewriting the record does not lose them.
	Extra map[string]json.RawMessage `json:"-"`
}

// Encode returns the JSON text: one token a line, no indentation, as the format has it, with Extra at the end.
func (s *Setting) Encode() ([]byte, error) {
	b, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("encode setting: %w", err)
	}
	if len(s.Extra) > 0 {
		b = b[:len(b)-1]
		for _, name := range slices.Sorted(maps.Keys(s.Extra)) {
			quoted, err := json.Marshal(name)
			if err != nil {
				return nil, fmt.Errorf("encode setting member: %w", err)
			}
			b = append(append(append(append(b, ','), quoted...), ':'), s.Extra[name]...)
		}
		b = append(b, '}')
	}
	var out bytes.Buffer
	if err := json.Indent(&out, b, "", ""); err != nil {
		return nil, fmt.Errorf("encode setting: %w", err)
	}
	return out.Bytes(), nil
}

// DecodeSetting parses the JSON text.
func DecodeSetting(b []byte) (*Setting, error) {
	s := &Setting{}
	if err := json.Unmarshal(b, s); err != nil {
		return nil, corrupt(KindSetting, "%v", err)
	}
	var all, known map[string]json.RawMessage
	if err := json.Unmarshal(b, &all); err != nil {
		return nil, corrupt(KindSetting, "%v", err)
	}
	full, err := json.Marshal(settingNames{})
	if err != nil {
		return nil, fmt.Errorf("list setting members: %w", err)
	}
	if err := json.Unmarshal(full, &known); err != nil {
		return nil, fmt.Errorf("list setting members: %w", err)
	}
	for name, v := range all {
		if _, ok := known[name]; ok {
			continue
		}
		if s.Extra == nil {
			s.Extra = map[string]json.RawMessage{}
		}
		s.Extra[name] = v
	}
	return s, nil
}

// settingNames lists the members of Setting without omitempty, to tell known from unknown ones.
type settingNames struct {
	Name, UUID, Storage, StorageClass, Tiers, Bucket, AccessKey, SecretKey, SessionToken, BlockSize, Compression,
	Shards, HashPrefix, Capacity, Inodes, EncryptKey, EncryptAlgo, KeyEncrypted, UploadLimit, DownloadLimit, TrashDays,
	MetaVersion, MinClientVersion, MaxClientVersion, DirStats, UserGroupQuota, EnableACL, RangerRestUrl, RangerService,
	ChangeLog, ChangeLogMaxAge, ChangeLogMaxLines, KerbConf bool
}
