package meter

import (
	"bytes"
	"slices"
)

// fault is a break that waits for its request.
type fault struct {
	match  []byte
	answer bool // the request is delivered, the answer is lost
}

// LoseRequest lets the next request that contains match (empty: any) get lost: it is not delivered, and its connection breaks.
// A request is matched as it comes in one piece. Several calls wait for several requests.
func (p *Proxy) LoseRequest(match string) { p.arm(&fault{match: []byte(match)}) }

// LoseAnswer lets the answer to the next request that contains match get lost: the request is delivered, and the connection
// breaks when the server has answered. It is otherwise like LoseRequest.
func (p *Proxy) LoseAnswer(match string) { p.arm(&fault{match: []byte(match), answer: true}) }

// Pending returns how many of the losses that were asked for have not happened yet.
func (p *Proxy) Pending() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.faults)
}

func (p *Proxy) arm(f *fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.faults = append(p.faults, f)
}

// strike takes the fault that waited for this request; nil for none.
func (p *Proxy) strike(request []byte) *fault {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := slices.IndexFunc(p.faults, func(f *fault) bool { return bytes.Contains(request, f.match) })
	if i < 0 {
		return nil
	}
	f := p.faults[i]
	p.faults = slices.Delete(p.faults, i, i+1)
	return f
}
