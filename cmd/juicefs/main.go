// Command juicefs makes and serves JuiceFS-compatible volumes: format writes a volume's setting, gateway serves it over
// S3, status shows it.
//
// One command is one file. Flags and environment are read here and nowhere below; volume.go is the only place where the
// layers are wired together.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"juicefs/pkg/obs"
)

// Exit codes.
const (
	exitFailed  = 1
	exitUnknown = 3  // no such command
	exitGone    = 11 // a running service found its volume removed or replaced
)

func main() {
	args := hideSecrets(os.Args)
	p := &program{
		stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr,
		getenv: os.Getenv, color: isTerminal(os.Stderr),
	}
	os.Exit(p.run(context.Background(), args))
}

// program is one run of the command line. What it takes from the process comes in here, so that tests can hold it.
type program struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	getenv         func(string) string
	color          bool // of log lines

	args []string // as given, secrets included: to start again in the background
	log  *slog.Logger
}

// exitError ends the program with a code. Without Err nothing is logged: the reason was printed already.
type exitError struct {
	Code int
	Err  error
}

func (e *exitError) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("exit code %d", e.Code)
	}
	return e.Err.Error()
}

func (e *exitError) Unwrap() error { return e.Err }

// run executes one command line, args[0] being the program, and returns the exit code.
func (p *program) run(ctx context.Context, args []string) int {
	p.args = args
	p.log = slog.New(obs.NewHandler(p.stderr, obs.LogOptions{Color: p.color}))
	app := p.app()
	arranged, err := arrange(app, args)
	if err == nil {
		err = app.RunContext(ctx, arranged)
	}
	if err == nil {
		return 0
	}
	code := exitFailed
	var exit *exitError
	if errors.As(err, &exit) {
		code = exit.Code
		err = exit.Err
	}
	if err != nil {
		p.say(ctx, obs.LevelFatal, err.Error())
	}
	return code
}

func (p *program) app() *cli.App {
	app := &cli.App{
		Name:                 "juicefs",
		Usage:                "an S3 gateway over JuiceFS-compatible volumes",
		HideVersion:          true, // its short form v is that of verbose here
		HideHelpCommand:      true,
		EnableBashCompletion: false,
		Writer:               p.stdout,
		ErrWriter:            p.stderr,
		ExitErrHandler:       func(*cli.Context, error) {}, // run decides
		Flags:                globalFlags(),
		Before:               p.setUpLog,
		Action: func(c *cli.Context) error {
			if c.Bool("version") {
				return p.version(c)
			}
			return cli.ShowAppHelp(c)
		},
		Commands: []*cli.Command{
			p.formatCommand(),
			p.gatewayCommand(),
			p.statusCommand(),
			p.versionCommand(),
		},
	}
	// What is wrong with an option is said in one line, without the help of the whole command.
	only := func(_ *cli.Context, err error, _ bool) error { return err }
	app.OnUsageError = only
	for _, c := range app.Commands {
		c.OnUsageError = only
	}
	return app
}

// argsBetween checks the number of a command's arguments; what is wrong goes to standard output, with the usage.
func (p *program) argsBetween(c *cli.Context, least, most int) error {
	n := c.NArg()
	if n >= least && n <= most {
		return nil
	}
	problem := fmt.Sprintf("ERROR: This command requires at least %d arguments", least)
	if n > most {
		problem = fmt.Sprintf("ERROR: This command takes at most %d arguments, got %d: %s", most, n, strings.Join(c.Args().Slice(), " "))
	}
	fmt.Fprintf(p.stdout, "%s\nUSAGE:\n   juicefs %s [options] %s\n", problem, c.Command.Name, c.Command.ArgsUsage)
	return &exitError{Code: exitFailed}
}
