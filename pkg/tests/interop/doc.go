// Package interop has no code but tests: the real JuiceFS judges whether a volume means the same to both programs.
//
// Every test runs for pairs of programs. The first formats the volume and writes, the second reads and then alters what the
// first wrote; both have a gateway on the volume at the same time. The judge of the result is always the real client: see
// oracle.Judge. The pair of the original with itself shows that the tests ask for nothing that it does not do.
//
// model_test.go keeps what a bucket has to hold, author_test.go writes through a gateway and notes it there, verify_test.go
// compares what a gateway shows. Where the original is known to be wrong, and its writing or reading would show it, the tests
// allow for that and say so in place; ours is held to what is right.
package interop
