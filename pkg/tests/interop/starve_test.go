package interop

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"

	"juicefs/pkg/tests/oracle"
)

// A gateway of the original on Redis watches the whole directory that it changes, for several turnarounds: whoever commits to that
// directory in the meantime makes it start over, and it gives up after fifty times. So ours has to leave it room. With clients
// busy at both in one directory, the original keeps at least half of its own rate, and none of its uploads fails:
//
//   - of the six transactions or so that an upload takes, it starts over few more beside ours than alone. This is a count, and tells
//     room from none however busy the machine is: for each client it was 0.03 to 0.13 more, and beside a gateway of ours that leaves no
//     room 0.22 to 0.52 with two and four clients;
//   - its rate is at least half of what it is while ours works as hard in another directory, where neither can hold the other up. Both
//     share the processors there too, which with many clients, or on a busy machine, is most of what ours costs it;
//   - where the processors have room, so that ours in another directory costs it little, its rate is at least half of what it is while
//     ours is idle.
//
// All of this is over as many windows as it takes: one that was unlucky does not count, and one that is starved stays so.
func TestTheOriginalIsNotStarved(t *testing.T) {
	v := redis.format(t, oracle.Real(t), oracle.FormatOptions{TrashDays: 1})
	l := single
	l.flags = []string{"--metrics", oracle.FreeAddr(t)}
	theirs, ours := start(t, oracle.Real(t), v, l), start(t, oracle.Ours(t), v, single)
	for _, clients := range []int{2, 4, 8} {
		var alone, apart, beside share
		starved := func() bool { return 2*beside.uploads < apart.uploads }
		slowed := func() bool { return 10*apart.uploads > 7*alone.uploads && 2*beside.uploads < alone.uploads }
		crowded := func() bool { return beside.again()-alone.again() > mostAgain*float64(clients) }
		for round := 0; round < 4 || round < 12 && (starved() || slowed() || crowded()); round++ {
			// In turn, so that what else the machine does meets all three.
			alone.add(t, theirs, l.flags[1], clients, nil)
			apart.add(t, theirs, l.flags[1], clients, func() { load(t, ours, clients, "elsewhere") })
			beside.add(t, theirs, l.flags[1], clients, func() { load(t, ours, clients, hot) })
		}
		t.Logf("%d clients each: the original alone: %s; ours in another directory: %s; ours in the same: %s", clients, &alone, &apart, &beside)
		if crowded() {
			t.Errorf("%d clients each: for an upload beside ours the original starts %.2f transactions over, and %.2f alone", clients, beside.again(), alone.again())
		}
		if starved() {
			t.Errorf("%d clients each: %d uploads of the original while ours is in the same directory, %d while it is in another", clients, beside.uploads, apart.uploads)
		}
		if slowed() {
			t.Errorf("%d clients each: %d uploads of the original beside ours, %d alone", clients, beside.uploads, alone.uploads)
		}
	}
	ours.Stop(t)
	theirs.Stop(t)
	oracle.Judge(t, v)
}

const (
	hot = "hot" // the directory that all fight over

	mostAgain = 0.18 // transactions of an upload that the original starts over for each client of ours
)

// share is what the original got done, and what it did for it.
type share struct {
	uploads                int64
	transactions, restarts float64
}

// add lets the original work for a while, beside something else if that is not nil.
func (s *share) add(t *testing.T, theirs *oracle.Gateway, metrics string, clients int, beside func()) {
	t.Helper()
	transactions, restarts := transactionsOf(t, metrics)
	var wg sync.WaitGroup
	if beside != nil {
		wg.Go(beside)
	}
	s.uploads += load(t, theirs, clients, hot)
	wg.Wait()
	after, again := transactionsOf(t, metrics)
	s.transactions += after - transactions
	s.restarts += again - restarts
}

// again is the number of transactions of an upload that were started over.
func (s *share) again() float64 { return s.restarts / float64(max(s.uploads, 1)) }

// String is for the log.
func (s *share) String() string {
	return fmt.Sprintf("%d uploads, each of %.2f transactions, of which it started %.2f over", s.uploads, s.transactions/float64(max(s.uploads, 1)), s.again())
}

// Metrics of the original: transactions, and how often one was started over.
var (
	transactionCount = regexp.MustCompile(`(?m)^juicefs_transaction_durations_histogram_seconds_count\{.*\} (\S+)$`)
	transactionAgain = regexp.MustCompile(`(?m)^juicefs_transaction_restart\{.*\} (\S+)$`) // by method, of which none shows before its first
)

// transactionsOf reads the original's metrics.
func transactionsOf(t *testing.T, addr string) (transactions, restarts float64) {
	t.Helper()
	resp, err := http.Get("http://" + addr + "/metrics") //nolint:noctx // local
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close() // read to its end
	if err != nil {
		t.Fatal(err)
	}
	sum := func(re *regexp.Regexp) (sum float64) {
		t.Helper()
		for _, m := range re.FindAllSubmatch(text, -1) {
			n, err := strconv.ParseFloat(string(m[1]), 64)
			if err != nil {
				t.Fatal(err)
			}
			sum += n
		}
		return sum
	}
	if transactions = sum(transactionCount); transactions == 0 {
		t.Fatalf("the original counts no transactions:\n%s", text)
	}
	return transactions, sum(transactionAgain)
}

var loads atomic.Int64 // so that every load has keys of its own

// load puts small objects into one directory for some time and returns how many there were.
func load(t *testing.T, g *oracle.Gateway, clients int, dir string) int64 {
	t.Helper()
	number, stop := loads.Add(1), after(700*time.Millisecond)
	data := content("load", 4*kib)
	var n atomic.Int64
	var wg sync.WaitGroup
	for i := range clients {
		s3 := g.Core(t)
		wg.Go(func() {
			for k := 0; !over(stop); k++ {
				key := fmt.Sprintf("%s/%d-%d-%d", dir, number, i, k)
				if _, err := s3.PutObject(t.Context(), g.Volume.Name, key, bytes.NewReader(data), int64(len(data)), "", "", minio.PutObjectOptions{}); err != nil {
					t.Errorf("%s: put %s: %v", g.Program.Name, key, err)
					return
				}
				n.Add(1)
			}
		})
	}
	wg.Wait()
	return n.Load()
}
