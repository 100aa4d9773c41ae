package main

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"time"
)

const (
	objects   = 400   // small objects that reads and deletes find, a client
	listed    = 10000 // keys of the large directory
	rangeSize = 64 << 10
	bigSize   = 1 << 30
)

// workloads returns the rows in the order in which they run: later ones use what earlier ones made.
func workloads() []workload {
	var ws []workload
	for _, c := range []int{1, 16} {
		ws = append(ws, workload{name: "put-4k", clients: c, unit: "ops/s", goal: 3,
			op: func(b *bench, s *server, round, client, i int) (request, int64, error) {
				return b.put(s, keyOf(round*100+c, client, i)), int64(len(b.small)), nil
			}})
	}
	for _, c := range []int{1, 16} {
		ws = append(ws,
			workload{name: "get-4k", clients: c, unit: "ops/s", goal: 2, prepare: prepareSmall(c), op: readSmall("GET", 4<<10)},
			workload{name: "head", clients: c, unit: "ops/s", goal: 2, prepare: prepareSmall(c), op: readSmall("HEAD", 0)})
	}
	for _, c := range []int{1, 16} {
		ws = append(ws, workload{name: "delete", clients: c, unit: "ops/s", goal: 2.5, count: objects, prepare: prepareDelete(c),
			op: func(b *bench, s *server, round, client, i int) (request, int64, error) {
				return b.read(s, "DELETE", deleteKey(round, client, i), http.StatusNoContent, nil), 0, nil
			}})
	}
	return append(append(ws, largeWorkloads()...), listWorkloads()...)
}

func prepareSmall(clients int) func(*bench, *server, int) error {
	return func(b *bench, s *server, _ int) error {
		if b.made[s.name+"/small"] >= clients {
			return nil
		}
		b.made[s.name+"/small"] = clients
		return b.fill(s, clients*objects, func(i int) string { return smallKey(i/objects, i%objects) })
	}
}

func smallKey(client, i int) string { return fmt.Sprintf("/%s/w/small/c%02d/%06d", bucket, client, i) }

func deleteKey(round, client, i int) string {
	return fmt.Sprintf("/%s/w/delete/r%d/c%02d-%06d", bucket, round, client, i)
}

func readSmall(method string, size int64) func(*bench, *server, int, int, int) (request, int64, error) {
	return func(b *bench, s *server, _, client, i int) (request, int64, error) {
		return b.read(s, method, smallKey(client, i%objects), http.StatusOK, nil), size, nil
	}
}

func prepareDelete(clients int) func(*bench, *server, int) error {
	return func(b *bench, s *server, round int) error {
		return b.fill(s, clients*objects, func(i int) string { return deleteKey(round, i/objects, i%objects) })
	}
}

func largeWorkloads() []workload {
	large := func(name string) string { return "/" + bucket + "/w/large/" + name }
	putLarge := func(b *bench, s *server, name string) request {
		return s.keys.sign(s.addr, "PUT", large(name), "", b.large, b.largeSum, nil, http.StatusOK)
	}
	getLarge := func(b *bench, s *server, _, _, _ int) (request, int64, error) {
		return b.read(s, "GET", large("read"), http.StatusOK, nil), int64(len(b.large)), nil
	}
	prepareLarge := func(b *bench, s *server, _ int) error {
		c := &conn{addr: s.addr}
		defer c.close()
		_, _, err := c.do(putLarge(b, s, "read"), false)
		return err
	}
	rangeAt := func(b *bench, s *server, _, _, _ int) (request, int64, error) {
		off := rand.Int64N(bigSize/rangeSize) * rangeSize
		h := map[string]string{"Range": fmt.Sprintf("bytes=%d-%d", off, off+rangeSize-1)}
		return b.read(s, "GET", large("big"), http.StatusPartialContent, h), rangeSize, nil
	}
	return []workload{
		{name: "put-64m", clients: 1, unit: "MB/s", count: 8, goal: 1.2,
			op: func(b *bench, s *server, round, _, i int) (request, int64, error) {
				return putLarge(b, s, fmt.Sprintf("r%d-%d", round, i)), int64(len(b.large)), nil
			}},
		{name: "get-64m cold", clients: 1, unit: "MB/s", count: 1, goal: 1.5,
			prepare: func(b *bench, s *server, round int) error {
				if err := prepareLarge(b, s, round); err != nil {
					return err
				}
				return s.cold()
			}, op: getLarge},
		{name: "get-64m warm", clients: 1, unit: "MB/s", count: 12, goal: 1.2,
			prepare: func(b *bench, s *server, round int) error {
				c := &conn{addr: s.addr}
				defer c.close()
				q, _, _ := getLarge(b, s, 0, 0, 0)
				_, _, err := c.do(q, false)
				return err
			}, op: getLarge},
		{name: "range-64k cold of 1 GiB", clients: 1, unit: "ops/s", count: 100, goal: 4,
			prepare: func(b *bench, s *server, _ int) error {
				if b.made[s.name+"/big"] == 0 {
					if err := b.putBig(s, large("big")); err != nil {
						return err
					}
					b.made[s.name+"/big"] = 1
				}
				return s.cold()
			}, op: rangeAt},
	}
}

// putBig uploads the 1 GiB object in one request.
func (b *bench) putBig(s *server, key string) error {
	body := make([]byte, 0, bigSize)
	for len(body) < bigSize {
		body = append(body, b.large...)
	}
	c := &conn{addr: s.addr}
	defer c.close()
	_, _, err := c.do(s.keys.sign(s.addr, "PUT", key, "", body, "UNSIGNED-PAYLOAD", nil, http.StatusOK), false)
	return err
}

func listWorkloads() []workload {
	prepare := func(b *bench, s *server, _ int) error {
		if b.made[s.name+"/list"] > 0 {
			return nil
		}
		b.made[s.name+"/list"] = 1
		return b.fill(s, listed, func(i int) string { return fmt.Sprintf("/%s/w/list/key-%06d", bucket, i) })
	}
	page := func(after func(i int) string) func(*bench, *server, int, int, int) (request, int64, error) {
		return func(b *bench, s *server, _, _, i int) (request, int64, error) {
			return s.keys.sign(s.addr, "GET", "/"+bucket, listQuery("w/list/", after(i), 1000), nil, b.emptySum, nil, http.StatusOK), 0, nil
		}
	}
	return []workload{
		{name: "list 10,000 keys in pages of 1,000", clients: 1, unit: "keys/s", count: 30, goal: 4, prepare: prepare, keys: countKeys,
			op: page(func(i int) string {
				if i%10 == 0 {
					return ""
				}
				return fmt.Sprintf("w/list/key-%06d", i%10*1000-1)
			})},
		{name: "list page of 1,000 from a random key", clients: 1, unit: "keys/s", count: 10, goal: 4, prepare: prepare, keys: countKeys,
			op: page(func(int) string { return fmt.Sprintf("w/list/key-%06d", rand.IntN(listed-1001)) })},
	}
}

// row is one line of the result.
type row struct {
	w     workload
	cells map[string][]cell // by server, one a round
}

// print writes the table in Markdown.
func printTable(rows []row, ours, theirs string) {
	fmt.Printf("\n| workload | c | unit | %s | %s | ratio (range) | goal | CPU us/op ours / theirs | p99 ms ours / theirs | peak MiB ours / theirs |\n", ours, theirs)
	fmt.Println("|---|---|---|---|---|---|---|---|---|---|")
	for _, r := range rows {
		a, b := r.cells[ours], r.cells[theirs]
		var ratios []float64
		for i := range min(len(a), len(b)) {
			ratios = append(ratios, a[i].rate(r.w.unit)/b[i].rate(r.w.unit))
		}
		slices.Sort(ratios)
		goal := ""
		if r.w.goal > 0 {
			goal = fmt.Sprintf("%.1fx", r.w.goal)
		}
		fmt.Printf("| %s | %d | %s | %.0f | %.0f | **%.2fx** (%.2f-%.2f) | %s | %.0f / %.0f | %.1f / %.1f | %d / %d |\n", r.w.name, r.w.clients, r.w.unit,
			middle(a, func(c cell) float64 { return c.rate(r.w.unit) }), middle(b, func(c cell) float64 { return c.rate(r.w.unit) }),
			ratios[len(ratios)/2], ratios[0], ratios[len(ratios)-1], goal, middle(a, cpuPerOp), middle(b, cpuPerOp),
			middle(a, p99), middle(b, p99), int(middle(a, peak)), int(middle(b, peak)))
	}
}

func cpuPerOp(c cell) float64 { return float64(c.cpu/time.Microsecond) / float64(c.ops) }
func p99(c cell) float64      { return float64(c.p99) / float64(time.Millisecond) }
func peak(c cell) float64     { return float64(c.peak) / (1 << 20) }

func middle(cs []cell, f func(cell) float64) float64 {
	vs := make([]float64, len(cs))
	for i, c := range cs {
		vs[i] = f(c)
	}
	slices.Sort(vs)
	return vs[len(vs)/2]
}

// match reports whether a workload is among those asked for.
func match(w workload, only string) bool {
	if only == "" {
		return true
	}
	for _, part := range strings.Split(only, ",") {
		if strings.HasPrefix(w.name, part) {
			return true
		}
	}
	return false
}
