//go:build !linux

package redistest

import "syscall"

// dieWithUs asks for nothing where the kernel does not offer it.
func dieWithUs() *syscall.SysProcAttr { return nil }
