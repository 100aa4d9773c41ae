package front

import "net/http"

// serverName is what replies say that the server is; clients of the server's make look for it.
var serverName = []string{"MinIO"}

// branding names the server in all replies, also in those that the server's own handlers never see.
func branding(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header()["Server"] = serverName
		next.ServeHTTP(w, r)
	})
}

// notAllowed is the reply to a method that S3 does not have.
var notAllowed = Failure{Status: http.StatusMethodNotAllowed, Code: "MethodNotAllowed",
	Message: "The specified method is not allowed against this resource."}

// unrouted answers what no handler is for in the way of S3. The server answers 400 to most of it. It never allows others'
// web pages everything, as the server does for plug-ins that browsers no longer have.
func unrouted(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		kind := kindOf(r)
		if kind != s3 && r.URL.RawQuery != "" && (!wellFormed(r.URL.RawQuery) || answersAny(r)) {
			writeFailure(w, r.URL.Path, *badURI) // or a check could read one user's name and the handler another's
			return
		}
		switch r.Method {
		case http.MethodGet, http.MethodHead, http.MethodPut, http.MethodDelete, http.MethodOptions:
			if r.URL.Path == "/crossdomain.xml" {
				writeFailure(w, r.URL.Path, Failure{Status: http.StatusForbidden, Code: "AccessDenied", Message: "Access Denied."})
				return
			}
			if kind == s3 && r.Method != http.MethodGet && r.URL.Path == "/" {
				w, r = answering(w, r, notAllowed)
			}
		case http.MethodPost:
			if kind == s3 || kind == sts {
				w, r = answering(w, r, *notImplemented)
			}
		default:
			writeFailure(w, r.URL.Path, notAllowed)
			return
		}
		next.ServeHTTP(w, r)
		if p := replyOf(w); p != nil {
			p.finish()
		}
	})
}

// answering returns a writer by which f is the reply to a request that the router finds no handler for.
func answering(w http.ResponseWriter, r *http.Request, f Failure) (*reply, *http.Request) {
	q := Of(r.Context())
	p := &reply{ResponseWriter: w, q: q, path: r.URL.Path}
	p.edit(func(status int, _ http.Header) int {
		if q.next == nil && r.Method != http.MethodOptions && status >= http.StatusBadRequest {
			p.fail(r.URL.Path, f)
		}
		return status
	})
	return p, r
}
