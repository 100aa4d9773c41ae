package main

import (
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"juicefs/pkg/meter"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// benchKeys are the credentials of all servers.
var benchKeys = keys{"benchuser", "benchsecret123"}

// options are those of the command line.
type options struct {
	ours, theirs, floor string
	rounds              int
	cellTime            time.Duration
	only                string
}

func run() error {
	var o options
	flag.StringVar(&o.ours, "ours", "bin/juicefs", "our binary")
	flag.StringVar(&o.theirs, "theirs", "bin/tools/juicefs", "the real JuiceFS")
	flag.StringVar(&o.floor, "floor", "bin/floor", "the S3 server without us; empty: not measured")
	flag.IntVar(&o.rounds, "rounds", 3, "rounds")
	flag.DurationVar(&o.cellTime, "time", time.Second, "time of a cell that is not counted")
	flag.StringVar(&o.only, "only", "", "comma-separated beginnings of workload names")
	engines := flag.String("engine", "redis,sqlite", "comma-separated metadata engines")
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
	fmt.Printf("machine: %d CPUs, %s, %s; load %s", runtime.NumCPU(), runtime.GOOS, runtime.Version(), loadAverage())
	for i, engine := range strings.Split(*engines, ",") {
		if !o.wanted() {
			break
		}
		if err := o.bench(filepath.Join(root, engine), engine, i == 0); err != nil {
			return fmt.Errorf("%s: %w", engine, err)
		}
	}
	if err := o.front(filepath.Join(root, "front")); err != nil {
		return fmt.Errorf("front: %w", err)
	}
	if err := o.trailers(filepath.Join(root, "trailers")); err != nil {
		return fmt.Errorf("trailers: %w", err)
	}
	return nil
}

// wanted reports whether a row of the engines is to be measured.
func (o *options) wanted() bool {
	return slices.ContainsFunc(workloads(), func(w workload) bool { return match(w, o.only) })
}

// bench measures on one engine. Rows about data alone run on the first.
func (o *options) bench(dir, engine string, first bool) (err error) {
	servers, stop, err := o.servers(dir, engine)
	defer func() { err = errors.Join(err, stop()) }()
	if err != nil {
		return err
	}
	fmt.Printf("\n## %s\n", engine)
	if err = startAll(servers); err != nil {
		return err
	}
	b, err := newBench(o.cellTime)
	if err != nil {
		return err
	}
	var rows []row
	for _, w := range workloads() {
		if !match(w, o.only) || w.data && !first || w.delay > 0 && servers[0].proxy == nil {
			continue
		}
		if servers[0].proxy == nil {
			w = w.embedded()
		}
		r := row{w: w, cells: map[string][]cell{}}
		for round := range o.rounds {
			if err := b.round(&r, servers, round); err != nil {
				return err
			}
		}
		rows = append(rows, r)
		fmt.Fprintf(os.Stderr, "done: %s, %d clients\n", w.name, w.clients)
		if w.cleans {
			if err := settle(servers); err != nil {
				return err
			}
		}
	}
	printTable(rows, servers[0].name, servers[1].name)
	fmt.Printf("\nload at the end %s", loadAverage())
	return nil
}

// round runs a row's cell on each server, in an order that turns with the rounds.
func (b *bench) round(r *row, servers []*server, round int) error {
	order := slices.Clone(servers)
	if round%2 == 1 {
		slices.Reverse(order)
	}
	for _, s := range order {
		if s.meta == "" && !r.w.floor {
			continue
		}
		if s.proxy != nil {
			if err := s.setDelay(r.w.delay); err != nil {
				return err
			}
		}
		c, err := b.run(&r.w, s, round)
		if err != nil {
			return fmt.Errorf("%s at %d clients on %s: %w", r.w.name, r.w.clients, s.name, err)
		}
		r.cells[s.name] = append(r.cells[s.name], c)
	}
	return nil
}

// servers makes the programs under test, and what they need. stop ends all; it is never nil.
func (o *options) servers(dir, engine string) (servers []*server, stop func() error, err error) {
	var ends []func() error
	stop = func() error {
		var all []error
		for _, end := range slices.Backward(ends) {
			all = append(all, end())
		}
		return errors.Join(all...)
	}
	if err = os.MkdirAll(dir, 0o700); err != nil {
		return nil, stop, err
	}
	var redis *redisServer
	switch engine {
	case "redis":
		if redis, err = startRedis(dir); err != nil {
			return nil, stop, err
		}
		ends = append(ends, func() error { redis.stop(); return nil })
	case "sqlite":
	default:
		return nil, stop, fmt.Errorf("no such engine; there are redis and sqlite")
	}
	for i, s := range []*server{{name: "ours", bin: o.ours}, {name: "juicefs-1.4.1", bin: o.theirs}, {name: "floor", bin: o.floor}} {
		if s.bin == "" {
			continue
		}
		s.keys, s.dir, s.engine = benchKeys, filepath.Join(dir, s.name), redis
		if err = os.MkdirAll(s.dir, 0o700); err != nil {
			return nil, stop, err
		}
		if s.bin, err = filepath.Abs(s.bin); err != nil {
			return nil, stop, err
		}
		switch {
		case s.name == "floor":
		case redis == nil:
			s.meta = "sqlite3://" + filepath.Join(s.dir, "meta.db")
		default:
			if s.proxy, err = meter.Start("tcp", redis.addr); err != nil {
				return nil, stop, err
			}
			ends = append(ends, s.proxy.Close)
			s.meta, s.far = redis.url(redis.addr, i+1), redis.url(s.proxy.Addr(), i+1)
		}
		if i == 1 {
			s.filling = &server{name: "filler", bin: servers[0].bin, dir: filepath.Join(dir, "filler"), meta: s.meta, keys: benchKeys}
			if err = os.MkdirAll(s.filling.dir, 0o700); err != nil {
				return nil, stop, err
			}
		}
		servers = append(servers, s)
		ends = append(ends, s.stop)
	}
	return servers, stop, nil
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
		if s.meta == "" { // it keeps nothing over a restart
			if err := s.makeBucket(); err != nil {
				return err
			}
			continue
		}
		if err := s.makeBucket(); err != nil {
			return err
		}
		if err := s.stop(); err != nil {
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

func (s *server) makeBucket() error {
	c := &conn{addr: s.addr}
	defer c.close()
	if _, _, err := c.do(s.keys.sign(s.addr, "PUT", "/"+bucket, "", nil, sum(nil), nil, http.StatusOK), false); err != nil {
		return fmt.Errorf("%s: make bucket: %w", s.name, err)
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
