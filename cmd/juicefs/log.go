package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"time"

	"github.com/google/uuid"
	"github.com/urfave/cli/v2"

	"juicefs/pkg/obs"
)

func globalFlags() []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Name: "verbose", Aliases: []string{"debug", "v"}, Usage: "log more"},
		&cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}, Usage: "log warnings and errors only"},
		&cli.BoolFlag{Name: "trace", Usage: "log even more than verbose"},
		&cli.StringFlag{Name: "log-level", Usage: "least level to log, by name", Hidden: true},
		&cli.StringFlag{Name: "log-id", Usage: "put an id in front of each log line; \"random\" makes one"},
		&cli.BoolFlag{Name: "no-agent", Usage: "accepted: this program starts no profiling server"},
		&cli.StringFlag{Name: "pyroscope", Usage: "address of a profiling server", Hidden: true},
		&cli.BoolFlag{Name: "no-color", Usage: "log without colours"},
		&cli.BoolFlag{Name: "version", Aliases: []string{"V"}, Usage: "print the version"},
	}
}

// setUpLog makes the logger that the global options ask for.
func (p *program) setUpLog(c *cli.Context) error {
	if c.IsSet("pyroscope") {
		return notBuilt("pyroscope")
	}
	level := slog.LevelInfo
	switch {
	case c.Bool("trace"):
		level = obs.LevelTrace
	case c.Bool("verbose"):
		level = slog.LevelDebug
	case c.Bool("quiet"):
		level = slog.LevelWarn
	}
	if name := c.String("log-level"); name != "" {
		var err error
		if level, err = obs.ParseLevel(name); err != nil {
			return err
		}
	}
	id := c.String("log-id")
	if id == "random" {
		id = uuid.NewString()
	}
	p.log = slog.New(obs.NewHandler(p.stderr, obs.LogOptions{Level: level, Color: p.color && !c.Bool("no-color"), ID: id}))
	return nil
}

// say logs a line for people, with what it is about in the text, as the original does and scripts expect.
func (p *program) say(ctx context.Context, level slog.Level, text string) {
	if !p.log.Enabled(ctx, level) {
		return
	}
	var caller [1]uintptr
	runtime.Callers(2, caller[:])
	_ = p.log.Handler().Handle(ctx, slog.NewRecord(time.Now(), level, text, caller[0])) // a log that cannot be written is lost
}

// notBuilt is the error of an option that this version knows but cannot serve.
func notBuilt(option string) error {
	return fmt.Errorf("option --%s is not supported by this version", option)
}

// isTerminal reports whether f is a character device.
func isTerminal(f *os.File) bool {
	st, err := f.Stat()
	return err == nil && st.Mode()&os.ModeCharDevice != 0
}
