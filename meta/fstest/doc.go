// Package fstest holds what the file system must do whatever engine keeps its records, as tests.
//
// An engine's own test is three lines:
//
//	func TestFS(t *testing.T) {
//		fstest.Run(t, func(t *testing.T) engine.Engine { return open(t) })
//	}
//
// [Run] asks for a fresh, empty database many times. Each test makes a volume in it, does its operations through package
// meta, and at the end every record is read and held against the others: link counts against entries, statistics and totals
// against inodes, references against slices. That check knows the format and nothing of package meta.
//
// Random histories compare with a model in memory after each operation; they log their seed, and -fstest.seed repeats one.
// The tests run on the engine's fast paths and again without them.
package fstest
