// Package httpauth puts a [middleware.Guard] in front of net/http handlers, in the shape that the adapters of this kit
// share.
//
//	mux := http.NewServeMux()
//	mux.Handle("GET /orders", httpauth.Middleware(guard, middleware.Scopes("orders:read"))(http.HandlerFunc(listOrders)))
//
//	func listOrders(w http.ResponseWriter, r *http.Request) {
//		token, _ := httpauth.Token(r)
//		fmt.Fprintln(w, "hello", token.Subject())
//	}
//
// It is for code that is to look the same whatever the framework, and for routers that take net/http middlewares. The
// Guard's own With, Handler and Routes do all that this package does.
package httpauth

import (
	"net/http"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
)

// Middleware is [middleware.Guard.With]: it lets a request through to the next handler if it carries a good token that
// meets every rule, and answers other requests itself. Nested in itself it applies the rules of all, and the token is
// verified once by the same Guard.
func Middleware(g *middleware.Guard, rules ...middleware.Rule) func(http.Handler) http.Handler {
	return g.With(rules...)
}

// Token returns the verified token of the request. It reports false if there is none: outside of a Guard, in a
// cross-origin preflight, and where the Guard is Optional and the request came without credentials.
func Token(r *http.Request) (*consumer.Token, bool) {
	return middleware.TokenFromContext(r.Context())
}
