package oracle

import (
	"strings"
	"testing"
)

// Client is a MinIO command line client that knows gateways by an alias each.
type Client struct {
	Name string // for messages
	path string
	env  []string
}

// MC returns the newest MinIO client with an alias for each gateway.
func MC(t testing.TB, aliases map[string]*Gateway) *Client {
	t.Helper()
	return newClient("mc", tool(t, "JUICEFS_MC", "mc"), aliases)
}

// MC2021 returns the MinIO client of 2021-04-22, the one that users of JuiceFS are told to take, with an alias for each gateway.
func MC2021(t testing.TB, aliases map[string]*Gateway) *Client {
	t.Helper()
	return newClient("mc of 2021", tool(t, "JUICEFS_MC2021", "mc2021"), aliases)
}

func newClient(name, path string, aliases map[string]*Gateway) *Client {
	c := &Client{Name: name, path: path}
	for alias, g := range aliases {
		scheme, address, _ := strings.Cut(g.URL(), "://")
		c.env = append(c.env, "MC_HOST_"+alias+"="+scheme+"://"+User+":"+Password+"@"+address)
		if g.TLS != nil {
			c.env = append(c.env, "SSL_CERT_FILE="+g.TLS.File)
		}
	}
	return c
}

// Run runs a command in a private folder, whatever it exits with. Paths of local files have to be absolute.
func (c *Client) Run(t testing.TB, args ...string) *Result {
	t.Helper()
	return run(t, c.path, t.TempDir(), c.env, append([]string{"--no-color"}, args...)...)
}

// Must is Run for commands that have to succeed.
func (c *Client) Must(t testing.TB, args ...string) *Result {
	t.Helper()
	r := c.Run(t, args...)
	if r.Code != 0 {
		t.Fatalf("%s: %s", c.Name, r)
	}
	return r
}
