package front

import (
	"encoding/xml"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// corsDocument is the name of a bucket's rules in the Store, in XML as S3 has it.
const corsDocument = "cors.xml"

const (
	maxCORSRules = 100
	maxCORSID    = 255
)

// corsRules are a bucket's rules, in order.
type corsRules struct {
	XMLName xml.Name   `xml:"CORSConfiguration"`
	Rules   []corsRule `xml:"CORSRule"`
	Others  []anyNode  `xml:",any"`
}

// corsRule says what web pages of an origin may do.
type corsRule struct {
	ID      string    `xml:"ID,omitempty"`
	Origins []string  `xml:"AllowedOrigin"`
	Methods []string  `xml:"AllowedMethod"`
	Headers []string  `xml:"AllowedHeader"`
	Exposed []string  `xml:"ExposeHeader"`
	MaxAge  *uint32   `xml:"MaxAgeSeconds,omitempty"`
	Others  []anyNode `xml:",any"`
}

// anyNode is an element that should not be there.
type anyNode struct{ XMLName xml.Name }

// parseCORS reads and checks rules.
func parseCORS(document []byte) (*corsRules, *Failure) {
	var c corsRules
	if failed := decode(document, "CORSConfiguration", &c); failed != nil {
		return nil, failed
	}
	switch {
	case len(c.Rules) == 0 || len(c.Others) > 0:
		return nil, malformed
	case len(c.Rules) > maxCORSRules:
		return nil, invalidRequest("The number of CORS rules should not exceed allowed limit of 100 rules.")
	}
	for k := range c.Rules {
		if failed := c.Rules[k].check(); failed != nil {
			return nil, failed
		}
	}
	return &c, nil
}

func (r *corsRule) check() *Failure {
	if len(r.Origins) == 0 || len(r.Methods) == 0 || len(r.Others) > 0 || len(r.ID) > maxCORSID {
		return malformed
	}
	for _, m := range r.Methods {
		switch m {
		case http.MethodGet, http.MethodPut, http.MethodPost, http.MethodDelete, http.MethodHead:
		default:
			return invalidRequest("Found unsupported HTTP method in CORS config. Unsupported method is " + m)
		}
	}
	for _, o := range r.Origins {
		if strings.Count(o, "*") > 1 {
			return invalidRequest(fmt.Sprintf("AllowedOrigin %q can not have more than one wildcard.", o))
		}
	}
	for _, h := range r.Headers {
		if strings.Count(h, "*") > 1 {
			return invalidRequest(fmt.Sprintf("AllowedHeader %q can not have more than one wildcard.", h))
		}
	}
	for _, h := range r.Exposed {
		switch {
		case strings.Contains(h, "*"):
			return invalidRequest(fmt.Sprintf("ExposeHeader %q contains wildcard. We currently do not support wildcard for ExposeHeader.", h))
		case !isToken(h):
			return invalidRequest(fmt.Sprintf("ExposeHeader %q contains invalid character.", h))
		}
	}
	return nil
}

// isToken reports whether a string can be the name of a header.
func isToken(s string) bool {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7f || strings.IndexByte(`"(),/:;<=>?@[\]{}`, c) >= 0 {
			return false
		}
	}
	return s != ""
}

// matchesOne reports whether a pattern with at most one wildcard matches.
func matchesOne(pattern, s string) bool {
	before, after, wild := strings.Cut(pattern, "*")
	if !wild {
		return pattern == s
	}
	return len(s) >= len(before)+len(after) && strings.HasPrefix(s, before) && strings.HasSuffix(s, after)
}

// corsAsk is what a browser asks, or does.
type corsAsk struct {
	origin, method string
	headers        []string // in lower case
}

// corsAskOf reads a request: of a preflight what it announces.
func corsAskOf(r *http.Request) corsAsk {
	a := corsAsk{origin: r.Header.Get("Origin"), method: r.Method}
	if r.Method != http.MethodOptions {
		return a
	}
	a.method = r.Header.Get("Access-Control-Request-Method")
	for _, line := range r.Header.Values("Access-Control-Request-Headers") {
		for h := range strings.SplitSeq(line, ",") {
			if h = strings.ToLower(strings.TrimSpace(h)); h != "" {
				a.headers = append(a.headers, h)
			}
		}
	}
	return a
}

// find returns the first rule that allows what is asked, and the pattern that its origin matched; nil if none does.
func (c *corsRules) find(a *corsAsk) (*corsRule, string) {
	if c == nil {
		return nil, ""
	}
	for k := range c.Rules {
		r := &c.Rules[k]
		at := slices.IndexFunc(r.Origins, func(p string) bool { return matchesOne(p, a.origin) })
		if at >= 0 && slices.Contains(r.Methods, a.method) && r.allows(a.headers) {
			return r, r.Origins[at]
		}
	}
	return nil, ""
}

func (r *corsRule) allows(headers []string) bool {
	for _, h := range headers {
		if !isToken(h) || !slices.ContainsFunc(r.Headers, func(p string) bool { return matchesOne(strings.ToLower(p), h) }) {
			return false
		}
	}
	return true
}

// set adds the headers of a rule that was found.
func (r *corsRule) set(h http.Header, a *corsAsk, pattern string) {
	if pattern == "*" {
		h.Set("Access-Control-Allow-Origin", "*")
	} else {
		h.Set("Access-Control-Allow-Origin", a.origin)
		h.Set("Access-Control-Allow-Credentials", "true")
	}
	h.Set("Access-Control-Allow-Methods", strings.Join(r.Methods, ", "))
	if len(a.headers) > 0 {
		h.Set("Access-Control-Allow-Headers", strings.Join(a.headers, ", "))
	}
	if len(r.Exposed) > 0 {
		h.Set("Access-Control-Expose-Headers", strings.Join(r.Exposed, ", "))
	}
	if r.MaxAge != nil {
		h.Set("Access-Control-Max-Age", fmt.Sprint(*r.MaxAge))
	}
}
