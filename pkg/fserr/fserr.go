// Package fserr has the error that file-system operations return.
package fserr

import "fmt"

// Error says which operation failed on what, around a POSIX code or another cause.
type Error struct {
	Op   string // "put", "resolve"
	Path string // in the volume; empty if only the inode is known
	Ino  uint64 // 0: not known
	Err  error  // mostly a syscall.Errno; never nil
}

// Error describes it in one line.
func (e *Error) Error() string {
	switch {
	case e.Path != "":
		return fmt.Sprintf("%s %s: %v", e.Op, e.Path, e.Err)
	case e.Ino != 0:
		return fmt.Sprintf("%s inode %d: %v", e.Op, e.Ino, e.Err)
	}
	return fmt.Sprintf("%s: %v", e.Op, e.Err)
}

// Unwrap returns the cause, for errors.Is and errors.As.
func (e *Error) Unwrap() error { return e.Err }
