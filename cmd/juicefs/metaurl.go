package main

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// withScheme completes a META-URL: without a scheme it is of Redis.
func withScheme(metaURL string) string {
	if !strings.Contains(metaURL, "://") {
		return "redis://" + metaURL
	}
	return metaURL
}

// schemeOf returns what stands before "://".
func schemeOf(metaURL string) string {
	scheme, _, _ := strings.Cut(metaURL, "://")
	return scheme
}

// isLocal reports whether a scheme's address is a path of this machine.
func isLocal(scheme string) bool { return scheme == "sqlite3" || scheme == "badger" }

// splitPassword cuts a META-URL around its password: before + password + after. ok is false when it has none.
// Passwords are taken as they are, so that also those with unescaped signs are found.
func splitPassword(metaURL string) (before, password, after string, ok bool) {
	scheme, rest, found := strings.Cut(metaURL, "://")
	if !found || isLocal(scheme) {
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
	start := len(scheme) + 3 + colon + 1
	return metaURL[:start], rest[colon+1 : at], rest[at:], true
}

// redact returns a META-URL that may be shown: passwords become ****.
func redact(metaURL string) string {
	return redactWith(metaURL, func(string) string { return "****" })
}

// redactWith replaces each password of a META-URL by what mask makes of it.
func redactWith(metaURL string, mask func(string) string) string {
	if before, password, after, ok := splitPassword(metaURL); ok {
		metaURL = before + mask(password) + after
	}
	path, query, has := strings.Cut(metaURL, "?")
	if !has {
		return metaURL
	}
	params := strings.Split(query, "&")
	for i, param := range params {
		switch name, value, _ := strings.Cut(param, "="); strings.ToLower(name) {
		case "password", "passwd", "pass":
			params[i] = name + "=" + mask(value)
		}
	}
	return path + "?" + strings.Join(params, "&")
}

// addPassword puts the password of the environment into a META-URL that has a place for one but none in it.
// META_PASSWORD wins over the file that META_PASSWORD_FILE names.
func (p *program) addPassword(metaURL string) (string, error) {
	scheme := schemeOf(metaURL)
	if isLocal(scheme) || scheme == "memkv" {
		return metaURL, nil
	}
	before, password, after, ok := splitPassword(metaURL)
	if ok && password != "" {
		return metaURL, nil
	}
	names := []string{"META_PASSWORD"}
	if scheme == "redis" || scheme == "rediss" || scheme == "unix" {
		names = []string{"REDIS_PASSWORD", "META_PASSWORD"}
	}
	var secret string
	for _, name := range names {
		if secret == "" {
			secret = p.getenv(name)
		}
	}
	if file := p.getenv("META_PASSWORD_FILE"); secret == "" && file != "" {
		b, err := os.ReadFile(file)
		if err != nil {
			return "", fmt.Errorf("read META_PASSWORD_FILE: %w", err)
		}
		secret = strings.TrimSpace(string(b))
	}
	if secret == "" {
		return metaURL, nil
	}
	secret = strings.TrimPrefix(url.UserPassword("", secret).String(), ":")
	if ok {
		return before + secret + after, nil
	}
	rest := strings.TrimPrefix(metaURL, scheme+"://")
	if user, host, has := strings.Cut(rest, "@"); has {
		return scheme + "://" + user + ":" + secret + "@" + host, nil
	}
	return scheme + "://:" + secret + "@" + rest, nil
}

// absolute makes the path of a local META-URL absolute, for a process that will change its working directory.
func absolute(metaURL string) (string, error) {
	scheme, rest, _ := strings.Cut(metaURL, "://")
	if !isLocal(scheme) {
		return metaURL, nil
	}
	path, query, has := strings.Cut(rest, "?")
	full, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("path of the metadata: %w", err)
	}
	if has {
		full += "?" + query
	}
	return scheme + "://" + full, nil
}

// hiddenError is an error without a secret in its text.
type hiddenError struct {
	err    error
	secret string
}

func (e *hiddenError) Error() string { return strings.ReplaceAll(e.err.Error(), e.secret, "****") }

func (e *hiddenError) Unwrap() error { return e.err }
