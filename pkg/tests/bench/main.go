package main

import (
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run() error {
	ours := flag.String("ours", "bin/juicefs", "our binary")
	theirs := flag.String("theirs", "bin/tools/juicefs", "the real JuiceFS")
	rounds := flag.Int("rounds", 3, "rounds")
	cellTime := flag.Duration("time", 2*time.Second, "time of a cell that is not counted")
	only := flag.String("only", "", "comma-separated beginnings of workload names")
	dir := flag.String("dir", "", "folder for volumes; empty: a temporary one")
	flag.Parse()

	root, err := os.MkdirTemp(*dir, "bench-")
	if err != nil {
		return err
	}
	defer func() {
		if bad := os.RemoveAll(root); bad != nil {
			fmt.Fprintln(os.Stderr, "bench: clean up:", bad)
		}
	}()
	k := keys{"benchuser", "benchsecret123"}
	var servers []*server
	for _, s := range []*server{{name: "ours", bin: *ours}, {name: "juicefs-1.4.1", bin: *theirs}} {
		s.keys, s.dir = k, filepath.Join(root, s.name)
		if err = os.MkdirAll(s.dir, 0o700); err != nil {
			return err
		}
		if s.bin, err = filepath.Abs(s.bin); err != nil {
			return err
		}
		s.meta = "sqlite3://" + filepath.Join(s.dir, "meta.db")
		servers = append(servers, s)
	}
	defer func() {
		for _, s := range servers {
			if err = s.stop(); err != nil {
				fmt.Fprintln(os.Stderr, "bench: stop:", err)
			}
		}
	}()
	fmt.Printf("machine: %d CPUs, %s, %s; load %s", runtime.NumCPU(), runtime.GOOS, runtime.Version(), loadAverage())
	if err = startAll(servers); err != nil {
		return err
	}
	b, err := newBench(*cellTime)
	if err != nil {
		return err
	}
	var rows []row
	for _, w := range workloads() {
		if !match(w, *only) {
			continue
		}
		r := row{w: w, cells: map[string][]cell{}}
		for round := range *rounds {
			order := slices.Clone(servers)
			if round%2 == 1 {
				slices.Reverse(order)
			}
			for _, s := range order {
				c, err := b.run(&w, s, round)
				if err != nil {
					return fmt.Errorf("%s at %d clients on %s: %w", w.name, w.clients, s.name, err)
				}
				r.cells[s.name] = append(r.cells[s.name], c)
			}
		}
		rows = append(rows, r)
		fmt.Fprintf(os.Stderr, "done: %s, %d clients\n", w.name, w.clients)
	}
	printTable(rows, servers[0].name, servers[1].name)
	fmt.Printf("\nload at the end %s", loadAverage())
	return nil
}

// startAll formats and starts each server, makes the bucket, and prints what starting cost.
func startAll(servers []*server) error {
	fmt.Println("\n| | binary MB | start ms | idle MiB |\n|---|---|---|---|")
	for _, s := range servers {
		if err := s.format(); err != nil {
			return err
		}
		if _, err := s.start(); err != nil { // the first start makes the server's own files
			return err
		}
		c := &conn{addr: s.addr}
		_, _, err := c.do(s.keys.sign(s.addr, "PUT", "/"+bucket, "", nil, sum(nil), nil, http.StatusOK), false)
		c.close()
		if err != nil {
			return fmt.Errorf("%s: make bucket: %w", s.name, err)
		}
		if err = s.stop(); err != nil {
			return err
		}
		took, err := s.start()
		if err != nil {
			return err
		}
		time.Sleep(3 * time.Second) // until the memory of the start is returned
		u, err := s.usage()
		if err != nil {
			return err
		}
		info, err := os.Stat(s.bin)
		if err != nil {
			return err
		}
		fmt.Printf("| %s | %.0f | %d | %d |\n", s.name, float64(info.Size())/1e6, took.Milliseconds(), u.rss>>20)
	}
	return nil
}

func loadAverage() string {
	b, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown\n"
	}
	return string(b)
}
