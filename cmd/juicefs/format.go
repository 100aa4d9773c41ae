package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/urfave/cli/v2"

	"juicefs/meta"
	"juicefs/meta/engine"
	"juicefs/meta/record"
)

func (p *program) formatCommand() *cli.Command {
	flags := append(settingFlags(),
		&cli.BoolFlag{Name: "force", Usage: "overwrite the setting of an existing volume"},
		&cli.BoolFlag{Name: "no-update", Usage: "leave an existing volume as it is"})
	return &cli.Command{
		Name:      "format",
		Usage:     "make a volume, or change the setting of one",
		ArgsUsage: "META-URL NAME",
		Flags:     append(flags, settingRefused()...),
		Action:    p.format,
	}
}

// format checks the command line, then the database, then the object store, and writes to them last.
func (p *program) format(c *cli.Context) error {
	if err := p.argsBetween(c, 2, 2); err != nil {
		return err
	}
	if err := checkRefused(c, settingRefused()); err != nil {
		return err
	}
	name := c.Args().Get(1)
	if err := validName(name); err != nil {
		return err
	}
	// The options alone, on a new setting: whatever is wrong with them shows before anything is opened.
	setting := newSetting(name)
	if err := p.applySetting(c, setting); err != nil {
		return err
	}
	metaURL, err := p.metaURL(c.Context, c.Args().First())
	if err != nil {
		return err
	}
	old, err := p.loadSetting(c.Context, metaURL)
	if err != nil {
		return err
	}
	switch {
	case old == nil:
		err = p.applyNew(c, setting)
	case c.Bool("no-update"):
		return nil
	default:
		setting, err = p.updatedSetting(c, old, name)
	}
	if err != nil {
		return err
	}
	if err := p.prepareStore(c.Context, old, setting); err != nil {
		return err
	}
	return p.writeSetting(c.Context, metaURL, setting, c.Bool("force"))
}

// loadSetting returns the setting of a volume with its secrets in clear, nil if there is none yet. It makes nothing.
func (p *program) loadSetting(ctx context.Context, metaURL string) (s *record.Setting, err error) {
	eng, err := p.openEngine(ctx, metaURL, engine.Options{ReadOnly: true})
	if errors.Is(err, engine.ErrNotFormatted) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, eng.Close()) }()
	s, err = meta.LoadSetting(ctx, eng)
	if errors.Is(err, meta.ErrNotFormatted) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return s, meta.DecryptSecrets(s)
}

// updatedSetting is the setting of an existing volume with the options that were given, where they may change.
func (p *program) updatedSetting(c *cli.Context, old *record.Setting, name string) (*record.Setting, error) {
	s := *old
	if err := p.applySetting(c, &s); err != nil {
		return nil, err
	}
	if c.IsSet("encrypt-rsa-key") {
		p.log.Warn("option --encrypt-rsa-key is ignored: it is for new volumes")
	}
	s.Name = name
	if c.Bool("force") {
		return &s, nil
	}
	for _, f := range []struct {
		name     string
		from, to any
	}{
		{"name", old.Name, s.Name}, {"block size", old.BlockSize, s.BlockSize}, {"hash prefix", old.HashPrefix, s.HashPrefix},
		{"shards", old.Shards, s.Shards},
		{"compression", orNone(old.Compression), orNone(s.Compression)},
	} {
		if f.from != f.to {
			return nil, fmt.Errorf("cannot update volume %s from %v to %v", f.name, f.from, f.to)
		}
	}
	return &s, nil
}

func orNone(compression string) string {
	if compression == "" {
		return "none"
	}
	return strings.ToLower(compression)
}

// writeSetting writes the setting and says what was written.
func (p *program) writeSetting(ctx context.Context, metaURL string, s *record.Setting, force bool) (err error) {
	eng, err := p.openEngine(ctx, metaURL, engine.Options{Create: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, eng.Close()) }()
	if err = meta.Format(ctx, eng, s, force); err != nil {
		return err
	}
	written, err := meta.LoadSetting(ctx, eng)
	if err != nil {
		return err
	}
	shown, err := showSetting(written)
	if err != nil {
		return err
	}
	text, err := json.MarshalIndent(shown, "", "  ")
	if err != nil {
		return fmt.Errorf("show setting: %w", err)
	}
	p.say(ctx, slog.LevelInfo, "Volume is formatted as "+string(text))
	return nil
}
