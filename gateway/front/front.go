// Package front has the HTTP handlers that run before those of the S3 server: what S3 asks of a server today and the
// server, of 2021, does not know. It sees requests and replies, never the volume behind them; what it must know from
// there comes through the context of the request (marks in it are read by the layer below the server) or through small
// interfaces declared here.
//
// Read Front.Wrap for the order, then one file a member: drain.go counts running requests and turns new ones away at the
// end, probe.go answers the start-up check, mark.go marks requests from outside, failure.go lets a failed DELETE be one.
package front

import (
	"net/http"
	"strings"
)

// Front is the chain. It is made once for a server; its methods may be called from several goroutines at once.
type Front struct {
	drain drain
	probe probe
}

// New returns a Front that waits for Open.
func New() *Front {
	return &Front{drain: newDrain(), probe: newProbe()}
}

// Wrap returns a handler that runs the members of the chain and then next.
func (f *Front) Wrap(next http.Handler) http.Handler {
	h := failing(next)
	h = marking(h)
	h = f.drain.wrap(h)
	return f.probe.wrap(h)
}

// adminPath reports whether a request is for the server's own management, which works on the server's settings with the
// context of its request.
func adminPath(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/minio/admin/") }
