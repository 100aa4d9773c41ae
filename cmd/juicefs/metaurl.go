package main

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"juicefs/meta/all"
)

// withScheme completes a META-URL: without a scheme it is of Redis.
func withScheme(metaURL string) string {
	if !strings.Contains(metaURL, "://") {
		return "redis://" + metaURL
	}
	return metaURL
}

// notAFile refuses a META-URL without a scheme that is rather a file than a server of Redis, which would be looked for in vain.
func notAFile(metaURL string) error {
	if strings.Contains(metaURL, "://") || strings.Contains(metaURL, "@") { // what is before an @ may be a password
		return nil
	}
	path := strings.TrimPrefix(metaURL, "sqlite3:")
	if path == metaURL && !strings.HasSuffix(path, ".db") && !strings.HasPrefix(path, "/") && !strings.HasPrefix(path, ".") {
		return nil
	}
	return fmt.Errorf("META-URL %q has no scheme: a file of SQLite is sqlite3://%s, a server of Redis redis://HOST:PORT/DB", metaURL, path)
}

// schemeOf returns what stands before "://".
func schemeOf(metaURL string) string {
	scheme, _, _ := strings.Cut(metaURL, "://")
	return scheme
}

// isLocal reports whether a scheme's address is a path of this machine.
func isLocal(scheme string) bool { return scheme == "sqlite3" || scheme == "badger" }

// isRedis reports whether a scheme is of Redis.
func isRedis(scheme string) bool { return scheme == "redis" || scheme == "rediss" || scheme == "unix" }

// addPassword puts the passwords of the environment into a META-URL that has none: that of the database, and that of
// Redis' sentinels. META_PASSWORD wins over the file that META_PASSWORD_FILE names.
func (p *program) addPassword(metaURL string) (string, error) {
	scheme := schemeOf(metaURL)
	if isLocal(scheme) || scheme == "memkv" {
		return metaURL, nil
	}
	metaURL = p.addSentinelPassword(metaURL)
	before, password, after, ok := all.SplitPassword(metaURL)
	if ok && password != "" {
		return metaURL, nil
	}
	names := []string{"META_PASSWORD"}
	if isRedis(scheme) {
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

// addSentinelPassword adds the option for the password of sentinels, which SENTINEL_PASSWORD has, where it is not given. A
// server that is asked by no sentinels takes no notice of it.
func (p *program) addSentinelPassword(metaURL string) string {
	secret := p.getenv("SENTINEL_PASSWORD")
	if secret == "" || !isRedis(schemeOf(metaURL)) {
		return metaURL
	}
	_, query, has := strings.Cut(metaURL, "?")
	for option := range strings.SplitSeq(query, "&") {
		name, _, _ := strings.Cut(option, "=")
		if strings.ReplaceAll(name, "-", "_") == "sentinel_password" {
			return metaURL
		}
	}
	sep := "?"
	if has {
		sep = "&"
	}
	return metaURL + sep + "sentinel_password=" + url.QueryEscape(secret)
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
