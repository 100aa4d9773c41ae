package fstest

import (
	"flag"
	"math/rand/v2"
	"testing"
	"time"

	"juicefs/meta/engine"
)

var (
	seedFlag  = flag.Uint64("fstest.seed", 0, "seed of the random histories; 0: by the clock")
	stepsFlag = flag.Int("fstest.steps", 0, "operations of each random history; 0: 600, or 150 with -short")
)

// Open opens an engine on a new, empty database that was prepared with [engine.Options].Create. The suite closes it.
type Open func(t *testing.T) engine.Engine

// test is one test of the suite; it makes as many volumes as it wants.
type test struct {
	name string
	run  func(t *testing.T, open Open)
}

// Run runs the suite on an engine, then again with its fast paths hidden if it has any.
func Run(t *testing.T, open Open) {
	t.Run("engine", func(t *testing.T) { runAll(t, open) })
	e := open(t)
	walks, _ := fast(e)
	shut(t, e)
	if walks {
		t.Run("without fast paths", func(t *testing.T) {
			runAll(t, func(t *testing.T) engine.Engine { return hide(open(t)) })
		})
	}
}

// RunHot runs what concerns totals on an engine that asks for them to be gathered. The other tests look at all records, or
// count turnarounds, while the totals are written at times of their own.
func RunHot(t *testing.T, open Open) {
	run(t, func(t *testing.T) engine.Engine { return hotEngine{open(t)} }, [][]test{statTests, quotaTests, historyTests, parallelTests})
}

func runAll(t *testing.T, open Open) {
	run(t, open, [][]test{objectTests, listTests, nodeTests, renameTests, dataTests, compactTests, statTests, hotTests, lifeTests, deleteTests,
		quotaTests, historyTests, parallelTests, rememberTests, budgetTests})
}

func run(t *testing.T, open Open, groups [][]test) {
	for _, group := range groups {
		for _, c := range group {
			t.Run(c.name, func(t *testing.T) { c.run(t, open) })
		}
	}
}

func shut(t *testing.T, e engine.Engine) {
	t.Helper()
	if err := e.Close(); err != nil {
		t.Errorf("close engine: %v", err)
	}
}

// random returns a source whose seed is logged.
func random(t *testing.T) *rand.Rand {
	t.Helper()
	seed := *seedFlag
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("repeat with: go test ./meta/fstest -run '^%s$' -fstest.seed=%d", t.Name(), seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// steps is how long a random history is.
func steps() int {
	switch {
	case *stepsFlag > 0:
		return *stepsFlag
	case testing.Short():
		return 150
	}
	return 600
}
