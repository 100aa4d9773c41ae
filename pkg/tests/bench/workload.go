package main

import (
	"crypto/rand"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// cell is the result of one workload on one server in one round.
type cell struct {
	ops   int64 // operations, or keys listed
	bytes int64
	wall  time.Duration
	cpu   time.Duration // of the gateway
	db    time.Duration // CPU of the database server
	turns int64         // turnarounds with it; 0: not counted
	peak  int64
	p50   time.Duration
	p99   time.Duration
}

// rate is operations or MB per second.
func (c cell) rate(unit string) float64 {
	if unit == "MB/s" {
		return float64(c.bytes) / 1e6 / c.wall.Seconds()
	}
	return float64(c.ops) / c.wall.Seconds()
}

// workload is one row of the table.
type workload struct {
	name    string
	clients int
	unit    string        // ops/s, keys/s or MB/s
	count   int           // operations a client; 0: as many as fit into the time of a cell
	goal    float64       // ratio that is wanted; 0: none
	goalCPU float64       // microseconds of CPU above the floor that are allowed; 0: any
	goalP99 float64       // milliseconds that 99 of 100 operations may take; 0: any
	delay   time.Duration // added to each turnaround with the database; such rows need one that is far
	data    bool          // it is about data, whatever the engine
	floor   bool          // measured on the floor too
	cleans  bool          // the programs go on removing data behind it
	prepare func(b *bench, s *server, round int) error
	op      func(b *bench, s *server, round, client, i int) (request, int64, error) // the request and how many bytes it moves
	keys    func(body []byte) (int, error)                                          // of a listing or a removal of many: counts them
}

// embedded is the row with the goals on a database inside the program; those of the workloads are of one that is far.
func (w workload) embedded() workload {
	if w.data {
		return w
	}
	w.goalCPU, w.goalP99 = 0, 0
	w.goal = map[string]float64{"put-4k": 3, "get-4k": 2, "head": 2, "delete": 2.5, "list page of 500": 4}[w.name]
	return w
}

// bench holds the payloads, made once.
type bench struct {
	small, large []byte
	smallSum     string
	largeSum     string
	emptySum     string
	cellTime     time.Duration
	made         map[string]int // server and what → how much of it was made
}

func newBench(cellTime time.Duration) (*bench, error) {
	b := &bench{small: make([]byte, 4<<10), large: make([]byte, 64<<20), cellTime: cellTime, emptySum: sum(nil), made: map[string]int{}}
	for _, p := range [][]byte{b.small, b.large} {
		if _, err := rand.Read(p); err != nil {
			return nil, err
		}
	}
	b.smallSum, b.largeSum = sum(b.small), sum(b.large)
	return b, nil
}

func (b *bench) put(s *server, key string) request {
	return s.keys.sign(s.addr, "PUT", key, "", b.small, b.smallSum, nil, http.StatusOK)
}

func (b *bench) read(s *server, method, key string, want int, header map[string]string) request {
	return s.keys.sign(s.addr, method, key, "", nil, b.emptySum, header, want)
}

// fill makes n small objects on the server's volume, eight at a time. The original is slow at that, so ours does it for both.
func (b *bench) fill(s *server, n int, key func(i int) string) error {
	f := s.filling
	if f == nil {
		return b.fillBy(s, n, key)
	}
	if _, err := f.start(); err != nil {
		return err
	}
	return errors.Join(b.fillBy(f, n, key), f.stop())
}

func (b *bench) fillBy(s *server, n int, key func(i int) string) error {
	var next atomic.Int64
	var wg sync.WaitGroup
	errs := make([]error, 8)
	for w := range errs {
		wg.Add(1)
		go func() {
			defer wg.Done()
			c := &conn{addr: s.addr}
			defer c.close()
			for {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				if _, _, err := c.do(b.put(s, key(i)), false); err != nil {
					errs[w] = err
					return
				}
			}
		}()
	}
	wg.Wait()
	return errors.Join(errs...)
}

// run runs one cell.
func (b *bench) run(w *workload, s *server, round int) (cell, error) {
	if w.prepare != nil {
		if err := w.prepare(b, s, round); err != nil {
			return cell{}, fmt.Errorf("prepare: %w", err)
		}
	}
	s.resetPeak()
	before, err := s.usage()
	if err != nil {
		return cell{}, err
	}
	dbBefore, err := s.engine.cpu()
	if err != nil {
		return cell{}, err
	}
	if s.proxy != nil {
		s.proxy.Reset()
	}
	var ops, moved atomic.Int64
	var wg sync.WaitGroup
	errs := make([]error, w.clients)
	times := make([][]time.Duration, w.clients)
	begin := time.Now()
	end := begin.Add(b.cellTime)
	for cl := range w.clients {
		wg.Add(1)
		go func() {
			defer wg.Done()
			c := &conn{addr: s.addr}
			defer c.close()
			for i := 0; (w.count == 0 && time.Now().Before(end)) || i < w.count; i++ {
				t := time.Now()
				n, size, failed := b.one(w, s, c, round, cl, i)
				if failed != nil {
					errs[cl] = failed
					return
				}
				times[cl] = append(times[cl], time.Since(t))
				ops.Add(n)
				moved.Add(size)
			}
		}()
	}
	wg.Wait()
	wall := time.Since(begin)
	if err = errors.Join(errs...); err != nil {
		return cell{}, err
	}
	after, err := s.usage()
	if err != nil {
		return cell{}, err
	}
	dbAfter, err := s.engine.cpu()
	if err != nil {
		return cell{}, err
	}
	all := slices.Concat(times...)
	slices.Sort(all)
	r := cell{ops: ops.Load(), bytes: moved.Load(), wall: wall, cpu: after.cpu - before.cpu, db: dbAfter - dbBefore, peak: after.peak,
		p50: all[len(all)/2], p99: all[len(all)*99/100]}
	if s.proxy != nil {
		r.turns = s.proxy.Turnarounds()
	}
	return r, nil
}

// one does one operation and checks its reply.
func (b *bench) one(w *workload, s *server, c *conn, round, client, i int) (ops, size int64, err error) {
	q, size, err := w.op(b, s, round, client, i)
	if err != nil {
		return 0, 0, err
	}
	n, body, err := c.do(q, w.keys != nil)
	if err != nil {
		return 0, 0, err
	}
	if w.keys != nil {
		k, err := w.keys(body)
		if err == nil && k == 0 {
			err = errors.New("no keys in the reply")
		}
		return int64(k), n, err
	}
	if string(q.head[:4]) == "GET " && n != size {
		return 0, 0, fmt.Errorf("%d bytes instead of %d", n, size)
	}
	return 1, size, nil
}

// listing is as much of a reply as the bench checks.
type listing struct {
	Contents []struct{ Key string }
	Next     string `xml:"NextContinuationToken"`
}

// countDeleted counts what a removal of many keys has removed; any that it has not is an error.
func countDeleted(body []byte) (int, error) {
	var d struct {
		Deleted []struct{ Key string }
		Error   []struct{ Key, Code string }
	}
	if err := xml.Unmarshal(body, &d); err != nil {
		return 0, err
	}
	if len(d.Error) > 0 {
		return 0, fmt.Errorf("%s: %s", d.Error[0].Key, d.Error[0].Code)
	}
	return len(d.Deleted), nil
}

func countKeys(body []byte) (int, error) {
	var l listing
	if err := xml.Unmarshal(body, &l); err != nil {
		return 0, err
	}
	return len(l.Contents), nil
}

func listQuery(prefix, after string, most int) string {
	q := "list-type=2&max-keys=" + fmt.Sprint(most) + "&prefix=" + url.QueryEscape(prefix)
	if after != "" {
		q += "&start-after=" + url.QueryEscape(after)
	}
	return q
}
