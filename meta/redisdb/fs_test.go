package redisdb_test

import (
	"testing"

	"juicefs/meta/engine"
	"juicefs/meta/fstest"
	"juicefs/pkg/tests/redistest"
)

// These wait for much besides the processor, so they run side by side.

func TestFSAlone(t *testing.T) {
	t.Parallel()
	runFS(t, redistest.Start(t).URL)
}

func TestFSInCluster(t *testing.T) {
	t.Parallel()
	c := redistest.StartCluster(t)
	n := 0
	fstest.Run(t, func(t *testing.T) engine.Engine {
		n++
		place := n
		// All volumes are in one keyspace there, and scans go through all of it.
		t.Cleanup(func() { c.Drop(t, place) })
		return open(t, c.URL(place))
	})
}

func TestFSUnderSentinel(t *testing.T) {
	t.Parallel()
	runFS(t, redistest.StartSentinel(t).URL)
}

func TestFSWithoutScripts(t *testing.T) {
	t.Parallel()
	runFS(t, withoutScripts(t))
}

// runFS runs the suite of the file system, each test in a database of its own.
func runFS(t *testing.T, url func(n int) string) {
	t.Helper()
	next := opener(url)
	fstest.Run(t, func(t *testing.T) engine.Engine { return next(t) })
}
