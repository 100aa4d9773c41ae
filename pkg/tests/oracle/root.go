package oracle

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// buildTime bounds the build of one program from nothing.
const buildTime = 20 * time.Minute

// What one test process has built or found. It is state of the package because it outlives every test.
var built struct {
	sync.Mutex
	main  bool   // Main runs, and will remove dir
	dir   string // of our binary
	ours  string
	tools map[string]string
}

// Main runs a package's tests, and then removes what this package has built for them. A package that calls Ours needs it:
//
//	func TestMain(m *testing.M) { os.Exit(oracle.Main(m)) }
func Main(m *testing.M) int {
	built.Lock()
	built.main = true
	built.Unlock()
	code := m.Run()
	built.Lock()
	defer built.Unlock()
	if built.dir != "" {
		_ = os.RemoveAll(built.dir) // in the system's folder for temporary files
	}
	return code
}

// Root returns the folder of the repository: the one above the working directory whose go.mod is that of module juicefs.
func Root(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		mod, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && strings.HasPrefix(string(mod), "module juicefs\n") {
			return dir
		}
		up := filepath.Dir(dir)
		if up == dir {
			t.Fatal("oracle: not in the repository")
		}
		dir = up
	}
}

// Real returns the real JuiceFS 1.4.1. The first call builds it where it is missing, which takes some minutes once.
func Real(t testing.TB) Program {
	t.Helper()
	return Program{Name: "original", Path: tool(t, "JUICEFS_ORACLE", "juicefs"), Original: true}
}

// Ours returns our program. The first call of a test process builds it from ./cmd/juicefs; see Main.
func Ours(t testing.TB) Program {
	t.Helper()
	p := Program{Name: "ours"}
	root := Root(t)
	if p.Path = os.Getenv("JUICEFS_BIN"); p.Path != "" {
		p.Path = fromRoot(root, p.Path)
		return p
	}
	built.Lock()
	defer built.Unlock()
	if !built.main {
		t.Fatal("oracle: TestMain of this package must call oracle.Main")
	}
	if built.ours == "" {
		dir, err := os.MkdirTemp("", "juicefs-test-")
		if err != nil {
			t.Fatal(err)
		}
		built.dir = dir
		path := filepath.Join(dir, "juicefs")
		// No stamp of the version control: it would ask for git, and for a repository that git trusts.
		if err := build(root, "go", "build", "-buildvcs=false", "-o", path, "./cmd/juicefs"); err != nil {
			t.Fatal(err)
		}
		built.ours = path
	}
	p.Path = built.ours
	return p
}

// tool returns the path of a foreign program, made by the Makefile unless it is there and current.
func tool(t testing.TB, env, name string) string {
	t.Helper()
	root := Root(t)
	if path := os.Getenv(env); path != "" {
		return fromRoot(root, path)
	}
	built.Lock()
	defer built.Unlock()
	if path := built.tools[name]; path != "" {
		return path
	}
	target := filepath.Join("bin", "tools", name)
	if err := makeTool(root, target); err != nil {
		t.Fatal(err)
	}
	if built.tools == nil {
		built.tools = map[string]string{}
	}
	built.tools[name] = filepath.Join(root, target)
	return built.tools[name]
}

// makeTool makes a target of the Makefile. The tests of several packages run at the same time: one builds, the others wait.
func makeTool(root, target string) (err error) {
	if err = os.MkdirAll(filepath.Join(root, "bin", "tools"), 0o755); err != nil {
		return err
	}
	lock, err := os.Create(filepath.Join(root, "bin", "tools", ".lock"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Close()) }() // which unlocks
	if err = syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return fmt.Errorf("lock %s: %w", lock.Name(), err)
	}
	return build(root, "make", "--no-print-directory", target)
}

// build runs a build command in the repository. It belongs to no test: the next one that wants the same must not find half of it.
func build(root, name string, args ...string) error {
	ctx, cancel := context.WithTimeout(context.Background(), buildTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = root
	for _, v := range os.Environ() {
		// What a make above this test hands down is not for the one below.
		if k, _, _ := strings.Cut(v, "="); k != "MAKEFLAGS" && k != "MFLAGS" && k != "MAKELEVEL" {
			cmd.Env = append(cmd.Env, v)
		}
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, out)
	}
	return nil
}

func fromRoot(root, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(root, path)
}
