// Package vfs is a mounted volume: paths, object streams and handles over package meta (what exists) and package chunk
// (where the bytes are). It is the only place where the two meet.
//
// Paths are absolute and clean ("/a/b", "/" is the volume's root). Errors are *fserr.Error around POSIX codes; an Allow
// function's error and a reader's error come back unchanged (errors.Is).
package vfs
