package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/urfave/cli/v2"

	"juicefs/meta"
	"juicefs/meta/engine"
	"juicefs/meta/record"
)

func (p *program) statusCommand() *cli.Command {
	return &cli.Command{
		Name:      "status",
		Usage:     "show the setting, clients and usage of a volume as JSON",
		ArgsUsage: "META-URL",
		Flags: []cli.Flag{
			&cli.Uint64Flag{Name: "session", Aliases: []string{"s"}, Usage: "show one session, by its number"},
			&cli.BoolFlag{Name: "more", Aliases: []string{"m"}, Usage: "count the trash and what waits for deletion, too"},
		},
		Action: p.status,
	}
}

// sessionStatus is a session as status shows it. Names and order are those of juicefs 1.4.1.
type sessionStatus struct {
	Sid        uint64
	Expire     time.Time
	Version    string
	HostName   string
	IPAddrs    []string `json:",omitempty"`
	MountPoint string
	MountTime  time.Time
	ProcessID  int
	Sustained  []uint64     `json:",omitempty"` // inodes; like the locks only with --session
	Flocks     []lockStatus `json:",omitempty"`
	Plocks     []lockStatus `json:",omitempty"`
}

// usageStatus is the usage of a volume as status shows it. Names and order are those of juicefs 1.4.1.
type usageStatus struct {
	UsedSpace               uint64
	AvailableSpace          uint64
	UsedInodes              uint64
	AvailableInodes         uint64
	TrashFileCount          int64 `json:",omitempty"`
	TrashFileSize           int64 `json:",omitempty"`
	PendingDeletedFileCount int64 `json:",omitempty"`
	PendingDeletedFileSize  int64 `json:",omitempty"`
	TrashSliceCount         int64 `json:",omitempty"`
	TrashSliceSize          int64 `json:",omitempty"`
	PendingSliceCount       int64 `json:"PendingDeletedSliceCount,omitempty"`
	PendingSliceSize        int64 `json:"PendingDeletedSliceSize,omitempty"`
}

type volumeStatus struct {
	Setting  json.RawMessage
	Sessions []sessionStatus
	Stat     usageStatus
}

func (p *program) status(c *cli.Context) (err error) {
	if err = p.argsBetween(c, 1, 1); err != nil {
		return err
	}
	m, err := p.openMeta(c.Context, c.Args().First(), engine.Options{}, meta.Options{ReadOnly: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.Close(c.Context)) }()
	sessions, err := listSessions(c.Context, m.fs)
	if err != nil {
		return err
	}
	if c.IsSet("session") {
		want := c.Uint64("session")
		for _, s := range sessions {
			if s.Sid != want {
				continue
			}
			if err = addHeld(c.Context, m.eng, &s); err != nil {
				return err
			}
			return p.printJSON(s)
		}
		return fmt.Errorf("session not found: %d", want)
	}
	st := volumeStatus{Sessions: sessions}
	if st.Setting, err = showSetting(m.fs.Setting()); err != nil {
		return err
	}
	if st.Stat, err = usageOf(c.Context, m.fs); err != nil {
		return err
	}
	if c.Bool("more") {
		if err = addMore(c.Context, m.eng, &st.Stat); err != nil {
			return err
		}
	}
	return p.printJSON(st)
}

// listSessions returns the clients of a volume, [] rather than nothing when there is none.
func listSessions(ctx context.Context, fs *meta.FS) ([]sessionStatus, error) {
	all, err := fs.Sessions(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]sessionStatus, 0, len(all))
	for _, s := range all {
		st := sessionStatus{}
		if len(s.Info) > 0 {
			if err := json.Unmarshal(s.Info, &st); err != nil {
				return nil, fmt.Errorf("session %d: %w", s.ID, err)
			}
		}
		st.Sid, st.Expire = s.ID, s.Expire
		out = append(out, st)
	}
	return out, nil
}

func usageOf(ctx context.Context, fs *meta.FS) (usageStatus, error) {
	u, err := fs.Usage(ctx)
	if err != nil {
		return usageStatus{}, err
	}
	return usageStatus{UsedSpace: u.TotalSpace - u.AvailSpace, AvailableSpace: u.AvailSpace, UsedInodes: u.UsedInodes, AvailableInodes: u.AvailInodes}, nil
}

// showSetting returns a volume's setting as JSON that may be shown: no secrets.
func showSetting(s *record.Setting) (json.RawMessage, error) {
	shown := *s
	meta.Redact(&shown)
	return shown.Encode()
}

// printJSON prints a result, indented by two.
func (p *program) printJSON(v any) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("encode result: %w", err)
	}
	_, err = fmt.Fprintf(p.stdout, "%s\n", b)
	return err
}
