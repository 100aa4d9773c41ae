package main

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// row is one line of the result.
type row struct {
	w     workload
	cells map[string][]cell // by server, one a round
}

// printTable writes the table in Markdown, and what is missed.
func printTable(rows []row, ours, theirs string) {
	fmt.Printf("\n| workload | c | unit | %s | %s | ratio (range) | goal | CPU us/op ours / theirs / floor | Redis us/op | turns/op | p50 ms | p99 ms | peak MiB |\n", ours, theirs)
	fmt.Println("|---|---|---|---|---|---|---|---|---|---|---|---|---|")
	var missed []string
	for _, r := range rows {
		a, b, floor := r.cells[ours], r.cells[theirs], r.cells["floor"]
		unit := func(c cell) float64 { return c.rate(r.w.unit) }
		ratios := r.ratios(ours, theirs)
		goal := ""
		if r.w.goal > 0 {
			goal = fmt.Sprintf("%.1fx", r.w.goal)
		}
		cpu := pair(a, b, "%.0f", cpuPerOp)
		if len(floor) > 0 {
			cpu += fmt.Sprintf(" / %.0f", middle(floor, cpuPerOp))
		}
		fmt.Printf("| %s | %d | %s | %.0f | %.0f | **%.2fx** (%.2f-%.2f) | %s | %s | %s | %s | %s | %s | %s |\n", r.w.name, r.w.clients, r.w.unit,
			middle(a, unit), middle(b, unit), ratios[len(ratios)/2], ratios[0], ratios[len(ratios)-1], goal, cpu, pair(a, b, "%.0f", dbPerOp),
			pair(a, b, "%.1f", turnsPerOp), pair(a, b, "%.1f", p50), pair(a, b, "%.1f", p99), pair(a, b, "%.0f", peak))
		missed = append(missed, r.missed(ratios[len(ratios)/2], a, floor)...)
	}
	for _, m := range missed {
		fmt.Println("\nmissed:", m)
	}
}

// ratios returns those of the rounds, sorted.
func (r *row) ratios(ours, theirs string) []float64 {
	a, b := r.cells[ours], r.cells[theirs]
	var ratios []float64
	for i := range min(len(a), len(b)) {
		ratios = append(ratios, a[i].rate(r.w.unit)/b[i].rate(r.w.unit))
	}
	slices.Sort(ratios)
	return ratios
}

// missed tells which goals of the row are not reached.
func (r *row) missed(ratio float64, a, floor []cell) (texts []string) {
	name := fmt.Sprintf("%s at %d clients: ", r.w.name, r.w.clients)
	if ratio < r.w.goal {
		texts = append(texts, fmt.Sprintf("%s%.2fx, the goal is %.1fx", name, ratio, r.w.goal))
	}
	if len(floor) > 0 && r.w.goalCPU > 0 {
		above := middle(a, cpuPerOp) - middle(floor, cpuPerOp)
		if above > r.w.goalCPU {
			texts = append(texts, fmt.Sprintf("%s%.0f us of CPU above the floor, %.0f are allowed", name, above, r.w.goalCPU))
		}
	}
	if late := middle(a, p99); r.w.goalP99 > 0 && late > r.w.goalP99 {
		texts = append(texts, fmt.Sprintf("%s99 %% within %.0f ms, the goal is %.0f ms", name, late, r.w.goalP99))
	}
	return texts
}

// pair is the middle of ours and of theirs.
func pair(a, b []cell, format string, f func(cell) float64) string {
	x, y := middle(a, f), middle(b, f)
	if x == 0 && y == 0 {
		return ""
	}
	return fmt.Sprintf(format+" / "+format, x, y)
}

func dbPerOp(c cell) float64    { return float64(c.db) / float64(time.Microsecond) / float64(c.ops) }
func turnsPerOp(c cell) float64 { return float64(c.turns) / float64(c.ops) }
func p50(c cell) float64        { return float64(c.p50) / float64(time.Millisecond) }
func cpuPerOp(c cell) float64   { return float64(c.cpu) / float64(time.Microsecond) / float64(c.ops) }
func p99(c cell) float64        { return float64(c.p99) / float64(time.Millisecond) }
func peak(c cell) float64       { return float64(c.peak) / (1 << 20) }

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
