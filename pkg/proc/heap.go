package proc

import "runtime"

// Ballast makes the garbage collector run less often while the heap is small. It counts as memory in use, and a collection
// begins when as much as is in use has been allocated since the last one. Nothing ever touches it, so that the kernel gives
// no memory for it: it costs at most its size of garbage that is collected later. To a large heap it adds no more than
// that, unlike a higher GOGC.
//
// Its methods may be called once, from any goroutine.
type Ballast struct{ memory []byte }

// NewBallast returns a ballast of a number of bytes.
func NewBallast(size int) *Ballast {
	b := &Ballast{make([]byte, size)}
	drop(b.memory) // what the heap has used before is cleared, and so touched
	return b
}

// Drop ends it. Until then it is in use.
func (b *Ballast) Drop() { runtime.KeepAlive(b.memory) }
