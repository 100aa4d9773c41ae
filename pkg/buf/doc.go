// Package buf hands out pages: reference-counted pieces of memory from a pool that is bounded in bytes. A page travels
// from a socket through hashing to an upload and a cache without being copied; whoever lets go last returns its memory.
//
// Read Pool.Get, then Page. Two rules keep a bounded pool free of deadlocks:
//
//   - never wait for a page while holding pages that nobody else will release;
//   - take pages first, then other limits (an upload slot): never wait for a page while holding a slot.
//
// Built with the tag "invariants", pages remember who took them, their memory is overwritten on the last Release and not
// used again, and every use of a released page panics.
package buf
