package main

import (
	"fmt"
	"runtime/debug"

	"github.com/urfave/cli/v2"
)

// compatible is the version of JuiceFS whose formats this program speaks. Volumes may refuse clients by version, so
// sessions carry it.
const compatible = "1.4.1"

// versionText is the version with the revision it was built from: "1.4.1+0123abc".
func versionText() string {
	build := "dev"
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" && len(s.Value) >= 7 {
				build = s.Value[:7]
			}
		}
	}
	return compatible + "+" + build
}

func (p *program) versionCommand() *cli.Command {
	return &cli.Command{
		Name:   "version",
		Usage:  "print the version",
		Action: p.version,
	}
}

func (p *program) version(*cli.Context) error {
	fmt.Fprintf(p.stdout, "juicefs version %s\n", versionText())
	return nil
}
