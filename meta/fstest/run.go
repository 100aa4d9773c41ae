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
	stepsFlag = flag.Int("fstest.steps", 0, "operations of each random history; 0: 600, or 150 with -short and where they are run briefly")
)

// Open opens an engine on a new, empty database that was prepared with [engine.Options].Create. The suite closes it.
type Open func(t *testing.T) engine.Engine

// test is one test of the suite; it makes as many volumes as it wants.
type test struct {
	name string
	run  func(t *testing.T, open Open)
}

// How long random histories are.
const (
	long  = 600
	brief = 150
)

// Run runs the suite on an engine, then again with its fast paths hidden if it has any.
func Run(t *testing.T, open Open) { runBoth(t, open, steps(long)) }

// RunBrief is Run with random histories of a quarter of the length, of one client and of several at once: for one more way to
// reach a server on which, by the same code of the engine, they have their full length elsewhere.
func RunBrief(t *testing.T, open Open) { runBoth(t, open, steps(brief)) }

func runBoth(t *testing.T, open Open, steps int) {
	t.Run("engine", func(t *testing.T) { runAll(t, open, steps) })
	e := open(t)
	walks, _ := fast(e)
	shut(t, e)
	if walks {
		t.Run("without fast paths", func(t *testing.T) {
			runAll(t, func(t *testing.T) engine.Engine { return hide(open(t)) }, steps)
		})
	}
}

// RunHot runs what concerns totals on an engine that asks for them to be gathered. The other tests look at all records, or
// count turnarounds, while the totals are written at times of their own.
func RunHot(t *testing.T, open Open) {
	length := steps(long)
	run(t, func(t *testing.T) engine.Engine { return hotEngine{open(t)} }, [][]test{statTests, quotaTests, historyTests(length), parallelTests(length)})
}

func runAll(t *testing.T, open Open, steps int) {
	run(t, open, [][]test{objectTests, listTests, nodeTests, renameTests, dataTests, compactTests, statTests, hotTests, lifeTests, deleteTests,
		quotaTests, historyTests(steps), parallelTests(steps), rememberTests(steps), budgetTests})
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

// steps is how long random histories are that would have a usual length.
func steps(usual int) int {
	switch {
	case *stepsFlag > 0:
		return *stepsFlag
	case testing.Short():
		return brief
	}
	return usual
}
