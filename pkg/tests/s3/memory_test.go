package s3

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"sync"
	"testing"
)

const mib = 1 << 20

// TestMemory: many large objects at once stream through a buffer of the default size, up and down; no object is ever held in
// memory, nor as many of them as the buffer has no room for.
func TestMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("writes 4 GiB")
	}
	const clients, size, most = 16, 256 * mib, (300 + 200) * mib
	g := serve(t, everything...)
	c := use(t, g)
	for _, method := range []string{http.MethodPut, http.MethodGet} {
		var wg sync.WaitGroup
		for n := range clients {
			wg.Go(func() {
				if err := large(t.Context(), method, fmt.Sprintf("%s/%s/%d", g.URL(), c.bucket, n), byte(n), size); err != nil {
					t.Errorf("%s %d: %v", method, n, err)
				}
			})
		}
		wg.Wait()
		peak := peakOf(t, g.PID())
		t.Logf("%s: %d MiB at most", method, peak/mib)
		if peak > most {
			t.Errorf("%s: %d MiB, want at most %d", method, peak/mib, most/mib)
		}
	}
}

// large sends or gets an object of bytes that the salt tells.
func large(ctx context.Context, method, url string, salt byte, size int64) error {
	data := io.LimitReader(&wheel{data: noise(1*mib + 1), at: int(salt)}, size)
	body := data
	if method == http.MethodGet {
		body = nil
	}
	req, err := http.NewRequestWithContext(ctx, method, url, body)
	if err != nil {
		return err
	}
	if body != nil {
		req.ContentLength = size
	}
	resp, err := http.DefaultClient.Do(sign(req))
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return errors.Join(errors.New(resp.Status), resp.Body.Close())
	}
	if method == http.MethodGet {
		err = alike(resp.Body, data)
	}
	return errors.Join(err, resp.Body.Close())
}

// wheel gives the same bytes again and again, which costs less than new ones. Their number divides no block.
type wheel struct {
	data []byte
	at   int
}

func (w *wheel) Read(p []byte) (int, error) {
	n := copy(p, w.data[w.at:])
	w.at = (w.at + n) % len(w.data)
	return n, nil
}

// alike compares two streams.
func alike(a, b io.Reader) error {
	const piece = 1 * mib
	x, y := make([]byte, piece), make([]byte, piece)
	for {
		n, err := io.ReadFull(a, x)
		m, _ := io.ReadFull(b, y) // compared below
		switch {
		case !bytes.Equal(x[:n], y[:m]):
			return errors.New("other bytes than were put")
		case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
			return nil
		case err != nil:
			return err
		}
	}
}

// peakOf is the most resident memory that a process has had, in bytes.
func peakOf(t *testing.T, pid int) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
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
	return peak << 10
}
