// Command bench measures this gateway and the real JuiceFS gateway in turn, on the same engine, flags and kind of folder,
// and prints ratios. It is what `make bench` runs.
//
// Each workload is a cell of a fixed time or count. In each round every cell runs on all servers one after the other, the
// order turned round by round, so that what else the machine does hits both. The ratio of a round compares cells that ran
// next to each other; the table has the median of the rounds and their range. Requests are signed (Signature V4 with the
// payload's SHA-256) before they are sent; replies are checked. CPU is that of the server process alone.
package main
