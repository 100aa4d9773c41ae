//go:build invariants

package buf

import (
	"fmt"
	"runtime"
	"strings"
)

// recycle is off so that a page that is used after its release is never somebody else's.
const recycle = false

// poisonByte is what released memory is filled with.
const poisonByte = 0xdb

// trace is the stack that took a page.
type trace []uintptr

// traces are the pages of a pool that are out. Pool.mu guards it.
type traces struct{ out map[*Page]struct{} }

func (t *traces) took(p *Page) {
	stack := make(trace, 16)
	p.trace = stack[:runtime.Callers(3, stack)]
	p.pool.mu.Lock()
	defer p.pool.mu.Unlock()
	if t.out == nil {
		t.out = make(map[*Page]struct{})
	}
	t.out[p] = struct{}{}
}

func (t *traces) gave(p *Page) {
	p.pool.mu.Lock()
	defer p.pool.mu.Unlock()
	delete(t.out, p)
}

func (p *Page) check() {
	if p.refs.Load() <= 0 {
		panic("buf: page used after its release; taken by " + p.trace.String())
	}
}

// poison fills the memory by copies: the race detector is told of each as one access, and of a loop over 4 MiB as of four million,
// which was most of the time of tests that put small objects.
func (p *Page) poison() {
	if len(p.mem) == 0 {
		return
	}
	p.mem[0] = poisonByte
	for n := 1; n < len(p.mem); n *= 2 {
		copy(p.mem[n:], p.mem[:n])
	}
}

// String has a line for each caller, the closest first.
func (t trace) String() string {
	var b strings.Builder
	frames := runtime.CallersFrames(t)
	for {
		f, more := frames.Next()
		fmt.Fprintf(&b, "\n\t%s %s:%d", f.Function, f.File, f.Line)
		if !more {
			return b.String()
		}
	}
}

// Leaks describes the pages that are out, one string a page, with the stack that took it. It is empty unless built with
// the tag "invariants"; Used works always.
func (p *Pool) Leaks() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []string
	for page := range p.traces.out {
		out = append(out, fmt.Sprintf("page of %d bytes taken by %s", len(page.mem), page.trace))
	}
	return out
}
