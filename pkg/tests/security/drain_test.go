package security

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"juicefs/pkg/tests/oracle"
)

// TestAGatewayIsReplacedUnderLoad: 64 clients upload while the gateway is stopped and another one on the volume takes over.
// A client whose connection is refused goes to the other; no request fails, and what was acknowledged is there.
func TestAGatewayIsReplacedUnderLoad(t *testing.T) {
	t.Parallel()
	first := ours(t, many)
	first.bucket("bucket")
	second := &side{t, oracle.Start(t, first.g.Program, first.g.Volume, oracle.GatewayOptions{Flags: many})}
	const clients, objects = 64, 12
	var went, moved atomic.Int64
	data := bytes.Repeat([]byte("d"), 256<<10)
	upload := func(g *side, key string) error {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, g.g.URL()+"/bucket/"+key, bytes.NewReader(data))
		if err != nil {
			return err
		}
		resp, err := http.DefaultClient.Do(signed(req))
		if err != nil {
			return err
		}
		if resp.StatusCode != http.StatusOK {
			err = errors.New(resp.Status)
		}
		return errors.Join(err, resp.Body.Close())
	}
	var all sync.WaitGroup
	for c := range clients {
		all.Go(func() {
			at := first
			for k := range objects {
				key := fmt.Sprintf("c%d/%d", c, k)
				err := upload(at, key)
				if at == first && errors.Is(err, syscall.ECONNREFUSED) {
					at = second
					moved.Add(1)
					err = upload(at, key)
				}
				if err != nil {
					t.Errorf("%s: %v", key, err)
					return
				}
				went.Add(1)
			}
		})
	}
	oracle.Poll(t, time.Minute, func() error {
		if went.Load() < 2*clients {
			return errors.New("the clients have hardly begun")
		}
		return nil
	})
	if code := first.g.Signal(t, syscall.SIGTERM); code != 0 {
		t.Errorf("it ended with %d", code)
	}
	all.Wait()
	if moved.Load() == 0 {
		t.Error("nobody was served by the second: the first one ended too late to show anything")
	}
	for c := range clients {
		for k := range objects {
			if a := second.send(root, http.MethodHead, fmt.Sprintf("bucket/c%d/%d", c, k), nil); a.header.Get("Content-Length") != fmt.Sprint(len(data)) {
				t.Errorf("c%d/%d: %d %s", c, k, a.status, a.header.Get("Content-Length"))
			}
		}
	}
}
