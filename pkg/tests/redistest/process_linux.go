package redistest

import "syscall"

// dieWithUs has the kernel kill a server when the test process is gone, which runs no clean-up after a panic or a time-out.
func dieWithUs() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
