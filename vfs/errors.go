package vfs

import (
	"fmt"
	"syscall"

	"juicefs/chunk"
	"juicefs/meta"
)

// What callers may ask an error for, besides POSIX codes, without knowing of the layers below.
var (
	// ErrBusy is wrapped when the database could not take a transaction for a while or is not reached; nothing was changed.
	ErrBusy = meta.ErrBusy
	// ErrUnknown is wrapped when the connection was lost after a commit was sent: it may have been applied or not.
	ErrUnknown = meta.ErrUnknown
	// ErrUploadGone is wrapped by Compose when the directory of the parts is missing, or is none.
	ErrUploadGone = meta.ErrUploadGone
	// ErrPartChanged is wrapped by Compose when a part is missing or is not the one that was named.
	ErrPartChanged = meta.ErrPartChanged
	// ErrSourceChanged is wrapped by Copy and CopyRange when the source is not the version that Commit.Source is.
	ErrSourceChanged = meta.ErrSourceChanged
	// ErrCorrupt is wrapped when stored data is not what was written.
	ErrCorrupt = chunk.ErrCorrupt
	// ErrTopMissing is wrapped, with ENOENT, when Commit.Top is missing.
	ErrTopMissing = meta.ErrTopMissing
)

// errGone ends a read whose data was deleted or replaced by another client. It is ESTALE.
var errGone = fmt.Errorf("data was removed while it was being read: %w", syscall.ESTALE)

// ListQuery asks List for a page.
type ListQuery = meta.ListQuery

// ListPage is a page of List.
type ListPage = meta.ListPage

// Listed is one key or prefix of a page.
type Listed = meta.Listed
