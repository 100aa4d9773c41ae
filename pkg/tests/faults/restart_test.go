package faults

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"juicefs/pkg/tests/oracle"
)

// fault is what all tests with a load share: a load before, during and after the fault, and what must hold in the end.
func (w *world) fault(during func(l *load)) {
	w.t.Helper()
	l := newLoad(w)
	l.begin()
	l.goesOn(200)
	l.end()
	before := w.calm()

	l.begin()
	during(l)
	l.goesOn(200)
	l.end()
	w.t.Logf("%d operations succeeded, %d were refused", l.acked.Load(), l.refused.Load())
	l.check()
	w.leaks(before)
	w.settle(l.refused.Load())
	w.judge()
}

// durable are the arguments of a server that has on disk what it acknowledged.
var durable = []string{"--appendonly", "yes", "--appendfsync", "always"}

// The server is killed and comes back, again and again, while clients work.
func TestServerIsRestartedUnderLoad(t *testing.T) {
	t.Parallel()
	w := newWorld(t, durable...)
	w.fault(func(l *load) {
		for range 4 {
			w.redis.Kill(t)
			w.redis.Restart(t)
			l.goesOn(50)
		}
	})
}

// rewritten finds that the file of what was acknowledged has been written anew.
var rewritten = regexp.MustCompile(`aof_rewrite_in_progress:0[\s\S]*aof_rewrite_scheduled:0[\s\S]*aof_last_bgrewrite_status:ok`)

// slow are the arguments of a durable server that takes 20 ms to load a key, and looks at its clients after each kilobyte.
var slow = append(slices.Clone(durable), "--key-load-delay", "20000", "--loading-process-events-interval-bytes", "1024", "--aof-use-rdb-preamble", "yes")

// fill gives the server so many keys of another application that it loads them for longer than anybody waits.
func (w *world) fill() {
	w.t.Helper()
	w.redis.Do(w.t, "EVAL", "for i = 1, 5000 do redis.call('SET', 'of-another-application-' .. i, 'x') end return 1", "0")
	w.redis.Do(w.t, "BGREWRITEAOF")
	oracle.Poll(w.t, healTime, func() error {
		if info := fmt.Sprint(w.redis.Do(w.t, "INFO", "persistence")); !rewritten.MatchString(info) {
			return fmt.Errorf("not rewritten: %s", info)
		}
		return nil
	})
}

// load lets the server, which is slow, load the rest at once. It must have told somebody by now that it is loading.
func (w *world) load() {
	w.t.Helper()
	oracle.Poll(w.t, healTime, func() error {
		if w.refused(w.redis, "LOADING") == 0 {
			return errors.New("the server has told nobody that it is loading")
		}
		return nil
	})
	w.redis.Do(w.t, "CONFIG", "SET", "key-load-delay", "0")
	oracle.Poll(w.t, healTime, func() error {
		if info := fmt.Sprint(w.redis.Do(w.t, "INFO", "persistence")); !strings.Contains(info, "\r\nloading:0") {
			return fmt.Errorf("still loading: %s", info)
		}
		return nil
	})
}

// The server takes its time to load its data, and says so to whoever asks.
func TestServerIsLoading(t *testing.T) {
	t.Parallel()
	w := newWorld(t, slow...)
	w.fill()
	w.fault(func(*load) {
		w.redis.Kill(t)
		w.redis.Restart(t)
		w.load()
	})
}

// The server loads its data for longer than anybody waits.
func TestServerKeepsLoading(t *testing.T) {
	t.Parallel()
	w := newWorld(t, slow...)
	w.fill()
	w.outage(func() {
		w.redis.Kill(t)
		w.redis.Restart(t)
	}, w.load, none)
}
