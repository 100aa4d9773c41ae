package redistest

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// program returns the path of redis-server, which is installed first if it is missing.
func program(tb testing.TB) string {
	tb.Helper()
	if testing.Short() {
		tb.Skip("no servers with -short")
	}
	if path, err := exec.LookPath("redis-server"); err == nil {
		return path
	}
	unlock := lock(tb)
	defer unlock()
	cmd := exec.CommandContext(tb.Context(), "go", "run", "juicefs/pkg/tests/tools/debs", "redis-server=redis-server")
	if out, err := cmd.CombinedOutput(); err != nil {
		tb.Fatalf("install redis-server: %v\n%s", err, out)
	}
	path, err := exec.LookPath("redis-server")
	if err != nil {
		tb.Fatal(err)
	}
	return path
}

// lock keeps the tests of other packages from installing at the same time.
func lock(tb testing.TB) (unlock func()) {
	tb.Helper()
	f, err := os.OpenFile(filepath.Join(os.TempDir(), "juicefs-redistest.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		tb.Fatal(err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		tb.Fatal(err)
	}
	return func() { _ = f.Close() } // which gives the lock up
}
