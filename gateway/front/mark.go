package front

import (
	"context"
	"net/http"
)

// Origin says on whose behalf the layer below the server is called.
type Origin uint8

// The origins.
const (
	Unknown Origin = iota // nothing was marked: background work of the server, management, or a handler that drops contexts
	Outside               // an S3, form or browser request
	Inside                // the layer's own call, whatever the request it came from
)

type originKey struct{}

// WithOrigin marks a context.
func WithOrigin(ctx context.Context, o Origin) context.Context {
	return context.WithValue(ctx, originKey{}, o)
}

// OriginOf returns the innermost mark.
func OriginOf(ctx context.Context) Origin {
	o, _ := ctx.Value(originKey{}).(Origin)
	return o
}

// marking marks every request but those for management.
func marking(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !adminPath(r) {
			r = r.WithContext(WithOrigin(r.Context(), Outside))
		}
		next.ServeHTTP(w, r)
	})
}
