// Package redisdb is the engine over Redis and servers that speak its language, alone, under Sentinel, or as a cluster.
//
// Keys and values are exactly those of juicefs 1.4.1, so that both work on one volume; testdata holds its key space. Traps that
// key.go and value.go know:
//
//   - the inode and slice counters are stored one lower, under lower-case names, and are absent on a new volume;
//   - a slice reference is stored as the number of references less one, and one reference is usually not stored at all;
//   - directory statistics are three hashes and quotas are three hashes each, of which one says whether the record exists;
//   - a session is a member of a sorted set, whose score is its expiry, and a field of a hash;
//   - the name of every lock's key is also in a set of each session that may hold it;
//   - in a cluster the number of the database is a hash tag in front of every key, so that all keys of a volume are on one node.
//
// # How it works
//
// Reads are plain: Fetch is one pipeline, without WATCH and on any connection. Commit is one call of one script
// (lua/commit.lua), which compares everything that was relied on and then applies everything. The script knows no operation:
// it takes a list of comparisons and a list of commands. Redis runs scripts one at a time and does not roll back, so all
// comparisons come before the first write. A script's write breaks the WATCH of a foreign client, and foreign transactions
// are seen by the comparisons. Where scripts are refused, watch.go does the same with WATCH, reads, MULTI and EXEC in two
// turnarounds.
//
// Two more scripts only read: a walk along a path, and a page of a directory. Lua cannot hold a 64-bit number, so nothing
// depends on one there: key names come from the caller as text, and the reading scripts give up above 2^52, where the plain
// way is taken instead.
//
// A directory is a hash, which has no order. Pages of small directories are cut by the script; of large ones the engine keeps
// the sorted names in memory (index.go) and lets Redis tell it of changes (track.go).
//
// Nothing is tried again by the client library, which cannot know what may be done twice: a call that surely did nothing
// fails with engine.ErrBusy, a commit whose answer was lost with engine.ErrUnknown, and the logic goes on from there.
//
// To read on: key.go and value.go for the format, fetch.go, commit.go with lua/commit.lua, walk.go, list.go.
package redisdb
