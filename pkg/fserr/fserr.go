// Package fserr is how file-system failures travel below the gateway: a POSIX code with the operation and the subject
// it happened to. Whoever gets one asks errors.Is, with a code or a sentinel of io/fs, or errors.As.
package fserr

import (
	"strconv"
	"strings"
)

// Error is a failed operation. It is immutable once returned. The zero value is not useful.
type Error struct {
	Op   string // what was tried, one word: "lookup", "commit"
	Path string // the path it was tried on, absolute in the volume; "" if unknown
	Ino  uint64 // the inode it was tried on; 0 if unknown
	Err  error  // why; a syscall.Errno in the expected cases
}

var _ error = (*Error)(nil)

// Error has the form "commit /a/b: file exists"; an inode stands as "inode 7" after the path.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Op)
	if e.Path != "" {
		b.WriteString(" ")
		b.WriteString(e.Path)
	}
	if e.Ino != 0 {
		b.WriteString(" inode ")
		b.WriteString(strconv.FormatUint(e.Ino, 10))
	}
	if e.Err != nil {
		if b.Len() > 0 {
			b.WriteString(": ")
		}
		b.WriteString(e.Err.Error())
	}
	return b.String()
}

// Unwrap returns Err, so that errors.Is works with codes and with the sentinels of io/fs.
func (e *Error) Unwrap() error { return e.Err }

// Wrap returns err as an *Error of op on path. nil stays nil. An error whose outermost layer already is an *Error with a
// path or an inode comes back unchanged: the layer that knew first was closer.
func Wrap(op, path string, err error) error {
	if err == nil || named(err) {
		return err
	}
	return &Error{Op: op, Path: path, Err: err}
}

// WrapIno is Wrap for an operation on an inode.
func WrapIno(op string, ino uint64, err error) error {
	if err == nil || named(err) {
		return err
	}
	return &Error{Op: op, Ino: ino, Err: err}
}

func named(err error) bool {
	e, ok := err.(*Error) //nolint:errorlint // only the outermost layer counts
	return ok && (e.Path != "" || e.Ino != 0)
}
