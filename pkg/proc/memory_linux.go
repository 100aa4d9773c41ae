package proc

import (
	"fmt"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
)

// ReturnStartMemory gives back what a start left behind: garbage of the heap, and the pages of the program's own code
// that only the start ran. The kernel maps 16 pages around each one that is touched, so that after a start nearly all code
// counts as resident. Code that runs again comes back from the page cache. It may be called at any time; an error changes nothing and says what was not possible.
func ReturnStartMemory() error {
	debug.FreeOSMemory()
	exe, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return fmt.Errorf("find the program: %w", err)
	}
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		return fmt.Errorf("list mappings: %w", err)
	}
	spans, err := codeSpans(string(maps), exe)
	if err != nil {
		return err
	}
	for _, s := range spans {
		// Code is never written, so the kernel has nothing to lose: it drops page table entries. That is not so of constants:
		// the linker has written addresses into some of them before it made them read-only.
		if _, _, errno := syscall.Syscall(syscall.SYS_MADVISE, s.from, s.to-s.from, syscall.MADV_DONTNEED); errno != 0 {
			return fmt.Errorf("return pages of the program: %w", errno)
		}
	}
	return nil
}

// span is a range of addresses.
type span struct{ from, to uintptr }

// codeSpans finds the private mappings of a file that can be executed and not written, in the form of /proc/self/maps.
func codeSpans(maps, file string) ([]span, error) {
	var spans []span
	for line := range strings.Lines(maps) {
		f := strings.Fields(line)
		if len(f) != 6 || f[5] != file || f[1] != "r-xp" {
			continue
		}
		low, high, ok := strings.Cut(f[0], "-")
		from, err1 := strconv.ParseUint(low, 16, 64)
		to, err2 := strconv.ParseUint(high, 16, 64)
		if !ok || err1 != nil || err2 != nil || from >= to {
			return nil, fmt.Errorf("mapping %q is not understood", f[0])
		}
		spans = append(spans, span{uintptr(from), uintptr(to)})
	}
	return spans, nil
}

// drop makes zeros that nobody has written take no memory. The bytes stay zeros.
func drop(zeros []byte) {
	_ = syscall.Madvise(zeros, syscall.MADV_DONTNEED) // on failure they take memory
}
