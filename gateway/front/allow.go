package front

import (
	"net/http"
	"strings"
)

// allowing turns down requests for what is not there, before a handler takes them for something else: an unknown
// sub-resource of an object would be a plain PUT or GET of it.
func allowing(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch kindOf(r) {
		case s3:
			if f := allowed(r); f != nil {
				replyOf(w).fail(r.URL.Path, *f)
				return
			}
		case browser: // nothing in it is signed
			for name := range r.Header {
				if isReplica(name) {
					delete(r.Header, name)
				}
			}
		}
		next.ServeHTTP(w, r)
	})
}

func allowed(r *http.Request) *Failure {
	at := placeAt(r.Method, levelOf(r))
	if f := checkPresigned(r); f != nil {
		return f
	}
	if at == 0 {
		return nil // the server's router has no route for it
	}
	if f := checkQuery(r, at); f != nil {
		return f
	}
	return checkHeaders(r, at)
}

// checkPresigned turns down headers that ask for something and that the one who made a presigned URL did not sign: the
// holder of the URL would act in the signer's name. Signatures of version 2 cover all such headers. The hash of the body is
// part of what is signed, wherever it stands.
func checkPresigned(r *http.Request) *Failure {
	if r.URL.RawQuery == "" || SignatureOf(r) != QueryV4 {
		return nil
	}
	signed := ";" + strings.ToLower(param(r, "X-Amz-SignedHeaders")) + ";"
	for name := range r.Header {
		if strings.HasPrefix(name, amzPrefix) && name != contentHash && !strings.Contains(signed, ";"+strings.ToLower(name)+";") {
			return &Failure{Status: http.StatusForbidden, Code: "AccessDenied", Message: "There were headers present in the request which were not signed"}
		}
	}
	return nil
}

// adjusting takes out of requests what the server would turn down and AWS does not mind. It runs after bodies that are
// signed chunk by chunk have been decoded.
func (f *Front) adjusting(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if kindOf(r) == s3 {
			if fail := f.adjust(r); fail != nil {
				replyOf(w).fail(r.URL.Path, *fail)
				return
			}
			refuseEmptySpan(replyOf(w), r)
		}
		next.ServeHTTP(w, r)
	})
}

func (f *Front) adjust(r *http.Request) *Failure {
	class, span := false, false
	switch r.Header.Get("X-Amz-Storage-Class") {
	case "", "STANDARD", "REDUCED_REDUNDANCY":
	default:
		class = true
	}
	if v := r.Header.Get("Range"); v != "" {
		span = backwards(v)
	}
	if !class && !span || f.o.Server == nil {
		return nil
	}
	return f.rewrite(r, func() {
		if class {
			r.Header.Del("X-Amz-Storage-Class")
		}
		if span {
			r.Header.Del("Range")
		}
	})
}

// refuseEmptySpan turns down the last bytes of an object that has none.
func refuseEmptySpan(p *reply, r *http.Request) {
	if !strings.HasPrefix(r.Header.Get("Range"), "bytes=-") {
		return
	}
	p.edit(func(status int, h http.Header) int {
		if status == http.StatusPartialContent && h.Get("Content-Length") == "0" {
			for _, name := range []string{"Content-Range", "ETag", "Last-Modified"} {
				h.Del(name)
			}
			p.fail(r.URL.Path, Failure{Status: http.StatusRequestedRangeNotSatisfiable, Code: "InvalidRange", Message: "The requested range is not satisfiable"})
		}
		return status
	})
}

// backwards reports whether a range ends before it begins. Such a header is not valid and hence ignored.
func backwards(header string) bool {
	span, ok := strings.CutPrefix(header, "bytes=")
	first, last, dash := strings.Cut(span, "-")
	if !ok || !dash || first == "" || last == "" || strings.Trim(first+last, "0123456789") != "" {
		return false
	}
	first, last = strings.TrimLeft(first, "0"), strings.TrimLeft(last, "0")
	if len(first) != len(last) {
		return len(first) > len(last)
	}
	return first > last
}
