// Package budget counts the turnarounds of S3 requests on Redis: real programs, real requests, and a proxy in front of the
// database that counts. What this program may spend is a table here, and a request that takes one turnaround more fails.
//
// Objects are four directories deep, with ETag, tags and metadata. Cold is the first request of a fresh process for that
// bucket; warm is one like it later. With -original the same requests are counted of JuiceFS 1.4.1, and the table of both
// is printed as docs/performance.md shows it.
package budget
