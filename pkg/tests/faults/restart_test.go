package faults

import (
	"fmt"
	"regexp"
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

// The server takes its time to load its data, and says so to whoever asks.
func TestServerIsLoading(t *testing.T) {
	t.Parallel()
	// Half a millisecond a key, and a look at the clients after each kilobyte.
	w := newWorld(t, append(durable, "--key-load-delay", "500", "--loading-process-events-interval-bytes", "1024", "--aof-use-rdb-preamble", "yes")...)
	for i := range 2000 {
		w.redis.Do(t, "SET", fmt.Sprint("of-another-application-", i), "x")
	}
	w.redis.Do(t, "BGREWRITEAOF")
	oracle.Poll(t, healTime, func() error {
		if info := fmt.Sprint(w.redis.Do(t, "INFO", "persistence")); !rewritten.MatchString(info) {
			return fmt.Errorf("not rewritten: %s", info)
		}
		return nil
	})
	loading := 0
	w.fault(func(*load) {
		w.redis.Kill(t)
		w.redis.Restart(t)
		loading = w.refused(w.redis, "LOADING")
	})
	if loading == 0 {
		t.Error("the server never said that it is loading")
	}
}
