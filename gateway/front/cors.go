package front

import (
	"context"
	"encoding/xml"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Requests of web pages from elsewhere. The server lets every page do everything, with the credentials that a browser
// holds. Here a bucket's own rules decide, and without rules no page may do anything; the file manager comes from the
// gateway itself and needs none. Preflights never reach the server's router, so they are answered before it.

const (
	corsFresh = 2 * time.Second // how long rules are believed: another gateway may have changed them
	corsKept  = 1024            // buckets
)

// corsCache has the rules of buckets that web pages ask for.
type corsCache struct {
	now func() time.Time

	mu      sync.Mutex
	buckets map[string]corsEntry
}

type corsEntry struct {
	rules *corsRules // nil: there are none
	until time.Time
}

func newCORSCache() *corsCache {
	return &corsCache{now: time.Now, buckets: map[string]corsEntry{}}
}

// rules returns the rules of a bucket, nil if it has none.
func (c *corsCache) rules(ctx context.Context, s Store, bucket string) (*corsRules, *Failure) {
	now := c.now()
	c.mu.Lock()
	e, ok := c.buckets[bucket]
	c.mu.Unlock()
	if ok && now.Before(e.until) {
		return e.rules, nil
	}
	text, err := s.Document(ctx, bucket, corsDocument)
	if err != nil {
		c.forget(bucket)
		return nil, failureOf(err)
	}
	e = corsEntry{until: now.Add(corsFresh)}
	if text != nil {
		e.rules, _ = parseCORS(text) // what was written by another hand and cannot be read allows nothing
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.buckets) >= corsKept {
		for b := range c.buckets { // any: what is still wanted comes back with one look
			delete(c.buckets, b)
			break
		}
	}
	c.buckets[bucket] = e
	return e.rules, nil
}

// forget has the rules of a bucket loaded again.
func (c *corsCache) forget(bucket string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.buckets, bucket)
}

// stockCORS are the headers that the server has set already when the inner chain begins.
var stockCORS = []string{"Access-Control-Allow-Origin", "Access-Control-Allow-Credentials", "Access-Control-Expose-Headers",
	"Access-Control-Allow-Methods", "Access-Control-Allow-Headers", "Access-Control-Max-Age"}

// crossOrigin is the member, behind the router, for requests of pages from elsewhere.
func (f *Front) crossOrigin(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header["Origin"] != nil {
			h := w.Header()
			for _, name := range stockCORS {
				h.Del(name)
			}
			if bucket, _ := placeOf(r); bucket != "" && kindOf(r) == s3 && f.o.Store != nil {
				a := corsAskOf(r)
				rules, _ := f.cors.rules(r.Context(), f.o.Store, bucket) // the handler says what is wrong with the bucket
				if rule, pattern := rules.find(&a); rule != nil {
					rule.set(h, &a, pattern)
				}
			}
		}
		next.ServeHTTP(w, r)
	})
}

// The replies to preflights that are turned down.
var (
	corsNotAllowed = &Failure{Status: http.StatusForbidden, Code: "AccessForbidden",
		Message: "CORSResponse: This CORS request is not allowed. This is usually because the evalution of Origin, request method / " +
			"Access-Control-Request-Method or Access-Control-Request-Headers are not whitelisted by the resource's CORS spec."}
	corsNotEnabled = &Failure{Status: http.StatusForbidden, Code: "AccessForbidden", Message: "CORSResponse: CORS is not enabled for this bucket."}
	corsNoOrigin   = &Failure{Status: http.StatusBadRequest, Code: "BadRequest", Message: "Insufficient information. Origin request header needed."}
)

// preflight is the member, before the router, that answers what browsers ask before they send a request.
func (f *Front) preflight(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodOptions {
			next.ServeHTTP(w, r)
			return
		}
		h := w.Header()
		for _, name := range []string{"Origin", "Access-Control-Request-Headers", "Access-Control-Request-Method"} {
			h.Add("Vary", name)
		}
		a := corsAskOf(r)
		if failed := f.answerPreflight(h, r, &a); failed != nil {
			writeFailure(w, r.URL.Path, *failed)
			return
		}
		h.Set("Content-Length", "0")
		w.WriteHeader(http.StatusOK)
	})
}

func (f *Front) answerPreflight(h http.Header, r *http.Request, a *corsAsk) *Failure {
	if a.origin == "" {
		return corsNoOrigin
	}
	switch a.method {
	case http.MethodGet, http.MethodPut, http.MethodPost, http.MethodDelete, http.MethodHead:
	default:
		return &Failure{Status: http.StatusBadRequest, Code: "BadRequest", Message: "Invalid Access-Control-Request-Method: " + a.method}
	}
	bucket := f.bucketOf(r)
	if bucket == "" || kindOf(r) != s3 || f.o.Store == nil {
		return corsNotEnabled
	}
	rules, failed := f.cors.rules(r.Context(), f.o.Store, bucket)
	switch {
	case failed != nil && failed.Status >= http.StatusInternalServerError:
		return failed
	case rules == nil: // nobody without a signature learns whether there is such a bucket
		return corsNotEnabled
	}
	rule, pattern := rules.find(a)
	if rule == nil {
		return corsNotAllowed
	}
	rule.set(h, a, pattern)
	return nil
}

// bucketOf finds the bucket of a request that no router has seen.
func (f *Front) bucketOf(r *http.Request) string {
	host := r.Host
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	for _, domain := range f.o.Domains {
		if bucket, ok := strings.CutSuffix(host, "."+domain); ok && bucket != "" {
			return bucket
		}
	}
	bucket, _ := placeOf(r)
	return bucket
}

// getCORS, putCORS and removeCORS are the setting.
func getCORS(f *Front, r *http.Request, bucket string) (string, *Failure) {
	text, err := f.o.Store.Document(r.Context(), bucket, corsDocument)
	if err != nil {
		return "", failureOf(err)
	}
	if text == nil {
		return "", notThere("NoSuchCORSConfiguration", "The CORS configuration does not exist")
	}
	return string(text), nil
}

func putCORS(f *Front, r *http.Request, bucket string) *Failure {
	b, failed := readBody(r)
	if failed != nil {
		return failed
	}
	rules, failed := parseCORS(b)
	if failed != nil {
		return failed
	}
	rules.XMLName = xml.Name{Space: namespace, Local: "CORSConfiguration"}
	text, err := xml.Marshal(rules)
	if err != nil {
		return internalError
	}
	return f.setCORS(r, bucket, text)
}

func removeCORS(f *Front, r *http.Request, bucket string) *Failure { return f.setCORS(r, bucket, nil) }

func (f *Front) setCORS(r *http.Request, bucket string, text []byte) *Failure {
	defer f.cors.forget(bucket) // also when it failed: it may have happened
	return failureOf(f.o.Store.SetDocument(r.Context(), bucket, corsDocument, text))
}
