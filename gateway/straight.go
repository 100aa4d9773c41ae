package gateway

import (
	"net/http"

	"github.com/minio/minio/cmd/logger"

	"juicefs/gateway/front"
)

// pastRouter does for requests that go past the fork's router what the fork's handlers before it do: criticalErrorHandler
// and, for requests without an Origin, corsHandler. That of its HTTP server counts requests for its own shutdown, which
// never comes.
func pastRouter(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			switch p := recover(); p {
			case nil:
			case logger.ErrCritical:
				front.WriteInternalError(w, r)
			default:
				panic(p)
			}
		}()
		w.Header().Add("Vary", "Origin")
		next.ServeHTTP(w, r)
	})
}
