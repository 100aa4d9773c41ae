package main

import (
	"strings"

	"juicefs/meta/all"
)

// showable returns args with each password replaced, and no argument longer than it was.
func showable(args []string) []string {
	out := make([]string, len(args))
	secret := false
	for i, a := range args {
		switch name, value, has := strings.Cut(a, "="); {
		case secret:
			out[i] = mask(a)
			secret = false
		case isSecretOption(name) && has:
			out[i] = name + "=" + mask(value)
		default:
			out[i] = a
			secret = isSecretOption(name)
			if strings.Contains(a, "://") || strings.Contains(a, "@") {
				out[i] = all.RedactWith(a, mask)
			}
		}
	}
	return out
}

func isSecretOption(word string) bool {
	switch strings.TrimLeft(word, "-") {
	case "secret-key", "session-token":
		return strings.HasPrefix(word, "-")
	}
	return false
}

// mask hides a secret without growing.
func mask(s string) string { return strings.Repeat("*", min(len(s), 4)) }
