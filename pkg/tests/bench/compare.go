package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// comparison is one thing done in several ways, in turn. The first is what the others are compared with.
type comparison struct {
	ways   []way
	rounds int
	cells  [][]cell // by way, one a round
}

// way is one way to do it.
type way struct {
	name string
	s    *server
	w    workload // its goal is the ratio that is wanted to the first way; 0: none
}

// measure runs all rounds. The order of the ways is turned from round to round, so that what else the machine does, and
// what one way leaves to the next, hits all alike.
func (b *bench) measure(c *comparison) error {
	c.cells = make([][]cell, len(c.ways))
	for round := range c.rounds {
		for i := range c.ways {
			if round%2 == 1 {
				i = len(c.ways) - 1 - i
			}
			i = (i + round/2) % len(c.ways)
			w := &c.ways[i]
			got, err := b.run(&w.w, w.s, round)
			if err != nil {
				return fmt.Errorf("%s at %d clients, %s: %w", w.w.name, w.w.clients, w.name, err)
			}
			c.cells[i] = append(c.cells[i], got)
		}
	}
	fmt.Fprintf(os.Stderr, "done: %s, %d clients\n", c.ways[0].w.name, c.ways[0].w.clients)
	return nil
}

// ratios returns those of a way's rounds to the first way's, sorted.
func (c *comparison) ratios(i int, f func(cell) float64) []float64 {
	var all []float64
	for round := range c.cells[i] {
		all = append(all, f(c.cells[i][round])/f(c.cells[0][round]))
	}
	slices.Sort(all)
	return all
}

// printComparisons writes a table in Markdown, and what is missed.
func printComparisons(title string, all []comparison) {
	fmt.Printf("\n## %s\n\n| workload | c | way | unit | rate | ratio (range) | goal | CPU us/op | ratio (range) | of the best quarter | ratio | p50 ms | p99 ms |\n", title)
	fmt.Println("|---|---|---|---|---|---|---|---|---|---|---|---|---|")
	var missed []string
	for _, c := range all {
		for i := range c.ways {
			w, cells := &c.ways[i], c.cells[i]
			rate := func(c cell) float64 { return c.rate(w.w.unit) }
			ratio, cpu, best, goal := "", "", "", ""
			if i > 0 {
				rates := c.ratios(i, rate)
				ratio, cpu = rangeOf(rates), rangeOf(c.ratios(i, cpuPerOp))
				best = fmt.Sprintf("**%.3f**", lowerQuartile(cells, cpuPerOp)/lowerQuartile(c.cells[0], cpuPerOp))
				if m := rates[len(rates)/2]; m < w.w.goal {
					missed = append(missed, fmt.Sprintf("%s at %d clients, %s: %.3f, the goal is %.2f", w.w.name, w.w.clients, w.name, m, w.w.goal))
				}
			}
			if w.w.goal > 0 {
				goal = fmt.Sprintf("%.2f", w.w.goal)
			}
			fmt.Printf("| %s | %d | %s | %s | %.0f | %s | %s | %.1f | %s | %.1f | %s | %.2f | %.2f |\n", w.w.name, w.w.clients, w.name, w.w.unit, middle(cells, rate), ratio,
				goal, middle(cells, cpuPerOp), cpu, lowerQuartile(cells, cpuPerOp), best, middle(cells, p50), middle(cells, p99))
		}
	}
	for _, m := range missed {
		fmt.Println("\nmissed:", m)
	}
}

// lowerQuartile is what a quarter of the cells is below: what else the machine does makes a cell dearer and never cheaper.
func lowerQuartile(cs []cell, f func(cell) float64) float64 {
	vs := make([]float64, len(cs))
	for i, c := range cs {
		vs[i] = f(c)
	}
	slices.Sort(vs)
	return vs[len(vs)/4]
}

// rangeOf shows the middle of sorted ratios, the lowest and the highest.
func rangeOf(sorted []float64) string {
	return fmt.Sprintf("**%.3f** (%.2f-%.2f)", sorted[len(sorted)/2], sorted[0], sorted[len(sorted)-1])
}

// aside measures comparisons on servers of their own.
func (o *options) aside(dir string, servers []*server, all []comparison, cellTime time.Duration) (err error) {
	for _, s := range servers {
		if s.bin, err = filepath.Abs(s.bin); err != nil {
			return err
		}
		s.keys, s.dir = benchKeys, filepath.Join(dir, s.name)
		if s.database != "" {
			s.meta = "sqlite3://" + filepath.Join(s.dir, s.database)
		}
		if err = os.MkdirAll(s.dir, 0o700); err != nil {
			return err
		}
		if err = s.format(); err != nil {
			return err
		}
		if _, err = s.start(); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, s.stop()) }() //nolint:gocritic // two servers, which run to the end
		if err = s.makeBucket(); err != nil {
			return err
		}
	}
	b, err := newBench(cellTime)
	if err != nil {
		return err
	}
	for i := range all {
		if err = b.measure(&all[i]); err != nil {
			return err
		}
	}
	return nil
}

// Cells of the front are short and many: what is looked for is a few parts in a hundred.
const (
	frontRounds = 10 // for each round of others
	frontTime   = 100 * time.Millisecond
	frontGoal   = 0.97 // of the rate without it
)

// front compares the S3 server behind the front with the server alone, over objects in memory and over the gateway's layer.
func (o *options) front(dir string) error {
	bases := []struct {
		name string
		args []string
		goal float64
	}{{"the server alone", nil, 0}, {"the gateway", []string{"-gateway"}, frontGoal}}
	var all []comparison
	for _, base := range bases {
		servers := []*server{{name: base.name + " without the front", bin: o.floor, floor: base.args},
			{name: base.name + " with it", bin: o.floor, floor: append([]string{"-front"}, base.args...)}}
		var rows []comparison
		for _, clients := range []int{1, 8} {
			for _, w := range []workload{
				{name: "front: put-4k", op: overwrite(clients, 0).op},
				{name: "front: get-4k", op: readSmall("GET", 4<<10)},
			} {
				if o.floor == "" || !match(w, o.only) {
					continue
				}
				w.clients, w.unit, w.prepare = clients, "ops/s", prepareSmall(clients)
				c := comparison{rounds: o.rounds * frontRounds, ways: []way{{servers[0].name, servers[0], w}, {servers[1].name, servers[1], w}}}
				c.ways[1].w.goal = base.goal
				rows = append(rows, c)
			}
		}
		if len(rows) == 0 {
			return nil
		}
		if err := o.aside(dir, servers, rows, frontTime); err != nil {
			return err
		}
		all = append(all, rows...)
	}
	printComparisons("What the front costs", all)
	return nil
}
