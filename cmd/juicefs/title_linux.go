package main

import (
	"os"
	"strings"
	"unsafe"
)

// hideSecrets takes passwords out of the process title, the memory that the kernel shows as the command line of this
// process, and returns a copy of args as they were. On Linux the Go runtime's os.Args are that memory. It must run
// before anything else keeps a part of os.Args.
func hideSecrets(args []string) []string {
	kept := make([]string, len(args))
	for i, a := range args {
		kept[i] = strings.Clone(a)
	}
	shown := showable(kept)
	for i := 1; i < len(args); i++ {
		if shown[i] == kept[i] || len(args[i]) == 0 {
			continue
		}
		area := unsafe.Slice(unsafe.StringData(args[i]), len(args[i])) //nolint:gosec // the argument's own memory, writable on Linux
		clear(area[copy(area, shown[i]):])
	}
	os.Args = kept
	return kept
}
