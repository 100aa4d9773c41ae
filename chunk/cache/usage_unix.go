//go:build linux || darwin

package cache

import "syscall"

// usageOf returns the state of the file system that path is on.
func usageOf(path string) (usage, bool) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(path, &s); err != nil {
		return usage{}, false
	}
	block := uint64(s.Bsize)
	return usage{bytes: s.Blocks * block, freeBytes: s.Bavail * block, inodes: s.Files, freeInodes: s.Ffree}, true
}
