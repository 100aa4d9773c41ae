// Package enginetest holds what every metadata engine must do, as tests, and decorators of engines for other tests.
//
// An engine's own test is five lines:
//
//	func TestEngine(t *testing.T) {
//		enginetest.Run(t, func(tb testing.TB) engine.Engine { return open(tb) })
//	}
//
// [Run] asks for a fresh, empty database many times; [Bench] measures one. Fast paths are tested against the plain calls
// where an engine has them. Tests ask [engine.Info] for properties and never for a name; where the contract leaves room
// (an engine may store that a slice has one reference, or not) they accept either.
//
// Random histories log their seed; -enginetest.seed repeats one.
//
// The decorators are [Counting], [Failing] and [Slow]. They keep the fast paths of what they wrap.
package enginetest
