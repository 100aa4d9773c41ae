package cache

import (
	"os"
	"syscall"
)

// accessed returns the second of the last access to a file, as far as the file system keeps it.
func accessed(info os.FileInfo) int64 {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return s.Atim.Sec
	}
	return info.ModTime().Unix()
}
