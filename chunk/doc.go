// Package chunk keeps slices on object storage. A slice is up to 64 MiB of bytes, written once under a number; it is cut
// into blocks of a fixed size (the last may be shorter), and each block is one object. What a slice means to a file is
// the business of package meta: here it is a number and a size.
//
// Read Store and Options, then Writer (pages in, blocks up), then Store.Pages and Store.ReadAt (blocks down, pages out).
// Keys and sizes are in key.go, codecs in compress.go.
//
// Memory is bounded by Options.Pool, transfers by MaxUploads and MaxDownloads. Pages are taken before a slot is waited
// for, and nobody waits for a page while having a slot or pages of a block that is not complete; that is why nothing here
// can block itself, however small the pool is.
package chunk
