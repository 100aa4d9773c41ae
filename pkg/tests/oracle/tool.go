package oracle

import "testing"

// Tool returns the path of a program of the Makefile's folder bin/tools, which the Makefile makes if it is missing or old.
func Tool(t testing.TB, name string) string {
	t.Helper()
	return tool(t, "", name)
}

// Exec runs a program in a private folder, with env on top of a bare environment, whatever it exits with.
func Exec(t testing.TB, env []string, path string, args ...string) *Result {
	t.Helper()
	return run(t, path, t.TempDir(), env, args...)
}
