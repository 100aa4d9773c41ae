package front

import (
	"net/http"
	"net/netip"
	"strings"
)

// claimedKey returns the access key that a request says it is signed with; empty: it says none. Nothing is verified.
func claimedKey(r *http.Request) string {
	authorization := r.Header.Get("Authorization")
	if rest, ok := strings.CutPrefix(authorization, "AWS4-HMAC-SHA256"); ok {
		_, rest, _ = strings.Cut(rest, "Credential=")
		key, _, _ := strings.Cut(rest, "/")
		return key
	}
	if rest, ok := strings.CutPrefix(authorization, "AWS "); ok {
		key, _, _ := strings.Cut(rest, ":")
		return key
	}
	if r.URL.RawQuery == "" {
		return ""
	}
	if credential := param(r, "X-Amz-Credential"); credential != "" {
		key, _, _ := strings.Cut(credential, "/")
		return key
	}
	return param(r, "AWSAccessKeyId")
}

// claims are the headers by which a proxy tells whom it speaks for. The server believes them, in conditions on addresses,
// in events and in its audit log, and takes the leftmost address, which is what a client may have made up.
const (
	forwardedFor   = "X-Forwarded-For"
	forwardedProto = "X-Forwarded-Proto"
	realIP         = "X-Real-Ip"
)

var claims = []string{forwardedFor, forwardedProto, "X-Forwarded-Scheme", "X-Forwarded-Host", "X-Forwarded-Port", realIP, "Forwarded"}

// proxies are the networks that are believed.
type proxies []netip.Prefix

func (p proxies) have(a netip.Addr) bool {
	for _, network := range p {
		if network.Contains(a.Unmap()) {
			return true
		}
	}
	return false
}

// scrub removes what a client says of itself. What a trusted proxy says is reduced to what can be believed: the address
// that reached the outermost trusted proxy, and the scheme. A connection whose requests a proxy may see otherwise ends.
func (p proxies) scrub(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		client, proto := "", ""
		if len(p) > 0 && p.have(peer(r)) {
			client, proto = p.client(r.Header), r.Header.Get(forwardedProto)
		}
		for _, name := range claims {
			delete(r.Header, name)
		}
		dropAnswers(r.Header)
		if len(r.TransferEncoding) > 0 {
			// A request with a length as well: the next proxy may have gone by that, and the rest be another client's request.
			w.Header().Set("Connection", "close")
		}
		if client != "" {
			r.Header.Set(forwardedFor, client)
		}
		if proto == "http" || proto == "https" {
			r.Header.Set(forwardedProto, proto)
		}
		next.ServeHTTP(w, r)
	})
}

// client is the address that a trusted proxy speaks for: the last one in the list of addresses that is not a trusted proxy
// itself, or the proxy's own word for it. Empty: it says nothing that can be read.
func (p proxies) client(h http.Header) string {
	hops := strings.Split(strings.Join(h.Values(forwardedFor), ","), ",")
	for k := len(hops) - 1; k >= 0; k-- {
		a, err := netip.ParseAddr(strings.TrimSpace(hops[k]))
		if err != nil {
			break
		}
		if k == 0 || !p.have(a) {
			return a.String()
		}
	}
	if a, err := netip.ParseAddr(h.Get(realIP)); err == nil && len(h.Values(forwardedFor)) == 0 {
		return a.String()
	}
	return ""
}

// peer is the address at the other end of the connection; the zero Addr if it cannot be read.
func peer(r *http.Request) netip.Addr {
	a, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return a.Addr().Unmap()
}

// source is the address that a request counts for: that of the client as far as it is known, one for a network of IPv6.
// It is to be asked after scrub.
func source(r *http.Request) netip.Addr {
	a := peer(r)
	if v := r.Header.Get(forwardedFor); v != "" {
		if client, err := netip.ParseAddr(v); err == nil {
			a = client.Unmap()
		}
	}
	if a.Is6() {
		if network, err := a.WithZone("").Prefix(64); err == nil {
			return network.Addr()
		}
	}
	return a
}
