package s3

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/minio/minio-go/v7"

	"juicefs/pkg/tests/oracle"
	"juicefs/pkg/tests/redistest"
)

// TestOneClientWins: of many clients that make a key under the condition that there is none, on two gateways of one
// volume, one wins, and the object is its.
func TestOneClientWins(t *testing.T) {
	for name, url := range map[string]func() string{
		"sqlite": func() string { return "" },
		"redis":  func() string { return redistest.Start(t).URL(1) },
	} {
		t.Run(name, func(t *testing.T) { raceForKeys(t, url()) })
	}
}

const racers, raceKeys = 64, 1000

func raceForKeys(t *testing.T, url string) {
	p := oracle.Ours(t)
	v := oracle.Format(t, p, oracle.FormatOptions{Meta: url})
	one := oracle.Start(t, p, v, oracle.GatewayOptions{Flags: everything})
	c := use(t, one)
	gateways := []*oracle.Gateway{one, oracle.Start(t, p, v, oracle.GatewayOptions{Flags: everything})}
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: racers}}
	t.Cleanup(client.CloseIdleConnections)
	var winners [raceKeys]atomic.Int32 // the number of the client, from 1; -1: several
	errs := make([]error, racers)
	var all sync.WaitGroup
	for n := range racers {
		all.Go(func() {
			for k := range raceKeys {
				status, err := putNew(t, client, fmt.Sprintf("%s/%s/%d", gateways[n%2].URL(), c.bucket, k), fmt.Sprint(n+1))
				switch {
				case err != nil:
					errs[n] = err
					return
				case status == http.StatusOK:
					if !winners[k].CompareAndSwap(0, int32(n+1)) {
						winners[k].Store(-1)
					}
				case status != http.StatusPreconditionFailed:
					errs[n] = fmt.Errorf("key %d: status %d", k, status)
					return
				}
			}
		})
	}
	all.Wait()
	must(t, errors.Join(errs...))
	for k := range raceKeys {
		winner := winners[k].Load()
		if winner < 1 {
			t.Errorf("key %d: winner %d", k, winner)
			continue
		}
		info, err := c.StatObject(t.Context(), c.bucket, fmt.Sprint(k), minio.StatObjectOptions{})
		must(t, err)
		if info.ETag != md5Hex([]byte(fmt.Sprint(winner))) {
			t.Errorf("key %d is not the winner's", k)
		}
	}
}

func putNew(t *testing.T, client *http.Client, url, data string) (int, error) {
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, url, strings.NewReader(data))
	if err != nil {
		return 0, err
	}
	req.Header.Set("If-None-Match", "*")
	resp, err := client.Do(sign(req))
	if err != nil {
		return 0, err
	}
	return resp.StatusCode, resp.Body.Close()
}
