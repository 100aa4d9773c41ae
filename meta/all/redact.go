package all

import "strings"

// hidden stands for a password.
const hidden = "****"

// Redact returns a database URL that may be logged: its password, and options that are passwords, are replaced by ****.
// Passwords are found also where they hold signs that should have been escaped: everything from the first colon to the
// last @ counts as one.
func Redact(metaURL string) string {
	scheme, rest, ok := strings.Cut(metaURL, "://")
	if !ok {
		scheme, rest = "redis", metaURL
	}
	if scheme != "sqlite3" && scheme != "badger" {
		if at := strings.LastIndexByte(rest, '@'); at >= 0 {
			if colon := strings.IndexByte(rest[:at], ':'); colon >= 0 && colon+1 < at {
				rest = rest[:colon+1] + hidden + rest[at:]
			}
		}
	}
	rest = redactOptions(rest)
	if !ok {
		return rest
	}
	return scheme + "://" + rest
}

func redactOptions(s string) string {
	path, query, ok := strings.Cut(s, "?")
	if !ok {
		return s
	}
	options := strings.Split(query, "&")
	for i, o := range options {
		name, value, _ := strings.Cut(o, "=")
		switch strings.ToLower(name) {
		case "password", "passwd", "pass", "_auth_pass", "sentinel-password":
			if value != "" {
				options[i] = name + "=" + hidden
			}
		}
	}
	return path + "?" + strings.Join(options, "&")
}
