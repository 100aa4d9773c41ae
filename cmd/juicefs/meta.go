package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"juicefs/meta"
	"juicefs/meta/all"
	"juicefs/meta/engine"
)

// metaURL completes a META-URL from the command line with scheme and password.
func (p *program) metaURL(ctx context.Context, arg string) (string, error) {
	if err := notAFile(arg); err != nil {
		return "", err
	}
	full, err := p.addPassword(withScheme(arg))
	if err != nil {
		return "", err
	}
	p.say(ctx, slog.LevelInfo, "Meta address: "+all.Redact(full))
	return full, nil
}

// openEngine opens the database of a META-URL. engine.ErrNotFormatted is wrapped where there is none.
func (p *program) openEngine(ctx context.Context, metaURL string, o engine.Options) (engine.Engine, error) {
	o.Logger = p.log
	eng, err := all.Open(ctx, metaURL, o)
	if err != nil {
		return nil, hideURL(err, metaURL)
	}
	return eng, nil
}

// hideURL takes the password of metaURL out of an error that may quote it.
func hideURL(err error, metaURL string) error {
	if _, password, _, ok := all.SplitPassword(metaURL); ok && password != "" {
		return &hiddenError{err, password}
	}
	return err
}

// volumeMeta is an opened file system with its database.
type volumeMeta struct {
	eng engine.Engine
	fs  *meta.FS
}

// openMeta opens the file system of a volume. Nothing is registered yet. A database that cannot be reached is tried again as often
// as the engine's options say.
func (p *program) openMeta(ctx context.Context, arg string, eo engine.Options, o meta.Options) (*volumeMeta, error) {
	metaURL, err := p.metaURL(ctx, arg)
	if err != nil {
		return nil, err
	}
	eo.ReadOnly = o.ReadOnly
	eng, err := p.openEngine(ctx, metaURL, eo)
	if err != nil {
		return nil, notFormatted(err, metaURL)
	}
	o.Version, o.Logger = versionText(), p.log
	fs, err := meta.Open(ctx, eng, o)
	if err != nil {
		return nil, errors.Join(notFormatted(err, metaURL), eng.Close())
	}
	return &volumeMeta{eng: eng, fs: fs}, nil
}

// Close ends the session, if there is one, and closes the database.
func (m *volumeMeta) Close(ctx context.Context) error {
	return errors.Join(m.fs.Close(ctx), m.eng.Close())
}

// notFormatted puts the words for people in place of "there is no volume".
func notFormatted(err error, metaURL string) error {
	if errors.Is(err, meta.ErrNotFormatted) || errors.Is(err, engine.ErrNotFormatted) {
		return fmt.Errorf("database is not formatted, please run `juicefs format %s NAME` first", all.Redact(metaURL))
	}
	return err
}
