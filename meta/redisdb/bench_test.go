package redisdb_test

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"juicefs/meta/engine"
	"juicefs/meta/record"
	"juicefs/pkg/tests/redistest"
)

// BenchmarkPut commits what PUTs of new keys write, on a known path, from several goroutines at once.
func BenchmarkPut(b *testing.B) {
	s := redistest.Start(b)
	next := opener(s.URL)
	for _, clients := range []int{1, 8, 32} {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) {
			e := next(b)
			defer func() { _ = e.Close() }()
			plantPath(b, e)
			s.Do(b, "CONFIG", "RESETSTAT")
			var done atomic.Int64
			checks := pathChecks()
			b.ReportAllocs()
			b.ResetTimer()
			var workers sync.WaitGroup
			for range clients {
				workers.Go(func() {
					for {
						i := done.Add(1)
						if i > int64(b.N) {
							return
						}
						batch := &engine.Batch{Checks: checks, Writes: putWrites(fmt.Sprintf("n%09d", i), record.Ino(100000+i))}
						if err := e.Begin(engine.Update).Commit(b.Context(), batch); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			workers.Wait()
			_, stats, _ := strings.Cut(fmt.Sprint(s.Do(b, "INFO", "commandstats")), "cmdstat_evalsha:")
			_, stats, _ = strings.Cut(stats, "usec_per_call=")
			stats, _, _ = strings.Cut(stats, ",")
			if usec, err := strconv.ParseFloat(stats, 64); err == nil {
				b.ReportMetric(usec, "server-us/op")
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "commits/s")
		})
	}
}
