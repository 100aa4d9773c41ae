// Command vulncheck tells which known vulnerabilities a program is built with, and fails if there is one that a page does not
// speak of.
//
//	vulncheck -scanner bin/tools/govulncheck -known docs/security.md ./cmd/juicefs
//
// The database is the newest golang.org/x/vulndb, which comes from where all modules come from; GOVULNDB names another.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
)

func main() {
	scanner := flag.String("scanner", "govulncheck", "the govulncheck that scans")
	known := flag.String("known", "", "file that names the vulnerabilities which are known, by their ids in the database")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *scanner, *known, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "vulncheck:", err)
		stop()
		os.Exit(1) //nolint:gocritic // stop was called just before
	}
}

func run(ctx context.Context, scanner, known string, packages []string) error {
	page, err := os.ReadFile(known)
	if err != nil {
		return err
	}
	db, err := database(ctx)
	if err != nil {
		return err
	}
	// With this format the scanner fails only when it cannot scan.
	out, err := output(ctx, scanner, append([]string{"-db", db, "-format", "json"}, packages...)...)
	if err != nil {
		return err
	}
	found, err := findings(out)
	if err != nil {
		return fmt.Errorf("read what %s found: %w", scanner, err)
	}
	var news []string
	for _, id := range slices.Sorted(maps.Keys(found)) {
		fmt.Printf("%s %s\n", id, found[id])
		if !mentions(string(page), id) {
			news = append(news, id)
		}
	}
	fmt.Printf("%d vulnerabilities in %s\n", len(found), db)
	if len(news) > 0 {
		return fmt.Errorf("%s says nothing of %s", known, strings.Join(news, ", "))
	}
	return nil
}

// database returns the address of the database.
func database(ctx context.Context) (string, error) {
	if db := os.Getenv("GOVULNDB"); db != "" {
		return db, nil
	}
	out, err := output(ctx, "go", "mod", "download", "-json", "golang.org/x/vulndb@latest")
	if err != nil {
		return "", err
	}
	var module struct{ Dir string }
	if err := json.Unmarshal(out, &module); err != nil {
		return "", fmt.Errorf("read where golang.org/x/vulndb is: %w", err)
	}
	// A folder of nothing but entries, of which the scanner makes its index.
	return "file://" + filepath.ToSlash(filepath.Join(module.Dir, "data", "osv")), nil
}

func output(ctx context.Context, name string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	var stdout bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, &stdout)
	}
	return stdout.Bytes(), nil
}

// finding is a vulnerability in the program.
type finding struct {
	module, version, fixed string // fixed is empty where nothing is
	reach                  reach
}

// reach tells how much of a vulnerability is in the program.
type reach uint8

const (
	required reach = iota // the module is there
	imported              // a package that has it is linked
	called                // a function that has it may be called
)

// String implements fmt.Stringer.
func (f finding) String() string {
	return fmt.Sprintf("%s %s, fixed in %s, %s", f.module, f.version, f.fixed, [...]string{"required", "imported", "called"}[f.reach])
}

// message is what the scanner prints, one after the other; others have none of these.
type message struct {
	Config  *struct{}
	Finding *struct {
		OSV          string
		FixedVersion string `json:"fixed_version"`
		Trace        []struct{ Module, Version, Package, Function string }
	}
}

// findings reads the output of the scanner. Of several findings of one vulnerability the nearest counts.
func findings(out []byte) (map[string]finding, error) {
	found, scanned := map[string]finding{}, false
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var m message
		switch err := d.Decode(&m); {
		case errors.Is(err, io.EOF) && scanned:
			return found, nil
		case err != nil:
			return nil, err
		}
		scanned = scanned || m.Config != nil
		if m.Finding == nil || len(m.Finding.Trace) == 0 {
			continue
		}
		at := m.Finding.Trace[0]
		f := finding{module: at.Module, version: at.Version, fixed: m.Finding.FixedVersion}
		switch {
		case at.Function != "":
			f.reach = called
		case at.Package != "":
			f.reach = imported
		}
		if before, ok := found[m.Finding.OSV]; !ok || before.reach < f.reach {
			found[m.Finding.OSV] = f
		}
	}
}

// mentions reports whether a page has an id that is not part of a longer one.
func mentions(page, id string) bool {
	for rest := page; ; {
		_, after, ok := strings.Cut(rest, id)
		if !ok {
			return false
		}
		if after == "" || after[0] < '0' || after[0] > '9' {
			return true
		}
		rest = after
	}
}
