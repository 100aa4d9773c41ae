package security

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"juicefs/pkg/tests/oracle"
)

// replies sends bytes over a connection and returns the status of each reply, until the connection ends or nothing comes
// for a while.
func replies(t *testing.T, g *oracle.Gateway, text string) (all []int) {
	t.Helper()
	c, err := new(net.Dialer).DialContext(t.Context(), "tcp", g.Addr)
	must(t, err)
	defer func() { _ = c.Close() }() // nothing comes any more
	_, err = io.WriteString(c, strings.ReplaceAll(text, "\n", "\r\n"))
	must(t, err)
	r := bufio.NewReader(c)
	for {
		must(t, c.SetReadDeadline(time.Now().Add(5*time.Second)))
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			return all
		}
		_, _ = io.Copy(io.Discard, resp.Body) // a cut one is a reply, too
		must(t, resp.Body.Close())
		all = append(all, resp.StatusCode)
	}
}

// TestRequestsInRequests: a request that ends elsewhere for a proxy than for the gateway hides another one, which the proxy
// takes for somebody else's. Where the length is said twice the connection has to end with the first reply.
func TestRequestsInRequests(t *testing.T) {
	t.Parallel()
	const hidden = "GET /minio/health/live HTTP/1.1\nHost: x\n\n"
	try(t, many, []attack{{"a length beside chunks", func(s *side) bool {
		text := fmt.Sprintf("PUT /b/k HTTP/1.1\nHost: x\nContent-Length: %d\nTransfer-Encoding: chunked\n\n0\n\n", len(hidden)+5)
		return len(replies(s.t, s.g, text+hidden)) > 1
	}}})
	s := ours(t, many)
	for name, c := range map[string]struct {
		text string
		want string
	}{
		"two lengths":         {"PUT /b/k HTTP/1.1\nHost: x\nContent-Length: 5\nContent-Length: 6\n\n", "[400]"},
		"a length with signs": {"PUT /b/k HTTP/1.1\nHost: x\nContent-Length: +5\n\n", "[400]"},
		"unknown coding":      {"PUT /b/k HTTP/1.1\nHost: x\nTransfer-Encoding: xchunked\n\n", "[501]"},
		"two codings":         {"PUT /b/k HTTP/1.1\nHost: x\nTransfer-Encoding: chunked, identity\n\n0\n\n", "[501]"},
		"a space in a name":   {"PUT /b/k HTTP/1.1\nHost: x\nTransfer-Encoding : chunked\n\n0\n\n", "[400]"},
		"no host":             {"GET /b/k HTTP/1.1\n\n", "[400]"},
		"a zero in the path":  {"GET /b/k\x00 HTTP/1.1\nHost: x\n\n", "[400]"},
		"a tunnel":            {"CONNECT other:443 HTTP/1.1\nHost: other\n\n", "[405]"},
		"two good ones":       {hidden + hidden, "[200 200]"},
	} {
		if got := fmt.Sprint(replies(t, s.g, c.text+hidden)); !strings.HasPrefix(got, strings.TrimSuffix(c.want, "]")) ||
			c.want != "[200 200]" && c.want != "[405]" && got != c.want {
			t.Errorf("%s: got %s, want %s", name, got, c.want)
		}
	}
}
