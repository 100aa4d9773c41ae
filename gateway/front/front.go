// Package front has the HTTP handlers that run before those of the S3 server: what S3 asks of a server today and the
// server, of 2021, does not know. It sees requests and replies, never the volume behind them; what it must know from
// there comes through the context of the request (marks in it are read by the layer below the server) or through small
// interfaces declared here.
//
// Front.Wrap has the order of the members; most are a file each. request.go has what the front and the layer below the
// server tell each other, reply.go the writer by which members change replies, server.go what the front asks of the server.
package front

import (
	"net/http"
)

// Front is the chain. It is made once for a server; its methods may be called from several goroutines at once.
type Front struct {
	o     Options
	drain drain
	probe probe
}

// New returns a Front that waits for Open.
func New(o Options) *Front {
	return &Front{o: o, drain: newDrain(), probe: newProbe()}
}

// member is a part of the chain: it returns a handler that does its part and then calls the next.
type member = func(next http.Handler) http.Handler

// Wrap returns a handler that runs the members of the chain and then next.
func (f *Front) Wrap(next http.Handler) http.Handler {
	members := []member{ // outermost first
		f.probe.wrap, // the start-up check
		f.drain.wrap, // running requests are counted, new ones turned away at the end
		marking,      // what is known of the request, for the layer
		replying,     // the writer of the reply
		failing,      // a DELETE that failed
		allowing,     // what is not there is turned down
		listing,      // pages of listings
		f.adjusting,  // what the server minds and AWS does not is taken out; after bodies are decoded
	}
	h := next
	for i := len(members) - 1; i >= 0; i-- {
		h = members[i](h)
	}
	return h
}
