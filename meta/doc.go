// Package meta is the file system of a JuiceFS-compatible volume, written once over records.
//
// # Vocabulary
//
//	volume     a file system: one setting record, one tree of inodes, one prefix in an object store
//	inode      a file, directory or other node, by number; its attribute is a record
//	entry      a name in a directory that leads to an inode
//	chunk      a window of 64 MiB of a file; the list of slices written into it
//	slice      one contiguous piece of stored data, immutable, known by id and size
//	block      the part of a slice that is one object in the store (package chunk knows those; this package does not)
//	record     one typed piece of metadata with a key and canonical bytes (package record)
//	engine     a database that keeps records (package engine)
//	session    a running client; it holds locks and sustained inodes
//	sustained  said of an inode without links that a session still has open
//	trash      hour directories that keep what was removed
//	caller     on whose behalf an operation runs
//
// # How to read it
//
// [FS] is the volume. Operations are in files by topic: whole objects and paths in resolve.go, commit.go, compose.go,
// copy.go, remove.go and list.go; inodes in node.go, dir.go, link.go, rename.go and so on. Each operation is a plan, a
// function that loads records through a [Tx], checks, and writes through it; run.go runs plans, again if what they read
// changed. Plans have no effects but through the Tx.
package meta
