package interop

import (
	"regexp"
	"strings"
	"testing"

	"juicefs/pkg/tests/oracle"
)

// Whoever comes from the original types what they always did: each option of its commands is known, with its other names, and where both
// show a default it is the same.
func TestOptionsOfTheOriginal(t *testing.T) {
	t.Parallel()
	original, ours := oracle.Real(t), oracle.Ours(t)
	for command, least := range map[string]int{"format": 20, "gateway": 60, "status": 2, "version": 0} {
		t.Run(command, func(t *testing.T) {
			t.Parallel()
			theirs, own := optionsOf(t, original, command), optionsOf(t, ours, command)
			if len(theirs) < least {
				t.Fatalf("help of the original shows %d options: %v", len(theirs), theirs)
			}
			for name, want := range theirs {
				if r := ours.Run(t, nil, command, "--"+name); strings.Contains(r.Stderr, "unknown option") {
					t.Errorf("--%s: %s", name, r)
				}
				for _, alias := range want.aliases {
					if r := ours.Run(t, nil, command, alias); strings.Contains(r.Stderr, "unknown option") {
						t.Errorf("--%s, %s: %s", name, alias, r)
					}
				}
				if got := own[name]; got.def != "" && want.def != "" && got.def != want.def {
					t.Errorf("--%s has the default %q, that of the original is %q", name, got.def, want.def)
				}
			}
		})
	}
}

// option is what help shows of one.
type option struct {
	aliases []string // with their dashes
	def     string
}

var (
	optionLine  = regexp.MustCompile(`(?m)^ +--([a-z0-9-]+)((?:, --?[a-z0-9-]+)*)(?: value)? (.*)$`)
	defaultText = regexp.MustCompile(`\(default: "?([^")]*)"?\)`)
)

// optionsOf reads the help of a command.
func optionsOf(t *testing.T, p oracle.Program, command string) map[string]option {
	t.Helper()
	found := map[string]option{}
	for _, m := range optionLine.FindAllStringSubmatch(p.Must(t, nil, command, "--help").Stdout, -1) {
		o := option{aliases: strings.FieldsFunc(m[2], func(r rune) bool { return r == ',' || r == ' ' })}
		if d := defaultText.FindStringSubmatch(m[3]); d != nil {
			o.def = d[1]
		}
		if i := strings.Index(o.def, "/.juicefs/"); i >= 0 {
			o.def = o.def[i:] // each command has a home of its own
		}
		found[m[1]] = o
	}
	return found
}
