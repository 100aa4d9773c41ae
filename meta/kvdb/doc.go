// Package kvdb is the engine over databases that keep byte strings in byte order and commit under conditions.
//
// A database supplies a [Store]; kvdb/mem is the first. Keys and values are exactly those of juicefs 1.4.1 on its ordered
// key-value engines, so that both work on one volume; testdata holds its key space. Traps that key.go and value.go know:
//
//   - inode numbers in keys are little-endian, everything else in keys is big-endian; so key order is not inode order;
//   - counters and link counts are little-endian, but counters that hold a time are big-endian;
//   - a slice reference is stored as the number of references less one, and one reference is not stored at all;
//   - a session is two keys, its expiry and its description.
//
// Transactions are optimistic. Reads come from a snapshot and remember versions. Commit reads again what it needs from a
// newer snapshot, decides there whether guards and checks hold, computes what the verbs make, and hands the store the
// result on condition that what it read is still so. Only a guard, a check or an Insert that fails is a conflict for the
// caller: when the condition fails because of a verb that commutes, Commit starts over by itself.
package kvdb
