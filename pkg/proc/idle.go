package proc

import "runtime/metrics"

// Idle returns memory to the system once a process that worked has become quiet. Go keeps what a busy heap grew to, give or take
// a tenth: that pays for as long as the work goes on. It is for one goroutine, which calls Return in intervals. The zero value
// is ready.
type Idle struct{ last, returned uint64 }

const (
	// quietBytes is the most that a quiet process allocates between two calls. What goes on by itself allocates less in a minute.
	quietBytes = 8 << 20
	// returnedBytes is the least that must have been allocated for it to be worth a collection.
	returnedBytes = 16 << 20
)

// Return does what ReturnStartMemory does, if the process has worked since it was last done and is quiet since the last call. It
// reports whether it did; errors are those of ReturnStartMemory.
func (i *Idle) Return() (bool, error) {
	s := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(s)
	now := s[0].Value.Uint64()
	quiet := now-i.last < quietBytes
	i.last = now
	if !quiet || now-i.returned < returnedBytes {
		return false, nil
	}
	i.returned = now
	return true, ReturnStartMemory()
}
