// Command fuzz runs every fuzz target of the named packages, one after the other, for a while each: `go test -fuzz` takes
// one package and one target at a time.
//
//	fuzz -time 1m ./...
package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"time"
)

func main() {
	each := flag.Duration("time", time.Minute, "how long each target runs")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *each, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "fuzz:", err)
		stop()
		os.Exit(1) //nolint:gocritic // stop was called just before
	}
}

func run(ctx context.Context, each time.Duration, patterns []string) error {
	list, err := output(ctx, append([]string{"list", "-f", "{{if or .TestGoFiles .XTestGoFiles}}{{.ImportPath}}{{end}}"}, patterns...)...)
	if err != nil {
		return err
	}
	ran := 0
	for _, pkg := range strings.Fields(list) {
		names, err := output(ctx, "test", "-list", "^Fuzz", pkg)
		if err != nil {
			return err
		}
		for _, target := range targets(names) {
			fmt.Printf("== %s %s\n", pkg, target)
			// To make what is new shorter takes a minute by default: all of the time, where goroutines make the same input look new again.
			cmd := exec.CommandContext(ctx, "go", "test", "-run", "^$", "-fuzz", "^"+target+"$", "-fuzztime", each.String(), "-fuzzminimizetime", "2s", pkg)
			cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
			if err := cmd.Run(); err != nil {
				return fmt.Errorf("%s %s: %w", pkg, target, err)
			}
			ran++
		}
	}
	fmt.Printf("%d fuzz targets, %s each\n", ran, each)
	return nil
}

// targets picks the fuzz targets out of what `go test -list` prints.
func targets(list string) []string {
	var names []string
	for line := range strings.Lines(list) {
		if name := strings.TrimSpace(line); strings.HasPrefix(name, "Fuzz") {
			names = append(names, name)
		}
	}
	return names
}

// output runs the go command and returns what it prints.
func output(ctx context.Context, args ...string) (string, error) {
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Stdout, cmd.Stderr = &out, os.Stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("go %s: %w", strings.Join(args, " "), err)
	}
	return out.String(), nil
}
