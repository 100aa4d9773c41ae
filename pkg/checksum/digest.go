package checksum

import (
	"io"
	"sync"
	"sync/atomic"
)

// Sizes of a Digest that works beside its writer, in bytes.
const (
	pieceSize = 256 << 10
	pieces    = 4       // at most, of one Digest
	longData  = 1 << 20 // shorter data is hashed by its writer: handing over costs more than it saves
)

// Digest writes data to several hashes. For long data each of the slow ones works in a goroutine of its own, behind the
// writer by at most four pieces: what was given to Share, and copies, of 256 KiB, of what was given to Write.
//
// It is for one goroutine. Wait must be called before a sum is taken, and also when the sums are not wanted any more.
type Digest struct {
	near  []io.Writer // written to at once
	lanes []chan *piece
	work  sync.WaitGroup
	free  chan *piece
	made  int
	cur   *piece
	over  bool
}

// piece is data on its way to the lanes.
type piece struct {
	data []byte
	room []byte       // memory for copies; nil: none was needed yet
	done func()       // gives shared data back; nil: data is in room
	left atomic.Int32 // lanes that have still to read it
}

// spare has pieces of digests that are done.
var spare = sync.Pool{New: func() any { return new(piece) }}

// NewDigest returns a Digest for data of about size bytes, below 0: unknown. slow hashes are those that are worth a
// goroutine, fast ones are not. They must not fail. nil is left out.
func NewDigest(size int64, slow, fast []io.Writer) *Digest {
	d := &Digest{}
	far := size < 0 || size >= longData
	for _, h := range slow {
		switch {
		case h == nil:
		case far:
			d.lane(h)
		default:
			d.near = append(d.near, h)
		}
	}
	for _, h := range fast {
		if h != nil {
			d.near = append(d.near, h)
		}
	}
	return d
}

// Empty reports whether there are no hashes, so that data need not be written.
func (d *Digest) Empty() bool { return len(d.near) == 0 && len(d.lanes) == 0 }

// lane starts the goroutine of a hash.
func (d *Digest) lane(h io.Writer) {
	if d.free == nil {
		d.free = make(chan *piece, pieces)
	}
	in := make(chan *piece, pieces)
	d.lanes = append(d.lanes, in)
	d.work.Go(func() {
		for p := range in {
			_, _ = h.Write(p.data) // a hash does not fail
			if p.left.Add(-1) == 0 {
				p.giveBack()
				d.free <- p // never waits: it has room for all
			}
		}
	})
}

// Write implements io.Writer. It never fails and does not keep p.
func (d *Digest) Write(p []byte) (int, error) {
	for _, h := range d.near {
		_, _ = h.Write(p) // a hash does not fail
	}
	if len(d.lanes) == 0 {
		return len(p), nil
	}
	for rest := p; len(rest) > 0; {
		if d.cur == nil {
			d.cur = d.take()
			if d.cur.room == nil {
				d.cur.room = make([]byte, pieceSize)
			}
			d.cur.data = d.cur.room[:0]
		}
		n := min(len(rest), pieceSize-len(d.cur.data))
		d.cur.data, rest = append(d.cur.data, rest[:n]...), rest[n:]
		if len(d.cur.data) == pieceSize {
			d.hand()
		}
	}
	return len(p), nil
}

// Share is Write without a copy: p must stay as it is until done is called, once, by whatever goroutine needs it last.
func (d *Digest) Share(p []byte, done func()) {
	for _, h := range d.near {
		_, _ = h.Write(p) // a hash does not fail
	}
	if len(d.lanes) == 0 {
		done()
		return
	}
	if d.cur != nil {
		d.hand()
	}
	d.cur = d.take()
	d.cur.data, d.cur.done = p, done
	d.hand()
}

// giveBack lets go of shared data.
func (p *piece) giveBack() {
	p.data = nil
	if p.done != nil {
		p.done()
		p.done = nil
	}
}

// take returns an empty piece, when the slowest lane has one to give back.
func (d *Digest) take() *piece {
	select {
	case p := <-d.free:
		return p
	default:
	}
	if d.made < pieces {
		d.made++
		p, _ := spare.Get().(*piece)
		return p
	}
	return <-d.free
}

// hand gives the piece at hand to all lanes.
func (d *Digest) hand() {
	p := d.cur
	d.cur = nil
	p.left.Store(int32(len(d.lanes))) //nolint:gosec // a handful
	for _, in := range d.lanes {
		in <- p
	}
}

// Wait returns when all that was written is hashed, and ends the goroutines. Nothing may be written after it. Only the
// first call does something.
func (d *Digest) Wait() {
	if d.over {
		return
	}
	d.over = true
	if d.cur != nil {
		d.hand()
	}
	for _, in := range d.lanes {
		close(in)
	}
	d.work.Wait()
	for range d.made {
		spare.Put(<-d.free)
	}
}
