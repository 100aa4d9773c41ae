package front

import (
	"net/http"
	"strings"
)

// continuing gives leave to send a body that is empty. The server of the standard library gives it when a body is read for
// the first time, so never for one without bytes, and some clients wait for it.
func continuing(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength == 0 && r.ProtoMajor == 1 && r.ProtoMinor > 0 && strings.EqualFold(r.Header.Get("Expect"), "100-continue") {
			w.WriteHeader(http.StatusContinue)
		}
		next.ServeHTTP(w, r)
	})
}
