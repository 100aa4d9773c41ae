// Package redistest runs Redis servers for tests: one alone, a cluster of three masters, and a master with a replica under a
// sentinel.
//
// Servers listen on free ports of the loopback, keep what they write in the test's own folder, and are ended, by their
// process id, with the test. Debian's redis-server is installed where there is none. A server that cannot be run fails the
// test; with -short no servers are run and the test is skipped.
package redistest
