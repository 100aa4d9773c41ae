package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// optionSet knows the options of a command by name.
type optionSet map[string]bool // name or alias: whether a value follows

func optionsOf(flags []cli.Flag) optionSet {
	set := optionSet{"h": false, "help": false}
	for _, f := range flags {
		d, ok := f.(cli.DocGenerationFlag)
		for _, name := range f.Names() {
			set[name] = ok && d.TakesValue()
		}
	}
	return set
}

// arrange puts a command line into the order that the parser wants: global options, command, its options, arguments.
// People may write options before or after the command and its arguments, with one dash or two, with the value in the
// same word or the next.
func arrange(app *cli.App, args []string) ([]string, error) {
	global := optionsOf(app.Flags)
	command := findCommand(app, global, args[1:])
	own := optionSet{}
	if command != nil {
		own = optionsOf(command.Flags)
	}
	var globals, options, rest []string
	for words := args[1:]; len(words) > 0; {
		word := words[0]
		words = words[1:]
		if word == "--" {
			rest = append(rest, words...)
			break
		}
		name, hasValue, isOption := splitOption(word)
		if !isOption {
			rest = append(rest, word)
			continue
		}
		takes, known := own[name]
		to := &options
		if !known {
			takes, known = global[name]
			to = &globals
		}
		if !known {
			return nil, fmt.Errorf("unknown option: %q", word[:len(word)-len(strings.TrimLeft(word, "-"))]+name)
		}
		*to = append(*to, word)
		if takes && !hasValue {
			if len(words) == 0 {
				return nil, fmt.Errorf("option %s needs a value", word)
			}
			*to = append(*to, words[0])
			words = words[1:]
		}
	}
	out := append([]string{args[0]}, globals...)
	if command == nil {
		if len(rest) > 0 {
			return nil, noCommand(app, rest[0])
		}
		return append(out, options...), nil
	}
	i := slices.IndexFunc(rest, command.HasName)
	rest = slices.Delete(rest, i, i+1)
	return slices.Concat(out, []string{command.Name}, options, []string{"--"}, rest), nil
}

// findCommand returns the command of a command line: its first word that is neither an option nor the value of one.
func findCommand(app *cli.App, global optionSet, words []string) *cli.Command {
	for i := 0; i < len(words); i++ {
		name, hasValue, isOption := splitOption(words[i])
		if !isOption {
			return app.Command(words[i])
		}
		takes, known := global[name]
		for _, c := range app.Commands {
			if known {
				break
			}
			takes, known = optionsOf(c.Flags)[name], hasOption(c, name)
		}
		if takes && !hasValue {
			i++
		}
	}
	return nil
}

func hasOption(c *cli.Command, name string) bool {
	_, ok := optionsOf(c.Flags)[name]
	return ok
}

// splitOption takes the dashes and the value off a word that is an option.
func splitOption(word string) (name string, hasValue, isOption bool) {
	name, dashed := strings.CutPrefix(word, "-")
	if !dashed || name == "" {
		return "", false, false
	}
	name = strings.TrimPrefix(name, "-")
	name, _, hasValue = strings.Cut(name, "=")
	return name, hasValue, true
}

func noCommand(app *cli.App, name string) error {
	fmt.Fprintf(app.ErrWriter, "No help topic for '%s'\n", name)
	return &exitError{Code: exitUnknown}
}
