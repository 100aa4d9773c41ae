package all

import "strings"

// hidden stands for a password.
const hidden = "****"

// Redact returns a database URL that may be logged: its password, and options that are passwords, are replaced by ****.
// Passwords are found also where they hold signs that should have been escaped: everything from the first colon to the
// last @ counts as one.
func Redact(metaURL string) string {
	return RedactWith(metaURL, func(string) string { return hidden })
}

// RedactWith is Redact with what mask makes of each password in its place.
func RedactWith(metaURL string, mask func(password string) string) string {
	if before, password, after, ok := SplitPassword(metaURL); ok && password != "" {
		metaURL = before + mask(password) + after
	}
	path, query, ok := strings.Cut(metaURL, "?")
	if !ok {
		return metaURL
	}
	options := strings.Split(query, "&")
	for i, o := range options {
		if name, value, _ := strings.Cut(o, "="); isSecret(name) && value != "" {
			options[i] = name + "=" + mask(value)
		}
	}
	return path + "?" + strings.Join(options, "&")
}

// isSecret reports whether an option of a URL is a password, of any engine.
func isSecret(option string) bool {
	switch strings.ReplaceAll(strings.ToLower(option), "_", "-") {
	case "password", "passwd", "pass", "-auth-pass", "sentinel-password":
		return true
	}
	return false
}

// SplitPassword cuts a database URL around its password: before + password + after. ok is false when it has no place for
// one. Passwords are taken as they are, escapes included.
func SplitPassword(metaURL string) (before, password, after string, ok bool) {
	scheme, rest, found := strings.Cut(metaURL, "://")
	if !found {
		scheme, rest = "", metaURL // of Redis
	}
	if scheme == "sqlite3" || scheme == "badger" {
		return metaURL, "", "", false
	}
	at := strings.LastIndexByte(rest, '@')
	if at < 0 {
		return metaURL, "", "", false
	}
	colon := strings.IndexByte(rest[:at], ':')
	if colon < 0 {
		return metaURL, "", "", false
	}
	start := len(metaURL) - len(rest) + colon + 1
	return metaURL[:start], rest[colon+1 : at], rest[at:], true
}
