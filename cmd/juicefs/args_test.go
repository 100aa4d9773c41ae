package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/urfave/cli/v2"
)

func testApp(stderr *bytes.Buffer) *cli.App {
	return &cli.App{
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "verbose", Aliases: []string{"v"}},
			&cli.StringFlag{Name: "log-id"},
		},
		Commands: []*cli.Command{
			{Name: "gateway", Flags: []cli.Flag{&cli.BoolFlag{Name: "background", Aliases: []string{"d"}}, &cli.StringFlag{Name: "umask"}}},
			{Name: "status", Flags: []cli.Flag{&cli.Uint64Flag{Name: "session", Aliases: []string{"s"}}}},
		},
		ErrWriter: stderr,
	}
}

func TestArrange(t *testing.T) {
	tests := []struct{ name, line, want string }{
		{"nothing at all", "", ""},
		{"in the parser's order", "--verbose gateway --umask 022 META ADDR", "--verbose gateway --umask 022 -- META ADDR"},
		{"options after the arguments", "gateway META ADDR --umask 022 -d", "gateway --umask 022 -d -- META ADDR"},
		{"options between the arguments", "gateway META --umask 022 ADDR", "gateway --umask 022 -- META ADDR"},
		{"options before the command", "--umask 022 gateway META ADDR", "gateway --umask 022 -- META ADDR"},
		{"a value that is a command's name", "--umask status gateway META ADDR", "gateway --umask status -- META ADDR"},
		{"global options anywhere", "gateway META -v ADDR --log-id x", "-v --log-id x gateway -- META ADDR"},
		{"one dash", "gateway -umask=022 META ADDR", "gateway -umask=022 -- META ADDR"},
		{"a switch with a value takes no word", "gateway --background=false META ADDR", "gateway --background=false -- META ADDR"},
		{"after two dashes all are arguments", "gateway META -- -d", "gateway -- META -d"},
		{"help of a command", "gateway --help", "gateway --help --"},
		{"a value that looks like an option", "status --session -1 META", "status --session -1 -- META"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := arrange(testApp(&bytes.Buffer{}), append([]string{"juicefs"}, strings.Fields(tt.line)...))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(append([]string{"juicefs"}, strings.Fields(tt.want)...), got); diff != "" {
				t.Errorf("arranged (-want +got):\n%s", diff)
			}
		})
	}
}

func TestArrangeErrors(t *testing.T) {
	tests := []struct{ name, line, want, stderr string }{
		{"unknown option", "gateway META --x=1", `unknown option: "--x"`, ""},
		{"an option of another command", "status META --umask 022", `unknown option: "--umask"`, ""},
		{"value missing", "gateway META ADDR --umask", "option --umask needs a value", ""},
		{"unknown command", "gatewy META", "exit code 3", "No help topic for 'gatewy'\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var stderr bytes.Buffer
			_, err := arrange(testApp(&stderr), append([]string{"juicefs"}, strings.Fields(tt.line)...))
			if err == nil || err.Error() != tt.want || stderr.String() != tt.stderr {
				t.Errorf("got %v, stderr %q, want %s, stderr %q", err, stderr.String(), tt.want, tt.stderr)
			}
		})
	}
}
