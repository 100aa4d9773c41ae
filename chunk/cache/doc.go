// Package cache keeps blocks of a volume in a folder of this machine, for stores that are farther away. It implements
// chunk.Cache; a store of local files needs none.
//
// Read Options and Cache, then file.go (what is in a file), scan.go (what is found at the start) and evict.go (what goes).
//
// Format: the layout is that of juicefs 1.4.1, so either program may take over the folder of the other:
//
//	<dir>/<volume UUID>/.lock               36 bytes: a random UUID, the identity of the folder
//	<dir>/<volume UUID>/raw/<block key>     blocks: plain content and a checksum for every 32 KiB
//	<dir>/<volume UUID>/rawstaging/<key>    blocks that the original took but has not uploaded yet, see Staging
//	*.tmp                                   being written
package cache
