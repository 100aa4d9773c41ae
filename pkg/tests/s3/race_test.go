package s3

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"

	"juicefs/pkg/tests/oracle"
	"juicefs/pkg/tests/redistest"
)

const (
	racers   = 64
	raceKeys = 1000
	fewKeys  = 100 // of SQLite, which several gateways share for tests at most; all of them for the first race
)

// race is what many clients on two gateways of one volume do to the same keys, under a condition that holds for one of them.
type race struct {
	name   string
	before string // the data of each key; empty: there is none
	// try is a client's move, from 1, for a key. It returns the status.
	try func(r *runner, n int, key string) (int, error)
	won int // status of the winner, whose number is the data afterwards unless the key is removed
	// lost is the status of all others.
	lost  int
	among int // every which client takes part in a key
}

var races = []race{
	{name: "PUT of a new key", try: putNew, won: 200, lost: 412, among: 1},
	{name: "PUT in place of what is known", before: "0", try: putKnown, won: 200, lost: 412, among: 1},
	{name: "copy to a new key", try: copyNew, won: 200, lost: 412, among: 1},
	{name: "upload in parts to a new key", try: completeNew, won: 200, lost: 412, among: 8}, // three requests each
	{name: "removal of what is known", before: "0", try: removeKnown, won: 204, lost: 404, among: 1},
}

// TestOneClientWins: of many clients that change a key under the same condition, on two gateways of one volume, one wins, and
// the object is its.
func TestOneClientWins(t *testing.T) {
	t.Parallel()
	for name, url := range map[string]func(testing.TB) string{
		"sqlite": func(testing.TB) string { return "" },
		"redis":  func(t testing.TB) string { t.Helper(); return redistest.Start(t).URL(1) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := oracle.Ours(t)
			v := oracle.Format(t, p, oracle.FormatOptions{Meta: url(t)})
			one := oracle.Start(t, p, v, oracle.GatewayOptions{Flags: everything})
			two := oracle.Start(t, p, v, oracle.GatewayOptions{Flags: everything})
			for k, q := range races {
				t.Run(q.name, func(t *testing.T) {
					keys := raceKeys
					if name == "sqlite" && k > 0 {
						keys = fewKeys
					}
					r := &runner{keys: keys, c: use(t, one), urls: [2]string{one.URL(), two.URL()},
						http: &http.Client{Timeout: time.Minute, Transport: &http.Transport{MaxIdleConnsPerHost: racers}}}
					t.Cleanup(r.http.CloseIdleConnections)
					r.run(&q)
				})
			}
		})
	}
}

// runner runs a race.
type runner struct {
	keys int
	c    *client
	urls [2]string // of the gateways
	http *http.Client
}

func (r *runner) run(q *race) {
	t := r.c.t
	for n := 1; n <= racers; n++ {
		r.c.put(fmt.Sprintf("of/%d", n), fmt.Append(nil, n), minio.PutObjectOptions{})
	}
	key := func(k int) string { return fmt.Sprintf("k/%d", k) }
	for k := 0; q.before != "" && k < r.keys; k++ {
		r.c.put(key(k), []byte(q.before), minio.PutObjectOptions{})
	}
	winners := make([]atomic.Int32, r.keys) // the number of the client; -1: several
	errs := make([]error, racers)
	var all sync.WaitGroup
	for n := 1; n <= racers; n++ {
		all.Go(func() {
			for k := range r.keys {
				if (n+k)%q.among != 0 {
					continue
				}
				status, err := q.try(r, n, key(k))
				switch {
				case err != nil:
					errs[n-1] = err
					return
				case status == q.won:
					if !winners[k].CompareAndSwap(0, int32(n)) {
						winners[k].Store(-1)
					}
				case status != q.lost:
					errs[n-1] = fmt.Errorf("key %d: status %d", k, status)
					return
				}
			}
		})
	}
	all.Wait()
	must(t, errors.Join(errs...))
	for k := range r.keys {
		winner := winners[k].Load()
		if winner < 1 {
			t.Errorf("key %d: winner %d", k, winner)
			continue
		}
		switch {
		case q.won == http.StatusNoContent:
			r.c.same(key(k), r.c.there(key(k)), false)
		case string(r.c.get(key(k))) != fmt.Sprint(winner):
			t.Errorf("key %d is not the winner's", k)
		}
	}
}

// send sends a request of a client, by its gateway, and returns the status and the body.
func (r *runner) send(n int, method, key, body string, headers ...string) (int, string, http.Header, error) {
	req, err := http.NewRequestWithContext(r.c.t.Context(), method, r.urls[n%2]+"/"+r.c.bucket+"/"+key, strings.NewReader(body))
	if err != nil {
		return 0, "", nil, err
	}
	for k := 0; k < len(headers); k += 2 {
		req.Header.Set(headers[k], headers[k+1])
	}
	resp, err := r.http.Do(sign(req))
	if err != nil {
		return 0, "", nil, err
	}
	b, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b), resp.Header, errors.Join(err, resp.Body.Close())
}

func putNew(r *runner, n int, key string) (int, error) {
	status, _, _, err := r.send(n, http.MethodPut, key, fmt.Sprint(n), "If-None-Match", "*")
	return status, err
}

func putKnown(r *runner, n int, key string) (int, error) {
	status, _, _, err := r.send(n, http.MethodPut, key, fmt.Sprint(n), "If-Match", `"`+md5Hex([]byte("0"))+`"`)
	return status, err
}

func copyNew(r *runner, n int, key string) (int, error) {
	status, _, _, err := r.send(n, http.MethodPut, key, "", "If-None-Match", "*", "X-Amz-Copy-Source", fmt.Sprintf("%s/of/%d", r.c.bucket, n))
	return status, err
}

func completeNew(r *runner, n int, key string) (int, error) {
	status, body, _, err := r.send(n, http.MethodPost, key+"?uploads", "")
	if err != nil || status != http.StatusOK {
		return status, err
	}
	id := between(body, "<UploadId>", "</UploadId>")[0]
	status, _, h, err := r.send(n, http.MethodPut, key+"?partNumber=1&uploadId="+id, fmt.Sprint(n))
	if err != nil || status != http.StatusOK {
		return -status, err
	}
	status, body, _, err = r.send(n, http.MethodPost, key+"?uploadId="+id,
		"<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>"+h.Get("ETag")+"</ETag></Part></CompleteMultipartUpload>", "If-None-Match", "*")
	if status == http.StatusOK && !strings.Contains(body, "<CompleteMultipartUploadResult") {
		return -status, err // an error after the header
	}
	return status, err
}

func removeKnown(r *runner, n int, key string) (int, error) {
	status, _, _, err := r.send(n, http.MethodDelete, key, "", "If-Match", `"`+md5Hex([]byte("0"))+`"`)
	return status, err
}

// TestPutsBesideDeletesElsewhere: a PUT into a directory whose last object another gateway is removing succeeds, and
// the object is there; no directory is left in the end.
func TestPutsBesideDeletesElsewhere(t *testing.T) {
	t.Parallel()
	for name, url := range map[string]func(testing.TB) string{
		"sqlite": func(testing.TB) string { return "" },
		"redis":  func(t testing.TB) string { t.Helper(); return redistest.Start(t).URL(1) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := oracle.Ours(t)
			v := oracle.Format(t, p, oracle.FormatOptions{Meta: url(t)})
			c := use(t, oracle.Start(t, p, v, oracle.GatewayOptions{Flags: everything}))
			cores := [2]*minio.Core{c.Core, oracle.Start(t, p, v, oracle.GatewayOptions{Flags: everything}).Core(t)}
			var wg sync.WaitGroup
			for w := range 8 {
				core := cores[w%2]
				wg.Go(func() {
					for round := range 100 {
						key, data := fmt.Sprintf("shared/deep/dir/%d", w), fmt.Append(nil, w, round)
						if _, err := core.PutObject(t.Context(), c.bucket, key, bytes.NewReader(data), int64(len(data)), "", "", minio.PutObjectOptions{}); err != nil {
							t.Errorf("put: %v", err)
							continue
						}
						info, err := cores[(w+1)%2].StatObject(t.Context(), c.bucket, key, minio.StatObjectOptions{})
						if err != nil || info.ETag != md5Hex(data) {
							t.Errorf("seen by the other gateway: %q, %v", info.ETag, err)
						}
						if err = core.RemoveObject(t.Context(), c.bucket, key, minio.RemoveObjectOptions{}); err != nil {
							t.Errorf("delete: %v", err)
						}
					}
				})
			}
			wg.Wait()
			c.same("listing", c.keys("", "/"), "")
			must(t, c.RemoveBucket(t.Context(), c.bucket))
		})
	}
}
