package redisdb_test

import (
	"testing"

	"juicefs/meta/engine"
	"juicefs/meta/fstest"
	"juicefs/pkg/tests/redistest"
)

// These wait for much besides the processor, so they run side by side. The engine asks a node of a cluster, and the master under
// a sentinel, the same scripts that it asks a server alone; what is different is how it finds them. So histories are long where
// there are scripts and where there are none, and brief on the other two.

func TestFSAlone(t *testing.T) {
	t.Parallel()
	fstest.Run(t, fsOpener(redistest.Start(t).URL))
}

func TestFSInCluster(t *testing.T) {
	t.Parallel()
	c := redistest.StartCluster(t)
	n := 0
	fstest.RunBrief(t, func(t *testing.T) engine.Engine {
		n++
		place := n
		// All volumes are in one keyspace there, and scans go through all of it.
		t.Cleanup(func() { c.Drop(t, place) })
		return open(t, c.URL(place))
	})
}

func TestFSUnderSentinel(t *testing.T) {
	t.Parallel()
	fstest.RunBrief(t, fsOpener(redistest.StartSentinel(t).URL))
}

func TestFSWithoutScripts(t *testing.T) {
	t.Parallel()
	fstest.Run(t, fsOpener(withoutScripts(t)))
}

// fsOpener opens a database of its own for each test.
func fsOpener(url func(n int) string) fstest.Open {
	next := opener(url)
	return func(t *testing.T) engine.Engine { return next(t) }
}
