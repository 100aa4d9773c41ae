package s3

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/signer"

	"juicefs/pkg/tests/oracle"
)

// wrecked is a body that is broken on its way.
type wrecked struct {
	io.ReadCloser
	at   int64 // of the byte that is changed; below 0: none is
	cut  bool  // the client goes away there instead
	sent atomic.Int64
}

var errHungUp = errors.New("the client has hung up")

// Read implements io.Reader.
func (b *wrecked) Read(p []byte) (int, error) {
	pos := b.sent.Load()
	n, err := b.ReadCloser.Read(p)
	if k := b.at - pos; k >= 0 && k < int64(n) {
		if b.cut {
			return int(k), errHungUp
		}
		p[k] ^= 1
	}
	b.sent.Add(int64(n))
	return n, err
}

// putChunks sends data in chunks that are signed one by one, as b leaves them.
func (c *client) putChunks(pathAndQuery string, data []byte, b *wrecked) (*reply, error) {
	c.t.Helper()
	req, err := http.NewRequestWithContext(c.t.Context(), http.MethodPut, c.g.URL()+"/"+c.bucket+"/"+pathAndQuery, io.NopCloser(bytes.NewReader(data)))
	must(c.t, err)
	req = signer.StreamingSignV4(req, oracle.User, oracle.Password, "", oracle.Region, int64(len(data)), time.Now().UTC())
	b.ReadCloser = req.Body
	req.Body, req.Close = b, true
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(resp.Body)
	must(c.t, errors.Join(err, resp.Body.Close()))
	return &reply{status: resp.StatusCode, header: resp.Header, body: text}, nil
}

// TestBrokenChunksLeaveNothing: a client signs large bodies chunk by chunk, and something breaks them on their way, or the client
// goes away. Nothing of them is stored, nobody waits for them, and a body that begins wrong is not read to its end.
func TestBrokenChunksLeaveNothing(t *testing.T) {
	t.Parallel()
	p := oracle.Ours(t)
	v, metrics := oracle.Format(t, p, oracle.FormatOptions{}), oracle.FreeAddr(t)
	g := oracle.Start(t, p, v, oracle.GatewayOptions{Flags: append([]string{"--metrics", metrics}, everything...)})
	c := use(t, g)
	const size = 96 << 20
	const sent = size + size/65536*90 + 86 // with what is around the chunks
	data := bytes.Repeat(noise(1<<20), size>>20)
	id, err := c.NewMultipartUpload(t.Context(), c.bucket, "parts", minio.PutObjectOptions{})
	must(t, err)
	before, blocks := running(t, metrics), len(v.Blocks(t))
	for _, at := range []int64{200, size / 3, size - 70_000, sent - 100} {
		for _, cut := range []bool{false, true} {
			for _, path := range []string{"k", "parts?partNumber=1&uploadId=" + id} {
				b := &wrecked{at: at, cut: cut}
				r, failed := c.putChunks(path, data, b)
				what := fmt.Sprintf("%s, byte %d, cut %v", path, at, cut)
				switch {
				case cut:
					if !errors.Is(failed, errHungUp) {
						t.Errorf("%s: got %v", what, failed)
					}
				case failed != nil && at < size/2: // the gateway has ended the connection, and the client is still sending
				case failed != nil:
					t.Errorf("%s: %v", what, failed)
				case r.status != http.StatusForbidden || r.code() != "SignatureDoesNotMatch":
					t.Errorf("%s: got %d %s", what, r.status, r.body)
				}
				if n := b.sent.Load(); at == 200 && n > size/2 {
					t.Errorf("%s: %d of %d bytes went to a gateway that could know better", what, n, int64(sent))
				}
			}
		}
	}
	c.same("stored", c.there("k"), false)
	parts, err := c.ListObjectParts(t.Context(), c.bucket, "parts", id, 0, 10)
	must(t, err)
	c.same("parts", len(parts.ObjectParts), 0)
	v.Settle(t, time.Minute)
	c.same("blocks", len(v.Blocks(t)), blocks)
	oracle.Poll(t, time.Minute, func() error {
		if n := running(t, metrics); n > before {
			return fmt.Errorf("%d goroutines, %d before", n, before)
		}
		return nil
	})
	b := &wrecked{at: -1}
	r, err := c.putChunks("k", data, b)
	must(t, err)
	c.same("status", r.status, http.StatusOK)
	c.same("bytes sent", b.sent.Load(), int64(sent))
	c.same("data", md5Hex(c.get("k")), md5Hex(data))
}

// goroutines finds their number among the metrics of a gateway.
var goroutines = regexp.MustCompile(`(?m)^\w*go_goroutines(?:\{.*\})? (\d+)$`)

// running is the number of goroutines of a gateway.
func running(t *testing.T, metrics string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+metrics+"/metrics", nil)
	must(t, err)
	req.Close = true
	resp, err := http.DefaultClient.Do(req)
	must(t, err)
	text, err := io.ReadAll(resp.Body)
	must(t, errors.Join(err, resp.Body.Close()))
	m := goroutines.FindSubmatch(text)
	if m == nil {
		t.Fatal("the metrics have no goroutines")
	}
	n, err := strconv.Atoi(string(m[1]))
	must(t, err)
	return n
}
