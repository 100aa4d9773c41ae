package enginetest

import (
	"flag"
	"math/rand/v2"
	"testing"
	"time"

	"juicefs/meta/engine"
)

var seedFlag = flag.Uint64("enginetest.seed", 0, "seed of the random histories; 0: by the clock")

// Open opens an engine on a new, empty database that was prepared with [engine.Options].Create. It may use tb to skip when
// a server is missing and to clean up; the suite closes the engine.
type Open func(tb testing.TB) engine.Engine

// Run runs the suite.
func Run(t *testing.T, open Open) {
	for _, c := range []struct {
		name string
		test func(*testing.T, *db)
	}{
		{"records of every kind come back", testRoundTrip},
		{"values belong to the caller", testOwnership},
		{"put, insert and delete", testPutInsertDelete},
		{"append", testAppend},
		{"add", testAdd},
		{"add to slice references", testAddSliceRef},
		{"touch and nlink", testTouchNlink},
		{"clear", testClear},
		{"parents follow entries", testParents},
		{"writes apply in order", testOrder},
		{"a batch is all or nothing", testAtomic},
		{"guards", testGuards},
		{"stable guard is record.Alike", testStable},
		{"checks", testChecks},
		{"empty checks see the batch", testEmpty},
		{"what was wanted otherwise is true", testOtherwise},
		{"a view is of one moment", testSnapshot},
		{"page of entries", testPageEntries},
		{"page of numbers", testPageNumbers},
		{"scan", testScan},
		{"scan of many", testScanMany},
		{"scan of what many inodes have", testScanOwners},
		{"counters", testCounters},
		{"ids are handed out once", testIncrParallel},
		{"no update is lost", testNoLostUpdate},
		{"commuting verbs do not conflict", testCommuting},
		{"one of many inserts wins", testInsertRace},
		{"random batches agree with a model", testModel},
		{"walk agrees with plain reads", testWalk},
		{"walk holds guards", testWalkGuards},
		{"looking agrees with plain reads", testLook},
		{"looking holds guards", testLookGuards},
		{"data agrees with plain reads", testData},
		{"data holds guards", testDataGuards},
		{"listing agrees with plain reads", testListDir},
		{"listing a path agrees with plain reads", testListPath},
		{"listing a path holds guards", testListPathGuards},
		{"gathering agrees with scans", testGather},
		{"discard", testDiscard},
		{"cancelled contexts", testCancelled},
		{"close", testClose},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, newDB(t, open)) })
	}
}

// random returns a source whose seed is logged.
func random(tb testing.TB) *rand.Rand {
	tb.Helper()
	seed := *seedFlag
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	tb.Logf("repeat with: go test -run '^%s$' -enginetest.seed=%d", tb.Name(), seed)
	return rand.New(rand.NewPCG(seed, 0))
}
