package front

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
)

// probeHeader carries the secret of the start-up check there and back.
const probeHeader = "X-Juicefs-Probe"

// ErrBypassed is returned by Check when a request reached the server without passing through the chain.
var ErrBypassed = errors.New("requests do not pass through the front of the gateway")

// probe answers the start-up check, which tells that requests pass through this chain.
type probe struct{ secret string }

func newProbe() probe { return probe{rand.Text()} }

func (p probe) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if subtle.ConstantTimeCompare([]byte(r.Header.Get(probeHeader)), []byte(p.secret)) != 1 {
			next.ServeHTTP(w, r)
			return
		}
		w.Header().Set(probeHeader, "through")
		w.WriteHeader(http.StatusNoContent)
	})
}

// Check asks the server at base, such as "http://127.0.0.1:9000", and fails unless the request passed through this chain.
func (f *Front) Check(ctx context.Context, c *http.Client, base string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/minio/health/ready", nil)
	if err != nil {
		return fmt.Errorf("check that requests pass through the front: %w", err)
	}
	req.Header.Set(probeHeader, f.probe.secret)
	resp, err := c.Do(req)
	if err != nil {
		return fmt.Errorf("check that requests pass through the front: %w", err)
	}
	if err := resp.Body.Close(); err != nil {
		return fmt.Errorf("check that requests pass through the front: %w", err)
	}
	if resp.Header.Get(probeHeader) != "through" {
		return ErrBypassed
	}
	return nil
}
