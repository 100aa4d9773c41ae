package s3

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"sync"
	"testing"
)

const mib = 1 << 20

// TestMemory: many large uploads at once stream through a bounded buffer.
func TestMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("writes 1 GiB")
	}
	const clients, size, buffer, more = 16, 64 * mib, 100 * mib, 200 * mib
	g := serve(t, append([]string{"--buffer-size", strconv.Itoa(buffer / mib)}, everything...)...)
	c := use(t, g)
	var wg sync.WaitGroup
	for n := range clients {
		wg.Go(func() {
			data := io.LimitReader(rand.NewChaCha8([32]byte{byte(n)}), size)
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, fmt.Sprintf("%s/%s/%d", g.URL(), c.bucket, n), data)
			if err != nil {
				t.Error(err)
				return
			}
			req.ContentLength = size
			resp, err := http.DefaultClient.Do(sign(req))
			if err == nil {
				err = resp.Body.Close()
				if resp.StatusCode != http.StatusOK {
					err = errors.New(resp.Status)
				}
			}
			if err != nil {
				t.Errorf("put %d: %v", n, err)
			}
		})
	}
	wg.Wait()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", g.PID()))
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("no /proc here")
	}
	must(t, err)
	m := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(status)
	if m == nil {
		t.Fatalf("no peak in %s", status)
	}
	peak, err := strconv.Atoi(string(m[1]))
	must(t, err)
	t.Logf("%d MiB at most", peak>>10)
	if peak<<10 > buffer+more {
		t.Errorf("%d MiB with a buffer of %d MiB", peak>>10, buffer/mib)
	}
}
