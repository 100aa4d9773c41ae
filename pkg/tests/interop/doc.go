// Package interop has no code but tests: the real JuiceFS judges whether a volume means the same to both programs.
//
// Every test runs for pairs of programs. The first formats the volume and writes, the second reads and then alters what the
// first wrote; both have a gateway on the volume at the same time. The judge of the result is always the real client: see
// oracle.Judge. The pair of the original with itself shows that the tests ask for nothing that it does not do.
//
// Metadata is in SQLite or in Redis, of which each test starts a server of its own. pairs_test.go has the plans of which pairs run on
// which:
//
//   - records, for tests about what is in metadata: both orders of the two programs on both engines; the original with itself on
//     SQLite, which is about the test and not about the engine; ours with itself on Redis, where gateways are most often several.
//     How buckets lie on the volume is above the engine, so on Redis each order has one of the two ways;
//   - names, for the test that meets every kind of record: both orders on a cluster of Redis, where keys have other names;
//   - blocks, for tests about what no engine sees, the form of blocks and the server's own files: both orders of the two programs,
//     on SQLite.
//
// What can go wrong only between processes has tests that name their engine: both programs at once for a minute, histories checked
// for linearizability, a gateway that is killed fifty times, and room for the original on Redis, because there each change is one
// script of ours against several turnarounds of the original, and nothing serializes writers as the file lock of SQLite does.
// Both programs at once runs on SQLite as well, shorter, and on both engines without trash, where the original's removals may end
// reads of ours.
//
// Servers and clients take turns at waiting for each other, so tests run side by side, a few at a time, and each has a volume and a
// server of its own. The test of room for the original compares rates and runs alone, but for what another package does.
//
// model_test.go keeps what a bucket has to hold, author_test.go writes through a gateway and notes it there, verify_test.go
// compares what a gateway shows. worker_test.go has clients that make random requests. Where the original is known to be wrong, and
// its writing or reading would show it, the tests allow for that and say so in place; ours is held to what is right. Random tests
// print a seed; INTEROP_SEED repeats its choices, though not what the programs make of them.
package interop
