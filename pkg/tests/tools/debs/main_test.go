package main

import (
	"os/exec"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMissing(t *testing.T) {
	look := func(name string) (string, error) {
		if name == "there" {
			return "/bin/there", nil
		}
		return "", exec.ErrNotFound
	}
	for _, c := range []struct {
		name     string
		args     []string
		commands []string
		packages []string
		fails    bool
	}{
		{name: "nothing asked"},
		{name: "all there", args: []string{"there=a,b"}},
		{name: "one missing brings all its packages", args: []string{"there=a", "gone=b,c"}, commands: []string{"gone"}, packages: []string{"b", "c"}},
		{name: "no package named", args: []string{"gone"}, fails: true},
		{name: "empty package list", args: []string{"gone="}, fails: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			commands, packages, err := missing(c.args, look)
			if (err != nil) != c.fails {
				t.Fatalf("got error %v, want one: %v", err, c.fails)
			}
			if d := cmp.Diff(commands, c.commands); d != "" {
				t.Errorf("commands: -got +want\n%s", d)
			}
			if d := cmp.Diff(packages, c.packages); d != "" {
				t.Errorf("packages: -got +want\n%s", d)
			}
		})
	}
}
