package s3

import (
	"context"
	"io"
	"net/http"
	"strings"
	"time"
)

// The service that tells a machine of AWS about itself, and the keys of its role.
const (
	machineHost = "169.254.169.254"
	machinePath = "/latest/meta-data/"
	tokenPath   = "/latest/api/token"

	tokenWait = time.Second // a machine that lets no container ask for tokens lets such a request die on its way
	tokenLife = "60"        // seconds; a token is for one request
	mostToken = 1 << 10     // bytes
)

// roleClient is for the keys of roles.
func roleClient() *http.Client {
	direct := &http.Transport{DisableKeepAlives: true} // no proxy has this address
	return &http.Client{Timeout: roleTimeout, Transport: &roleTransport{machine: direct, others: http.DefaultTransport}}
}

// roleTransport gives requests to the machine's own service the token that most machines ask for, which the library does not know of.
// What does not give tokens is asked without.
type roleTransport struct{ machine, others http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (t *roleTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Host != machineHost {
		return t.others.RoundTrip(r)
	}
	if strings.HasPrefix(r.URL.Path, machinePath) {
		if token := t.token(r); token != "" {
			r = r.Clone(r.Context())
			r.Header.Set("X-Aws-Ec2-Metadata-Token", token)
		}
	}
	return t.machine.RoundTrip(r)
}

// token asks for a token for r; empty: there is none to be had.
func (t *roleTransport) token(r *http.Request) string {
	ctx, cancel := context.WithTimeout(r.Context(), tokenWait)
	defer cancel()
	ask, err := http.NewRequestWithContext(ctx, http.MethodPut, r.URL.Scheme+"://"+machineHost+tokenPath, http.NoBody)
	if err != nil {
		return ""
	}
	ask.Header.Set("X-Aws-Ec2-Metadata-Token-Ttl-Seconds", tokenLife)
	resp, err := t.machine.RoundTrip(ask)
	if err != nil {
		return ""
	}
	defer func() { _ = resp.Body.Close() }() // it was only read
	b, err := io.ReadAll(io.LimitReader(resp.Body, mostToken))
	if err != nil || resp.StatusCode != http.StatusOK {
		return ""
	}
	return string(b)
}
