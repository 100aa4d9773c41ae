//go:build !linux

package oracle

import "syscall"

// dieWithUs has no counterpart here: a test process that panics leaves its programs running.
func dieWithUs() *syscall.SysProcAttr { return nil }
