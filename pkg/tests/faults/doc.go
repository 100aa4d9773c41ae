// Package faults has no code but tests: the gateway on a Redis that fails.
//
// Each test runs the whole program against a real server, breaks that server or the way to it while S3 clients work, and then
// holds three things: clients got to hear 503 SlowDown and nothing else, and trying again helped; what was acknowledged is there and
// what was refused is there whole or not at all, which the real client judges as well; and nothing is left behind, neither
// connections nor goroutines, nor the database's password in what the program prints, answers or shows of itself.
//
// world_test.go has the gateway and what is looked at in the end, load_test.go the clients and their memory of what they did.
package faults
