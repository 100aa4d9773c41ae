// Command bench measures this gateway and the real JuiceFS gateway in turn, on the same engine, flags and kind of folder,
// and prints ratios. It is what `make bench` runs, on Redis and on SQLite, or on what -engine names.
//
// Each workload is a cell of a fixed time or count. In each round every cell runs on all servers one after the other, the
// order turned round by round, so that what else the machine does hits both. The ratio of a round compares cells that ran
// next to each other; the table has the median of the rounds and their range. Requests are signed (Signature V4 with the
// payload's SHA-256) before they are sent; replies are checked. CPU is that of the server process alone, as the kernel counts it
// in nanoseconds; that of Redis is beside it.
//
// The floor is a third server in some rows: the S3 server beneath this gateway with objects in memory (see package floor), which
// tells how much of the CPU is ours. Rows with a delay reach Redis through a proxy that holds each turnaround back; the proxy counts
// turnarounds too.
//
// Two tables compare ways to do one thing, cell by cell in turn: the S3 server with and without the gateway's front before it,
// which only the program floor can serve without, and uploads with checksum trailers and without.
//
// Objects that reads, listings and deletions find are made by this program on either volume, since it is faster; both programs
// then start without anything in memory where the row is about that.
package main
