// Package front has the HTTP handlers that run before those of the S3 server: what S3 asks of a server today and the
// server, of 2021, does not know. It sees requests and replies, never the volume behind them; what it must know from
// there comes through the context of the request (marks in it are read by the layer below the server) or through small
// interfaces declared here.
//
// Front has two chains. Outer stands before the server's router: it sees every request. Wrap stands behind it, where the
// bucket and the key are known, and sees the requests that the server has a handler for. Front.outer and Front.inner have
// the order of the members; most are a file each. request.go has what the front and the layer below the server tell each
// other, reply.go the writer by which members change replies, server.go what the front asks of the server.
package front

import (
	"net/http"
	"slices"
	"time"
)

// Front is both chains. It is made once for a server; its methods may be called from several goroutines at once.
type Front struct {
	o        Options
	drain    drain
	probe    probe
	limit    *limiter
	pace     pacer
	entrance *entrance
	managers managers
	cors     *corsCache
	chain    http.Handler // the inner members
	router   http.Handler // the server's; nil before Outer

	shortcuts shortcuts
}

// New returns a Front that waits for Open.
func New(o Options) *Front {
	f := &Front{o: o, drain: newDrain(), probe: newProbe(), limit: newLimiter(o.Requests), pace: pacer{o.Stall}, cors: newCORSCache(), managers: newManagers()}
	if o.LDAP == nil {
		o.LDAP = func() bool { return false }
	}
	f.entrance = newEntrance(o.LDAP, time.Now)
	f.chain = chained(f.inner(), http.HandlerFunc(routed))
	return f
}

// member is a part of a chain: it returns a handler that does its part and then calls the next.
type member = func(next http.Handler) http.Handler

// inner are the members behind the router, outermost first.
func (f *Front) inner() []member {
	return []member{
		f.probe.wrap,    // the start-up check
		f.drain.wrap,    // running requests are counted, new ones turned away at the end
		replying,        // the writer of the reply
		f.crossOrigin,   // what web pages from elsewhere may see
		f.managing,      // who may manage users
		f.entrance.wrap, // how often credentials may be asked for
		f.browsing,      // folders in the file manager
		failing,         // a DELETE that failed
		continuing,      // a client that waits for leave to send nothing
		allowing,        // what is not there is turned down
		f.bodies,        // encodings and checksums of bodies; what reads bodies comes after it
		f.extracting,    // archives, S3 Select
		f.listing,       // pages of listings
		describing,      // GetObjectAttributes
		f.settle,        // settings that a bucket cannot have
		conditional,     // conditions are taken for the layer
		xmlBodies,       // XML bodies
		f.forms,         // forms of browsers
		f.buckets,       // pages of ListBuckets
		f.adjusting,     // what the server minds and AWS does not is taken out; after bodies are decoded
		f.deleting,      // DeleteObjects; after bodies are decoded
	}
}

// outer are the members before the router, outermost first.
func (f *Front) outer() []member {
	return []member{
		marking,                           // what is known of the request, for all that follow
		branding,                          // the name of the server
		proxies(f.o.TrustedProxies).scrub, // who the client claims to be
		f.pace.wrap,                       // clients that stand still
		f.limit.wrap,                      // room for requests, shared between access keys
		f.preflight,                       // what browsers ask first
		f.signers,                         // who signed, if one did
		f.managers.wrap,                   // room for calls of management
		f.translating,                     // calls of management that are younger than the server
		unrouted,                          // what the server has no handler for
		f.straight,                        // plain requests go past the router
	}
}

// chained returns a handler that runs the members and then next.
func chained(members []member, next http.Handler) http.Handler {
	for _, m := range slices.Backward(members) {
		next = m(next)
	}
	return next
}

// Outer returns a handler that runs the members of the outer chain and then next, the server's router.
// It is to be called before the first request comes.
func (f *Front) Outer(next http.Handler) http.Handler {
	f.router = next
	return chained(f.outer(), next)
}

// Wrap returns a handler that runs the members of the inner chain and then next. The router asks for one for each request,
// so the chain is made beforehand and only its end is new.
func (f *Front) Wrap(next http.Handler) http.Handler { return route{f, next} }

// route is a handler that the router has chosen, behind the inner chain.
type route struct {
	f    *Front
	next http.Handler
}

// ServeHTTP runs the chain.
func (h route) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r, q := known(r)
	q.next = h.next
	h.f.shortcuts.learn(q, r, h.next)
	h.f.chain.ServeHTTP(w, r)
}

// routed is the end of the inner chain.
func routed(w http.ResponseWriter, r *http.Request) { Of(r.Context()).next.ServeHTTP(w, r) }
