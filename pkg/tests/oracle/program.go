package oracle

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

// commandTime bounds a command that is expected to end by itself.
const commandTime = 3 * time.Minute

// Program is a JuiceFS-compatible program: the real one or ours. The zero value is of no use; see Real and Ours.
type Program struct {
	Name     string // for messages and names of tests
	Path     string // of the binary
	Original bool   // it has the original's known defects
}

// Result is what a finished command left.
type Result struct {
	Args           []string // without the program
	Code           int      // exit code; -1 when a signal ended it
	Stdout, Stderr string
}

// Run runs a command of the program in a private folder, with env on top of a bare environment. Whatever it exits with,
// Run returns; only a command that cannot be started or does not end ends the test.
func (p Program) Run(t testing.TB, env []string, args ...string) *Result {
	t.Helper()
	return run(t, p.Path, t.TempDir(), env, args...)
}

// Must is Run for commands that have to succeed.
func (p Program) Must(t testing.TB, env []string, args ...string) *Result {
	t.Helper()
	r := p.Run(t, env, args...)
	if r.Code != 0 {
		t.Fatalf("%s: %s", p.Name, r)
	}
	return r
}

// String shows the command and all that it said.
func (r *Result) String() string {
	var b strings.Builder
	b.WriteString(strings.Join(r.Args, " "))
	b.WriteString(": exit code ")
	b.WriteString(strconv.Itoa(r.Code))
	for _, s := range []string{r.Stdout, r.Stderr} {
		if s = strings.TrimSpace(s); s != "" {
			b.WriteString("\n")
			b.WriteString(s)
		}
	}
	return b.String()
}

func run(t testing.TB, path, home string, env []string, args ...string) *Result {
	t.Helper()
	// Also for use from clean-up functions, where the test's context has been cancelled.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), commandTime)
	defer cancel()
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Dir = home
	cmd.Env = environment(home, env)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.WaitDelay = time.Second // a background child may keep the pipes open
	cmd.SysProcAttr = dieWithUs()
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || ctx.Err() != nil) {
		t.Fatalf("%s %s: %v (%v)\n%s%s", path, strings.Join(args, " "), err, ctx.Err(), &stdout, &stderr)
	}
	return &Result{Args: args, Code: cmd.ProcessState.ExitCode(), Stdout: stdout.String(), Stderr: stderr.String()}
}

// environment is what programs run with: nothing of the user's but the search path and where coverage data goes.
func environment(home string, extra []string) []string {
	env := []string{"HOME=" + home, "TMPDIR=" + home, "PATH=" + os.Getenv("PATH"), "LANG=C.UTF-8"}
	if dir := os.Getenv("GOCOVERDIR"); dir != "" {
		env = append(env, "GOCOVERDIR="+dir)
	}
	return append(env, extra...)
}
